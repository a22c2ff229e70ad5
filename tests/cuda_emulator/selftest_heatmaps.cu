// Four kernels of the kind that this project has, against plain loops.
#include <cfloat>
#include <cmath>

#include "cuda_emulator/selftest.h"
#include "cuda_emulator/selftest_reductions.cuh"

namespace lowerpose::cuda {
namespace {

using selftest::Device;
using selftest::require;

struct Size {
  int maps, height, width;
  int area() const { return height * width; }
};

// One block a map. The two profiles lie in dynamic shared memory, rows go out as float4.
__global__ void __launch_bounds__(kThreads)
    render_kernel(const float2* __restrict__ centers, float4* __restrict__ out, int height,
                  int width, float factor) {
  LOWERPOSE_DYNAMIC_SHARED(float, profiles);
  const float2 center = centers[blockIdx.x];
  for (int i = static_cast<int>(threadIdx.x); i < width + height; i += kThreads) {
    const float distance =
        i < width ? static_cast<float>(i) - center.x : static_cast<float>(i - width) - center.y;
    profiles[i] = expf(-distance * distance * factor);
  }
  __syncthreads();
  const int packs = width / 4, count = height * packs;
  float4* const map = out + static_cast<std::size_t>(blockIdx.x) * count;
  for (int i = static_cast<int>(threadIdx.x); i < count; i += kThreads) {
    const int y = i / packs, x = i % packs;
    const float4 columns = reinterpret_cast<const float4*>(profiles)[x];
    const float row = profiles[width + y];
    map[i] = make_float4(columns.x * row, columns.y * row, columns.z * row, columns.w * row);
  }
}

// One block a map; the last one adds up what all have found, always in the same order.
__global__ void __launch_bounds__(kThreads)
    squared_error_kernel(const float4* __restrict__ outputs, const float4* __restrict__ targets,
                         const float* __restrict__ weights, float* parts, unsigned* ticket,
                         float* loss, int count, float scale) {
  __shared__ float buffer[kWarps];
  __shared__ bool last;
  const std::size_t first = static_cast<std::size_t>(blockIdx.x) * count;
  float sum = 0;
  for (int i = static_cast<int>(threadIdx.x); i < count; i += kThreads) {
    const float4 a = outputs[first + i], b = targets[first + i];
    const float x = a.x - b.x, y = a.y - b.y, z = a.z - b.z, w = a.w - b.w;
    sum += (x * x + y * y) + (z * z + w * w);
  }
  sum = block_reduce(sum, buffer, Sum());
  if (threadIdx.x == 0) {
    parts[blockIdx.x] = sum * weights[blockIdx.x];
    __threadfence();
    last = atomicAdd(ticket, 1u) == gridDim.x - 1;
    __threadfence();
  }
  __syncthreads();
  if (!last) return;
  float total = 0;
  for (unsigned i = threadIdx.x; i < gridDim.x; i += kThreads) total += parts[i];
  total = block_reduce(total, buffer, Sum());
  if (threadIdx.x == 0) {
    *loss = total * scale;
    atomicExch(ticket, 0u);  // a plain store would race with the other blocks' atomics
  }
}

// A value and its place in one number, the largest of which is the largest value, and of equal
// values the first.
__device__ __forceinline__ unsigned long long ranked(float value, int place) {
  const unsigned bits = __float_as_uint(value);
  const unsigned key = (bits & 0x80000000u) != 0 ? ~bits : bits | 0x80000000u;
  return static_cast<unsigned long long>(key) << 32 | (0xffffffffu - static_cast<unsigned>(place));
}

__device__ __forceinline__ unsigned long long warp_largest(unsigned long long key) {
#pragma unroll
  for (int distance = 16; distance > 0; distance /= 2) {
    key = max(key, __shfl_down_sync(kAll, key, distance));
  }
  return key;
}

__global__ void __launch_bounds__(kThreads)
    peak_kernel(const float* __restrict__ maps, int* __restrict__ places,
                float* __restrict__ values, int count) {
  __shared__ unsigned long long keys[kWarps];
  const float* const map = maps + static_cast<std::size_t>(blockIdx.x) * count;
  unsigned long long best = 0;
  for (int i = static_cast<int>(threadIdx.x); i < count; i += kThreads) {
    best = max(best, ranked(map[i], i));
  }
  best = warp_largest(best);
  if (threadIdx.x % 32 == 0) keys[threadIdx.x / 32] = best;
  __syncthreads();
  if (threadIdx.x >= 32) return;
  best = warp_largest(threadIdx.x < kWarps ? keys[threadIdx.x] : 0);
  if (threadIdx.x == 0) {
    const auto place = static_cast<int>(0xffffffffu - static_cast<unsigned>(best));
    places[blockIdx.x] = place;
    values[blockIdx.x] = map[place];
  }
}

// 16 bytes of elements of any type, as floats.
template <class T>
struct Pack {
  static constexpr int kCount = 16 / sizeof(T);
  float values[kCount];

