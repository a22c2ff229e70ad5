// Joint coordinates from heatmaps: the first maximum, optionally moved a quarter pixel.
#pragma once

#include <cstdint>
#include <string>

#include "core/heatmaps_view.h"
#include "core/tensor_view.h"

namespace lowerpose {

enum class Refine {
  kNone,
  // Each axis moves by 0.25 towards its larger neighbour, if the maximum is at 2 <= x <= W - 2 and
  // 2 <= y <= H - 2 (HRNet's rule: one axis outside keeps both unmoved).
  kQuarter,
};

struct HeatmapDecodeParams {
  HeatmapsView heatmaps;  // [B, K, H, W]
  float* coords;          // [B, K, 2], (x, y) in heatmap pixels, contiguous
  float* scores;          // [B, K], contiguous
  std::int64_t batch, num_joints, height, width;
  Refine refine;
  int threads;
};

// The maximum is the first in row-major order. A map that holds a NaN has score NaN and
// coordinates NaN.
void decode_heatmaps(const TensorView& heatmaps, const TensorView& coords, const TensorView& scores,
                     const std::string& refine, int threads);

namespace cpu {
template <class T>
void decode_heatmaps(const HeatmapDecodeParams& params);
}
namespace cuda {
template <class T>
const char* decode_heatmaps(const HeatmapDecodeParams& params, const Stream& stream);
}

}  // namespace lowerpose
