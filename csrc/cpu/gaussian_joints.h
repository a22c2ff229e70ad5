// The target of one joint, a tile at a time, for whoever compares it with something and then
// forgets it.
#pragma once

#include <algorithm>
#include <cstdint>

#include "cpu/gaussian_factors.h"
#include "cpu/tiles.h"
#include "ops/gaussian_joints.h"

namespace lowerpose::cpu {

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

// `count` pixels of a block from pixel `first` on, row by row, and up to a vector of others.
template <class C>
LOWERPOSE_SIMD void multiply_factors(C* to, const double* columns, std::int64_t width,
                                     const double* rows, std::int64_t first, std::int64_t count) {
  std::int64_t x = first % width;
  for (const double* row = rows + first / width; count > 0; ++row, x = 0) {
    const std::int64_t drawn = std::min(width - x, count);
    if (*row < kSmallestNormal<C>) {  // no column factor is above 1
      std::fill_n(to, drawn, C{});
    } else {
      for (std::int64_t i = 0; i < drawn; i += kLanes) {  // the next row writes over what is beyond
        Vec<double>::type values;
        gaussian_products<C>(values, columns + x + i, *row);
        store_as(to + i, values);
      }
    }
    to += drawn;
    count -= drawn;
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

// The factors of pixels [first, first + count) along one axis, with a vector of zeros behind them.
template <class C>
void axis_factors(double* factors, std::int64_t first, std::int64_t count, const DrawnAxis& axis,
                  double sigma) {
  const std::int64_t begin = std::clamp(axis.begin - first, std::int64_t{0}, count);
  const std::int64_t end = std::clamp(axis.end - first, begin, count);
  std::fill_n(factors, begin, 0.0);
  gaussian_factors<C>(factors + begin, first + begin, end - begin, axis.peak, sigma);
  std::fill_n(factors + end, count + kLanes - end, 0.0);
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
      axis_factors<C>(columns_, block.left, block.width, first_.columns, first_.sigma);
      axis_factors<C>(rows_, block.top, block.height, first_.rows, first_.sigma);
    }
  }

  // `count` pixels of the block, at most kTile, from pixel `first` on, row by row.
  const C* tile(std::int64_t first, std::int64_t count) {
    if (drawn_ == 1) {
      multiply_factors(values_, columns_, block_.width, rows_, first, count);
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
      axis_factors<C>(columns_, block_.left, block_.width, joint.columns, joint.sigma);
      axis_factors<C>(rows_, block_.top + top, height, joint.rows, joint.sigma);
      multiply_factors(others_, columns_, block_.width, rows_, first - top * block_.width, count);
      keep_larger(values_, others_, count);
    }
  }

  const GaussianJointsParams& params_;
  std::int64_t b_, k_;
  float weight_ = 0;
  std::int64_t drawn_ = 0;
  DrawnJoint first_ = {};
  Block block_ = {};
  double columns_[kSide + kLanes], rows_[kSide + kLanes];
  C values_[kTile + kLanes], others_[kTile + kLanes];
};

}  // namespace
}  // namespace lowerpose::cpu
