// The weighted mean squared error between heatmaps, and its gradient.
#pragma once

#include <cmath>
#include <cstdint>
#include <optional>

#include "core/heatmaps_view.h"
#include "core/host_device.h"
#include "core/scalar_reader.h"
#include "core/tensor_view.h"

namespace lowerpose {

// loss = scale * sum over b, k of factor(b, k) * sum over pixels of (output - target)^2
struct JointsMSEParams {
  HeatmapsView output, target;  // their types may differ
  ScalarReader weight;          // [B, K] or [B, K, 1]
  bool weighted;                // otherwise every factor is 1
  bool squared_weight;          // the factor is the weight squared
  std::int64_t batch, num_joints, height, width;
  double scale;
  int threads;
};

struct JointsMSEForwardParams : JointsMSEParams {
  void* loss;             // one number: double where a map is, else float
  double* scratch;        // partial sums, which are added in a fixed order whatever the threads
  HeatmapsView gradient;  // of output's type; without memory if it is not wanted
};

// gradient = 2 * scale * incoming * factor * (output - target): the gradient with respect to
// `output`. Exchange output and target for the gradient with respect to `target`.
struct JointsMSEBackwardParams : JointsMSEParams {
  ScalarReader incoming;  // one number
  HeatmapsView gradient;  // of output's type
  bool unless_one;        // it is there already for an incoming gradient of 1
};

// What a preset fixes, and the caller's own factor, which is halved already under some.
struct JointsMSEOptions {
  bool squared_weight;  // w^2 instead of w
  bool mean;            // over all elements; else their sum
  double loss_weight;
};

// What the squared differences of one map are multiplied by.
LOWERPOSE_HOST_DEVICE inline double joints_mse_factor(const JointsMSEParams& p, std::int64_t b,
                                                      std::int64_t k) {
  const double weight = p.weighted ? p.weight(b, k) : 1.0;
  return p.squared_weight ? weight * weight : weight;
}

// What a map, or a part of one, adds to the loss. Without a difference that is nothing even under
// an infinite weight: it would be NaN, depending on how the map is divided into parts.
LOWERPOSE_HOST_DEVICE inline double joints_mse_weighted(double factor, double sum) {
  return sum == 0 && std::isinf(factor) ? 0.0 : factor * sum;
}

// A block of a GPU reads this many values of one map, or at most as many of an image whose maps are
// interleaved: whole pixels there, and whole vectors of up to 8 values.
inline constexpr std::int64_t kJointsMSEValuesPerBlock = 4096;
LOWERPOSE_HOST_DEVICE inline std::int64_t joints_mse_pixels_per_block(std::int64_t num_joints) {
  const std::int64_t pixels = kJointsMSEValuesPerBlock / (num_joints > 0 ? num_joints : 1);
  return pixels < 8 ? 8 : pixels / 8 * 8;
}

// How many doubles `scratch` has for these maps: one a map on the CPU, one a block and a counter on
// a GPU.
std::int64_t joints_mse_scratch(const TensorView& output);

// The scale is loss_weight / (B K H W), or without `mean` loss_weight; an empty
// batch has loss 0. With `gradient` (for an incoming gradient of 1) the maps are read only once for
// both. `scratch` may be left out on the CPU, whose memory is cheaper to have here than from torch.
void joints_mse(const TensorView& output, const TensorView& target,
                const std::optional<TensorView>& weight, const TensorView& loss,
                const std::optional<TensorView>& scratch, const std::optional<TensorView>& gradient,
                const JointsMSEOptions& options, int threads);

void joints_mse_backward(const TensorView& incoming, const TensorView& output,
                         const TensorView& target, const std::optional<TensorView>& weight,
                         const TensorView& gradient, bool unless_one,
                         const JointsMSEOptions& options, int threads);

namespace cpu {
template <class Output, class Target>
void joints_mse(const JointsMSEForwardParams& params);
template <class Output, class Target>
void joints_mse_backward(const JointsMSEBackwardParams& params);
}  // namespace cpu
namespace cuda {
template <class Output, class Target>
const char* joints_mse(const JointsMSEForwardParams& params, const Stream& stream);
template <class Output, class Target>
const char* joints_mse_backward(const JointsMSEBackwardParams& params, const Stream& stream);
}  // namespace cuda

}  // namespace lowerpose
