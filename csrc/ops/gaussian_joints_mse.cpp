#include "ops/gaussian_joints_mse.h"

#include <algorithm>
#include <cmath>

#include "core/check.h"
#include "core/dispatch.h"
#include "core/scratch.h"

namespace lowerpose {
namespace {

constexpr const char* kOperation = "gaussian_joints_mse_loss";

void check_output(Checker& check, const TensorView& output) {
  check.tensor("output", output);
  check.dtype("output", output, kHeatmapDTypes);
  check.shape("output", output, "[B, K, H, W]", {kAny, kAny, kAny, kAny});
}

void fill(Checker& check, const TensorView& output, const TensorView& joints,
          const TensorView& visible, double sigma, const std::optional<TensorView>& sigmas,
          const GaussianJointsOptions& drawing, const GaussianJointsMSEOptions& options,
          int threads, GaussianJointsMSEParams& params) {
  check_output(check, output);
  take_gaussian_joints(check, joints, visible, sigma, sigmas, drawing, params);
  if (params.batch != output.shape[0] || params.num_joints != output.shape[1]) {
    check.value(false, "joints",
                "of as many samples and joints as output, " + describe_shape(output),
                describe_shape(joints));
  }
  check.value(std::isfinite(options.loss_weight), "loss_weight", "finite", options.loss_weight);
  if (options.topk < 0 || options.topk > params.num_joints) {
    check.value(false, "topk",
                "from 1 to the number of joints, " + std::to_string(params.num_joints),
                std::to_string(options.topk));
  }
  params.output = HeatmapsView(output);
  params.height = output.shape[2];
  params.width = output.shape[3];
  params.weighted = options.weighted;
  params.squared_weight = options.squared_weight;
  const std::int64_t count = output.numel();
  params.scale = count == 0 ? 0.0 : options.loss_weight;
  // The hardest joints' mean is over fewer maps, which is their own scale's business.
  if (options.mean && options.topk == 0 && count > 0) params.scale /= static_cast<double>(count);
  params.threads = threads;
}

void check_gradient(Checker& check, const TensorView& gradient, const TensorView& output) {
  // The face makes it with output's own strides, so that a channels_last map stays one.
  check.writable("gradient", gradient);
  check.dtype("gradient", gradient, {output.dtype});
  check.shape("gradient", gradient, "[B, K, H, W] like output",
              {output.shape[0], output.shape[1], output.shape[2], output.shape[3]});
}

// What both gradients take.
template <class Params>
void take_incoming(Checker& check, const TensorView& incoming,
                   const std::optional<TensorView>& scales, Params& params) {
  check.tensor("incoming", incoming);
  check.shape("incoming", incoming, "one number", {});
  params.incoming = ScalarReader(incoming);
  params.has_scales = scales.has_value();
  if (scales) {
    check.packed("scales", *scales, DType::kFloat64, "[B, K]", {params.batch, params.num_joints});
    params.scales = ScalarReader(*scales);
  }
}

// One number a map, two where the hardest are looked for. A GPU has partial sums and a counter
// besides: one a tile.
std::int64_t scratch_size(const Checker& check, const TensorView& output, std::int64_t topk) {
  const std::int64_t maps = output.shape[0] * output.shape[1];
  const std::int64_t kept = topk > 0 ? 2 * maps : 0;
  if (check.on_cpu()) return std::max(kept, maps);
  const auto tiles = [](std::int64_t size) {
    return (size + kGaussianJointsMSETile - 1) / kGaussianJointsMSETile;
  };
  return 1 + kept + maps * tiles(output.shape[2]) * tiles(output.shape[3]);
}

}  // namespace

std::int64_t gaussian_joints_mse_scratch(const TensorView& output, std::int64_t topk) {
  Checker check(kOperation);
  check_output(check, output);
  return scratch_size(check, output, topk);
}

void gaussian_joints_mse(const TensorView& output, const TensorView& joints,
                         const TensorView& visible, double sigma,
                         const std::optional<TensorView>& sigmas,
                         const GaussianJointsOptions& drawing, const TensorView& loss,
                         const std::optional<TensorView>& scratch,
                         const std::optional<TensorView>& gradient,
                         const std::optional<TensorView>& scales,
                         const GaussianJointsMSEOptions& options, int threads) {
  Checker check(kOperation);
  GaussianJointsMSEForwardParams params = {};
  fill(check, output, joints, visible, sigma, sigmas, drawing, options, threads, params);
  const DType number = output.dtype == DType::kFloat64 ? DType::kFloat64 : DType::kFloat32;
  check.packed_output("loss", loss, number, "one number", {});
  const Scratch sums(check, "scratch", scratch, "[S]", {scratch_size(check, output, options.topk)});
  if (gradient) {
    check.value(options.topk == 0, "gradient", "left out with topk", "a tensor");
    check_gradient(check, *gradient, output);
    params.gradient = HeatmapsView(*gradient);
  }
  std::optional<Scratch> own_scales;
  if (options.topk > 0) {
    own_scales.emplace(check, "scales", scales, "[B, K]",
                       std::initializer_list<std::int64_t>{params.batch, params.num_joints});
    params.scales = own_scales->data();
  }
  params.topk = options.topk;
  params.loss = loss.data;
  params.scratch = sums.data();
  dispatch_heatmap(output.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    check.run([&] { cpu::gaussian_joints_mse<T>(params); },
              [&](const Stream& stream) { return cuda::gaussian_joints_mse<T>(params, stream); });
  });
}

