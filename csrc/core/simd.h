// Vectors of a fixed width, and one build that runs at each processor's own SIMD level.
#pragma once

#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>

// Compiles a function once per x86-64 level; the loader picks one. The sources are compiled with
// -ffp-contract=off, and Vec has the same lanes everywhere, so that every level gives the same
// bits.
#if defined(__x86_64__) && defined(__GLIBC__) && defined(__GNUC__) && !defined(__clang__)
#define LOWERPOSE_SIMD __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define LOWERPOSE_SIMD
#endif

namespace lowerpose {

// The level that LOWERPOSE_SIMD functions run at here: "x86-64-v4", "x86-64-v3", "x86-64" ...
const char* simd_level();

// 64 bytes of T: one AVX-512 register, two of AVX2, four of SSE or NEON.
template <class T>
struct Vec {
  typedef T type __attribute__((vector_size(64)));
  static constexpr int kLanes = 64 / sizeof(T);

  // The same lanes as integers, to look at a number's bits.
  using Bit = std::conditional_t<sizeof(T) == 4, std::int32_t, std::int64_t>;
  typedef Bit bits __attribute__((vector_size(64)));
  static constexpr Bit kMagnitudeBits = std::numeric_limits<Bit>::max();  // all but the sign
  static constexpr Bit kInfinityBits = sizeof(T) == 4 ? 0x7f800000 : 0x7ff0000000000000;
};

// For what a LOWERPOSE_SIMD function calls: inlined it runs at the caller's level, else it would
// not.
#define LOWERPOSE_INLINE inline __attribute__((always_inline))

template <class T>
LOWERPOSE_INLINE void load(typename Vec<T>::type& vec, const T* from) {
  std::memcpy(&vec, from, sizeof(vec));
}

template <class T>
LOWERPOSE_INLINE void store(const typename Vec<T>::type& vec, T* to) {
  std::memcpy(to, &vec, sizeof(vec));
}

// sums += the lanes of `values`, two to one of them where there are twice as many.
template <class C>
LOWERPOSE_INLINE void add_lanes(Vec<double>::type& sums, const typename Vec<C>::type& values) {
  if constexpr (std::is_same_v<C, double>) {
    sums += values;
  } else {
    typedef float Half __attribute__((vector_size(32)));
    Half halves[2];
    std::memcpy(halves, &values, sizeof(halves));
    for (const Half& half : halves) sums += __builtin_convertvector(half, Vec<double>::type);
  }
}

}  // namespace lowerpose
