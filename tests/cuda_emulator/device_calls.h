// What kernels call in the emulator, through the names that CUDA has for it.
#pragma once

#include <driver_types.h>
#include <vector_types.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

#define LOWERPOSE_ALWAYS_INLINE __attribute__((always_inline)) inline

namespace lowerpose::emulator {

// A place in the source of a kernel. As a default argument `Site site = Site::here()` it is the
// place of the call.
struct Site {
  const char* file = "";
  int line = 0;

  static constexpr Site here(const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
    return {file, line};
  }
};

enum class Operation {
  kNone,
  kBarrier,  // of the block; all that follow are the warp's
  kSyncwarp,
  kShuffle,
  kBallot,
  kAll,
  kAny,
  kMatch,
  kAdd,
  kMin,
  kMax,
  kAnd,
  kOr,
  kXor,
};

enum class Vote { kCount, kAll, kAny };

// What a thread brings to an operation of its warp.
struct WarpArgument {
  unsigned mask = 0;
  std::uint64_t value = 0;
  unsigned source_lane = 0;  // of a shuffle
  bool is_signed = false;
};

int block_barrier(int predicate, Vote vote, Site site);
std::uint64_t warp_operation(Operation operation, const WarpArgument& argument, Site site);
unsigned lane();
void fence();  // of the device; orders what is before it and what is after it
void before_atomic(void* address, std::size_t bytes);
void* dynamic_shared();

// Copies that are not the kernel's own accesses: nothing checks them.
void copy_unchecked(void* to, const void* from, std::size_t bytes);

// A launch without its types.
struct Call {
  const char* signature = "";  // holds the kernel's name
  const void* kernel = nullptr;
  void (*body)(void* arguments) = nullptr;  // what every thread runs
  void* arguments = nullptr;
  std::size_t argument_bytes = 0;
};

cudaError_t run(const Call& call, dim3 grid, dim3 block, std::size_t shared_bytes);

template <class T>
std::uint64_t to_bits(const T& value) {
  static_assert(sizeof(T) <= 8 && std::is_trivially_copyable_v<T>, "goes through 64 bits");
  std::uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof(value));
  return bits;
}

template <class T>
T from_bits(std::uint64_t bits) {
  T value;
  std::memcpy(static_cast<void*>(&value), &bits, sizeof(value));
  return value;
}

// Keeps an argument from taking part in the deduction of T.
template <class T>
struct SameType {
  using type = T;
};
template <class T>
using Same = typename SameType<T>::type;

}  // namespace lowerpose::emulator
