// The distance of joints in space from their ground truth, after an alignment of each pose.
#pragma once

#include <cmath>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/coordinates.h"
#include "core/host_device.h"
#include "core/tensor_view.h"
#include "ops/pose_alignment.h"

namespace lowerpose {

// The difference of an aligned joint from its ground truth, and its length, which is NaN where it
// is not finite.
template <class N>
LOWERPOSE_INLINED void joint_difference(const MpjpeParams& p, const PoseFit<N>& fit,
                                        const N (&from)[3], const N (&g)[3], N (&difference)[3],
                                        N& error) {
  align_joint(p, fit, from, difference);
  for (int d = 0; d < 3; ++d) difference[d] = difference[d] - (g[d] - fit.gt_mean[d]);
  error =
      difference[0] * difference[0] + difference[1] * difference[1] + difference[2] * difference[2];
  Elementwise<N>::root(error);
  const N zero = {}, nan = zero + NAN;
  error = if_finite(error, fit.usable) > zero ? error : nan;
}

// Adds the distances of a pose, and how many they are, and writes what is asked for.
template <class N, class Joints>
LOWERPOSE_INLINED void measure_pose(const MpjpeParams& p, Joints& joints, N& sum, N& number) {
  const N zero = {}, nan = zero + NAN;
  PoseFit<N> fit = {};
  fit_pose(p, joints, fit);
  for (std::int64_t k = 0; k < p.num_joints; ++k) {
    N a[3], g[3], counts, difference[3], error;
    if (p.output == PoseOutput::kAligned) {
      joints.raw(k, a);
      align_joint(p, fit, a, difference);
      const N seen = if_finite(a, fit.usable);
      for (int d = 0; d < 3; ++d)
        difference[d] = seen > zero ? difference[d] + fit.gt_mean[d] : nan;
      joints.point(k, difference);
      continue;
    }
    joints.read(k, a, g, counts);
    joint_difference(p, fit, a, g, difference, error);
    counts = counts * fit.counts;
    sum = sum + (counts > zero ? error : zero);
    number = number + counts;
    if (p.output == PoseOutput::kErrors) joints.error(k, counts > zero ? error : nan);
  }
}

// The gradient of aligned joint k, and where the joint was before; 0 where nothing flows.
template <class N, class Joints>
LOWERPOSE_INLINED void joint_gradient(const MpjpeParams& p, const PoseFit<N>& fit, Joints& joints,
                                      std::int64_t k, const N& mean_gradient, N (&a)[3], N (&g)[3],
                                      N& counts, N (&gradient)[3]) {
  const N zero = {};
  joints.read(k, a, g, counts);
  if (p.output == PoseOutput::kAligned) {
    joints.raw(k, a);
    joints.incoming(k, gradient);
    const N seen = if_finite(a, fit.usable);
    for (int d = 0; d < 3; ++d) {
      gradient[d] = seen > zero ? gradient[d] : zero;
      a[d] = seen > zero ? a[d] - fit.pred_mean[d] : zero;
    }
    return;
  }
  N difference[3], error;
  joint_difference(p, fit, a, g, difference, error);
  counts = counts * fit.counts;
  N incoming = mean_gradient;
  if (p.output == PoseOutput::kErrors) joints.incoming(k, incoming);
  // A length of zero has no direction, and neither has one that is NaN.
  const N factor = divided(incoming, error, counts);
  const N flows = error > zero ? counts : zero, taken = counts * fit.usable;
  for (int d = 0; d < 3; ++d) {
    gradient[d] = flows > zero ? difference[d] * factor : zero;
    a[d] = taken > zero ? a[d] - fit.pred_mean[d] : zero;
  }
}

// What flows back through the alignment itself.
template <class N>
struct FitGradient {
  N sum[3];         // of the gradients of the aligned joints
  N product[9];     // of the joints before, transposed, and these
  N covariance[9];  // d/dC, of the covariance before it was brought to norm 1
  N square;         // d/d(sum of squares), doubled
};

template <class N>
LOWERPOSE_INLINED void fit_gradient(const MpjpeParams& p, const PoseFit<N>& fit,
                                    FitGradient<N>& f) {
  const N zero = {}, one = zero + 1.0;
  const N inverse_square = divided(one, fit.square, fit.usable);
  N scale_gradient = zero;
  if (p.alignment == PoseAlignment::kScale) {
    scale_gradient = (f.product[0] + f.product[4] + f.product[8]) * inverse_square;
    f.square = -2.0 * scale_gradient * fit.scale;
    for (int n = 0; n < 9; ++n) f.covariance[n] = n % 4 == 0 ? scale_gradient : zero;
    return;
  }
  const N(&r)[9] = fit.rotation;
  N turned[9], part[6], turn[3], w[9];
  transposed_product(r, f.product, w);
  transposed_product(r, fit.covariance, turned);
  symmetric_part(turned, part);
  const N open[3] = {w[7] - w[5], w[2] - w[6], w[3] - w[1]};
  solve_turn(part, open, turn);
  for (N& each : turn) each = each * (fit.scale * fit.inverse_norm);
  if (p.alignment == PoseAlignment::kProcrustes) {
    scale_gradient = (w[0] + w[4] + w[8]) * inverse_square;
    f.square = -2.0 * scale_gradient * fit.scale;
  }
  for (int i = 0; i < 3; ++i) {
    const N x = r[3 * i], y = r[3 * i + 1], z = r[3 * i + 2];
    f.covariance[3 * i] = y * turn[2] - z * turn[1] + scale_gradient * x;
    f.covariance[3 * i + 1] = z * turn[0] - x * turn[2] + scale_gradient * y;
    f.covariance[3 * i + 2] = x * turn[1] - y * turn[0] + scale_gradient * z;
  }
}

// The gradients of one joint, out of that of its aligned place.
template <class N>
LOWERPOSE_INLINED void joint_gradients(const MpjpeParams& p, const PoseFit<N>& fit,
                                       const FitGradient<N>& f, const N (&x)[3], const N (&g)[3],
                                       const N& counts, bool is_root, const N (&gradient)[3],
                                       N (&to_pred)[3], N (&to_gt)[3]) {
  const N zero = {};
  const bool of_distance = p.output != PoseOutput::kAligned;
  if (p.alignment == PoseAlignment::kNone || p.alignment == PoseAlignment::kRoot) {
    for (int d = 0; d < 3; ++d) {
      N flows = gradient[d];
      if (is_root) flows = flows - f.sum[d] / static_cast<double>(p.num_roots);
      to_pred[d] = flows;
      to_gt[d] = -flows;
    }
    return;
  }
  const N(&r)[9] = fit.rotation;
  const N(&c)[9] = f.covariance;
  const N share = rotates(p) ? counts / (fit.number > zero ? fit.number : zero + 1.0) : zero;
  N y[3];
  for (int d = 0; d < 3; ++d) y[d] = counts > zero ? g[d] - fit.gt_mean[d] : zero;
  for (int d = 0; d < 3; ++d) {
    N back = gradient[d];
    if (rotates(p)) {
      N a[3];
      for (int i = 0; i < 3; ++i) a[i] = gradient[i] - f.sum[i] * share;
      back = a[0] * r[3 * d] + a[1] * r[3 * d + 1] + a[2] * r[3 * d + 2];
    }
    const N by_fit = c[3 * d] * y[0] + c[3 * d + 1] * y[1] + c[3 * d + 2] * y[2] + f.square * x[d];
    to_pred[d] = back * fit.scale + (counts > zero ? by_fit : zero);
    const N of_truth = x[0] * c[d] + x[1] * c[3 + d] + x[2] * c[6 + d];
    to_gt[d] = (counts > zero ? of_truth : zero) + f.sum[d] * share;
    if (of_distance) to_gt[d] = to_gt[d] - gradient[d];
  }
}

// Writes the gradients of a pose. `mean_gradient` is that of one distance, where all have the same.
template <class N, class Joints>
LOWERPOSE_INLINED void differentiate_pose(const MpjpeParams& p, Joints& joints,
                                          const N& mean_gradient) {
  PoseFit<N> fit = {};
  fit_pose(p, joints, fit);
  FitGradient<N> f = {};
  N x[3], g[3], counts, gradient[3];
  if (p.alignment != PoseAlignment::kNone) {
    for (std::int64_t k = 0; k < p.num_joints; ++k) {
      joint_gradient(p, fit, joints, k, mean_gradient, x, g, counts, gradient);
      for (int i = 0; i < 3; ++i) {
        f.sum[i] = f.sum[i] + gradient[i];
        for (int j = 0; j < 3; ++j)
          f.product[3 * i + j] = f.product[3 * i + j] + x[i] * gradient[j];
      }
    }
    if (p.alignment != PoseAlignment::kRoot) fit_gradient(p, fit, f);
  }
  for (std::int64_t k = 0; k < p.num_joints; ++k) {
    joint_gradient(p, fit, joints, k, mean_gradient, x, g, counts, gradient);
    bool is_root = false;
    for (int r = 0; r < p.num_roots; ++r) is_root |= p.roots[r] == k;
    N to_pred[3], to_gt[3];
    joint_gradients(p, fit, f, x, g, counts, is_root, gradient, to_pred, to_gt);
    joints.gradients(k, to_pred, to_gt);
  }
}

// The mean of all distances; NaN if no joint counts.
LOWERPOSE_HOST_DEVICE inline void write_mean(const MpjpeParams& p) {
  const double mean = p.totals[1] > 0 ? p.totals[0] / p.totals[1] : NAN;
  if (p.is_double) {
    *static_cast<double*>(p.result) = mean;
  } else {
    *static_cast<float*>(p.result) = static_cast<float>(mean);
  }
}

// What flows to each distance from their mean.
LOWERPOSE_HOST_DEVICE inline double mean_gradient_of(const MpjpeParams& p) {
  return p.totals[1] > 0 ? p.incoming(0) / p.totals[1] : 0.0;
}

// What a caller chooses: words, and the roots of the alignment "root".
struct MpjpeOptions {
  std::string alignment;  // "none", "root", "scale", "rigid" or "procrustes"
  std::vector<std::int64_t> roots;
  std::string output;  // "mean", "errors" or "aligned"
};

// A joint counts when it is in the mask, and its ground truth is finite and at most 2^30 in size.
// Others take no part in anything. All arithmetic is in double.
void mpjpe(const std::string& operation, const TensorView& pred, const TensorView& gt,
           const std::optional<TensorView>& mask, const MpjpeOptions& options,
           const TensorView& result, const TensorView& totals, const TensorView& sums,
           const TensorView& ticket, int threads);

void mpjpe_backward(const std::string& operation, const TensorView& incoming,
                    const TensorView& pred, const TensorView& gt,
                    const std::optional<TensorView>& mask, const MpjpeOptions& options,
                    const TensorView& totals, const TensorView& pred_gradient,
                    const TensorView& gt_gradient, int threads);

namespace cpu {
void mpjpe(const MpjpeParams& params);
void mpjpe_backward(const MpjpeParams& params);
}  // namespace cpu
namespace cuda {
const char* mpjpe(const MpjpeParams& params, const Stream& stream);
const char* mpjpe_backward(const MpjpeParams& params, const Stream& stream);
}  // namespace cuda

}  // namespace lowerpose
