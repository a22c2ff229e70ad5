#include "ops/pck.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "cpu/coordinates.h"

namespace lowerpose::cpu {
namespace {

bool usable_norm(double norm) { return norm > 0 && std::isfinite(norm); }

// The normalised distance of one joint; false if the joint does not count.
bool distance(const PckParams& p, std::int64_t b, std::int64_t k, double& result) {
  const double gt_x = p.gt(b, k, 0), gt_y = p.gt(b, k, 1);
  if (!(p.valid(b, k) >= 0.5) || !usable_coordinate(gt_x) || !usable_coordinate(gt_y)) return false;
  const double dx = p.pred(b, k, 0) - gt_x, dy = p.pred(b, k, 1) - gt_y;
  if (p.per_axis) {
    const double norm_x = p.norm(b, 0), norm_y = p.norm(b, 1);
    const double scaled_x = dx / norm_x, scaled_y = dy / norm_y;
    result = std::sqrt(scaled_x * scaled_x + scaled_y * scaled_y);
    return usable_norm(norm_x) && usable_norm(norm_y);
  }
  // Divided after the root: a distance of 5 stays exactly 5.
  const double norm = p.has_norm ? p.norm(b, k) : p.norm_value;
  result = std::sqrt(dx * dx + dy * dy) / norm;
  return usable_norm(norm);
}

}  // namespace

// A joint costs a few nanoseconds, a batch has hundreds: threads would cost more than they save.
void pck_counts(const PckParams& p) {
  std::fill_n(p.correct, p.num_thresholds * p.num_joints, 0);
  std::fill_n(p.counted, p.num_joints, 0);
  for (std::int64_t b = 0; b < p.batch; ++b) {
    for (std::int64_t k = 0; k < p.num_joints; ++k) {
      double d = 0;
      if (!distance(p, b, k, d)) continue;
      ++p.counted[k];
      for (std::int64_t t = 0; t < p.num_thresholds; ++t) {
        const bool hit = d < p.thresholds[t] || (p.inclusive && d == p.thresholds[t]);
        p.correct[t * p.num_joints + k] += hit;
      }
    }
  }
  std::int64_t all = 0;
  for (std::int64_t k = 0; k < p.num_joints; ++k) all += p.counted[k];
  for (std::int64_t t = 0; t < p.num_thresholds; ++t) {
    std::int64_t hits = 0;
    for (std::int64_t k = 0; k < p.num_joints; ++k) hits += p.correct[t * p.num_joints + k];
    p.ratio[t] = all == 0 ? std::numeric_limits<double>::quiet_NaN()
                          : static_cast<double>(hits) / static_cast<double>(all);
  }
}

}  // namespace lowerpose::cpu
