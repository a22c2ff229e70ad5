#include "ops/keypoint_ap.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/parallel.h"
#include "core/simd.h"
#include "cpu/exp.h"
#include "cpu/keypoint_ap.h"

namespace lowerpose::cpu {
namespace {

using V = Vec<double>::type;
constexpr int kLanes = Vec<double>::kLanes;
constexpr std::int64_t kBatch = 8;  // groups that a thread takes at a time
constexpr double kSpacing = std::numeric_limits<double>::epsilon();

struct ByScore {
  const double* scores;
  bool operator()(std::int64_t a, std::int64_t b) const {
    const double x = scores[a], y = scores[b];
    if (x > y) return true;
    if (x < y) return false;
    if (x == y) return a < b;
    const bool x_nan = std::isnan(x), y_nan = std::isnan(y);
    return x_nan == y_nan ? a < b : y_nan;
  }
};

// A person as the detections of its image are compared with it.
struct Person {
  const double* joints;        // [K, 3]
  const std::int32_t* labels;  // the joints that are labelled
  std::int64_t num_labels;
  double left, right, top, bottom;  // its box, doubled on each side
  double scale;
};

// The similarity's exponent, negative, of one joint of eight detections.
LOWERPOSE_INLINE void exponent(V& e, const double* const* rows, std::int64_t joint,
                               const Person& person, const double* variances) {
  V x, y;
  for (int lane = 0; lane < kLanes; ++lane) {
    x[lane] = rows[lane][3 * joint];
    y[lane] = rows[lane][3 * joint + 1];
  }
  V dx, dy;
  if (person.num_labels > 0) {
    dx = x - person.joints[3 * joint];
    dy = y - person.joints[3 * joint + 1];
  } else {  // how far the joint is outside the box
    const V zero = {};
    V before = person.left - x, after = x - person.right;
    dx = (before < 0 ? zero : before) + (after < 0 ? zero : after);
    before = person.top - y, after = y - person.bottom;
    dy = (before < 0 ? zero : before) + (after < 0 ? zero : after);
  }
  // In this order, in which pycocotools divides: equal similarities stay equal.
  e = -((dx * dx + dy * dy) / variances[joint] / person.scale / 2.0);
}

LOWERPOSE_INLINE void joint_similarity(V& similarity, const double* const* rows, std::int64_t joint,
                                       const Person& person, const double* variances) {
  V e;
  exponent(e, rows, joint, person, variances);
  if (person.scale > 0) {
    similarity = e;
    exp_nonpositive<double>(similarity);
    similarity = e != e ? e : similarity;
  } else {  // an area below zero
    for (int lane = 0; lane < kLanes; ++lane) similarity[lane] = std::exp(e[lane]);
  }
}

// The mean over the labelled joints, or over all if none is; added as NumPy adds up to 128 numbers.
LOWERPOSE_SIMD void mean_similarity(double* mean, const double* const* rows, const Person& person,
                                    const double* variances, std::int64_t num_joints) {
  const bool labelled = person.num_labels > 0;
  const std::int64_t count = labelled ? person.num_labels : num_joints;
  V sum = {}, term;
  std::int64_t done = 0;
  if (count >= kLanes) {
    V parts[8];
    for (; done + 8 <= count; done += 8) {
      for (int i = 0; i < 8; ++i) {
        const std::int64_t joint = labelled ? person.labels[done + i] : done + i;
        joint_similarity(term, rows, joint, person, variances);
        parts[i] = done == 0 ? term : parts[i] + term;
      }
    }
    sum = ((parts[0] + parts[1]) + (parts[2] + parts[3])) +
          ((parts[4] + parts[5]) + (parts[6] + parts[7]));
  }
  for (; done < count; ++done) {
    joint_similarity(term, rows, labelled ? person.labels[done] : done, person, variances);
    sum += term;
  }
  store<double>(sum / static_cast<double>(count), mean);
}

void group_similarities(const KeypointMatchingParams& p, std::int64_t group) {
  const std::int64_t first = p.pred_offsets[group], num_pred = p.pred_offsets[group + 1] - first;
  const std::int64_t first_gt = p.gt_offsets[group], num_gt = p.gt_offsets[group + 1] - first_gt;
  double* oks = p.oks + p.oks_offsets[group];
  std::fill_n(p.reach + first, num_pred, -1.0);
  for (std::int64_t g = 0; g < num_gt; ++g) {
    const double* joints = p.gt + (first_gt + g) * p.num_joints * 3;
    const double* box = p.gt_box + (first_gt + g) * 4;
    std::int32_t* labels = p.joints + (first_gt + g) * p.num_joints;
    Person person = {joints,
                     labels,
                     0,
                     box[0] - box[2],
                     box[0] + box[2] * 2,
                     box[1] - box[3],
                     box[1] + box[3] * 2,
                     p.gt_scale[first_gt + g] + kSpacing};
    for (std::int64_t k = 0; k < p.num_joints; ++k) {
      if (joints[3 * k + 2] > 0) labels[person.num_labels++] = static_cast<std::int32_t>(k);
    }
    for (std::int64_t d = 0; d < num_pred; d += kLanes) {
      const double* rows[kLanes];
      double mean[kLanes];
      for (int lane = 0; lane < kLanes; ++lane) {
        rows[lane] = p.pred + (first + std::min(d + lane, num_pred - 1)) * p.num_joints * 3;
      }
      mean_similarity(mean, rows, person, p.variances, p.num_joints);
      for (int lane = 0; lane < kLanes && d + lane < num_pred; ++lane) {
        const double value = mean[lane];
        oks[(d + lane) * num_gt + g] = value;
        double& reach = p.reach[first + d + lane];
        const bool matches_all = std::isnan(value) && p.nan_matches;
        reach = std::max(reach, matches_all ? std::numeric_limits<double>::infinity() : value);
      }
    }
  }
}

void match_group(const KeypointMatchingParams& p, std::int64_t group, double lowest) {
  const std::int64_t first = p.pred_offsets[group], num_pred = p.pred_offsets[group + 1] - first;
  const std::int64_t first_gt = p.gt_offsets[group], num_gt = p.gt_offsets[group + 1] - first_gt;
  const bool comparable = p.oks_offsets[group] < p.oks_offsets[group + 1];
  if (comparable) group_similarities(p, group);
  for (std::int64_t a = 0; a < p.num_ranges; ++a) {
    const double low = p.ranges[2 * a], high = p.ranges[2 * a + 1];
    const auto is_ignored = [&](std::int64_t g) {
      const double area = p.gt_area[first_gt + g];
      return p.gt_ignored[first_gt + g] || area < low || area > high;
    };
    std::int64_t placed = 0;
    for (std::int64_t g = 0; g < num_gt; ++g) {
      if (!is_ignored(g)) p.order[first_gt + placed++] = static_cast<std::int32_t>(g);
    }
    const std::int64_t num_positive = placed;
    for (std::int64_t g = 0; g < num_gt; ++g) {
      if (is_ignored(g)) p.order[first_gt + placed++] = static_cast<std::int32_t>(g);
    }
    p.positives[a * p.num_groups + group] = static_cast<std::int32_t>(num_positive);

    for (std::int64_t t = 0; t < p.num_thresholds; t += 64) {
      const std::int64_t row = (a * p.num_thresholds + t) * p.num_pred + first;
      const RangeMatching range = {p,
                                   first,
                                   num_pred,
                                   first_gt,
                                   num_gt,
                                   num_positive,
                                   low,
                                   high,
                                   p.oks_offsets[group],
                                   lowest,
                                   p.thresholds + t,
                                   std::min<std::int64_t>(64, p.num_thresholds - t),
                                   p.match + row,
                                   p.outcome + row};
      range.leave_unmatched();
      if (comparable) range.match_all();
    }
  }
}

// No detection matches below it; NaN is a threshold that all similarities reach.
double lowest_threshold(const KeypointMatchingParams& p) {
  double lowest = 1 - 1e-10;
  for (std::int64_t t = 0; t < p.num_thresholds; ++t) {
    if (!(p.thresholds[t] >= lowest)) lowest = p.thresholds[t];
    if (std::isnan(lowest)) break;
  }
  return lowest;
}

}  // namespace

void keypoint_ap_order(const KeypointGroupingParams& p) {
  const auto inside = [&](std::int64_t i) { return p.group[i] >= 0 && p.group[i] < p.num_groups; };
  std::fill_n(p.offsets, p.num_groups + 1, 0);
  for (std::int64_t i = 0; i < p.count; ++i) {
    if (inside(i)) ++p.offsets[p.group[i] + 1];
  }
  for (std::int64_t g = 0; g < p.num_groups; ++g) p.offsets[g + 1] += p.offsets[g];
  // While rows are placed, offsets[g] is where the next one of group g goes; then, its end.
  for (std::int64_t i = 0; i < p.count; ++i) {
    if (inside(i)) p.order[p.offsets[p.group[i]]++] = i;
  }
  std::int64_t begin = 0, kept = 0;
  for (std::int64_t g = 0; g < p.num_groups; ++g) {
    const std::int64_t end = p.offsets[g], count = std::min(end - begin, p.most);
    if (p.scores != nullptr) {
      const ByScore better{p.scores};
      if (begin + count < end) {
        std::nth_element(p.order + begin, p.order + begin + count, p.order + end, better);
      }
      std::sort(p.order + begin, p.order + begin + count, better);
    }
    std::copy_n(p.order + begin, count, p.order + kept);
    p.offsets[g] = kept;
    kept += count;
    begin = end;
  }
  p.offsets[p.num_groups] = kept;
}

bool keypoint_ap_room(const std::int64_t* oks_offsets, const std::int64_t* pred_offsets,
                      const std::int64_t* gt_offsets, std::int64_t num_groups) {
  for (std::int64_t g = 0; g < num_groups; ++g) {
    const std::int64_t room = oks_offsets[g + 1] - oks_offsets[g];
    const std::int64_t pairs =
        (pred_offsets[g + 1] - pred_offsets[g]) * (gt_offsets[g + 1] - gt_offsets[g]);
    if (room != 0 && room != pairs) return false;
  }
  return true;
}

void keypoint_ap_match(const KeypointMatchingParams& p, int threads) {
  const double lowest = lowest_threshold(p);
  share_batches(p.num_groups, kBatch, threads, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t group = begin; group < end; ++group) match_group(p, group, lowest);
  });
}

}  // namespace lowerpose::cpu
