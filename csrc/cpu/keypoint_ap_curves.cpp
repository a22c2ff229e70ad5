#include "ops/keypoint_ap_curves.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/parallel.h"
#include "core/simd.h"

namespace lowerpose::cpu {
namespace {

// A detection costs a few nanoseconds a curve: a thread has to be worth its waking.
constexpr std::int64_t kDetectionsPerThread = std::int64_t{1} << 19;
constexpr int kBlock = 64;
constexpr std::uint8_t kFalse = 0, kTrue = 1;  // what an outcome may be besides ignored

// The detections of a category's images, the best first; of equal scores the first image's.
void sort_category(const KeypointCurvesParams& p, std::int64_t category) {
  const std::int64_t* offsets = p.pred_offsets + category * p.num_images;
  std::int64_t* order = p.order + offsets[0];
  std::int64_t count = 0;
  for (std::int64_t i = 0; i < p.num_images; ++i) {
    for (std::int64_t d = offsets[i]; d < offsets[i + 1]; ++d) {
      p.rank[d] = static_cast<std::int32_t>(d - offsets[i]);
      if (p.images[i]) order[count++] = d;
    }
  }
  p.count[category] = count;
  const double* scores = p.scores;
  std::sort(order, order + count, [scores](std::int64_t a, std::int64_t b) {
    const double x = scores[a], y = scores[b];
    if (x > y) return true;
    if (x < y) return false;
    if (x == y) return a < b;
    const bool x_nan = std::isnan(x), y_nan = std::isnan(y);
    return x_nan == y_nan ? a < b : y_nan;
  });
}

// One category, range, number of detections and threshold.
struct Curve {
  const KeypointCurvesParams& p;
  const std::uint8_t* outcome;
  const std::int64_t* order;
  std::int64_t count, most;
  double positives;
  std::int64_t found = 0, wrong = 0, first = -1;  // first: the best detection of all

  bool taken(std::int64_t d) const { return p.rank[d] < most; }

  void run_through() {
    for (std::int64_t i = 0; i < count && first < 0; ++i) {
      if (taken(order[i])) first = order[i];
    }
    for (std::int64_t i = 0; i < count; ++i) {
      const std::int64_t d = order[i];
      found += taken(d) & (outcome[d] == kTrue);
      wrong += taken(d) & (outcome[d] == kFalse);
    }
  }

  // The detections [begin, end) of the order that are true, and those that are false, as bits.
  LOWERPOSE_INLINE void outcomes(std::int64_t begin, std::int64_t end, std::uint64_t& true_bits,
                                 std::uint64_t& false_bits) const {
    true_bits = false_bits = 0;
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t d = order[i];
      true_bits |= static_cast<std::uint64_t>(taken(d) & (outcome[d] == kTrue)) << (i - begin);
      false_bits |= static_cast<std::uint64_t>(taken(d) & (outcome[d] == kFalse)) << (i - begin);
    }
  }

  // How many persons must be found for a recall; more than there are if it is out of reach.
  std::int64_t needed(double recall) const {
    const std::int64_t unreachable = found + 1;
    if (std::isnan(recall)) return unreachable;
    const double guess = std::ceil(recall * positives);
    auto number =
        static_cast<std::int64_t>(std::min(std::max(guess, 0.0), static_cast<double>(unreachable)));
    while (number > 0 && static_cast<double>(number - 1) / positives >= recall) --number;
    while (number < unreachable && static_cast<double>(number) / positives < recall) ++number;
    return number;
  }

