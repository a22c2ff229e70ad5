// Marks what a GPU's compiler compiles for the GPU too.
#pragma once

#if defined(__CUDACC__)
#define LOWERPOSE_HOST_DEVICE __host__ __device__
// Before a template that calls what it is given, which may be for the GPU alone.
#define LOWERPOSE_CALLS_ANYTHING _Pragma("nv_exec_check_disable")
// Before a loop that would take more registers than it saves time.
#define LOWERPOSE_NO_UNROLL _Pragma("unroll 1")
#else
#define LOWERPOSE_HOST_DEVICE
#define LOWERPOSE_CALLS_ANYTHING
#define LOWERPOSE_NO_UNROLL
#endif
