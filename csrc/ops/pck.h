// The percentage of correct keypoints: how many predictions lie close enough to their joint.
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

class Checker;

// A choice of joints goes to kernels by value, a bit each.
inline constexpr std::int64_t kMaxChosenJoints = 1024;

struct PckParams {
  ScalarReader pred, gt;  // [B, K, 2], (x, y)
  ScalarReader valid;     // [B, K] or [B, K, 1]
  // The distance is |pred - gt| / norm. `norm` is read at (b, k), with stride 0 where it does not
  // depend on one of them; with `per_axis` it is [B, 2] and divides x and y apart.
  ScalarReader norm;
  bool has_norm;  // otherwise the distance of two joints, if there are two, or norm_value
  std::int64_t norm_from, norm_to;  // -1 for none
  double norm_value;
  bool per_axis;
  double lowest, width, height;  // truths count with lowest <= x < width, lowest <= y < height
  double above;                  // and with x and y above this
  const double* thresholds;
  std::int64_t num_thresholds;
  bool inclusive;   // distance <= threshold counts, not only <
  bool joint_mean;  // scores are means over the joints, each of which counts the same
  bool all_joints;  // otherwise scores are of those that are chosen
  std::uint32_t chosen[kMaxChosenJoints / 32];
  std::int64_t batch, num_joints;
  std::int64_t* correct;  // [T, K]
  std::int64_t* counted;  // [K]
  double* errors;         // [K]: the sum of the distances
  std::int64_t* scratch;  // one number, for kernels on a GPU
  double* scores;         // [T + 1]: the mean of correct for each threshold, then of errors
};

// The distance of one joint from its truth, over its norm, and whether the joint counts at all.
struct PckDistance {
  bool counts;
  double value;
};

LOWERPOSE_HOST_DEVICE inline bool usable_norm(double norm) { return norm > 0 && norm <= DBL_MAX; }

LOWERPOSE_HOST_DEVICE inline bool usable_truth(const PckParams& p, std::int64_t b, std::int64_t k) {
  return p.valid(b, k) >= 0.5 && usable_coordinate(p.gt(b, k, 0)) &&
         usable_coordinate(p.gt(b, k, 1));
}

// What the distance of joint k is divided by, where that is one number.
LOWERPOSE_HOST_DEVICE inline double pck_norm(const PckParams& p, std::int64_t b, std::int64_t k) {
  if (p.has_norm) return p.norm(b, k);
  if (p.norm_from < 0) return p.norm_value;
  if (!usable_truth(p, b, p.norm_from) || !usable_truth(p, b, p.norm_to)) return NAN;
  const double dx = p.gt(b, p.norm_from, 0) - p.gt(b, p.norm_to, 0);
  const double dy = p.gt(b, p.norm_from, 1) - p.gt(b, p.norm_to, 1);
  return std::sqrt(dx * dx + dy * dy);
}

LOWERPOSE_HOST_DEVICE inline PckDistance pck_distance(const PckParams& p, std::int64_t b,
                                                      std::int64_t k) {
  const double gt_x = p.gt(b, k, 0), gt_y = p.gt(b, k, 1);
  const bool valid = usable_truth(p, b, k) && gt_x >= p.lowest && gt_y >= p.lowest &&
                     gt_x < p.width && gt_y < p.height && gt_x > p.above && gt_y > p.above;
  const double dx = p.pred(b, k, 0) - gt_x, dy = p.pred(b, k, 1) - gt_y;
  if (p.per_axis) {
    const double norm_x = p.norm(b, 0), norm_y = p.norm(b, 1);
    const double x = dx / norm_x, y = dy / norm_y;
    return {valid && usable_norm(norm_x) && usable_norm(norm_y), std::sqrt(x * x + y * y)};
  }
  // Divided after the root: a distance of 5 stays exactly 5.
  const double norm = pck_norm(p, b, k);
  return {valid && usable_norm(norm), std::sqrt(dx * dx + dy * dy) / norm};
}

LOWERPOSE_HOST_DEVICE inline bool pck_hit(const PckParams& p, double distance, double threshold) {
  return p.inclusive ? distance <= threshold : distance < threshold;
}

// What a distance adds to the sum: an infinite one makes it NaN, as one that is NaN does.
LOWERPOSE_HOST_DEVICE inline double pck_error(double distance) {
  return distance <= DBL_MAX ? distance : NAN;
}

// The mean of one number a joint over all counted joints; NaN if none counts.
template <class T>
LOWERPOSE_HOST_DEVICE inline double pck_mean(const PckParams& p, const T* sums) {
  double total = 0;
  std::int64_t divisor = 0;
  for (std::int64_t k = 0; k < p.num_joints; ++k) {
    const bool chosen = p.all_joints || (p.chosen[k / 32] >> (k % 32) & 1u) != 0;
    if (!chosen || p.counted[k] == 0) continue;
    const auto sum = static_cast<double>(sums[k]);
    total += p.joint_mean ? sum / static_cast<double>(p.counted[k]) : sum;
    divisor += p.joint_mean ? 1 : p.counted[k];
  }
  return divisor == 0 ? NAN : total / static_cast<double>(divisor);
}

// What a caller chooses.
struct PckOptions {
  double norm_value;                      // where there is neither an array nor a pair
  std::vector<std::int64_t> norm_joints;  // none, or two joints whose distance is the norm
  std::string norm_layout;                // tells [B, 2] norms of two joints apart: "auto", "axis"
                                          // or "joint"
  std::vector<double> thresholds;
  bool inclusive;
  std::vector<double> inside;  // none, or (W, H)
  std::optional<double> above;
  std::optional<std::vector<std::int64_t>> joints;  // of the scores
  std::string reduce;  // of the scores: "pooled", "joint_count_weighted" or "joint_mean"
};

// A joint counts when it is valid (>= 0.5), its ground truth is finite and at most 2^30 in size,
// and its norm is positive and finite. A prediction that is not finite is wrong, and makes the sum
// of the distances NaN. All arithmetic is in double.
void pck_counts(const std::string& operation, const TensorView& pred, const TensorView& gt,
                const TensorView& valid, const std::optional<TensorView>& norm,
                const PckOptions& options, const TensorView& correct, const TensorView& counted,
                const TensorView& errors, const TensorView& scores, const TensorView& scratch);

// What the kernels read, once all of it is checked; what they write is left out. `options` must
// live as long.
PckParams pck_params(Checker& check, const TensorView& pred, const TensorView& gt,
                     const TensorView& valid, const std::optional<TensorView>& norm,
                     const PckOptions& options);

namespace cpu {
void pck_counts(const PckParams& params);
}
namespace cuda {
const char* pck_counts(const PckParams& params, const Stream& stream);
}

}  // namespace lowerpose
