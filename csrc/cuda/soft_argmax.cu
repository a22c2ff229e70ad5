#include <cfloat>
#include <cmath>

#include "core/dispatch.h"
#include "cuda/elements.cuh"
#include "cuda/layout.h"
#include "cuda/pixel_walk.cuh"
#include "cuda/queue.h"
#include "cuda/reduce.cuh"
#include "ops/soft_argmax.h"

namespace lowerpose::cuda {
namespace {

constexpr int kThreads = 256, kWarps = kThreads / kWarp;

// kPack signed values of a map that lies in vectors, or one of a map that lies anyhow.
template <int kPack, class C, class T>
__device__ __forceinline__ void load_signed(const MapView<const T>& map, std::int64_t i,
                                            const PixelWalk& at, C sign, C (&values)[kPack]) {
  if constexpr (kPack == 1) {
    values[0] = sign * widened(*map.at(at.y, at.x));
  } else {
    const auto pack = *reinterpret_cast<const Pack<T, kPack>*>(map.data + i);
#pragma unroll
    for (int lane = 0; lane < kPack; ++lane) values[lane] = sign * widened(pack.values[lane]);
  }
}

// The column and row of the pixels of a vector, one after the other, as numbers of C. A vector may
// go on in the next rows.
template <class C>
struct Place {
  C x, y, width;

  __device__ Place(const PixelWalk& at, std::int64_t width_of_map)
      : x(static_cast<C>(at.x)), y(static_cast<C>(at.y)), width(static_cast<C>(width_of_map)) {}
  __device__ void advance() {
    x += 1;
    if (x == width) {
      x = 0;
      y += 1;
    }
  }
};

// What a thread knows of its pixels so far: the largest signed value, and the sums of e, of e *
// column and of e * row, where e = exp(|beta| * (value - largest)).
template <class C>
struct Sums {
  C largest, total, x, y;

  // Makes the sums relate to another largest value. Nothing stays nothing, whatever the factor.
  __device__ void relate_to(C other, C size) {
    if (total != 0) {
      const C by = exp(size * (largest - other));
      total *= by;
      x *= by;
      y *= by;
    }
    largest = other;
  }

