// CUDA's built-in variables, of the thread that is running. Not const, although CUDA's are: a
// compiler would keep the values of a constant across a switch to another thread.
#pragma once

#include <vector_types.h>

#pragma GCC visibility push(hidden)
extern uint3 threadIdx, blockIdx;
extern dim3 blockDim, gridDim;
#pragma GCC visibility pop
inline constexpr int warpSize = 32;
