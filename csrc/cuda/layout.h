// How the maps lie in memory, which decides how a kernel may read them.
#pragma once

#include <cstdint>

#include "core/heatmaps_view.h"

namespace lowerpose::cuda {

enum class Layout {
  kMaps,     // each map contiguous, and every vector of it aligned
  kPixels,   // channels_last: the maps of an image interleaved, each image contiguous and aligned
  kStrided,  // anything else, an element at a time
};

struct MapsShape {
  std::int64_t batch, num_joints, height, width;
  std::int64_t area() const { return height * width; }
};

// Whether vectors of `bytes` are aligned wherever a map (or, interleaved, an image) begins.
inline bool vectors_are_aligned(const HeatmapsView& maps, const MapsShape& shape, Layout layout,
                                std::int64_t element_size, std::int64_t bytes) {
  const auto aligned = [bytes](std::int64_t offset) { return offset % bytes == 0; };
  const bool maps_apart = layout == Layout::kMaps && shape.num_joints > 1;
  return aligned(static_cast<std::int64_t>(reinterpret_cast<std::uintptr_t>(maps.data))) &&
         (shape.batch == 1 || aligned(maps.strides[0] * element_size)) &&
         (!maps_apart || aligned(maps.strides[1] * element_size));
}

// The layout of maps that are read in vectors of `count` elements by blocks of `threads` threads.
inline Layout layout_of(const HeatmapsView& maps, const MapsShape& shape, std::int64_t element_size,
                        std::int64_t count, std::int64_t threads) {
  const std::int64_t bytes = element_size * count;
  // Whether each pixel lies `step` elements behind the one before. Strides of one row or column
  // mean nothing.
  const auto steps_by = [&](std::int64_t step) {
    return (shape.width == 1 || maps.strides[3] == step) &&
           (shape.height == 1 || maps.strides[2] == shape.width * step);
  };
  const auto is = [&](Layout layout, std::int64_t values) {
    return values % count == 0 && vectors_are_aligned(maps, shape, layout, element_size, bytes);
  };
  if (steps_by(1) && is(Layout::kMaps, shape.area())) return Layout::kMaps;
  // A block's threads each keep to joints of their own, so there must be enough of them.
  const bool interleaved = maps.strides[1] == 1 && steps_by(shape.num_joints);
  if (interleaved && shape.num_joints <= threads &&
      is(Layout::kPixels, shape.area() * shape.num_joints)) {
    return Layout::kPixels;
  }
  return Layout::kStrided;
}

}  // namespace lowerpose::cuda
