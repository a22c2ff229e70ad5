#include "ops/to_image.h"

#include <cmath>

#include "core/check.h"
#include "core/dispatch.h"

namespace lowerpose {
namespace {

void fill_box(Checker& check, const TensorView& center, const TensorView& scale,
              const ToImageOptions& options, const char* size_argument, ToImageParams& params) {
  check.tensor("center", center);
  check.shape("center", center, "[B, 2]", {params.batch, 2});
  check.tensor("scale", scale);
  TensorView read = scale;
  if (scale.ndim == 1) {
    check.shape("scale", scale, "[B, 2] or [B]", {params.batch});
    read.strides[1] = 0;
    read.ndim = 2;
  } else {
    check.shape("scale", scale, "[B, 2] or [B]", {params.batch, 2});
  }
  const auto convention =
      check.word<PixelConvention>("convention", options.convention,
                                  {{"corner", PixelConvention::kCorner},
                                   {"udp", PixelConvention::kUdp},
                                   {"half_pixel", PixelConvention::kHalfPixel}});
  const bool udp = convention == PixelConvention::kUdp;
  check.value(options.width > (udp ? 1 : 0) && options.height > (udp ? 1 : 0), size_argument,
              udp ? "at least (2, 2) under the convention 'udp'" : "positive",
              "(" + std::to_string(options.width) + ", " + std::to_string(options.height) + ")");
  check.value(std::isfinite(options.pixel_std) && options.pixel_std > 0, "pixel_std",
              "positive and finite", options.pixel_std);
  params.center = ScalarReader(center);
  params.scale = ScalarReader(read);
  params.columns = static_cast<double>(options.width - (udp ? 1 : 0));
  params.rows = static_cast<double>(options.height - (udp ? 1 : 0));
  params.first = convention == PixelConvention::kHalfPixel ? 0.5 : 0.0;
  params.pixel_std = options.pixel_std;
  params.x_only =
      check.word<bool>("scale_axes", options.scale_axes, {{"xy", false}, {"x_only", true}});
}

void fill_matrix(Checker& check, const TensorView& matrix, ToImageParams& params) {
  check.tensor("matrix", matrix);
  TensorView read = matrix;
  if (matrix.ndim == 2) {
    check.shape("matrix", matrix, "[2, 3] or [B, 2, 3]", {2, 3});
    read.ndim = 3;
    read.strides[0] = 0;
    read.strides[1] = matrix.strides[0];
    read.strides[2] = matrix.strides[1];
  } else {
    check.shape("matrix", matrix, "[2, 3] or [B, 2, 3]", {params.batch, 2, 3});
  }
  params.matrix = ScalarReader(read);
}

}  // namespace

ToImageParams to_image_params(Checker& check, const TensorView& coords,
                              const std::optional<TensorView>& center,
                              const std::optional<TensorView>& scale,
                              const std::optional<TensorView>& matrix, const TensorView& out,
                              const ToImageOptions& options, const char* size_argument,
                              int threads) {
  ToImageParams params = {};
  check.tensor("coords", coords);
  check.dtype("coords", coords, kHeatmapDTypes);
  check.shape("coords", coords, "[B, K, 2]", {kAny, kAny, 2});
  params.batch = coords.shape[0];
  params.num_joints = coords.shape[1];
  params.has_matrix = matrix.has_value();
  check.value(params.has_matrix ? !center && !scale : center && scale, "matrix",
              "given, or center and scale", "both or neither");
  if (matrix) {
    fill_matrix(check, *matrix, params);
  } else {
    fill_box(check, *center, *scale, options, size_argument, params);
  }
  params.mode = check.word<ToImageMode>("mode", options.mode,
                                        {{"affine", ToImageMode::kAffine},
                                         {"linear", ToImageMode::kLinear},
                                         {"transposed", ToImageMode::kTransposed}});
  params.out_is_double = coords.dtype == DType::kFloat64;
  check.output("out", out);
  check.dtype("out", out, {params.out_is_double ? DType::kFloat64 : DType::kFloat32});
  check.shape("out", out, "[B, K, 2]", {params.batch, params.num_joints, 2});
  params.coords = ScalarReader(coords);
  params.out = out.data;
  params.threads = threads;
  return params;
}

void to_image(const TensorView& coords, const std::optional<TensorView>& center,
              const std::optional<TensorView>& scale, const std::optional<TensorView>& matrix,
              const TensorView& out, const ToImageOptions& options, int threads) {
  Checker check("to_image");
  const ToImageParams params =
      to_image_params(check, coords, center, scale, matrix, out, options, "heatmap_size", threads);
  check.run([&] { cpu::to_image(params); },
            [&](const Stream& stream) { return cuda::to_image(params, stream); });
}

}  // namespace lowerpose
