// The sums over a part of a map that a soft argmax is made of, and the gradients of its pixels.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>

#include "core/simd.h"
#include "cpu/exp.h"
#include "ops/soft_argmax.h"

namespace lowerpose::cpu {

// Pixels of a patch. A map of 64 x 48 is one; in double it still fits into the first-level cache.
constexpr std::int64_t kPatch = 4096;
// Lanes add up in C over so many pixels, or over a row, before they go on in double.
constexpr std::int64_t kStrip = 512;

// Part of a map, of at most kPatch pixels: rows, `pitch` elements apart, of contiguous pixels.
template <class C>
struct Patch {
  C* pixels;
  std::int64_t pitch, rows, columns;
  double top, left;
};

// What is known of a map's pixels so far: the largest signed value, and the sums of e, of e *
// column and of e * row, where e = exp(|beta| * (value - largest)).
template <class C>
struct Sums {
  C largest = -std::numeric_limits<C>::infinity();
  double total = 0, x = 0, y = 0;
};

// Internal linkage, a copy for each file that includes this: SIMD clones need it.
namespace {

template <class C>
LOWERPOSE_INLINE void number_lanes(typename Vec<C>::type& lanes) {
  for (int lane = 0; lane < Vec<C>::kLanes; ++lane) lanes[lane] = static_cast<C>(lane);
}

// What whole vectors leave of a row is in one more: the vector that ends with the row and so begins
// among pixels that were there already. A row shorter than a vector is filled up with its first
// pixel.
template <class C>
struct RowEnd {
  std::int64_t first;                         // column of lane 0
  int count;                                  // lanes of the row's own
  typename Vec<C>::Bit live[Vec<C>::kLanes];  // all bits in lanes that were not there yet

  LOWERPOSE_INLINE explicit RowEnd(std::int64_t columns) {
    constexpr int kLanes = Vec<C>::kLanes;
    const int rest = static_cast<int>(columns % kLanes);
    const bool is_short = columns < kLanes;
    first = is_short ? 0 : columns - kLanes;
    count = is_short ? rest : kLanes;
    for (int lane = 0; lane < kLanes; ++lane) {
      live[lane] = lane < count && lane >= count - rest ? -1 : 0;
    }
  }

  LOWERPOSE_INLINE void load_from(const C* row, typename Vec<C>::type& values) const {
    if (count == Vec<C>::kLanes) {
      load(values, row + first);
    } else {
      C filled[Vec<C>::kLanes];
      for (int lane = 0; lane < Vec<C>::kLanes; ++lane) filled[lane] = row[lane < count ? lane : 0];
      load(values, filled);
    }
  }

  LOWERPOSE_INLINE void store_to(const typename Vec<C>::type& values, C* row) const {
    if (count == Vec<C>::kLanes) {
      store<C>(values, row + first);  // again where they were already: the same values
    } else {
      for (int lane = 0; lane < count; ++lane) row[lane] = values[lane];
    }
  }

  // 0 in the lanes that were there already.
  LOWERPOSE_INLINE void keep_live(typename Vec<C>::type& values) const {
    typename Vec<C>::bits bits, mask;
    std::memcpy(&bits, &values, sizeof(bits));
    std::memcpy(&mask, live, sizeof(mask));
    bits &= mask;
    std::memcpy(&values, &bits, sizeof(values));
  }
};

template <class C>
LOWERPOSE_INLINE double lane_sum(const typename Vec<C>::type& vec) {
  double sum = 0;
  for (int lane = 0; lane < Vec<C>::kLanes; ++lane) sum += static_cast<double>(vec[lane]);
  return sum;
}

// e = exp(|beta| * (sign * pixel - largest)), as exp(scale * (pixel - base)) with the same bits.
template <class C>
struct Exponentials {
  C base, scale;

  // `largest` is that of signed values.
  LOWERPOSE_INLINE Exponentials(const Sharpness<C>& sharpness, C largest)
      : base(sharpness.sign * largest), scale(sharpness.sign * sharpness.size) {}

