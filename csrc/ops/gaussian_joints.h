// Joints that become Gaussians: which of them are drawn, where, and with which weight.
#pragma once

#include <cfloat>
#include <cmath>
#include <cstdint>
#include <optional>
#include <string>

#include "core/coordinates.h"
#include "core/host_device.h"
#include "core/scalar_reader.h"
#include "core/tensor_view.h"

namespace lowerpose {

class Checker;

enum class Center {
  kExact,         // the joint itself
  kRound,         // trunc(x + 0.5), in float for float32 joints, else in double
  kRoundFloat64,  // the same in double
  kNearest,       // floor(x + 0.5)
  kTrunc,         // trunc(x)
  kFloor,         // floor(x)
};

// Along either axis, of a joint whose center is c; radius = 3 sigma + beyond.
enum class Window {
  kFull,       // the whole map
  kTruncated,  // from trunc(c - radius) up to, not including, trunc(c + radius + 1)
  kSymmetric,  // |i - c| <= radius
};

// Where the Gaussian is 1.
enum class Peak {
  kCenter,     // at c
  kJoint,      // at the joint itself
  kEdge,       // floor(radius + 0.5) pixels from the window's first one
  kEdgeJoint,  // the same plus x - c
  kEdgeExact,  // radius pixels from the window's first one
};

// Which joints are drawn.
enum class Visible {
  kFromHalf,   // visible >= 0.5
  kAboveHalf,  // visible > 0.5
  kPositiveX,  // x > 0, whatever `visible` is
};

enum class Weight {
  kBinary,      // 1 where drawn, else 0
  kCopy,        // `visible` itself
  kCopyUnseen,  // the same, and a joint that is not visible keeps it wherever it is
};

// Where, on either axis, a joint is not drawn and its weight is 0.
enum class Outside {
  kKeep,         // nowhere
  kNegativeEnd,  // the window begins beyond the last pixel, or its end is negative
  kMissed,       // the window holds no pixel of the map
  kCenter,       // c is no pixel of the map
};

struct GaussianJointsParams {
  ScalarReader joints;   // [B, N, K, 2], (x, y) in heatmap pixels
  ScalarReader visible;  // [B, N, K]
  std::int64_t batch, instances, num_joints, height, width;
  ScalarReader sigmas;  // [B, N, K], in heatmap pixels, if has_sigmas
  bool has_sigmas;
  double sigma;  // of all joints, else
  Center center;
  Window window;
  int beyond;  // pixels
  Peak peak;
  Visible rule;
  Weight weight;
  Outside outside;
  bool float32_joints;
};

// The pixels that are drawn along one axis, [begin, end), and where the Gaussian has its peak.
struct DrawnAxis {
  std::int64_t begin, end;
  double peak;
  bool outside;
};

// What becomes of one joint of one instance.
struct DrawnJoint {
  float weight;
  bool drawn;  // otherwise its map is 0, and nothing is known of what follows
  double sigma;
  DrawnAxis columns, rows;
};

LOWERPOSE_HOST_DEVICE inline bool positive_sigma(double sigma) {
  return sigma > 0 && 3 * sigma <= DBL_MAX;
}

// The project whose window has its peak at the center draws a kernel of int(6 sigma + 1) pixels
// into it, which is one pixel short here, and stops with an error.
LOWERPOSE_HOST_DEVICE inline bool sigma_fits(Window window, Peak peak, double sigma) {
  const double fraction = 3 * sigma - std::floor(3 * sigma);
  return window != Window::kTruncated || peak != Peak::kCenter || fraction == 0 || fraction >= 0.5;
}

LOWERPOSE_HOST_DEVICE inline double center_of(const GaussianJointsParams& p, double x) {
  switch (p.center) {
    case Center::kExact:
      return x;
    case Center::kRound:
      if (p.float32_joints) return std::trunc(static_cast<float>(x) + 0.5f);
      return std::trunc(x + 0.5);
    case Center::kRoundFloat64:
      return std::trunc(x + 0.5);
    case Center::kNearest:
      return std::floor(x + 0.5);
    case Center::kTrunc:
      return std::trunc(x);
    case Center::kFloor:
      return std::floor(x);
  }
  return x;
}

LOWERPOSE_HOST_DEVICE inline double peak_of(Peak peak, double x, double center, double low,
                                            double radius) {
  switch (peak) {
    case Peak::kCenter:
      return center;
    case Peak::kJoint:
      return x;
    case Peak::kEdge:
      return low + std::floor(radius + 0.5);
    case Peak::kEdgeJoint:
      return low + std::floor(radius + 0.5) + (x - center);
    case Peak::kEdgeExact:
      return low + radius;
  }
  return center;
}

LOWERPOSE_HOST_DEVICE inline bool is_outside(Outside rule, double center, double low, double high,
                                             double size) {
  switch (rule) {
    case Outside::kKeep:
      return false;
    case Outside::kNegativeEnd:
      return low >= size || high < 0;
    case Outside::kMissed:
      return low >= size || high <= 0;
    case Outside::kCenter:
      return center < 0 || center >= size;
  }
  return false;
}

// Clamped before the conversion: a radius may be too large for an integer.
LOWERPOSE_HOST_DEVICE inline std::int64_t pixel_at(double place, double size) {
  return static_cast<std::int64_t>(place < 0 ? 0 : (place > size ? size : place));
}

LOWERPOSE_HOST_DEVICE inline DrawnAxis drawn_axis(const GaussianJointsParams& p, double x,
                                                  double sigma, std::int64_t size) {
  const double center = center_of(p, x), limit = static_cast<double>(size);
  const double radius = 3 * sigma + p.beyond;
  double low = 0, high = limit;
  if (p.window == Window::kTruncated) {
    low = std::trunc(center - 3 * sigma - p.beyond);
    high = std::trunc(center + 3 * sigma + (1 + p.beyond));
  } else if (p.window == Window::kSymmetric) {
    low = center - std::floor(radius);
    high = center + std::floor(radius) + 1;
  }
  return {pixel_at(low, limit), pixel_at(high, limit), peak_of(p.peak, x, center, low, radius),
          is_outside(p.outside, center, low, high, limit)};
}

LOWERPOSE_HOST_DEVICE inline DrawnJoint drawn_joint(const GaussianJointsParams& p, std::int64_t b,
                                                    std::int64_t n, std::int64_t k) {
  const double x = p.joints(b, n, k, 0), y = p.joints(b, n, k, 1), visible = p.visible(b, n, k);
  DrawnJoint joint = {};
  if (!(std::fabs(visible) <= static_cast<double>(FLT_MAX))) return joint;
  joint.sigma = p.sigma;
  if (p.has_sigmas) {
    joint.sigma = p.sigmas(b, n, k);
    if (!positive_sigma(joint.sigma) || !sigma_fits(p.window, p.peak, joint.sigma)) return joint;
  }
  const bool seen = p.rule == Visible::kPositiveX
                        ? x > 0
                        : (p.rule == Visible::kAboveHalf ? visible > 0.5 : visible >= 0.5);
  const float weight =
      p.weight == Weight::kBinary ? (seen ? 1.0f : 0.0f) : static_cast<float>(visible);
  if (!seen && p.weight != Weight::kCopy) {
    joint.weight = weight;
    return joint;
  }
  if (!usable_coordinate(x) || !usable_coordinate(y)) return joint;
  joint.columns = drawn_axis(p, x, joint.sigma, p.width);
  joint.rows = drawn_axis(p, y, joint.sigma, p.height);
  if (joint.columns.outside || joint.rows.outside) return joint;
  joint.drawn = seen;
  joint.weight = weight;
  return joint;
}

// What a preset fixes, in words (lowerpose_ops/presets.py); the front door refuses other words.
struct GaussianJointsOptions {
  std::string center;   // "exact", "round", "round_float64", "nearest", "trunc", "floor"
  std::string window;   // "full", "truncated", "symmetric"
  std::string radius;   // "3 sigma", "3 sigma + 1"
  std::string peak;     // "center", "joint", "edge", "edge_joint", "edge_exact"
  std::string visible;  // ">=", ">", "x > 0"
  std::string weight;   // "binary", "copy", "copy_unseen"
  std::string outside;  // "keep", "negative_end", "missed", "center"
};

// Checks what all operations on such joints take, and fills `params` but for the maps' size.
void take_gaussian_joints(Checker& check, const TensorView& joints, const TensorView& visible,
                          double sigma, const std::optional<TensorView>& sigmas,
                          const GaussianJointsOptions& options, GaussianJointsParams& params);

}  // namespace lowerpose
