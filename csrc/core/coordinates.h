// Which coordinates can be used.
#pragma once

#include <cmath>

#include "core/host_device.h"

namespace lowerpose {

// Finite, and small enough for any arithmetic on it: at most 2^30 in size.
LOWERPOSE_HOST_DEVICE inline bool usable_coordinate(double coordinate) {
  constexpr double kLargest = 1 << 30;
  return std::fabs(coordinate) <= kLargest;
}

}  // namespace lowerpose
