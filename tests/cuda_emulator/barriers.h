// Barriers, fences and the operations of a warp. What is not here (__activemask, shuffles without
// a mask, __threadfence_block) is not emulated, and using it is an error of the compiler.
#pragma once

#include <cstdint>

#include "cuda_emulator/device_calls.h"

inline void __syncthreads(lowerpose::emulator::Site site = lowerpose::emulator::Site::here()) {
  lowerpose::emulator::block_barrier(0, lowerpose::emulator::Vote::kCount, site);
}

inline int __syncthreads_count(int predicate,
                               lowerpose::emulator::Site site = lowerpose::emulator::Site::here()) {
  return lowerpose::emulator::block_barrier(predicate, lowerpose::emulator::Vote::kCount, site);
}

inline int __syncthreads_and(int predicate,
                             lowerpose::emulator::Site site = lowerpose::emulator::Site::here()) {
  return lowerpose::emulator::block_barrier(predicate, lowerpose::emulator::Vote::kAll, site);
}

inline int __syncthreads_or(int predicate,
                            lowerpose::emulator::Site site = lowerpose::emulator::Site::here()) {
  return lowerpose::emulator::block_barrier(predicate, lowerpose::emulator::Vote::kAny, site);
}

inline void __threadfence() { lowerpose::emulator::fence(); }
inline void __threadfence_system() { lowerpose::emulator::fence(); }

inline void __syncwarp(unsigned mask = 0xffffffffu,
                       lowerpose::emulator::Site site = lowerpose::emulator::Site::here()) {
  lowerpose::emulator::warp_operation(lowerpose::emulator::Operation::kSyncwarp, {mask}, site);
}

namespace lowerpose::emulator {

template <class T>
T shuffle(unsigned mask, T value, unsigned source_lane, Site site) {
  return from_bits<T>(
      warp_operation(Operation::kShuffle, {mask, to_bits(value), source_lane}, site));
}

}  // namespace lowerpose::emulator

// A shuffle's width, a power of two, cuts the warp into parts that do not see each other.
template <class T>
T __shfl_sync(unsigned mask, T value, int source, int width = 32,
              lowerpose::emulator::Site site = lowerpose::emulator::Site::here()) {
  const unsigned within = static_cast<unsigned>(width) - 1;
  const unsigned lane = lowerpose::emulator::lane();
  const unsigned from = (lane & ~within) | (static_cast<unsigned>(source) & within);
  return lowerpose::emulator::shuffle(mask, value, from, site);
}

template <class T>
T __shfl_up_sync(unsigned mask, T value, unsigned distance, int width = 32,
                 lowerpose::emulator::Site site = lowerpose::emulator::Site::here()) {
  const unsigned within = static_cast<unsigned>(width) - 1;
  const unsigned lane = lowerpose::emulator::lane();
  const unsigned from = (lane & within) >= distance ? lane - distance : lane;
  return lowerpose::emulator::shuffle(mask, value, from, site);
}

template <class T>
T __shfl_down_sync(unsigned mask, T value, unsigned distance, int width = 32,
                   lowerpose::emulator::Site site = lowerpose::emulator::Site::here()) {
  const unsigned within = static_cast<unsigned>(width) - 1;
  const unsigned lane = lowerpose::emulator::lane();
  const unsigned from = distance <= within - (lane & within) ? lane + distance : lane;
  return lowerpose::emulator::shuffle(mask, value, from, site);
}

template <class T>
T __shfl_xor_sync(unsigned mask, T value, int pattern, int width = 32,
                  lowerpose::emulator::Site site = lowerpose::emulator::Site::here()) {
  const unsigned within = static_cast<unsigned>(width) - 1;
  const unsigned lane = lowerpose::emulator::lane();
  const unsigned other = lane ^ static_cast<unsigned>(pattern);
  const unsigned from = other <= (lane | within) ? other : lane;
  return lowerpose::emulator::shuffle(mask, value, from, site);
}

inline unsigned __ballot_sync(unsigned mask, int predicate,
                              lowerpose::emulator::Site site = lowerpose::emulator::Site::here()) {
  return static_cast<unsigned>(lowerpose::emulator::warp_operation(
      lowerpose::emulator::Operation::kBallot, {mask, predicate != 0}, site));
}

inline int __all_sync(unsigned mask, int predicate,
                      lowerpose::emulator::Site site = lowerpose::emulator::Site::here()) {
  return static_cast<int>(lowerpose::emulator::warp_operation(lowerpose::emulator::Operation::kAll,
                                                              {mask, predicate != 0}, site));
}

inline int __any_sync(unsigned mask, int predicate,
                      lowerpose::emulator::Site site = lowerpose::emulator::Site::here()) {
  return static_cast<int>(lowerpose::emulator::warp_operation(lowerpose::emulator::Operation::kAny,
                                                              {mask, predicate != 0}, site));
}

template <class T>
unsigned __match_any_sync(unsigned mask, T value,
                          lowerpose::emulator::Site site = lowerpose::emulator::Site::here()) {
  return static_cast<unsigned>(lowerpose::emulator::warp_operation(
      lowerpose::emulator::Operation::kMatch, {mask, lowerpose::emulator::to_bits(value)}, site));
}

#define LOWERPOSE_WARP_REDUCTION(name, operation)                                                  \
  inline unsigned name(unsigned mask, unsigned value,                                              \
                       lowerpose::emulator::Site site = lowerpose::emulator::Site::here()) {       \
    return static_cast<unsigned>(lowerpose::emulator::warp_operation(                              \
        lowerpose::emulator::Operation::operation, {mask, value}, site));                          \
  }                                                                                                \
  inline int name(unsigned mask, int value,                                                        \
                  lowerpose::emulator::Site site = lowerpose::emulator::Site::here()) {            \
    const lowerpose::emulator::WarpArgument argument{mask, static_cast<unsigned>(value), 0, true}; \
    return static_cast<int>(lowerpose::emulator::warp_operation(                                   \
        lowerpose::emulator::Operation::operation, argument, site));                               \
  }
LOWERPOSE_WARP_REDUCTION(__reduce_add_sync, kAdd)
LOWERPOSE_WARP_REDUCTION(__reduce_min_sync, kMin)
LOWERPOSE_WARP_REDUCTION(__reduce_max_sync, kMax)
LOWERPOSE_WARP_REDUCTION(__reduce_and_sync, kAnd)
LOWERPOSE_WARP_REDUCTION(__reduce_or_sync, kOr)
LOWERPOSE_WARP_REDUCTION(__reduce_xor_sync, kXor)
#undef LOWERPOSE_WARP_REDUCTION
