#include "ops/joints_mse.h"

#include "core/dispatch.h"
#include "core/parallel.h"
#include "cpu/squared_difference.h"
#include "cpu/tiles.h"

namespace lowerpose::cpu {
namespace {

// One pass over all maps: writes each one's weighted sum to `partials`, unless that is null, and,
// with kGradient, gradient_scale * factor * (output - target) to p.gradient.
template <bool kGradient, class Output, class Target, class Params>
void pass_over_maps(const Params& p, double gradient_scale, double* partials) {
  using C = Arithmetic<Output, Target>;
  const std::int64_t grain = maps_per_thread(p.height, p.width);
  parallel_for(p.batch * p.num_joints, grain, p.threads, [&](std::int64_t begin, std::int64_t end) {
    C outputs[kTile], targets[kTile], gradients[kTile];
    for (std::int64_t index = begin; index < end; ++index) {
      const std::int64_t b = index / p.num_joints, k = index % p.num_joints;
      const auto output = p.output.template map<const Output>(b, k);
      const auto target = p.target.template map<const Target>(b, k);
      const auto gradient = kGradient ? p.gradient.template map<Output>(b, k) : MapView<Output>{};
      const Runs shape = kGradient ? runs(p.height, p.width, output, target, gradient)
                                   : runs(p.height, p.width, output, target);
      const double map_factor = joints_mse_factor(p, b, k);
      const C scale = static_cast<C>(gradient_scale * map_factor);
      SquareSum sum;
      for_each_tile(shape, kTile, [&](std::int64_t run, std::int64_t first, std::int64_t count) {
        const C* o = read_tile(outputs, output.at(run, first), output.pixel_stride, count);
        const C* t = read_tile(targets, target.at(run, first), target.pixel_stride, count);
        if constexpr (kGradient) {
          write_tile(gradients, gradient.at(run, first), gradient.pixel_stride, count,
                     [&](C* to) { squared_difference<true, C>(o, t, count, to, scale, sum); });
        } else {
          squared_difference<false, C>(o, t, count, nullptr, scale, sum);
        }
      });
      if (partials != nullptr) partials[index] = joints_mse_weighted(map_factor, sum.total());
    }
  });
}

}  // namespace

template <class Output, class Target>
void joints_mse(const JointsMSEForwardParams& p) {
  using C = Arithmetic<Output, Target>;
  if (p.gradient.data == nullptr) {
    pass_over_maps<false, Output, Target>(p, 0, p.scratch);
  } else {
    pass_over_maps<true, Output, Target>(p, 2 * p.scale, p.scratch);
  }
  double total = 0;
  // Maps without pixels have no loss, whatever their weight: infinity times nothing is no number.
  const std::int64_t maps = p.height * p.width == 0 ? 0 : p.batch * p.num_joints;
  for (std::int64_t index = 0; index < maps; ++index) total += p.scratch[index];
  *static_cast<C*>(p.loss) = static_cast<C>(p.scale * total);
}

template <class Output, class Target>
void joints_mse_backward(const JointsMSEBackwardParams& p) {
  const double incoming = p.incoming(0);
  if (p.unless_one && incoming == 1) return;
  pass_over_maps<true, Output, Target>(p, 2 * p.scale * incoming, nullptr);
}

#define LOWERPOSE_INSTANTIATE(Output, Target)                              \
  template void joints_mse<Output, Target>(const JointsMSEForwardParams&); \
  template void joints_mse_backward<Output, Target>(const JointsMSEBackwardParams&);
#define LOWERPOSE_INSTANTIATE_OUTPUT(Output) \
  LOWERPOSE_WITH_EACH_HEATMAP_TYPE(LOWERPOSE_INSTANTIATE, Output)
LOWERPOSE_FOR_EACH_HEATMAP_TYPE(LOWERPOSE_INSTANTIATE_OUTPUT)

}  // namespace lowerpose::cpu
