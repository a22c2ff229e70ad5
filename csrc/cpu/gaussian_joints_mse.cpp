#include "ops/gaussian_joints_mse.h"

#include "core/dispatch.h"
#include "core/parallel.h"
#include "cpu/gaussian_difference.h"
#include "cpu/gaussian_joints.h"
#include "cpu/hardest_joints.h"
#include "cpu/squared_difference.h"
#include "cpu/tiles.h"

namespace lowerpose::cpu {
namespace {

// Calls `work(map, b, k)` for every map.
template <class Work>
void for_each_map(const GaussianJointsMSEParams& p, Work&& work) {
  const std::int64_t grain = maps_per_thread(p.height, p.width);
  parallel_for(p.batch * p.num_joints, grain, p.threads, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t map = begin; map < end; ++map) {
      work(map, map / p.num_joints, map % p.num_joints);
    }
  });
}

// One pass over a map: the sum of its squared differences and, with kGradient,
// scale * (output - target). Tiles are those of joints_mse wherever a map is one block.
template <bool kGradient, class Output, class C>
double pass_over_map(const GaussianJointsMSEParams& p, JointTarget<C>& target,
                     const MapView<const Output>& output, const MapView<Output>& gradient,
                     C scale) {
  C outputs[kTile], gradients[kTile];
  SquareSum sum;
  for_each_block(p.height, p.width, [&](const Block& block) {
    target.enter(block);
    const bool whole_rows = block.width == p.width;
    const Runs gapless = kGradient ? runs(block.height, p.width, output, gradient)
                                   : runs(block.height, p.width, output);
    const Runs shape = whole_rows ? gapless : Runs{block.height, block.width};
    const bool in_registers = target.is_one() && block.width % kLanes == 0;
    for_each_tile(shape, kTile, [&](std::int64_t run, std::int64_t first, std::int64_t count) {
      const std::int64_t y = block.top + run, x = block.left + first;
      const C* o = read_tile(outputs, output.at(y, x), output.pixel_stride, count);
      if constexpr (std::is_same_v<C, float>) {
        if (in_registers && count % Vec<float>::kLanes == 0) {
          const auto pass = [&](C* to) {
            gaussian_difference<kGradient>({o, to, scale}, target.columns(), target.rows(),
                                           block.width, run * shape.length + first, count, sum);
          };
          if constexpr (kGradient) {
            write_tile(gradients, gradient.at(y, x), gradient.pixel_stride, count, pass);
          } else {
            pass(nullptr);
          }
          return;
        }
      }
      const C* t = target.tile(run * shape.length + first, count);
      if constexpr (kGradient) {
        write_tile(gradients, gradient.at(y, x), gradient.pixel_stride, count,
                   [&](C* to) { squared_difference<true, C>(o, t, count, to, scale, sum); });
      } else {
        squared_difference<false, C>(o, t, count, nullptr, scale, sum);
      }
    });
  });
  return sum.total();
}

// Each map's weighted sum, `stride` doubles apart; and its factor or its gradient, if wanted.
template <bool kGradient, class Output>
void pass_over_maps(const GaussianJointsMSEForwardParams& p, double* sums, std::int64_t stride) {
  using C = Arithmetic<Output>;
  for_each_map(p, [&](std::int64_t map, std::int64_t b, std::int64_t k) {
    JointTarget<C> target(p, b, k);
    const double factor = gaussian_joints_mse_factor(p, target.weight());
    const auto gradient = kGradient ? p.gradient.map<Output>(b, k) : MapView<Output>{};
    const double sum = pass_over_map<kGradient>(p, target, p.output.map<const Output>(b, k),
                                                gradient, static_cast<C>(2 * p.scale * factor));
    sums[map * stride] = joints_mse_weighted(factor, sum);
    if (p.topk > 0) p.scales[map] = factor;
  });
}

// What the differences of a map are multiplied by in its gradient.
template <class Params>
double gradient_scale(const Params& p, float weight, std::int64_t b, std::int64_t k) {
  const double incoming = p.incoming(0);
  return p.has_scales ? 2 * incoming * p.scales(b, k)
                      : 2 * p.scale * incoming * gaussian_joints_mse_factor(p, weight);
}

// Sums over one row of a block of (output - target) * column factor, times 1, the distance from the
// joint along x, and its square.
struct RowMoments {
  double all, x, squared;
};

