// A Gaussian blur in one dimension, as image libraries define it.
#pragma once

#include <cmath>
#include <cstdint>

#include "core/host_device.h"

namespace lowerpose {

// What stands beyond the border.
enum class BlurBorder {
  kZero,
  kReflect101,  // the pixels mirrored at the first one: c b | a b c
  kReflect,     // the pixels mirrored before the first one: b a | a b c
};

inline constexpr int kMaxBlurRadius = 16, kBlurOverlaps = 5;

struct Blur {
  int radius;
  BlurBorder border;
  // Of the Gaussian whose taps these are, in square pixels; those that it lacks do not count, since
  // the logarithm of a blurred map curves at its peak as if they were there.
  double variance;
  double taps[kMaxBlurRadius + 1];  // by the distance from the middle; both sides sum up to 1
  // What blurred white noise of variance 1 has in common with itself so many pixels further on.
  double overlaps[kBlurOverlaps];
};

// The tap `distance` pixels from the middle, on either side.
LOWERPOSE_HOST_DEVICE inline double tap(const Blur& blur, int distance) {
  return blur.taps[distance < 0 ? -distance : distance];
}

// The pixel that stands at place i of a row of `size` pixels; -1 if there is none and its value 0.
LOWERPOSE_HOST_DEVICE inline std::int64_t blurred_place(std::int64_t i, std::int64_t size,
                                                        BlurBorder border) {
  if (i >= 0 && i < size) return i;
  if (border == BlurBorder::kZero) return -1;
  if (size == 1) return 0;
  const bool whole = border == BlurBorder::kReflect101;
  const std::int64_t period = 2 * (whole ? size - 1 : size);
  i %= period;
  if (i < 0) i += period;
  return i < size ? i : period - (whole ? 0 : 1) - i;
}

// The blurred map at one pixel: first down, then along. `map.at(y, x)` is a pixel.
LOWERPOSE_CALLS_ANYTHING
template <class Map>
LOWERPOSE_HOST_DEVICE double blurred_at(const Map& map, const Blur& blur, std::int64_t y,
                                        std::int64_t x, std::int64_t width, std::int64_t height) {
  double sum = 0;
  LOWERPOSE_NO_UNROLL
  for (int j = -blur.radius; j <= blur.radius; ++j) {
    const std::int64_t column = blurred_place(x + j, width, blur.border);
    if (column < 0) continue;
    double down = 0;
    LOWERPOSE_NO_UNROLL
    for (int i = -blur.radius; i <= blur.radius; ++i) {
      const std::int64_t row = blurred_place(y + i, height, blur.border);
      if (row >= 0) down += tap(blur, i) * static_cast<double>(map.at(row, column));
    }
    sum += tap(blur, j) * down;
  }
  return sum;
}

// OpenCV's blur of `size` pixels. Without a sigma (0) it has fixed tables up to 9 pixels and a rule
// beyond.
inline Blur make_blur(int size, double sigma, BlurBorder border) {
  constexpr double kTables[5][5] = {{1},
                                    {0.5, 0.25},
                                    {0.375, 0.25, 0.0625},
                                    {0.28125, 0.21875, 0.109375, 0.03125},
                                    {0.234375, 0.19921875, 0.1171875, 0.05078125, 0.015625}};
  Blur blur = {};
  blur.radius = (size - 1) / 2;
  blur.border = border;
  const bool table = sigma == 0 && blur.radius < 5;
  if (sigma == 0) sigma = 0.3 * (blur.radius - 1) + 0.8;
  double sum = 0;
  for (int i = 0; i <= blur.radius; ++i) {
    blur.taps[i] = table ? kTables[blur.radius][i] : std::exp(-0.5 * i * i / (sigma * sigma));
    sum += i == 0 ? blur.taps[i] : 2 * blur.taps[i];
  }
  for (double& value : blur.taps) value /= sum;
  blur.variance = blur.radius == 0 ? 0 : sigma * sigma;
  for (int shift = 0; shift < kBlurOverlaps; ++shift) {
    for (int i = -blur.radius; i + shift <= blur.radius; ++i) {
      blur.overlaps[shift] += tap(blur, i) * tap(blur, i + shift);
    }
  }
  return blur;
}

}  // namespace lowerpose
