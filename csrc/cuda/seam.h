// What kernels need of CUDA, and the only place that knows which CUDA it is: nvcc's, or the one
// that the tests run on the processor (tests/cuda_emulator). Kernels include nothing else of CUDA
// and start only through `launch`.
#pragma once

#if defined(__CUDACC__)

#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_runtime.h>

#include <cstddef>

// T* name: the dynamic shared memory of the block. A macro, because the emulator cannot spell
// `extern __shared__`.
#define LOWERPOSE_DYNAMIC_SHARED(T, name)                             \
  extern __shared__ __align__(16) unsigned char lowerpose_dynamic_[]; \
  T* const name = reinterpret_cast<T*>(lowerpose_dynamic_)

namespace lowerpose::cuda {

// Puts kernel(arguments...) on the stream. The kernel is a template argument so that the emulator
// can log its name and types.
template <auto kernel, class... Arguments>
cudaError_t launch(dim3 grid, dim3 block, std::size_t shared_bytes, cudaStream_t stream,
                   const Arguments&... arguments) {
  kernel<<<grid, block, shared_bytes, stream>>>(arguments...);
  return cudaGetLastError();
}

}  // namespace lowerpose::cuda

#elif defined(LOWERPOSE_EMULATED_CUDA)

#include "cuda_emulator/emulator.h"

#else
#error "needs nvcc, or a host compiler with LOWERPOSE_EMULATED_CUDA and tests/ in its path"
#endif
