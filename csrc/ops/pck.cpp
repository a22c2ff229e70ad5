#include "ops/pck.h"

#include <cmath>

#include "core/check.h"
#include "core/dispatch.h"

namespace lowerpose {
namespace {

enum class NormLayout { kAuto, kAxis, kJoint };

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

}  // namespace

void pck_counts(const TensorView& pred, const TensorView& gt, const TensorView& valid,
                const std::optional<TensorView>& norm, double norm_value,
                const std::string& norm_layout, const std::vector<double>& thresholds,
                bool inclusive, const TensorView& correct, const TensorView& counted,
                const TensorView& ratio, const TensorView& scratch) {
  Checker check("pck_counts");
  check.tensor("pred", pred);
  check.shape("pred", pred, "[B, K, 2]", {kAny, kAny, 2});
  const std::int64_t batch = pred.shape[0], num_joints = pred.shape[1];
  const auto num_thresholds = static_cast<std::int64_t>(thresholds.size());
  check.tensor("gt", gt);
  check.shape("gt", gt, "[B, K, 2]", {batch, num_joints, 2});
  check.tensor("valid", valid);
  check.per_map("valid", valid, batch, num_joints);
  const auto layout = check.word<NormLayout>(
      "norm_layout", norm_layout,
      {{"auto", NormLayout::kAuto}, {"axis", NormLayout::kAxis}, {"joint", NormLayout::kJoint}});
  PckParams params;
  params.has_norm = norm.has_value();
  params.norm_value = norm_value;
  params.per_axis = false;
  if (norm) {
    check.tensor("norm", *norm);
    params.per_axis = is_per_axis(check, *norm, layout, batch, num_joints);
    params.norm = ScalarReader(*norm);
  } else {
    check.value(std::isfinite(norm_value) && norm_value > 0, "norm", "positive and finite",
                norm_value);
  }
  for (const double threshold : thresholds) {
    check.value(std::isfinite(threshold) && threshold >= 0, "thresholds", "finite and not negative",
                threshold);
  }
  check.output("correct", correct);
  check.dtype("correct", correct, {DType::kInt64});
  check.shape("correct", correct, "[T, K]", {num_thresholds, num_joints});
  check.output("counted", counted);
  check.dtype("counted", counted, {DType::kInt64});
  check.shape("counted", counted, "[K]", {num_joints});
  check.output("ratio", ratio);
  check.dtype("ratio", ratio, {DType::kFloat64});
  check.shape("ratio", ratio, "[T]", {num_thresholds});
  check.output("scratch", scratch);
  check.dtype("scratch", scratch, {DType::kInt64});
  check.shape("scratch", scratch, "[1]", {1});

  params.pred = ScalarReader(pred);
  params.gt = ScalarReader(gt);
  params.valid = ScalarReader(valid);
  params.thresholds = thresholds.data();
  params.num_thresholds = num_thresholds;
  params.inclusive = inclusive;
  params.batch = batch;
  params.num_joints = num_joints;
  params.correct = static_cast<std::int64_t*>(correct.data);
  params.counted = static_cast<std::int64_t*>(counted.data);
  params.ratio = static_cast<double*>(ratio.data);
  params.scratch = static_cast<std::int64_t*>(scratch.data);
  check.run([&] { cpu::pck_counts(params); },
            [&](const Stream& stream) { return cuda::pck_counts(params, stream); });
}

}  // namespace lowerpose
