// From heatmap pixels to image pixels: by the box that the heatmap shows, or by an affine matrix.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "core/host_device.h"
#include "core/scalar_reader.h"
#include "core/tensor_view.h"

namespace lowerpose {

class Checker;

enum class PixelConvention {
  kCorner,     // x = 0 is the box's left side, x = W its right side
  kUdp,        // x = 0 is the left side, x = W - 1 the right one
  kHalfPixel,  // x = -1/2 is the left side, x = W - 1/2 the right one
};

// What is computed: A x + t, or one of the two products that its derivatives are made of.
enum class ToImageMode { kAffine, kLinear, kTransposed };  // A x + t, A x, A^T x

struct ToImageParams {
  ScalarReader coords;  // [B, K, 2], (x, y)
  // [B, 2]: the middle of the box in image pixels, and its width and height in pixel_std of them.
  ScalarReader center, scale;
  ScalarReader matrix;   // [B, 2, 3]
  bool has_matrix;       // otherwise center and scale
  double columns, rows;  // of the heatmap: as many pixel steps as the box is wide and high
  double first;          // where the first pixel lies in the box, in pixel steps
  double pixel_std;
  bool x_only;  // a pixel step is as long downwards as it is to the right
  ToImageMode mode;
  void* out;  // [B, K, 2]
  bool out_is_double;
  std::int64_t batch, num_joints;
  int threads;
};

struct ImagePoint {
  double x, y;
};

// Along one axis: the heatmap's middle goes to the box's.
LOWERPOSE_HOST_DEVICE inline double box_to_image(const ToImageParams& p, double value, double step,
                                                 double steps, double center) {
  if (p.mode != ToImageMode::kAffine) return value * step;
  return center + ((value + p.first) - 0.5 * steps) * step;
}

// The axes of a box are apart: a NaN along one is none along the other.
LOWERPOSE_HOST_DEVICE inline ImagePoint to_image_point(const ToImageParams& p, std::int64_t b,
                                                       std::int64_t k) {
  const double x = p.coords(b, k, 0), y = p.coords(b, k, 1);
  if (!p.has_matrix) {
    const bool affine = p.mode == ToImageMode::kAffine;
    const double step_x = p.scale(b, 0) * p.pixel_std / p.columns;
    const double step_y = p.x_only ? step_x : p.scale(b, 1) * p.pixel_std / p.rows;
    return {box_to_image(p, x, step_x, p.columns, affine ? p.center(b, 0) : 0),
            box_to_image(p, y, step_y, p.rows, affine ? p.center(b, 1) : 0)};
  }
  const double xx = p.matrix(b, 0, 0), xy = p.matrix(b, 0, 1);
  const double yx = p.matrix(b, 1, 0), yy = p.matrix(b, 1, 1);
  if (p.mode == ToImageMode::kTransposed) return {xx * x + yx * y, xy * x + yy * y};
  const ImagePoint turned = {xx * x + xy * y, yx * x + yy * y};
  if (p.mode == ToImageMode::kLinear) return turned;
  return {turned.x + p.matrix(b, 0, 2), turned.y + p.matrix(b, 1, 2)};
}

LOWERPOSE_HOST_DEVICE inline void write_image_point(const ToImageParams& p, std::int64_t index) {
  const ImagePoint point = to_image_point(p, index / p.num_joints, index % p.num_joints);
  if (p.out_is_double) {
    double* const out = static_cast<double*>(p.out) + 2 * index;
    out[0] = point.x;
    out[1] = point.y;
  } else {
    float* const out = static_cast<float*>(p.out) + 2 * index;
    out[0] = static_cast<float>(point.x);
    out[1] = static_cast<float>(point.y);
  }
}

// What a caller chooses.
struct ToImageOptions {
  std::int64_t width, height;  // of the heatmap, if there is no matrix
  std::string convention;      // "corner", "udp" or "half_pixel"
  double pixel_std;
  std::string scale_axes;  // "xy" or "x_only"
  std::string mode;        // "affine", "linear" or "transposed"
};

// Either center and scale ([B, 2], or [B] for squares), or matrix ([2, 3] or [B, 2, 3]).
void to_image(const TensorView& coords, const std::optional<TensorView>& center,
              const std::optional<TensorView>& scale, const std::optional<TensorView>& matrix,
              const TensorView& out, const ToImageOptions& options, int threads);

// What the kernels get, once all of it is checked. `size_argument` is where the caller has the
// heatmap's size from.
ToImageParams to_image_params(Checker& check, const TensorView& coords,
                              const std::optional<TensorView>& center,
                              const std::optional<TensorView>& scale,
                              const std::optional<TensorView>& matrix, const TensorView& out,
                              const ToImageOptions& options, const char* size_argument,
                              int threads);

namespace cpu {
void to_image(const ToImageParams& params);
}
namespace cuda {
const char* to_image(const ToImageParams& params, const Stream& stream);
}

}  // namespace lowerpose
