#include "ops/soft_argmax.h"

#include <algorithm>

#include "core/dispatch.h"
#include "core/parallel.h"
#include "cpu/soft_argmax.h"
#include "cpu/tiles.h"

namespace lowerpose::cpu {
namespace {

template <class C>
double differentiated(const Patch<const C>& patch, const SoftArgmaxSlope<C>& slope, C* gradient,
                      std::int64_t pitch, bool for_beta) {
  return for_beta ? differentiate<true, C>(patch, slope, gradient, pitch)
                  : differentiate<false, C>(patch, slope, gradient, pitch);
}

// A patch of a map: in place where the pixels lie one behind the other, as C, else in the buffer.
template <class C, class T>
Patch<const C> read_patch(C* buffer, const MapView<const T>& map, std::int64_t top,
                          std::int64_t left, std::int64_t rows, std::int64_t columns) {
  Patch<const C> patch = {
      buffer, columns, rows, columns, static_cast<double>(top), static_cast<double>(left)};
  if constexpr (std::is_same_v<C, T>) {
    if (map.pixel_stride == 1) {
      patch.pixels = map.at(top, left);
      patch.pitch = map.row_stride;
      return patch;
    }
  }
  const Runs shape = runs(rows, columns, map);
  for (std::int64_t run = 0; run < shape.count; ++run) {
    gather(buffer + run * shape.length, map.at(top + run, left), map.pixel_stride, shape.length);
  }
  return patch;
}

// Calls `work(top, left, rows, columns)` for parts of at most kPatch pixels, in order.
template <class Work>
void for_each_patch(std::int64_t height, std::int64_t width, Work&& work) {
  const std::int64_t columns = std::min(width, kPatch), rows = kPatch / columns;
  for (std::int64_t top = 0; top < height; top += rows) {
    for (std::int64_t left = 0; left < width; left += columns) {
      work(top, left, std::min(rows, height - top), std::min(columns, width - left));
    }
  }
}

// The partial sums of the maps, added in their order.
void finish_beta(const SoftArgmaxBackwardParams& p) {
  const std::int64_t groups = p.beta_per_joint ? p.num_joints : 1;
  const std::int64_t maps = p.batch * p.num_joints;
  for (std::int64_t group = 0; group < groups; ++group) {
    double sum = 0;
    for (std::int64_t index = group; index < maps; index += groups) sum += p.scratch[1 + index];
    if (p.beta_gradient_is_double) {
      static_cast<double*>(p.beta_gradient)[group] = sum;
    } else {
      static_cast<float*>(p.beta_gradient)[group] = static_cast<float>(sum);
    }
  }
}

}  // namespace

template <class T>
void soft_argmax(const SoftArgmaxForwardParams& p) {
  using C = Arithmetic<T>;
  const std::int64_t grain = maps_per_thread(p.height, p.width);
  parallel_for(p.batch * p.num_joints, grain, p.threads, [&](std::int64_t begin, std::int64_t end) {
    C buffer[kPatch];
    for (std::int64_t index = begin; index < end; ++index) {
      const std::int64_t b = index / p.num_joints, k = index % p.num_joints;
      const auto map = p.heatmaps.map<const T>(b, k);
      const auto sharpness = sharpness_of<C>(soft_argmax_beta(p, k));
      Sums<C> sums;
      for_each_patch(p.height, p.width, [&](auto... place) {
        extend(sums, read_patch<C>(buffer, map, place...), sharpness);
      });
      write_soft_argmax<C>(p, index, sums.largest, sums.total, sums.x, sums.y);
    }
  });
}

template <class T>
void soft_argmax_backward(const SoftArgmaxBackwardParams& p) {
  using C = Arithmetic<T>;
  const bool wanted = p.gradient.data != nullptr, for_beta = p.beta_gradient != nullptr;
  const std::int64_t grain = maps_per_thread(p.height, p.width);
  parallel_for(p.batch * p.num_joints, grain, p.threads, [&](std::int64_t begin, std::int64_t end) {
    C buffer[kPatch], results[kPatch];
    for (std::int64_t index = begin; index < end; ++index) {
      const std::int64_t b = index / p.num_joints, k = index % p.num_joints;
      const auto map = p.heatmaps.map<const T>(b, k);
      const auto gradient = p.gradient.map<T>(b, k);
      const SoftArgmaxSlope<C> slope(p, b, k);
      double sum = 0;
      for_each_patch(
          p.height, p.width,
          [&](std::int64_t top, std::int64_t left, std::int64_t rows, std::int64_t columns) {
            const auto patch = read_patch<C>(buffer, map, top, left, rows, columns);
            if constexpr (std::is_same_v<C, T>) {
              if (!wanted || gradient.pixel_stride == 1) {
                C* const to = wanted ? gradient.at(top, left) : nullptr;
                sum += differentiated(patch, slope, to, gradient.row_stride, for_beta);
                return;
              }
            }
            sum += differentiated(patch, slope, wanted ? results : nullptr, columns, for_beta);
            if (!wanted) return;
            for (std::int64_t row = 0; row < rows; ++row) {
              scatter(gradient.at(top + row, left), gradient.pixel_stride, results + row * columns,
                      columns);
            }
          });
      if (for_beta) p.scratch[1 + index] = slope.beta_factor * sum;
    }
  });
  if (for_beta) finish_beta(p);
}

#define LOWERPOSE_INSTANTIATE(T)                                \
  template void soft_argmax<T>(const SoftArgmaxForwardParams&); \
  template void soft_argmax_backward<T>(const SoftArgmaxBackwardParams&);
LOWERPOSE_FOR_EACH_HEATMAP_TYPE(LOWERPOSE_INSTANTIATE)

}  // namespace lowerpose::cpu
