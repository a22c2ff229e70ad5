// Heatmaps of any type and stride, a tile at a time, as contiguous numbers of the type that the
// arithmetic is in. Where they are that already, a tile is the heatmap's own memory.
#pragma once

#include <algorithm>
#include <cstdint>
#include <type_traits>

#include "core/float16.h"
#include "core/heatmaps_view.h"
#include "core/simd.h"

namespace lowerpose::cpu {

inline constexpr std::int64_t kTile = 512;  // elements; a few tiles stay in the first-level cache

// Below this many pixels a thread costs more than it saves.
inline constexpr std::int64_t kGrainPixels = 1 << 14;

inline std::int64_t maps_per_thread(std::int64_t height, std::int64_t width) {
  return kGrainPixels / std::max<std::int64_t>(1, height * width) + 1;
}

// Internal linkage, a copy for each file that includes this: SIMD clones need it.
namespace {

template <class C, class T>
LOWERPOSE_INLINE C widened(T value) {
  if constexpr (std::is_same_v<T, Float16> || std::is_same_v<T, BFloat16>) {
    return static_cast<C>(to_float(value));
  } else {
    return static_cast<C>(value);
  }
}

template <class T, class C>
LOWERPOSE_INLINE void narrow(C value, T& to) {
  if constexpr (std::is_same_v<T, Float16> || std::is_same_v<T, BFloat16>) {
    from_float(static_cast<float>(value), to);
  } else {
    to = static_cast<T>(value);
  }
}

template <class C, class T>
LOWERPOSE_SIMD void gather(C* to, const T* from, std::int64_t stride, std::int64_t count) {
  if (stride == 1) {
#pragma omp simd
    for (std::int64_t i = 0; i < count; ++i) to[i] = widened<C>(from[i]);
  } else {
    for (std::int64_t i = 0; i < count; ++i) to[i] = widened<C>(from[i * stride]);
  }
}

template <class T, class C>
LOWERPOSE_SIMD void scatter(T* to, std::int64_t stride, const C* from, std::int64_t count) {
  if (stride == 1) {
#pragma omp simd
    for (std::int64_t i = 0; i < count; ++i) narrow(from[i], to[i]);
  } else {
    for (std::int64_t i = 0; i < count; ++i) narrow(from[i], to[i * stride]);
  }
}

// `count` (at most kTile) elements of a run, as C.
template <class C, class T>
const C* read_tile(C* buffer, const T* from, std::int64_t stride, std::int64_t count) {
  if constexpr (std::is_same_v<C, T>) {
    if (stride == 1) return from;
  }
  gather(buffer, from, stride, count);
  return buffer;
}

// Asks for the cache line a tile ahead, for reading or for writing. The processor looks ahead by
// itself, but not past the end of a page, nor while a map's factors are computed.
template <bool kWrite, class C>
LOWERPOSE_INLINE void prefetch(const C* at) {
  const auto address = reinterpret_cast<std::uintptr_t>(at) + kTile * sizeof(C);
  __builtin_prefetch(reinterpret_cast<const void*>(address), kWrite);
}

}  // namespace

// Calls `work(run, first, count)` for every tile of a map, in order; count is at most `length`.
template <class Work>
void for_each_tile(Runs shape, std::int64_t length, Work&& work) {
  for (std::int64_t run = 0; run < shape.count; ++run) {
    for (std::int64_t first = 0; first < shape.length; first += length) {
      work(run, first, std::min(length, shape.length - first));
    }
  }
}

}  // namespace lowerpose::cpu
