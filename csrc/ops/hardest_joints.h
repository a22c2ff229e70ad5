// The joints of each sample that have the largest loss.
#pragma once

#include <cmath>
#include <cstdint>

#include "core/host_device.h"

namespace lowerpose {

struct HardestJoints {
  double* sums;         // [B, K, stride]: a map's weighted sum; the next is left for its sample's
  std::int64_t stride;  // at least 2
  double* scales;       // [B, K]: a map's factor; becomes what its gradient is multiplied by
  std::int64_t batch, num_joints, area, topk;
  double loss_weight;
};

// What a sum over the hardest maps is multiplied by; 0 where there is nothing to divide by.
LOWERPOSE_HOST_DEVICE inline double hardest_scale(const HardestJoints& h) {
  const double divisor = static_cast<double>(h.batch * h.area) * h.topk;
  return divisor == 0 ? 0.0 : h.loss_weight / divisor;
}

// Whether a joint is among the `topk` of its sample with the largest loss. Of equals the first are
// taken; NaN is larger than any number.
LOWERPOSE_HOST_DEVICE inline bool is_hard(const HardestJoints& h, std::int64_t b, std::int64_t k) {
  const double* const losses = h.sums + b * h.num_joints * h.stride;
  const double loss = losses[k * h.stride];
  std::int64_t before = 0;
  for (std::int64_t j = 0; j < h.num_joints; ++j) {
    const double other = losses[j * h.stride];
    const bool equal = other == loss || (std::isnan(other) && std::isnan(loss));
    const bool larger = other > loss || (std::isnan(other) && !std::isnan(loss));
    before += larger || (equal && j < k);
  }
  return before < h.topk;
}

// Where the sum over a sample's hardest maps is kept.
LOWERPOSE_HOST_DEVICE inline double& hardest_sum(const HardestJoints& h, std::int64_t b) {
  return h.sums[b * h.num_joints * h.stride + 1];
}

// What a map adds to its sample's sum; and its scale.
LOWERPOSE_HOST_DEVICE inline double take_if_hard(const HardestJoints& h, std::int64_t b,
                                                 std::int64_t k) {
  const std::int64_t map = b * h.num_joints + k;
  const bool hard = is_hard(h, b, k);
  h.scales[map] = hard ? h.scales[map] * hardest_scale(h) : 0.0;
  return hard ? h.sums[map * h.stride] : 0.0;
}

}  // namespace lowerpose
