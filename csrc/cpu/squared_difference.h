// The squared difference of two tiles, and its gradient on the way.
#pragma once

#include <cstdint>
#include <type_traits>

#include "core/simd.h"
#include "cpu/tiles.h"

namespace lowerpose::cpu {

// Internal linkage, a copy for each file that includes this: SIMD clones need it.
namespace {

// The sum of (a[i] - b[i])^2 over a tile; with a gradient, gradient[i] = factor * (a[i] - b[i]) on
// the way. Lanes add up in C over the tile, the lanes in double, and always in the same order.
template <bool kGradient, class C>
LOWERPOSE_SIMD double squared_difference(const C* a, const C* b, std::int64_t count, C* gradient,
                                         C factor) {
  using V = typename Vec<C>::type;
  constexpr std::int64_t kLanes = Vec<C>::kLanes;
  V sum = {};
  std::int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    V x, y;
    load(x, a + i);
    load(y, b + i);
    const V difference = x - y;
    sum += difference * difference;
    if constexpr (kGradient) store<C>(factor * difference, gradient + i);
  }
  double total = 0;
  for (int lane = 0; lane < kLanes; ++lane) total += static_cast<double>(sum[lane]);
  for (; i < count; ++i) {
    const C difference = a[i] - b[i], square = difference * difference;
    total += static_cast<double>(square);
    if constexpr (kGradient) gradient[i] = factor * difference;
  }
  return total;
}

// Calls `work(to)` with where to write a tile of C, then brings it to the map if that is elsewhere.
template <class C, class T, class Work>
void write_tile(C* buffer, T* to, std::int64_t stride, std::int64_t count, Work&& work) {
  if constexpr (std::is_same_v<C, T>) {
    if (stride == 1) {
      work(to);
      return;
    }
  }
  work(buffer);
  scatter(to, stride, buffer, count);
}

}  // namespace
}  // namespace lowerpose::cpu
