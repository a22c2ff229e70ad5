// Gaussian target heatmaps from joints.
#pragma once

#include <optional>

#include "ops/gaussian_joints.h"

namespace lowerpose {

struct GaussianTargetsParams : GaussianJointsParams {
  void* targets;   // [B, K, H, W], contiguous
  float* weights;  // [B, K], or [B, N, K] if instance_weights; contiguous
  bool instance_weights;
  int threads;
};

// One map a joint, the pixelwise maximum over the instances. `sigmas` in place of `sigma`: [K], one
// a joint, or [B, N], one an instance.
//
// A joint whose coordinates are not finite, or beyond 2^30 in size, has weight 0 and an empty map,
// and so has one whose visibility is not finite, or whose own sigma is not positive and finite.
// Float and double values below the smallest normal number of their type become 0.
void gaussian_targets(const TensorView& joints, const TensorView& visible,
                      const TensorView& targets, const TensorView& weights, double sigma,
                      const std::optional<TensorView>& sigmas, const GaussianJointsOptions& options,
                      int threads);

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
