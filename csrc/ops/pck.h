// The percentage of correct keypoints: how many predictions lie close enough to their joint.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

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
  double* ratio;          // [T]: correct / counted over all joints, NaN if none counts
};

// A joint counts when it is valid (>= 0.5), its ground truth is finite and at most 2^30 in size,
// and its norm is positive and finite. A prediction that is not finite is wrong. All arithmetic is
// in double. `norm_layout` tells [B, 2] norms of two joints apart: "auto", "axis" or "joint".
void pck_counts(const TensorView& pred, const TensorView& gt, const TensorView& valid,
                const std::optional<TensorView>& norm, double norm_value,
                const std::string& norm_layout, const std::vector<double>& thresholds,
                bool inclusive, const TensorView& correct, const TensorView& counted,
                const TensorView& ratio);

namespace cpu {
void pck_counts(const PckParams& params);
}

}  // namespace lowerpose
