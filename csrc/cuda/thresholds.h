// Thresholds lie in the host's memory and travel with the launch, as many at a time as it carries.
#pragma once

#include <cstdint>

namespace lowerpose::cuda {

template <int kCapacity>
struct Thresholds {
  double values[kCapacity];
  int count;
  std::int64_t first;  // which of all of them values[0] is
};

// Those from `first` on.
template <int kCapacity>
Thresholds<kCapacity> some_thresholds(const double* all, std::int64_t total, std::int64_t first) {
  Thresholds<kCapacity> some = {};
  some.first = first;
  while (some.count < kCapacity && first + some.count < total) {
    some.values[some.count] = all[first + some.count];
    ++some.count;
  }
  return some;
}

}  // namespace lowerpose::cuda
