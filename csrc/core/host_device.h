// Marks what a GPU's compiler compiles for the GPU too.
#pragma once

#if defined(__CUDACC__)
#define LOWERPOSE_HOST_DEVICE __host__ __device__
// Before a template that calls what it is given, which may be for the GPU alone.
#define LOWERPOSE_CALLS_ANYTHING _Pragma("nv_exec_check_disable")
#else
#define LOWERPOSE_HOST_DEVICE
#define LOWERPOSE_CALLS_ANYTHING
#endif

// Before a loop that would take more of a GPU's registers than it saves time.
#if defined(__CUDA_ARCH__)
#define LOWERPOSE_NO_UNROLL _Pragma("unroll 1")
#else
#define LOWERPOSE_NO_UNROLL
#endif
