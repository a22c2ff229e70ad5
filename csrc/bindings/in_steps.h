// For reading what lies all over memory.
#pragma once

#include <cstdint>

namespace lowerpose {

inline void prefetch_bytes(const void* begin, std::int64_t size) {
  for (std::int64_t at = 0; at < size; at += 64) {
    __builtin_prefetch(static_cast<const char*>(begin) + at);
  }
}

// Calls each step with each of [begin, end), a step `behind` behind the one before it.
template <class... Steps>
void in_steps(std::int64_t begin, std::int64_t end, std::int64_t behind, const Steps&... steps) {
  const auto last = static_cast<std::int64_t>(sizeof...(steps) - 1) * behind;
  for (std::int64_t first = begin; first < end + last; ++first) {
    std::int64_t i = first;
    const auto take = [&](const auto& step) {
      if (i >= begin && i < end) step(i);
      i -= behind;
    };
    (take(steps), ...);
  }
}

}  // namespace lowerpose
