// Average precision of keypoints, first half: which detection finds which person.
//
// Detections and persons come sorted into groups, an image and a category each. `*_offsets` say
// where each group begins; detections stand in the order of their scores.
#pragma once

#include <cstdint>
#include <optional>

#include "core/tensor_view.h"

namespace lowerpose {

// What becomes of a detection at one threshold and area range.
enum class DetectionOutcome : std::uint8_t { kFalse, kTrue, kIgnored };

struct KeypointGroupingParams {
  const std::int64_t* group;  // [N]; outside [0, num_groups): left out
  const double* scores;       // [N], or null: as they come
  std::int64_t count, num_groups, most;
  std::int64_t* offsets;  // [num_groups + 1]
  std::int64_t* order;    // [N]: the first offsets[num_groups] are the rows kept, group by group
};

struct KeypointMatchingParams {
  std::int64_t num_groups, num_pred, num_gt, num_joints, num_thresholds, num_ranges;
  const double* pred;                // [D, K, 3], (x, y, anything), pixels
  const double* pred_area;           // [D], pixels^2
  const std::uint8_t* pred_takes;    // [D]: whether its match is closed to the detections after it
  const std::int64_t* pred_offsets;  // [num_groups + 1]
  const double* gt;                  // [G, K, 3], (x, y, v)
  const double* gt_box;              // [G, 4], (x, y, width, height)
  const double* gt_scale;            // [G], the area that distances are divided by
  const double* gt_area;             // [G], the area that is in a range or not
  const std::uint8_t* gt_ignored;    // [G]
  const std::uint8_t* gt_crowd;      // [G]
  const std::uint8_t* gt_counts;     // [G]: whether a match with it makes a detection true
  const std::int64_t* gt_offsets;    // [num_groups + 1]
  const double* variances;           // [K], (2 sigma)^2
  const double* thresholds;          // [T]
  const double* ranges;              // [A, 2], both ends belong to the range
  bool nan_matches;                  // a similarity that is NaN is better than every other
  const std::int64_t* oks_offsets;   // [num_groups + 1]; a group without room has no similarities
  double* oks;                       // a group's [detections, persons], one behind the other
  std::int32_t* match;               // [A, T, D]: the person within its group, or -1
  std::uint8_t* outcome;             // [A, T, D]
  std::int32_t* positives;           // [A, num_groups]: the persons that are not ignored
  // Scratch, a row a person or detection.
  std::int32_t* joints;  // [G, K]: the labelled ones
  std::int32_t* order;   // [G]: the group's persons, the ignored last
  std::int32_t* near;    // [G]: places in this order, of those that a detection can find
  std::uint64_t* taken;  // [G]: at which thresholds a person is not free
  double* reach;         // [D]: the largest similarity
};

// Sorts rows into groups: each group's by falling score (NaN last, equal ones as they come), at
// most `most` of them.
void keypoint_ap_order(const TensorView& group, const std::optional<TensorView>& scores,
                       std::int64_t most, const TensorView& offsets, const TensorView& order);

struct KeypointMatchingViews {
  const TensorView &pred, &pred_area, &pred_takes, &pred_offsets;
  const TensorView &gt, &gt_box, &gt_scale, &gt_area, &gt_ignored, &gt_crowd, &gt_counts,
      &gt_offsets;
  const TensorView &variances, &thresholds, &ranges, &oks_offsets;
  const TensorView &oks, &match, &outcome, &positives;
  const TensorView &joints, &order, &near, &taken, &reach;
};

// Object keypoint similarities, and the greedy matching for all thresholds and area ranges. Offsets
// begin with 0, never fall, and end with the number of rows.
void keypoint_ap_match(const KeypointMatchingViews& views, bool nan_matches, int threads);

namespace cpu {
void keypoint_ap_order(const KeypointGroupingParams& params);
void keypoint_ap_match(const KeypointMatchingParams& params, int threads);
// Whether each group has room for its similarities, or for none.
bool keypoint_ap_room(const std::int64_t* oks_offsets, const std::int64_t* pred_offsets,
                      const std::int64_t* gt_offsets, std::int64_t num_groups);
}  // namespace cpu

}  // namespace lowerpose