  __device__ __forceinline__ explicit Pack(const T* elements) {
    union {
      uint4 raw;
      T of[kCount];
    } loaded;
    loaded.raw = __ldg(reinterpret_cast<const uint4*>(elements));
#pragma unroll
    for (int i = 0; i < kCount; ++i) values[i] = static_cast<float>(loaded.of[i]);
  }
};

template <class T>
__global__ void __launch_bounds__(kThreads)
    soft_peak_kernel(const T* __restrict__ maps, float2* __restrict__ places, int count, int width,
                     float sharpness) {
  constexpr int kPack = Pack<T>::kCount;
  __shared__ float buffer[kWarps];
  const T* const map = maps + static_cast<std::size_t>(blockIdx.x) * count;
  float largest = -FLT_MAX;
  for (int i = static_cast<int>(threadIdx.x) * kPack; i < count; i += kThreads * kPack) {
    const Pack<T> pack(map + i);
#pragma unroll
    for (int lane = 0; lane < kPack; ++lane) largest = fmaxf(largest, pack.values[lane]);
  }
  largest = block_reduce(largest, buffer, Largest());
  float sum = 0, sum_x = 0, sum_y = 0;
  for (int i = static_cast<int>(threadIdx.x) * kPack; i < count; i += kThreads * kPack) {
    const Pack<T> pack(map + i);
#pragma unroll
    for (int lane = 0; lane < kPack; ++lane) {
      const float part = expf(sharpness * (pack.values[lane] - largest));
      sum += part;
      sum_x += part * static_cast<float>((i + lane) % width);
      sum_y += part * static_cast<float>((i + lane) / width);
    }
  }
  sum = block_reduce(sum, buffer, Sum());
  sum_x = block_reduce(sum_x, buffer, Sum());
  sum_y = block_reduce(sum_y, buffer, Sum());
  if (threadIdx.x == 0) places[blockIdx.x] = make_float2(sum_x / sum, sum_y / sum);
}

bool near(double got, double want, double tolerance) {
  return std::fabs(got - want) <= tolerance * (1 + std::fabs(want));
}

std::vector<float> test_render(const Size& size, selftest::Numbers& numbers) {
  std::vector<float2> centers;
  for (int i = 0; i < size.maps; ++i) {
    const float x = numbers.next() * static_cast<float>(size.width);
    centers.push_back({x, numbers.next() * static_cast<float>(size.height)});
  }
  const Device<float2> centers_there(centers);
  const Device<float4> out(static_cast<std::size_t>(size.maps) * size.area() / 4);
  const std::size_t shared = sizeof(float) * (size.height + size.width);
  require(launch<render_kernel>(dim3(size.maps), dim3(kThreads), shared, nullptr,
                                centers_there.get(), out.get(), size.height, size.width, 0.125f),
          "render");
  std::vector<float> values;
  for (const float4& pack : out.values()) {
    values.insert(values.end(), {pack.x, pack.y, pack.z, pack.w});
  }
  for (int i = 0; i < size.maps * size.area(); ++i) {
    const float2 center = centers[i / size.area()];
    const double dx = i % size.width - center.x, dy = i / size.width % size.height - center.y;
    LOWERPOSE_EXPECT(near(values[i], std::exp(-(dx * dx + dy * dy) / 8), 1e-6));
  }
  return values;
}

std::vector<float4> packed(const std::vector<float>& values) {
  std::vector<float4> packs;
  for (std::size_t i = 0; i < values.size(); i += 4) {
    packs.push_back({values[i], values[i + 1], values[i + 2], values[i + 3]});
  }
  return packs;
}

void test_squared_error(const Size& size, const std::vector<float>& outputs,
                        const std::vector<float>& targets, selftest::Numbers& numbers) {
  std::vector<float> weights;
  for (int i = 0; i < size.maps; ++i) weights.push_back(i % 3 == 2 ? 0 : numbers.next());
  const Device<float4> outputs_there(packed(outputs)), targets_there(packed(targets));
  const Device<float> weights_there(weights), parts(size.maps), loss(1);
  const Device<unsigned> ticket(1);
  const float scale = 1 / static_cast<float>(size.maps * size.area());
  require(launch<squared_error_kernel>(
              dim3(size.maps), dim3(kThreads), 0, nullptr, outputs_there.get(), targets_there.get(),
              weights_there.get(), parts.get(), ticket.get(), loss.get(), size.area() / 4, scale),
          "squared error");
  double want = 0;
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const double difference = outputs[i] - targets[i];
    want += weights[i / size.area()] * difference * difference;
  }
  LOWERPOSE_EXPECT(near(loss.values()[0], want * scale, 1e-5));
  LOWERPOSE_EXPECT(ticket.values()[0] == 0);
}

void test_peak(const Size& size, std::vector<float> maps) {
  for (int i = 0; i < size.maps; ++i) {  // two equal values: the first counts
    maps[i * size.area() + size.area() / 3] = 2;
    maps[i * size.area() + size.area() / 2] = 2;
  }
  const Device<float> maps_there(maps), values(size.maps);
  const Device<int> places(size.maps);
  require(launch<peak_kernel>(dim3(size.maps), dim3(kThreads), 0, nullptr, maps_there.get(),
                              places.get(), values.get(), size.area()),
          "peak");
  for (const int place : places.values()) LOWERPOSE_EXPECT(place == size.area() / 3);
  for (const float value : values.values()) LOWERPOSE_EXPECT(value == 2);
}

template <class T>
void test_soft_peak(const Size& size, const std::vector<float>& maps) {
  constexpr float kSharpness = 10;
  std::vector<T> elements;
  for (const float value : maps) elements.push_back(static_cast<T>(value));
  const Device<T> elements_there(elements);
  const Device<float2> places(size.maps);
  require(
      launch<soft_peak_kernel<T>>(dim3(size.maps), dim3(kThreads), 0, nullptr, elements_there.get(),
                                  places.get(), size.area(), size.width, kSharpness),
      "soft peak");
  const std::vector<float2> got = places.values();
  for (int map = 0; map < size.maps; ++map) {
    double sum = 0, sum_x = 0, sum_y = 0;
    for (int i = 0; i < size.area(); ++i) {
      const auto value = static_cast<float>(elements[map * size.area() + i]);
      const double part = std::exp(kSharpness * (static_cast<double>(value) - 1));
      sum += part;
      sum_x += part * (i % size.width);
      sum_y += part * (i / size.width);
    }
    LOWERPOSE_EXPECT(near(got[map].x, sum_x / sum, 1e-4));
    LOWERPOSE_EXPECT(near(got[map].y, sum_y / sum, 1e-4));
  }
}

void test_all(const Size& size) {
  selftest::Numbers numbers;
  const std::vector<float> maps = test_render(size, numbers);
  std::vector<float> targets;
  for (std::size_t i = 0; i < maps.size(); ++i) targets.push_back(numbers.next());
  test_squared_error(size, maps, targets, numbers);
  test_peak(size, targets);
  test_soft_peak<float>(size, maps);
  test_soft_peak<__half>(size, maps);
  test_soft_peak<__nv_bfloat16>(size, maps);
}

}  // namespace
}  // namespace lowerpose::cuda

int main(int count, char**) {
  return lowerpose::selftest::main_of([=] {
    for (const lowerpose::cuda::Size& size :
         {lowerpose::cuda::Size{3, 8, 8}, {1, 3, 24}, {7, 17, 16}}) {
      lowerpose::cuda::test_all(size);
    }
    if (count > 1) lowerpose::cuda::test_all({48, 64, 48});  // any argument: the usual size too
  });
}
