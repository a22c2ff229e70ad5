#include "ops/gaussian_targets.h"

#include <cmath>

#include "core/check.h"
#include "core/dispatch.h"

namespace lowerpose {

void gaussian_targets(const TensorView& joints, const TensorView& visible,
                      const TensorView& targets, const TensorView& weights, double sigma,
                      const GaussianTargetsOptions& options, int threads) {
  Checker check("gaussian_targets");
  check.tensor("joints", joints);
  check.shape("joints", joints, "[B, K, 2]", {kAny, kAny, 2});
  const std::int64_t batch = joints.shape[0], num_joints = joints.shape[1];
  check.tensor("visible", visible);
  check.per_map("visible", visible, batch, num_joints);
  check.output("targets", targets);
  check.dtype("targets", targets, kHeatmapDTypes);
  check.shape("targets", targets, "[B, K, H, W]", {batch, num_joints, kAny, kAny});
  check.output("weights", weights);
  check.dtype("weights", weights, {DType::kFloat32});
  check.shape("weights", weights, "[B, K, 1]", {batch, num_joints, 1});
  check.value(std::isfinite(3 * sigma) && sigma > 0, "sigma", "positive and finite", sigma);

  GaussianTargetsParams params;
  params.center = check.word<Center>("center", options.center,
                                     {{"exact", Center::kExact},
                                      {"round", Center::kRound},
                                      {"round_float64", Center::kRoundFloat64}});
  params.window = check.word<Window>("window", options.window,
                                     {{"full", Window::kFull},
                                      {"three_sigma", Window::kThreeSigma},
                                      {"three_sigma_from_edge", Window::kThreeSigmaFromEdge}});
  params.half_is_visible =
      check.word<bool>("visible", options.visible, {{">=", true}, {">", false}});
  params.copy_weight =
      check.word<bool>("weight", options.weight, {{"copy", true}, {"binary", false}});
  params.zero_weight_outside =
      check.word<bool>("outside", options.outside, {{"zero", true}, {"keep", false}});
  // The project whose window this is draws a kernel of int(6 sigma + 1) pixels into it, which is
  // one pixel short here, and stops with an error.
  const double fraction = 3 * sigma - std::floor(3 * sigma);
  check.value(params.window != Window::kThreeSigma || fraction == 0 || fraction >= 0.5, "sigma",
              "such that 3 * sigma has no fractional part between 0 and 0.5 (the three-sigma "
              "window is not defined there)",
              sigma);

  params.joints = ScalarReader(joints);
  params.visible = ScalarReader(visible);
  params.targets = targets.data;
  params.weights = static_cast<float*>(weights.data);
  params.batch = batch;
  params.num_joints = num_joints;
  params.height = targets.shape[2];
  params.width = targets.shape[3];
  params.sigma = sigma;
  params.float32_joints = joints.dtype == DType::kFloat32;
  params.threads = threads;
  dispatch_heatmap(targets.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    check.run([&] { cpu::gaussian_targets<T>(params); },
              [&](const Stream& stream) { return cuda::gaussian_targets<T>(params, stream); });
  });
}

}  // namespace lowerpose
