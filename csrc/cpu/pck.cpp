#include "ops/pck.h"

#include <algorithm>
#include <cmath>

#include "core/simd.h"
#include "cpu/scalar_rows.h"

namespace lowerpose::cpu {
namespace {

constexpr std::int64_t kJoints = 64;  // of a sample at a time; whole vectors

struct Joints {
  double pred_x[kJoints], pred_y[kJoints], gt_x[kJoints], gt_y[kJoints], valid[kJoints];
  double norm[kJoints];   // where it is one number a joint
  double norm_x, norm_y;  // where x and y are divided apart
  double distance[kJoints];
  std::int64_t counts[kJoints];  // 1 or 0
};

void read_joints(const PckParams& p, std::int64_t b, std::int64_t first, std::int64_t count,
                 Joints& joints) {
  read_points(p.pred, b, first, count, joints.pred_x, joints.pred_y);
  read_points(p.gt, b, first, count, joints.gt_x, joints.gt_y);
  read_row<1>(p.valid, b, first, 0, 0, count, joints.valid, 1);
  if (p.per_axis) {
    joints.norm_x = p.norm(b, 0);
    joints.norm_y = p.norm(b, 1);
  } else if (p.has_norm) {
    read_row<1>(p.norm, b, first, 0, 0, count, joints.norm, 1);
  } else {  // the same for all joints of a sample
    std::fill_n(joints.norm, count, pck_norm(p, b, first));
  }
}

// pck_distance of each joint, and of any numbers behind them: whole vectors alone.
LOWERPOSE_SIMD void measure(const PckParams& p, std::int64_t num_joints, Joints& joints) {
  constexpr std::int64_t kLanes = Vec<double>::kLanes;
  const std::int64_t count = (num_joints + kLanes - 1) / kLanes * kLanes;
  const double lowest = p.lowest, width = p.width, height = p.height, above = p.above;
  if (p.per_axis) {
    const double norm_x = joints.norm_x, norm_y = joints.norm_y;
    std::fill_n(joints.norm, count, usable_norm(norm_x) && usable_norm(norm_y) ? 1.0 : 0.0);
#pragma omp simd
    for (std::int64_t k = 0; k < count; ++k) {
      const double x = (joints.pred_x[k] - joints.gt_x[k]) / norm_x;
      const double y = (joints.pred_y[k] - joints.gt_y[k]) / norm_y;
      joints.distance[k] = std::sqrt(x * x + y * y);
    }
  } else {
#pragma omp simd
    for (std::int64_t k = 0; k < count; ++k) {
      const double x = joints.pred_x[k] - joints.gt_x[k], y = joints.pred_y[k] - joints.gt_y[k];
      joints.distance[k] = std::sqrt(x * x + y * y) / joints.norm[k];
    }
  }
#pragma omp simd
  for (std::int64_t k = 0; k < count; ++k) {
    const double x = joints.gt_x[k], y = joints.gt_y[k], norm = joints.norm[k];
    const bool usable = (joints.valid[k] >= 0.5) & usable_coordinate(x) & usable_coordinate(y) &
                        (norm > 0) & (norm <= DBL_MAX);
    const bool inside = (x >= lowest) & (y >= lowest) & (x < width) & (y < height);
    joints.counts[k] = usable & inside & (x > above) & (y > above) ? 1 : 0;
  }
}

// Adds the joints of a sample to their counts and to the sums of their distances.
LOWERPOSE_SIMD void add_counts(const Joints& joints, std::int64_t count, std::int64_t* counted,
                               double* errors) {
#pragma omp simd
  for (std::int64_t k = 0; k < count; ++k) counted[k] += joints.counts[k];
#pragma omp simd
  for (std::int64_t k = 0; k < count; ++k) {
    const double error = joints.distance[k] <= DBL_MAX ? joints.distance[k] : NAN;  // pck_error
    errors[k] += joints.counts[k] != 0 ? error : 0.0;
  }
}

LOWERPOSE_SIMD void add_hits(const Joints& joints, std::int64_t count, double threshold,
                             bool inclusive, std::int64_t* correct) {
  if (inclusive) {
#pragma omp simd
    for (std::int64_t k = 0; k < count; ++k) {
      correct[k] += joints.distance[k] <= threshold ? joints.counts[k] : 0;
    }
  } else {
#pragma omp simd
    for (std::int64_t k = 0; k < count; ++k) {
      correct[k] += joints.distance[k] < threshold ? joints.counts[k] : 0;
    }
  }
}

// In vectors of the joints of a sample.
void count_by_sample(const PckParams& p) {
  Joints joints = {};
  for (std::int64_t b = 0; b < p.batch; ++b) {
    for (std::int64_t first = 0; first < p.num_joints; first += kJoints) {
      const std::int64_t count = std::min(kJoints, p.num_joints - first);
      read_joints(p, b, first, count, joints);
      measure(p, count, joints);
      add_counts(joints, count, p.counted + first, p.errors + first);
      for (std::int64_t t = 0; t < p.num_thresholds; ++t) {
        add_hits(joints, count, p.thresholds[t], p.inclusive, p.correct + t * p.num_joints + first);
      }
    }
  }
}

void count_by_joint(const PckParams& p) {
  for (std::int64_t b = 0; b < p.batch; ++b) {
    for (std::int64_t k = 0; k < p.num_joints; ++k) {
      const PckDistance distance = pck_distance(p, b, k);
      if (!distance.counts) continue;
      ++p.counted[k];
      p.errors[k] += pck_error(distance.value);
      for (std::int64_t t = 0; t < p.num_thresholds; ++t) {
        p.correct[t * p.num_joints + k] += pck_hit(p, distance.value, p.thresholds[t]);
      }
    }
  }
}

}  // namespace

// A joint costs a few nanoseconds, a batch has hundreds: threads would cost more than they save.
void pck_counts(const PckParams& p) {
  std::fill_n(p.correct, p.num_thresholds * p.num_joints, 0);
  std::fill_n(p.counted, p.num_joints, 0);
  std::fill_n(p.errors, p.num_joints, 0.0);
  constexpr std::int64_t kFew = 12;  // vectors of fewer cost more than they save
  if (p.num_joints < kFew) {
    count_by_joint(p);
  } else {
    count_by_sample(p);
  }
  for (std::int64_t t = 0; t < p.num_thresholds; ++t) {
    p.scores[t] = pck_mean(p, p.correct + t * p.num_joints);
  }
  p.scores[p.num_thresholds] = pck_mean(p, p.errors);
}

}  // namespace lowerpose::cpu
