#include "ops/mpjpe.h"

#include <algorithm>
#include <utility>

#include "core/check.h"
#include "core/dispatch.h"

namespace lowerpose {
namespace {

MpjpeParams read_params(Checker& check, const TensorView& pred, const TensorView& gt,
                        const std::optional<TensorView>& mask, const MpjpeOptions& options) {
  MpjpeParams params = {};
  params.alignment = check.word<PoseAlignment>("align", options.alignment,
                                               {{"none", PoseAlignment::kNone},
                                                {"root", PoseAlignment::kRoot},
                                                {"scale", PoseAlignment::kScale},
                                                {"rigid", PoseAlignment::kRigid},
                                                {"procrustes", PoseAlignment::kProcrustes}});
  params.output = check.word<PoseOutput>("output", options.output,
                                         {{"mean", PoseOutput::kMean},
                                          {"errors", PoseOutput::kErrors},
                                          {"aligned", PoseOutput::kAligned}});
  check.value(params.output != PoseOutput::kAligned || rotates(params), "align",
              "'rigid' or 'procrustes' where the pose is asked for", options.alignment);
  check.tensor("pred", pred);
  check.dtype("pred", pred, kHeatmapDTypes);
  const bool flat = pred.ndim == 3 && pred.shape[2] == 2 && !rotates(params);
  params.dims = flat ? 2 : 3;
  check.shape("pred", pred, rotates(params) ? "[B, K, 3]" : "[B, K, 2] or [B, K, 3]",
              {kAny, kAny, params.dims});
  params.batch = pred.shape[0];
  params.num_joints = pred.shape[1];
  check.tensor("gt", gt);
  check.dtype("gt", gt, kHeatmapDTypes);
  check.shape("gt", gt, "pred's shape", {params.batch, params.num_joints, params.dims});
  params.has_mask = mask.has_value();
  if (mask) {
    check.tensor("mask", *mask);
    check.shape("mask", *mask, "[B, K]", {params.batch, params.num_joints});
    params.mask = ScalarReader(*mask);
  }
  const auto num_roots = static_cast<std::int64_t>(options.roots.size());
  const bool rooted = params.alignment == PoseAlignment::kRoot;
  check.value(rooted ? num_roots >= 1 && num_roots <= kMaxRoots : num_roots == 0, "root",
              rooted ? "from 1 to " + std::to_string(kMaxRoots) + " joints" : "left out",
              std::to_string(num_roots) + " joints");
  for (const std::int64_t root : options.roots) {
    check.value(root >= 0 && root < params.num_joints, "root",
                "indices of the " + std::to_string(params.num_joints) + " joints",
                std::to_string(root));
    params.roots[params.num_roots++] = root;
  }
  params.is_double = pred.dtype == DType::kFloat64 || gt.dtype == DType::kFloat64;
  params.pred = ScalarReader(pred);
  params.gt = ScalarReader(gt);
  return params;
}

// The shape of what is computed, and of its gradient.
void check_result(Checker& check, const char* argument, const TensorView& view,
                  const MpjpeParams& params) {
  if (params.output == PoseOutput::kMean) {
    check.shape(argument, view, "[]", {});
  } else if (params.output == PoseOutput::kErrors) {
    check.shape(argument, view, "[B, K]", {params.batch, params.num_joints});
  } else {
    check.shape(argument, view, "[B, K, D]", {params.batch, params.num_joints, params.dims});
  }
}

DType result_dtype(const MpjpeParams& params) {
  return params.is_double ? DType::kFloat64 : DType::kFloat32;
}

}  // namespace

void mpjpe(const std::string& operation, const TensorView& pred, const TensorView& gt,
           const std::optional<TensorView>& mask, const MpjpeOptions& options,
           const TensorView& result, const TensorView& totals, const TensorView& sums,
           const TensorView& ticket, int threads) {
  Checker check(operation.c_str());
  MpjpeParams params = read_params(check, pred, gt, mask, options);
  check.output("result", result);
  check.dtype("result", result, {result_dtype(params)});
  check_result(check, "result", result, params);
  check.packed_output("totals", totals, DType::kFloat64, "[2]", {2});
  check.packed_output(
      "sums", sums, DType::kFloat64, "[max(1, ceil(B / 128)), 2]",
      {std::max<std::int64_t>(1, (params.batch + kPosesPerSum - 1) / kPosesPerSum), 2});
  check.packed_output("ticket", ticket, DType::kInt64, "[1]", {1});
  params.result = result.data;
  params.totals = static_cast<double*>(totals.data);
  params.sums = static_cast<double*>(sums.data);
  params.ticket = static_cast<std::int64_t*>(ticket.data);
  params.threads = threads;
  check.run([&] { cpu::mpjpe(params); },
            [&](const Stream& stream) { return cuda::mpjpe(params, stream); });
}

void mpjpe_backward(const std::string& operation, const TensorView& incoming,
                    const TensorView& pred, const TensorView& gt,
                    const std::optional<TensorView>& mask, const MpjpeOptions& options,
                    const TensorView& totals, const TensorView& pred_gradient,
                    const TensorView& gt_gradient, int threads) {
  Checker check(operation.c_str());
  MpjpeParams params = read_params(check, pred, gt, mask, options);
  check.tensor("incoming", incoming);
  check_result(check, "incoming", incoming, params);
  check.packed("totals", totals, DType::kFloat64, "[2]", {2});
  for (const auto& [argument, view] :
       {std::pair("pred_gradient", &pred_gradient), std::pair("gt_gradient", &gt_gradient)}) {
    check.packed_output(argument, *view, result_dtype(params), "[B, K, D]",
                        {params.batch, params.num_joints, params.dims});
  }
  params.incoming = ScalarReader(incoming);
  params.totals = static_cast<double*>(totals.data);
  params.pred_gradient = pred_gradient.data;
  params.gt_gradient = gt_gradient.data;
  params.threads = threads;
  check.run([&] { cpu::mpjpe_backward(params); },
            [&](const Stream& stream) { return cuda::mpjpe_backward(params, stream); });
}

}  // namespace lowerpose
