#include "core/check.h"

#include <algorithm>
#include <cstdint>
#include <sstream>

namespace lowerpose {
namespace {

std::string describe_device(Device device, int index) {
  return device == Device::kCPU ? "cpu" : "cuda:" + std::to_string(index);
}

}  // namespace

std::string describe_shape(const TensorView& view) {
  std::ostringstream text;
  text << "[";
  for (int i = 0; i < view.ndim; ++i) text << (i ? ", " : "") << view.shape[i];
  text << "]";
  return text.str();
}

template <class Error>
void Checker::fail(const char* argument, const std::string& expected,
                   const std::string& got) const {
  throw Error(std::string(operation_) + ": " + argument + " must be " + expected + ", got " + got);
}

void Checker::tensor(const char* argument, const TensorView& view) {
  if (!view.problem.empty()) {
    fail<TypeError>(
        argument,
        "a NumPy array or a torch tensor of bool, uint8, int8 to int64, or a floating type",
        view.problem);
  }
  if (view.numel() > 0) {
    if (view.data == nullptr) {
      fail<ValueError>(argument, "a tensor with memory behind it", "a null pointer");
    }
    if (reinterpret_cast<std::uintptr_t>(view.data) % info(view.dtype).size != 0) {
      fail<ValueError>(argument, "aligned to its element size", "a misaligned address");
    }
  }
  if (first_argument_ == nullptr) {
    first_argument_ = argument;
    device_ = view.device;
    device_index_ = view.device_index;
    stream_ = view.stream;
  } else if (view.device != device_ || view.device_index != device_index_) {
    fail<ValueError>(argument,
                     "on " + describe_device(device_, device_index_) + " like " + first_argument_,
                     describe_device(view.device, view.device_index));
  }
}

void Checker::writable(const char* argument, const TensorView& view) {
  tensor(argument, view);
  if (!view.writable) fail<ValueError>(argument, "writable", "read-only memory");
}

void Checker::output(const char* argument, const TensorView& view) {
  writable(argument, view);
  if (!view.is_contiguous()) fail<ValueError>(argument, "contiguous", "other strides");
}

void Checker::dtype(const char* argument, const TensorView& view,
                    std::initializer_list<DType> allowed) {
  std::string names;
  for (const DType dtype : allowed) {
    if (view.dtype == dtype) return;
    names += (names.empty() ? "" : " or ") + std::string(info(dtype).name);
  }
  fail<TypeError>(argument, names, info(view.dtype).name);
}

void Checker::shape(const char* argument, const TensorView& view, const char* layout,
                    std::initializer_list<std::int64_t> sizes) {
  bool same = view.ndim == static_cast<int>(sizes.size());
  int axis = 0;
  std::string expected;
  for (const std::int64_t size : sizes) {
    expected += (axis ? ", " : "") + (size == kAny ? std::string("any") : std::to_string(size));
    same = same && (size == kAny || view.shape[axis] == size);
    ++axis;
  }
  if (!same) {
    fail<ValueError>(argument, std::string(layout) + " = [" + expected + "]", describe_shape(view));
  }
}

void Checker::packed(const char* argument, const TensorView& view, DType type, const char* layout,
                     std::initializer_list<std::int64_t> sizes) {
  tensor(argument, view);
  dtype(argument, view, {type});
  shape(argument, view, layout, sizes);
  if (!view.is_contiguous()) fail<ValueError>(argument, "contiguous", "other strides");
}

void Checker::packed_output(const char* argument, const TensorView& view, DType type,
                            const char* layout, std::initializer_list<std::int64_t> sizes) {
  packed(argument, view, type, layout, sizes);
  writable(argument, view);
}

void Checker::offsets(const char* argument, const TensorView& view, std::int64_t rows) {
  const auto* numbers = static_cast<const std::int64_t*>(view.data);
  const std::int64_t count = view.numel();
  if (count < 1 || numbers[0] != 0 || numbers[count - 1] != rows ||
      !std::is_sorted(numbers, numbers + count)) {
    fail<ValueError>(argument, "rising from 0 to " + std::to_string(rows), "other offsets");
  }
}

void Checker::indices(const char* argument, const TensorView& view, std::int64_t limit) {
  const auto* numbers = static_cast<const std::int64_t*>(view.data);
  for (std::int64_t i = 0; i < view.numel(); ++i) {
    if (numbers[i] < 0 || numbers[i] >= limit) {
      fail<ValueError>(argument, "from 0 to " + std::to_string(limit - 1),
                       std::to_string(numbers[i]));
    }
  }
}

void Checker::per_map(const char* argument, const TensorView& view, std::int64_t batch,
                      std::int64_t maps) {
  if (view.ndim == 3) {
    shape(argument, view, "[B, K, 1]", {batch, maps, 1});
  } else {
    shape(argument, view, "[B, K]", {batch, maps});
  }
}

void Checker::value(bool good, const char* argument, const std::string& expected,
                    const std::string& got) {
  if (!good) fail<ValueError>(argument, expected, got);
}

void Checker::value(bool good, const char* argument, const std::string& expected, double got) {
  if (good) return;
  std::ostringstream text;
  text << got;
  fail<ValueError>(argument, expected, text.str());
}

void Checker::refuse_device() const {
  fail<ValueError>(first_argument_,
                   kCPUKernels ? "on the CPU" : "used with a build that has kernels for the CPU",
                   describe_device(device_, device_index_));
}

void Checker::refuse_cuda() const {
  fail<ValueError>(first_argument_,
                   "on the CPU, because this build has no CUDA kernels (build lowerpose_ops where "
                   "nvcc is found, with LOWERPOSE_CUDA=ON)",
                   describe_device(device_, device_index_));
}

void Checker::fail_on_device(const char* error) const {
  throw DeviceError(std::string(operation_) + ": " + describe_device(device_, device_index_) +
                    " did not take the work: " + error +
                    " (`nvidia-smi` tells the driver and the GPU, `python -m lowerpose_ops` what "
                    "this build is for; CUDAARCHS=native builds for the GPU at hand)");
}

}  // namespace lowerpose
