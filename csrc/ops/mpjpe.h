// The distance of joints in space from their ground truth, after an alignment of each pose.
#pragma once

#include <cfloat>
#include <cmath>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/coordinates.h"
#include "core/host_device.h"
#include "core/rotation.h"
#include "core/scalar_reader.h"
#include "core/tensor_view.h"

namespace lowerpose {

enum class PoseAlignment {
  kNone,
  kRoot,        // the root of either pose is its origin
  kScale,       // the number that fits best
  kRigid,       // the rotation and the translation that fit best
  kProcrustes,  // and the number
};

enum class PoseOutput {
  kMean,     // of the distances of all counted joints
  kErrors,   // the distances, NaN for joints that do not count
  kAligned,  // pred after the alignment, which is kRigid or kProcrustes
};

inline constexpr int kMaxRoots = 16;
inline constexpr std::int64_t kPosesPerSum = 128;  // whose distances are added before the others'

struct MpjpeParams {
  ScalarReader pred, gt;  // [B, K, D]
  ScalarReader mask;      // [B, K]; joints of at least 0.5 count
  bool has_mask;
  PoseAlignment alignment;
  PoseOutput output;
  std::int64_t roots[kMaxRoots];
  int num_roots;
  std::int64_t batch, num_joints;
  int dims;              // D: 2, or 3; a plane is at z = 0
  double* sums;          // [max(1, ceil(B / 128)), 2]: distances, and how many; scratch
  std::int64_t* ticket;  // one number, for kernels on a GPU
  double* totals;        // [2]: their sums; backward reads them
  void* result;          // [], [B, K] or [B, K, D]
  // Backward.
  ScalarReader incoming;              // the shape of result
  void *pred_gradient, *gt_gradient;  // [B, K, D]
  bool is_double;                     // the results; otherwise float
  int threads;
};

// A pose that is read joint by joint, or several in the lanes of vectors: `Joints` has
//   read(k, p, g, counts): the coordinates, 0 where the joint does not count, and 1 or 0
//   raw(k, p): the prediction as it is
//   incoming(k, a): the gradient of aligned joint k
//   incoming(k): the gradient of its distance
//   error(k, e), point(k, p), gradients(k, p, g): to write them

// How one pose goes to the other.
template <class N>
struct PoseFit {
  N counts;  // 1, or 0 where its joints do not count because its root does not
  N usable;  // 1, or 0 where there is no alignment: then the results are NaN
  N number;  // of joints that count
  N pred_mean[3], gt_mean[3];
  N rotation[9], scale;  // a = (p - mean) R scale
  N square;              // of pred, about its mean or not
  N covariance[9];       // pred^T gt of norm 1
  N inverse_norm;        // of it before, or 0
};

// flag, or 0 where the value is not finite.
template <class N>
LOWERPOSE_INLINED N if_finite(const N& value, const N& flag) {
  const N zero = {}, most = zero + DBL_MAX, least = zero - DBL_MAX;
  const N below = value <= most ? flag : zero;
  return value >= least ? below : zero;
}

template <class N>
LOWERPOSE_INLINED N if_finite(const N (&values)[3], const N& flag) {
  return if_finite(values[0], if_finite(values[1], if_finite(values[2], flag)));
}

// a / b where flag is 1, and b is positive; 0 elsewhere.
template <class N>
LOWERPOSE_INLINED N divided(const N& a, const N& b, const N& flag) {
  const N zero = {}, one = zero + 1.0;
  const N safe = b > zero ? b : one;
  const N quotient = b > zero ? a / safe : zero;
  return flag > zero ? quotient : zero;
}

template <class N, class Joints>
LOWERPOSE_INLINED void fit_root(const MpjpeParams& p, Joints& joints, PoseFit<N>& fit) {
  for (int r = 0; r < p.num_roots; ++r) {
    N a[3], g[3], counts;
    joints.read(p.roots[r], a, g, counts);
    fit.counts = fit.counts * counts;
    for (int d = 0; d < 3; ++d) {
      fit.pred_mean[d] = fit.pred_mean[d] + a[d] / static_cast<double>(p.num_roots);
      fit.gt_mean[d] = fit.gt_mean[d] + g[d] / static_cast<double>(p.num_roots);
    }
  }
}

template <class N, class Joints>
LOWERPOSE_INLINED void fit_scale(const MpjpeParams& p, Joints& joints, PoseFit<N>& fit) {
  const N zero = {}, one = zero + 1.0;
  N product = zero;
  for (std::int64_t k = 0; k < p.num_joints; ++k) {
    N a[3], g[3], counts;
    joints.read(k, a, g, counts);
    fit.square = fit.square + (a[0] * a[0] + a[1] * a[1] + a[2] * a[2]);
    product = product + (a[0] * g[0] + a[1] * g[1] + a[2] * g[2]);
  }
  fit.usable = if_finite(product, if_finite(fit.square, one));
  // No number enlarges zeros.
  const N fits = divided(product, fit.square, fit.usable);
  fit.scale = fit.square > zero ? fits : one;
}

template <class N, class Joints>
LOWERPOSE_INLINED void fit_rotation(const MpjpeParams& p, Joints& joints, PoseFit<N>& fit) {
  const N zero = {}, one = zero + 1.0;
  for (std::int64_t k = 0; k < p.num_joints; ++k) {
    N a[3], g[3], counts;
    joints.read(k, a, g, counts);
    fit.number = fit.number + counts;
    for (int d = 0; d < 3; ++d) {
      fit.pred_mean[d] = fit.pred_mean[d] + a[d];
      fit.gt_mean[d] = fit.gt_mean[d] + g[d];
    }
  }
  const N number = fit.number > zero ? fit.number : one;
  for (int d = 0; d < 3; ++d) {
    fit.pred_mean[d] = fit.pred_mean[d] / number;
    fit.gt_mean[d] = fit.gt_mean[d] / number;
  }
  N(&c)[9] = fit.covariance;
  for (std::int64_t k = 0; k < p.num_joints; ++k) {
    N a[3], g[3], counts;
    joints.read(k, a, g, counts);
    for (int d = 0; d < 3; ++d) {
      a[d] = counts > zero ? a[d] - fit.pred_mean[d] : zero;
      g[d] = g[d] - fit.gt_mean[d];
    }
    fit.square = fit.square + (a[0] * a[0] + a[1] * a[1] + a[2] * a[2]);
    for (int i = 0; i < 3; ++i) {
      for (int j = 0; j < 3; ++j) c[3 * i + j] = c[3 * i + j] + a[i] * g[j];
    }
  }
  N norm = zero;
  for (const N& each : c) norm = norm + each * each;
  Elementwise<N>::root(norm);
  fit.usable = if_finite(norm, if_finite(fit.square, fit.number > zero ? one : zero));
  fit.inverse_norm = divided(one, norm, fit.usable);
  for (N& each : c) each = fit.usable > zero ? each * fit.inverse_norm : zero;
  best_rotation(c, fit.rotation);
  if (p.alignment == PoseAlignment::kRigid) return;
  N fits = zero;
  for (int n = 0; n < 9; ++n) fits = fits + c[n] * fit.rotation[n];
  fits = divided(fits * norm, fit.square, fit.usable);
  fit.scale = fit.square > zero ? fits : one;
}

template <class N, class Joints>
LOWERPOSE_INLINED void fit_pose(const MpjpeParams& p, Joints& joints, PoseFit<N>& fit) {
  fit.counts = fit.usable = fit.scale = N{} + 1.0;
  if (p.alignment == PoseAlignment::kRoot) {
    fit_root(p, joints, fit);
  } else if (p.alignment == PoseAlignment::kScale) {
    fit_scale(p, joints, fit);
  } else if (p.alignment != PoseAlignment::kNone) {
    fit_rotation(p, joints, fit);
  }
}

LOWERPOSE_HOST_DEVICE inline bool rotates(const MpjpeParams& p) {
  return p.alignment == PoseAlignment::kRigid || p.alignment == PoseAlignment::kProcrustes;
}

// to = (from - mean of pred) R scale, or what of that there is.
template <class N>
LOWERPOSE_INLINED void align_joint(const MpjpeParams& p, const PoseFit<N>& fit, const N (&from)[3],
                                   N (&to)[3]) {
  N x[3];
  for (int d = 0; d < 3; ++d) x[d] = (from[d] - fit.pred_mean[d]) * fit.scale;
  if (!rotates(p)) {
    for (int d = 0; d < 3; ++d) to[d] = x[d];
    return;
  }
  const N(&r)[9] = fit.rotation;
  for (int d = 0; d < 3; ++d) to[d] = x[0] * r[d] + x[1] * r[3 + d] + x[2] * r[6 + d];
}

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
