#include "ops/joints_mse.h"

#include <cmath>

#include "core/check.h"
#include "core/dispatch.h"

namespace lowerpose {
namespace {

void fill(Checker& check, const TensorView& output, const TensorView& target,
          const std::optional<TensorView>& weight, double loss_weight, int threads,
          JointsMSEParams& params) {
  check.tensor("output", output);
  check.dtype("output", output, kHeatmapDTypes);
  check.shape("output", output, "[B, K, H, W]", {kAny, kAny, kAny, kAny});
  const std::int64_t batch = output.shape[0], num_joints = output.shape[1];
  check.tensor("target", target);
  check.dtype("target", target, {output.dtype});
  check.shape("target", target, "[B, K, H, W] like output",
              {batch, num_joints, output.shape[2], output.shape[3]});
  if (weight) {
    check.tensor("target_weight", *weight);
    check.dtype("target_weight", *weight, kReadableDTypes);
    if (weight->ndim == 3) {
      check.shape("target_weight", *weight, "[B, K, 1]", {batch, num_joints, 1});
    } else {
      check.shape("target_weight", *weight, "[B, K]", {batch, num_joints});
    }
    params.weight = ScalarReader(*weight);
  }
  check.value(std::isfinite(loss_weight), "loss_weight", "finite", loss_weight);

  params.output = HeatmapsView(output);
  params.target = HeatmapsView(target);
  params.weighted = weight.has_value();
  params.batch = batch;
  params.num_joints = num_joints;
  params.height = output.shape[2];
  params.width = output.shape[3];
  const std::int64_t count = output.numel();
  params.scale = count == 0 ? 0.0 : loss_weight / static_cast<double>(count);
  params.threads = threads;
}

}  // namespace

void joints_mse(const TensorView& output, const TensorView& target,
                const std::optional<TensorView>& weight, const TensorView& loss,
                const TensorView& partials, double loss_weight, int threads) {
  Checker check("joints_mse_loss");
  JointsMSEForwardParams params;
  fill(check, output, target, weight, loss_weight, threads, params);
  check.output("loss", loss);
  check.dtype("loss", loss, {output.dtype});
  check.shape("loss", loss, "one number", {});
  check.output("partials", partials);
  check.dtype("partials", partials, {DType::kFloat64});
  check.shape("partials", partials, "[B, K]", {params.batch, params.num_joints});
  params.loss = loss.data;
  params.partials = static_cast<double*>(partials.data);
  if (output.device == Device::kCUDA) check.refuse_cuda();
  dispatch_heatmap(output.dtype,
                   [&](auto tag) { cpu::joints_mse<typename decltype(tag)::type>(params); });
}

void joints_mse_backward(const TensorView& incoming, const TensorView& output,
                         const TensorView& target, const std::optional<TensorView>& weight,
                         const TensorView& gradient, double loss_weight, int threads) {
  Checker check("joints_mse_backward");
  JointsMSEBackwardParams params;
  fill(check, output, target, weight, loss_weight, threads, params);
  check.tensor("incoming", incoming);
  check.dtype("incoming", incoming, kReadableDTypes);
  check.shape("incoming", incoming, "one number", {});
  // The face makes it with output's own strides, so that a channels_last map stays one.
  check.writable("gradient", gradient);
  check.dtype("gradient", gradient, {output.dtype});
  check.shape("gradient", gradient, "[B, K, H, W] like output",
              {params.batch, params.num_joints, params.height, params.width});
  params.incoming = ScalarReader(incoming);
  params.gradient = HeatmapsView(gradient);
  if (output.device == Device::kCUDA) check.refuse_cuda();
  dispatch_heatmap(output.dtype, [&](auto tag) {
    cpu::joints_mse_backward<typename decltype(tag)::type>(params);
  });
}

}  // namespace lowerpose
