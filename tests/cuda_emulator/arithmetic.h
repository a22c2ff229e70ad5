// The small device functions: loads and stores with a hint, bits, conversions, min and max. What
// accesses memory is inlined, so that reports can name the kernel's line.
#pragma once

#include <cmath>
#include <limits>

#include "cuda_emulator/device_calls.h"

#define LOWERPOSE_LOAD(name)                         \
  template <class T>                                 \
  LOWERPOSE_ALWAYS_INLINE T name(const T* address) { \
    return *address;                                 \
  }
LOWERPOSE_LOAD(__ldg)
LOWERPOSE_LOAD(__ldca)
LOWERPOSE_LOAD(__ldcg)
LOWERPOSE_LOAD(__ldcs)
#undef LOWERPOSE_LOAD

#define LOWERPOSE_STORE(name)                                                         \
  template <class T>                                                                  \
  LOWERPOSE_ALWAYS_INLINE void name(T* address, lowerpose::emulator::Same<T> value) { \
    *address = value;                                                                 \
  }
LOWERPOSE_STORE(__stcg)
LOWERPOSE_STORE(__stcs)
#undef LOWERPOSE_STORE

#define LOWERPOSE_BIT_CAST(name, From, To)                                          \
  inline To name(From value) {                                                      \
    return lowerpose::emulator::from_bits<To>(lowerpose::emulator::to_bits(value)); \
  }
LOWERPOSE_BIT_CAST(__float_as_int, float, int)
LOWERPOSE_BIT_CAST(__float_as_uint, float, unsigned)
LOWERPOSE_BIT_CAST(__int_as_float, int, float)
LOWERPOSE_BIT_CAST(__uint_as_float, unsigned, float)
LOWERPOSE_BIT_CAST(__double_as_longlong, double, long long)
LOWERPOSE_BIT_CAST(__longlong_as_double, long long, double)
#undef LOWERPOSE_BIT_CAST

inline int __popc(unsigned value) { return __builtin_popcount(value); }
inline int __popcll(unsigned long long value) { return __builtin_popcountll(value); }
inline int __ffs(int value) { return __builtin_ffs(value); }
inline int __ffsll(long long value) { return __builtin_ffsll(value); }
inline int __clz(int value) {
  return value == 0 ? 32 : __builtin_clz(static_cast<unsigned>(value));
}
inline int __clzll(long long value) {
  return value == 0 ? 64 : __builtin_clzll(static_cast<unsigned long long>(value));
}

namespace lowerpose::emulator {

// A device's conversion from a whole number: the nearest integer that there is. A NaN becomes 0, or
// in 64 bits the smallest integer.
template <class Integer, class Float>
Integer saturated(Float whole) {
  using Limits = std::numeric_limits<Integer>;
  if (whole != whole) return sizeof(Integer) == 8 ? Limits::min() : 0;
  // The largest integer itself may not be a Float; the number after it is a power of two.
  const Float after = -static_cast<Float>(Limits::min());
  if (whole >= after) return Limits::max();
  if (whole < -after) return Limits::min();
  return static_cast<Integer>(whole);
}

}  // namespace lowerpose::emulator

#define LOWERPOSE_CONVERSION(name, Float, Integer, round)              \
  inline Integer name(Float value) {                                   \
    return lowerpose::emulator::saturated<Integer>(std::round(value)); \
  }
#define LOWERPOSE_CONVERSIONS(prefix, Float, Integer)          \
  LOWERPOSE_CONVERSION(prefix##_rn, Float, Integer, nearbyint) \
  LOWERPOSE_CONVERSION(prefix##_rd, Float, Integer, floor)     \
  LOWERPOSE_CONVERSION(prefix##_ru, Float, Integer, ceil)      \
  LOWERPOSE_CONVERSION(prefix##_rz, Float, Integer, trunc)
LOWERPOSE_CONVERSIONS(__float2int, float, int)
LOWERPOSE_CONVERSIONS(__float2ll, float, long long)
LOWERPOSE_CONVERSIONS(__double2int, double, int)
LOWERPOSE_CONVERSIONS(__double2ll, double, long long)
#undef LOWERPOSE_CONVERSIONS
#undef LOWERPOSE_CONVERSION

// The last bits of these differ on a device: compare with a tolerance.
inline float rsqrtf(float value) { return 1.0f / std::sqrt(value); }
inline double rsqrt(double value) { return 1.0 / std::sqrt(value); }
inline float __expf(float value) { return std::exp(value); }
inline float __fdividef(float a, float b) { return a / b; }

// Rounded once, and never contracted with another operation.
inline float __fmaf_rn(float a, float b, float c) { return std::fma(a, b, c); }
inline double __fma_rn(double a, double b, double c) { return std::fma(a, b, c); }
inline float __fadd_rn(float a, float b) { return a + b; }
inline float __fmul_rn(float a, float b) { return a * b; }
inline double __dadd_rn(double a, double b) { return a + b; }
inline double __dmul_rn(double a, double b) { return a * b; }

// CUDA also has them for two different types; here that is ambiguous, and an error.
#define LOWERPOSE_MIN_MAX(T)                       \
  inline T min(T a, T b) { return b < a ? b : a; } \
  inline T max(T a, T b) { return a < b ? b : a; }
LOWERPOSE_MIN_MAX(int)
LOWERPOSE_MIN_MAX(unsigned)
LOWERPOSE_MIN_MAX(long)
LOWERPOSE_MIN_MAX(unsigned long)
LOWERPOSE_MIN_MAX(long long)
LOWERPOSE_MIN_MAX(unsigned long long)
#undef LOWERPOSE_MIN_MAX
inline float min(float a, float b) { return std::fmin(a, b); }
inline float max(float a, float b) { return std::fmax(a, b); }
inline double min(double a, double b) { return std::fmin(a, b); }
inline double max(double a, double b) { return std::fmax(a, b); }
