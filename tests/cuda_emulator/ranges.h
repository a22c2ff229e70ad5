#pragma once

#include <cstddef>
#include <cstdint>

namespace lowerpose::emulator {

// Whether `bytes` bytes at `address` lie in the range of `size` bytes at `start`. Numbers wrap
// around, so that an address before the range is far behind it.
inline bool contains(std::uintptr_t start, std::size_t size, std::uintptr_t address,
                     std::size_t bytes) {
  const std::size_t offset = address - start;
  return offset <= size && bytes <= size - offset;
}

}  // namespace lowerpose::emulator
