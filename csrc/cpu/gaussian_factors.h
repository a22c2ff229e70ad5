// The Gaussian is separable: its factors along an axis, and their products.
#pragma once

#include <cstdint>
#include <cstring>
#include <limits>

#include "core/simd.h"
#include "cpu/exp.h"
#include "cpu/tiles.h"

namespace lowerpose::cpu {

// Internal linkage, a copy for each file that includes this: SIMD clones need it.
namespace {

// A vector of doubles as T.
template <class T>
LOWERPOSE_INLINE void store_as(T* to, const typename Vec<double>::type& values) {
  if constexpr (std::is_same_v<T, float>) {
    typedef float Floats __attribute__((vector_size(32)));
    const Floats floats = __builtin_convertvector(values, Floats);
    std::memcpy(to, &floats, sizeof(floats));
  } else {
    for (int i = 0; i < Vec<double>::kLanes; ++i) narrow(static_cast<double>(values[i]), to[i]);
  }
}

constexpr std::int64_t kLanes = Vec<double>::kLanes;

// Sets what follows the first `count` of a vector of numbers to 0.
LOWERPOSE_INLINE void keep_first(double* numbers, std::int64_t count) {
  using Bits = Vec<double>::bits;
  static constexpr Vec<double>::Bit kKept[2 * kLanes] = {-1, -1, -1, -1, -1, -1, -1, -1};
  Bits kept, bits;
  std::memcpy(&kept, kKept + kLanes - count, sizeof(kept));
  std::memcpy(&bits, numbers, sizeof(bits));
  bits &= kept;
  std::memcpy(numbers, &bits, sizeof(bits));
}

// factors[i] = exp(-(first + i - peak)^2 / (2 sigma^2)), and 0 up to the next whole vector.
template <class Result>
LOWERPOSE_SIMD void gaussian_factors(double* factors, std::int64_t first, std::int64_t count,
                                     double peak, double sigma) {
  using V = Vec<double>::type;
  const double offset = static_cast<double>(first) - peak;
  V index = {0, 1, 2, 3, 4, 5, 6, 7};
  for (std::int64_t i = 0; i < count; i += kLanes, index += static_cast<double>(kLanes)) {
    const V q = (offset + index) / sigma;
    V factor = -0.5 * q * q;
    exp_nonpositive<Result>(factor);
    store<double>(factor, factors + i);
  }
  // In one store: a vector that is loaded waits long for parts that were stored one by one.
  if (const std::int64_t rest = count % kLanes; rest > 0) keep_first(factors + count - rest, rest);
}

template <class T>
constexpr double kSmallestNormal = std::numeric_limits<Arithmetic<T>>::min();

// The values of a vector of columns in one row. What a float or double could only hold as a
// subnormal number becomes 0: subnormal numbers would slow down whatever reads the map later.
template <class T>
LOWERPOSE_INLINE void gaussian_products(Vec<double>::type& values, const double* column_factors,
                                        double row_factor) {
  const Vec<double>::type zero = {};
  load(values, column_factors);
  values *= row_factor;
  values = values < kSmallestNormal<T> ? zero : values;
}

}  // namespace
}  // namespace lowerpose::cpu
