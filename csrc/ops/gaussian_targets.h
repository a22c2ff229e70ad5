// Gaussian target heatmaps from joints.
#pragma once

#include <cstdint>
#include <string>

#include "core/scalar_reader.h"
#include "core/tensor_view.h"

namespace lowerpose {

enum class Center {
  kExact,  // the joint itself
  kRound,  // trunc(x + 0.5), computed in the joints' own precision
};

enum class Window {
  kFull,        // the whole map
  kThreeSigma,  // columns trunc(c - 3 sigma) up to, not including, trunc(c + 3 sigma + 1); rows too
};

struct GaussianTargetsParams {
  ScalarReader joints;   // [B, K, 2], (x, y) in heatmap pixels
  ScalarReader visible;  // [B, K] or [B, K, 1]
  void* targets;         // [B, K, H, W], contiguous
  float* weights;        // [B, K], contiguous
  std::int64_t batch, num_joints, height, width;
  double sigma;  // in heatmap pixels
  Center center;
  Window window;
  bool float32_joints;  // round in float32, as code on float32 joints does
  int threads;
};

// A joint is drawn with weight 1 when it is visible (>= 0.5) and its coordinates are finite and at
// most 2^30 in size; otherwise its map and weight are 0. A drawn joint keeps weight 1 when it lies
// outside the map. Values below the smallest normal number of the output type become 0.
void gaussian_targets(const TensorView& joints, const TensorView& visible,
                      const TensorView& targets, const TensorView& weights, double sigma,
                      const std::string& center, const std::string& window, int threads);

namespace cpu {
template <class T>
void gaussian_targets(const GaussianTargetsParams& params);
}

}  // namespace lowerpose
