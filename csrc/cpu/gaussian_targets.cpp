#include "ops/gaussian_targets.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/parallel.h"
#include "core/simd.h"
#include "cpu/exp.h"

namespace lowerpose::cpu {
namespace {

constexpr std::int64_t kTile = 256;  // factors of one tile side, kept on the stack
constexpr double kLargestCoordinate = 1 << 30;
constexpr std::int64_t kGrainPixels = 1 << 14;  // a thread is worth starting from here

// The half-open range of pixels that is drawn along one axis.
struct Span {
  std::int64_t begin, end;
};

Span drawn_span(double center, double radius, Window window, std::int64_t size) {
  if (window == Window::kFull) return {0, size};
  // Clamped before the conversion: a radius may be too large for an integer.
  const auto inside = [limit = static_cast<double>(size)](double edge) {
    return static_cast<std::int64_t>(std::clamp(std::trunc(edge), 0.0, limit));
  };
  return {inside(center - radius), inside(center + radius + 1)};
}

double rounded(double x, bool float32) {
  return float32 ? std::trunc(static_cast<float>(x) + 0.5f) : std::trunc(x + 0.5);
}

// factors[i] = exp(-(first + i - center)^2 / (2 sigma^2))
LOWERPOSE_SIMD void gaussian_factors(double* factors, std::int64_t first, std::int64_t count,
                                     double center, double sigma) {
  const double offset = static_cast<double>(first) - center;
#pragma omp simd
  for (int i = 0; i < static_cast<int>(count); ++i) {
    const double q = (offset + i) / sigma;
    factors[i] = exp_nonpositive(-0.5 * q * q);
  }
}

// row[i] = scale * factors[i], and 0 instead of a subnormal number, which would slow down whatever
// reads the map later.
template <class T>
LOWERPOSE_INLINE void scaled_row_body(T* row, const double* factors, std::int64_t count,
                                      double scale) {
  constexpr double kSmallest = std::numeric_limits<T>::min();
#pragma omp simd
  for (std::int64_t i = 0; i < count; ++i) {
    const double value = scale * factors[i];
    row[i] = static_cast<T>(value < kSmallest ? 0.0 : value);
  }
}

LOWERPOSE_SIMD void scaled_row(float* row, const double* factors, std::int64_t count,
                               double scale) {
  scaled_row_body(row, factors, count, scale);
}

LOWERPOSE_SIMD void scaled_row(double* row, const double* factors, std::int64_t count,
                               double scale) {
  scaled_row_body(row, factors, count, scale);
}

// The Gaussian is separable: one factor a column and one a row instead of one exp a pixel.
template <class T>
void draw(T* map, std::int64_t width, Span columns, Span rows, double x, double y, double sigma) {
  double column_factors[kTile], row_factors[kTile];
  for (std::int64_t left = columns.begin; left < columns.end; left += kTile) {
    const std::int64_t tile_width = std::min(kTile, columns.end - left);
    gaussian_factors(column_factors, left, tile_width, x, sigma);
    for (std::int64_t top = rows.begin; top < rows.end; top += kTile) {
      const std::int64_t tile_height = std::min(kTile, rows.end - top);
      gaussian_factors(row_factors, top, tile_height, y, sigma);
      for (std::int64_t i = 0; i < tile_height; ++i) {
        scaled_row(map + (top + i) * width + left, column_factors, tile_width, row_factors[i]);
      }
    }
  }
}

bool usable(double coordinate) { return std::abs(coordinate) <= kLargestCoordinate; }

}  // namespace

template <class T>
void gaussian_targets(const GaussianTargetsParams& p) {
  const std::int64_t area = p.height * p.width;
  const std::int64_t grain = kGrainPixels / std::max<std::int64_t>(1, area) + 1;
  const double radius = 3 * p.sigma;
  auto* targets = static_cast<T*>(p.targets);
  parallel_for(p.batch * p.num_joints, grain, p.threads, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t map = begin; map < end; ++map) {
      const std::int64_t b = map / p.num_joints, k = map % p.num_joints;
      T* pixels = targets + map * area;
      double x = p.joints(b, k, 0), y = p.joints(b, k, 1);
      const bool drawn = p.visible(b, k) >= 0.5 && usable(x) && usable(y);
      p.weights[map] = drawn ? 1.0f : 0.0f;
      if (drawn && p.center == Center::kRound) {
        x = rounded(x, p.float32_joints);
        y = rounded(y, p.float32_joints);
      }
      const Span columns = drawn ? drawn_span(x, radius, p.window, p.width) : Span{0, 0};
      const Span rows = drawn ? drawn_span(y, radius, p.window, p.height) : Span{0, 0};
      const bool whole = drawn && p.window == Window::kFull;
      if (!whole) std::fill_n(pixels, area, T(0));
      draw(pixels, p.width, columns, rows, x, y, p.sigma);
    }
  });
}

template void gaussian_targets<float>(const GaussianTargetsParams&);
template void gaussian_targets<double>(const GaussianTargetsParams&);

}  // namespace lowerpose::cpu
