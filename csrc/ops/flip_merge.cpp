#include "ops/flip_merge.h"

#include "core/check.h"
#include "core/dispatch.h"

namespace lowerpose {

void flip_merge(const TensorView& heatmaps, const TensorView& flipped, const TensorView& merged,
                const std::vector<std::int64_t>& pairs, bool shift, int threads) {
  Checker check("flip_merge");
  check.tensor("heatmaps", heatmaps);
  check.dtype("heatmaps", heatmaps, kHeatmapDTypes);
  check.shape("heatmaps", heatmaps, "[B, K, H, W]", {kAny, kAny, kAny, kAny});
  const std::int64_t* const sizes = heatmaps.shape;
  check.tensor("flipped", flipped);
  check.dtype("flipped", flipped, {heatmaps.dtype});
  check.shape("flipped", flipped, "[B, K, H, W] like heatmaps",
              {sizes[0], sizes[1], sizes[2], sizes[3]});
  // The face makes it with the heatmaps' own strides, so that a channels_last map stays one.
  check.writable("merged", merged);
  check.dtype("merged", merged, {heatmaps.dtype});
  check.shape("merged", merged, "[B, K, H, W] like heatmaps",
              {sizes[0], sizes[1], sizes[2], sizes[3]});

  FlipMergeParams params;
  params.heatmaps = HeatmapsView(heatmaps);
  params.flipped = HeatmapsView(flipped);
  params.merged = HeatmapsView(merged);
  params.pairs = flip_pairs(check, pairs, sizes[1]);
  params.shift = shift;
  params.batch = sizes[0];
  params.num_joints = sizes[1];
  params.height = sizes[2];
  params.width = sizes[3];
  params.threads = threads;
  dispatch_heatmap(heatmaps.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    check.run([&] { cpu::flip_merge<T>(params); },
              [&](const Stream& stream) { return cuda::flip_merge<T>(params, stream); });
  });
}

}  // namespace lowerpose
