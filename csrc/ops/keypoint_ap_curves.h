// Average precision of keypoints, second half: precision over recall.
#pragma once

#include <cstdint>

#include "core/tensor_view.h"

namespace lowerpose {

// Groups are categories times images: group = category * num_images + image.
struct KeypointCurvesParams {
  std::int64_t num_categories, num_images, num_ranges, num_thresholds, num_pred;  // as matched
  const std::uint8_t* outcome;       // [A, T, D], what `keypoint_ap_match` has found
  const std::int32_t* positives;     // [A, groups]
  const double* scores;              // [D], falling within each group
  const std::int64_t* pred_offsets;  // [groups + 1]
  const bool* images;                // [num_images]: which of them are asked for
  // What is asked for: places among the matched categories and ranges, and detections an image.
  const std::int64_t *categories, *ranges, *max_dets;
  std::int64_t asked_categories, asked_ranges, asked_max_dets;
  const double* recalls;  // [R]
  std::int64_t num_recalls;
  // [T, R, K, A, M], recall [T, K, A, M]; -1 where no person is asked for.
  double *precision, *recall, *score;
  std::int64_t out_categories, out_ranges, out_max_dets;  // at least as many as asked for
  // Scratch: each category's detections by score, and how many they are.
  std::int64_t* order;  // [D]
  std::int32_t* rank;   // [D]: a detection's place in its image
  std::int64_t* count;  // [num_categories]
};

struct KeypointCurvesViews {
  const TensorView &outcome, &positives, &scores, &pred_offsets, &images;
  const TensorView &categories, &ranges, &max_dets, &recalls;
  const TensorView &precision, &recall, &score;
  const TensorView &order, &rank, &count;
};

void keypoint_ap_curves(const KeypointCurvesViews& views, int threads);

namespace cpu {
void keypoint_ap_curves(const KeypointCurvesParams& params, int threads);
}  // namespace cpu

}  // namespace lowerpose
