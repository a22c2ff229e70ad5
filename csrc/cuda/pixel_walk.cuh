// The pixels of a map that a thread visits, a fixed number apart, without a division each.
#pragma once

#include <cstdint>

#include "cuda/seam.h"

namespace lowerpose::cuda {
namespace {

class PixelWalk {
 public:
  __device__ PixelWalk(std::int64_t first, std::int64_t step, std::int64_t width)
      : y(first / width),
        x(first % width),
        down_(step / width),
        right_(step % width),
        width_(width) {}

  __device__ void advance() {
    y += down_;
    x += right_;
    if (x >= width_) {
      x -= width_;
      ++y;
    }
  }

  std::int64_t y, x;

 private:
  std::int64_t down_, right_, width_;
};

}  // namespace
}  // namespace lowerpose::cuda
