// Marks what a GPU's compiler compiles for the GPU too.
#pragma once

#if defined(__CUDACC__)
#define LOWERPOSE_HOST_DEVICE __host__ __device__
#else
#define LOWERPOSE_HOST_DEVICE
#endif
