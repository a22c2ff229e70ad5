// Elements of heatmaps in a GPU's memory: conversions, and packs that move in one access.
#pragma once

#include <cstdint>

#include "core/float16.h"
#include "cuda/seam.h"

namespace lowerpose::cuda {
namespace {

inline constexpr int kPackBytes = 16;  // the widest access of a thread

template <class T, int kCount>
struct alignas(sizeof(T) * kCount) Pack {
  T values[kCount];
};

// The toolkit's conversions are one instruction each.
__device__ __forceinline__ float widened(Float16 value) {
  return __half2float(__half(__half_raw{value.bits}));
}
__device__ __forceinline__ float widened(BFloat16 value) { return to_float(value); }
__device__ __forceinline__ float widened(float value) { return value; }
__device__ __forceinline__ double widened(double value) { return value; }

__device__ __forceinline__ void narrow(float value, Float16& to) {
  to.bits = __half_raw(__float2half_rn(value)).x;
}
__device__ __forceinline__ void narrow(float value, BFloat16& to) {
  to.bits = __nv_bfloat16_raw(__float2bfloat16_rn(value)).x;
}
__device__ __forceinline__ void narrow(float value, float& to) { to = value; }
__device__ __forceinline__ void narrow(double value, double& to) { to = value; }
__device__ __forceinline__ void narrow(double value, float& to) { to = static_cast<float>(value); }
__device__ __forceinline__ void narrow(double value, Float16& to) {
  narrow(static_cast<float>(value), to);
}
__device__ __forceinline__ void narrow(double value, BFloat16& to) {
  narrow(static_cast<float>(value), to);
}

}  // namespace
}  // namespace lowerpose::cuda
