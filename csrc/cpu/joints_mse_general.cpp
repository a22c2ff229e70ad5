#include "ops/joints_mse_general.h"

#include <algorithm>
#include <cstring>
#include <type_traits>

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

// to[i] = factors[i] * incoming * scale * (a[i] - b[i])
template <class C>
LOWERPOSE_SIMD void weighted_differences(const C* a, const C* b, const double* factors,
                                         double incoming, double scale, std::int64_t count, C* to) {
#pragma omp simd
  for (std::int64_t i = 0; i < count; ++i) {
    to[i] = static_cast<C>(factors[i] * incoming * scale) * (a[i] - b[i]);
  }
}

// Over a map, in lanes until it is complete: of factor * (output - target)^2, and of the factors.
struct WeightedSums {
  SquareSum losses, factors;
};

// The lanes of a vector from `part` vectors of doubles on, as doubles.
template <class C>
LOWERPOSE_INLINE void widened_part(Vec<double>::type& wide, const typename Vec<C>::type& values,
                                   int part) {
  if constexpr (std::is_same_v<C, double>) {
    wide = values;
  } else {
    typedef float Half __attribute__((vector_size(32)));
    Half halves[2];
    std::memcpy(halves, &values, sizeof(halves));
    wide = __builtin_convertvector(halves[part], Vec<double>::type);
  }
}

// Always in the same order: by lanes. A product is NaN too where an infinite factor meets a
// difference of 0, which counts nothing: a sum that is NaN is made again with a look at each.
template <class C>
LOWERPOSE_SIMD void add_weighted(const C* a, const C* b, const double* factors, std::int64_t count,
                                 WeightedSums& sums) {
  using V = Vec<double>::type;
  constexpr int kWide = Vec<double>::kLanes, kLanes = Vec<C>::kLanes;
  const double total_before = sums.losses.total();
  V before, losses, factor_sums, factor, square;
  load(before, sums.losses.lanes);
  losses = before;
  load(factor_sums, sums.factors.lanes);
  const std::int64_t whole = count / kLanes * kLanes;
  for (std::int64_t i = 0; i < whole; i += kLanes) {
    typename Vec<C>::type difference, other;
    load(difference, a + i);
    load(other, b + i);
    difference -= other;
    difference *= difference;
    for (int part = 0; part < kLanes / kWide; ++part) {
      widened_part<C>(square, difference, part);
      load(factor, factors + i + part * kWide);
      losses += factor * square;
      factor_sums += factor;
    }
  }
  store<double>(losses, sums.losses.lanes);
  store<double>(factor_sums, sums.factors.lanes);
  const double total = sums.losses.total();
  const bool again = total != total && total_before == total_before;
  if (again) store<double>(before, sums.losses.lanes);
  for (std::int64_t i = again ? 0 : whole; i < count; ++i) {
    const C difference = a[i] - b[i], squared = difference * difference;
    sums.losses.lanes[i % kWide] += joints_mse_weighted(factors[i], static_cast<double>(squared));
    if (i >= whole) sums.factors.lanes[i % kWide] += factors[i];
  }
}

LOWERPOSE_SIMD void multiply(double* numbers, const double* by, std::int64_t count) {
#pragma omp simd
  for (std::int64_t i = 0; i < count; ++i) numbers[i] *= by[i];
}

LOWERPOSE_SIMD std::int64_t count_of_others_than_zero(const double* numbers, std::int64_t count) {
  std::int64_t others = 0;
#pragma omp simd reduction(+ : others)
  for (std::int64_t i = 0; i < count; ++i) others += numbers[i] != 0;
  return others;
}

void read_numbers(const ScalarReader& numbers, std::int64_t b, std::int64_t k, std::int64_t y,
                  std::int64_t x, std::int64_t count, double* to) {
  numbers.with_elements(b, k, y, x,
                        [&](const auto* from) { gather(to, from, numbers.stride(3), count); });
}

