// Joint coordinates from heatmaps: the first maximum, and where between the pixels it lies.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/blur.h"
#include "core/flip.h"
#include "core/heatmaps_view.h"
#include "core/tensor_view.h"
#include "ops/heatmap_covariance.h"
#include "ops/heatmap_refine.h"

namespace lowerpose {

class Checker;

// Where a joint is whose map has no positive value.
enum class Invalid { kKeep, kZero, kMinusOne };  // at its maximum, at (0, 0), at (-1, -1)

// Where one is whose map holds a NaN. Its score is NaN.
enum class NanPlace {
  kNan,
  kInvalid,   // as one without a positive value
  kPosition,  // at the first NaN
};

struct HeatmapDecodeParams {
  HeatmapsView heatmaps;  // [B, K, H, W]
  // Without memory, or the maps of the mirrored images: what is decoded is the mean of a map and
  // its partner's mirror image.
  HeatmapsView flipped;
  FlipPairs pairs;
  bool shift;         // the mirror image moves one pixel to the right
  float* coords;      // [B, K, 2], (x, y) in heatmap pixels, contiguous
  float* scores;      // [B, K], contiguous
  float* covariance;  // [B, K, 2, 2], contiguous, or null
  std::int64_t batch, num_joints, height, width;
  Invalid invalid;
  NanPlace nan;
  bool suppress;  // pixels that are not the largest of their 3 x 3 count as -0
  double add;     // to the coordinates of joints with a positive value
  CrossRules cross;
  TaylorRules taylor;
  Blur blur;
  int threads;
};

// The maximum of a map, in the type of the arithmetic.
struct PeakPixel {
  double score;
  std::int64_t x, y;  // (-1, -1) under Invalid::kMinusOne
  bool refinable;
};

// From the first maximum, or the first NaN if there is one.
LOWERPOSE_HOST_DEVICE inline PeakPixel peak_pixel(const HeatmapDecodeParams& p, double value,
                                                  std::int64_t index) {
  PeakPixel peak = {value, index % p.width, index / p.width, true};
  const bool is_nan = value != value;
  if (is_nan && p.nan == NanPlace::kNan) {
    peak.refinable = false;
    return peak;
  }
  const bool is_invalid = is_nan ? p.nan == NanPlace::kInvalid : value <= 0;
  if (is_invalid && p.invalid != Invalid::kKeep) {
    peak.x = peak.y = p.invalid == Invalid::kZero ? 0 : -1;
    // Some go on from there, and meet what stands there.
    peak.refinable = p.cross.refine == Refine::kTaylor && !p.taylor.bounded;
  }
  // Where half a pixel is added to joints that were found, no other is moved.
  if (p.add != 0 && !(value > 0)) peak.refinable = false;
  return peak;
}

// Whether a pixel of a map without a positive value counts as zero under `suppress`, since it is 0,
// or since it is not the largest of its 3 x 3.
LOWERPOSE_CALLS_ANYTHING
template <class Map>
LOWERPOSE_HOST_DEVICE bool counts_as_zero(const Map& map, std::int64_t y, std::int64_t x,
                                          std::int64_t width, std::int64_t height) {
  const auto value = map.at(y, x);
  bool zero = value == 0;
  for (std::int64_t row = clamped(y - 1, height); row <= clamped(y + 1, height); ++row) {
    for (std::int64_t column = clamped(x - 1, width); column <= clamped(x + 1, width); ++column) {
      zero |= map.at(row, column) > value;
    }
  }
  return zero;
}

// What a preset fixes, in words; the front door refuses other words.
struct HeatmapDecodeOptions {
  std::string refine;   // "none", "quarter", "gradient", "parabola", "log_parabola", "taylor"
  std::string border;   // "both_axes", "per_axis_mm", "full_interior", "clamp"
  std::string ties;     // "stay", "back"
  std::string invalid;  // "keep", "zero", "minus_one"
  std::string nan;      // "nan", "invalid", "position"
  bool suppress;
  bool add_half;
};

struct TaylorOptions {
  int step;
  int blur_size;            // in pixels; 1 is no blur
  double blur_sigma;        // 0: OpenCV's for the size
  std::string blur_border;  // "zero", "reflect101", "reflect"
  std::string rescale;      // "none", "max", "minmax"
  double floor, ceiling, epsilon;
  bool inside_only, bounded;
  std::string gather;  // "own", "sample", "batch"
};

// With `flipped`, `flip_pairs` are the pairs one behind the other: {a, b, c, d ...}. The covariance
// is for Taylor steps that are bounded: NaN where none was taken.
void decode_heatmaps(const TensorView& heatmaps, const TensorView& coords, const TensorView& scores,
                     const std::optional<TensorView>& covariance,
                     const std::optional<TensorView>& flipped,
                     const std::vector<std::int64_t>& flip_pairs, bool shift,
                     const HeatmapDecodeOptions& options, const TaylorOptions& taylor, int threads);

// What the kernels get, once all of it is checked.
HeatmapDecodeParams heatmap_decode_params(Checker& check, const TensorView& heatmaps,
                                          const TensorView& coords, const TensorView& scores,
                                          const std::optional<TensorView>& covariance,
                                          const std::optional<TensorView>& flipped,
                                          const std::vector<std::int64_t>& flip_pairs, bool shift,
                                          const HeatmapDecodeOptions& options,
                                          const TaylorOptions& taylor, int threads);

namespace cpu {
template <class T>
void decode_heatmaps(const HeatmapDecodeParams& params);
}
namespace cuda {
template <class T>
const char* decode_heatmaps(const HeatmapDecodeParams& params, const Stream& stream);
}

}  // namespace lowerpose
