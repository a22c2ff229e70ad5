// CUDA as kernels see it, on the processor. csrc/cuda/seam.h includes this; see the README.
#pragma once

// The toolkit's own headers give float4, dim3, __half and the like to a host compiler too.
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_runtime.h>

#include <tuple>
#include <type_traits>

#include "cuda_emulator/arithmetic.h"
#include "cuda_emulator/atomics.h"
#include "cuda_emulator/barriers.h"
#include "cuda_emulator/builtins.h"
#include "cuda_emulator/device_calls.h"

// Blocks run one after another, and launches too, so that one copy of a block's memory is enough.
#undef __shared__
#define __shared__ static
#undef __launch_bounds__
#define __launch_bounds__(...)

#define LOWERPOSE_DYNAMIC_SHARED(T, name) \
  T* const name = static_cast<T*>(::lowerpose::emulator::dynamic_shared())

namespace lowerpose::emulator {

template <auto kernel>
constexpr const char* signature() {
  return __PRETTY_FUNCTION__;
}

// The arguments become the kernel's parameters before the launch, as in CUDA; every thread then
// gets a copy.
template <class... Parameters, class... Arguments>
cudaError_t run_kernel(void (*kernel)(Parameters...), const char* name, dim3 grid, dim3 block,
                       std::size_t shared_bytes, const Arguments&... arguments) {
  static_assert(sizeof...(Parameters) == sizeof...(Arguments), "a kernel gets all its arguments");
  struct Bound {
    void (*kernel)(Parameters...);
    std::tuple<std::decay_t<Parameters>...> arguments;
  };
  Bound bound{kernel, {static_cast<Parameters>(arguments)...}};
  Call call;
  call.signature = name;
  call.kernel = reinterpret_cast<const void*>(kernel);
  call.body = [](void* bound) {
    std::apply(static_cast<Bound*>(bound)->kernel, static_cast<Bound*>(bound)->arguments);
  };
  call.arguments = &bound;
  call.argument_bytes = sizeof(bound);
  return run(call, grid, block, shared_bytes);
}

}  // namespace lowerpose::emulator

namespace lowerpose::cuda {

template <auto kernel, class... Arguments>
cudaError_t launch(dim3 grid, dim3 block, std::size_t shared_bytes, cudaStream_t,
                   const Arguments&... arguments) {
  return emulator::run_kernel(kernel, emulator::signature<kernel>(), grid, block, shared_bytes,
                              arguments...);
}

}  // namespace lowerpose::cuda
