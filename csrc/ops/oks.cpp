#include "ops/oks.h"

#include <algorithm>
#include <string>

#include "core/check.h"

namespace lowerpose {
namespace {

void fill_sigmas(Checker& check, const std::optional<TensorView>& sigmas,
                 const std::vector<double>& values, OksParams& params) {
  params.has_sigmas = sigmas.has_value();
  if (sigmas) {
    check.tensor("sigmas", *sigmas);
    check.shape("sigmas", *sigmas, "[K]", {params.num_joints});
    params.sigmas = ScalarReader(*sigmas);
    return;
  }
  const auto count = static_cast<std::int64_t>(values.size());
  check.value(count == params.num_joints, "sigmas",
              "as many numbers as there are joints, " + std::to_string(params.num_joints),
              std::to_string(count));
  check.value(count <= kMaxHostSigmas, "sigmas",
              "a tensor on the device for more than " + std::to_string(kMaxHostSigmas) + " joints",
              std::to_string(count) + " numbers of the host");
  for (const double sigma : values) {
    check.value(sigma > 0 && sigma <= DBL_MAX, "sigmas", "positive and finite", sigma);
  }
  std::copy(values.begin(), values.end(), params.sigma_values);
}

// [N, size], or [N, size, joints] for joints > 0.
ScalarReader one_each(Checker& check, const char* argument, const TensorView& view,
                      const char* layout, std::int64_t batch, std::int64_t size,
                      std::int64_t joints = kAny) {
  check.tensor(argument, view);
  if (joints == kAny) {
    check.shape(argument, view, layout, {batch, size});
  } else {
    check.shape(argument, view, layout, {batch, size, joints});
  }
  return ScalarReader(view);
}

}  // namespace

void oks(const TensorView& pred, const TensorView& gt, const TensorView& visible,
         const TensorView& area, const std::optional<TensorView>& sigmas,
         const std::vector<double>& sigma_values, const std::optional<TensorView>& pred_visible,
         const std::optional<TensorView>& pred_area, const std::optional<TensorView>& box,
         const OksOptions& options, const TensorView& similarity, int threads) {
  Checker check("oks");
  OksParams params = {};
  check.tensor("pred", pred);
  check.shape("pred", pred, "[N, D, K, 2]", {kAny, kAny, kAny, 2});
  params.batch = pred.shape[0];
  params.detections = pred.shape[1];
  params.num_joints = pred.shape[2];
  check.tensor("gt", gt);
  check.shape("gt", gt, "[N, G, K, 2]", {params.batch, kAny, params.num_joints, 2});
  params.persons = gt.shape[1];
  params.pred = ScalarReader(pred);
  params.gt = ScalarReader(gt);
  params.visible = one_each(check, "visible", visible, "[N, G, K]", params.batch, params.persons,
                            params.num_joints);
  params.area = one_each(check, "area", area, "[N, G]", params.batch, params.persons);
  fill_sigmas(check, sigmas, sigma_values, params);
  params.has_pred_visible = pred_visible.has_value();
  if (pred_visible) {
    params.pred_visible = one_each(check, "pred_visible", *pred_visible, "[N, D, K]", params.batch,
                                   params.detections, params.num_joints);
  }
  params.has_pred_area = pred_area.has_value();
  if (pred_area) {
    params.pred_area =
        one_each(check, "pred_area", *pred_area, "[N, D]", params.batch, params.detections);
  }
  params.eps = options.eps;
  check.value(options.eps >= 0 && options.eps <= DBL_MAX, "eps", "finite and not negative",
              options.eps);
  params.no_visible = check.word<NoVisible>(
      "no_visible", options.no_visible,
      {{"nan", NoVisible::kNan}, {"zero", NoVisible::kZero}, {"box", NoVisible::kBox}});
  params.over_all =
      check.word<bool>("divide_by", options.divide_by, {{"visible", false}, {"joints", true}});
  check.value(
      box.has_value() == (params.no_visible == NoVisible::kBox), "bbox",
      "given with no_visible='box' and left out otherwise",
      (box ? "one with no_visible='" : "None with no_visible='") + options.no_visible + "'");
  if (box) {
    params.box = one_each(check, "bbox", *box, "[N, G, 4]", params.batch, params.persons, 4);
  }
  check.output("similarity", similarity);
  check.dtype("similarity", similarity, {DType::kFloat64});
  check.shape("similarity", similarity, "[N, D, G]",
              {params.batch, params.detections, params.persons});
  params.similarity = static_cast<double*>(similarity.data);
  params.threads = threads;
  check.run([&] { cpu::oks(params); },
            [&](const Stream& stream) { return cuda::oks(params, stream); });
}

}  // namespace lowerpose
