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

struct PckParams {
  ScalarReader pred, gt;  // [B, K, 2], (x, y)
  ScalarReader valid;     // [B, K] or [B, K, 1]
  // The distance is |pred - gt| / norm. `norm` is read at (b, k), with stride 0 where it does not
  // depend on one of them; with `per_axis` it is [B, 2] and divides x and y apart.
  ScalarReader norm;
  bool has_norm;  // otherwise norm_value is the norm of every joint
  double norm_value;
  bool per_axis;
  const double* thresholds;
  std::int64_t num_thresholds;
  bool inclusive;  // distance <= threshold counts, not only <
  std::int64_t batch, num_joints;
  std::int64_t* correct;  // [T, K]
  std::int64_t* counted;  // [K]
  std::int64_t* scratch;  // one number, for kernels on a GPU
  double* ratio;          // [T]: correct / counted over all joints, NaN if none counts
};

// The distance of one joint from its truth, over its norm, and whether the joint counts at all.
struct PckDistance {
  bool counts;
  double value;
};

LOWERPOSE_HOST_DEVICE inline bool usable_norm(double norm) { return norm > 0 && norm <= DBL_MAX; }

LOWERPOSE_HOST_DEVICE inline PckDistance pck_distance(const PckParams& p, std::int64_t b,
                                                      std::int64_t k) {
  const double gt_x = p.gt(b, k, 0), gt_y = p.gt(b, k, 1);
  const bool valid = p.valid(b, k) >= 0.5 && usable_coordinate(gt_x) && usable_coordinate(gt_y);
  const double dx = p.pred(b, k, 0) - gt_x, dy = p.pred(b, k, 1) - gt_y;
  if (p.per_axis) {
    const double norm_x = p.norm(b, 0), norm_y = p.norm(b, 1);
    const double x = dx / norm_x, y = dy / norm_y;
    return {valid && usable_norm(norm_x) && usable_norm(norm_y), std::sqrt(x * x + y * y)};
  }
  // Divided after the root: a distance of 5 stays exactly 5.
  const double norm = p.has_norm ? p.norm(b, k) : p.norm_value;
  return {valid && usable_norm(norm), std::sqrt(dx * dx + dy * dy) / norm};
}

LOWERPOSE_HOST_DEVICE inline bool pck_hit(const PckParams& p, double distance, double threshold) {
  return p.inclusive ? distance <= threshold : distance < threshold;
}

// A joint counts when it is valid (>= 0.5), its ground truth is finite and at most 2^30 in size,
// and its norm is positive and finite. A prediction that is not finite is wrong. All arithmetic is
// in double. `norm_layout` tells [B, 2] norms of two joints apart: "auto", "axis" or "joint".
void pck_counts(const TensorView& pred, const TensorView& gt, const TensorView& valid,
                const std::optional<TensorView>& norm, double norm_value,
                const std::string& norm_layout, const std::vector<double>& thresholds,
                bool inclusive, const TensorView& correct, const TensorView& counted,
                const TensorView& ratio, const TensorView& scratch);

namespace cpu {
void pck_counts(const PckParams& params);
}
namespace cuda {
const char* pck_counts(const PckParams& params, const Stream& stream);
}

}  // namespace lowerpose
