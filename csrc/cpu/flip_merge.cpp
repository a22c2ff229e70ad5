#include "ops/flip_merge.h"

#include "core/dispatch.h"
#include "core/parallel.h"
#include "cpu/tiles.h"

namespace lowerpose::cpu {
namespace {

// merged[x] = the mean of own[x] and mirrored[-x].
template <class T>
LOWERPOSE_INLINE void merge_run(T* merged, const T* own, const T* mirrored, std::int64_t count) {
  using C = Arithmetic<T>;
#pragma omp simd
  for (std::int64_t x = 0; x < count; ++x) {
    narrow(flip_mean(widened<C>(own[x]), widened<C>(mirrored[-x])), merged[x]);
  }
}

template <class T>
LOWERPOSE_SIMD void merge_map(MapView<T> merged, MapView<const T> own, MapView<const T> flipped,
                              std::int64_t height, std::int64_t width, bool shift) {
  using C = Arithmetic<T>;
  const bool contiguous =
      merged.pixel_stride == 1 && own.pixel_stride == 1 && flipped.pixel_stride == 1;
  for (std::int64_t y = 0; y < height; ++y) {
    if (contiguous) {
      // From column 1 on, columns go back one by one, shifted or not.
      merge_run(merged.at(y, 0), own.at(y, 0), flipped.at(y, flipped_column(0, width, shift)), 1);
      merge_run(merged.at(y, 1), own.at(y, 1), flipped.at(y, flipped_column(1, width, shift)),
                width - 1);
    } else {
      for (std::int64_t x = 0; x < width; ++x) {
        const T* const mirrored = flipped.at(y, flipped_column(x, width, shift));
        narrow(flip_mean(widened<C>(*own.at(y, x)), widened<C>(*mirrored)), *merged.at(y, x));
      }
    }
  }
}

}  // namespace

template <class T>
void flip_merge(const FlipMergeParams& p) {
  if (p.width == 0) return;
  const std::int64_t grain = maps_per_thread(p.height, p.width);
  parallel_for(p.batch * p.num_joints, grain, p.threads, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t index = begin; index < end; ++index) {
      const std::int64_t b = index / p.num_joints, k = index % p.num_joints;
      merge_map(p.merged.map<T>(b, k), p.heatmaps.map<const T>(b, k),
                p.flipped.map<const T>(b, p.pairs.partner[k]), p.height, p.width, p.shift);
    }
  });
}

#define LOWERPOSE_INSTANTIATE(T) template void flip_merge<T>(const FlipMergeParams&);
LOWERPOSE_FOR_EACH_HEATMAP_TYPE(LOWERPOSE_INSTANTIATE)

}  // namespace lowerpose::cpu
