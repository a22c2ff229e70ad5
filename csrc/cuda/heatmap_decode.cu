#include <cmath>

#include "core/dispatch.h"
#include "cuda/elements.cuh"
#include "cuda/layout.h"
#include "cuda/pixel_walk.cuh"
#include "cuda/queue.h"
#include "cuda/reduce.cuh"
#include "ops/heatmap_decode.h"

namespace lowerpose::cuda {
namespace {

constexpr int kThreads = 256, kWarps = kThreads / kWarp;

// The largest value of some pixels and the first place that has it, or a NaN if there is one.
template <class C>
struct Peak {
  C value;
  std::int64_t index;

  // Before the first pixel: any of them is taken instead. (No constructor: shared memory has none.)
  __device__ static Peak none() { return {-INFINITY, INT64_MAX}; }

  __device__ void extend(C candidate, std::int64_t place) {
    if (value != value) return;
    const bool larger = !(candidate <= value);  // or a NaN
    if (larger || (candidate == value && place < index)) {
      value = candidate;
      index = place;
    }
  }
};

// The peak of what the lanes of a warp have seen, in lane 0.
template <class C>
__device__ Peak<C> warp_peak(Peak<C> peak) {
#pragma unroll
  for (int distance = kWarp / 2; distance > 0; distance /= 2) {
    const C value = __shfl_down_sync(kAllLanes, peak.value, distance);
    const std::int64_t index = __shfl_down_sync(kAllLanes, peak.index, distance);
    peak.extend(value, index);
  }
  return peak;
}

// -0.25, 0 or 0.25: towards the larger of two neighbours.
template <class T>
__device__ float quarter(const T* pixel, std::int64_t stride) {
  const auto before = widened(pixel[-stride]), after = widened(pixel[stride]);
  return after > before ? 0.25f : (after < before ? -0.25f : 0.0f);
}

template <class T, class C>
__device__ void write_result(const HeatmapDecodeParams& p, std::int64_t b, std::int64_t k,
                             const Peak<C>& peak) {
  const std::int64_t index = b * p.num_joints + k;
  float* const coords = p.coords + 2 * index;
  p.scores[index] = static_cast<float>(peak.value);
  if (peak.value != peak.value) {
    coords[0] = coords[1] = NAN;
    return;
  }
  const std::int64_t x = peak.index % p.width, y = peak.index / p.width;
  coords[0] = static_cast<float>(x);
  coords[1] = static_cast<float>(y);
  const bool inside = x > 1 && x < p.width - 1 && y > 1 && y < p.height - 1;
  if (p.refine == Refine::kQuarter && inside) {
    const auto map = p.heatmaps.map<const T>(b, k);
    coords[0] += quarter(map.at(y, x), map.pixel_stride);
    coords[1] += quarter(map.at(y, x), map.row_stride);
  }
}

// One block a map, which lies in vectors of kPack pixels, or anyhow if kPack is 1.
template <class T, int kPack>
__global__ void __launch_bounds__(kThreads) decode_map_kernel(const HeatmapDecodeParams p) {
  using C = Arithmetic<T>;
  __shared__ Peak<C> peaks[kWarps];
  const auto num_joints = static_cast<unsigned>(p.num_joints);
  const std::int64_t b = blockIdx.x / num_joints, k = blockIdx.x % num_joints;
  const auto map = p.heatmaps.map<const T>(b, k);
  const std::int64_t area = p.height * p.width;
  auto peak = Peak<C>::none();
  if constexpr (kPack == 1) {
    PixelWalk at(threadIdx.x, kThreads, p.width);
    for (std::int64_t i = threadIdx.x; i < area; i += kThreads, at.advance()) {
      peak.extend(widened(*map.at(at.y, at.x)), i);
    }
  } else {
#pragma unroll 4
    for (std::int64_t i = threadIdx.x * kPack; i < area; i += kThreads * kPack) {
      const auto pack = *reinterpret_cast<const Pack<T, kPack>*>(map.data + i);
#pragma unroll
      for (int lane = 0; lane < kPack; ++lane) peak.extend(widened(pack.values[lane]), i + lane);
    }
  }
  peak = warp_peak(peak);
  const int lane = threadIdx.x % kWarp, warp = threadIdx.x / kWarp;
  if (lane == 0) peaks[warp] = peak;
  __syncthreads();
  if (warp > 0) return;
  peak = warp_peak(lane < kWarps ? peaks[lane] : Peak<C>::none());
  if (lane == 0) write_result<T>(p, b, k, peak);
}

// One block an image whose maps are interleaved: the block reads it from one end to the other, and
// each lane of each thread's vectors meets one joint alone.
template <class T, int kPack>
__global__ void __launch_bounds__(kThreads) decode_image_kernel(const HeatmapDecodeParams p) {
  using C = Arithmetic<T>;
  __shared__ Peak<C> peaks[kThreads * kPack];
  const auto num_joints = static_cast<int>(p.num_joints);
  const int readers = kThreads / num_joints * num_joints;
  const std::int64_t b = blockIdx.x;
  const T* const image = p.heatmaps.map<const T>(b, 0).data;
  const std::int64_t count = p.height * p.width * num_joints;
  const int first = threadIdx.x * kPack;
  Peak<C> own[kPack];
#pragma unroll
  for (int lane = 0; lane < kPack; ++lane) own[lane] = Peak<C>::none();
  if (static_cast<int>(threadIdx.x) < readers) {
    // The pixel of lane 0 grows by a whole number of pixels a step.
    std::int64_t pixel[kPack];
#pragma unroll
    for (int lane = 0; lane < kPack; ++lane) pixel[lane] = (first + lane) / num_joints;
    const int step = readers * kPack / num_joints;
    for (std::int64_t i = first; i < count; i += readers * kPack) {
      const auto pack = *reinterpret_cast<const Pack<T, kPack>*>(image + i);
#pragma unroll
      for (int lane = 0; lane < kPack; ++lane) {
        own[lane].extend(widened(pack.values[lane]), pixel[lane]);
        pixel[lane] += step;
      }
    }
  }
#pragma unroll
  for (int lane = 0; lane < kPack; ++lane) peaks[first + lane] = own[lane];
  __syncthreads();
  const int lane = threadIdx.x % kWarp, warp = threadIdx.x / kWarp;
  for (int k = warp; k < num_joints; k += kWarps) {
    auto peak = Peak<C>::none();
    for (int i = k + lane * num_joints; i < readers * kPack; i += kWarp * num_joints) {
      peak.extend(peaks[i].value, peaks[i].index);
    }
    peak = warp_peak(peak);
    if (lane == 0) write_result<T>(p, b, k, peak);
  }
}

}  // namespace

template <class T>
const char* decode_heatmaps(const HeatmapDecodeParams& p, const Stream& stream) {
  constexpr int kPack = kPackBytes / sizeof(T);
  const MapsShape shape{p.batch, p.num_joints, p.height, p.width};
  const std::int64_t maps = p.batch * p.num_joints;
  return on(stream, [&](cudaStream_t queue) {
    if (maps == 0) return cudaSuccess;
    switch (layout_of(p.heatmaps, shape, sizeof(T), kPack, kThreads)) {
      case Layout::kMaps:
        return launch_blocks<decode_map_kernel<T, kPack>>(maps, kThreads, queue, p);
      case Layout::kPixels:
        return launch_blocks<decode_image_kernel<T, kPack>>(p.batch, kThreads, queue, p);
      default:
        return launch_blocks<decode_map_kernel<T, 1>>(maps, kThreads, queue, p);
    }
  });
}

#define LOWERPOSE_INSTANTIATE(T) \
  template const char* decode_heatmaps<T>(const HeatmapDecodeParams&, const Stream&);
LOWERPOSE_FOR_EACH_HEATMAP_TYPE(LOWERPOSE_INSTANTIATE)

}  // namespace lowerpose::cuda
