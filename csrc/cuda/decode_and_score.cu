#include <cstdint>

#include "core/dispatch.h"
#include "cuda/heatmap_peak.cuh"
#include "cuda/queue.h"
#include "cuda/thresholds.h"
#include "ops/decode_and_score.h"

namespace lowerpose::cuda {
namespace {

constexpr int kThreads = 256;

// What a launch of 4 KiB can carry beside the rest.
constexpr int kThresholds = 64;
using SomeThresholds = Thresholds<kThresholds>;
static_assert(sizeof(DecodeAndScoreParams) + sizeof(SomeThresholds) <= 4096);

// Integers add up to the same in any order.
__device__ void count_one(std::int64_t* count) {
  static_assert(sizeof(*count) == sizeof(unsigned long long));
  atomicAdd(reinterpret_cast<unsigned long long*>(count), 1ull);
}

// The thresholds from `first` on, every `step` of them.
__device__ void count_hits(const PckParams& p, const SomeThresholds& thresholds, std::int64_t k,
                           double distance, int first, int step) {
  for (int t = first; t < thresholds.count; t += step) {
    if (pck_hit(p, distance, thresholds.values[t])) {
      count_one(p.correct + (thresholds.first + t) * p.num_joints + k);
    }
  }
}

// By a warp, whose lane 0 has written the decoded joint.
struct Score {
  const DecodeAndScoreParams& p;
  const SomeThresholds& thresholds;

  __device__ void operator()(std::int64_t b, std::int64_t k, int lane) const {
    PckDistance distance = {};
    if (lane == 0) distance = score_joint(p, b, k);
    if (!__shfl_sync(kAllLanes, static_cast<int>(distance.counts), 0)) return;
    if (lane == 0) count_one(p.pck.counted + k);
    const double value = __shfl_sync(kAllLanes, distance.value, 0);
    count_hits(p.pck, thresholds, k, value, lane, kWarp);
  }
};

// One block a map.
template <class T, int kPack>
__global__ void __launch_bounds__(kDecodeThreads, 2)
    score_map_kernel(const DecodeAndScoreParams p, const SomeThresholds thresholds) {
  decode_map<T, kPack, false>(p.decode, Score{p, thresholds});
}

// One block an image whose maps are interleaved.
template <class T, int kPack>
__global__ void __launch_bounds__(kDecodeThreads, 2)
    score_image_kernel(const DecodeAndScoreParams p, const SomeThresholds thresholds) {
  decode_image<T, kPack, false>(p.decode, Score{p, thresholds});
}

// The thresholds that the first launch could not carry: one thread a joint, which is decoded.
__global__ void __launch_bounds__(kThreads)
    score_more_kernel(const PckParams p, const SomeThresholds thresholds) {
  const std::int64_t index = std::int64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (index >= p.batch * p.num_joints) return;
  const std::int64_t k = index % p.num_joints;
  const PckDistance distance = pck_distance(p, index / p.num_joints, k);
  if (distance.counts) count_hits(p, thresholds, k, distance.value, 0, 1);
}

template <class T>
cudaError_t launch_scoring(const DecodeAndScoreParams& p, cudaStream_t queue) {
  constexpr int kPack = kPackBytes / sizeof(T);
  const PckParams& pck = p.pck;
  const std::int64_t maps = pck.batch * pck.num_joints;
  if (pck.num_joints == 0) return cudaSuccess;  // and no counts
  const auto bytes = (pck.num_thresholds + 1) * pck.num_joints * sizeof(*pck.correct);
  cudaError_t error = cudaMemsetAsync(pck.correct, 0, bytes, queue);  // `counted` lies behind
  auto thresholds = some_thresholds<kThresholds>(pck.thresholds, pck.num_thresholds, 0);
  if (error == cudaSuccess) {
    error = launch_decoding<T, score_map_kernel<T, kPack>, score_image_kernel<T, kPack>,
                            score_map_kernel<T, 1>>(p.decode, queue, p, thresholds);
  }
  for (std::int64_t first = thresholds.count; first < pck.num_thresholds && error == cudaSuccess;
       first += thresholds.count) {
    thresholds = some_thresholds<kThresholds>(pck.thresholds, pck.num_thresholds, first);
    const std::int64_t blocks = (maps + kThreads - 1) / kThreads;
    error = launch_blocks<score_more_kernel>(blocks, kThreads, queue, pck, thresholds);
  }
  return error;
}

}  // namespace

template <class T>
const char* decode_and_score(const DecodeAndScoreParams& p, const Stream& stream) {
  return on(stream, [&](cudaStream_t queue) { return launch_scoring<T>(p, queue); });
}

#define LOWERPOSE_INSTANTIATE(T) \
  template const char* decode_and_score<T>(const DecodeAndScoreParams&, const Stream&);
LOWERPOSE_FOR_EACH_HEATMAP_TYPE(LOWERPOSE_INSTANTIATE)

}  // namespace lowerpose::cuda
