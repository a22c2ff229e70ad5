#include "core/simd.h"

// Vectors are handed from function to function, but all of these are inlined: no call passes one.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wpsabi"
#endif

#include <algorithm>
#include <cstring>

#include "core/parallel.h"
#include "cpu/tiles.h"
#include "ops/mpjpe.h"

namespace lowerpose {
namespace cpu {

// Four poses, and not the eight of Vec: GCC compares vectors of 64 bytes element by element where
// more than one `?` needs the answer.
typedef double Lanes __attribute__((vector_size(32)));
inline constexpr int kLanes = 4;

}  // namespace cpu

template <>
struct Elementwise<cpu::Lanes> {
  LOWERPOSE_INLINED static void root(cpu::Lanes& values) {
    double each[cpu::kLanes];
    std::memcpy(each, &values, sizeof(each));
#pragma omp simd
    for (int lane = 0; lane < cpu::kLanes; ++lane) each[lane] = std::sqrt(each[lane]);
    std::memcpy(&values, each, sizeof(each));
  }
};

namespace cpu {
namespace {

constexpr std::int64_t kJoints = 24;  // of a pose at a time

// Those whose ground truth is no place do not count; what does not count is 0.
LOWERPOSE_SIMD void count_joints(std::int64_t count, Lanes (*gt)[3], Lanes* counts) {
  const Lanes zero = {};
  for (std::int64_t n = 0; n < count; ++n) {
    Lanes good = counts[n];
    for (int d = 0; d < 3; ++d) {
      const Lanes value = gt[n][d];
      good = value <= zero + kLargestCoordinate ? good : zero;
      good = value >= zero - kLargestCoordinate ? good : zero;
    }
    for (int d = 0; d < 3; ++d) gt[n][d] = good > zero ? gt[n][d] : zero;
    counts[n] = good;
  }
}

// Joints of as many poses as a vector has lanes. Poses beyond the last have no joints that count.
class Joints {
 public:
  Joints(const MpjpeParams& p, std::int64_t pose)
      : p_(p),
        pose_(pose),
        poses_(static_cast<int>(std::min<std::int64_t>(kLanes, p.batch - pose))) {}

  LOWERPOSE_INLINED void read(std::int64_t k, Lanes (&p)[3], Lanes (&g)[3], Lanes& counts) {
    const std::int64_t n = here(k);
    counts = counts_[n];
    const Lanes zero = {};
    for (int d = 0; d < 3; ++d) {
      p[d] = counts > zero ? pred_[n][d] : zero;
      g[d] = gt_[n][d];
    }
  }
  LOWERPOSE_INLINED void raw(std::int64_t k, Lanes (&p)[3]) {
    const std::int64_t n = here(k);
    for (int d = 0; d < 3; ++d) p[d] = pred_[n][d];
  }
  LOWERPOSE_INLINED void incoming(std::int64_t k, Lanes (&gradient)[3]) const {
    for (int d = 0; d < 3; ++d) {
      gradient[d] = Lanes{};
      for (int lane = 0; lane < poses_; ++lane) gradient[d][lane] = p_.incoming(pose_ + lane, k, d);
    }
  }
  LOWERPOSE_INLINED void incoming(std::int64_t k, Lanes& gradient) const {
    gradient = Lanes{};
    for (int lane = 0; lane < poses_; ++lane) gradient[lane] = p_.incoming(pose_ + lane, k);
  }
  // Results are kept until the tile is full.
  LOWERPOSE_INLINED void error(std::int64_t k, const Lanes& error) {
    pred_out_[k - first_][0] = error;
    if (is_last(k)) write(p_.result, 1, pred_out_);
  }
  LOWERPOSE_INLINED void point(std::int64_t k, const Lanes (&point)[3]) {
    for (int d = 0; d < 3; ++d) pred_out_[k - first_][d] = point[d];
    if (is_last(k)) write(p_.result, 3, pred_out_);
  }
  LOWERPOSE_INLINED void gradients(std::int64_t k, const Lanes (&pred)[3], const Lanes (&gt)[3]) {
    for (int d = 0; d < 3; ++d) {
      pred_out_[k - first_][d] = pred[d];
      gt_out_[k - first_][d] = gt[d];
    }
    if (!is_last(k)) return;
    write(p_.pred_gradient, p_.dims, pred_out_);
    write(p_.gt_gradient, p_.dims, gt_out_);
  }

 private:
  // Where joint k is in the tile, once it is there.
  LOWERPOSE_INLINED std::int64_t here(std::int64_t k) {
    if (k < first_ || k >= first_ + kJoints) load(k / kJoints * kJoints);
    return k - first_;
  }

  __attribute__((noinline)) void load(std::int64_t first) {
    first_ = first;
    const std::int64_t count = std::min(kJoints, p_.num_joints - first);
    if (poses_ < kLanes || p_.dims < 3) {
      std::fill_n(&pred_[0][0], 3 * kJoints, Lanes{});
      std::fill_n(&gt_[0][0], 3 * kJoints, Lanes{});
      std::fill_n(counts_, kJoints, Lanes{});
    }
    for (int lane = 0; lane < poses_; ++lane) {
      read_points(p_.pred, lane, count, pred_);
      read_points(p_.gt, lane, count, gt_);
      for (std::int64_t n = 0; n < count; ++n) {
        counts_[n][lane] = !p_.has_mask || p_.mask(pose_ + lane, first_ + n) >= 0.5 ? 1.0 : 0.0;
      }
    }
    count_joints(count, gt_, counts_);
  }

