#include "ops/joints_mse.h"

#include <algorithm>
#include <cmath>

#include "core/check.h"
#include "core/dispatch.h"
#include "core/scratch.h"

namespace lowerpose {
namespace {

void check_maps(Checker& check, const char* argument, const TensorView& maps) {
  check.tensor(argument, maps);
  check.dtype(argument, maps, kHeatmapDTypes);
  check.shape(argument, maps, "[B, K, H, W]", {kAny, kAny, kAny, kAny});
}

void fill(Checker& check, const TensorView& output, const TensorView& target,
          const std::optional<TensorView>& weight, const JointsMSEOptions& options, int threads,
          JointsMSEParams& params) {
  check_maps(check, "output", output);
  const std::int64_t batch = output.shape[0], num_joints = output.shape[1];
  check.tensor("target", target);
  check.dtype("target", target, kHeatmapDTypes);
  check.shape("target", target, "[B, K, H, W] like output",
              {batch, num_joints, output.shape[2], output.shape[3]});
  if (weight) {
    check.tensor("target_weight", *weight);
    check.per_map("target_weight", *weight, batch, num_joints);
    params.weight = ScalarReader(*weight);
  }
  check.value(std::isfinite(options.loss_weight), "loss_weight", "finite", options.loss_weight);

  params.output = HeatmapsView(output);
  params.target = HeatmapsView(target);
  params.weighted = weight.has_value();
  params.squared_weight = options.squared_weight;
  params.batch = batch;
  params.num_joints = num_joints;
  params.height = output.shape[2];
  params.width = output.shape[3];
  const std::int64_t count = output.numel();
  params.scale = count == 0 ? 0.0 : options.loss_weight;
  if (options.mean && count > 0) params.scale /= static_cast<double>(count);
  params.threads = threads;
}

void check_gradient(Checker& check, const TensorView& gradient, const TensorView& output) {
  // The face makes it with output's own strides, so that a channels_last map stays one.
  check.writable("gradient", gradient);
  check.dtype("gradient", gradient, {output.dtype});
  check.shape("gradient", gradient, "[B, K, H, W] like output",
              {output.shape[0], output.shape[1], output.shape[2], output.shape[3]});
}

// One partial sum a block, however the maps lie, and a counter.
std::int64_t scratch_on_gpu(std::int64_t batch, std::int64_t num_joints, std::int64_t area) {
  const auto blocks = [area](std::int64_t pixels) { return (area + pixels - 1) / pixels; };
  return 1 + batch * std::max(num_joints * blocks(kJointsMSEValuesPerBlock),
                              blocks(joints_mse_pixels_per_block(num_joints)));
}

std::int64_t scratch_size(const Checker& check, const TensorView& output) {
  const std::int64_t batch = output.shape[0], num_joints = output.shape[1];
  if (check.on_cpu()) return batch * num_joints;
  return scratch_on_gpu(batch, num_joints, output.shape[2] * output.shape[3]);
}

// Calls `run` with the tags of both types.
template <class Run>
void dispatch_pair(DType output, DType target, Run&& run) {
  dispatch_heatmap(output, [&](auto output_tag) {
    dispatch_heatmap(target, [&](auto target_tag) { run(output_tag, target_tag); });
  });
}

}  // namespace

std::int64_t joints_mse_scratch(const TensorView& output) {
  Checker check("joints_mse_loss");
  check_maps(check, "output", output);
  return scratch_size(check, output);
}

void joints_mse(const TensorView& output, const TensorView& target,
                const std::optional<TensorView>& weight, const TensorView& loss,
                const std::optional<TensorView>& scratch, const std::optional<TensorView>& gradient,
                const JointsMSEOptions& options, int threads) {
  Checker check("joints_mse_loss");
  JointsMSEForwardParams params;
  fill(check, output, target, weight, options, threads, params);
  const bool is_double = output.dtype == DType::kFloat64 || target.dtype == DType::kFloat64;
  check.output("loss", loss);
  check.dtype("loss", loss, {is_double ? DType::kFloat64 : DType::kFloat32});
  check.shape("loss", loss, "one number", {});
  const Scratch sums(check, "scratch", scratch, "[S]", {scratch_size(check, output)});
  params.scratch = sums.data();
  if (gradient) {
    check_gradient(check, *gradient, output);
    params.gradient = HeatmapsView(*gradient);
  }
  params.loss = loss.data;
  dispatch_pair(output.dtype, target.dtype, [&](auto output_tag, auto target_tag) {
    using O = typename decltype(output_tag)::type;
    using T = typename decltype(target_tag)::type;
    check.run([&] { cpu::joints_mse<O, T>(params); },
              [&](const Stream& stream) { return cuda::joints_mse<O, T>(params, stream); });
  });
}

void joints_mse_backward(const TensorView& incoming, const TensorView& output,
                         const TensorView& target, const std::optional<TensorView>& weight,
                         const TensorView& gradient, bool unless_one,
                         const JointsMSEOptions& options, int threads) {
  Checker check("joints_mse_loss");
  JointsMSEBackwardParams params;
  fill(check, output, target, weight, options, threads, params);
  check.tensor("incoming", incoming);
  check.shape("incoming", incoming, "one number", {});
  check_gradient(check, gradient, output);
  params.incoming = ScalarReader(incoming);
  params.gradient = HeatmapsView(gradient);
  params.unless_one = unless_one;
  dispatch_pair(output.dtype, target.dtype, [&](auto output_tag, auto target_tag) {
    using O = typename decltype(output_tag)::type;
    using T = typename decltype(target_tag)::type;
    check.run(
        [&] { cpu::joints_mse_backward<O, T>(params); },
        [&](const Stream& stream) { return cuda::joints_mse_backward<O, T>(params, stream); });
  });
}

}  // namespace lowerpose