  template <int kPack>
  __device__ void extend(const C (&values)[kPack], Place<C> place, C size) {
    C top = values[0];
#pragma unroll
    for (int lane = 1; lane < kPack; ++lane) top = values[lane] > top ? values[lane] : top;
    if (top > largest) relate_to(top, size);
    const C base = softmax_base(largest);
#pragma unroll
    for (int lane = 0; lane < kPack; ++lane) {
      const C e = exp(size * (values[lane] - base));
      total += e;
      x += e * place.x;
      y += e * place.y;
      place.advance();
    }
  }
};

// The largest value of all threads of the block, in all of them. NaN is no value.
template <class C>
__device__ C block_largest(C value) {
  __shared__ C largest[kWarps];
#pragma unroll
  for (int distance = kWarp / 2; distance > 0; distance /= 2) {
    const C other = __shfl_down_sync(kAllLanes, value, distance);
    value = other > value ? other : value;
  }
  if (threadIdx.x % kWarp == 0) largest[threadIdx.x / kWarp] = value;
  __syncthreads();
  value = largest[0];
#pragma unroll
  for (int warp = 1; warp < kWarps; ++warp) value = largest[warp] > value ? largest[warp] : value;
  return value;
}

// One block a map, which lies in vectors of kPack pixels, or anyhow if kPack is 1.
template <class T, int kPack>
__global__ void __launch_bounds__(kThreads, 2) soft_argmax_kernel(const SoftArgmaxForwardParams p) {
  using C = Arithmetic<T>;
  const std::int64_t index = blockIdx.x;
  const auto num_joints = static_cast<unsigned>(p.num_joints);
  const std::int64_t b = blockIdx.x / num_joints, k = blockIdx.x % num_joints;
  const auto map = p.heatmaps.map<const T>(b, k);
  const auto sharpness = sharpness_of<C>(soft_argmax_beta(p, k));
  const std::int64_t area = p.height * p.width;
  const std::int64_t first = threadIdx.x * kPack;
  Sums<C> sums = {-static_cast<C>(HUGE_VAL), 0, 0, 0};
  PixelWalk at(first, kThreads * kPack, p.width);
  for (std::int64_t i = first; i < area; i += kThreads * kPack, at.advance()) {
    C values[kPack];
    load_signed<kPack>(map, i, at, sharpness.sign, values);
    sums.extend(values, Place<C>(at, p.width), sharpness.size);
  }
  const C largest = block_largest(sums.largest);
  sums.relate_to(largest, sharpness.size);
  const double total = block_sum<kThreads>(static_cast<double>(sums.total));
  __syncthreads();
  const double x = block_sum<kThreads>(static_cast<double>(sums.x));
  __syncthreads();
  const double y = block_sum<kThreads>(static_cast<double>(sums.y));
  if (threadIdx.x == 0) write_soft_argmax<C>(p, index, largest, total, x, y);
}

__device__ __forceinline__ float without_subnormal(float value) {
  return fabsf(value) < FLT_MIN ? 0.0f : value;
}
__device__ __forceinline__ double without_subnormal(double value) {
  return fabs(value) < DBL_MIN ? 0.0 : value;
}

__device__ void write_beta(const SoftArgmaxBackwardParams& p, std::int64_t group, double sum) {
  if (p.beta_gradient_is_double) {
    static_cast<double*>(p.beta_gradient)[group] = sum;
  } else {
    static_cast<float*>(p.beta_gradient)[group] = static_cast<float>(sum);
  }
}

// Adds up the maps' partial sums in the last block, always in the same order.
__device__ void finish_beta(const SoftArgmaxBackwardParams& p, const double* partials) {
  const std::int64_t maps = p.batch * p.num_joints;
  if (!p.beta_per_joint) {
    double sum = 0;
    for (std::int64_t i = threadIdx.x; i < maps; i += kThreads) sum += partials[i];
    sum = block_sum<kThreads>(sum);
    if (threadIdx.x == 0) write_beta(p, 0, sum);
    return;
  }
  // A warp a joint.
  const int lane = threadIdx.x % kWarp, warp = threadIdx.x / kWarp;
  for (std::int64_t k = warp; k < p.num_joints; k += kWarps) {
    double sum = 0;
    for (std::int64_t b = lane; b < p.batch; b += kWarp) sum += partials[b * p.num_joints + k];
    sum = warp_sum(sum);
    if (lane == 0) write_beta(p, k, sum);
  }
}

// One block a map again. The gradient lies as the heatmaps do, or kPack is 1.
template <class T, int kPack>
__global__ void __launch_bounds__(kThreads, 2)
    soft_argmax_backward_kernel(const SoftArgmaxBackwardParams p) {
  using C = Arithmetic<T>;
  const auto num_joints = static_cast<unsigned>(p.num_joints);
  const std::int64_t b = blockIdx.x / num_joints, k = blockIdx.x % num_joints;
  const auto map = p.heatmaps.map<const T>(b, k);
  const auto gradient = p.gradient.map<T>(b, k);
  const bool wanted = p.gradient.data != nullptr;
  const SoftArgmaxSlope<C> slope(p, b, k);
  const std::int64_t area = p.height * p.width;
  const std::int64_t first = threadIdx.x * kPack;
  C sum = 0;
  PixelWalk at(first, kThreads * kPack, p.width);
  for (std::int64_t i = first; i < area; i += kThreads * kPack, at.advance()) {
    C values[kPack];
    load_signed<kPack>(map, i, at, slope.sharpness.sign, values);
    Place<C> place(at, p.width);
    Pack<T, kPack> results;
#pragma unroll
    for (int lane = 0; lane < kPack; ++lane) {
      const C difference = values[lane] - slope.base;
      const C e = exp(slope.sharpness.size * difference);
      const C pull = slope.to_x * ((place.x - slope.near_x) - slope.rest_x) +
                     slope.to_y * ((place.y - slope.near_y) - slope.rest_y);
      if (e != 0) sum += e * difference * pull;  // 0 times -infinity is none
      narrow(without_subnormal(e * slope.factor * pull), results.values[lane]);
      place.advance();
    }
    if (!wanted) continue;
    if constexpr (kPack == 1) {
      *gradient.at(at.y, at.x) = results.values[0];
    } else {
      *reinterpret_cast<Pack<T, kPack>*>(gradient.data + i) = results;
    }
  }
  if (p.beta_gradient == nullptr) return;
  double* const partials = p.scratch + 1;
  const double map_sum = block_sum<kThreads>(static_cast<double>(sum));
  if (threadIdx.x == 0) partials[blockIdx.x] = slope.beta_factor * map_sum;
  if (is_last_block(reinterpret_cast<unsigned*>(p.scratch))) finish_beta(p, partials);
}

// Whether all these maps can be read and written in vectors.
template <class T, class... Maps>
bool in_vectors(const SoftArgmaxParams& p, const Maps&... maps) {
  constexpr int kPack = kPackBytes / sizeof(T);
  const MapsShape shape{p.batch, p.num_joints, p.height, p.width};
  return ((maps.data == nullptr ||
           layout_of(maps, shape, sizeof(T), kPack, kThreads) == Layout::kMaps) &&
          ...);
}

}  // namespace

template <class T>
const char* soft_argmax(const SoftArgmaxForwardParams& p, const Stream& stream) {
  constexpr int kPack = kPackBytes / sizeof(T);
  const std::int64_t maps = p.batch * p.num_joints;
  return on(stream, [&](cudaStream_t queue) {
    if (maps == 0) return cudaSuccess;
    return in_vectors<T>(p, p.heatmaps)
               ? launch_blocks<soft_argmax_kernel<T, kPack>>(maps, kThreads, queue, p)
               : launch_blocks<soft_argmax_kernel<T, 1>>(maps, kThreads, queue, p);
  });
}

template <class T>
const char* soft_argmax_backward(const SoftArgmaxBackwardParams& p, const Stream& stream) {
  constexpr int kPack = kPackBytes / sizeof(T);
  const std::int64_t maps = p.batch * p.num_joints;
  return on(stream, [&](cudaStream_t queue) {
    if (p.beta_gradient != nullptr) {
      // Without maps the gradient is 0, all of whose bits are 0, and nothing is launched for it.
      const std::size_t size = p.beta_gradient_is_double ? sizeof(double) : sizeof(float);
      const std::int64_t groups = p.beta_per_joint ? p.num_joints : 1;
      void* const cleared = maps == 0 ? p.beta_gradient : p.scratch;
      const std::size_t bytes = maps == 0 ? size * groups : sizeof(unsigned);
      const cudaError_t error =
          bytes == 0 ? cudaSuccess : cudaMemsetAsync(cleared, 0, bytes, queue);
      if (error != cudaSuccess) return error;
    }
    if (maps == 0) return cudaSuccess;
    return in_vectors<T>(p, p.heatmaps, p.gradient)
               ? launch_blocks<soft_argmax_backward_kernel<T, kPack>>(maps, kThreads, queue, p)
               : launch_blocks<soft_argmax_backward_kernel<T, 1>>(maps, kThreads, queue, p);
  });
}

#define LOWERPOSE_INSTANTIATE(T)                                                      \
  template const char* soft_argmax<T>(const SoftArgmaxForwardParams&, const Stream&); \
  template const char* soft_argmax_backward<T>(const SoftArgmaxBackwardParams&, const Stream&);
LOWERPOSE_FOR_EACH_HEATMAP_TYPE(LOWERPOSE_INSTANTIATE)

}  // namespace lowerpose::cuda
