#include "core/dispatch.h"
#include "cuda/heatmap_peak.cuh"
#include "cuda/queue.h"
#include "ops/heatmap_decode.h"

namespace lowerpose::cuda {
namespace {

struct Nothing {
  __device__ void operator()(std::int64_t, std::int64_t, int) const {}
};

// One block a map.
template <class T, int kPack>
__global__ void __launch_bounds__(kDecodeThreads, 2)
    decode_map_kernel(const HeatmapDecodeParams p) {
  decode_map<T, kPack, true>(p, Nothing{});
}

// One block an image whose maps are interleaved.
template <class T, int kPack>
__global__ void __launch_bounds__(kDecodeThreads, 2)
    decode_image_kernel(const HeatmapDecodeParams p) {
  decode_image<T, kPack, true>(p, Nothing{});
}

}  // namespace

template <class T>
const char* decode_heatmaps(const HeatmapDecodeParams& p, const Stream& stream) {
  constexpr int kPack = kPackBytes / sizeof(T);
  return on(stream, [&](cudaStream_t queue) {
    return launch_decoding<T, decode_map_kernel<T, kPack>, decode_image_kernel<T, kPack>,
                           decode_map_kernel<T, 1>>(p, queue, p);
  });
}

#define LOWERPOSE_INSTANTIATE(T) \
  template const char* decode_heatmaps<T>(const HeatmapDecodeParams&, const Stream&);
LOWERPOSE_FOR_EACH_HEATMAP_TYPE(LOWERPOSE_INSTANTIATE)

}  // namespace lowerpose::cuda
