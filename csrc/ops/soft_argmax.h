// The mean place of the softmax of a heatmap, and its gradients.
#pragma once

#include <cfloat>
#include <cmath>
#include <cstdint>
#include <optional>

#include "core/heatmaps_view.h"
#include "core/host_device.h"
#include "core/scalar_reader.h"
#include "core/tensor_view.h"

namespace lowerpose {

// p = softmax(beta * heatmap) over the pixels of a map; x = sum of p * column, y = sum of p * row.
struct SoftArgmaxParams {
  HeatmapsView heatmaps;  // [B, K, H, W]
  ScalarReader beta;      // read at k, with stride 0 where it is one number for all joints
  bool has_beta;          // otherwise beta_value is that of every joint
  double beta_value;
  bool normalized;  // 0 to W - 1 becomes -1 to 1, and 0 to H - 1 likewise
  // [B, K, 4]: for each map x and y in pixels, the largest signed value, and the sum of
  // exp(|beta| * (signed value - largest)). A signed value is the pixel, or -pixel if beta < 0.
  double* state;
  std::int64_t batch, num_joints, height, width;
  int threads;
};

struct SoftArgmaxForwardParams : SoftArgmaxParams {
  void* coords;  // [B, K, 2], (x, y): double for double heatmaps, else float
};

struct SoftArgmaxBackwardParams : SoftArgmaxParams {
  ScalarReader incoming;  // [B, K, 2]
  HeatmapsView gradient;  // of the heatmaps' type; without memory if it is not wanted
  void* beta_gradient;    // one number, or [K]; null if it is not wanted
  bool beta_gradient_is_double;
  bool beta_per_joint;
  double* scratch;  // a counter and one partial sum a map, if beta's gradient is wanted
};

LOWERPOSE_HOST_DEVICE inline double soft_argmax_beta(const SoftArgmaxParams& p, std::int64_t k) {
  return p.has_beta ? p.beta(k) : p.beta_value;
}

// How pixels become exponents: |beta| * (sign * pixel - largest), which is 0 at most.
template <class C>
struct Sharpness {
  C sign, size;
};

// A finite beta stays finite as a float: infinity times the 0 of the largest pixel would be NaN.
template <class C>
LOWERPOSE_HOST_DEVICE inline Sharpness<C> sharpness_of(double beta) {
  const double limit = sizeof(C) == sizeof(float) ? double{FLT_MAX} : DBL_MAX;
  const double size = std::fabs(beta);
  const bool beyond = size > limit && size <= DBL_MAX;
  return {static_cast<C>(beta < 0 ? -1 : 1), static_cast<C>(beyond ? limit : size)};
}

// What is subtracted before the exponential: the largest value, if there is a value at all.
template <class C>
LOWERPOSE_HOST_DEVICE inline C softmax_base(C largest) {
  return largest == -static_cast<C>(HUGE_VAL) ? static_cast<C>(0) : largest;
}

// What a pixel step is in the coordinates' unit. A single column or row is at -1, so is NaN at NaN.
LOWERPOSE_HOST_DEVICE inline double soft_argmax_unit(bool normalized, std::int64_t size) {
  if (!normalized) return 1;
  return size > 1 ? 2.0 / static_cast<double>(size - 1) : 0.0;
}

// From the sums over a map: of the exponentials, and of their products with column and row. A map
// without a finite value gives 0 / 0, which is NaN.
template <class C>
LOWERPOSE_HOST_DEVICE inline void write_soft_argmax(const SoftArgmaxForwardParams& p,
                                                    std::int64_t index, C largest, double total,
                                                    double sum_x, double sum_y) {
  double* const state = p.state + 4 * index;
  state[0] = sum_x / total;
  state[1] = sum_y / total;
  state[2] = static_cast<double>(largest);
  state[3] = total;
  C* const coords = static_cast<C*>(p.coords) + 2 * index;
  const double origin = p.normalized ? -1.0 : 0.0;
  coords[0] = static_cast<C>(state[0] * soft_argmax_unit(p.normalized, p.width) + origin);
  coords[1] = static_cast<C>(state[1] * soft_argmax_unit(p.normalized, p.height) + origin);
}

// The gradient of one map with respect to a pixel at (column, row) with exponential e is
// factor * e * pull, where pull = to_x * (column - x) + to_y * (row - y). x is kept as an integer,
// which is subtracted exactly, and the rest; so is y.
template <class C>
struct SoftArgmaxSlope {
  Sharpness<C> sharpness;
  C base;
  C near_x, rest_x, near_y, rest_y;
  C to_x, to_y;
  C factor;            // beta / total
  double beta_factor;  // what the sum of e * exponent / |beta| * pull is multiplied by

  SoftArgmaxSlope() = default;
  LOWERPOSE_HOST_DEVICE SoftArgmaxSlope(const SoftArgmaxBackwardParams& p, std::int64_t b,
                                        std::int64_t k) {
    const double* const state = p.state + 4 * (b * p.num_joints + k);
    const double x = rint(state[0]), y = rint(state[1]);
    sharpness = sharpness_of<C>(soft_argmax_beta(p, k));
    base = softmax_base(static_cast<C>(state[2]));
    near_x = static_cast<C>(x);
    near_y = static_cast<C>(y);
    rest_x = static_cast<C>(state[0] - x);
    rest_y = static_cast<C>(state[1] - y);
    to_x = static_cast<C>(p.incoming(b, k, 0) * soft_argmax_unit(p.normalized, p.width));
    to_y = static_cast<C>(p.incoming(b, k, 1) * soft_argmax_unit(p.normalized, p.height));
    factor = static_cast<C>(static_cast<double>(sharpness.sign * sharpness.size) / state[3]);
    beta_factor = static_cast<double>(sharpness.sign) / state[3];
  }
};

// coords: [B, K, 2]. state: [B, K, 4], kept for the backward pass.
void soft_argmax(const TensorView& heatmaps, const std::optional<TensorView>& beta,
                 double beta_value, bool normalized, const TensorView& coords,
                 const TensorView& state, int threads);

// gradient: like heatmaps, or absent. beta_gradient: [1], or [K] like beta, or absent, with scratch
// of 1 + B * K numbers.
void soft_argmax_backward(const TensorView& incoming, const TensorView& heatmaps,
                          const std::optional<TensorView>& beta, double beta_value, bool normalized,
                          const TensorView& state, const std::optional<TensorView>& gradient,
                          const std::optional<TensorView>& beta_gradient,
                          const std::optional<TensorView>& scratch, int threads);

namespace cpu {
template <class T>
void soft_argmax(const SoftArgmaxForwardParams& params);
template <class T>
void soft_argmax_backward(const SoftArgmaxBackwardParams& params);
}  // namespace cpu
namespace cuda {
template <class T>
const char* soft_argmax(const SoftArgmaxForwardParams& params, const Stream& stream);
template <class T>
const char* soft_argmax_backward(const SoftArgmaxBackwardParams& params, const Stream& stream);
}  // namespace cuda

}  // namespace lowerpose
