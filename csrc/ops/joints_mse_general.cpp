#include "ops/joints_mse_general.h"

#include <cmath>

#include "core/check.h"
#include "core/dispatch.h"
#include "core/scratch.h"

namespace lowerpose {
namespace {

constexpr auto kAll = JointsMSEGroups::kAll;
constexpr auto kSample = JointsMSEGroups::kSample;
constexpr auto kJoint = JointsMSEGroups::kJoint;
constexpr auto kPixel = JointsMSEGroups::kPixel;
constexpr auto kHardest = JointsMSEGroups::kHardest;

const char* operation_of(const std::string& reduction) {
  return reduction == "hardest" ? "joints_ohkm_mse_loss" : "joints_mse_loss";
}

void check_maps(Checker& check, const char* argument, const TensorView& maps,
                const TensorView& output, const char* layout) {
  check.tensor(argument, maps);
  check.dtype(argument, maps, kHeatmapDTypes);
  check.shape(argument, maps, layout,
              {output.shape[0], output.shape[1], output.shape[2], output.shape[3]});
}

// Reads `view`, whose axis i is axis axes[i] of [B, K, H, W], as if it had all four. Axes that it
// has not, or has one of, are read in place.
ScalarReader spread(const TensorView& view, std::initializer_list<int> axes) {
  TensorView four = view;
  four.ndim = 4;
  four.strides[0] = four.strides[1] = four.strides[2] = four.strides[3] = 0;
  const std::int64_t* size = view.shape;
  const std::int64_t* stride = view.strides;
  for (const int axis : axes) {
    four.strides[axis] = *size == 1 ? 0 : *stride;
    ++size;
    ++stride;
  }
  return ScalarReader(four);
}

void fill(Checker& check, const TensorView& output, const TensorView& target,
          const std::optional<TensorView>& weight, const std::optional<TensorView>& mask,
          bool squared_weight, const std::string& reduction, int threads,
          JointsMSEGeneralParams& params) {
  check.tensor("output", output);
  check.dtype("output", output, kHeatmapDTypes);
  check.shape("output", output, "[B, K, H, W]", {kAny, kAny, kAny, kAny});
  check_maps(check, "target", target, output, "[B, K, H, W] like output");
  const std::int64_t batch = output.shape[0], num_joints = output.shape[1];
  const std::int64_t height = output.shape[2], width = output.shape[3];
  params.map_weighted = params.pixel_weighted = false;
  if (weight) {
    check.tensor("target_weight", *weight);
    params.pixel_weighted = weight->ndim == 4;
    params.map_weighted = !params.pixel_weighted;
    if (params.pixel_weighted) {
      check.shape("target_weight", *weight, "[B, K, H, W]", {batch, num_joints, height, width});
    } else {
      check.per_map("target_weight", *weight, batch, num_joints);
    }
    params.weight = ScalarReader(*weight);
  }
  params.masked = mask.has_value();
  if (mask) {
    check.tensor("mask", *mask);
    const bool shared = mask->ndim == 4 && mask->shape[1] == 1;
    check.shape("mask", *mask, shared ? "[B, 1, H, W]" : "[B, K, H, W] or [B, 1, H, W]",
                {batch, shared ? 1 : num_joints, height, width});
    params.mask = spread(*mask, {0, 1, 2, 3});
  }
  params.output = HeatmapsView(output);
  params.target = HeatmapsView(target);
  params.output_values = ScalarReader(output);
  params.target_values = ScalarReader(target);
  params.squared_weight = squared_weight;
  params.groups = check.word<JointsMSEGroups>("reduction", reduction,
                                              {{"mean", kAll},
                                               {"sum", kAll},
                                               {"per_sample", kSample},
                                               {"per_joint", kJoint},
                                               {"none", kPixel},
                                               {"hardest", kHardest}});
  params.batch = batch;
  params.num_joints = num_joints;
  params.height = height;
  params.width = width;
  params.threads = threads;
}

// One number a group: [], [B] or [K]; or one a pixel.
void check_groups(Checker& check, const char* argument, const TensorView& numbers,
                  const JointsMSEGeneralParams& p) {
  if (p.groups == kPixel) {
    check.shape(argument, numbers, "[B, K, H, W]", {p.batch, p.num_joints, p.height, p.width});
  } else if (p.groups == kSample) {
    check.shape(argument, numbers, "[B]", {p.batch});
  } else if (p.groups == kJoint) {
    check.shape(argument, numbers, "[K]", {p.num_joints});
  } else {
    check.shape(argument, numbers, "one number", {});
  }
}

ScalarReader spread_groups(const TensorView& numbers, JointsMSEGroups groups) {
  if (groups == kPixel) return spread(numbers, {0, 1, 2, 3});
  if (groups == kSample) return spread(numbers, {0});
  if (groups == kJoint) return spread(numbers, {1});
  return spread(numbers, {});
}

JointsMSEDivisor divisor_of(Checker& check, const JointsMSEGeneralOptions& options) {
  const auto divisor = check.word<JointsMSEDivisor>("denominator", options.denominator,
                                                    {{"all", JointsMSEDivisor::kElements},
                                                     {"weighted", JointsMSEDivisor::kWeighted},
                                                     {"visible", JointsMSEDivisor::kVisible}});
  const bool divides = options.reduction != "sum" && options.reduction != "none";
  const bool alone = options.reduction == "hardest" || !divides;
  check.value(!alone || divisor == JointsMSEDivisor::kElements, "denominator",
              "'all' with this reduction", options.denominator);
  return divides ? divisor : JointsMSEDivisor::kNone;
}

}  // namespace

void joints_mse_general(const TensorView& output, const TensorView& target,
                        const std::optional<TensorView>& weight,
                        const std::optional<TensorView>& mask, const TensorView& loss,
                        const std::optional<TensorView>& scales,
                        const std::optional<TensorView>& sums,
                        const std::optional<TensorView>& ticket,
                        const JointsMSEGeneralOptions& options, int threads) {
  Checker check(operation_of(options.reduction));
  JointsMSEGeneralForwardParams params;
  fill(check, output, target, weight, mask, options.squared_weight, options.reduction, threads,
       params);
  params.divisor = divisor_of(check, options);
  check.value(std::isfinite(options.loss_weight), "loss_weight", "finite", options.loss_weight);
  if (params.groups == kHardest && (options.topk < 1 || options.topk > params.num_joints)) {
    check.value(false, "topk",
                "from 1 to the number of joints, " + std::to_string(params.num_joints),
                std::to_string(options.topk));
  }
  const bool is_double = output.dtype == DType::kFloat64 || target.dtype == DType::kFloat64;
  check.writable("loss", loss);
  check.dtype("loss", loss, {is_double ? DType::kFloat64 : DType::kFloat32});
  check_groups(check, "loss", loss, params);
  if (params.groups == kPixel) {
    params.losses = HeatmapsView(loss);
  } else {
    check.output("loss", loss);
  }
  const std::int64_t batch = params.batch, num_joints = params.num_joints;
  const Scratch own_scales(check, "scales", scales, "[B, K]", {batch, num_joints});
  const Scratch own_sums(check, "sums", sums, "[B, K, 3]", {batch, num_joints, kJointsMSESums});
  params.scales = own_scales.data();
  params.sums = own_sums.data();
  params.ticket = nullptr;
  check.value(ticket || check.on_cpu(), "ticket", "a tensor where the kernel runs on a GPU",
              "None");
  if (ticket) {
    check.packed_output("ticket", *ticket, DType::kInt64, "[1]", {1});
    params.ticket = data_of<std::int64_t>(*ticket);
  }
  params.skip_empty = options.skip_empty;
  params.topk = options.topk;
  params.scale = options.loss_weight;
  params.loss = loss.data;
  check.run(
      [&] {
        dispatch_heatmap(output.dtype, [&](auto output_tag) {
          dispatch_heatmap(target.dtype, [&](auto target_tag) {
            cpu::joints_mse_general<typename decltype(output_tag)::type,
                                    typename decltype(target_tag)::type>(params);
          });
        });
      },
      [&](const Stream& stream) {
        return is_double ? cuda::joints_mse_general<double>(params, stream)
                         : cuda::joints_mse_general<float>(params, stream);
      });
}

void joints_mse_general_backward(const TensorView& incoming, const TensorView& output,
                                 const TensorView& target, const std::optional<TensorView>& weight,
                                 const std::optional<TensorView>& mask, const TensorView& scales,
                                 const TensorView& gradient, bool squared_weight,
                                 const std::string& reduction, int threads) {
  Checker check(operation_of(reduction));
  JointsMSEGeneralBackwardParams params;
  fill(check, output, target, weight, mask, squared_weight, reduction, threads, params);
  check.tensor("incoming", incoming);
  check_groups(check, "incoming", incoming, params);
  check.packed("scales", scales, DType::kFloat64, "[B, K]", {params.batch, params.num_joints});
  // The face makes it with output's own strides, so that a channels_last map stays one.
  check.writable("gradient", gradient);
  check.dtype("gradient", gradient, {output.dtype});
  check_maps(check, "gradient", gradient, output, "[B, K, H, W] like output");
  params.incoming = spread_groups(incoming, params.groups);
  params.scales = ScalarReader(scales);
  params.gradient = HeatmapsView(gradient);
  const bool is_double = output.dtype == DType::kFloat64 || target.dtype == DType::kFloat64;
  check.run(
      [&] {
        dispatch_heatmap(output.dtype, [&](auto output_tag) {
          dispatch_heatmap(target.dtype, [&](auto target_tag) {
            cpu::joints_mse_general_backward<typename decltype(output_tag)::type,
                                             typename decltype(target_tag)::type>(params);
          });
        });
      },
      [&](const Stream& stream) {
        const char* error = nullptr;
        dispatch_heatmap(output.dtype, [&](auto output_tag) {
          using O = typename decltype(output_tag)::type;
          error = is_double ? cuda::joints_mse_general_backward<O, double>(params, stream)
                            : cuda::joints_mse_general_backward<O, Arithmetic<O>>(params, stream);
        });
        return error;
      });
}

}  // namespace lowerpose
