#include "ops/joints_mse_general.h"

#include "core/dispatch.h"
#include "core/parallel.h"
#include "cpu/hardest_joints.h"
#include "cpu/squared_difference.h"
#include "cpu/tiles.h"

namespace lowerpose::cpu {
namespace {

// elements[i] = factors[i] * (a[i] - b[i])^2
template <class C>
LOWERPOSE_SIMD void weighted_squares(const C* a, const C* b, const double* factors,
                                     std::int64_t count, double* elements) {
#pragma omp simd
  for (std::int64_t i = 0; i < count; ++i) {
    const C difference = a[i] - b[i], square = difference * difference;
    elements[i] = joints_mse_weighted(factors[i], static_cast<double>(square));
  }
}

// to[i] = factors[i] * (a[i] - b[i])
template <class C>
LOWERPOSE_SIMD void weighted_differences(const C* a, const C* b, const double* factors,
                                         std::int64_t count, C* to) {
#pragma omp simd
  for (std::int64_t i = 0; i < count; ++i) to[i] = static_cast<C>(factors[i]) * (a[i] - b[i]);
}

LOWERPOSE_SIMD void multiply(double* numbers, const double* by, std::int64_t count) {
#pragma omp simd
  for (std::int64_t i = 0; i < count; ++i) numbers[i] *= by[i];
}

// Always in the same order: by lanes, then the lanes.
LOWERPOSE_SIMD double sum_of(const double* numbers, std::int64_t count) {
  constexpr std::int64_t kLanes = Vec<double>::kLanes;
  Vec<double>::type sums = {};
  std::int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    Vec<double>::type values;
    load(values, numbers + i);
    sums += values;
  }
  double total = 0;
  for (int lane = 0; lane < kLanes; ++lane) total += sums[lane];
  for (; i < count; ++i) total += numbers[i];
  return total;
}

LOWERPOSE_SIMD std::int64_t count_of_others_than_zero(const double* numbers, std::int64_t count) {
  std::int64_t others = 0;
#pragma omp simd reduction(+ : others)
  for (std::int64_t i = 0; i < count; ++i) others += numbers[i] != 0;
  return others;
}

// The pixel factors of `count` pixels of a row.
void read_factors(const JointsMSEGeneralParams& p, std::int64_t b, std::int64_t k, std::int64_t y,
                  std::int64_t x, std::int64_t count, double* factors) {
  if (p.pixel_weighted) {
    p.weight.read_run(factors, count, b, k, y, x);
    if (p.squared_weight) multiply(factors, factors, count);
  } else {
    std::fill_n(factors, count, 1.0);
  }
  if (p.masked) {
    double mask[kTile];
    p.mask.read_run(mask, count, b, k, y, x);
    multiply(factors, mask, count);
  }
}

template <class T>
bool is_zero(const MapView<const T>& map, std::int64_t height, std::int64_t width) {
  for (std::int64_t y = 0; y < height; ++y) {
    for (std::int64_t x = 0; x < width; ++x) {
      if (!(widened<double>(*map.at(y, x)) == 0)) return false;
    }
  }
  return true;
}

template <class Output, class Target>
void sum_map(const JointsMSEGeneralForwardParams& p, std::int64_t b, std::int64_t k) {
  using C = Arithmetic<Output, Target>;
  C outputs[kTile], targets[kTile], losses[kTile];
  double factors[kTile], elements[kTile];
  const auto output = p.output.map<const Output>(b, k);
  const auto target = p.target.map<const Target>(b, k);
  const bool by_pixel = joints_mse_by_pixel(p);
  const bool kept = p.groups == JointsMSEGroups::kPixel;
  const auto loss = kept ? p.losses.map<C>(b, k) : MapView<C>{};
  double map_factor = joints_mse_map_factor(p, b, k);
  if (p.skip_empty && is_zero(target, p.height, p.width)) map_factor *= 0;
  // Factors come by rows, whatever the maps' own layout.
  const Runs shape = by_pixel ? Runs{p.height, p.width} : runs(p.height, p.width, output, target);
  SquareSum squares;
  double sum = 0, factor_sum = 0;
  std::int64_t visible = 0;
  for_each_tile(shape, kTile, [&](std::int64_t run, std::int64_t first, std::int64_t count) {
    const C* o = read_tile(outputs, output.at(run, first), output.pixel_stride, count);
    const C* t = read_tile(targets, target.at(run, first), target.pixel_stride, count);
    if (!by_pixel) {
      squared_difference<false, C>(o, t, count, nullptr, C{}, squares);
      return;
    }
    read_factors(p, b, k, run, first, count, factors);
    weighted_squares(o, t, factors, count, elements);
    if (kept) {
      write_tile(losses, loss.at(run, first), loss.pixel_stride, count, [&](C* to) {
        for (std::int64_t i = 0; i < count; ++i) {
          to[i] = static_cast<C>(p.scale * joints_mse_weighted(map_factor, elements[i]));
        }
      });
    } else {
      sum += sum_of(elements, count);
      factor_sum += sum_of(factors, count);
      visible += count_of_others_than_zero(factors, count);
    }
  });
  if (!by_pixel) {  // every pixel has factor 1
    sum = squares.total();
    visible = p.height * p.width;
    factor_sum = static_cast<double>(visible);
  }
  const std::int64_t map = b * p.num_joints + k;
  if (kept) {
    p.scales[map] = p.scale * map_factor;
  } else {
    joints_mse_keep(p, map, map_factor, sum, factor_sum, static_cast<double>(visible));
  }
}

template <class C>
void finish_groups(const JointsMSEGeneralForwardParams& p) {
  for (std::int64_t g = 0; g < joints_mse_group_count(p); ++g) {
    const JointsMSEGroup group = joints_mse_group(p, g);
    double totals[kJointsMSESums] = {};
    for (std::int64_t i = 0; i < group.count; ++i) {
      const double* const sums = p.sums + group.map(i) * kJointsMSESums;
      for (int which = 0; which < kJointsMSESums; ++which) totals[which] += sums[which];
    }
    const double scale =
        joints_mse_group_scale(p, group.count, totals[kFactorSum], totals[kVisibleSum]);
    static_cast<C*>(p.loss)[g] = static_cast<C>(scale * totals[kLossSum]);
    for (std::int64_t i = 0; i < group.count; ++i) p.scales[group.map(i)] *= scale;
  }
}

template <class Output, class Target>
void differentiate_map(const JointsMSEGeneralBackwardParams& p, std::int64_t b, std::int64_t k) {
  using C = Arithmetic<Output, Target>;
  C outputs[kTile], targets[kTile], gradients[kTile];
  double factors[kTile], incoming[kTile];
  const auto output = p.output.map<const Output>(b, k);
  const auto target = p.target.map<const Target>(b, k);
  const auto gradient = p.gradient.map<Output>(b, k);
  const bool by_pixel = joints_mse_by_pixel(p);
  const Runs shape =
      by_pixel ? Runs{p.height, p.width} : runs(p.height, p.width, output, target, gradient);
  const double scale = 2 * p.scales(b, k);
  const C map_scale = by_pixel ? C{} : static_cast<C>(scale * p.incoming(b, k));
  SquareSum squares;  // which nobody asks for
  for_each_tile(shape, kTile, [&](std::int64_t run, std::int64_t first, std::int64_t count) {
    const C* o = read_tile(outputs, output.at(run, first), output.pixel_stride, count);
    const C* t = read_tile(targets, target.at(run, first), target.pixel_stride, count);
    if (by_pixel) {
      read_factors(p, b, k, run, first, count, factors);
      p.incoming.read_run(incoming, count, b, k, run, first);
      multiply(factors, incoming, count);
      for (std::int64_t i = 0; i < count; ++i) factors[i] *= scale;
    }
    write_tile(gradients, gradient.at(run, first), gradient.pixel_stride, count, [&](C* to) {
      if (by_pixel) {
        weighted_differences(o, t, factors, count, to);
      } else {
        squared_difference<true, C>(o, t, count, to, map_scale, squares);
      }
    });
  });
}

// Calls `work(b, k)` for every map.
template <class Work>
void for_each_map(const JointsMSEGeneralParams& p, Work&& work) {
  const std::int64_t grain = maps_per_thread(p.height, p.width);
  parallel_for(p.batch * p.num_joints, grain, p.threads, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t map = begin; map < end; ++map) work(map / p.num_joints, map % p.num_joints);
  });
}

}  // namespace

