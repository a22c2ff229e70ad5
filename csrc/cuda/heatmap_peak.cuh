// The decoding of the maps by blocks: the peak of each, and what a warp makes of it.
#pragma once

#include <cmath>
#include <cstdint>

#include "cuda/elements.cuh"
#include "cuda/heatmap_decode.cuh"
#include "cuda/layout.h"
#include "cuda/pixel_walk.cuh"
#include "cuda/queue.h"
#include "cuda/reduce.cuh"

namespace lowerpose::cuda {
namespace {

constexpr int kDecodeThreads = 256, kDecodeWarps = kDecodeThreads / kWarp;  // of a block

// The largest value of some pixels and the first place that has it, or a NaN if there is one.
template <class C>
struct Peak {
  C value;
  std::int64_t index;

  // Before the first pixel: any of them is taken instead. (No constructor: shared memory has none.)
  __device__ static Peak none() { return {-INFINITY, INT64_MAX}; }

  __device__ void extend(C candidate, std::int64_t place) {
    const bool is_nan = candidate != candidate, was_nan = value != value;
    const bool larger = is_nan ? !was_nan : candidate > value;
    const bool equal = is_nan ? was_nan : candidate == value;
    if (larger || (equal && place < index)) {
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

// The peak of a map without a positive value, of which each pixel that is not the largest of its 3
// x 3 counts as -0. An unsuppressed maximum of 0 is no larger than that.
template <class Map, class C>
__device__ Peak<C> suppressed_peak(const HeatmapDecodeParams& p, const Map& map, int lane,
                                   const Peak<C>& peak) {
  std::int64_t first = INT64_MAX;
  PixelWalk walk(lane, kWarp, p.width);
  for (std::int64_t i = lane; i < p.height * p.width; i += kWarp, walk.advance()) {
    if (counts_as_zero(map, walk.y, walk.x, p.width, p.height) && i < first) first = i;
  }
  first = warp_reduce(first, [](std::int64_t a, std::int64_t b) { return a < b ? a : b; });
  if (first == INT64_MAX) return peak;
  const C value = map.at(first / p.width, first % p.width);
  return {value == 0 ? value : C{-0.0f}, first};
}

// By a warp: from the peak that its lane 0 knows to what the caller gets, written by lane 0.
// `patch` is shared memory of the warp's own. Without kCovariance the code of one takes no
// registers.
template <class T, bool kCovariance, class C>
__device__ void write_result(const HeatmapDecodeParams& p, std::int64_t b, std::int64_t k,
                             Peak<C> found, double* patch) {
  const int lane = threadIdx.x % kWarp;
  found.value = __shfl_sync(kAllLanes, found.value, 0);
  found.index = __shfl_sync(kAllLanes, found.index, 0);
  const DecodedMap<T> map(p, b, k);
  if (p.suppress && found.value <= 0) found = suppressed_peak(p, map, lane, found);
  const PeakPixel peak = peak_pixel(p, static_cast<double>(found.value), found.index);
  Offset offset;
  Covariance spread = {NAN, NAN, NAN};
  if (peak.refinable && p.cross.refine == Refine::kTaylor) {
    if (!p.taylor.inside_only || taylor_inside(peak.x, peak.y, p.width, p.height)) {
      const GatheredMaps maps = gathered_maps(p.taylor, b, k, p.batch, p.num_joints);
      if (gathers_elsewhere(p.taylor, peak.x, maps.count, p.width, p.height)) {
        gather_patch<T>(p, b, k, peak, lane, patch);
      } else {
        read_patch<T>(p, b, k, peak, lane, patch);
      }
      const TaylorFit fit = taylor_fit(p.taylor, patch);
      offset = fit.offset;
      if (kCovariance && p.covariance != nullptr) {
        spread = map_covariance(p, map, peak, fit, patch, lane);
      }
      __syncwarp();  // before the patch is another joint's
    }
  } else if (peak.refinable && p.cross.refine != Refine::kNone) {
    const Cross cross = read_cross(map, peak.x, peak.y, p.width, p.height);
    offset = cross_offset(p.cross, cross, peak.x, peak.y, p.width, p.height);
  }
  if (lane != 0) return;
  const std::int64_t index = b * p.num_joints + k;
  float* const coords = p.coords + 2 * index;
  const bool unknown = found.value != found.value && p.nan == NanPlace::kNan;
  const double add = found.value > 0 ? p.add : 0;
  const double x = static_cast<double>(peak.x) + offset.x + add;
  const double y = static_cast<double>(peak.y) + offset.y + add;
  p.scores[index] = static_cast<float>(found.value);
  coords[0] = unknown ? NAN : static_cast<float>(x);
  coords[1] = unknown ? NAN : static_cast<float>(y);
  if (!kCovariance || p.covariance == nullptr) return;
  float* const covariance = p.covariance + 4 * index;
  covariance[0] = static_cast<float>(spread.xx);
  covariance[1] = covariance[2] = static_cast<float>(spread.xy);
  covariance[3] = static_cast<float>(spread.yy);
}

// By a block: the map of its index, which lies in vectors of kPack pixels; or anyhow, and maybe
// merged, if kPack is 1. A whole warp calls `finish(b, k, lane)` once lane 0 has written the joint.
template <class T, int kPack, bool kCovariance, class Finish>
__device__ __forceinline__ void decode_map(const HeatmapDecodeParams& p, Finish&& finish) {
  using C = Arithmetic<T>;
  __shared__ Peak<C> peaks[kDecodeWarps];
  __shared__ double patch[kPatch * kPatch];
  const auto num_joints = static_cast<unsigned>(p.num_joints);
  const std::int64_t b = blockIdx.x / num_joints, k = blockIdx.x % num_joints;
  const std::int64_t area = p.height * p.width;
  auto peak = Peak<C>::none();
  if constexpr (kPack == 1) {
    const DecodedMap<T> map(p, b, k);
    PixelWalk walk(threadIdx.x, kDecodeThreads, p.width);
    for (std::int64_t i = threadIdx.x; i < area; i += kDecodeThreads, walk.advance()) {
      peak.extend(map.at(walk.y, walk.x), i);
    }
  } else {
    const auto map = p.heatmaps.map<const T>(b, k);
#pragma unroll 4
    for (std::int64_t i = threadIdx.x * kPack; i < area; i += kDecodeThreads * kPack) {
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
  peak = warp_peak(lane < kDecodeWarps ? peaks[lane] : Peak<C>::none());
  write_result<T, kCovariance>(p, b, k, peak, patch);
  finish(b, k, lane);
}

// By a block: the image of its index, whose maps are interleaved. The block reads it from one end
// to the other, and each lane of each thread's vectors meets one joint alone.
template <class T, int kPack, bool kCovariance, class Finish>
__device__ __forceinline__ void decode_image(const HeatmapDecodeParams& p, Finish&& finish) {
  using C = Arithmetic<T>;
  __shared__ Peak<C> peaks[kDecodeThreads * kPack];
  __shared__ double patches[kDecodeWarps][kPatch * kPatch];
  const auto num_joints = static_cast<int>(p.num_joints);
  const int readers = kDecodeThreads / num_joints * num_joints;
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
#pragma unroll 1
  for (int k = warp; k < num_joints; k += kDecodeWarps) {
    auto peak = Peak<C>::none();
    for (int i = k + lane * num_joints; i < readers * kPack; i += kWarp * num_joints) {
      peak.extend(peaks[i].value, peaks[i].index);
    }
    peak = warp_peak(peak);
    write_result<T, kCovariance>(p, b, k, peak, patches[warp]);
    finish(b, k, lane);
  }
}

// Starts the kernel for the layout of the maps. `map_kernel` and `image_kernel` read vectors,
// `strided_kernel` anything.
template <class T, auto map_kernel, auto image_kernel, auto strided_kernel, class... Arguments>
cudaError_t launch_decoding(const HeatmapDecodeParams& p, cudaStream_t queue,
                            const Arguments&... arguments) {
  const MapsShape shape{p.batch, p.num_joints, p.height, p.width};
  const std::int64_t maps = p.batch * p.num_joints;
  if (maps == 0) return cudaSuccess;
  const Layout layout =
      p.flipped.data == nullptr
          ? layout_of(p.heatmaps, shape, sizeof(T), kPackBytes / sizeof(T), kDecodeThreads)
          : Layout::kStrided;
  switch (layout) {
    case Layout::kMaps:
      return launch_blocks<map_kernel>(maps, kDecodeThreads, queue, arguments...);
    case Layout::kPixels:
      return launch_blocks<image_kernel>(p.batch, kDecodeThreads, queue, arguments...);
    default:
      return launch_blocks<strided_kernel>(maps, kDecodeThreads, queue, arguments...);
  }
}

}  // namespace
}  // namespace lowerpose::cuda
