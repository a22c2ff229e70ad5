// From heatmaps to counts of correct keypoints, map by map: where the joint is, where that is in
// the image, and how far from its truth.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "core/host_device.h"
#include "core/tensor_view.h"
#include "ops/heatmap_decode.h"
#include "ops/pck.h"
#include "ops/to_image.h"

namespace lowerpose {

// The steps one behind the other. What one leaves in `decode.coords` the next takes from there, so
// that the joints are those of the three operations bit for bit.
struct DecodeAndScoreParams {
  HeatmapDecodeParams decode;
  bool maps_back;  // the coordinates to the image's pixels
  ToImageParams image;
  PckParams pck;  // of its outputs `correct` and `counted` alone
};

// By whom the joint was decoded.
LOWERPOSE_HOST_DEVICE inline PckDistance score_joint(const DecodeAndScoreParams& p, std::int64_t b,
                                                     std::int64_t k) {
  if (p.maps_back) write_image_point(p.image, b * p.decode.num_joints + k);
  return pck_distance(p.pck, b, k);
}

// What the caller gives, beside the options of the three operations.
struct DecodeAndScoreInputs {
  const TensorView& heatmaps;  // [B, K, H, W]
  const TensorView& gt;        // [B, K, 2], in the unit of the coordinates
  const TensorView& valid;     // [B, K] or [B, K, 1]
  const std::optional<TensorView>&norm, &flipped;
  const std::optional<TensorView>&center, &scale, &matrix;  // without them nothing is mapped back
};

// counts: [T + 1, K], the correct joints for each threshold, then the counted ones. The size in
// `image` is not read: it is that of the maps.
void decode_and_score(const DecodeAndScoreInputs& inputs, const TensorView& coords,
                      const TensorView& scores, const TensorView& counts,
                      const std::vector<std::int64_t>& flip_pairs, bool shift,
                      const HeatmapDecodeOptions& decode, const TaylorOptions& taylor,
                      ToImageOptions image, const PckOptions& pck, int threads);

namespace cpu {
template <class T>
void decode_and_score(const DecodeAndScoreParams& params);
}
namespace cuda {
template <class T>
const char* decode_and_score(const DecodeAndScoreParams& params, const Stream& stream);
}

}  // namespace lowerpose
