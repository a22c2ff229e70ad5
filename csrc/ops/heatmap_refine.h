// From the pixel of a heatmap's maximum to a place between the pixels. Numbers in, numbers out: the
// kernels read the maps.
#pragma once

#include <cfloat>
#include <cmath>
#include <cstdint>

#include "core/blur.h"
#include "core/host_device.h"

namespace lowerpose {

enum class Refine {
  kNone,
  kQuarter,      // a quarter pixel along each axis towards the larger neighbour
  kGradient,     // a quarter pixel along the gradient
  kParabola,     // the top of the parabola through three pixels of an axis
  kLogParabola,  // the same on logarithms: exact for a Gaussian
  kTaylor,       // a Newton step on the logarithm of the blurred map (DARK)
};

// Where a maximum may move, for what looks at its four neighbours.
enum class Border {
  kBothAxes,      // 1 < x < W - 1 and 1 < y < H - 1, else not at all (HRNet)
  kPerAxisMM,     // x if 1 < x < W - 1 and 0 < y, y if 1 < y < H - 1 and 0 < x (MMPose)
  kFullInterior,  // along each axis on which it has two neighbours
  kClamp,         // everywhere; beyond the border stands the pixel itself (hourglass)
};

// The maximum and its neighbours; beyond the border, the maximum itself.
struct Cross {
  double center, left, right, up, down;
};

LOWERPOSE_HOST_DEVICE inline std::int64_t clamped(std::int64_t i, std::int64_t size) {
  return i < 0 ? 0 : (i < size ? i : size - 1);
}

LOWERPOSE_CALLS_ANYTHING
template <class Map>
LOWERPOSE_HOST_DEVICE Cross read_cross(const Map& map, std::int64_t x, std::int64_t y,
                                       std::int64_t width, std::int64_t height) {
  const std::int64_t left = clamped(x - 1, width), right = clamped(x + 1, width);
  const std::int64_t up = clamped(y - 1, height), down = clamped(y + 1, height);
  return {static_cast<double>(map.at(y, x)), static_cast<double>(map.at(y, left)),
          static_cast<double>(map.at(y, right)), static_cast<double>(map.at(up, x)),
          static_cast<double>(map.at(down, x))};
}

struct Offset {
  double x = 0, y = 0;
};

struct CrossRules {
  Refine refine;
  Border border;
  bool ties_go_back;  // quarter: equal neighbours move it by -0.25, not by 0
};

LOWERPOSE_HOST_DEVICE inline double quarter_step(double before, double after, bool ties_go_back) {
  if (after > before) return 0.25;
  if (after < before || ties_go_back) return -0.25;
  return after == before ? 0.0 : after - before;  // NaN
}

LOWERPOSE_HOST_DEVICE inline double parabola_step(double before, double center, double after) {
  const double curvature = 2 * center - before - after;
  // Not where a neighbour is infinite either.
  return curvature > 0 && curvature <= DBL_MAX ? 0.5 * (after - before) / curvature : 0.0;
}

LOWERPOSE_HOST_DEVICE inline double log_parabola_step(double before, double center, double after) {
  if (!(before > 0 && after > 0)) return 0;  // the center is the largest
  return parabola_step(std::log(before), std::log(center), std::log(after));
}

LOWERPOSE_HOST_DEVICE inline Offset cross_offset(const CrossRules& rules, const Cross& at,
                                                 std::int64_t x, std::int64_t y, std::int64_t width,
                                                 std::int64_t height) {
  const bool x_inside = x > 1 && x < width - 1, y_inside = y > 1 && y < height - 1;
  bool along_x = true, along_y = true;
  if (rules.border == Border::kBothAxes) {
    along_x = along_y = x_inside && y_inside;
  } else if (rules.border == Border::kPerAxisMM) {
    along_x = x_inside && y > 0;
    along_y = y_inside && x > 0;
  } else if (rules.border == Border::kFullInterior) {
    along_x = x > 0 && x < width - 1;
    along_y = y > 0 && y < height - 1;
  }
  Offset step;
  if (rules.refine == Refine::kQuarter) {
    step = {quarter_step(at.left, at.right, rules.ties_go_back),
            quarter_step(at.up, at.down, rules.ties_go_back)};
  } else if (rules.refine == Refine::kParabola) {
    step = {parabola_step(at.left, at.center, at.right), parabola_step(at.up, at.center, at.down)};
  } else if (rules.refine == Refine::kLogParabola) {
    step = {log_parabola_step(at.left, at.center, at.right),
            log_parabola_step(at.up, at.center, at.down)};
  } else {
    const double x_slope = along_x ? at.right - at.left : 0;
    const double y_slope = along_y ? at.down - at.up : 0;
    const double size = std::sqrt(x_slope * x_slope + y_slope * y_slope);
    // Nowhere to go without a slope, or with an infinite one.
    if (size > 0 && size <= DBL_MAX) step = {0.25 * x_slope / size, 0.25 * y_slope / size};
  }
  return {along_x ? step.x : 0, along_y ? step.y : 0};
}

// What a blurred map is multiplied by before the logarithm.
enum class Rescale {
  kNone,
  kMax,     // to the map's own maximum
  kMinMax,  // from its own minimum, to the map's maximum
};

// Which pixels the Newton step looks at.
enum class Gather {
  kOwn,     // the maximum's neighbours; beyond the border, the border's pixels
  kSample,  // the same by one index into the padded maps of a sample, a float32 number: a joint
            // without a maximum, at (-1, -1), meets the end of the map before its own (MMPose)
  kBatch,   // the same over all maps of the batch (transformers' VitPose)
};

struct TaylorRules {
  int step;          // of the second differences: 2 (DARK) or 1 pixel (UDP)
  bool inside_only;  // no step unless 1 < x < W - 2 and 1 < y < H - 2
  Rescale rescale;
  double floor, ceiling;  // of the rescaled values
  double epsilon;         // added to the Hessian's diagonal
  bool bounded;           // no step unless the Hessian is that of a maximum; at most kMaxStep
  Gather gather;
};

// A Taylor series about a pixel is good for about as far as its differences reach.
inline constexpr double kMaxStep = 2;

// The logarithms about the maximum are kept as kPatch x kPatch numbers, row by row.
inline constexpr int kPatch = 5, kPatchMiddle = 12;

// The larger (or smaller) of two, or NaN if one is.
LOWERPOSE_HOST_DEVICE inline double nan_max(double a, double b) { return a >= b || a != a ? a : b; }
LOWERPOSE_HOST_DEVICE inline double nan_min(double a, double b) { return a <= b || a != a ? a : b; }

// How blurred values become those that the logarithm is taken of: (value - low) * gain.
struct Level {
  double low = 0, gain = 1;
};

LOWERPOSE_HOST_DEVICE inline Level level_of(Rescale rescale, double peak, double lowest,
                                            double highest) {
  if (rescale == Rescale::kMinMax) return {lowest, peak / (highest - lowest)};
  if (rescale == Rescale::kMax) return {0, peak / highest};
  return {};
}

// Whether the gain that makes the highest blurred value `peak` is lost in the derivatives: unless a
// value meets the floor or the ceiling, it only adds a constant to the logarithm. It is at least 1,
// since a blur makes no value larger than the peak, and leaves none larger than the peak.
LOWERPOSE_HOST_DEVICE inline bool gain_is_lost(const TaylorRules& rules, double peak,
                                               double least) {
  return rules.rescale == Rescale::kNone ||
         (rules.rescale == Rescale::kMax && least >= rules.floor && peak <= rules.ceiling);
}

LOWERPOSE_HOST_DEVICE inline double taylor_log(const TaylorRules& rules, double blurred,
                                               const Level& level) {
  double value = (blurred - level.low) * level.gain;
  value = value < rules.floor ? rules.floor : value;  // a NaN stays one
  value = value > rules.ceiling ? rules.ceiling : value;
  return std::log(value);
}

// Whether the logarithm at (dx, dy) from the maximum is among those of which the differences are.
LOWERPOSE_HOST_DEVICE inline bool taylor_reads(const TaylorRules& rules, int dx, int dy) {
  const bool axis = dx == 0 || dy == 0, near = dx >= -1 && dx <= 1 && dy >= -1 && dy <= 1;
  return rules.step == 2 ? axis || near : near && !(dx != 0 && dx == -dy);
}

// The first and second derivatives at the middle of a patch. `at(dx, dy)` is the value there.
struct Derivatives {
  double dx, dy, dxx, dxy, dyy;
};

LOWERPOSE_CALLS_ANYTHING
template <class At>
LOWERPOSE_HOST_DEVICE Derivatives derivatives(int step, const At& at) {
  Derivatives d;
  d.dx = 0.5 * (at(1, 0) - at(-1, 0));
  d.dy = 0.5 * (at(0, 1) - at(0, -1));
  if (step == 2) {
    d.dxx = 0.25 * (at(2, 0) - 2 * at(0, 0) + at(-2, 0));
    d.dyy = 0.25 * (at(0, 2) - 2 * at(0, 0) + at(0, -2));
    d.dxy = 0.25 * (at(1, 1) - at(1, -1) - at(-1, 1) + at(-1, -1));
  } else {
    d.dxx = at(1, 0) - 2 * at(0, 0) + at(-1, 0);
    d.dyy = at(0, 1) - 2 * at(0, 0) + at(0, -1);
    d.dxy =
        0.5 * (at(1, 1) - at(1, 0) - at(0, 1) + 2 * at(0, 0) - at(-1, 0) - at(0, -1) + at(-1, -1));
  }
  return d;
}

// Minus the inverse Hessian times a vector.
LOWERPOSE_HOST_DEVICE inline Offset newton_step(const Derivatives& d, double x, double y) {
  const double det = d.dxx * d.dyy - d.dxy * d.dxy;
  return {(d.dxy * y - d.dyy * x) / det, (d.dxy * x - d.dxx * y) / det};
}

// The derivatives at the maximum, and the step to the place where the first are 0.
struct TaylorFit {
  Derivatives at_peak;
  Offset offset;
  bool is_maximum;  // the Hessian is negative definite
};

LOWERPOSE_HOST_DEVICE inline TaylorFit taylor_fit(const TaylorRules& rules, const double* logs) {
  TaylorFit fit = {};
  fit.at_peak = derivatives(rules.step,
                            [&](int dx, int dy) { return logs[kPatchMiddle + dy * kPatch + dx]; });
  Derivatives& d = fit.at_peak;
  d.dxx += rules.epsilon;
  d.dyy += rules.epsilon;
  const double det = d.dxx * d.dyy - d.dxy * d.dxy;
  fit.is_maximum = d.dxx < 0 && det > 0 && det <= DBL_MAX;
  if (det == 0 || (rules.bounded && !fit.is_maximum)) return fit;
  fit.offset = newton_step(d, d.dx, d.dy);
  if (rules.bounded) {
    const double size = std::fmax(std::fabs(fit.offset.x), std::fabs(fit.offset.y));
    if (size > kMaxStep) {
      fit.offset.x *= kMaxStep / size;
      fit.offset.y *= kMaxStep / size;
    }
  }
  return fit;
}

// What one index into padded maps, as float32 holds it, points at.
struct GatheredPixel {
  std::int64_t map, y, x;
};

// `offset` away from the padded pixel of (x, y) in the map `map` of `maps`, which lie one behind
// the other; before the first stands the last.
LOWERPOSE_HOST_DEVICE inline GatheredPixel gathered_pixel(std::int64_t map, std::int64_t x,
                                                          std::int64_t y, std::int64_t offset,
                                                          std::int64_t maps, std::int64_t width,
                                                          std::int64_t height) {
  const std::int64_t row = width + 2, area = row * (height + 2);
  const auto exact = static_cast<float>(map * area + (y + 1) * row + x + 1);
  std::int64_t index = static_cast<std::int64_t>(exact) + offset;
  index = index < 0 ? index + maps * area : index;
  const std::int64_t last = maps * area - 1;
  index = index > last ? last : index;
  const std::int64_t in_map = index % area;
  return {index / area, clamped(in_map / row - 1, height), clamped(in_map % row - 1, width)};
}

// Which of the maps that are gathered from a joint's own is, and how many there are.
struct GatheredMaps {
  std::int64_t own, count;
};

LOWERPOSE_HOST_DEVICE inline GatheredMaps gathered_maps(const TaylorRules& rules, std::int64_t b,
                                                        std::int64_t k, std::int64_t batch,
                                                        std::int64_t num_joints) {
  if (rules.gather == Gather::kSample) return {k, num_joints};
  return {b * num_joints + k, batch * num_joints};
}

// Whether that index is another pixel than the maximum's own: for a joint at (-1, -1), and where
// it is no float32 number.
LOWERPOSE_HOST_DEVICE inline bool gathers_elsewhere(const TaylorRules& rules, std::int64_t x,
                                                    std::int64_t maps, std::int64_t width,
                                                    std::int64_t height) {
  constexpr std::int64_t kExact = 1 << 24;
  return rules.gather != Gather::kOwn && (x < 0 || maps * (height + 2) * (width + 2) >= kExact);
}

LOWERPOSE_HOST_DEVICE inline bool taylor_inside(std::int64_t x, std::int64_t y, std::int64_t width,
                                                std::int64_t height) {
  return x > 1 && x < width - 2 && y > 1 && y < height - 2;
}

}  // namespace lowerpose
