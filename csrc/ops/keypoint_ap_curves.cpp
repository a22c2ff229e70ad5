#include "ops/keypoint_ap_curves.h"

#include "core/check.h"

namespace lowerpose {
void keypoint_ap_curves(const KeypointCurvesViews& v, int threads) {
  Checker check("keypoint_ap");
  KeypointCurvesParams p;
  check.packed("outcome", v.outcome, DType::kUInt8, "[A, T, D]", {kAny, kAny, kAny});
  p.num_ranges = v.outcome.shape[0];
  p.num_thresholds = v.outcome.shape[1];
  p.num_pred = v.outcome.shape[2];
  check.packed("images", v.images, DType::kBool, "[images]", {kAny});
  p.num_images = v.images.shape[0];
  check.packed("count", v.count, DType::kInt64, "[categories]", {kAny});
  p.num_categories = v.count.shape[0];
  const std::int64_t groups = p.num_categories * p.num_images;
  check.packed("positives", v.positives, DType::kInt32, "[A, groups]", {p.num_ranges, groups});
  check.packed("scores", v.scores, DType::kFloat64, "[D]", {p.num_pred});
  check.packed("pred_offsets", v.pred_offsets, DType::kInt64, "[groups + 1]", {groups + 1});
  check.packed("categories", v.categories, DType::kInt64, "[any]", {kAny});
  check.packed("ranges", v.ranges, DType::kInt64, "[any]", {kAny});
  check.packed("max_dets", v.max_dets, DType::kInt64, "[any]", {kAny});
  check.packed("recalls", v.recalls, DType::kFloat64, "[R]", {kAny});
  p.asked_categories = v.categories.shape[0];
  p.asked_ranges = v.ranges.shape[0];
  p.asked_max_dets = v.max_dets.shape[0];
  p.num_recalls = v.recalls.shape[0];
  check.packed_output("recall", v.recall, DType::kFloat64, "[T, K, A, M]",
                      {p.num_thresholds, kAny, kAny, kAny});
  p.out_categories = v.recall.shape[1];
  p.out_ranges = v.recall.shape[2];
  p.out_max_dets = v.recall.shape[3];
  check.value(p.out_categories >= p.asked_categories && p.out_ranges >= p.asked_ranges &&
                  p.out_max_dets >= p.asked_max_dets,
              "recall", "[T, K, A, M] with room for all that is asked for",
              describe_shape(v.recall));
  for (const auto& [argument, view] :
       {std::pair<const char*, const TensorView&>{"precision", v.precision}, {"score", v.score}}) {
    check.packed_output(
        argument, view, DType::kFloat64, "[T, R, K, A, M]",
        {p.num_thresholds, p.num_recalls, p.out_categories, p.out_ranges, p.out_max_dets});
  }
  check.packed_output("order", v.order, DType::kInt64, "[D]", {p.num_pred});
  check.packed_output("rank", v.rank, DType::kInt32, "[D]", {p.num_pred});
  check.writable("count", v.count);

  p.outcome = data_of<std::uint8_t>(v.outcome);
  p.positives = data_of<std::int32_t>(v.positives);
  p.scores = data_of<double>(v.scores);
  p.pred_offsets = data_of<std::int64_t>(v.pred_offsets);
  p.images = data_of<bool>(v.images);
  p.categories = data_of<std::int64_t>(v.categories);
  p.ranges = data_of<std::int64_t>(v.ranges);
  p.max_dets = data_of<std::int64_t>(v.max_dets);
  p.recalls = data_of<double>(v.recalls);
  p.precision = data_of<double>(v.precision);
  p.recall = data_of<double>(v.recall);
  p.score = data_of<double>(v.score);
  p.order = data_of<std::int64_t>(v.order);
  p.rank = data_of<std::int32_t>(v.rank);
  p.count = data_of<std::int64_t>(v.count);
  check.run_on_cpu([&] {
    check.offsets("pred_offsets", v.pred_offsets, p.num_pred);
    check.indices("categories", v.categories, p.num_categories);
    check.indices("ranges", v.ranges, p.num_ranges);
    cpu::keypoint_ap_curves(p, threads);
  });
}

}  // namespace lowerpose
