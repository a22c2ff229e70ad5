#include "ops/soft_argmax.h"

#include <cmath>
#include <limits>

#include "core/dispatch.h"
#include "core/parallel.h"
#include "cpu/exp.h"
#include "cpu/tiles.h"

namespace lowerpose::cpu {
namespace {

// Part of a map, of at most kTile pixels: rows, `pitch` elements apart, of contiguous pixels.
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

template <class C>
LOWERPOSE_INLINE void number_lanes(typename Vec<C>::type& lanes) {
  for (int lane = 0; lane < Vec<C>::kLanes; ++lane) lanes[lane] = static_cast<C>(lane);
}

// Signed values of `count` pixels, or of as many as there are lanes; -infinity in the other lanes.
template <class C>
LOWERPOSE_INLINE void load_signed(typename Vec<C>::type& values, const C* from, std::int64_t count,
                                  const typename Vec<C>::type& lanes, C sign) {
  if (count >= Vec<C>::kLanes) {
    load(values, from);
    values *= sign;
  } else {
    C part[Vec<C>::kLanes] = {};
    for (std::int64_t lane = 0; lane < count; ++lane) part[lane] = from[lane];
    load(values, part);
    const typename Vec<C>::type nothing = {};
    values = lanes < static_cast<C>(count) ? values * sign
                                           : nothing - std::numeric_limits<C>::infinity();
  }
}

template <class C>
LOWERPOSE_INLINE void store_part(const typename Vec<C>::type& vec, C* to, std::int64_t count) {
  if (count >= Vec<C>::kLanes) {
    store<C>(vec, to);
  } else {
    for (std::int64_t lane = 0; lane < count; ++lane) to[lane] = vec[lane];
  }
}

template <class C>
LOWERPOSE_INLINE double lane_sum(const typename Vec<C>::type& vec) {
  double sum = 0;
  for (int lane = 0; lane < Vec<C>::kLanes; ++lane) sum += static_cast<double>(vec[lane]);
  return sum;
}

// e = exp(difference * size), where the differences from the largest value are 0 at most, in as
// many lanes as there are pixels, and 0 in the others.
template <class C>
LOWERPOSE_INLINE void exponentials(typename Vec<C>::type& e,
                                   const typename Vec<C>::type& difference, C size,
                                   const typename Vec<C>::type& lanes, std::int64_t count) {
  const typename Vec<C>::type exponents = difference * size, zero = {};
  e = exponents;
  if constexpr (std::is_same_v<C, double>) {
    exp_nonpositive<double>(e);
  } else {
    exp_nonpositive(e);
  }
  e = exponents == exponents ? e : exponents;  // NaN stays NaN
  e = lanes < static_cast<C>(count) ? e : zero;
}

template <class C>
LOWERPOSE_INLINE C largest_of(const Patch<const C>& patch, C sign) {
  using V = typename Vec<C>::type;
  V lanes, largest = {};
  number_lanes<C>(lanes);
  largest -= std::numeric_limits<C>::infinity();
  for (std::int64_t row = 0; row < patch.rows; ++row) {
    const C* const pixels = patch.pixels + row * patch.pitch;
    for (std::int64_t x = 0; x < patch.columns; x += Vec<C>::kLanes) {
      V values;
      load_signed(values, pixels + x, patch.columns - x, lanes, sign);
      largest = values > largest ? values : largest;
    }
  }
  C result = largest[0];
  for (int lane = 1; lane < Vec<C>::kLanes; ++lane) {
    result = largest[lane] > result ? largest[lane] : result;
  }
  return result;
}

// Adds a patch to the sums of what came before it. If it has a larger value, those are made to
// relate to that one. Lanes add up in C over the patch, the rest in double.
template <class C>
LOWERPOSE_SIMD void extend(Sums<C>& sums, const Patch<const C>& patch,
                           const Sharpness<C>& sharpness) {
  using V = typename Vec<C>::type;
  const C largest = largest_of(patch, sharpness.sign);
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
  const C base = softmax_base(sums.largest);
  V lanes, total = {}, sum_x = {}, sum_y = {};
  number_lanes<C>(lanes);
  for (std::int64_t row = 0; row < patch.rows; ++row) {
    const C* const pixels = patch.pixels + row * patch.pitch;
    V row_total = {};
    for (std::int64_t x = 0; x < patch.columns; x += Vec<C>::kLanes) {
      V values, e;
      load_signed(values, pixels + x, patch.columns - x, lanes, sharpness.sign);
      exponentials(e, values - base, sharpness.size, lanes, patch.columns - x);
      row_total += e;
      sum_x += e * (lanes + static_cast<C>(x));
    }
    total += row_total;
    sum_y += row_total * static_cast<C>(row);
  }
  const double added = lane_sum<C>(total);
  sums.total += added;
  sums.x += lane_sum<C>(sum_x) + added * patch.left;
  sums.y += lane_sum<C>(sum_y) + added * patch.top;
}

// The gradient of a patch's pixels, if `gradient` is not null, in rows `pitch` elements apart; and
// the sum of e * difference * pull, of which the gradient for beta is made.
template <class C>
LOWERPOSE_SIMD double differentiate(const Patch<const C>& patch, const SoftArgmaxSlope<C>& slope,
                                    C* gradient, std::int64_t pitch) {
  using V = typename Vec<C>::type;
  constexpr C kSmallest = std::numeric_limits<C>::min();
  const V zero = {};
  V lanes, sum = {};
  number_lanes<C>(lanes);
  const C left = static_cast<C>(patch.left) - slope.near_x;
  const C top = static_cast<C>(patch.top) - slope.near_y;
  for (std::int64_t row = 0; row < patch.rows; ++row) {
    const C* const pixels = patch.pixels + row * patch.pitch;
    const C pull_y = slope.to_y * ((top + static_cast<C>(row)) - slope.rest_y);
    for (std::int64_t x = 0; x < patch.columns; x += Vec<C>::kLanes) {
      const std::int64_t count = patch.columns - x;
      V values, e;
      load_signed(values, pixels + x, count, lanes, slope.sharpness.sign);
      const V difference = values - slope.base;
      exponentials(e, difference, slope.sharpness.size, lanes, count);
      const V pull = ((lanes + (left + static_cast<C>(x))) - slope.rest_x) * slope.to_x + pull_y;
      const V part = e * difference;
      sum += (e == zero ? zero : part) * pull;  // 0 times -infinity is none
      if (gradient != nullptr) {
        const V value = e * slope.factor * pull;
        const V size = value < zero ? zero - value : value;
        store_part<C>(size < kSmallest ? zero : value, gradient + row * pitch + x, count);
      }
    }
  }
  return lane_sum<C>(sum);
}

// A patch of a map: in place where the pixels lie one behind the other, as C, else in the buffer.
template <class C, class T>
Patch<const C> read_patch(C* buffer, const MapView<const T>& map, std::int64_t top,
                          std::int64_t left, std::int64_t rows, std::int64_t columns) {
  Patch<const C> patch = {
      buffer, columns, rows, columns, static_cast<double>(top), static_cast<double>(left)};
  if constexpr (std::is_same_v<C, T>) {
    if (map.pixel_stride == 1) {
      patch.pixels = map.at(top, left);
      patch.pitch = map.row_stride;
      return patch;
    }
  }
  const Runs shape = runs(rows, columns, map);
  for (std::int64_t run = 0; run < shape.count; ++run) {
    gather(buffer + run * shape.length, map.at(top + run, left), map.pixel_stride, shape.length);
  }
  return patch;
}

// Calls `work(top, left, rows, columns)` for parts of at most kTile pixels, in order.
template <class Work>
void for_each_patch(std::int64_t height, std::int64_t width, Work&& work) {
  const std::int64_t columns = std::min(width, kTile), rows = kTile / columns;
  for (std::int64_t top = 0; top < height; top += rows) {
    for (std::int64_t left = 0; left < width; left += columns) {
      work(top, left, std::min(rows, height - top), std::min(columns, width - left));
    }
  }
}

// The partial sums of the maps, added in their order.
void finish_beta(const SoftArgmaxBackwardParams& p) {
  const std::int64_t groups = p.beta_per_joint ? p.num_joints : 1;
  const std::int64_t maps = p.batch * p.num_joints;
  for (std::int64_t group = 0; group < groups; ++group) {
    double sum = 0;
    for (std::int64_t index = group; index < maps; index += groups) sum += p.scratch[1 + index];
    if (p.beta_gradient_is_double) {
      static_cast<double*>(p.beta_gradient)[group] = sum;
    } else {
      static_cast<float*>(p.beta_gradient)[group] = static_cast<float>(sum);
    }
  }
}

}  // namespace

template <class T>
void soft_argmax(const SoftArgmaxForwardParams& p) {
  using C = Arithmetic<T>;
  const std::int64_t grain = maps_per_thread(p.height, p.width);
  parallel_for(p.batch * p.num_joints, grain, p.threads, [&](std::int64_t begin, std::int64_t end) {
    C buffer[kTile];
    for (std::int64_t index = begin; index < end; ++index) {
      const std::int64_t b = index / p.num_joints, k = index % p.num_joints;
      const auto map = p.heatmaps.map<const T>(b, k);
      const auto sharpness = sharpness_of<C>(soft_argmax_beta(p, k));
      Sums<C> sums;
      for_each_patch(p.height, p.width, [&](auto... place) {
        extend(sums, read_patch<C>(buffer, map, place...), sharpness);
      });
      write_soft_argmax<C>(p, index, sums.largest, sums.total, sums.x, sums.y);
    }
  });
}

template <class T>
void soft_argmax_backward(const SoftArgmaxBackwardParams& p) {
  using C = Arithmetic<T>;
  const bool wanted = p.gradient.data != nullptr;
  const std::int64_t grain = maps_per_thread(p.height, p.width);
  parallel_for(p.batch * p.num_joints, grain, p.threads, [&](std::int64_t begin, std::int64_t end) {
    C buffer[kTile], results[kTile];
    for (std::int64_t index = begin; index < end; ++index) {
      const std::int64_t b = index / p.num_joints, k = index % p.num_joints;
      const auto map = p.heatmaps.map<const T>(b, k);
      const auto gradient = p.gradient.map<T>(b, k);
      const SoftArgmaxSlope<C> slope(p, b, k);
      double sum = 0;
      for_each_patch(
          p.height, p.width,
          [&](std::int64_t top, std::int64_t left, std::int64_t rows, std::int64_t columns) {
            const auto patch = read_patch<C>(buffer, map, top, left, rows, columns);
            if constexpr (std::is_same_v<C, T>) {
              if (!wanted || gradient.pixel_stride == 1) {
                C* const to = wanted ? gradient.at(top, left) : nullptr;
                sum += differentiate(patch, slope, to, gradient.row_stride);
                return;
              }
            }
            sum += differentiate(patch, slope, wanted ? results : nullptr, columns);
            if (!wanted) return;
            for (std::int64_t row = 0; row < rows; ++row) {
              scatter(gradient.at(top + row, left), gradient.pixel_stride, results + row * columns,
                      columns);
            }
          });
      if (p.beta_gradient != nullptr) p.scratch[1 + index] = slope.beta_factor * sum;
    }
  });
  if (p.beta_gradient != nullptr) finish_beta(p);
}

#define LOWERPOSE_INSTANTIATE(T)                                \
  template void soft_argmax<T>(const SoftArgmaxForwardParams&); \
  template void soft_argmax_backward<T>(const SoftArgmaxBackwardParams&);
LOWERPOSE_FOR_EACH_HEATMAP_TYPE(LOWERPOSE_INSTANTIATE)

}  // namespace lowerpose::cpu
