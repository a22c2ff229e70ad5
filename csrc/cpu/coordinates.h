// Which numbers of a joint can be used.
#pragma once

#include <cmath>

namespace lowerpose::cpu {

// Finite, and small enough for any arithmetic on it: at most 2^30 in size.
inline bool usable_coordinate(double coordinate) {
  constexpr double kLargest = 1 << 30;
  return std::abs(coordinate) <= kLargest;
}

}  // namespace lowerpose::cpu