void gaussian_joints_mse_backward(const TensorView& incoming, const TensorView& output,
                                  const TensorView& joints, const TensorView& visible, double sigma,
                                  const std::optional<TensorView>& sigmas,
                                  const GaussianJointsOptions& drawing,
                                  const std::optional<TensorView>& scales,
                                  const TensorView& gradient, bool unless_one,
                                  const GaussianJointsMSEOptions& options, int threads) {
  Checker check(kOperation);
  GaussianJointsMSEBackwardParams params = {};
  fill(check, output, joints, visible, sigma, sigmas, drawing, options, threads, params);
  take_incoming(check, incoming, scales, params);
  check_gradient(check, gradient, output);
  params.gradient = HeatmapsView(gradient);
  params.unless_one = unless_one;
  dispatch_heatmap(output.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    check.run([&] { cpu::gaussian_joints_mse_backward<T>(params); },
              [&](const Stream& stream) {
                return cuda::gaussian_joints_mse_backward<T>(params, stream);
              });
  });
}

void gaussian_joints_mse_joints_backward(const TensorView& incoming, const TensorView& output,
                                         const TensorView& joints, const TensorView& visible,
                                         double sigma, const std::optional<TensorView>& sigmas,
                                         const GaussianJointsOptions& drawing,
                                         const std::optional<TensorView>& scales,
                                         const TensorView& to_joints, const TensorView& to_sigmas,
                                         const GaussianJointsMSEOptions& options, int threads) {
  Checker check(kOperation);
  GaussianJointsMSEJointsBackwardParams params = {};
  fill(check, output, joints, visible, sigma, sigmas, drawing, options, threads, params);
  take_incoming(check, incoming, scales, params);
  if (params.instances != 1) {
    check.value(false, "joints", "of one instance where a gradient flows to them",
                describe_shape(joints));
  }
  check.value(params.center == Center::kExact && params.window == Window::kFull, "preset",
              "'exact' where a gradient flows to joints or sigma", drawing.center);
  check.packed_output("to_joints", to_joints, DType::kFloat64, "[B, K, 2]",
                      {params.batch, params.num_joints, 2});
  check.packed_output("to_sigmas", to_sigmas, DType::kFloat64, "[B, K]",
                      {params.batch, params.num_joints});
  params.to_joints = data_of<double>(to_joints);
  params.to_sigmas = data_of<double>(to_sigmas);
  dispatch_heatmap(output.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    check.run([&] { cpu::gaussian_joints_mse_joints_backward<T>(params); },
              [&](const Stream& stream) {
                return cuda::gaussian_joints_mse_joints_backward<T>(params, stream);
              });
  });
}

}  // namespace lowerpose
