// A [B, K, H, W] stack of maps with any strides, and the one map of it that a kernel works on.
#pragma once

#include <cstdint>

#include "core/host_device.h"
#include "core/tensor_view.h"

namespace lowerpose {

// One map: pixel (y, x) lies at data[y * row_stride + x * pixel_stride].
template <class T>
struct MapView {
  T* data = nullptr;
  std::int64_t row_stride = 0, pixel_stride = 0;

  LOWERPOSE_HOST_DEVICE T* at(std::int64_t y, std::int64_t x) const {
    return data + y * row_stride + x * pixel_stride;
  }
};

struct HeatmapsView {
  void* data = nullptr;
  std::int64_t strides[4] = {};

  HeatmapsView() = default;
  explicit HeatmapsView(const TensorView& view) : data(view.data) {
    for (int i = 0; i < 4; ++i) strides[i] = view.strides[i];
  }

  template <class T>
  LOWERPOSE_HOST_DEVICE MapView<T> map(std::int64_t b, std::int64_t k) const {
    return {static_cast<T*>(data) + b * strides[0] + k * strides[1], strides[2], strides[3]};
  }
};

// Kernels read a map as `count` runs of `length` pixels: a single run of H * W pixels when no map
// has a gap between its rows (contiguous and channels_last maps have none), else one run a row.
struct Runs {
  std::int64_t count, length;
};

template <class... Maps>
Runs runs(std::int64_t height, std::int64_t width, const Maps&... maps) {
  const bool gapless = ((maps.row_stride == width * maps.pixel_stride) && ...);
  return gapless ? Runs{1, height * width} : Runs{height, width};
}

}  // namespace lowerpose
