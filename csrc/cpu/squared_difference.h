// The squared difference of two tiles, and its gradient on the way.
#pragma once

#include <cstdint>
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

// A vector of a - b from element i on; with a gradient, that times the factor is written.
template <bool kGradient, class C>
LOWERPOSE_INLINE void difference_at(std::int64_t i, const C* a, const C* b, C* gradient, C factor,
                                    typename Vec<C>::type& difference) {
  typename Vec<C>::type other;
  load(difference, a + i);
  load(other, b + i);
  difference -= other;
  if constexpr (kGradient) {  // reading alone is as fast without
    prefetch<false>(a + i);
    prefetch<false>(b + i);
    prefetch<true>(gradient + i);
    store<C>(factor * difference, gradient + i);
  }
}

// Adds (a[i] - b[i])^2 over a tile to `sum`; with a gradient, gradient[i] = factor * (a[i] - b[i])
// on the way. Two vectors at a time, whose sums do not wait for each other. They add up in C over
// the tile, then in double, and always in the same order.
template <bool kGradient, class C>
LOWERPOSE_SIMD void squared_difference(const C* a, const C* b, std::int64_t count, C* gradient,
                                       C factor, SquareSum& sum) {
  using V = typename Vec<C>::type;
  constexpr std::int64_t kLanes = Vec<C>::kLanes;
  V even = {}, odd = {}, difference;
  std::int64_t i = 0;
  for (; i + 2 * kLanes <= count; i += 2 * kLanes) {
    difference_at<kGradient>(i, a, b, gradient, factor, difference);
    even += difference * difference;
    difference_at<kGradient>(i + kLanes, a, b, gradient, factor, difference);
    odd += difference * difference;
  }
  for (; i + kLanes <= count; i += kLanes) {
    difference_at<kGradient>(i, a, b, gradient, factor, difference);
    even += difference * difference;
  }
  Vec<double>::type totals;
  load(totals, sum.lanes);
  add_lanes<C>(totals, even);
  add_lanes<C>(totals, odd);
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
