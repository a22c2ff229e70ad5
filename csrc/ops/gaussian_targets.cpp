#include "ops/gaussian_targets.h"

#include <cmath>

#include "core/check.h"
#include "core/dispatch.h"

namespace lowerpose {

void gaussian_targets(const TensorView& joints, const TensorView& visible,
                      const TensorView& targets, const TensorView& weights, double sigma,
                      const std::string& center, const std::string& window, int threads) {
  Checker check("gaussian_targets");
  check.tensor("joints", joints);
  check.dtype("joints", joints, kReadableDTypes);
  check.shape("joints", joints, "[B, K, 2]", {kAny, kAny, 2});
  const std::int64_t batch = joints.shape[0], num_joints = joints.shape[1];
  check.tensor("visible", visible);
  check.dtype("visible", visible, kReadableDTypes);
  if (visible.ndim == 3) {
    check.shape("visible", visible, "[B, K, 1]", {batch, num_joints, 1});
  } else {
    check.shape("visible", visible, "[B, K]", {batch, num_joints});
  }
  check.output("targets", targets);
  check.dtype("targets", targets, kHeatmapDTypes);
  check.shape("targets", targets, "[B, K, H, W]", {batch, num_joints, kAny, kAny});
  check.output("weights", weights);
  check.dtype("weights", weights, {DType::kFloat32});
  check.shape("weights", weights, "[B, K, 1]", {batch, num_joints, 1});
  check.value(std::isfinite(sigma) && sigma > 0, "sigma", "positive and finite", sigma);
  check.value(center == "exact" || center == "round", "center", "'exact' or 'round'", center);
  check.value(window == "full" || window == "three_sigma", "window", "'full' or 'three_sigma'",
              window);

  const bool full = window == "full";
  const double fraction = 3 * sigma - std::floor(3 * sigma);
  // The project whose window this is draws a kernel of int(6 sigma + 1) pixels into it, which is
  // one pixel short here, and stops with an error.
  check.value(full || fraction == 0 || fraction >= 0.5, "sigma",
              "such that 3 * sigma has no fractional part between 0 and 0.5 (the three-sigma "
              "window is not defined there)",
              sigma);

  GaussianTargetsParams params;
  params.joints = ScalarReader(joints);
  params.visible = ScalarReader(visible);
  params.targets = targets.data;
  params.weights = static_cast<float*>(weights.data);
  params.batch = batch;
  params.num_joints = num_joints;
  params.height = targets.shape[2];
  params.width = targets.shape[3];
  params.sigma = sigma;
  params.center = center == "exact" ? Center::kExact : Center::kRound;
  params.window = full ? Window::kFull : Window::kThreeSigma;
  params.float32_joints = joints.dtype == DType::kFloat32;
  params.threads = threads;
  if (joints.device == Device::kCUDA) check.refuse_cuda();
  dispatch_heatmap(targets.dtype,
                   [&](auto tag) { cpu::gaussian_targets<typename decltype(tag)::type>(params); });
}

}  // namespace lowerpose