// Up to the next whole vector: outputs and factors are 0 there.
template <class C>
LOWERPOSE_SIMD void row_moments(const C* outputs, const double* factors, std::int64_t count,
                                double row_factor, double from_joint, RowMoments& moments) {
  using V = Vec<double>::type;
  V all = {}, along_x = {}, squared = {};
  V place = {0, 1, 2, 3, 4, 5, 6, 7};
  place += from_joint;
  for (std::int64_t x = 0; x < count; x += kLanes, place += static_cast<double>(kLanes)) {
    V factor, output;
    load(factor, factors + x);
    for (int i = 0; i < kLanes; ++i) output[i] = static_cast<double>(outputs[x + i]);
    const V product = (output - factor * row_factor) * factor;
    all += product;
    along_x += product * place;
    squared += product * place * place;
  }
  moments = {};
  for (int lane = 0; lane < kLanes; ++lane) {
    moments.all += all[lane];
    moments.x += along_x[lane];
    moments.squared += squared[lane];
  }
}

template <class Output>
GaussianMoments moments_of_map(const GaussianJointsMSEParams& p, const DrawnJoint& joint,
                               const MapView<const Output>& output) {
  using C = Arithmetic<Output>;
  AxisFactors columns, rows;
  C outputs[kSide + kLanes];
  GaussianMoments moments = {};
  for_each_block(p.height, p.width, [&](const Block& block) {
    fill_factors<double>(columns, block.left, block.width, joint.columns, joint.sigma);
    fill_factors<double>(rows, block.top, block.height, joint.rows, joint.sigma);
    for (std::int64_t y = 0; y < block.height; ++y) {
      gather(outputs, output.at(block.top + y, block.left), output.pixel_stride, block.width);
      std::fill_n(outputs + block.width, kLanes, C{});
      RowMoments row;
      row_moments(outputs, columns.values, block.width, rows.values[y],
                  static_cast<double>(block.left) - joint.columns.peak, row);
      const double place = static_cast<double>(block.top + y) - joint.rows.peak;
      const double factor = rows.values[y];
      moments.x += factor * row.x;
      moments.y += factor * place * row.all;
      moments.squared += factor * (row.squared + place * place * row.all);
    }
  });
  return moments;
}

}  // namespace

template <class Output>
void gaussian_joints_mse(const GaussianJointsMSEForwardParams& p) {
  using C = Arithmetic<Output>;
  auto* const loss = static_cast<C*>(p.loss);
  const std::int64_t maps = p.batch * p.num_joints;
  if (p.topk > 0) {
    const HardestJoints hardest = hardest_joints(p, p.scratch);
    pass_over_maps<false, Output>(p, hardest.sums, hardest.stride);
    *loss = static_cast<C>(hardest_loss(hardest, p.threads));
    return;
  }
  if (p.gradient.data == nullptr) {
    pass_over_maps<false, Output>(p, p.scratch, 1);
  } else {
    pass_over_maps<true, Output>(p, p.scratch, 1);
  }
  double total = 0;
  // Maps without pixels have no loss, whatever their weight: infinity times nothing is no number.
  for (std::int64_t map = 0; map < (p.height * p.width == 0 ? 0 : maps); ++map) {
    total += p.scratch[map];
  }
  *loss = static_cast<C>(p.scale * total);
}

template <class Output>
void gaussian_joints_mse_backward(const GaussianJointsMSEBackwardParams& p) {
  using C = Arithmetic<Output>;
  if (p.unless_one && p.incoming(0) == 1) return;
  for_each_map(p, [&](std::int64_t, std::int64_t b, std::int64_t k) {
    JointTarget<C> target(p, b, k);
    pass_over_map<true>(p, target, p.output.map<const Output>(b, k), p.gradient.map<Output>(b, k),
                        static_cast<C>(gradient_scale(p, target.weight(), b, k)));
  });
}

template <class Output>
void gaussian_joints_mse_joints_backward(const GaussianJointsMSEJointsBackwardParams& p) {
  for_each_map(p, [&](std::int64_t map, std::int64_t b, std::int64_t k) {
    const DrawnJoint joint = drawn_joint(p, b, 0, k);
    double *to_joint = p.to_joints + 2 * map, *to_sigma = p.to_sigmas + map;
    to_joint[0] = to_joint[1] = *to_sigma = 0;
    if (!joint.drawn) return;
    gaussian_joints_mse_finish(moments_of_map(p, joint, p.output.map<const Output>(b, k)),
                               joint.sigma, gradient_scale(p, joint.weight, b, k), to_joint,
                               to_sigma);
  });
}

#define LOWERPOSE_INSTANTIATE(Output)                                                         \
  template void gaussian_joints_mse<Output>(const GaussianJointsMSEForwardParams&);           \
  template void gaussian_joints_mse_backward<Output>(const GaussianJointsMSEBackwardParams&); \
  template void gaussian_joints_mse_joints_backward<Output>(                                  \
      const GaussianJointsMSEJointsBackwardParams&);
LOWERPOSE_FOR_EACH_HEATMAP_TYPE(LOWERPOSE_INSTANTIATE)

}  // namespace lowerpose::cpu
