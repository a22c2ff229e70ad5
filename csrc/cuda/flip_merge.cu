#include "core/dispatch.h"
#include "cuda/elements.cuh"
#include "cuda/layout.h"
#include "cuda/pixel_walk.cuh"
#include "cuda/queue.h"
#include "ops/flip_merge.h"

namespace lowerpose::cuda {
namespace {

constexpr int kThreads = 256;
constexpr std::int64_t kValuesPerBlock = 4096;  // of a map, or of an image that is channels_last

template <class T, Layout kLayout>
inline constexpr int kPackOf = kLayout == Layout::kStrided ? 1 : kPackBytes / int{sizeof(T)};

// Where a thread stands in an image whose maps are interleaved: 64-bit numbers are divided once,
// not at every vector.
struct ImagePlace {
  std::int64_t row, column, joint;

  __device__ static ImagePlace of(std::int64_t value, std::int64_t num_joints, std::int64_t width) {
    const std::int64_t pixel = value / num_joints;
    return {pixel / width, pixel % width, value % num_joints};
  }

  __device__ void add(const ImagePlace& step, std::int64_t num_joints, std::int64_t width) {
    joint += step.joint;
    column += step.column;
    row += step.row;
    if (joint >= num_joints) {
      joint -= num_joints;
      ++column;
    }
    if (column >= width) {
      column -= width;
      ++row;
    }
  }
};

// kPack pixels of a row from column x on. Mirrored they are a vector too; shifted, all but the
// first of them are.
template <class T, int kPack>
__device__ void merge_vector(const T* own, const T* flipped_row, T* merged, std::int64_t x,
                             std::int64_t width, bool shift) {
  using Values = Pack<T, kPack>;
  const Values values = *reinterpret_cast<const Values*>(own);
  const Values mirrored = *reinterpret_cast<const Values*>(flipped_row + (width - kPack - x));
  Values result;
  narrow(
      flip_mean(widened(values.values[0]), widened(flipped_row[flipped_column(x, width, shift)])),
      result.values[0]);
#pragma unroll
  for (int lane = 1; lane < kPack; ++lane) {
    const T other = shift ? mirrored.values[kPack - lane] : mirrored.values[kPack - 1 - lane];
    narrow(flip_mean(widened(values.values[lane]), widened(other)), result.values[lane]);
  }
  *reinterpret_cast<Values*>(merged) = result;
}

// kValuesPerBlock values of a map, or of an image whose maps are interleaved.
template <class T, Layout kLayout>
__global__ void __launch_bounds__(kThreads)
    flip_merge_kernel(const FlipMergeParams p, const unsigned blocks_per_part) {
  constexpr int kPack = kPackOf<T, kLayout>;
  constexpr bool kImage = kLayout == Layout::kPixels;
  const unsigned part = blockIdx.x / blocks_per_part;
  const auto num_joints = static_cast<unsigned>(p.num_joints);
  const std::int64_t b = kImage ? part : part / num_joints, k = kImage ? 0 : part % num_joints;
  const auto own = p.heatmaps.map<const T>(b, k);
  const auto merged = p.merged.map<T>(b, k);
  const std::int64_t begin = blockIdx.x % blocks_per_part * kValuesPerBlock;
  const std::int64_t count = p.height * p.width * (kImage ? p.num_joints : 1);
  const std::int64_t end = min(count, begin + kValuesPerBlock);
  const std::int64_t first = begin + threadIdx.x * kPack;
  constexpr int kStep = kThreads * kPack;

  if constexpr (kImage) {
    auto at = ImagePlace::of(first, p.num_joints, p.width);
    const auto step = ImagePlace::of(kStep, p.num_joints, p.width);
    for (std::int64_t i = first; i < end; i += kStep) {
      const auto values = *reinterpret_cast<const Pack<T, kPack>*>(own.data + i);
      Pack<T, kPack> result;
      ImagePlace place = at;
#pragma unroll
      for (int lane = 0; lane < kPack; ++lane) {
        const auto flipped = p.flipped.map<const T>(b, p.pairs.partner[place.joint]);
        const T other = *flipped.at(place.row, flipped_column(place.column, p.width, p.shift));
        narrow(flip_mean(widened(values.values[lane]), widened(other)), result.values[lane]);
        place.add({0, 0, 1}, p.num_joints, p.width);
      }
      *reinterpret_cast<Pack<T, kPack>*>(merged.data + i) = result;
      at.add(step, p.num_joints, p.width);
    }
  } else {
    const auto flipped = p.flipped.map<const T>(b, p.pairs.partner[k]);
    PixelWalk at(first, kStep, p.width);
    for (std::int64_t i = first; i < end; i += kStep, at.advance()) {
      if constexpr (kLayout == Layout::kMaps) {
        merge_vector<T, kPack>(own.data + i, flipped.data + at.y * p.width, merged.data + i, at.x,
                               p.width, p.shift);
      } else {
        const T other = *flipped.at(at.y, flipped_column(at.x, p.width, p.shift));
        narrow(flip_mean(widened(*own.at(at.y, at.x)), widened(other)), *merged.at(at.y, at.x));
      }
    }
  }
}

template <class T, Layout kLayout>
cudaError_t launch_layout(const FlipMergeParams& p, cudaStream_t queue) {
  constexpr bool kImage = kLayout == Layout::kPixels;
  const std::int64_t count = p.height * p.width * (kImage ? p.num_joints : 1);
  const std::int64_t blocks_per_part = (count + kValuesPerBlock - 1) / kValuesPerBlock;
  const std::int64_t blocks = p.batch * (kImage ? 1 : p.num_joints) * blocks_per_part;
  return launch_blocks<flip_merge_kernel<T, kLayout>>(blocks, kThreads, queue, p,
                                                      static_cast<unsigned>(blocks_per_part));
}

// Interleaved maps are written in vectors whatever the flipped ones are; whole maps only if those
// can be read in vectors too, and if a vector is never in two rows.
template <class T>
Layout common_layout(const FlipMergeParams& p) {
  constexpr int kPack = kPackBytes / sizeof(T);
  const MapsShape shape{p.batch, p.num_joints, p.height, p.width};
  const auto layout_of_maps = [&](const HeatmapsView& maps) {
    return layout_of(maps, shape, sizeof(T), kPack, kThreads);
  };
  const Layout layout = layout_of_maps(p.heatmaps);
  if (layout != layout_of_maps(p.merged)) return Layout::kStrided;
  const bool rows = p.width % kPack == 0 && layout_of_maps(p.flipped) == Layout::kMaps;
  return layout == Layout::kMaps && !rows ? Layout::kStrided : layout;
}

}  // namespace

template <class T>
const char* flip_merge(const FlipMergeParams& p, const Stream& stream) {
  return on(stream, [&](cudaStream_t queue) {
    if (p.batch * p.num_joints * p.height * p.width == 0) return cudaSuccess;
    switch (common_layout<T>(p)) {
      case Layout::kMaps:
        return launch_layout<T, Layout::kMaps>(p, queue);
      case Layout::kPixels:
        return launch_layout<T, Layout::kPixels>(p, queue);
      default:
        return launch_layout<T, Layout::kStrided>(p, queue);
    }
  });
}

#define LOWERPOSE_INSTANTIATE(T) \
  template const char* flip_merge<T>(const FlipMergeParams&, const Stream&);
LOWERPOSE_FOR_EACH_HEATMAP_TYPE(LOWERPOSE_INSTANTIATE)

}  // namespace lowerpose::cuda
