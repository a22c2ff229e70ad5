// How far a joint that the Newton step has found may be off: from how the step depends on the
// pixels, and from the noise of the heatmap.
#pragma once

#include <cfloat>
#include <cmath>
#include <cstdint>

#include "core/host_device.h"
#include "ops/heatmap_refine.h"

namespace lowerpose {

// The covariance [[xx, xy], [xy, yy]] of a place, in square pixels.
struct Covariance {
  double xx, xy, yy;
};

// How the step changes with the blurred value at place `i` of the patch, to first order: the first
// derivatives change, and the Hessian does.
LOWERPOSE_HOST_DEVICE inline Offset step_slope(const TaylorRules& rules, const TaylorFit& fit,
                                               const double* logs, int i) {
  const int x = i % kPatch - kPatch / 2, y = i / kPatch - kPatch / 2;
  if (!taylor_reads(rules, x, y) || logs[i] <= std::log(rules.floor)) return {};
  const Derivatives unit = derivatives(
      rules.step, [&](int dx, int dy) { return static_cast<double>(dx == x && dy == y); });
  const Offset& step = fit.offset;
  const Offset slope = newton_step(fit.at_peak, unit.dx + unit.dxx * step.x + unit.dxy * step.y,
                                   unit.dy + unit.dxy * step.x + unit.dyy * step.y);
  const double value = std::exp(logs[i]);  // the logarithm's derivative is one over it
  return {slope.x / value, slope.y / value};
}

// What white noise of variance 1 has in common along one axis after the blur, at the pixels a and
// b; there is none beyond the border.
LOWERPOSE_HOST_DEVICE inline double overlap(const Blur& blur, std::int64_t a, std::int64_t b,
                                            std::int64_t size) {
  const std::int64_t low = a < b ? a : b, high = a < b ? b : a;
  const std::int64_t first = high - blur.radius, last = low + blur.radius;
  if (first >= 0 && last < size) return blur.overlaps[high - low];
  double sum = 0;
  LOWERPOSE_NO_UNROLL
  for (std::int64_t i = first < 0 ? 0 : first; i <= last && i < size; ++i) {
    sum += tap(blur, static_cast<int>(i - low)) * tap(blur, static_cast<int>(i - high));
  }
  return sum;
}

// The same at places i and j of the patch about (x, y).
LOWERPOSE_HOST_DEVICE inline double blurred_noise(const Blur& blur, int i, int j, std::int64_t x,
                                                  std::int64_t y, std::int64_t width,
                                                  std::int64_t height) {
  const std::int64_t left = x - kPatch / 2, top = y - kPatch / 2;
  return overlap(blur, left + i % kPatch, left + j % kPatch, width) *
         overlap(blur, top + i / kPatch, top + j / kPatch, height);
}

// exp(-(xx dx^2 + 2 xy dx dy + yy dy^2) / 2) about (x, y), the Gaussian that the map was before the
// blur, but for its height.
struct FittedGaussian {
  double x, y, xx, xy, yy;
  bool usable;  // no map is sharper than its blur, and one that is as sharp is a single pixel
};

// The blurred map's logarithm curves as the inverse of the covariance of the map's Gaussian plus
// the blur's own.
LOWERPOSE_HOST_DEVICE inline FittedGaussian fitted_gaussian(const TaylorFit& fit, const Blur& blur,
                                                            double x, double y) {
  FittedGaussian gaussian = {x, y, 0, 0, 0, false};
  if (!fit.is_maximum) return gaussian;
  const Derivatives& d = fit.at_peak;
  const double det = d.dxx * d.dyy - d.dxy * d.dxy;
  const double xx = -d.dyy / det - blur.variance, xy = d.dxy / det;
  const double yy = -d.dxx / det - blur.variance;
  const double area = xx * yy - xy * xy;
  const double least = 1e-9 * blur.variance;  // the differences are rounded
  gaussian.usable = xx > least && area > least * least && area <= DBL_MAX;
  gaussian.xx = yy / area;
  gaussian.xy = -xy / area;
  gaussian.yy = xx / area;
  return gaussian;
}

// Sums over the pixels of a map, from which the Gaussian's height and the noise follow.
struct FitSums {
  double map_map = 0, map_model = 0, model_model = 0;

  LOWERPOSE_HOST_DEVICE void add(const FittedGaussian& gaussian, double value, double x, double y) {
    map_map += value * value;
    const double dx = x - gaussian.x, dy = y - gaussian.y;
    const double exponent =
        gaussian.xx * dx * dx + 2 * gaussian.xy * dx * dy + gaussian.yy * dy * dy;
    if (!(exponent < 72)) return;  // exp(-36) is below a double's rounding beside the peak
    const double model = std::exp(-0.5 * exponent);
    map_model += value * model;
    model_model += model * model;
  }
};

// The variance of white noise, which is what the Gaussian does not explain; six numbers were
// fitted.
LOWERPOSE_HOST_DEVICE inline double noise_variance(const FitSums& sums, std::int64_t pixels) {
  if (pixels <= 6) return NAN;
  const double unexplained = sums.map_map - sums.map_model * sums.map_model / sums.model_model;
  return (unexplained < 0 ? 0.0 : unexplained) / static_cast<double>(pixels - 6);
}

}  // namespace lowerpose
