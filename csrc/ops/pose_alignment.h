// How a pose in space is brought to its ground truth.
#pragma once

#include <cfloat>
#include <cstdint>

#include "core/host_device.h"
#include "core/rotation.h"
#include "core/scalar_reader.h"

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

}  // namespace lowerpose
