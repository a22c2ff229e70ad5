// The horizontal flip of heatmaps: which joint takes whose place, and which column which.
#pragma once

#include <cstdint>
#include <vector>

#include "core/host_device.h"

namespace lowerpose {

class Checker;

inline constexpr int kMaxJoints = 1024;

// Goes to kernels by value: half of the 4 KiB that a launch on every GPU can carry.
struct FlipPairs {
  std::int16_t partner[kMaxJoints];  // a joint that stands in no pair is its own
};

// The column of the flipped heatmap that belongs to column x. With `shift` the mirrored map moves
// one pixel to the right, and its column 0 keeps its value.
LOWERPOSE_HOST_DEVICE inline std::int64_t flipped_column(std::int64_t x, std::int64_t width,
                                                         bool shift) {
  return width - 1 - (shift && x > 0 ? x - 1 : x);
}

template <class C>
LOWERPOSE_HOST_DEVICE inline C flip_mean(C own, C mirrored) {
  return static_cast<C>(0.5) * (own + mirrored);
}

// The partners of `pairs` = {a, b, c, d ...}, which exchange a with b, c with d ... Refuses what is
// no pair, no joint, or there twice, and more joints than kMaxJoints.
FlipPairs flip_pairs(Checker& check, const std::vector<std::int64_t>& pairs,
                     std::int64_t num_joints);

}  // namespace lowerpose
