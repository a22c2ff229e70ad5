// The weighted mean squared error between heatmaps, and its gradient.
#pragma once

#include <cstdint>
#include <optional>

#include "core/heatmaps_view.h"
#include "core/scalar_reader.h"
#include "core/tensor_view.h"

namespace lowerpose {

// loss = scale * sum over b, k of weight[b, k] * sum over pixels of (output - target)^2
struct JointsMSEParams {
  HeatmapsView output, target;
  ScalarReader weight;  // [B, K] or [B, K, 1]
  bool weighted;        // otherwise every weight is 1
  std::int64_t batch, num_joints, height, width;
  double scale;
  int threads;
};

struct JointsMSEForwardParams : JointsMSEParams {
  void* loss;        // one number of the heatmaps' type
  double* partials;  // [B, K]: one sum a map, added in a fixed order whatever the threads
};

// gradient = 2 * scale * incoming * weight * (output - target): the gradient with respect to
// `output`. Exchange output and target for the gradient with respect to `target`.
struct JointsMSEBackwardParams : JointsMSEParams {
  ScalarReader incoming;  // one number
  HeatmapsView gradient;
};

// `loss_weight` / (B K H W) is the scale; an empty batch has loss 0.
void joints_mse(const TensorView& output, const TensorView& target,
                const std::optional<TensorView>& weight, const TensorView& loss,
                const TensorView& partials, double loss_weight, int threads);

void joints_mse_backward(const TensorView& incoming, const TensorView& output,
                         const TensorView& target, const std::optional<TensorView>& weight,
                         const TensorView& gradient, double loss_weight, int threads);

namespace cpu {
template <class T>
void joints_mse(const JointsMSEForwardParams& params);
template <class T>
void joints_mse_backward(const JointsMSEBackwardParams& params);
}  // namespace cpu

}  // namespace lowerpose