// The pixel factors of `count` pixels of a run.
void read_factors(const JointsMSEGeneralParams& p, std::int64_t b, std::int64_t k, std::int64_t y,
                  std::int64_t x, std::int64_t count, double* factors) {
  if (p.pixel_weighted) {
    read_numbers(p.weight, b, k, y, x, count, factors);
    if (p.squared_weight) multiply(factors, factors, count);
  } else {
    std::fill_n(factors, count, 1.0);
  }
  if (p.masked) {
    double mask[kTile];
    read_numbers(p.mask, b, k, y, x, count, mask);
    multiply(factors, mask, count);
  }
}

bool is_gapless(const ScalarReader& numbers, std::int64_t width) {
  return numbers.stride(2) == width * numbers.stride(3);
}

// The maps' runs, if weights and masks have no gaps between their rows either.
Runs runs_with_factors(const JointsMSEGeneralParams& p, Runs maps) {
  const bool gapless = (!p.pixel_weighted || is_gapless(p.weight, p.width)) &&
                       (!p.masked || is_gapless(p.mask, p.width));
  return gapless ? maps : Runs{p.height, p.width};
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
  const Runs maps = kept ? runs(p.height, p.width, output, target, loss)
                         : runs(p.height, p.width, output, target);
  const Runs shape = by_pixel ? runs_with_factors(p, maps) : maps;
  SquareSum squares;
  WeightedSums weighted;
  std::int64_t visible = 0;
  for_each_tile(shape, kTile, [&](std::int64_t run, std::int64_t first, std::int64_t count) {
    const C* o = read_tile(outputs, output.at(run, first), output.pixel_stride, count);
    const C* t = read_tile(targets, target.at(run, first), target.pixel_stride, count);
    if (!by_pixel) {
      squared_difference<false, C>(o, t, count, nullptr, C{}, squares);
      return;
    }
    read_factors(p, b, k, run, first, count, factors);
    if (kept) {
      weighted_squares(o, t, factors, count, elements);
      write_tile(losses, loss.at(run, first), loss.pixel_stride, count, [&](C* to) {
        for (std::int64_t i = 0; i < count; ++i) {
          to[i] = static_cast<C>(p.scale * joints_mse_weighted(map_factor, elements[i]));
        }
      });
    } else {
      add_weighted(o, t, factors, count, weighted);
      if (p.divisor == JointsMSEDivisor::kVisible) {
        visible += count_of_others_than_zero(factors, count);
      }
    }
  });
  double sum = weighted.losses.total(), factor_sum = weighted.factors.total();
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
  const bool incoming_by_pixel = p.groups == JointsMSEGroups::kPixel;
  Runs shape = runs(p.height, p.width, output, target, gradient);
  if (by_pixel) shape = runs_with_factors(p, shape);
  if (incoming_by_pixel && !is_gapless(p.incoming, p.width)) shape = {p.height, p.width};
  const double scale = 2 * p.scales(b, k);
  const double map_incoming = incoming_by_pixel ? 1 : p.incoming(b, k);
  const C map_scale = static_cast<C>(scale * map_incoming);
  SquareSum squares;  // which nobody asks for
  for_each_tile(shape, kTile, [&](std::int64_t run, std::int64_t first, std::int64_t count) {
    const C* o = read_tile(outputs, output.at(run, first), output.pixel_stride, count);
    const C* t = read_tile(targets, target.at(run, first), target.pixel_stride, count);
    if (by_pixel) {
      read_factors(p, b, k, run, first, count, factors);
      if (incoming_by_pixel) {
        read_numbers(p.incoming, b, k, run, first, count, incoming);
        multiply(factors, incoming, count);
      }
    }
    write_tile(gradients, gradient.at(run, first), gradient.pixel_stride, count, [&](C* to) {
      if (by_pixel) {
        weighted_differences(o, t, factors, map_incoming, scale, count, to);
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
