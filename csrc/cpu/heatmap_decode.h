// One heatmap as the decoder sees it, as it is or merged with its partner's mirror image; and its
// decoding.
#pragma once

#include "core/heatmaps_view.h"
#include "cpu/tiles.h"
#include "ops/heatmap_decode.h"

namespace lowerpose::cpu {

// Decodes one map, for whoever goes on with its joint.
template <class T>
void decode_heatmap(const HeatmapDecodeParams& params, std::int64_t b, std::int64_t k);

template <class T>
class OwnMap {
 public:
  using C = Arithmetic<T>;

  OwnMap(const HeatmapDecodeParams& p, std::int64_t b, std::int64_t k)
      : map_(p.heatmaps.map<const T>(b, k)) {}

  C at(std::int64_t y, std::int64_t x) const { return widened<C>(*map_.at(y, x)); }

  // How many runs of how many pixels it is read in, and at most how many pixels at a time.
  Runs shape(std::int64_t height, std::int64_t width) const { return runs(height, width, map_); }
  std::int64_t tile(std::int64_t length) const { return in_place() ? length : kTile; }
  const C* read(C* buffer, std::int64_t run, std::int64_t first, std::int64_t count) const {
    return read_tile(buffer, map_.at(run, first), map_.pixel_stride, count);
  }

  // Pixels of row y from column `first` on, at most kTile.
  const C* row(C* buffer, std::int64_t y, std::int64_t first, std::int64_t count) const {
    return read_tile(buffer, map_.at(y, first), map_.pixel_stride, count);
  }

 private:
  bool in_place() const { return std::is_same_v<C, T> && map_.pixel_stride == 1; }

  MapView<const T> map_;
};

namespace {

// merged[i] = the mean of own[i] and mirrored[-i].
template <class C, class T>
LOWERPOSE_SIMD void merge_run(C* merged, const T* own, const T* mirrored, std::int64_t count) {
#pragma omp simd
  for (std::int64_t i = 0; i < count; ++i) {
    merged[i] = flip_mean(widened<C>(own[i]), widened<C>(mirrored[-i]));
  }
}

}  // namespace

template <class T>
class MergedMap {
 public:
  using C = Arithmetic<T>;

  MergedMap(const HeatmapDecodeParams& p, std::int64_t b, std::int64_t k)
      : map_(p.heatmaps.map<const T>(b, k)),
        flipped_(p.flipped.map<const T>(b, p.pairs.partner[k])),
        width_(p.width),
        shift_(p.shift) {}

  C at(std::int64_t y, std::int64_t x) const {
    const C own = widened<C>(*map_.at(y, x));
    const C mirrored = widened<C>(*flipped_.at(y, flipped_column(x, width_, shift_)));
    return flip_mean(own, mirrored);
  }

  Runs shape(std::int64_t height, std::int64_t width) const { return {height, width}; }
  std::int64_t tile(std::int64_t) const { return kTile; }
  const C* read(C* buffer, std::int64_t run, std::int64_t first, std::int64_t count) const {
    std::int64_t i = 0;
    if (map_.pixel_stride == 1 && flipped_.pixel_stride == 1) {
      // From column 1 on, columns go back one by one, shifted or not.
      if (first == 0) buffer[i++] = at(run, 0);
      if (i == count) return buffer;
      const std::int64_t column = flipped_column(first + i, width_, shift_);
      merge_run(buffer + i, map_.at(run, first + i), flipped_.at(run, column), count - i);
      return buffer;
    }
    for (; i < count; ++i) buffer[i] = at(run, first + i);
    return buffer;
  }

  const C* row(C* buffer, std::int64_t y, std::int64_t first, std::int64_t count) const {
    return read(buffer, y, first, count);
  }

 private:
  MapView<const T> map_, flipped_;
  std::int64_t width_;
  bool shift_;
};

}  // namespace lowerpose::cpu
