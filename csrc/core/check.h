// Refusals. Each names the operation, the argument, what it must be and what it was.
#pragma once

#include <initializer_list>
#include <stdexcept>
#include <string>
#include <utility>

#include "core/tensor_view.h"

namespace lowerpose {

struct ValueError : std::invalid_argument {
  using std::invalid_argument::invalid_argument;
};
struct TypeError : std::invalid_argument {
  using std::invalid_argument::invalid_argument;
};

// What a device's driver or runtime could not do.
struct DeviceError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// Which kernels this module holds. The module in which the tests emulate CUDA holds CUDA's alone,
// and runs them on the CPU's memory.
#if !defined(LOWERPOSE_CPU_KERNELS) || !defined(LOWERPOSE_CUDA_KERNELS)
#error "the build says with 0 or 1 which kernels there are"
#endif
inline constexpr bool kCPUKernels = LOWERPOSE_CPU_KERNELS;
inline constexpr bool kCUDAKernels = LOWERPOSE_CUDA_KERNELS;

inline constexpr std::int64_t kAny = -1;  // a size that `shape` does not fix

// Speaks for one call of one operation. The first tensor that it sees fixes the device.
class Checker {
 public:
  explicit Checker(const char* operation) : operation_(operation) {}

  // Readable memory on the device of the tensors before it.
  void tensor(const char* argument, const TensorView& view);
  // What the Python face allocates for us to fill; `output` is contiguous besides.
  void writable(const char* argument, const TensorView& view);
  void output(const char* argument, const TensorView& view);
  void dtype(const char* argument, const TensorView& view, std::initializer_list<DType> allowed);
  // `layout` is the shape in words, for the message: "[B, K, 2]".
  void shape(const char* argument, const TensorView& view, const char* layout,
             std::initializer_list<std::int64_t> sizes);
  // Contiguous memory of one type and shape: read, or filled.
  void packed(const char* argument, const TensorView& view, DType dtype, const char* layout,
              std::initializer_list<std::int64_t> sizes);
  void packed_output(const char* argument, const TensorView& view, DType dtype, const char* layout,
                     std::initializer_list<std::int64_t> sizes);
  // Packed int64 numbers in the CPU's memory that cut `rows` rows into groups: from 0, never
  // falling, up to `rows`.
  void offsets(const char* argument, const TensorView& view, std::int64_t rows);
  // Packed int64 numbers in the CPU's memory, each in [0, limit).
  void indices(const char* argument, const TensorView& view, std::int64_t limit);
  // One number a map: [B, K], or [B, K, 1].
  void per_map(const char* argument, const TensorView& view, std::int64_t batch, std::int64_t maps);

  void value(bool good, const char* argument, const std::string& expected, const std::string& got);
  void value(bool good, const char* argument, const std::string& expected, double got);
  // What a word stands for.
  template <class Value>
  Value word(const char* argument, const std::string& given,
             std::initializer_list<std::pair<const char*, Value>> meanings);

  // Whether the operation runs as loops on the CPU.
  bool on_cpu() const { return kCPUKernels && device_ == Device::kCPU; }
  // Runs the operation where its tensors are. `cuda(stream)` returns nullptr or what went wrong.
  template <class CPU, class CUDA>
  void run(CPU&& cpu, CUDA&& cuda) const {
    if (on_cpu()) {
      if constexpr (kCPUKernels) cpu();
    } else if constexpr (kCUDAKernels) {
      const char* error = cuda(Stream{device_index_, stream_});
      if (error != nullptr) fail_on_device(error);
    } else {
      refuse_cuda();
    }
  }
  // The same for an operation that has no kernels for a GPU.
  template <class CPU>
  void run_on_cpu(CPU&& cpu) const {
    if (!on_cpu()) refuse_device();
    if constexpr (kCPUKernels) cpu();
  }

 private:
  [[noreturn]] void refuse_device() const;
  [[noreturn]] void refuse_cuda() const;
  [[noreturn]] void fail_on_device(const char* error) const;
  template <class Error>
  [[noreturn]] void fail(const char* argument, const std::string& expected,
                         const std::string& got) const;

  const char* operation_;
  const char* first_argument_ = nullptr;
  Device device_ = Device::kCPU;
  int device_index_ = 0;
  void* stream_ = nullptr;
};

std::string describe_shape(const TensorView& view);

template <class Value>
Value Checker::word(const char* argument, const std::string& given,
                    std::initializer_list<std::pair<const char*, Value>> meanings) {
  for (const auto& [name, meaning] : meanings) {
    if (given == name) return meaning;
  }
  std::string expected;
  for (const auto& [name, meaning] : meanings) {
    expected += (expected.empty() ? "'" : " or '") + std::string(name) + "'";
  }
  value(false, argument, expected, "'" + given + "'");
  return meanings.begin()->second;  // not reached
}

}  // namespace lowerpose
