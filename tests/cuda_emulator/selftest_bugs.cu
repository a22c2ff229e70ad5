// Planted bugs, one a number. `selftest_bugs NUMBER` runs the kernel that has it, and prints what
// was noticed: 1 is returned for an error, 2 for a wrong result, 0 if nothing was seen. On a GPU
// it is for compute-sanitizer.
#include <cstdlib>
#include <type_traits>

#include "cuda_emulator/selftest.h"

namespace lowerpose::cuda {
namespace {

using selftest::Device;
using selftest::require;

enum Bug {
  kNone,
  kNoBarrierBeforeRead,
  kNoBarrierBeforeReuse,
  kNoBarrierAfterDynamicFill,
  kReadPastBuffer,
  kWritePastBuffer,
  kSharedPastEndByPointer,
  kDynamicSharedTooSmall,
  kMisalignedVector,
  kNoFenceBeforeTicket,
  kNoFenceAfterTicket,
  kPlainTicket,
  kFlagReadWithoutBarrier,
  kNoSyncwarp,
  kDivergentBarrier,
  kDivergentShuffle,
  kUninitialisedShared,
  kShiftTooFar,
  kFloatAtomicAdd,
  kTwoWriters,
  kLocalArrayPastEnd,
  kFloatBeyondInt,
  kSharedPastEndByIndex,
  kPartialWarpShuffle,
  kTicketNotReset,
  kLastBlockOffByOne,
  kEarlyExit,
  kBugs,
};

constexpr unsigned kAll = 0xffffffffu;
constexpr int kThreads = 256, kWarps = kThreads / 32;

__device__ __forceinline__ float warp_sum(float value) {
#pragma unroll
  for (int distance = 16; distance > 0; distance /= 2) {
    value += __shfl_xor_sync(kAll, value, distance);
  }
  return value;
}

template <int kBug>
__device__ float block_sum(float value, float* buffer) {
  const int lane = static_cast<int>(threadIdx.x) % 32, warp = static_cast<int>(threadIdx.x) / 32;
  value = warp_sum(value);
  if (kBug != kNoBarrierBeforeReuse) __syncthreads();
  if (lane == 0) buffer[warp] = value;
  if (kBug != kNoBarrierBeforeRead) __syncthreads();
  if (kBug == kSharedPastEndByPointer) return warp_sum(lane <= kWarps ? buffer[lane] : 0);
  const int skipped = kBug == kUninitialisedShared && lane == kWarps - 1 ? 1 : 0;
  return warp_sum(lane < kWarps ? buffer[lane + skipped] : 0);
}

// Vectors of four: of a row that has no whole number of them, or that begins beside one.
template <int kBug>
__device__ void sum_vectors(const float* row, int count, float& sum, float& squares) {
  const float* const first = kBug == kMisalignedVector ? row + 1 : row;
  const int end = kBug == kMisalignedVector ? count - 4 : count;
  for (int i = static_cast<int>(threadIdx.x); i * 4 < end; i += kThreads) {
    const float4 v = reinterpret_cast<const float4*>(first)[i];
    sum += v.x + v.y + v.z + v.w;
    squares += v.x * v.x + v.y * v.y + v.z * v.z + v.w * v.w;
  }
}

// A sum over all blocks, which the last block adds up.
template <int kBug>
__global__ void reduce_kernel(const float* __restrict__ values, float* parts, unsigned* ticket,
                              float* out, int count, int stride) {
  __shared__ float buffer[kBug == kUninitialisedShared ? 2 * kWarps : kWarps];
  __shared__ bool last;
  const float* const row = values + static_cast<std::size_t>(blockIdx.x) * stride;
  float sum = 0, squares = 0;
  if constexpr (kBug == kReadPastBuffer || kBug == kMisalignedVector) {
    sum_vectors<kBug>(row, count, sum, squares);
  } else {
    for (int i = static_cast<int>(threadIdx.x); i < count; i += kThreads) {
      sum += row[i];
      squares += row[i] * row[i];
    }
  }
  sum = block_sum<kBug>(sum, buffer);
  squares = block_sum<kBug>(squares, buffer);
  if (threadIdx.x == 0) {
    parts[blockIdx.x] = sum + 3 * squares;
    if (kBug != kNoFenceBeforeTicket) __threadfence();
    unsigned number = 0;
    if constexpr (kBug == kPlainTicket) {
      number = *ticket;
      *ticket = number + 1;
    } else {
      number = atomicAdd(ticket, 1u);
    }
    last = number == gridDim.x - (kBug == kLastBlockOffByOne ? 2 : 1);
    if (kBug != kNoFenceAfterTicket) __threadfence();
  }
  if (kBug != kFlagReadWithoutBarrier) __syncthreads();
  if (!last) return;
  float total = 0;
  for (unsigned i = threadIdx.x; i < gridDim.x; i += kThreads) total += parts[i];
  total = block_sum<kNone>(total, buffer);
  if (threadIdx.x == 0) {
    out[0] = total;
    if (kBug != kTicketNotReset) atomicExch(ticket, 0u);
  }
}

// A product of two profiles.
template <int kBug>
__global__ void render_kernel(const float* __restrict__ center, float* __restrict__ out, int height,
                              int width) {
  LOWERPOSE_DYNAMIC_SHARED(float, profiles);
  const int t = static_cast<int>(threadIdx.x);
  for (int i = t; i < width + height; i += kThreads) {
    const float distance =
        static_cast<float>(i < width ? i : i - width) - center[i < width ? 0 : 1];
    profiles[i] = expf(-distance * distance);
  }
  if (kBug != kNoBarrierAfterDynamicFill) __syncthreads();
  const int count = kBug == kWritePastBuffer ? height * width + 1 : height * width;
  for (int i = t; i < count; i += kThreads) {
    out[i] = profiles[i % width] * profiles[width + i / width % height];
  }
}

template <int kBug>
__global__ void misuse_kernel(const float* __restrict__ values, float* out, int count) {
  __shared__ float shared[kThreads];
  __shared__ float after[8];
  const int t = static_cast<int>(threadIdx.x);
  if constexpr (kBug == kNoSyncwarp) {
    shared[t] = values[t];
    for (int distance = 16; distance > 0; distance /= 2) {
      if (t % 32 < distance) shared[t] += shared[t + distance];
    }
    __syncthreads();
    out[t] = shared[t / 32 * 32];
  } else if constexpr (kBug == kDivergentBarrier) {
    shared[t] = values[t];
    if (t < kThreads / 2) {
      __syncthreads();
      out[t] = shared[t + 1];
    } else {
      out[t] = shared[t];
      __syncthreads();
    }
  } else if constexpr (kBug == kDivergentShuffle) {
    float value = values[t];
    if (t % 32 < 16) value += __shfl_down_sync(kAll, value, 1);
    out[t] = value;
  } else if constexpr (kBug == kShiftTooFar) {
    out[t] = static_cast<float>((1 << (t % 64)) & 0xff);
  } else if constexpr (kBug == kFloatAtomicAdd) {
    if (t == 0) out[0] = 0;
    __syncthreads();
    atomicAdd(out, values[t]);
  } else if constexpr (kBug == kTwoWriters) {
    out[t / 2] = values[t];
  } else if constexpr (kBug == kLocalArrayPastEnd) {
    const float local[4] = {values[0], values[1], values[2], values[3]};
    float sum = 0;
    for (int i = 0; i <= count / 64; ++i) sum += local[(i + t) % 5];
    out[t] = sum;
  } else if constexpr (kBug == kFloatBeyondInt) {
    out[t] = static_cast<float>(static_cast<int>(values[t] * 1e12f));
  } else if constexpr (kBug == kSharedPastEndByIndex) {
    if (t < 8) after[t] = 1;
    shared[t] = 0;
    __syncthreads();
    if (t == kThreads - 1) shared[t + count / kThreads] = 2;
    __syncthreads();
    out[t] = shared[t] + after[t % 8];
  } else if constexpr (kBug == kPartialWarpShuffle) {
    out[t] = warp_sum(values[t]);
  } else if constexpr (kBug == kEarlyExit) {
    if (t >= 200) return;
    shared[t] = values[t];
    __syncthreads();
    out[t] = shared[199 - t];
  }
}

constexpr bool is_of_render(int bug) {
  return bug == kNoBarrierAfterDynamicFill || bug == kWritePastBuffer ||
         bug == kDynamicSharedTooSmall;
}

constexpr bool is_misuse(int bug) {
  return (bug >= kNoSyncwarp && bug <= kPartialWarpShuffle && bug != kUninitialisedShared) ||
         bug == kEarlyExit;
}

std::vector<float> some_values(std::size_t count) {
  std::vector<float> values;
  for (unsigned i = 0; i < count; ++i) {
    values.push_back(static_cast<float>(i * 7919 % 1000) / 997);
  }
  return values;
}

template <int kBug>
std::vector<float> run_render() {
  constexpr int kHeight = 24, kWidth = 16;
  constexpr int kMissing = kBug == kDynamicSharedTooSmall ? 1 : 0;
  const Device<float> center(some_values(2)), out(kHeight * kWidth);
  require(launch<render_kernel<kBug>>(dim3(1), dim3(kThreads),
                                      sizeof(float) * (kHeight + kWidth - kMissing), nullptr,
                                      center.get(), out.get(), kHeight, kWidth),
          "launch");
  return out.values();
}

template <int kBug>
std::vector<float> run_misuse() {
  const Device<float> values(some_values(kThreads)), out(kThreads);
  require(launch<misuse_kernel<kBug>>(dim3(1), dim3(kBug == kPartialWarpShuffle ? 48 : kThreads), 0,
                                      nullptr, values.get(), out.get(), kThreads),
          "launch");
  return out.values();
}

// Twice, because the ticket must be 0 again.
template <int kBug>
std::vector<float> run_reduce() {
  constexpr int kBlocks = 6, kStride = 1024;
  constexpr int kCount = kBug == kReadPastBuffer ? kStride - 2 : kStride;
  const Device<float> values(some_values((kBlocks - 1) * kStride + kCount)), parts(kBlocks);
  const Device<unsigned> ticket(1);
  std::vector<float> results;
  for (int turn = 0; turn < 2; ++turn) {
    const Device<float> out(std::vector<float>{-1});
    require(launch<reduce_kernel<kBug>>(dim3(kBlocks), dim3(kThreads), 0, nullptr, values.get(),
                                        parts.get(), ticket.get(), out.get(), kCount, kStride),
            "launch");
    results.push_back(out.values()[0]);
  }
  return results;
}

template <int kBug>
std::vector<float> run() {
  if constexpr (is_of_render(kBug)) {
    return run_render<kBug>();
  } else if constexpr (is_misuse(kBug)) {
    return run_misuse<kBug>();
  } else {
    return run_reduce<kBug>();
  }
}

// Whether two launches of a sum are right, which `run_reduce<kNone>` says.
template <int kBug>
int outcome_of() {
  try {
    const std::vector<float> got = run<kBug>();
    constexpr bool kSameSum = !is_of_render(kBug) && !is_misuse(kBug) && kBug != kReadPastBuffer &&
                              kBug != kMisalignedVector;
    if (!kSameSum || got == run_reduce<kNone>()) {
      std::printf("nothing was noticed\n");
      return 0;
    }
    std::printf("wrong result\n");
    return 2;
  } catch (const std::exception& error) {
    std::printf("%s\n", error.what());
    return 1;
  }
}

template <int kFirst = 0>
int outcome_of(int bug) {
  if constexpr (kFirst == kBugs) {
    std::printf("there is no such bug\n");
    return 3;
  } else {
    return bug == kFirst ? outcome_of<kFirst>() : outcome_of<kFirst + 1>(bug);
  }
}

}  // namespace
}  // namespace lowerpose::cuda

int main(int count, char** arguments) {
  return count < 2 ? 3 : lowerpose::cuda::outcome_of(std::atoi(arguments[1]));
}
