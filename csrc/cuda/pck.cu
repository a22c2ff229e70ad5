#include "cuda/queue.h"
#include "cuda/reduce.cuh"
#include "cuda/thresholds.h"
#include "ops/pck.h"

namespace lowerpose::cuda {
namespace {

constexpr int kThreads = 256, kWarps = kThreads / kWarp;

constexpr int kThresholds = 128;  // a launch
using SomeThresholds = Thresholds<kThresholds>;

// What the joints add up to, in the last block.
__device__ void finish_scores(const PckParams& p, const SomeThresholds& thresholds) {
  for (int t = threadIdx.x; t <= thresholds.count; t += kThreads) {
    if (t < thresholds.count) {
      const std::int64_t row = thresholds.first + t;
      p.scores[row] = pck_mean(p, p.correct + row * p.num_joints);
    } else {
      p.scores[p.num_thresholds] = pck_mean(p, p.errors);
    }
  }
}

// One block a joint; its warps share the batch, 32 samples at a time.
__global__ void __launch_bounds__(kThreads)
    pck_counts_kernel(const PckParams p, const SomeThresholds thresholds) {
  __shared__ std::int64_t correct[kWarps][kThresholds], counted[kWarps];
  const std::int64_t k = blockIdx.x;
  const int lane = threadIdx.x % kWarp, warp = threadIdx.x / kWarp;
  for (int t = lane; t < thresholds.count; t += kWarp) correct[warp][t] = 0;
  __syncwarp();
  std::int64_t count = 0;
  double error = 0;  // of this thread's samples
  for (std::int64_t first = warp * kWarp; first < p.batch; first += kThreads) {
    const std::int64_t b = first + lane;
    PckDistance distance = {};
    if (b < p.batch) distance = pck_distance(p, b, k);
    count += __popc(__ballot_sync(kAllLanes, distance.counts));
    if (distance.counts) error += pck_error(distance.value);
    for (int t = 0; t < thresholds.count; ++t) {
      const bool hit = distance.counts && pck_hit(p, distance.value, thresholds.values[t]);
      const unsigned hits = __ballot_sync(kAllLanes, hit);
      if (lane == 0) correct[warp][t] += __popc(hits);
    }
  }
  if (lane == 0) counted[warp] = count;
  error = block_sum<kThreads>(error);  // its barrier is the counts' too
  for (int t = threadIdx.x; t < thresholds.count; t += kThreads) {
    std::int64_t hits = 0;
    for (int w = 0; w < kWarps; ++w) hits += correct[w][t];
    p.correct[(thresholds.first + t) * p.num_joints + k] = hits;
  }
  if (threadIdx.x == 0) {
    count = 0;
    for (int w = 0; w < kWarps; ++w) count += counted[w];
    p.counted[k] = count;
    p.errors[k] = error;
  }
  __syncthreads();
  if (is_last_block(reinterpret_cast<unsigned*>(p.scratch))) finish_scores(p, thresholds);
}

// One launch for up to kThresholds thresholds; no threshold at all still counts the joints.
cudaError_t count(const PckParams& p, cudaStream_t queue) {
  std::int64_t first = 0;
  do {
    const auto thresholds = some_thresholds<kThresholds>(p.thresholds, p.num_thresholds, first);
    first += thresholds.count;
    cudaError_t error = cudaMemsetAsync(p.scratch, 0, sizeof(*p.scratch), queue);
    if (error == cudaSuccess) {
      error = launch_blocks<pck_counts_kernel>(p.num_joints, kThreads, queue, p, thresholds);
    }
    if (error != cudaSuccess) return error;
  } while (first < p.num_thresholds);
  return cudaSuccess;
}

}  // namespace

const char* pck_counts(const PckParams& p, const Stream& stream) {
  return on(stream, [&](cudaStream_t queue) {
    if (p.num_joints > 0) return count(p, queue);
    // Nothing counts: the scores are NaN, as which all bits set are read.
    return cudaMemsetAsync(p.scores, 0xff, (p.num_thresholds + 1) * sizeof(*p.scores), queue);
  });
}

}  // namespace lowerpose::cuda
