// The weighted mean squared error between heatmaps and the Gaussians of joints, which are never
// written anywhere; and its gradients.
#pragma once

#include <cstdint>
#include <optional>

#include "core/heatmaps_view.h"
#include "core/host_device.h"
#include "core/scalar_reader.h"
#include "core/tensor_view.h"
#include "ops/gaussian_joints.h"
#include "ops/hardest_joints.h"
#include "ops/joints_mse.h"

namespace lowerpose {

// loss = scale * sum over b, k of factor(b, k) * sum over pixels of (output - target)^2, where
// target is what gaussian_targets draws, and the factor is 1 or comes from the weight beside it.
struct GaussianJointsMSEParams : GaussianJointsParams {
  HeatmapsView output;
  bool weighted;        // otherwise every factor is 1
  bool squared_weight;  // the factor is the weight squared
  double scale;
  int threads;
};

struct GaussianJointsMSEForwardParams : GaussianJointsMSEParams {
  void* loss;             // one number: double where the output is, else float
  double* scratch;        // partial sums, which are added in a fixed order whatever the threads
  HeatmapsView gradient;  // of output's type; without memory if it is not wanted
  std::int64_t topk;      // of each sample; 0 for all joints, else there is no gradient
  double* scales;         // [B, K], where topk > 0: what the maps' gradients are multiplied by
};

// The gradient with respect to the output is 2 * incoming * s * (output - target), where s is
// scales(b, k) if has_scales, as for the hardest joints, else scale * factor(b, k).
struct GaussianJointsMSEBackwardParams : GaussianJointsMSEParams {
  ScalarReader incoming;  // one number
  ScalarReader scales;    // [B, K], if has_scales
  bool has_scales;
  HeatmapsView gradient;  // of output's type
  bool unless_one;        // it is there already for an incoming gradient of 1
};

// The gradients with respect to the joints and their sigmas, for one instance drawn at its exact
// center over the whole map.
struct GaussianJointsMSEJointsBackwardParams : GaussianJointsMSEParams {
  ScalarReader incoming, scales;  // as above
  bool has_scales;
  double* to_joints;  // [B, K, 2]
  double* to_sigmas;  // [B, K]
};

struct GaussianJointsMSEOptions {
  bool weighted;
  bool squared_weight;
  bool mean;          // over all elements; else their sum
  std::int64_t topk;  // 0, or how many of each sample's joints count
  double loss_weight;
};

// What the squared differences of one map are multiplied by.
LOWERPOSE_HOST_DEVICE inline double gaussian_joints_mse_factor(const GaussianJointsMSEParams& p,
                                                               float weight) {
  const double factor = p.weighted ? static_cast<double>(weight) : 1.0;
  return p.squared_weight ? factor * factor : factor;
}

// The sums that the hardest joints are found from, at the end of the scratch.
LOWERPOSE_HOST_DEVICE inline HardestJoints hardest_joints(const GaussianJointsMSEForwardParams& p,
                                                          double* sums) {
  return {sums, 2, p.scales, p.batch, p.num_joints, p.height * p.width, p.topk, p.scale};
}

// Sums over a map's pixels of (output - target) * target, times the distances from the joint along
// x and along y, and times the square of the distance.
struct GaussianMoments {
  double x, y, squared;
};

// The gradients with respect to a joint and its sigma. `scale` is that of (output - target) in the
// gradient with respect to the output.
LOWERPOSE_HOST_DEVICE inline void gaussian_joints_mse_finish(const GaussianMoments& moments,
                                                             double sigma, double scale,
                                                             double* to_joint, double* to_sigma) {
  // One division after another: the square of a tiny sigma is 0, and 0 / 0 no number.
  to_joint[0] = -scale * (moments.x / sigma / sigma);
  to_joint[1] = -scale * (moments.y / sigma / sigma);
  *to_sigma = -scale * (moments.squared / sigma / sigma / sigma);
}

// A block of a GPU works on this many rows and columns of one map, or what is left.
inline constexpr std::int64_t kGaussianJointsMSETile = 64;

// How many doubles `scratch` has for these maps.
std::int64_t gaussian_joints_mse_scratch(const TensorView& output, std::int64_t topk);

// The gradient is for an incoming gradient of 1. `scales` are wanted where options.topk > 0; they
// and `scratch` may be left out on the CPU. The loss weight, and the mean's division, are in
// the loss and in all gradients. An empty batch has loss 0.
void gaussian_joints_mse(const TensorView& output, const TensorView& joints,
                         const TensorView& visible, double sigma,
                         const std::optional<TensorView>& sigmas,
                         const GaussianJointsOptions& drawing, const TensorView& loss,
                         const std::optional<TensorView>& scratch,
                         const std::optional<TensorView>& gradient,
                         const std::optional<TensorView>& scales,
                         const GaussianJointsMSEOptions& options, int threads);

void gaussian_joints_mse_backward(const TensorView& incoming, const TensorView& output,
                                  const TensorView& joints, const TensorView& visible, double sigma,
                                  const std::optional<TensorView>& sigmas,
                                  const GaussianJointsOptions& drawing,
                                  const std::optional<TensorView>& scales,
                                  const TensorView& gradient, bool unless_one,
                                  const GaussianJointsMSEOptions& options, int threads);

void gaussian_joints_mse_joints_backward(const TensorView& incoming, const TensorView& output,
                                         const TensorView& joints, const TensorView& visible,
                                         double sigma, const std::optional<TensorView>& sigmas,
                                         const GaussianJointsOptions& drawing,
                                         const std::optional<TensorView>& scales,
                                         const TensorView& to_joints, const TensorView& to_sigmas,
                                         const GaussianJointsMSEOptions& options, int threads);

namespace cpu {
template <class Output>
void gaussian_joints_mse(const GaussianJointsMSEForwardParams& params);
template <class Output>
void gaussian_joints_mse_backward(const GaussianJointsMSEBackwardParams& params);
template <class Output>
void gaussian_joints_mse_joints_backward(const GaussianJointsMSEJointsBackwardParams& params);
}  // namespace cpu
namespace cuda {
template <class Output>
const char* gaussian_joints_mse(const GaussianJointsMSEForwardParams& params, const Stream& stream);
template <class Output>
const char* gaussian_joints_mse_backward(const GaussianJointsMSEBackwardParams& params,
                                         const Stream& stream);
template <class Output>
const char* gaussian_joints_mse_joints_backward(const GaussianJointsMSEJointsBackwardParams& params,
                                                const Stream& stream);
}  // namespace cuda

}  // namespace lowerpose
