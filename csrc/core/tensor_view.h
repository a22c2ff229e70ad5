// What the core knows of an array: where it lies, its shape, strides, type and device.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace lowerpose {

enum class DType : int {
  kBool,
  kUInt8,
  kInt8,
  kInt16,
  kInt32,
  kInt64,
  kFloat16,
  kBFloat16,
  kFloat32,
  kFloat64,
};

struct DTypeInfo {
  DType dtype;
  const char* name;
  std::size_t size;  // bytes of one element
};

// In the order of the enum; the names are NumPy's and torch's.
inline constexpr DTypeInfo kDTypes[] = {
    {DType::kBool, "bool", 1},       {DType::kUInt8, "uint8", 1},
    {DType::kInt8, "int8", 1},       {DType::kInt16, "int16", 2},
    {DType::kInt32, "int32", 4},     {DType::kInt64, "int64", 8},
    {DType::kFloat16, "float16", 2}, {DType::kBFloat16, "bfloat16", 2},
    {DType::kFloat32, "float32", 4}, {DType::kFloat64, "float64", 8},
};

inline const DTypeInfo& info(DType dtype) { return kDTypes[static_cast<int>(dtype)]; }

enum class Device : int { kCPU, kCUDA };

inline constexpr int kMaxDims = 8;

// Where a GPU's work is queued.
struct Stream {
  int device_index = 0;
  void* handle = nullptr;
};

// A view owns nothing. Strides are in elements and may be zero or negative.
struct TensorView {
  void* data = nullptr;
  int ndim = 0;
  std::int64_t shape[kMaxDims] = {};
  std::int64_t strides[kMaxDims] = {};
  DType dtype = DType::kFloat32;
  Device device = Device::kCPU;
  int device_index = 0;
  void* stream = nullptr;  // the caller's CUDA stream
  bool writable = false;
  // Not empty when the caller's object is no array that we can read; says what it is instead.
  // The front door of the operation reports it, because only it knows the argument's name.
  std::string problem;

  std::int64_t numel() const {
    std::int64_t count = 1;
    for (int i = 0; i < ndim; ++i) count *= shape[i];
    return count;
  }

  // The same memory with one more dimension, of size 1, before the given one.
  TensorView unsqueezed(int axis) const {
    TensorView view = *this;
    for (int i = ndim; i > axis; --i) {
      view.shape[i] = shape[i - 1];
      view.strides[i] = strides[i - 1];
    }
    view.shape[axis] = 1;
    view.strides[axis] = 0;
    ++view.ndim;
    return view;
  }

  bool is_contiguous() const {
    if (numel() == 0) return true;
    std::int64_t expected = 1;
    for (int i = ndim - 1; i >= 0; --i) {
      if (shape[i] != 1 && strides[i] != expected) return false;
      expected *= shape[i];
    }
    return true;
  }
};

// What a view points at, as the type that a check has found there.
template <class T>
T* data_of(const TensorView& view) {
  return static_cast<T*>(view.data);
}

}  // namespace lowerpose
