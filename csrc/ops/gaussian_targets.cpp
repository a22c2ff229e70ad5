#include "ops/gaussian_targets.h"

#include "core/check.h"
#include "core/dispatch.h"

namespace lowerpose {
namespace {

void take_outputs(Checker& check, const TensorView& targets, const TensorView& weights,
                  GaussianTargetsParams& params) {
  const std::int64_t batch = params.batch, num_joints = params.num_joints;
  check.output("targets", targets);
  check.dtype("targets", targets, kHeatmapDTypes);
  check.shape("targets", targets, "[B, K, H, W]", {batch, num_joints, kAny, kAny});
  check.output("weights", weights);
  check.dtype("weights", weights, {DType::kFloat32});
  params.instance_weights = weights.ndim == 4;
  if (params.instance_weights) {
    check.shape("weights", weights, "[B, N, K, 1]", {batch, params.instances, num_joints, 1});
  } else {
    check.shape("weights", weights, "[B, K, 1]", {batch, num_joints, 1});
  }
  params.targets = targets.data;
  params.weights = static_cast<float*>(weights.data);
  params.height = targets.shape[2];
  params.width = targets.shape[3];
}

}  // namespace

void gaussian_targets(const TensorView& joints, const TensorView& visible,
                      const TensorView& targets, const TensorView& weights, double sigma,
                      const std::optional<TensorView>& sigmas, const GaussianJointsOptions& options,
                      int threads) {
  Checker check("gaussian_targets");
  GaussianTargetsParams params;
  take_gaussian_joints(check, joints, visible, sigma, sigmas, options, params);
  take_outputs(check, targets, weights, params);
  params.threads = threads;
  dispatch_heatmap(targets.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    check.run([&] { cpu::gaussian_targets<T>(params); },
              [&](const Stream& stream) { return cuda::gaussian_targets<T>(params, stream); });
  });
}

}  // namespace lowerpose
