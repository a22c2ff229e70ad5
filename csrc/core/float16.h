// The two 16-bit floating point formats, as storage: arithmetic is in float.
#pragma once

#include <cstdint>
#include <cstring>
#include <type_traits>

#include "core/host_device.h"
#include "core/simd.h"

namespace lowerpose {

struct Float16 {  // IEEE binary16
  std::uint16_t bits;
};

struct BFloat16 {  // the upper half of a float
  std::uint16_t bits;
};

// What arithmetic on these types is in: double if one of them is, else float.
template <class... Ts>
using Arithmetic = std::conditional_t<(std::is_same_v<Ts, double> || ...), double, float>;

LOWERPOSE_HOST_DEVICE LOWERPOSE_INLINE std::uint32_t float_bits(float value) {
  std::uint32_t bits;
  std::memcpy(&bits, &value, sizeof(bits));
  return bits;
}

LOWERPOSE_HOST_DEVICE LOWERPOSE_INLINE float float_from_bits(std::uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, sizeof(value));
  return value;
}

LOWERPOSE_HOST_DEVICE LOWERPOSE_INLINE float to_float(BFloat16 value) {
  return float_from_bits(static_cast<std::uint32_t>(value.bits) << 16);
}

// Moves exponent and fraction to a float's place; the two exponents' biases differ by 112. A
// subnormal number is its fraction in units of 2^-24. (No subnormal float on the way: a processor
// that was told to flush them would make it 0.)
LOWERPOSE_HOST_DEVICE LOWERPOSE_INLINE float to_float(Float16 value) {
  const std::uint32_t magnitude = value.bits & 0x7fffu;
  const std::uint32_t sign = (value.bits & 0x8000u) << 16;
  const std::uint32_t normal = (magnitude << 13) + (112u << 23);
  const auto fraction = static_cast<float>(static_cast<std::int32_t>(magnitude));
  const std::uint32_t finite = magnitude < 0x400u ? float_bits(fraction * 0x1p-24f) : normal;
  const std::uint32_t infinite_or_nan = 0x7f800000u | (magnitude << 13);
  return float_from_bits(sign | (magnitude >= 0x7c00u ? infinite_or_nan : finite));
}

// Both round to nearest, ties to even, and keep infinities and NaN.
LOWERPOSE_INLINE void from_float(float value, BFloat16& to) {
  const std::uint32_t bits = float_bits(value);
  const std::uint32_t rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
  const std::uint32_t quiet_nan = (bits >> 16) | 0x40u;
  const bool nan = (bits & 0x7fffffffu) > 0x7f800000u;
  to.bits = static_cast<std::uint16_t>(nan ? quiet_nan : rounded);
}

LOWERPOSE_INLINE void from_float(float value, Float16& to) {
  const std::uint32_t bits = float_bits(value);
  const std::uint32_t magnitude = bits & 0x7fffffffu;
  const std::uint32_t normal = (magnitude - (112u << 23) + 0xfffu + ((magnitude >> 13) & 1u)) >> 13;
  // 0.5f has the unit in the last place of binary16's subnormal numbers: the sum is rounded to it.
  const std::uint32_t subnormal = float_bits(float_from_bits(magnitude) + 0.5f) - 0x3f000000u;
  std::uint32_t half = magnitude < 0x38800000u ? subnormal : normal;  // below 2^-14
  half = magnitude >= 0x477ff000u ? 0x7c00u : half;                   // rounds to 2^16 or more
  half = magnitude > 0x7f800000u ? 0x7e00u : half;
  to.bits = static_cast<std::uint16_t>(half | ((bits >> 16) & 0x8000u));
}

}  // namespace lowerpose