template <class Output, class Target>
void joints_mse_general(const JointsMSEGeneralForwardParams& p) {
  using C = Arithmetic<Output, Target>;
  for_each_map(p, [&](std::int64_t b, std::int64_t k) { sum_map<Output, Target>(p, b, k); });
  if (p.groups == JointsMSEGroups::kHardest) {
    *static_cast<C*>(p.loss) = static_cast<C>(hardest_loss(hardest_joints(p), p.threads));
  } else if (p.groups != JointsMSEGroups::kPixel) {
    finish_groups<C>(p);
  }
}

template <class Output, class Target>
void joints_mse_general_backward(const JointsMSEGeneralBackwardParams& p) {
  for_each_map(p,
               [&](std::int64_t b, std::int64_t k) { differentiate_map<Output, Target>(p, b, k); });
}

#define LOWERPOSE_INSTANTIATE(Output, Target)                                             \
  template void joints_mse_general<Output, Target>(const JointsMSEGeneralForwardParams&); \
  template void joints_mse_general_backward<Output, Target>(const JointsMSEGeneralBackwardParams&);
#define LOWERPOSE_INSTANTIATE_OUTPUT(Output) \
  LOWERPOSE_WITH_EACH_HEATMAP_TYPE(LOWERPOSE_INSTANTIATE, Output)
LOWERPOSE_FOR_EACH_HEATMAP_TYPE(LOWERPOSE_INSTANTIATE_OUTPUT)

}  // namespace lowerpose::cpu
