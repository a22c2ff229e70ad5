#include "ops/heatmap_decode.h"

#include "core/check.h"
#include "core/dispatch.h"

namespace lowerpose {

void decode_heatmaps(const TensorView& heatmaps, const TensorView& coords, const TensorView& scores,
                     const std::string& refine, int threads) {
  Checker check("decode_heatmaps");
  check.tensor("heatmaps", heatmaps);
  check.dtype("heatmaps", heatmaps, kHeatmapDTypes);
  check.shape("heatmaps", heatmaps, "[B, K, H, W]", {kAny, kAny, kAny, kAny});
  const std::int64_t batch = heatmaps.shape[0], num_joints = heatmaps.shape[1];
  check.value(heatmaps.shape[2] > 0 && heatmaps.shape[3] > 0, "heatmaps",
              "maps of at least one pixel", describe_shape(heatmaps));
  check.output("coords", coords);
  check.dtype("coords", coords, {DType::kFloat32});
  check.shape("coords", coords, "[B, K, 2]", {batch, num_joints, 2});
  check.output("scores", scores);
  check.dtype("scores", scores, {DType::kFloat32});
  check.shape("scores", scores, "[B, K]", {batch, num_joints});

  HeatmapDecodeParams params;
  params.heatmaps = HeatmapsView(heatmaps);
  params.coords = static_cast<float*>(coords.data);
  params.scores = static_cast<float*>(scores.data);
  params.batch = batch;
  params.num_joints = num_joints;
  params.height = heatmaps.shape[2];
  params.width = heatmaps.shape[3];
  params.refine = check.word<Refine>("refine", refine,
                                     {{"none", Refine::kNone}, {"quarter", Refine::kQuarter}});
  params.threads = threads;
  dispatch_heatmap(heatmaps.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    check.run([&] { cpu::decode_heatmaps<T>(params); },
              [&](const Stream& stream) { return cuda::decode_heatmaps<T>(params, stream); });
  });
}

}  // namespace lowerpose
