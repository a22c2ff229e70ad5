#include "ops/pck.h"

#include <algorithm>

namespace lowerpose::cpu {

// A joint costs a few nanoseconds, a batch has hundreds: threads would cost more than they save.
void pck_counts(const PckParams& p) {
  std::fill_n(p.correct, p.num_thresholds * p.num_joints, 0);
  std::fill_n(p.counted, p.num_joints, 0);
  std::fill_n(p.errors, p.num_joints, 0.0);
  for (std::int64_t b = 0; b < p.batch; ++b) {
    for (std::int64_t k = 0; k < p.num_joints; ++k) {
      const PckDistance distance = pck_distance(p, b, k);
      if (!distance.counts) continue;
      ++p.counted[k];
      p.errors[k] += pck_error(distance.value);
      for (std::int64_t t = 0; t < p.num_thresholds; ++t) {
        p.correct[t * p.num_joints + k] += pck_hit(p, distance.value, p.thresholds[t]);
      }
    }
  }
  for (std::int64_t t = 0; t < p.num_thresholds; ++t) {
    p.scores[t] = pck_mean(p, p.correct + t * p.num_joints);
  }
  p.scores[p.num_thresholds] = pck_mean(p, p.errors);
}

}  // namespace lowerpose::cpu
