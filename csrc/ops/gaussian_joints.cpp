#include "ops/gaussian_joints.h"

#include "core/check.h"

namespace lowerpose {
namespace {

constexpr auto kNumbers = {DType::kFloat32,  DType::kFloat64, DType::kFloat16,
                           DType::kBFloat16, DType::kUInt8,   DType::kInt8,
                           DType::kInt16,    DType::kInt32,   DType::kInt64};

// Shapes, and the readers of what is read; the instances' dimension is 1 where there is none.
void take_joints(Checker& check, const TensorView& joints, const TensorView& visible,
                 GaussianJointsParams& params) {
  check.tensor("joints", joints);
  check.tensor("visible", visible);
  const bool has_instances = joints.ndim == 4;
  if (has_instances) {
    check.shape("joints", joints, "[B, N, K, 2]", {kAny, kAny, kAny, 2});
    const std::int64_t batch = joints.shape[0], instances = joints.shape[1];
    if (visible.ndim == 4) {
      check.shape("visible", visible, "[B, N, K, 1]", {batch, instances, joints.shape[2], 1});
    } else {
      check.shape("visible", visible, "[B, N, K]", {batch, instances, joints.shape[2]});
    }
  } else {
    check.shape("joints", joints, "[B, K, 2]", {kAny, kAny, 2});
    check.per_map("visible", visible, joints.shape[0], joints.shape[1]);
  }
  const TensorView all = has_instances ? joints : joints.unsqueezed(1);
  params.joints = ScalarReader(all);
  params.visible = ScalarReader(has_instances ? visible : visible.unsqueezed(1));
  params.batch = all.shape[0];
  params.instances = all.shape[1];
  params.num_joints = all.shape[2];
  params.float32_joints = joints.dtype == DType::kFloat32;
}

void take_options(Checker& check, const GaussianJointsOptions& options,
                  GaussianJointsParams& params) {
  params.center = check.word<Center>("center", options.center,
                                     {{"exact", Center::kExact},
                                      {"round", Center::kRound},
                                      {"round_float64", Center::kRoundFloat64},
                                      {"nearest", Center::kNearest},
                                      {"trunc", Center::kTrunc},
                                      {"floor", Center::kFloor}});
  params.window = check.word<Window>("window", options.window,
                                     {{"full", Window::kFull},
                                      {"truncated", Window::kTruncated},
                                      {"symmetric", Window::kSymmetric}});
  params.beyond = check.word<int>("radius", options.radius, {{"3 sigma", 0}, {"3 sigma + 1", 1}});
  params.peak = check.word<Peak>("peak", options.peak,
                                 {{"center", Peak::kCenter},
                                  {"joint", Peak::kJoint},
                                  {"edge", Peak::kEdge},
                                  {"edge_joint", Peak::kEdgeJoint},
                                  {"edge_exact", Peak::kEdgeExact}});
  params.rule = check.word<Visible>(
      "visible", options.visible,
      {{">=", Visible::kFromHalf}, {">", Visible::kAboveHalf}, {"x > 0", Visible::kPositiveX}});
  params.weight = check.word<Weight>(
      "weight", options.weight,
      {{"binary", Weight::kBinary}, {"copy", Weight::kCopy}, {"copy_unseen", Weight::kCopyUnseen}});
  params.outside = check.word<Outside>("outside", options.outside,
                                       {{"keep", Outside::kKeep},
                                        {"negative_end", Outside::kNegativeEnd},
                                        {"missed", Outside::kMissed},
                                        {"center", Outside::kCenter}});
}

// After the options, which say what a number must be.
void take_sigma(Checker& check, double sigma, const std::optional<TensorView>& sigmas,
                GaussianJointsParams& params) {
  params.sigma = sigma;
  params.has_sigmas = sigmas.has_value();
  if (!sigmas) {
    check.value(positive_sigma(sigma), "sigma", "positive and finite", sigma);
    check.value(sigma_fits(params.window, params.peak, sigma), "sigma",
                "such that 3 * sigma has no fractional part between 0 and 0.5 (this window is not "
                "defined there)",
                sigma);
    return;
  }
  check.tensor("sigma", *sigmas);
  check.dtype("sigma", *sigmas, kNumbers);
  if (sigmas->ndim == 1) {
    check.shape("sigma", *sigmas, "[K]", {params.num_joints});
    params.sigmas = ScalarReader(sigmas->unsqueezed(0).unsqueezed(0));
  } else {
    check.shape("sigma", *sigmas, "[K] or [B, N]", {params.batch, params.instances});
    params.sigmas = ScalarReader(*sigmas);
  }
}

}  // namespace

void take_gaussian_joints(Checker& check, const TensorView& joints, const TensorView& visible,
                          double sigma, const std::optional<TensorView>& sigmas,
                          const GaussianJointsOptions& options, GaussianJointsParams& params) {
  take_joints(check, joints, visible, params);
  take_options(check, options, params);
  take_sigma(check, sigma, sigmas, params);
}

}  // namespace lowerpose
