// The mean of the heatmaps of an image and of its mirror image.
#pragma once

#include <cstdint>
#include <vector>

#include "core/flip.h"
#include "core/heatmaps_view.h"
#include "core/tensor_view.h"

namespace lowerpose {

struct FlipMergeParams {
  // [B, K, H, W], all of one type; `flipped` as the model gives them for the mirror image.
  HeatmapsView heatmaps, flipped, merged;
  FlipPairs pairs;
  bool shift;  // the mirrored maps move one pixel to the right
  std::int64_t batch, num_joints, height, width;
  int threads;
};

// merged[b, k, y, x] = (heatmaps[b, k, y, x] + flipped[b, partner(k), y, flipped_column(x)]) / 2
void flip_merge(const TensorView& heatmaps, const TensorView& flipped, const TensorView& merged,
                const std::vector<std::int64_t>& pairs, bool shift, int threads);

namespace cpu {
template <class T>
void flip_merge(const FlipMergeParams& params);
}
namespace cuda {
template <class T>
const char* flip_merge(const FlipMergeParams& params, const Stream& stream);
}

}  // namespace lowerpose
