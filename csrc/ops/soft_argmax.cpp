#include "ops/soft_argmax.h"

#include "core/check.h"
#include "core/dispatch.h"

namespace lowerpose {
namespace {

// Whether beta has a number for each joint; else it has one for all.
bool is_per_joint(const std::optional<TensorView>& beta) { return beta && beta->numel() != 1; }

void fill(Checker& check, const TensorView& heatmaps, const std::optional<TensorView>& beta,
          double beta_value, bool normalized, const TensorView& state, int threads,
          SoftArgmaxParams& params) {
  check.tensor("heatmaps", heatmaps);
  check.dtype("heatmaps", heatmaps, kHeatmapDTypes);
  check.shape("heatmaps", heatmaps, "[B, K, H, W]", {kAny, kAny, kAny, kAny});
  check.value(heatmaps.shape[2] > 0 && heatmaps.shape[3] > 0, "heatmaps",
              "maps of at least one pixel", describe_shape(heatmaps));
  const std::int64_t batch = heatmaps.shape[0], num_joints = heatmaps.shape[1];
  params.has_beta = beta.has_value();
  params.beta_value = beta_value;
  if (beta) {
    check.tensor("beta", *beta);
    TensorView read = *beta;
    if (is_per_joint(beta)) {
      check.shape("beta", *beta, "one number or [K]", {num_joints});
    } else {
      check.value(beta->ndim <= 1, "beta", "one number or [K]", describe_shape(*beta));
      read.strides[0] = 0;
    }
    params.beta = ScalarReader(read);
  } else {
    check.value(std::isfinite(beta_value), "beta", "finite", beta_value);
  }
  check.output("state", state);
  check.dtype("state", state, {DType::kFloat64});
  check.shape("state", state, "[B, K, 4]", {batch, num_joints, 4});

  params.heatmaps = HeatmapsView(heatmaps);
  params.normalized = normalized;
  params.state = static_cast<double*>(state.data);
  params.batch = batch;
  params.num_joints = num_joints;
  params.height = heatmaps.shape[2];
  params.width = heatmaps.shape[3];
  params.threads = threads;
}

}  // namespace

void soft_argmax(const TensorView& heatmaps, const std::optional<TensorView>& beta,
                 double beta_value, bool normalized, const TensorView& coords,
                 const TensorView& state, int threads) {
  Checker check("soft_argmax2d");
  SoftArgmaxForwardParams params;
  fill(check, heatmaps, beta, beta_value, normalized, state, threads, params);
  check.output("coords", coords);
  check.dtype("coords", coords,
              {heatmaps.dtype == DType::kFloat64 ? DType::kFloat64 : DType::kFloat32});
  check.shape("coords", coords, "[B, K, 2]", {params.batch, params.num_joints, 2});
  params.coords = coords.data;
  dispatch_heatmap(heatmaps.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    check.run([&] { cpu::soft_argmax<T>(params); },
              [&](const Stream& stream) { return cuda::soft_argmax<T>(params, stream); });
  });
}

void soft_argmax_backward(const TensorView& incoming, const TensorView& heatmaps,
                          const std::optional<TensorView>& beta, double beta_value, bool normalized,
                          const TensorView& state, const std::optional<TensorView>& gradient,
                          const std::optional<TensorView>& beta_gradient,
                          const std::optional<TensorView>& scratch, int threads) {
  Checker check("soft_argmax2d");
  SoftArgmaxBackwardParams params = {};
  fill(check, heatmaps, beta, beta_value, normalized, state, threads, params);
  check.tensor("incoming", incoming);
  check.shape("incoming", incoming, "[B, K, 2]", {params.batch, params.num_joints, 2});
  params.incoming = ScalarReader(incoming);
  if (gradient) {
    // The face makes it with the heatmaps' own strides, so that a channels_last map stays one.
    check.writable("gradient", *gradient);
    check.dtype("gradient", *gradient, {heatmaps.dtype});
    check.shape("gradient", *gradient, "[B, K, H, W] like heatmaps",
                {params.batch, params.num_joints, params.height, params.width});
    params.gradient = HeatmapsView(*gradient);
  }
  if (beta_gradient) {
    check.value(scratch.has_value(), "scratch", "there for the gradient of beta", "None");
    params.beta_per_joint = is_per_joint(beta);
    check.output("beta_gradient", *beta_gradient);
    check.dtype("beta_gradient", *beta_gradient, {DType::kFloat32, DType::kFloat64});
    check.shape("beta_gradient", *beta_gradient, "one number or [K] like beta",
                {params.beta_per_joint ? params.num_joints : 1});
    check.output("scratch", *scratch);
    check.dtype("scratch", *scratch, {DType::kFloat64});
    check.shape("scratch", *scratch, "[1 + B * K]", {1 + params.batch * params.num_joints});
    params.beta_gradient = beta_gradient->data;
    params.beta_gradient_is_double = beta_gradient->dtype == DType::kFloat64;
    params.scratch = static_cast<double*>(scratch->data);
  }
  dispatch_heatmap(heatmaps.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    check.run([&] { cpu::soft_argmax_backward<T>(params); },
              [&](const Stream& stream) { return cuda::soft_argmax_backward<T>(params, stream); });
  });
}

}  // namespace lowerpose