  void read_points(const ScalarReader& reader, int lane, std::int64_t count,
                   Lanes (&to)[kJoints][3]) const {
    const std::int64_t joint = reader.stride(1), axis = reader.stride(2);
    const int dims = p_.dims;
    double* const row = reinterpret_cast<double*>(to) + lane;
    reader.with_elements(pose_ + lane, first_, 0, 0, [&](const auto* from) {
      if (dims == 3 && joint == 3 && axis == 1) {
        for (std::int64_t n = 0; n < 3 * count; ++n) row[n * kLanes] = widened<double>(from[n]);
        return;
      }
      for (std::int64_t n = 0; n < count; ++n) {
        for (int d = 0; d < dims; ++d) {
          to[n][d][lane] = widened<double>(from[n * joint + d * axis]);
        }
      }
    });
  }

  // Whether joint k is the last of its tile.
  LOWERPOSE_INLINED bool is_last(std::int64_t k) const {
    return k + 1 == std::min(first_ + kJoints, p_.num_joints);
  }

  __attribute__((noinline)) void write(void* to, int dims, const Lanes (&tile)[kJoints][3]) const {
    if (p_.is_double) {
      write_rows(static_cast<double*>(to), dims, tile);
    } else {
      write_rows(static_cast<float*>(to), dims, tile);
    }
  }

  template <class T>
  void write_rows(T* to, int dims, const Lanes (&tile)[kJoints][3]) const {
    const std::int64_t count = std::min(kJoints, p_.num_joints - first_);
    for (int lane = 0; lane < poses_; ++lane) {
      const double* const row = reinterpret_cast<const double*>(tile) + lane;
      T* const out = to + ((pose_ + lane) * p_.num_joints + first_) * dims;
      if (dims == 3) {
        for (std::int64_t n = 0; n < 3 * count; ++n) out[n] = static_cast<T>(row[n * kLanes]);
        continue;
      }
      for (std::int64_t n = 0; n < count; ++n) {
        for (int d = 0; d < dims; ++d) {
          out[n * dims + d] = static_cast<T>(row[(3 * n + d) * kLanes]);
        }
      }
    }
  }

  const MpjpeParams& p_;
  const std::int64_t pose_;
  const int poses_;
  std::int64_t first_ = -kJoints;
  Lanes pred_[kJoints][3], gt_[kJoints][3], counts_[kJoints];
  Lanes pred_out_[kJoints][3], gt_out_[kJoints][3];
};

LOWERPOSE_SIMD void measure_poses(const MpjpeParams& p, std::int64_t begin, std::int64_t end,
                                  double* sums) {
  Lanes sum = {}, number = {};
  for (std::int64_t pose = begin; pose < end; pose += kLanes) {
    Joints joints(p, pose);
    measure_pose(p, joints, sum, number);
  }
  sums[0] = sums[1] = 0;
  for (int lane = 0; lane < kLanes; ++lane) {
    sums[0] += sum[lane];
    sums[1] += number[lane];
  }
}

LOWERPOSE_SIMD void differentiate_poses(const MpjpeParams& p, std::int64_t begin, std::int64_t end,
                                        double mean_gradient) {
  const Lanes all = Lanes{} + mean_gradient;
  for (std::int64_t pose = begin; pose < end; pose += kLanes) {
    Joints joints(p, pose);
    differentiate_pose(p, joints, all);
  }
}

std::int64_t groups(const MpjpeParams& p) { return (p.batch + kPosesPerSum - 1) / kPosesPerSum; }

// Groups of poses for a thread: a pose that is turned takes some hundred nanoseconds.
std::int64_t grain(const MpjpeParams& p) {
  const std::int64_t work = kPosesPerSum * (p.num_joints * 4 + (rotates(p) ? 200 : 0));
  return (1 << 15) / work + 1;
}

}  // namespace

void mpjpe(const MpjpeParams& p) {
  parallel_for(groups(p), grain(p), p.threads, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t group = begin; group < end; ++group) {
      const std::int64_t first = group * kPosesPerSum;
      measure_poses(p, first, std::min(first + kPosesPerSum, p.batch), p.sums + 2 * group);
    }
  });
  p.totals[0] = p.totals[1] = 0;
  for (std::int64_t group = 0; group < groups(p); ++group) {
    p.totals[0] += p.sums[2 * group];
    p.totals[1] += p.sums[2 * group + 1];
  }
  if (p.output == PoseOutput::kMean) write_mean(p);
}

void mpjpe_backward(const MpjpeParams& p) {
  const double mean_gradient = p.output == PoseOutput::kMean ? mean_gradient_of(p) : 0.0;
  parallel_for(groups(p), grain(p), p.threads, [&](std::int64_t begin, std::int64_t end) {
    differentiate_poses(p, begin * kPosesPerSum, std::min(end * kPosesPerSum, p.batch),
                        mean_gradient);
  });
}

}  // namespace cpu
}  // namespace lowerpose
