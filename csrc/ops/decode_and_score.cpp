#include "ops/decode_and_score.h"

#include "core/check.h"
#include "core/dispatch.h"

namespace lowerpose {

void decode_and_score(const DecodeAndScoreInputs& inputs, const TensorView& coords,
                      const TensorView& scores, const TensorView& counts,
                      const std::vector<std::int64_t>& flip_pairs, bool shift,
                      const HeatmapDecodeOptions& decode, const TaylorOptions& taylor,
                      ToImageOptions image, const PckOptions& pck, int threads) {
  Checker check("decode_and_score");
  DecodeAndScoreParams params = {};
  params.decode = heatmap_decode_params(check, inputs.heatmaps, coords, scores, std::nullopt,
                                        inputs.flipped, flip_pairs, shift, decode, taylor, threads);
  params.maps_back = inputs.center || inputs.scale || inputs.matrix;
  if (params.maps_back) {
    image.width = params.decode.width;
    image.height = params.decode.height;
    params.image = to_image_params(check, coords, inputs.center, inputs.scale, inputs.matrix,
                                   coords, image, "heatmaps", threads);
  }
  params.pck = pck_params(check, coords, inputs.gt, inputs.valid, inputs.norm, pck);
  const std::int64_t num_joints = params.pck.num_joints, rows = params.pck.num_thresholds;
  check.packed_output("counts", counts, DType::kInt64, "[T + 1, K]", {rows + 1, num_joints});
  params.pck.correct = data_of<std::int64_t>(counts);
  params.pck.counted = params.pck.correct + rows * num_joints;
  dispatch_heatmap(inputs.heatmaps.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    check.run([&] { cpu::decode_and_score<T>(params); },
              [&](const Stream& stream) { return cuda::decode_and_score<T>(params, stream); });
  });
}

}  // namespace lowerpose
