#include "ops/gaussian_targets.h"

#include <limits>

#include "core/dispatch.h"
#include "core/parallel.h"
#include "cpu/exp.h"
#include "cpu/tiles.h"

namespace lowerpose::cpu {
namespace {

// A vector of doubles as T.
template <class T>
LOWERPOSE_INLINE void store_as(T* to, const typename Vec<double>::type& values) {
  if constexpr (std::is_same_v<T, float>) {
    typedef float Floats __attribute__((vector_size(32)));
    const Floats floats = __builtin_convertvector(values, Floats);
    std::memcpy(to, &floats, sizeof(floats));
  } else {
    for (int i = 0; i < Vec<double>::kLanes; ++i) narrow(static_cast<double>(values[i]), to[i]);
  }
}

constexpr std::int64_t kLanes = Vec<double>::kLanes;

std::int64_t whole_vectors(std::int64_t count) { return (count + kLanes - 1) / kLanes * kLanes; }

// factors[i] = exp(-(first + i - peak)^2 / (2 sigma^2)), and 0 up to the next whole vector.
template <class Result>
LOWERPOSE_SIMD void gaussian_factors(double* factors, std::int64_t first, std::int64_t count,
                                     double peak, double sigma) {
  using V = Vec<double>::type;
  const double offset = static_cast<double>(first) - peak;
  V index = {0, 1, 2, 3, 4, 5, 6, 7};
  for (std::int64_t i = 0; i < count; i += kLanes, index += static_cast<double>(kLanes)) {
    const V q = (offset + index) / sigma;
    V factor = -0.5 * q * q;
    exp_nonpositive<Result>(factor);
    store<double>(factor, factors + i);
  }
  for (std::int64_t i = count; i < whole_vectors(count); ++i) factors[i] = 0;
}

// One tile of a map: pixel (y, x) = row_factors[y] * column_factors[x]. What a float or double
// could only hold as a subnormal number becomes 0: subnormal numbers would slow down whatever reads
// the map later.
template <class T>
LOWERPOSE_SIMD void multiply_factors(T* map, std::int64_t row_stride, const double* column_factors,
                                     std::int64_t columns, const double* row_factors,
                                     std::int64_t rows) {
  using V = Vec<double>::type;
  constexpr double kSmallest = std::numeric_limits<Arithmetic<T>>::min();
  const V zero = {};
  for (std::int64_t y = 0; y < rows; ++y) {
    T* row = map + y * row_stride;
    const double row_factor = row_factors[y];
    if (row_factor < kSmallest) {  // no column factor is above 1
      std::fill_n(row, columns, T{});
      continue;
    }
    // By reference: a vector that is returned changes the calling convention with the SIMD level.
    const auto multiply = [&](std::int64_t x, V& values) {
      load(values, column_factors + x);
      values *= row_factor;
      values = values < kSmallest ? zero : values;
    };
    V values;
    std::int64_t x = 0;
    for (; x + kLanes <= columns; x += kLanes) {
      multiply(x, values);
      store_as(row + x, values);
    }
    if (x < columns) {
      T last[kLanes];
      multiply(x, values);
      store_as(last, values);
      std::copy_n(last, columns - x, row + x);
    }
  }
}

// The Gaussian is separable: one factor a column and one a row instead of one exp a pixel. Pixels
// of the drawn rows up to the next whole vector of columns are 0 and may be written as such.
template <class T>
void draw(T* map, std::int64_t width, const DrawnAxis& columns, const DrawnAxis& rows,
          double sigma) {
  double column_factors[kTile], row_factors[kTile];
  for (std::int64_t left = columns.begin; left < columns.end; left += kTile) {
    const std::int64_t tile_width = std::min(kTile, columns.end - left);
    const std::int64_t written = std::min(whole_vectors(tile_width), width - left);
    gaussian_factors<Arithmetic<T>>(column_factors, left, tile_width, columns.peak, sigma);
    for (std::int64_t top = rows.begin; top < rows.end; top += kTile) {
      const std::int64_t tile_height = std::min(kTile, rows.end - top);
      gaussian_factors<Arithmetic<T>>(row_factors, top, tile_height, rows.peak, sigma);
      multiply_factors(map + top * width + left, width, column_factors, written, row_factors,
                       tile_height);
    }
  }
}

// Fills one map and returns its weight.
template <class T>
float render(const GaussianTargetsParams& p, T* map, std::int64_t b, std::int64_t k) {
  const DrawnJoint joint = drawn_joint(p, b, k);
  if (!joint.drawn || p.window != Window::kFull) std::fill_n(map, p.height * p.width, T{});
  if (joint.drawn) draw(map, p.width, joint.columns, joint.rows, p.sigma);
  return joint.weight;
}

}  // namespace

template <class T>
void gaussian_targets(const GaussianTargetsParams& p) {
  const std::int64_t area = p.height * p.width;
  const std::int64_t grain = maps_per_thread(p.height, p.width);
  auto* targets = static_cast<T*>(p.targets);
  parallel_for(p.batch * p.num_joints, grain, p.threads, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t index = begin; index < end; ++index) {
      const std::int64_t b = index / p.num_joints, k = index % p.num_joints;
      p.weights[index] = render(p, targets + index * area, b, k);
    }
  });
}

#define LOWERPOSE_INSTANTIATE(T) template void gaussian_targets<T>(const GaussianTargetsParams&);
LOWERPOSE_FOR_EACH_HEATMAP_TYPE(LOWERPOSE_INSTANTIATE)

}  // namespace lowerpose::cpu
