#include "ops/keypoint_ap.h"

#include <cmath>

#include "core/check.h"

namespace lowerpose {
void keypoint_ap_order(const TensorView& group, const std::optional<TensorView>& scores,
                       std::int64_t most, const TensorView& offsets, const TensorView& order) {
  Checker check("keypoint_ap");
  check.packed("group", group, DType::kInt64, "[N]", {kAny});
  const std::int64_t count = group.shape[0];
  if (scores) check.packed("scores", *scores, DType::kFloat64, "[N]", {count});
  check.value(most >= 0, "max_dets", "not negative", static_cast<double>(most));
  check.packed_output("offsets", offsets, DType::kInt64, "[groups + 1]", {kAny});
  check.value(offsets.shape[0] >= 1, "offsets", "at least one number", describe_shape(offsets));
  check.packed_output("order", order, DType::kInt64, "[N]", {count});
  KeypointGroupingParams params;
  params.group = data_of<std::int64_t>(group);
  params.scores = scores ? data_of<double>(*scores) : nullptr;
  params.count = count;
  params.num_groups = offsets.shape[0] - 1;
  params.most = most;
  params.offsets = data_of<std::int64_t>(offsets);
  params.order = data_of<std::int64_t>(order);
  check.run_on_cpu([&] { cpu::keypoint_ap_order(params); });
}

void keypoint_ap_match(const KeypointMatchingViews& v, bool nan_matches, int threads) {
  Checker check("keypoint_ap");
  check.packed("pred", v.pred, DType::kFloat64, "[D, K, 3]", {kAny, kAny, 3});
  check.packed("pred_offsets", v.pred_offsets, DType::kInt64, "[groups + 1]", {kAny});
  check.packed("thresholds", v.thresholds, DType::kFloat64, "[T]", {kAny});
  check.packed("ranges", v.ranges, DType::kFloat64, "[A, 2]", {kAny, 2});
  check.value(v.pred_offsets.shape[0] >= 1, "pred_offsets", "at least one number",
              describe_shape(v.pred_offsets));
  KeypointMatchingParams p;
  p.num_groups = v.pred_offsets.shape[0] - 1;
  p.num_pred = v.pred.shape[0];
  p.num_joints = v.pred.shape[1];
  p.num_thresholds = v.thresholds.shape[0];
  p.num_ranges = v.ranges.shape[0];
  check.packed("gt", v.gt, DType::kFloat64, "[G, K, 3]", {kAny, p.num_joints, 3});
  p.num_gt = v.gt.shape[0];
  check.packed("pred_area", v.pred_area, DType::kFloat64, "[D]", {p.num_pred});
  check.packed("pred_takes", v.pred_takes, DType::kBool, "[D]", {p.num_pred});
  check.packed("gt_box", v.gt_box, DType::kFloat64, "[G, 4]", {p.num_gt, 4});
  check.packed("gt_scale", v.gt_scale, DType::kFloat64, "[G]", {p.num_gt});
  check.packed("gt_area", v.gt_area, DType::kFloat64, "[G]", {p.num_gt});
  check.packed("gt_ignored", v.gt_ignored, DType::kBool, "[G]", {p.num_gt});
  check.packed("gt_crowd", v.gt_crowd, DType::kBool, "[G]", {p.num_gt});
  check.packed("gt_counts", v.gt_counts, DType::kBool, "[G]", {p.num_gt});
  check.packed("gt_offsets", v.gt_offsets, DType::kInt64, "[groups + 1]", {p.num_groups + 1});
  check.packed("variances", v.variances, DType::kFloat64, "[K]", {p.num_joints});
  check.packed("oks_offsets", v.oks_offsets, DType::kInt64, "[groups + 1]", {p.num_groups + 1});
  check.packed_output("oks", v.oks, DType::kFloat64, "[pairs]", {kAny});
  check.packed_output("match", v.match, DType::kInt32, "[A, T, D]",
                      {p.num_ranges, p.num_thresholds, p.num_pred});
  check.packed_output("outcome", v.outcome, DType::kUInt8, "[A, T, D]",
                      {p.num_ranges, p.num_thresholds, p.num_pred});
  check.packed_output("positives", v.positives, DType::kInt32, "[A, groups]",
                      {p.num_ranges, p.num_groups});
  check.packed_output("joints", v.joints, DType::kInt32, "[G, K]", {p.num_gt, p.num_joints});
  check.packed_output("order", v.order, DType::kInt32, "[G]", {p.num_gt});
  check.packed_output("near", v.near, DType::kInt32, "[G]", {p.num_gt});
  check.packed_output("taken", v.taken, DType::kInt64, "[G]", {p.num_gt});
  check.packed_output("reach", v.reach, DType::kFloat64, "[D]", {p.num_pred});

  p.pred = data_of<double>(v.pred);
  p.pred_area = data_of<double>(v.pred_area);
  p.pred_takes = data_of<std::uint8_t>(v.pred_takes);
  p.pred_offsets = data_of<std::int64_t>(v.pred_offsets);
  p.gt = data_of<double>(v.gt);
  p.gt_box = data_of<double>(v.gt_box);
  p.gt_scale = data_of<double>(v.gt_scale);
  p.gt_area = data_of<double>(v.gt_area);
  p.gt_ignored = data_of<std::uint8_t>(v.gt_ignored);
  p.gt_crowd = data_of<std::uint8_t>(v.gt_crowd);
  p.gt_counts = data_of<std::uint8_t>(v.gt_counts);
  p.gt_offsets = data_of<std::int64_t>(v.gt_offsets);
  p.variances = data_of<double>(v.variances);
  p.thresholds = data_of<double>(v.thresholds);
  p.ranges = data_of<double>(v.ranges);
  p.nan_matches = nan_matches;
  p.oks_offsets = data_of<std::int64_t>(v.oks_offsets);
  p.oks = data_of<double>(v.oks);
  p.match = data_of<std::int32_t>(v.match);
  p.outcome = data_of<std::uint8_t>(v.outcome);
  p.positives = data_of<std::int32_t>(v.positives);
  p.joints = data_of<std::int32_t>(v.joints);
  p.order = data_of<std::int32_t>(v.order);
  p.near = data_of<std::int32_t>(v.near);
  p.taken = data_of<std::uint64_t>(v.taken);
  p.reach = data_of<double>(v.reach);
  check.run_on_cpu([&] {
    check.offsets("pred_offsets", v.pred_offsets, p.num_pred);
    check.offsets("gt_offsets", v.gt_offsets, p.num_gt);
    check.offsets("oks_offsets", v.oks_offsets, v.oks.shape[0]);
    check.value(cpu::keypoint_ap_room(p.oks_offsets, p.pred_offsets, p.gt_offsets, p.num_groups),
                "oks_offsets", "room for each group's pairs, or none", "other offsets");
    cpu::keypoint_ap_match(p, threads);
  });
}

}  // namespace lowerpose
