// The mean squared error between heatmaps with everything that ops/joints_mse.h leaves out: factors
// for each pixel, other denominators and reductions, and the hardest joints of each sample.
#pragma once

#include <cmath>
#include <cstdint>
#include <optional>
#include <string>

#include "core/heatmaps_view.h"
#include "core/host_device.h"
#include "core/scalar_reader.h"
#include "core/tensor_view.h"
#include "ops/hardest_joints.h"
#include "ops/joints_mse.h"

namespace lowerpose {

// What a loss is made of: all maps, those of a sample, those of a joint, a single pixel, or the
// `topk` maps of each sample that have the largest loss.
enum class JointsMSEGroups { kAll, kSample, kJoint, kPixel, kHardest };

// What a group's sum is divided by: nothing, its elements, the sum of their factors, or how many
// factors are not 0.
enum class JointsMSEDivisor { kNone, kElements, kWeighted, kVisible };

// An element's factor is map_factor(b, k) * pixel_factor(b, k, y, x).
struct JointsMSEGeneralParams {
  HeatmapsView output, target;                // for loops that know their types
  ScalarReader output_values, target_values;  // the same, for kernels that do not
  ScalarReader weight;                        // [B, K], [B, K, 1] or [B, K, H, W]
  ScalarReader mask;                          // [B, 1 or K, H, W]
  bool map_weighted, pixel_weighted, masked;  // else there is no such factor
  bool squared_weight;                        // the weight squared; the mask never is
  JointsMSEGroups groups;
  std::int64_t batch, num_joints, height, width;
  int threads;
};

struct JointsMSEGeneralForwardParams : JointsMSEGeneralParams {
  JointsMSEDivisor divisor;
  bool skip_empty;       // maps whose target is 0 everywhere have factor 0
  std::int64_t topk;     // for kHardest
  double scale;          // on the whole loss
  void* loss;            // one number a group, not for kPixel: double where a map is, else float
  HeatmapsView losses;   // of the same type, for kPixel
  double* scales;        // [B, K]: what makes of sums over maps the loss, and the gradient's factor
  double* sums;          // [B, K, 3], see JointsMSESum
  std::int64_t* ticket;  // for a GPU: 0 when the kernel starts
};

// gradient = 2 * scales * incoming * pixel_factor * (output - target): the gradient with respect to
// `output`. Exchange output and target for the gradient with respect to `target`.
struct JointsMSEGeneralBackwardParams : JointsMSEGeneralParams {
  ScalarReader incoming;  // [B, K, H, W], stride 0 where one number is for several elements
  ScalarReader scales;    // [B, K], from the forward pass
  HeatmapsView gradient;  // of output's type
};

struct JointsMSEGeneralOptions {
  bool squared_weight;  // w^2 instead of w
  std::string reduction;
  std::string denominator;
  bool skip_empty;
  std::int64_t topk;
  double loss_weight;
};

// Sums over a map, each with the map's own factor.
enum JointsMSESum { kLossSum, kFactorSum, kVisibleSum, kJointsMSESums };

inline bool joints_mse_by_pixel(const JointsMSEGeneralParams& p) {
  return p.pixel_weighted || p.masked || p.groups == JointsMSEGroups::kPixel;
}

LOWERPOSE_HOST_DEVICE inline double joints_mse_map_factor(const JointsMSEGeneralParams& p,
                                                          std::int64_t b, std::int64_t k) {
  const double weight = p.map_weighted ? p.weight(b, k) : 1.0;
  return p.squared_weight ? weight * weight : weight;
}

LOWERPOSE_HOST_DEVICE inline double joints_mse_pixel_factor(const JointsMSEGeneralParams& p,
                                                            std::int64_t b, std::int64_t k,
                                                            std::int64_t y, std::int64_t x) {
  double factor = p.pixel_weighted ? p.weight(b, k, y, x) : 1.0;
  if (p.squared_weight) factor *= factor;
  return p.masked ? factor * p.mask(b, k, y, x) : factor;
}

// Keeps a map's sums, and its factor as its scale; the sums are without that factor yet.
LOWERPOSE_HOST_DEVICE inline void joints_mse_keep(const JointsMSEGeneralForwardParams& p,
                                                  std::int64_t map, double map_factor, double loss,
                                                  double factors, double visible) {
  double* const sums = p.sums + map * kJointsMSESums;
  sums[kLossSum] = joints_mse_weighted(map_factor, loss);
  sums[kFactorSum] = joints_mse_weighted(map_factor, factors);
  sums[kVisibleSum] = map_factor == 0 ? 0.0 : visible;
  p.scales[map] = map_factor;
}

// The maps of a group: `count` of them, `step` apart.
struct JointsMSEGroup {
  std::int64_t first, count, step;
  LOWERPOSE_HOST_DEVICE std::int64_t map(std::int64_t i) const { return first + i * step; }
};

LOWERPOSE_HOST_DEVICE inline std::int64_t joints_mse_group_count(const JointsMSEGeneralParams& p) {
  if (p.groups == JointsMSEGroups::kSample) return p.batch;
  return p.groups == JointsMSEGroups::kJoint ? p.num_joints : 1;
}

LOWERPOSE_HOST_DEVICE inline JointsMSEGroup joints_mse_group(const JointsMSEGeneralParams& p,
                                                             std::int64_t group) {
  if (p.groups == JointsMSEGroups::kSample) return {group * p.num_joints, p.num_joints, 1};
  if (p.groups == JointsMSEGroups::kJoint) return {group, p.batch, p.num_joints};
  return {0, p.batch * p.num_joints, 1};
}

// What a group's loss is multiplied by; 0 where there is nothing to divide by.
LOWERPOSE_HOST_DEVICE inline double joints_mse_group_scale(const JointsMSEGeneralForwardParams& p,
                                                           std::int64_t maps, double factors,
                                                           double visible) {
  double divisor = 1;
  if (p.divisor == JointsMSEDivisor::kElements) {
    divisor = static_cast<double>(maps * p.height * p.width);
  } else if (p.divisor == JointsMSEDivisor::kWeighted) {
    divisor = factors;
  } else if (p.divisor == JointsMSEDivisor::kVisible) {
    divisor = visible;
  }
  return divisor == 0 ? 0.0 : p.scale / divisor;
}

// The factors' sums are not needed here: the hardest maps' are written in their place.
LOWERPOSE_HOST_DEVICE inline HardestJoints hardest_joints(const JointsMSEGeneralForwardParams& p) {
  return {p.sums + kLossSum, kJointsMSESums,     p.scales, p.batch,
          p.num_joints,      p.height * p.width, p.topk,   p.scale};
}

// reduction: "mean", "sum", "per_sample", "per_joint", "none" or "hardest". An empty group has loss
// 0. `sums` is [B, K, 3] float64, `scales` [B, K] float64 and `ticket` [1] int64. On the CPU all
// three may be left out: the scales where no gradient will be asked for.
void joints_mse_general(const TensorView& output, const TensorView& target,
                        const std::optional<TensorView>& weight,
                        const std::optional<TensorView>& mask, const TensorView& loss,
                        const std::optional<TensorView>& scales,
                        const std::optional<TensorView>& sums,
                        const std::optional<TensorView>& ticket,
                        const JointsMSEGeneralOptions& options, int threads);

// A weight of [B, K] is in the scales already.
void joints_mse_general_backward(const TensorView& incoming, const TensorView& output,
                                 const TensorView& target, const std::optional<TensorView>& weight,
                                 const std::optional<TensorView>& mask, const TensorView& scales,
                                 const TensorView& gradient, bool squared_weight,
                                 const std::string& reduction, int threads);

namespace cpu {
template <class Output, class Target>
void joints_mse_general(const JointsMSEGeneralForwardParams& params);
template <class Output, class Target>
void joints_mse_general_backward(const JointsMSEGeneralBackwardParams& params);
}  // namespace cpu
namespace cuda {
// `Number` is what the arithmetic is in.
template <class Number>
const char* joints_mse_general(const JointsMSEGeneralForwardParams& params, const Stream& stream);
template <class Output, class Number>
const char* joints_mse_general_backward(const JointsMSEGeneralBackwardParams& params,
                                        const Stream& stream);
}  // namespace cuda

}  // namespace lowerpose
