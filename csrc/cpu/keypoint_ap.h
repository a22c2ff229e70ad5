// The greedy matching of detections with persons.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "ops/keypoint_ap.h"

namespace lowerpose::cpu {

// One group and area range at up to 64 thresholds, which are bits: a detection often finds the same
// person at many of them.
struct RangeMatching {
  const KeypointMatchingParams& p;
  std::int64_t first, num_pred, first_gt, num_gt, num_positive;
  double low, high;
  std::int64_t oks_offset;
  double lowest;  // of all thresholds; below it nobody is found
  const double* thresholds;
  std::int64_t num_thresholds;
  std::int32_t* match;    // [num_thresholds, D], from the group's first detection on
  std::uint8_t* outcome;  // likewise

  std::int32_t person(std::int64_t place) const { return p.order[first_gt + place]; }
  static double least(double threshold) { return std::min(threshold, 1 - 1e-10); }

  void leave_unmatched() const {
    for (std::int64_t d = 0; d < num_pred; ++d) {
      const double area = p.pred_area[first + d];
      outcome[d] = static_cast<std::uint8_t>(area < low || area > high ? DetectionOutcome::kIgnored
                                                                       : DetectionOutcome::kFalse);
    }
    for (std::int64_t t = 0; t < num_thresholds; ++t) {
      std::fill_n(match + t * p.num_pred, num_pred, -1);
      if (t > 0) std::copy_n(outcome, num_pred, outcome + t * p.num_pred);
    }
  }

  void match_all() const {
    std::fill_n(p.taken + first_gt, num_gt, 0);
    for (std::int64_t d = 0; d < num_pred; ++d) {
      const double reach = p.reach[first + d];
      if (reach < lowest) continue;
      const double* oks = p.oks + oks_offset + d * num_gt;
      if (p.nan_matches && std::isinf(reach)) {
        match_nan(d, oks);
      } else {
        match_number(d, oks);
      }
    }
  }

  void match_number(std::int64_t d, const double* oks) const {
    std::int32_t* near = p.near + first_gt;
    const std::int64_t num_near = sort_near(oks, near);
    std::uint64_t left = ~std::uint64_t{0} >> (64 - num_thresholds);
    for (std::int64_t n = 0; n < num_near && left != 0; ++n) {
      const std::int32_t g = person(near[n]);
      const std::uint64_t found = reached(oks[g]) & left & ~p.taken[first_gt + g];
      settle(d, near[n], found);
      left &= ~found;
    }
  }

  // The places of the persons who may be found, the most similar first, of equal ones the last.
  // Ignored persons stand behind the others, and are found only if none of those will do.
  std::int64_t sort_near(const double* oks, std::int32_t* near) const {
    std::int64_t count = 0;
    for (std::int64_t i = 0; i < num_gt; ++i) {
      const double value = oks[person(i)];
      if (value < lowest || std::isnan(value)) continue;
      const std::int64_t class_begin = i < num_positive ? 0 : num_positive;
      std::int64_t at = count++;
      for (; at > 0 && near[at - 1] >= class_begin && oks[person(near[at - 1])] <= value; --at) {
        near[at] = near[at - 1];
      }
      near[at] = static_cast<std::int32_t>(i);
    }
    return count;
  }

  // The thresholds that a similarity reaches.
  std::uint64_t reached(double value) const {
    std::uint64_t bits = 0;
    for (std::int64_t t = 0; t < num_thresholds; ++t) {
      bits |= static_cast<std::uint64_t>(!(value < least(thresholds[t]))) << t;
    }
    return bits;
  }

  // NaN is less than nothing, and nothing is less than NaN: once it has matched, the last free
  // person does.
  void match_nan(std::int64_t d, const double* oks) const {
    for (std::int64_t t = 0; t < num_thresholds; ++t) {
      double goal = least(thresholds[t]);
      std::int64_t best = -1;
      for (std::int64_t i = 0; i < num_gt; ++i) {
        if (i == num_positive && best >= 0) break;
        const std::int32_t g = person(i);
        if (p.taken[first_gt + g] >> t & 1 || oks[g] < goal) continue;
        goal = oks[g];
        best = i;
      }
      if (best >= 0) settle(d, best, std::uint64_t{1} << t);
    }
  }

  // The detection finds the person at these thresholds.
  void settle(std::int64_t d, std::int64_t place, std::uint64_t found) const {
    const std::int32_t g = person(place);
    // A crowd holds any number of people.
    if (p.pred_takes[first + d] && !p.gt_crowd[first_gt + g]) p.taken[first_gt + g] |= found;
    const bool ignored = place >= num_positive, counts = p.gt_counts[first_gt + g] != 0;
    for (; found != 0; found &= found - 1) {
      const std::int64_t at = __builtin_ctzll(found) * p.num_pred + d;
      match[at] = g;
      if (ignored || counts) {
        outcome[at] = static_cast<std::uint8_t>(ignored ? DetectionOutcome::kIgnored
                                                        : DetectionOutcome::kTrue);
      }
    }
  }
};

}  // namespace lowerpose::cpu
