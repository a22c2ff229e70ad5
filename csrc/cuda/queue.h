// Puts work on the caller's stream, and says in words what CUDA could not do.
#pragma once

#include <cstdint>
#include <limits>

#include "core/tensor_view.h"
#include "cuda/seam.h"

namespace lowerpose::cuda {

// Makes a device current as long as it lives: a stream takes work from its own device alone.
class CurrentDevice {
 public:
  explicit CurrentDevice(int index) : error_(cudaGetDevice(&before_)) {
    // Only if it is another one: to set a device also sets its primary context, and the caller may
    // have made another context of it current.
    moved_ = error_ == cudaSuccess && before_ != index;
    if (moved_) error_ = cudaSetDevice(index);
  }
  CurrentDevice(const CurrentDevice&) = delete;
  CurrentDevice& operator=(const CurrentDevice&) = delete;
  ~CurrentDevice() {
    if (moved_) cudaSetDevice(before_);
  }
  cudaError_t error() const { return error_; }

 private:
  int before_ = 0;
  cudaError_t error_;
  bool moved_ = false;
};

// nullptr, or the error in words; the runtime forgets it.
inline const char* in_words(cudaError_t error) {
  if (error == cudaSuccess) return nullptr;
  cudaGetLastError();
  return cudaGetErrorString(error);
}

// Runs `work(cuda_stream)`, which launches, with the stream's device current.
template <class Work>
const char* on(const Stream& stream, Work&& work) {
  const CurrentDevice device(stream.device_index);
  if (device.error() != cudaSuccess) return in_words(device.error());
  return in_words(work(static_cast<cudaStream_t>(stream.handle)));
}

// `kernel(arguments...)` by as many blocks; nothing for none.
template <auto kernel, class... Arguments>
cudaError_t launch_blocks(std::int64_t blocks, int threads, cudaStream_t stream,
                          const Arguments&... arguments) {
  if (blocks == 0) return cudaSuccess;
  if (blocks > std::numeric_limits<std::int32_t>::max()) return cudaErrorInvalidConfiguration;
  return launch<kernel>(dim3(static_cast<unsigned>(blocks)), dim3(threads), 0, stream,
                        arguments...);
}

}  // namespace lowerpose::cuda
