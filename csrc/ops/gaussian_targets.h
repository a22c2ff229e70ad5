// Gaussian target heatmaps from joints.
#pragma once

#include <cfloat>
#include <cmath>
#include <cstdint>
#include <string>

#include "core/coordinates.h"
#include "core/host_device.h"
#include "core/scalar_reader.h"
#include "core/tensor_view.h"

namespace lowerpose {

enum class Center {
  kExact,         // the joint itself
  kRound,         // trunc(x + 0.5), in float for float32 joints, else in double
  kRoundFloat64,  // the same in double
};

enum class Window {
  kFull,        // the whole map
  kThreeSigma,  // columns trunc(c - 3 sigma) up to, not including, trunc(c + 3 sigma + 1); rows too
  // The same window, with the peak floor(3 sigma + 0.5) pixels from its first column and row: not
  // at c where 3 sigma is no integer.
  kThreeSigmaFromEdge,
};

struct GaussianTargetsParams {
  ScalarReader joints;   // [B, K, 2], (x, y) in heatmap pixels
  ScalarReader visible;  // [B, K] or [B, K, 1]
  void* targets;         // [B, K, H, W], contiguous
  float* weights;        // [B, K], contiguous
  std::int64_t batch, num_joints, height, width;
  double sigma;  // in heatmap pixels
  Center center;
  Window window;
  bool half_is_visible;      // drawn where visible >= 0.5, else where > 0.5
  bool copy_weight;          // the weight is `visible` itself, else 1 where drawn and 0 elsewhere
  bool zero_weight_outside;  // the weight is 0 where the window ends before pixel 0 (its end is
                             // negative) or begins beyond the last one
  bool float32_joints;
  int threads;
};

// The pixels that are drawn along one axis, [begin, end), and where the Gaussian has its peak.
struct DrawnAxis {
  std::int64_t begin, end;
  double peak;
  bool misses_map;
};

// What becomes of one joint.
struct DrawnJoint {
  float weight;
  bool drawn;  // otherwise its map is 0, and nothing is known of the axes
  DrawnAxis columns, rows;
};

LOWERPOSE_HOST_DEVICE inline DrawnAxis drawn_axis(const GaussianTargetsParams& p, double x,
                                                  std::int64_t size) {
  double center = x;
  if (p.center == Center::kRound && p.float32_joints) {
    center = std::trunc(static_cast<float>(x) + 0.5f);
  } else if (p.center != Center::kExact) {
    center = std::trunc(x + 0.5);
  }
  const double radius = 3 * p.sigma;
  const double limit = static_cast<double>(size);
  const double low = std::trunc(center - radius), high = std::trunc(center + radius + 1);
  const bool misses_map = low >= limit || high < 0;
  if (p.window == Window::kFull) return {0, size, center, misses_map};
  // Clamped before the conversion: a radius may be too large for an integer.
  const auto begin = static_cast<std::int64_t>(std::fmin(std::fmax(low, 0.0), limit));
  const auto end = static_cast<std::int64_t>(std::fmin(std::fmax(high, 0.0), limit));
  const bool from_edge = p.window == Window::kThreeSigmaFromEdge;
  return {begin, end, from_edge ? low + std::floor(radius + 0.5) : center, misses_map};
}

LOWERPOSE_HOST_DEVICE inline DrawnJoint drawn_joint(const GaussianTargetsParams& p, std::int64_t b,
                                                    std::int64_t k) {
  const double x = p.joints(b, k, 0), y = p.joints(b, k, 1), visible = p.visible(b, k);
  DrawnJoint joint = {};
  const bool visibility_is_a_float = std::fabs(visible) <= static_cast<double>(FLT_MAX);
  if (!usable_coordinate(x) || !usable_coordinate(y) || !visibility_is_a_float) return joint;
  joint.columns = drawn_axis(p, x, p.width);
  joint.rows = drawn_axis(p, y, p.height);
  if (p.zero_weight_outside && (joint.columns.misses_map || joint.rows.misses_map)) return joint;
  joint.drawn = p.half_is_visible ? visible >= 0.5 : visible > 0.5;
  joint.weight = p.copy_weight ? static_cast<float>(visible) : (joint.drawn ? 1.0f : 0.0f);
  return joint;
}

// What a preset fixes, in words; the front door refuses other words.
struct GaussianTargetsOptions {
  std::string center;   // "exact", "round", "round_float64"
  std::string window;   // "full", "three_sigma", "three_sigma_from_edge"
  std::string visible;  // ">=", ">": than 0.5
  std::string weight;   // "binary", "copy"
  std::string outside;  // "keep", "zero": the weight of a joint whose window misses the map
};

// A joint whose coordinates are not finite, or beyond 2^30 in size, has weight 0 and an empty map,
// and so has one whose visibility is not finite. Float and double values below the smallest normal
// number of their type become 0.
void gaussian_targets(const TensorView& joints, const TensorView& visible,
                      const TensorView& targets, const TensorView& weights, double sigma,
                      const GaussianTargetsOptions& options, int threads);

namespace cpu {
template <class T>
void gaussian_targets(const GaussianTargetsParams& params);
}
// Kernels on a GPU return nullptr, or what went wrong.
namespace cuda {
template <class T>
const char* gaussian_targets(const GaussianTargetsParams& params, const Stream& stream);
}

}  // namespace lowerpose
