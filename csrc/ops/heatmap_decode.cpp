#include "ops/heatmap_decode.h"

#include <cmath>

#include "core/check.h"
#include "core/dispatch.h"

namespace lowerpose {
namespace {

CrossRules cross_rules(Checker& check, const HeatmapDecodeOptions& options) {
  CrossRules rules;
  rules.refine = check.word<Refine>("refine", options.refine,
                                    {{"none", Refine::kNone},
                                     {"quarter", Refine::kQuarter},
                                     {"gradient", Refine::kGradient},
                                     {"parabola", Refine::kParabola},
                                     {"log_parabola", Refine::kLogParabola},
                                     {"taylor", Refine::kTaylor}});
  rules.border = check.word<Border>("border", options.border,
                                    {{"both_axes", Border::kBothAxes},
                                     {"per_axis_mm", Border::kPerAxisMM},
                                     {"full_interior", Border::kFullInterior},
                                     {"clamp", Border::kClamp}});
  rules.ties_go_back = check.word<bool>("ties", options.ties, {{"stay", false}, {"back", true}});
  return rules;
}

TaylorRules taylor_rules(Checker& check, const TaylorOptions& options) {
  TaylorRules rules;
  check.value(options.step == 1 || options.step == 2, "step", "1 or 2", options.step);
  rules.step = options.step;
  rules.inside_only = options.inside_only;
  rules.rescale = check.word<Rescale>(
      "rescale", options.rescale,
      {{"none", Rescale::kNone}, {"max", Rescale::kMax}, {"minmax", Rescale::kMinMax}});
  check.value(options.floor > 0 && options.ceiling >= options.floor, "floor",
              "positive and at most the ceiling", options.floor);
  rules.floor = options.floor;
  rules.ceiling = options.ceiling;
  rules.epsilon = options.epsilon;
  rules.bounded = options.bounded;
  rules.gather = check.word<Gather>(
      "gather", options.gather,
      {{"own", Gather::kOwn}, {"sample", Gather::kSample}, {"batch", Gather::kBatch}});
  check.value(rules.gather == Gather::kOwn || rules.step == 1, "gather", "'own' with step 2",
              "'" + options.gather + "'");
  return rules;
}

Blur blur_of(Checker& check, const TaylorOptions& options) {
  constexpr int kLargest = 2 * kMaxBlurRadius + 1;
  check.value(options.blur_size % 2 == 1 && options.blur_size >= 1 && options.blur_size <= kLargest,
              "blur_kernel", "an odd number of pixels from 1 to " + std::to_string(kLargest),
              options.blur_size);
  check.value(std::isfinite(options.blur_sigma) && options.blur_sigma >= 0, "blur_sigma",
              "finite and not negative", options.blur_sigma);
  const auto border = check.word<BlurBorder>("blur_border", options.blur_border,
                                             {{"zero", BlurBorder::kZero},
                                              {"reflect101", BlurBorder::kReflect101},
                                              {"reflect", BlurBorder::kReflect}});
  return make_blur(options.blur_size, options.blur_sigma, border);
}

}  // namespace

HeatmapDecodeParams heatmap_decode_params(Checker& check, const TensorView& heatmaps,
                                          const TensorView& coords, const TensorView& scores,
                                          const std::optional<TensorView>& covariance,
                                          const std::optional<TensorView>& flipped,
                                          const std::vector<std::int64_t>& pairs, bool shift,
                                          const HeatmapDecodeOptions& options,
                                          const TaylorOptions& taylor, int threads) {
  check.tensor("heatmaps", heatmaps);
  check.dtype("heatmaps", heatmaps, kHeatmapDTypes);
  check.shape("heatmaps", heatmaps, "[B, K, H, W]", {kAny, kAny, kAny, kAny});
  const std::int64_t batch = heatmaps.shape[0], num_joints = heatmaps.shape[1];
  check.value(heatmaps.shape[2] > 0 && heatmaps.shape[3] > 0, "heatmaps",
              "maps of at least one pixel", describe_shape(heatmaps));
  HeatmapDecodeParams params = {};
  if (flipped) {
    check.tensor("flipped", *flipped);
    check.dtype("flipped", *flipped, {heatmaps.dtype});
    check.shape("flipped", *flipped, "[B, K, H, W] like heatmaps",
                {batch, num_joints, heatmaps.shape[2], heatmaps.shape[3]});
    params.flipped = HeatmapsView(*flipped);
    params.pairs = flip_pairs(check, pairs, num_joints);
  }
  check.output("coords", coords);
  check.dtype("coords", coords, {DType::kFloat32});
  check.shape("coords", coords, "[B, K, 2]", {batch, num_joints, 2});
  check.output("scores", scores);
  check.dtype("scores", scores, {DType::kFloat32});
  check.shape("scores", scores, "[B, K]", {batch, num_joints});

  params.cross = cross_rules(check, options);
  params.taylor = taylor_rules(check, taylor);
  params.blur = blur_of(check, taylor);
  if (covariance) {
    check.output("covariance", *covariance);
    check.dtype("covariance", *covariance, {DType::kFloat32});
    check.shape("covariance", *covariance, "[B, K, 2, 2]", {batch, num_joints, 2, 2});
    check.value(params.cross.refine == Refine::kTaylor && params.taylor.bounded, "refine",
                "a bounded Taylor step for a covariance", "'" + options.refine + "'");
    params.covariance = static_cast<float*>(covariance->data);
  }
  params.invalid = check.word<Invalid>(
      "invalid", options.invalid,
      {{"keep", Invalid::kKeep}, {"zero", Invalid::kZero}, {"minus_one", Invalid::kMinusOne}});
  params.nan = check.word<NanPlace>("nan", options.nan,
                                    {{"nan", NanPlace::kNan},
                                     {"invalid", NanPlace::kInvalid},
                                     {"position", NanPlace::kPosition}});
  check.value(params.nan != NanPlace::kInvalid || params.invalid != Invalid::kKeep, "nan",
              "'nan' or 'position' with invalid 'keep'", "'invalid'");
  params.suppress = options.suppress;
  params.add = options.add_half ? 0.5 : 0;
  params.shift = shift;
  params.heatmaps = HeatmapsView(heatmaps);
  params.coords = static_cast<float*>(coords.data);
  params.scores = static_cast<float*>(scores.data);
  params.batch = batch;
  params.num_joints = num_joints;
  params.height = heatmaps.shape[2];
  params.width = heatmaps.shape[3];
  params.threads = threads;
  return params;
}

void decode_heatmaps(const TensorView& heatmaps, const TensorView& coords, const TensorView& scores,
                     const std::optional<TensorView>& covariance,
                     const std::optional<TensorView>& flipped,
                     const std::vector<std::int64_t>& pairs, bool shift,
                     const HeatmapDecodeOptions& options, const TaylorOptions& taylor,
                     int threads) {
  Checker check("decode_heatmaps");
  const HeatmapDecodeParams params = heatmap_decode_params(
      check, heatmaps, coords, scores, covariance, flipped, pairs, shift, options, taylor, threads);
  dispatch_heatmap(heatmaps.dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    check.run([&] { cpu::decode_heatmaps<T>(params); },
              [&](const Stream& stream) { return cuda::decode_heatmaps<T>(params, stream); });
  });
}

}  // namespace lowerpose
