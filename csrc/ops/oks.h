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

// (2 sigma)^2, by which a joint's squared distance is divided; NaN without a usable sigma.
LOWERPOSE_HOST_DEVICE inline double oks_width(const OksParams& p, std::int64_t k) {
  const double sigma = p.has_sigmas ? p.sigmas(k) : p.sigma_values[k];
  if (!(sigma > 0 && sigma <= DBL_MAX)) return NAN;
  const double twice = 2 * sigma;
  return twice * twice;
}

// exp(-d^2 / (2 (2 sigma)^2 (area + eps))); NaN without a usable sigma.
LOWERPOSE_HOST_DEVICE inline double joint_similarity(const OksParams& p, double dx, double dy,
                                                     std::int64_t k, double area) {
  return std::exp(-((dx * dx + dy * dy) / oks_width(p, k) / (area + p.eps) / 2));
}

// Detection d and person g of image n.
struct OksPair {
  std::int64_t n, d, g;
};

LOWERPOSE_HOST_DEVICE inline OksPair oks_pair(const OksParams& p, std::int64_t index) {
  return {index / p.persons / p.detections, index / p.persons % p.detections, index % p.persons};
}

LOWERPOSE_HOST_DEVICE inline double oks_area(const OksParams& p, const OksPair& pair) {
  const double area = p.area(pair.n, pair.g);
  return p.has_pred_area ? (area + p.pred_area(pair.n, pair.d)) / 2 : area;
}

LOWERPOSE_HOST_DEVICE inline double box_similarity(const OksParams& p, const OksPair& pair,
                                                   double area) {
  const auto [n, d, g] = pair;
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

// The similarity of a pair: of the sum over the joints that count, by how many those are, and how
// many joints of the person are visible.
LOWERPOSE_HOST_DEVICE inline double oks_mean(const OksParams& p, const OksPair& pair, double area,
                                             double visible, double counted, double sum) {
  if (!(area >= 0 && area <= DBL_MAX)) return NAN;
  if (visible == 0) {
    if (p.no_visible == NoVisible::kBox) return box_similarity(p, pair, area);
    return p.no_visible == NoVisible::kZero ? 0 : NAN;
  }
  if (counted == 0) return 0;  // nothing of the person was found
  return sum / (p.over_all ? static_cast<double>(p.num_joints) : counted);
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
