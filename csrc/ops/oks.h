// Object keypoint similarity: how well the joints of a detection lie on those of a person.
#pragma once

#include <cfloat>
#include <cmath>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/coordinates.h"
#include "core/host_device.h"
#include "core/scalar_reader.h"
#include "core/tensor_view.h"

namespace lowerpose {

// Sigmas from the host go to kernels by value: half of the 4 KiB that a launch on every GPU can
// carry. Whole bodies have 133 joints.
inline constexpr int kMaxHostSigmas = 256;

// What a person without a visible joint is like.
enum class NoVisible {
  kNan,
  kZero,
  kBox,  // distances count from the box, doubled towards all sides, over all joints
};

struct OksParams {
  ScalarReader pred;                                 // [N, D, K, 2], (x, y)
  ScalarReader pred_visible;                         // [N, D, K]
  ScalarReader pred_area;                            // [N, D]
  ScalarReader gt;                                   // [N, G, K, 2], in the same unit
  ScalarReader visible;                              // [N, G, K]
  ScalarReader area;                                 // [N, G], in that unit squared
  ScalarReader box;                                  // [N, G, 4]: left, top, width, height
  ScalarReader sigmas;                               // [K]
  bool has_pred_visible, has_pred_area, has_sigmas;  // otherwise sigma_values
  double sigma_values[kMaxHostSigmas];
  double eps;  // is added to the area
  NoVisible no_visible;
  bool over_all;  // divides by K, not by the joints that count
  std::int64_t batch, detections, persons, num_joints;
  double* similarity;  // [N, D, G]
  int threads;
};

// How far v lies beyond [low, high]; NaN if anything is NaN.
LOWERPOSE_HOST_DEVICE inline double beyond(double v, double low, double high) {
  const double below = low - v, above = v - high;
  return (below > 0 || below != below ? below : 0) + (above > 0 || above != above ? above : 0);
}

LOWERPOSE_HOST_DEVICE inline bool oks_visible(const OksParams& p, std::int64_t n, std::int64_t g,
                                              std::int64_t k) {
  return p.visible(n, g, k) > 0 && usable_coordinate(p.gt(n, g, k, 0)) &&
         usable_coordinate(p.gt(n, g, k, 1));
}

// exp(-d^2 / (2 (2 sigma)^2 (area + eps))); NaN without a usable sigma.
LOWERPOSE_HOST_DEVICE inline double joint_similarity(const OksParams& p, double dx, double dy,
                                                     std::int64_t k, double area) {
  const double sigma = p.has_sigmas ? p.sigmas(k) : p.sigma_values[k];
  if (!(sigma > 0 && sigma <= DBL_MAX)) return NAN;
  const double twice = 2 * sigma;
  return std::exp(-((dx * dx + dy * dy) / (twice * twice) / (area + p.eps) / 2));
}

LOWERPOSE_HOST_DEVICE inline double box_similarity(const OksParams& p, std::int64_t n,
                                                   std::int64_t d, std::int64_t g, double area) {
  const double left = p.box(n, g, 0), top = p.box(n, g, 1);
  const double width = p.box(n, g, 2), height = p.box(n, g, 3);
  double sum = 0;
  for (std::int64_t k = 0; k < p.num_joints; ++k) {
    const double dx = beyond(p.pred(n, d, k, 0), left - width, left + 2 * width);
    const double dy = beyond(p.pred(n, d, k, 1), top - height, top + 2 * height);
    sum += joint_similarity(p, dx, dy, k, area);
  }
  return sum / static_cast<double>(p.num_joints);
}

// The similarity of detection d and person g of image n.
LOWERPOSE_HOST_DEVICE inline double oks_of(const OksParams& p, std::int64_t n, std::int64_t d,
                                           std::int64_t g) {
  double area = p.area(n, g);
  if (p.has_pred_area) area = (area + p.pred_area(n, d)) / 2;
  if (!(area >= 0 && area <= DBL_MAX)) return NAN;
  std::int64_t visible = 0, counted = 0;
  double sum = 0;
  for (std::int64_t k = 0; k < p.num_joints; ++k) {
    if (!oks_visible(p, n, g, k)) continue;
    ++visible;
    if (p.has_pred_visible && !(p.pred_visible(n, d, k) > 0)) continue;
    ++counted;
    sum += joint_similarity(p, p.pred(n, d, k, 0) - p.gt(n, g, k, 0),
                            p.pred(n, d, k, 1) - p.gt(n, g, k, 1), k, area);
  }
  if (visible == 0) {
    if (p.no_visible == NoVisible::kBox) return box_similarity(p, n, d, g, area);
    return p.no_visible == NoVisible::kZero ? 0 : NAN;
  }
  if (counted == 0) return 0;  // nothing of the person was found
  return sum / static_cast<double>(p.over_all ? p.num_joints : counted);
}

LOWERPOSE_HOST_DEVICE inline void write_oks(const OksParams& p, std::int64_t index) {
  const std::int64_t g = index % p.persons, d = index / p.persons % p.detections;
  p.similarity[index] = oks_of(p, index / p.persons / p.detections, d, g);
}

// What a caller chooses.
struct OksOptions {
  double eps;
  std::string no_visible;  // "nan", "zero" or "box"
  std::string divide_by;   // "visible" or "joints"
};

// A joint is visible where `visible` is above 0 and its coordinates are finite and at most 2^30 in
// size. Of the sigmas either the array or as many numbers as there are joints. All arithmetic is in
// double.
void oks(const TensorView& pred, const TensorView& gt, const TensorView& visible,
         const TensorView& area, const std::optional<TensorView>& sigmas,
         const std::vector<double>& sigma_values, const std::optional<TensorView>& pred_visible,
         const std::optional<TensorView>& pred_area, const std::optional<TensorView>& box,
         const OksOptions& options, const TensorView& similarity, int threads);

namespace cpu {
void oks(const OksParams& params);
}
namespace cuda {
const char* oks(const OksParams& params, const Stream& stream);
}

}  // namespace lowerpose
