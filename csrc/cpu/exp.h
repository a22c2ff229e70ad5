// exp for a vector of numbers.
#pragma once

#include <cstdint>
#include <cstring>
#include <type_traits>

#include "core/simd.h"

namespace lowerpose::cpu {

// x = exp(x) for x <= 0; 0 where the result would be subnormal. x = n ln 2 + r with |r| <= ln(2) /
// 2, exp(x) = 2^n exp(r), and exp(r) by its Taylor polynomial. For double results its first
// left-out term is below 5e-18: the error is within 1 unit in the last place. For float results it
// is below 2e-10: 1/300 of a float's unit.
template <class Result>
LOWERPOSE_INLINE void exp_nonpositive(Vec<double>::type& x) {
  using V = Vec<double>::type;
  using Bits = Vec<double>::bits;
  constexpr double kSmallest = -708.3964185322641;  // the logarithm of the smallest normal number
  constexpr double kLog2E = 1.4426950408889634;
  // ln 2 in two parts: the first has enough trailing zeros for n * part to be exact.
  constexpr double kLn2High = 6.93147180369123816490e-01;
  constexpr double kLn2Low = 1.90821492927058770002e-10;
  // Adding it rounds to an integer, which then stands in the low bits.
  constexpr double kRound = 6755399441055744.0;  // 1.5 * 2^52

  const V zero = {};
  const V clamped = x < kSmallest ? zero + kSmallest : x;
  const V shifted = clamped * kLog2E + kRound;
  const V n = shifted - kRound;
  const V r = (clamped - n * kLn2High) - n * kLn2Low;

  V p = zero + 1.0 / 40320.0;
  if constexpr (std::is_same_v<Result, double>) {
    p = r * (1.0 / 6227020800.0) + 1.0 / 479001600.0;
    p = p * r + 1.0 / 39916800.0;
    p = p * r + 1.0 / 3628800.0;
    p = p * r + 1.0 / 362880.0;
    p = p * r + 1.0 / 40320.0;
  }
  p = p * r + 1.0 / 5040.0;
  p = p * r + 1.0 / 720.0;
  p = p * r + 1.0 / 120.0;
  p = p * r + 1.0 / 24.0;
  p = p * r + 1.0 / 6.0;
  p = p * r + 0.5;
  p = p * r * r + r + 1.0;

  Bits shift, bits;
  std::memcpy(&shift, &shifted, sizeof(shift));
  std::memcpy(&bits, &p, sizeof(bits));
  bits += shift << 52;  // times 2^n
  std::memcpy(&p, &bits, sizeof(p));
  x = x < kSmallest ? zero : p;
}

// The same in float; NaN stays NaN, and exp(0) is 1. exp(r) is the polynomial of degree 6 whose
// largest error is least: 4e-9 of the result. With the rounding it is within 1e-7.
LOWERPOSE_INLINE void exp_nonpositive(Vec<float>::type& x) {
  using V = Vec<float>::type;
  using Bits = Vec<float>::bits;
  constexpr float kSmallest = -87.33654f;
  constexpr float kZero = -88.02969f;  // n = -127, with which the exponent's bits become 0
  constexpr float kLog2E = 1.44269504f;
  constexpr float kLn2High = 0.693359375f, kLn2Low = -2.12194440e-4f;
  // Adding it rounds to an integer, whose low bits are then n and the bias of the exponent.
  constexpr float kRound = 12582912.0f + 127.0f;  // 1.5 * 2^23

  const V zero = {};
  const V clamped = x < kSmallest ? zero + kZero : x;
  const V shifted = clamped * kLog2E + kRound;
  const V n = shifted - kRound;
  const V r = (clamped - n * kLn2High) - n * kLn2Low;

  V p = r * 1.38218259e-3f + 8.36868584e-3f;
  p = p * r + 4.16682586e-2f;
  p = p * r + 1.66665211e-1f;
  p = p * r + 4.9999994e-1f;
  p = p * r + 1.0f;
  p = p * r + 1.0f;

  Bits bits;
  std::memcpy(&bits, &shifted, sizeof(bits));
  bits = bits << 23;
  V power;
  std::memcpy(&power, &bits, sizeof(power));
  x = p * power;
}

}  // namespace lowerpose::cpu
