#include "ops/oks.h"

#include <algorithm>
#include <cstring>

#include "core/parallel.h"
#include "core/simd.h"
#include "cpu/exp.h"
#include "cpu/scalar_rows.h"

namespace lowerpose::cpu {
namespace {

using V = Vec<double>::type;
constexpr std::int64_t kLanes = Vec<double>::kLanes;  // pairs at a time
constexpr std::int64_t kJoints = 32;                  // of each at a time

// A number of each joint, of as many pairs as there are lanes.
using JointLanes = double[kJoints][kLanes];

struct Pairs {
  JointLanes pred_x, pred_y, pred_visible, gt_x, gt_y, visible;
  double area[kLanes];  // with eps
  // So far: the joints that are visible, those that count, and the sum of their similarities.
  double seen[kLanes], counted[kLanes], sum[kLanes];
};

using Bits = Vec<double>::bits;

LOWERPOSE_INLINE void bits_of(Bits& bits, const V& numbers) {
  std::memcpy(&bits, &numbers, sizeof(bits));
}

// Conditions are the bits of 1.0 or of 0.0: comparisons that are combined, or used twice, the
// compiler takes apart lane by lane.
LOWERPOSE_INLINE void is_positive(Bits& result, const double* numbers) {
  const V zero = {};
  V number;
  load(number, numbers);
  bits_of(result, number > 0.0 ? zero + 1.0 : zero);
}

LOWERPOSE_INLINE void is_usable(Bits& result, const V& coordinate) {
  const V zero = {};
  Bits bits;
  bits_of(bits, coordinate);
  bits &= Vec<double>::kMagnitudeBits;
  V size;
  std::memcpy(&size, &bits, sizeof(size));
  bits_of(result, size <= kLargestCoordinate ? zero + 1.0 : zero);
}

LOWERPOSE_INLINE void add_ones(V& sum, const Bits& condition) {
  V ones;
  std::memcpy(&ones, &condition, sizeof(ones));
  sum += ones;
}

// Adds `count` joints, of which `widths` are (2 sigma)^2. A pair's similarities are added in the
// order of the joints.
LOWERPOSE_SIMD void add_joints(Pairs& pairs, const double* widths, std::int64_t count,
                               bool has_pred_visible) {
  const V zero = {};
  V area, seen, counted, sum;
  load(area, pairs.area);
  load(seen, pairs.seen);
  load(counted, pairs.counted);
  load(sum, pairs.sum);
  for (std::int64_t k = 0; k < count; ++k) {
    V x, y, other;
    Bits counts, condition;
    is_positive(counts, pairs.visible[k]);
    load(x, pairs.gt_x[k]);
    is_usable(condition, x);
    counts &= condition;
    load(y, pairs.gt_y[k]);
    is_usable(condition, y);
    counts &= condition;
    add_ones(seen, counts);
    if (has_pred_visible) {
      is_positive(condition, pairs.pred_visible[k]);
      counts &= condition;
    }
    add_ones(counted, counts);
    load(other, pairs.pred_x[k]);
    x = other - x;
    load(other, pairs.pred_y[k]);
    y = other - y;
    const V exponent = -((x * x + y * y) / widths[k] / area * 0.5);
    V similarity = exponent;
    exp_nonpositive<double>(similarity);
    similarity = exponent == exponent ? similarity : exponent;  // NaN stays NaN
    sum += counts != 0 ? similarity : zero;
  }
  store<double>(seen, pairs.seen);
  store<double>(counted, pairs.counted);
  store<double>(sum, pairs.sum);
}

// `count` joints from `first` on of one pair.
void read_joints(const OksParams& p, const OksPair& pair, std::int64_t first, std::int64_t count,
                 std::int64_t lane, Pairs& pairs) {
  const auto [n, d, g] = pair;
  read_row<2>(p.pred, n, d, first, 0, count, &pairs.pred_x[0][lane], kLanes);
  read_row<2>(p.pred, n, d, first, 1, count, &pairs.pred_y[0][lane], kLanes);
  read_row<2>(p.gt, n, g, first, 0, count, &pairs.gt_x[0][lane], kLanes);
  read_row<2>(p.gt, n, g, first, 1, count, &pairs.gt_y[0][lane], kLanes);
  read_row<2>(p.visible, n, g, first, 0, count, &pairs.visible[0][lane], kLanes);
  if (p.has_pred_visible) {
    read_row<2>(p.pred_visible, n, d, first, 0, count, &pairs.pred_visible[0][lane], kLanes);
  }
}

// The similarities of `count` pairs from `first` on, no more than there are lanes.
void write_pairs(const OksParams& p, std::int64_t first, std::int64_t count, Pairs& pairs) {
  double widths[kJoints], areas[kLanes];
  for (std::int64_t lane = 0; lane < count; ++lane) {
    areas[lane] = oks_area(p, oks_pair(p, first + lane));
    pairs.area[lane] = areas[lane] + p.eps;
    pairs.seen[lane] = pairs.counted[lane] = pairs.sum[lane] = 0;
  }
  for (std::int64_t joint = 0; joint < p.num_joints; joint += kJoints) {
    const std::int64_t joints = std::min(kJoints, p.num_joints - joint);
    for (std::int64_t k = 0; k < joints; ++k) widths[k] = oks_width(p, joint + k);
    for (std::int64_t lane = 0; lane < count; ++lane) {
      read_joints(p, oks_pair(p, first + lane), joint, joints, lane, pairs);
    }
    add_joints(pairs, widths, joints, p.has_pred_visible);
  }
  for (std::int64_t lane = 0; lane < count; ++lane) {
    p.similarity[first + lane] = oks_mean(p, oks_pair(p, first + lane), areas[lane],
                                          pairs.seen[lane], pairs.counted[lane], pairs.sum[lane]);
  }
}

}  // namespace

void oks(const OksParams& p) {
  constexpr std::int64_t kGrain = 256;  // pairs; fewer take less time than a thread's start
  parallel_for(p.batch * p.detections * p.persons, kGrain, p.threads,
               [&](std::int64_t begin, std::int64_t end) {
                 Pairs pairs = {};
                 for (std::int64_t first = begin; first < end; first += kLanes) {
                   write_pairs(p, first, std::min(kLanes, end - first), pairs);
                 }
               });
}

}  // namespace lowerpose::cpu
