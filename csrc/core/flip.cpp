#include "core/flip.h"

#include <cstddef>
#include <string>

#include "core/check.h"

namespace lowerpose {

FlipPairs flip_pairs(Checker& check, const std::vector<std::int64_t>& pairs,
                     std::int64_t num_joints) {
  const auto argument = "flip_pairs";
  check.value(num_joints <= kMaxJoints, argument,
              "of heatmaps of at most " + std::to_string(kMaxJoints) + " joints",
              std::to_string(num_joints) + " joints");
  check.value(pairs.size() % 2 == 0, argument, "pairs of joint indices",
              std::to_string(pairs.size()) + " indices");
  FlipPairs result;
  for (int k = 0; k < kMaxJoints; ++k) result.partner[k] = static_cast<std::int16_t>(k);
  bool listed[kMaxJoints] = {};
  for (const std::int64_t joint : pairs) {
    check.value(joint >= 0 && joint < num_joints, argument,
                "joint indices from 0 to " + std::to_string(num_joints - 1), std::to_string(joint));
    check.value(!listed[joint], argument, "pairs that name each joint at most once",
                std::to_string(joint) + " twice");
    listed[joint] = true;
  }
  for (std::size_t i = 0; i < pairs.size(); i += 2) {
    result.partner[pairs[i]] = static_cast<std::int16_t>(pairs[i + 1]);
    result.partner[pairs[i + 1]] = static_cast<std::int16_t>(pairs[i]);
  }
  return result;
}

}  // namespace lowerpose
