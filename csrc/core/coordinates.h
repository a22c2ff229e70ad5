// Which coordinates can be used.
#pragma once

#include <cmath>

#include "core/host_device.h"

namespace lowerpose {

// Finite, and small enough for any arithmetic on it: at most 2^30 in size.
inline constexpr double kLargestCoordinate = 1 << 30;

LOWERPOSE_HOST_DEVICE inline bool usable_coordinate(double coordinate) {
  return std::fabs(coordinate) <= kLargestCoordinate;
}

}  // namespace lowerpose
