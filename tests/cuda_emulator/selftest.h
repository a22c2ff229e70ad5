// What the self-tests have in common. They run on a GPU too, so that the two can be compared.
#pragma once

#include <cstddef>
#include <cstdio>
#include <stdexcept>
#include <string>
#include <vector>

#include "cuda/seam.h"

namespace lowerpose::selftest {

inline void require(cudaError_t error, const char* what) {
  if (error == cudaSuccess) return;
  throw std::runtime_error(std::string(what) + ": " + cudaGetErrorString(error));
}

// Device memory of exactly the size that is needed.
template <class T>
class Device {
 public:
  explicit Device(const std::vector<T>& values) : count_(values.size()) {
    require(cudaMalloc(reinterpret_cast<void**>(&data_), bytes()), "cudaMalloc");
    require(cudaMemcpy(data_, values.data(), bytes(), cudaMemcpyHostToDevice), "cudaMemcpy");
  }
  explicit Device(std::size_t count) : Device(std::vector<T>(count)) {}
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;
  ~Device() { cudaFree(data_); }

  T* get() const { return data_; }

  // After all launches so far.
  std::vector<T> values() const {
    require(cudaDeviceSynchronize(), "a kernel");
    std::vector<T> values(count_);
    require(cudaMemcpy(values.data(), data_, bytes(), cudaMemcpyDeviceToHost), "cudaMemcpy");
    return values;
  }

 private:
  std::size_t bytes() const { return count_ * sizeof(T); }

  T* data_ = nullptr;
  std::size_t count_;
};

inline int failures = 0;

inline void expect(bool good, const char* what, int line) {
  if (good) return;
  constexpr int kEnough = 10;
  if (++failures <= kEnough) std::printf("line %d: not so: %s\n", line, what);
}

#define LOWERPOSE_EXPECT(condition) ::lowerpose::selftest::expect(condition, #condition, __LINE__)

// Numbers that look random and are the same everywhere.
class Numbers {
 public:
  float next() {  // in [0, 1)
    state_ = state_ * 1664525u + 1013904223u;
    return static_cast<float>(state_ >> 8) / static_cast<float>(1 << 24);
  }

 private:
  unsigned state_ = 1;
};

// Runs `test` and says how it went.
template <class Test>
int main_of(Test&& test) {
  try {
    test();
  } catch (const std::exception& error) {
    std::printf("%s\n", error.what());
    return 1;
  }
  std::printf("%d failures\n", failures);
  return failures == 0 ? 0 : 1;
}

}  // namespace lowerpose::selftest
