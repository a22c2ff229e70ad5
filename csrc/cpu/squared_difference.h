// The squared difference of two tiles, and its gradient on the way.
#pragma once

#include <cstdint>
#include <cstring>
#include <type_traits>

#include "core/simd.h"
#include "cpu/tiles.h"

namespace lowerpose::cpu {

// Internal linkage, a copy for each file that includes this: SIMD clones need it.
namespace {

// The sum over a map, in lanes until it is complete: they are added up once.
struct SquareSum {
  double lanes[Vec<double>::kLanes] = {};

  double total() const {
    double sum = 0;
    for (const double lane : lanes) sum += lane;
    return sum;
  }
};

// sums += the lanes of `values`, two to one of them where there are twice as many.
template <class C>
LOWERPOSE_INLINE void add_lanes(Vec<double>::type& sums, const typename Vec<C>::type& values) {
  if constexpr (std::is_same_v<C, double>) {
    sums += values;
  } else {
    typedef float Half __attribute__((vector_size(32)));
    Half halves[2];
    std::memcpy(halves, &values, sizeof(halves));
    for (const Half& half : halves) sums += __builtin_convertvector(half, Vec<double>::type);
  }
}

// Adds (a[i] - b[i])^2 over a tile to `sum`; with a gradient, gradient[i] = factor * (a[i] - b[i])
// on the way. Four vectors at a time, whose sums do not wait for each other. They add up in C over
// the tile, then in double, and always in the same order.
template <bool kGradient, class C>
LOWERPOSE_SIMD void squared_difference(const C* a, const C* b, std::int64_t count, C* gradient,
                                       C factor, SquareSum& sum) {
  using V = typename Vec<C>::type;
  constexpr std::int64_t kLanes = Vec<C>::kLanes;
  constexpr int kAtOnce = 4;
  V sums[kAtOnce] = {};
  const auto add = [&](std::int64_t i, V& to) {
    V x, y;
    load(x, a + i);
    load(y, b + i);
    const V difference = x - y;
    to += difference * difference;
    if constexpr (kGradient) store<C>(factor * difference, gradient + i);
  };
  std::int64_t i = 0;
  for (; i + kAtOnce * kLanes <= count; i += kAtOnce * kLanes) {
    for (int vector = 0; vector < kAtOnce; ++vector) add(i + vector * kLanes, sums[vector]);
  }
  for (; i + kLanes <= count; i += kLanes) add(i, sums[0]);
  Vec<double>::type totals;
  load(totals, sum.lanes);
  for (const V& values : sums) add_lanes<C>(totals, values);
  store<double>(totals, sum.lanes);
  for (; i < count; ++i) {
    const C difference = a[i] - b[i], square = difference * difference;
    sum.lanes[0] += static_cast<double>(square);
    if constexpr (kGradient) gradient[i] = factor * difference;
  }
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
