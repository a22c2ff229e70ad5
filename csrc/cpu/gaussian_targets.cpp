#include "ops/gaussian_targets.h"

#include "core/dispatch.h"
#include "core/parallel.h"
#include "cpu/gaussian_factors.h"
#include "cpu/tiles.h"

namespace lowerpose::cpu {
namespace {

// What is drawn: the map's first Gaussian, or another one, of which the larger values stay.
enum class Drawing { kFirst, kMaximum };

// row[i] = the larger of both. Neither is negative.
template <class T>
LOWERPOSE_INLINE void keep_larger(T* row, const T* values, std::int64_t count) {
  using C = Arithmetic<T>;
  for (std::int64_t i = 0; i < count; ++i) {
    row[i] = widened<C>(row[i]) < widened<C>(values[i]) ? values[i] : row[i];
  }
}

// One tile of a map: pixel (y, x) = row_factors[y] * column_factors[x].
template <Drawing kDrawing, class T>
LOWERPOSE_SIMD void multiply_factors(T* map, std::int64_t row_stride, const double* column_factors,
                                     std::int64_t columns, const double* row_factors,
                                     std::int64_t rows) {
  using V = Vec<double>::type;
  constexpr double kSmallest = kSmallestNormal<T>;
  for (std::int64_t y = 0; y < rows; ++y) {
    T* row = map + y * row_stride;
    const double row_factor = row_factors[y];
    if (row_factor < kSmallest) {  // no column factor is above 1
      if constexpr (kDrawing == Drawing::kFirst) std::fill_n(row, columns, T{});
      continue;
    }
    V values;
    T last[kLanes];
    std::int64_t x = 0;
    for (; x + kLanes <= columns; x += kLanes) {
      gaussian_products<T>(values, column_factors + x, row_factor);
      if constexpr (kDrawing == Drawing::kFirst) {
        store_as(row + x, values);
      } else {
        store_as(last, values);
        keep_larger(row + x, last, kLanes);
      }
    }
    if (x < columns) {
      gaussian_products<T>(values, column_factors + x, row_factor);
      store_as(last, values);
      if constexpr (kDrawing == Drawing::kFirst) {
        std::copy_n(last, columns - x, row + x);
      } else {
        keep_larger(row + x, last, columns - x);
      }
    }
  }
}

std::int64_t whole_vectors(std::int64_t count) { return (count + kLanes - 1) / kLanes * kLanes; }

// The Gaussian is separable: one factor a column and one a row instead of one exp a pixel. Pixels
// of the drawn rows up to the next whole vector of columns are 0 and may be written as such.
template <Drawing kDrawing, class T>
void draw(T* map, std::int64_t width, const DrawnJoint& joint) {
  const DrawnAxis &columns = joint.columns, &rows = joint.rows;
  alignas(64) double column_factors[kTile], row_factors[kTile];
  for (std::int64_t left = columns.begin; left < columns.end; left += kTile) {
    const std::int64_t tile_width = std::min(kTile, columns.end - left);
    const std::int64_t written = std::min(whole_vectors(tile_width), width - left);
    gaussian_factors<Arithmetic<T>>(column_factors, left, tile_width, columns.peak, joint.sigma);
    for (std::int64_t top = rows.begin; top < rows.end; top += kTile) {
      const std::int64_t tile_height = std::min(kTile, rows.end - top);
      gaussian_factors<Arithmetic<T>>(row_factors, top, tile_height, rows.peak, joint.sigma);
      multiply_factors<kDrawing>(map + top * width + left, width, column_factors, written,
                                 row_factors, tile_height);
    }
  }
}

// Fills the map of one joint and writes its weights, one or one an instance.
template <class T>
void render(const GaussianTargetsParams& p, T* map, std::int64_t b, std::int64_t k) {
  const std::int64_t area = p.height * p.width;
  float largest = 0;
  bool empty = true;
  for (std::int64_t n = 0; n < p.instances; ++n) {
    const DrawnJoint joint = drawn_joint(p, b, n, k);
    if (p.instance_weights) p.weights[(b * p.instances + n) * p.num_joints + k] = joint.weight;
    largest = n == 0 || largest < joint.weight ? joint.weight : largest;
    if (!joint.drawn) continue;
    if (empty) {
      if (p.window != Window::kFull) std::fill_n(map, area, T{});
      draw<Drawing::kFirst>(map, p.width, joint);
      empty = false;
    } else {
      draw<Drawing::kMaximum>(map, p.width, joint);
    }
  }
  if (empty) std::fill_n(map, area, T{});
  if (!p.instance_weights) p.weights[b * p.num_joints + k] = largest;
}

}  // namespace

template <class T>
void gaussian_targets(const GaussianTargetsParams& p) {
  const std::int64_t area = p.height * p.width;
  const std::int64_t grain = maps_per_thread(p.height, p.width);
  auto* targets = static_cast<T*>(p.targets);
  parallel_for(p.batch * p.num_joints, grain, p.threads, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t index = begin; index < end; ++index) {
      render(p, targets + index * area, index / p.num_joints, index % p.num_joints);
    }
  });
}

#define LOWERPOSE_INSTANTIATE(T) template void gaussian_targets<T>(const GaussianTargetsParams&);
LOWERPOSE_FOR_EACH_HEATMAP_TYPE(LOWERPOSE_INSTANTIATE)

}  // namespace lowerpose::cpu
