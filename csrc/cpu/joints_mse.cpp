#include "ops/joints_mse.h"

#include <algorithm>

#include "core/parallel.h"
#include "core/simd.h"

namespace lowerpose::cpu {
namespace {

constexpr std::int64_t kGrainPixels = 1 << 14;  // a thread is worth starting from here

// The sum of (a[i] - b[i])^2. Lanes add up in T over short stretches and in double beyond them, so
// that the error does not grow with the size of the map, and always in the same order.
template <class T>
LOWERPOSE_INLINE double squared_difference_body(const T* a, const T* b, std::int64_t count) {
  using V = typename Vec<T>::type;
  constexpr std::int64_t kLanes = Vec<T>::kLanes;
  constexpr std::int64_t kStretch = 32 * kLanes;
  double total = 0;
  std::int64_t i = 0;
  while (i + kLanes <= count) {
    const std::int64_t end = std::min(i + kStretch, count - kLanes + 1);
    V sum = {};
    for (; i < end; i += kLanes) {
      V x, y;
      load(x, a + i);
      load(y, b + i);
      const V difference = x - y;
      sum += difference * difference;
    }
    for (int lane = 0; lane < kLanes; ++lane) total += static_cast<double>(sum[lane]);
  }
  for (; i < count; ++i) {
    const double difference = static_cast<double>(a[i]) - static_cast<double>(b[i]);
    total += difference * difference;
  }
  return total;
}

LOWERPOSE_SIMD double squared_difference(const float* a, const float* b, std::int64_t count) {
  return squared_difference_body(a, b, count);
}

LOWERPOSE_SIMD double squared_difference(const double* a, const double* b, std::int64_t count) {
  return squared_difference_body(a, b, count);
}

// to[i] = factor * (a[i] - b[i])
template <class T>
LOWERPOSE_INLINE void scaled_difference_body(T* to, const T* a, const T* b, std::int64_t count,
                                             T factor) {
#pragma omp simd
  for (std::int64_t i = 0; i < count; ++i) to[i] = factor * (a[i] - b[i]);
}

LOWERPOSE_SIMD void scaled_difference(float* to, const float* a, const float* b, std::int64_t count,
                                      float factor) {
  scaled_difference_body(to, a, b, count, factor);
}

LOWERPOSE_SIMD void scaled_difference(double* to, const double* a, const double* b,
                                      std::int64_t count, double factor) {
  scaled_difference_body(to, a, b, count, factor);
}

template <class T>
double map_squared_difference(const MapView<const T>& a, const MapView<const T>& b,
                              std::int64_t height, std::int64_t width) {
  const Runs shape = runs(height, width, a, b);
  const bool unit = a.pixel_stride == 1 && b.pixel_stride == 1;
  double total = 0;
  for (std::int64_t run = 0; run < shape.count; ++run) {
    const T* x = a.data + run * a.row_stride;
    const T* y = b.data + run * b.row_stride;
    if (unit) {
      total += squared_difference(x, y, shape.length);
      continue;
    }
    for (std::int64_t i = 0; i < shape.length; ++i) {
      const double difference =
          static_cast<double>(x[i * a.pixel_stride]) - static_cast<double>(y[i * b.pixel_stride]);
      total += difference * difference;
    }
  }
  return total;
}

template <class T>
void map_scaled_difference(const MapView<T>& to, const MapView<const T>& a,
                           const MapView<const T>& b, std::int64_t height, std::int64_t width,
                           T factor) {
  const Runs shape = runs(height, width, to, a, b);
  const bool unit = to.pixel_stride == 1 && a.pixel_stride == 1 && b.pixel_stride == 1;
  for (std::int64_t run = 0; run < shape.count; ++run) {
    T* gradient = to.data + run * to.row_stride;
    const T* x = a.data + run * a.row_stride;
    const T* y = b.data + run * b.row_stride;
    if (unit) {
      scaled_difference(gradient, x, y, shape.length, factor);
      continue;
    }
    for (std::int64_t i = 0; i < shape.length; ++i) {
      gradient[i * to.pixel_stride] = factor * (x[i * a.pixel_stride] - y[i * b.pixel_stride]);
    }
  }
}

double weight(const JointsMSEParams& p, std::int64_t b, std::int64_t k) {
  return p.weighted ? p.weight(b, k) : 1.0;
}

std::int64_t grain(const JointsMSEParams& p) {
  return kGrainPixels / std::max<std::int64_t>(1, p.height * p.width) + 1;
}

}  // namespace

template <class T>
void joints_mse(const JointsMSEForwardParams& p) {
  const std::int64_t maps = p.batch * p.num_joints;
  parallel_for(maps, grain(p), p.threads, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t map = begin; map < end; ++map) {
      const std::int64_t b = map / p.num_joints, k = map % p.num_joints;
      p.partials[map] =
          weight(p, b, k) * map_squared_difference(p.output.map<const T>(b, k),
                                                   p.target.map<const T>(b, k), p.height, p.width);
    }
  });
  double total = 0;
  for (std::int64_t map = 0; map < maps; ++map) total += p.partials[map];
  *static_cast<T*>(p.loss) = static_cast<T>(p.scale * total);
}

template <class T>
void joints_mse_backward(const JointsMSEBackwardParams& p) {
  const double scale = 2 * p.scale * p.incoming(0);
  parallel_for(p.batch * p.num_joints, grain(p), p.threads,
               [&](std::int64_t begin, std::int64_t end) {
                 for (std::int64_t map = begin; map < end; ++map) {
                   const std::int64_t b = map / p.num_joints, k = map % p.num_joints;
                   map_scaled_difference(p.gradient.map<T>(b, k), p.output.map<const T>(b, k),
                                         p.target.map<const T>(b, k), p.height, p.width,
                                         static_cast<T>(scale * weight(p, b, k)));
                 }
               });
}

template void joints_mse<float>(const JointsMSEForwardParams&);
template void joints_mse<double>(const JointsMSEForwardParams&);
template void joints_mse_backward<float>(const JointsMSEBackwardParams&);
template void joints_mse_backward<double>(const JointsMSEBackwardParams&);

}  // namespace lowerpose::cpu
