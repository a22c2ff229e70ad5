// The target of one joint, a tile at a time, for whoever compares it with something and then
// forgets it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "cpu/gaussian_factors.h"
#include "cpu/tiles.h"
#include "ops/gaussian_joints.h"

namespace lowerpose::cpu {

// A vector that begins elsewhere takes two of them, and twice the time.
inline constexpr std::size_t kCacheLine = 64;

// Rows and columns of which the factors are at hand at a time.
inline constexpr std::int64_t kSide = 1024;

// A part of a map.
struct Block {
  std::int64_t left, top, width, height;  // of at most kSide columns and rows
};

// Calls `work(block)` for the blocks that make up a map, from its top left corner on.
template <class Work>
void for_each_block(std::int64_t height, std::int64_t width, Work&& work) {
  for (std::int64_t top = 0; top < height; top += kSide) {
    for (std::int64_t left = 0; left < width; left += kSide) {
      work(Block{left, top, std::min(kSide, width - left), std::min(kSide, height - top)});
    }
  }
}

// Internal linkage, a copy for each file that includes this: SIMD clones need it.
namespace {

// The factors of a block along one axis, with a vector of zeros behind them. No product with those
// outside [begin, end) is other than 0.
struct AxisFactors {
  alignas(kCacheLine) double values[kSide + kLanes];
  std::int64_t begin, end;
};

// Zeros in [begin, end), and up to a vector of them beyond.
template <class C>
LOWERPOSE_INLINE void clear(C* to, std::int64_t begin, std::int64_t end) {
  const typename Vec<C>::type zeros = {};
  for (std::int64_t i = begin; i < end; i += Vec<C>::kLanes) store<C>(zeros, to + i);
}

// `count` pixels of a block from pixel `first` on, row by row, and up to a vector of others: what
// comes next writes over what is beyond the end of a part.
template <class C>
LOWERPOSE_SIMD void draw_run(C* to, const AxisFactors& columns, std::int64_t width,
                             const AxisFactors& rows, std::int64_t first, std::int64_t count) {
  std::int64_t x = first % width, y = first / width;
  for (; count > 0; ++y, x = 0) {
    const std::int64_t length = std::min(width - x, count);
    if (y < rows.begin || y >= rows.end) {
      clear(to, 0, length);
    } else {
      const std::int64_t left = std::clamp(columns.begin - x, std::int64_t{0}, length);
      const std::int64_t right = std::clamp(columns.end - x, left, length);
      clear(to, 0, left);
      for (std::int64_t i = left; i < right; i += kLanes) {
        Vec<double>::type values;
        gaussian_products<C>(values, columns.values + x + i, rows.values[y]);
        store_as(to + i, values);
      }
      clear(to, right, length);
    }
    to += length;
    count -= length;
  }
}

// values[i] = the larger of both.
template <class C>
LOWERPOSE_SIMD void keep_larger(C* values, const C* others, std::int64_t count) {
#pragma omp simd
  for (std::int64_t i = 0; i < count; ++i) {
    values[i] = values[i] < others[i] ? others[i] : values[i];
  }
}

// Of pixels [first, first + count).
template <class C>
void fill_factors(AxisFactors& factors, std::int64_t first, std::int64_t count,
                  const DrawnAxis& axis, double sigma) {
  std::int64_t begin = std::clamp(axis.begin - first, std::int64_t{0}, count);
  std::int64_t end = std::clamp(axis.end - first, begin, count);
  double* const values = factors.values;
  std::fill_n(values, begin, 0.0);
  gaussian_factors<C>(values + begin, first + begin, end - begin, axis.peak, sigma);
  std::fill_n(values + end, count + kLanes - end, 0.0);
  // The other axis has no factor above 1.
  while (begin < end && values[begin] < kSmallestNormal<C>) ++begin;
  while (begin < end && values[end - 1] < kSmallestNormal<C>) --end;
  factors.begin = begin;
  factors.end = end;
}

// What gaussian_targets draws for joint k of sample b, in C: the same bits as there.
template <class C>
class JointTarget {
 public:
  JointTarget(const GaussianJointsParams& params, std::int64_t b, std::int64_t k)
      : params_(params), b_(b), k_(k) {
    for (std::int64_t n = 0; n < params.instances; ++n) {
      const DrawnJoint joint = drawn_joint(params, b, n, k);
      weight_ = n == 0 || weight_ < joint.weight ? joint.weight : weight_;
      if (joint.drawn && drawn_++ == 0) first_ = joint;
    }
  }

  float weight() const { return weight_; }  // the largest of its instances

  // From now on tiles are of this block.
  void enter(const Block& block) {
    block_ = block;
    if (drawn_ == 0) {
      std::fill_n(values_, kTile, C{});
    } else if (drawn_ == 1) {
      fill_factors<C>(columns_, block.left, block.width, first_.columns, first_.sigma);
      fill_factors<C>(rows_, block.top, block.height, first_.rows, first_.sigma);
    }
  }

  // Whether the block's target is that of one joint: the product of these factors.
  bool is_one() const { return drawn_ == 1; }
  const AxisFactors& columns() const { return columns_; }
  const AxisFactors& rows() const { return rows_; }

  // `count` pixels of the block, at most kTile, from pixel `first` on, row by row.
  const C* tile(std::int64_t first, std::int64_t count) {
    if (drawn_ == 1) {
      draw_run(values_, columns_, block_.width, rows_, first, count);
    } else if (drawn_ > 1) {
      draw_all(first, count);
    }
    return values_;
  }

 private:
  // Too many factors to keep: those of the tile are made anew for each instance.
  void draw_all(std::int64_t first, std::int64_t count) {
    const std::int64_t top = first / block_.width;
    const std::int64_t height = (first + count - 1) / block_.width + 1 - top;
    std::fill_n(values_, count, C{});
    for (std::int64_t n = 0; n < params_.instances; ++n) {
      const DrawnJoint joint = drawn_joint(params_, b_, n, k_);
      if (!joint.drawn) continue;
      fill_factors<C>(columns_, block_.left, block_.width, joint.columns, joint.sigma);
      fill_factors<C>(rows_, block_.top + top, height, joint.rows, joint.sigma);
      draw_run(others_, columns_, block_.width, rows_, first - top * block_.width, count);
      keep_larger(values_, others_, count);
    }
  }

  const GaussianJointsParams& params_;
  std::int64_t b_, k_;
  float weight_ = 0;
  std::int64_t drawn_ = 0;
  DrawnJoint first_ = {};
  Block block_ = {};
  AxisFactors columns_, rows_;
  alignas(kCacheLine) C values_[kTile + Vec<C>::kLanes];
  alignas(kCacheLine) C others_[kTile + Vec<C>::kLanes];
};

}  // namespace
}  // namespace lowerpose::cpu