  LOWERPOSE_INLINE void operator()(typename Vec<C>::type& e,
                                   const typename Vec<C>::type& pixels) const {
    e = (pixels - base) * scale;
    if constexpr (std::is_same_v<C, float>) {
      exp_nonpositive(e);
    } else {
      const typename Vec<C>::type exponents = e;
      exp_nonpositive<double>(e);
      e = exponents == exponents ? e : exponents;  // NaN stays NaN
    }
  }
};

template <class C>
LOWERPOSE_INLINE C largest_of(const Patch<const C>& patch, C sign, const RowEnd<C>& end) {
  using V = typename Vec<C>::type;
  constexpr std::int64_t kLanes = Vec<C>::kLanes;
  V largest = {}, values;
  largest -= std::numeric_limits<C>::infinity();
  const std::int64_t whole = patch.columns / kLanes * kLanes;
  for (std::int64_t row = 0; row < patch.rows; ++row) {
    const C* const pixels = patch.pixels + row * patch.pitch;
    for (std::int64_t x = 0; x < whole; x += kLanes) {
      load(values, pixels + x);
      values *= sign;
      largest = values > largest ? values : largest;
    }
  }
  for (std::int64_t row = 0; whole < patch.columns && row < patch.rows; ++row) {
    end.load_from(patch.pixels + row * patch.pitch, values);
    values *= sign;
    largest = values > largest ? values : largest;
  }
  C result = largest[0];
  for (int lane = 1; lane < kLanes; ++lane) {
    result = largest[lane] > result ? largest[lane] : result;
  }
  return result;
}

// Adds a patch to the sums of what came before it. If it has a larger value, those are made to
// relate to that one. Lanes add up in C over a strip of the patch, the rest in double.
template <class C>
LOWERPOSE_SIMD void extend(Sums<C>& sums, const Patch<const C>& patch,
                           const Sharpness<C>& sharpness) {
  using V = typename Vec<C>::type;
  constexpr std::int64_t kLanes = Vec<C>::kLanes;
  const RowEnd<C> end(patch.columns);
  const C largest = largest_of(patch, sharpness.sign, end);
  if (largest > sums.largest) {
    if (sums.total != 0) {
      const double by =
          std::exp(static_cast<double>(sharpness.size) *
                   (static_cast<double>(sums.largest) - static_cast<double>(largest)));
      sums.total *= by;
      sums.x *= by;
      sums.y *= by;
    }
    sums.largest = largest;
  }
  const Exponentials<C> exponentials(sharpness, softmax_base(sums.largest));
  V lanes, values, e;
  number_lanes<C>(lanes);
  const V end_column = lanes + static_cast<C>(end.first);
  Vec<double>::type totals = {}, sums_x = {}, sums_y = {};
  const std::int64_t whole = patch.columns / kLanes * kLanes;
  const std::int64_t strip = std::max<std::int64_t>(1, kStrip / patch.columns);
  for (std::int64_t top = 0; top < patch.rows; top += strip) {
    const std::int64_t rows = std::min(strip, patch.rows - top);
    const C* const pixels = patch.pixels + top * patch.pitch;
    // Sums so far, added up from the end, are sums of products with the index.
    V total = {}, steps = {}, y = {};
    for (std::int64_t row = rows - 1; row >= 0; --row) {
      V row_total = {};
      for (std::int64_t first = whole - kLanes; first >= 0; first -= kLanes) {
        load(values, pixels + row * patch.pitch + first);
        exponentials(e, values);
        steps += row_total;
        row_total += e;
      }
      y += total;
      total += row_total;
    }
    V x = total * lanes + steps * static_cast<C>(kLanes);
    if (whole < patch.columns) {
      V ends = {};
      for (std::int64_t row = rows - 1; row >= 0; --row) {
        end.load_from(pixels + row * patch.pitch, values);
        exponentials(e, values);
        end.keep_live(e);
        y += ends;
        ends += e;
      }
      total += ends;
      x += ends * end_column;
    }
    Vec<double>::type strip_total = {};
    add_lanes<C>(strip_total, total);
    totals += strip_total;
    sums_y += strip_total * static_cast<double>(top);
    add_lanes<C>(sums_y, y);
    add_lanes<C>(sums_x, x);
  }
  const double added = lane_sum<double>(totals);
  sums.total += added;
  sums.x += lane_sum<double>(sums_x) + added * patch.left;
  sums.y += lane_sum<double>(sums_y) + added * patch.top;
}

// From the exponentials of pixels and their columns, seen from x: the gradient.
template <class C>
LOWERPOSE_INLINE void gradient_of(typename Vec<C>::type& gradient, const typename Vec<C>::type& e,
                                  const typename Vec<C>::type& pull, C factor) {
  using V = typename Vec<C>::type;
  gradient = e * factor * pull;
  typename Vec<C>::bits magnitude;
  std::memcpy(&magnitude, &gradient, sizeof(magnitude));
  magnitude &= Vec<C>::kMagnitudeBits;
  V size;
  std::memcpy(&size, &magnitude, sizeof(size));
  gradient = size < std::numeric_limits<C>::min() ? V{} : gradient;
}

// The gradient of a patch's pixels, if `gradient` is not null, in rows `pitch` elements apart; and
// with kBeta the sum of e * difference * pull, of which the gradient for beta is made.
template <bool kBeta, class C>
LOWERPOSE_SIMD double differentiate(const Patch<const C>& patch, const SoftArgmaxSlope<C>& slope,
                                    C* gradient, std::int64_t pitch) {
  using V = typename Vec<C>::type;
  constexpr std::int64_t kLanes = Vec<C>::kLanes;
  const Exponentials<C> exponentials(slope.sharpness, slope.base);
  const C sign = slope.sharpness.sign;
  const C left = static_cast<C>(patch.left) - slope.near_x;
  const C top = static_cast<C>(patch.top) - slope.near_y;
  const RowEnd<C> end(patch.columns);
  V lanes, values, e, pull_x, result;
  const V zero = {};
  number_lanes<C>(lanes);
  const std::int64_t whole = patch.columns / kLanes * kLanes;
  C pulls[kPatch];
  for (std::int64_t x = 0; x < whole; x += kLanes) {
    pull_x = ((lanes + (left + static_cast<C>(x))) - slope.rest_x) * slope.to_x;
    store<C>(pull_x, pulls + x);
  }
  Vec<double>::type sums = {};
  for (std::int64_t row = 0; row < patch.rows; ++row) {
    const C* const pixels = patch.pixels + row * patch.pitch;
    const C pull_y = slope.to_y * ((top + static_cast<C>(row)) - slope.rest_y);
    V sum = {};
    for (std::int64_t x = 0; x < whole; x += kLanes) {
      load(values, pixels + x);
      load(pull_x, pulls + x);
      exponentials(e, values);
      const V pull = pull_x + pull_y;
      if constexpr (kBeta) {  // 0 times -infinity is none
        sum += (e == zero ? zero : e * (values * sign - slope.base)) * pull;
      }
      if (gradient != nullptr) {
        gradient_of<C>(result, e, pull, slope.factor);
        store<C>(result, gradient + row * pitch + x);
      }
    }
    if constexpr (kBeta) add_lanes<C>(sums, sum);
  }
  pull_x = ((lanes + (left + static_cast<C>(end.first))) - slope.rest_x) * slope.to_x;
  for (std::int64_t row = 0; whole < patch.columns && row < patch.rows; ++row) {
    const C pull_y = slope.to_y * ((top + static_cast<C>(row)) - slope.rest_y);
    end.load_from(patch.pixels + row * patch.pitch, values);
    exponentials(e, values);
    const V pull = pull_x + pull_y;
    if constexpr (kBeta) {
      V part = (e == zero ? zero : e * (values * sign - slope.base)) * pull;
      end.keep_live(part);
      add_lanes<C>(sums, part);
    }
    if (gradient != nullptr) {
      gradient_of<C>(result, e, pull, slope.factor);
      end.store_to(result, gradient + row * pitch);
    }
  }
  return lane_sum<double>(sums);
}

}  // namespace
}  // namespace lowerpose::cpu
