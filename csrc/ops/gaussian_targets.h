// Gaussian target heatmaps from joints.
#pragma once

#include <cstdint>
#include <string>

#include "core/scalar_reader.h"
#include "core/tensor_view.h"

namespace lowerpose {

enum class Center {
  kExact,         // the joint itself
  kRound,         // trunc(x + 0.5), in float for float32 joints, else in double
  kRoundFloat64,  // the same in double
};

enum class Window {
  kFull,        // the whole map
  kThreeSigma,  // columns trunc(c - 3 sigma) up to, not including, trunc(c + 3 sigma + 1); rows too
  // The same window, with the peak floor(3 sigma + 0.5) pixels from its first column and row: not
  // at c where 3 sigma is no integer.
  kThreeSigmaFromEdge,
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
  bool half_is_visible;      // drawn where visible >= 0.5, else where > 0.5
  bool copy_weight;          // the weight is `visible` itself, else 1 where drawn and 0 elsewhere
  bool zero_weight_outside;  // the weight is 0 where the window ends before pixel 0 (its end is
                             // negative) or begins beyond the last one
  bool float32_joints;
  int threads;
};

// What a preset fixes, in words; the front door refuses other words.
struct GaussianTargetsOptions {
  std::string center;   // "exact", "round", "round_float64"
  std::string window;   // "full", "three_sigma", "three_sigma_from_edge"
  std::string visible;  // ">=", ">": than 0.5
  std::string weight;   // "binary", "copy"
  std::string outside;  // "keep", "zero": the weight of a joint whose window misses the map
};

// A joint whose coordinates are not finite, or beyond 2^30 in size, has weight 0 and an empty map,
// and so has one whose visibility is not finite. Float and double values below the smallest normal
// number of their type become 0.
void gaussian_targets(const TensorView& joints, const TensorView& visible,
                      const TensorView& targets, const TensorView& weights, double sigma,
                      const GaussianTargetsOptions& options, int threads);

namespace cpu {
template <class T>
void gaussian_targets(const GaussianTargetsParams& params);
}

}  // namespace lowerpose
