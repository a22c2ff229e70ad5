#include "ops/pck.h"

#include <cmath>
#include <limits>

#include "core/check.h"

namespace lowerpose {
namespace {

enum class NormLayout { kAuto, kAxis, kJoint };

void check_joint(Checker& check, const char* argument, std::int64_t joint,
                 std::int64_t num_joints) {
  check.value(joint >= 0 && joint < num_joints, argument,
              "indices of the " + std::to_string(num_joints) + " joints", std::to_string(joint));
}

// Whether a norm of this shape divides x and y apart.
bool is_per_axis(Checker& check, const TensorView& norm, NormLayout layout, std::int64_t batch,
                 std::int64_t num_joints) {
  if (layout == NormLayout::kAxis) {
    check.shape("norm", norm, "[B, 2]", {batch, 2});
    return true;
  }
  if (layout == NormLayout::kJoint) {
    check.shape("norm", norm, "[B, K]", {batch, num_joints});
    return false;
  }
  if (norm.ndim == 0) return false;
  if (norm.ndim == 1) {
    check.shape("norm", norm, "[B]", {batch});
    return false;
  }
  const bool axis = norm.ndim == 2 && norm.shape[1] == 2;
  check.value(!(axis && num_joints == 2), "norm_layout",
              "'axis' or 'joint' for a norm of shape [B, 2] and two joints", "'auto'");
  if (axis) {
    check.shape("norm", norm, "[B, 2]", {batch, 2});
  } else {
    check.shape("norm", norm, "[B], [B, 2] or [B, K]", {batch, num_joints});
  }
  return axis;
}

// Where the norms come from.
void fill_norm(Checker& check, const std::optional<TensorView>& norm, const PckOptions& options,
               PckParams& params) {
  const auto layout = check.word<NormLayout>(
      "norm_layout", options.norm_layout,
      {{"auto", NormLayout::kAuto}, {"axis", NormLayout::kAxis}, {"joint", NormLayout::kJoint}});
  const std::vector<std::int64_t>& pair = options.norm_joints;
  params.has_norm = norm.has_value();
  params.norm_from = params.norm_to = -1;
  params.norm_value = options.norm_value;
  if (norm) {
    check.tensor("norm", *norm);
    params.per_axis = is_per_axis(check, *norm, layout, params.batch, params.num_joints);
    params.norm = ScalarReader(*norm);
  } else if (pair.empty()) {
    check.value(std::isfinite(options.norm_value) && options.norm_value > 0, "norm",
                "positive and finite", options.norm_value);
  } else {
    check.value(pair.size() == 2 && pair[0] != pair[1], "norm", "two different joints",
                std::to_string(pair.size()) + " that are not");
    for (const std::int64_t joint : pair) check_joint(check, "norm", joint, params.num_joints);
    params.norm_from = pair[0];
    params.norm_to = pair[1];
  }
}

// Which truths count, and what the scores are made of.
void fill_choice(Checker& check, const PckOptions& options, PckParams& params) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const std::vector<double>& inside = options.inside;
  params.lowest = inside.empty() ? -kInfinity : 0;
  params.width = params.height = kInfinity;
  if (!inside.empty()) {
    check.value(inside.size() == 2 && inside[0] > 0 && inside[1] > 0, "inside",
                "(W, H), both positive", std::to_string(inside.size()) + " numbers");
    params.width = inside[0];
    params.height = inside[1];
  }
  params.above = options.above.value_or(-kInfinity);
  params.joint_mean =
      check.word<bool>("reduce", options.reduce,
                       {{"pooled", false}, {"joint_count_weighted", false}, {"joint_mean", true}});
  params.all_joints = !options.joints;
  if (!options.joints) return;
  check.value(params.num_joints <= kMaxChosenJoints, "joints",
              "left out for more than " + std::to_string(kMaxChosenJoints) + " joints",
              "a choice of " + std::to_string(params.num_joints));
  for (const std::int64_t joint : *options.joints) {
    check_joint(check, "joints", joint, params.num_joints);
    std::uint32_t& word = params.chosen[joint / 32];
    const std::uint32_t bit = 1u << (joint % 32);
    check.value((word & bit) == 0, "joints", "each there once", std::to_string(joint) + " twice");
    word |= bit;
  }
}

}  // namespace

PckParams pck_params(Checker& check, const TensorView& pred, const TensorView& gt,
                     const TensorView& valid, const std::optional<TensorView>& norm,
                     const PckOptions& options) {
  PckParams params = {};
  check.tensor("pred", pred);
  check.shape("pred", pred, "[B, K, 2]", {kAny, kAny, 2});
  params.batch = pred.shape[0];
  params.num_joints = pred.shape[1];
  params.num_thresholds = static_cast<std::int64_t>(options.thresholds.size());
  check.tensor("gt", gt);
  check.shape("gt", gt, "[B, K, 2]", {params.batch, params.num_joints, 2});
  check.tensor("valid", valid);
  check.per_map("valid", valid, params.batch, params.num_joints);
  fill_norm(check, norm, options, params);
  fill_choice(check, options, params);
  for (const double threshold : options.thresholds) {
    check.value(std::isfinite(threshold) && threshold >= 0, "thresholds", "finite and not negative",
                threshold);
  }
  params.pred = ScalarReader(pred);
  params.gt = ScalarReader(gt);
  params.valid = ScalarReader(valid);
  params.thresholds = options.thresholds.data();
  params.inclusive = options.inclusive;
  return params;
}

void pck_counts(const std::string& operation, const TensorView& pred, const TensorView& gt,
                const TensorView& valid, const std::optional<TensorView>& norm,
                const PckOptions& options, const TensorView& correct, const TensorView& counted,
                const TensorView& errors, const TensorView& scores, const TensorView& scratch) {
  Checker check(operation.c_str());
  PckParams params = pck_params(check, pred, gt, valid, norm, options);
  check.output("correct", correct);
  check.dtype("correct", correct, {DType::kInt64});
  check.shape("correct", correct, "[T, K]", {params.num_thresholds, params.num_joints});
  check.output("counted", counted);
  check.dtype("counted", counted, {DType::kInt64});
  check.shape("counted", counted, "[K]", {params.num_joints});
  check.output("errors", errors);
  check.dtype("errors", errors, {DType::kFloat64});
  check.shape("errors", errors, "[K]", {params.num_joints});
  check.output("scores", scores);
  check.dtype("scores", scores, {DType::kFloat64});
  check.shape("scores", scores, "[T + 1]", {params.num_thresholds + 1});
  check.output("scratch", scratch);
  check.dtype("scratch", scratch, {DType::kInt64});
  check.shape("scratch", scratch, "[1]", {1});

  params.correct = static_cast<std::int64_t*>(correct.data);
  params.counted = static_cast<std::int64_t*>(counted.data);
  params.errors = static_cast<double*>(errors.data);
  params.scores = static_cast<double*>(scores.data);
  params.scratch = static_cast<std::int64_t*>(scratch.data);
  check.run([&] { cpu::pck_counts(params); },
            [&](const Stream& stream) { return cuda::pck_counts(params, stream); });
}

}  // namespace lowerpose
