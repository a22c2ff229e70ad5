// The loss of each sample's hardest joints.
#pragma once

#include "core/parallel.h"
#include "ops/hardest_joints.h"

namespace lowerpose::cpu {

inline double hardest_loss(const HardestJoints& h, int threads) {
  const std::int64_t grain = (1 << 14) / (h.num_joints * h.num_joints + 1) + 1;
  parallel_for(h.batch, grain, threads, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t b = begin; b < end; ++b) {
      double total = 0;
      for (std::int64_t k = 0; k < h.num_joints; ++k) total += take_if_hard(h, b, k);
      hardest_sum(h, b) = total;
    }
  });
  double total = 0;
  for (std::int64_t b = 0; b < h.batch; ++b) total += hardest_sum(h, b);
  return hardest_scale(h) * total;
}

}  // namespace lowerpose::cpu
