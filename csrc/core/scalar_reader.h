// Reads single numbers of any type as double.
//
// For the small arguments beside the heatmaps (joints, visibilities, weights): one switch a joint
// is nothing beside a map, and it keeps the kernels from being compiled once per argument type.
#pragma once

#include <cstdint>

#include "core/float16.h"
#include "core/host_device.h"
#include "core/tensor_view.h"

namespace lowerpose {

class ScalarReader {
 public:
  static constexpr int kDims = 4;

  ScalarReader() = default;
  explicit ScalarReader(const TensorView& view) : data_(view.data), dtype_(view.dtype) {
    for (int i = 0; i < kDims && i < view.ndim; ++i) strides_[i] = view.strides[i];
  }

  // Indices beyond the view's own dimensions are ignored: a [B, K, 1] array reads like [B, K].
  LOWERPOSE_HOST_DEVICE double operator()(std::int64_t i, std::int64_t j = 0, std::int64_t k = 0,
                                          std::int64_t l = 0) const {
    const std::int64_t offset =
        i * strides_[0] + j * strides_[1] + k * strides_[2] + l * strides_[3];
    switch (dtype_) {
      case DType::kBool:
      case DType::kUInt8:
        return load<std::uint8_t>(offset);
      case DType::kInt8:
        return load<std::int8_t>(offset);
      case DType::kInt16:
        return load<std::int16_t>(offset);
      case DType::kInt32:
        return load<std::int32_t>(offset);
      case DType::kInt64:
        return load<std::int64_t>(offset);
      case DType::kFloat32:
        return load<float>(offset);
      case DType::kFloat64:
        return load<double>(offset);
      case DType::kFloat16:
        return to_float(static_cast<const Float16*>(data_)[offset]);
      case DType::kBFloat16:
        return to_float(static_cast<const BFloat16*>(data_)[offset]);
    }
    return 0.0;
  }

  // Calls `use(from)` with where element (i, j, k, l) lies, as a pointer to its type: for loops
  // that read more than one.
  template <class Use>
  void with_elements(std::int64_t i, std::int64_t j, std::int64_t k, std::int64_t l,
                     Use&& use) const {
    const std::int64_t offset =
        i * strides_[0] + j * strides_[1] + k * strides_[2] + l * strides_[3];
    switch (dtype_) {
      case DType::kBool:
      case DType::kUInt8:
        return use(static_cast<const std::uint8_t*>(data_) + offset);
      case DType::kInt8:
        return use(static_cast<const std::int8_t*>(data_) + offset);
      case DType::kInt16:
        return use(static_cast<const std::int16_t*>(data_) + offset);
      case DType::kInt32:
        return use(static_cast<const std::int32_t*>(data_) + offset);
      case DType::kInt64:
        return use(static_cast<const std::int64_t*>(data_) + offset);
      case DType::kFloat32:
        return use(static_cast<const float*>(data_) + offset);
      case DType::kFloat64:
        return use(static_cast<const double*>(data_) + offset);
      case DType::kFloat16:
        return use(static_cast<const Float16*>(data_) + offset);
      case DType::kBFloat16:
        return use(static_cast<const BFloat16*>(data_) + offset);
    }
  }

  std::int64_t stride(int axis) const { return strides_[axis]; }

 private:
  template <class T>
  LOWERPOSE_HOST_DEVICE double load(std::int64_t offset) const {
    return static_cast<double>(static_cast<const T*>(data_)[offset]);
  }

  const void* data_ = nullptr;
  DType dtype_ = DType::kFloat32;
  std::int64_t strides_[kDims] = {};
};

}  // namespace lowerpose
