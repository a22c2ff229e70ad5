// How far a joint that the Newton step has found may be off: from the curvature and the noise of
// its heatmap.
#pragma once

#include <cfloat>
#include <cmath>
#include <cstdint>

#include "core/host_device.h"
#include "ops/heatmap_refine.h"

namespace lowerpose {

// amplitude * exp(-(xx dx^2 + 2 xy dx dy + yy dy^2) / 2) about (x, y), the Gaussian that the map
// was before the blur.
struct FittedGaussian {
  double x, y, xx, xy, yy;
  bool usable;  // no Gaussian is sharper than the blur
};

// The blurred map's logarithm curves as the inverse of the covariance of the map's Gaussian plus
// the blur's own.
LOWERPOSE_HOST_DEVICE inline FittedGaussian fitted_gaussian(const TaylorFit& fit, double blur_sigma,
                                                            double x, double y) {
  FittedGaussian gaussian = {x, y, 0, 0, 0, false};
  if (!fit.is_maximum) return gaussian;
  const double det = fit.dxx * fit.dyy - fit.dxy * fit.dxy;
  const double own = blur_sigma * blur_sigma;
  const double xx = -fit.dyy / det - own, xy = fit.dxy / det, yy = -fit.dxx / det - own;
  const double area = xx * yy - xy * xy;
  gaussian.usable = xx > 0 && area > 0 && area <= DBL_MAX;
  gaussian.xx = yy / area;
  gaussian.xy = -xy / area;
  gaussian.yy = xx / area;
  return gaussian;
}

// Sums over the pixels of a map, from which the amplitude, the noise and the covariance follow.
struct FitSums {
  double map_map = 0, map_model = 0, model_model = 0, xx = 0, xy = 0, yy = 0;

  LOWERPOSE_HOST_DEVICE void add(const FittedGaussian& gaussian, double value, double x, double y) {
    map_map += value * value;
    const double dx = x - gaussian.x, dy = y - gaussian.y;
    const double along_x = gaussian.xx * dx + gaussian.xy * dy;
    const double along_y = gaussian.xy * dx + gaussian.yy * dy;
    const double exponent = dx * along_x + dy * along_y;
    if (!(exponent < 72)) return;  // exp(-36) is below a double's rounding beside the peak
    const double model = std::exp(-0.5 * exponent);
    map_model += value * model;
    model_model += model * model;
    const double x_slope = model * along_x, y_slope = model * along_y;
    xx += x_slope * x_slope;
    xy += x_slope * y_slope;
    yy += y_slope * y_slope;
  }
};

// The covariance [[xx, xy], [xy, yy]] of the place, in square pixels.
struct Covariance {
  double xx, xy, yy;
};

// With white noise of variance s^2 nothing finds a Gaussian of amplitude A more exactly than with
// s^2 / A^2 times the inverse of the sum of (gradient)(gradient)^T, by Cramer and Rao. s^2 is what
// the Gaussian does not explain; six numbers were fitted.
LOWERPOSE_HOST_DEVICE inline Covariance covariance_of(const FitSums& sums, std::int64_t pixels) {
  const double amplitude = sums.map_model / sums.model_model;
  const double unexplained = sums.map_map - amplitude * sums.map_model;
  const double noise = std::fmax(unexplained, 0.0) / static_cast<double>(pixels - 6);
  const double det = sums.xx * sums.yy - sums.xy * sums.xy;
  const double scale = noise / (amplitude * amplitude) / det;
  if (pixels <= 6 || !(det > 0)) return {NAN, NAN, NAN};
  return {scale * sums.yy, -scale * sums.xy, scale * sums.xx};
}

}  // namespace lowerpose