  // The recalls up to the first that is out of reach.
  std::int64_t reachable() const {
    if (first < 0) return 0;
    std::int64_t r = 0;
    while (r < p.num_recalls && needed(p.recalls[r]) <= found) ++r;
    return r;
  }
};

std::int64_t place(const KeypointCurvesParams& p, std::int64_t t, std::int64_t r, std::int64_t k,
                   std::int64_t a, std::int64_t m) {
  return (((t * p.num_recalls + r) * p.out_categories + k) * p.out_ranges + a) * p.out_max_dets + m;
}

LOWERPOSE_SIMD void write_curve(const KeypointCurvesParams& p, Curve& curve, std::int64_t t,
                                std::int64_t k, std::int64_t a, std::int64_t m) {
  constexpr double kSpacing = std::numeric_limits<double>::epsilon();
  curve.run_through();
  const std::int64_t reachable = curve.reachable();
  p.recall[((t * p.out_categories + k) * p.out_ranges + a) * p.out_max_dets + m] =
      static_cast<double>(curve.found) / curve.positives;
  for (std::int64_t r = 0; r < p.num_recalls; ++r) {
    p.precision[place(p, t, r, k, a, m)] = 0;
    p.score[place(p, t, r, k, a, m)] = 0;
  }
  const bool ascending = std::is_sorted(p.recalls, p.recalls + reachable);
  // Backwards, because the precision at a recall is the best one at it or beyond.
  std::int64_t found = curve.found, wrong = curve.wrong, next = reachable - 1;
  const auto goal_of = [&](std::int64_t r) { return r < 0 ? 0 : curve.needed(p.recalls[r]); };
  std::int64_t goal = goal_of(next);
  double best = 0;
  const auto write = [&](std::int64_t r, std::int64_t d) {
    p.precision[place(p, t, r, k, a, m)] = best;
    p.score[place(p, t, r, k, a, m)] = p.scores[d];
  };
  // In blocks, whose outcomes are bits: who is right is as good as random.
  for (std::int64_t end = curve.count, begin; end > 0; end = begin) {
    begin = std::max<std::int64_t>(0, end - kBlock);
    std::uint64_t true_bits, false_bits;
    curve.outcomes(begin, end, true_bits, false_bits);
    for (; true_bits != 0; --found) {
      const int place = kBlock - 1 - __builtin_clzll(true_bits);
      true_bits ^= std::uint64_t{1} << place;
      const auto tp = static_cast<double>(found);
      const auto fp = static_cast<double>(wrong - __builtin_popcountll(false_bits >> place));
      best = std::max(best, tp / (fp + tp + kSpacing));
      const std::int64_t d = curve.order[begin + place];
      if (ascending) {
        for (; goal == found; goal = goal_of(--next)) write(next, d);
      } else {
        for (std::int64_t r = 0; r < reachable; ++r) {
          if (curve.needed(p.recalls[r]) == found) write(r, d);
        }
      }
    }
    wrong -= __builtin_popcountll(false_bits);
  }
  for (std::int64_t r = 0; r < reachable; ++r) {
    if (curve.needed(p.recalls[r]) == 0) write(r, curve.first);
  }
}

std::int64_t count_positives(const KeypointCurvesParams& p, std::int64_t range,
                             std::int64_t category) {
  const std::int32_t* row = p.positives + (range * p.num_categories + category) * p.num_images;
  std::int64_t sum = 0;
  for (std::int64_t i = 0; i < p.num_images; ++i) sum += p.images[i] ? row[i] : 0;
  return sum;
}

}  // namespace

void keypoint_ap_curves(const KeypointCurvesParams& p, int threads) {
  const std::int64_t settings = p.out_categories * p.out_ranges * p.out_max_dets;
  std::fill_n(p.precision, p.num_thresholds * p.num_recalls * settings, -1.0);
  std::fill_n(p.score, p.num_thresholds * p.num_recalls * settings, -1.0);
  std::fill_n(p.recall, p.num_thresholds * settings, -1.0);
  parallel_for(p.num_categories, 8, threads, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t category = begin; category < end; ++category) sort_category(p, category);
  });
  const std::int64_t curves =
      p.asked_categories * p.asked_ranges * p.asked_max_dets * p.num_thresholds;
  const std::int64_t grain =
      kDetectionsPerThread * p.num_categories / std::max<std::int64_t>(1, p.num_pred) + 1;
  parallel_for(curves, grain, threads, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t k = i % p.asked_categories, t = i / p.asked_categories % p.num_thresholds;
      const std::int64_t rest = i / p.asked_categories / p.num_thresholds;
      const std::int64_t m = rest % p.asked_max_dets, a = rest / p.asked_max_dets;
      const std::int64_t category = p.categories[k], range = p.ranges[a];
      const std::int64_t positives = count_positives(p, range, category);
      if (positives == 0) continue;
      Curve curve = {p,
                     p.outcome + (range * p.num_thresholds + t) * p.num_pred,
                     p.order + p.pred_offsets[category * p.num_images],
                     p.count[category],
                     p.max_dets[m],
                     static_cast<double>(positives)};
      write_curve(p, curve, t, k, a, m);
    }
  });
}

}  // namespace lowerpose::cpu
