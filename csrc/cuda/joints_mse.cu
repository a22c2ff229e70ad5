#include <algorithm>

#include "core/dispatch.h"
#include "cuda/elements.cuh"
#include "cuda/layout.h"
#include "cuda/pixel_walk.cuh"
#include "cuda/queue.h"
#include "cuda/reduce.cuh"
#include "ops/joints_mse.h"

namespace lowerpose::cuda {
namespace {

constexpr int kThreads = 256;
constexpr int kAhead = 2;  // vectors of each map that a thread has under way at a time

// What one launch does: the loss, the gradient, or both.
struct Work {
  JointsMSEParams maps;
  HeatmapsView gradient;  // without memory if it is not wanted
  ScalarReader incoming;
  bool incoming_is_one;   // and is not read
  bool unless_one;        // for an incoming gradient of 1 nothing is left to do
  double gradient_scale;  // gradient = gradient_scale * incoming * factor * (output - target)
  double* partials;       // one a block, or null if no loss is wanted
  unsigned* ticket;
  void* loss;
  unsigned blocks_per_part;  // a part is a map, or an image whose maps are interleaved
};

// The widest vector for two types: of 16 bytes of the larger.
template <class Output, class Target>
inline constexpr int kPackOf =
    kPackBytes / static_cast<int>(std::max(sizeof(Output), sizeof(Target)));

// The differences of kPack elements, squared and added to `sums`, lane by lane, and their gradient.
// Either all belong to one joint (kJoints is 1), or each lane to its own.
template <class Output, class Target, class C, int kPack, int kJoints>
__device__ __forceinline__ void work_on(const Pack<Output, kPack>& output,
                                        const Pack<Target, kPack>& target,
                                        const C (&scales)[kJoints], C (&sums)[kPack],
                                        Pack<Output, kPack>& gradient) {
#pragma unroll
  for (int lane = 0; lane < kPack; ++lane) {
    const C difference =
        static_cast<C>(widened(output.values[lane])) - static_cast<C>(widened(target.values[lane]));
    sums[lane] += difference * difference;
    narrow(scales[kJoints == 1 ? 0 : lane] * difference, gradient.values[lane]);
  }
}

// Elements [begin, end) of contiguous maps or images, `step` vectors of kPack elements apart.
template <class Output, class Target, class C, int kPack, int kJoints>
__device__ void read_vectors(const Output* outputs, const Target* targets, Output* gradients,
                             std::int64_t begin, std::int64_t end, int step,
                             const C (&scales)[kJoints], C (&sums)[kPack]) {
  using Outputs = Pack<Output, kPack>;
  using Targets = Pack<Target, kPack>;
  const std::int64_t stride = std::int64_t{step} * kPack;
  for (std::int64_t i = begin; i < end; i += kAhead * stride) {
    Outputs output[kAhead];
    Targets target[kAhead];
    // All loads before the first store, which might be to the same memory for all that is known.
#pragma unroll
    for (int ahead = 0; ahead < kAhead; ++ahead) {
      const std::int64_t at = i + ahead * stride;
      if (at >= end) break;
      output[ahead] = *reinterpret_cast<const Outputs*>(outputs + at);
      target[ahead] = *reinterpret_cast<const Targets*>(targets + at);
    }
#pragma unroll
    for (int ahead = 0; ahead < kAhead; ++ahead) {
      const std::int64_t at = i + ahead * stride;
      if (at >= end) break;
      Outputs gradient;
      work_on(output[ahead], target[ahead], scales, sums, gradient);
      if (gradients != nullptr) *reinterpret_cast<Outputs*>(gradients + at) = gradient;
    }
  }
}

// Adds up the blocks' sums in the last block, in the order of the blocks.
template <class C>
__device__ void finish_loss(const Work& work, double sum) {
  sum = block_sum<kThreads>(sum);
  if (threadIdx.x == 0) work.partials[blockIdx.x] = sum;
  if (!is_last_block(work.ticket)) return;
  double total = 0;
  for (unsigned i = threadIdx.x; i < gridDim.x; i += kThreads) total += work.partials[i];
  total = block_sum<kThreads>(total);
  if (threadIdx.x == 0) *static_cast<C*>(work.loss) = static_cast<C>(work.maps.scale * total);
}

template <class Output, class Target, Layout kLayout>
__global__ void __launch_bounds__(kThreads, 3) joints_mse_kernel(const Work work) {
  using C = Arithmetic<Output, Target>;
  constexpr int kPack = kLayout == Layout::kStrided ? 1 : kPackOf<Output, Target>;
  constexpr bool kImage = kLayout == Layout::kPixels;
  constexpr int kJoints = kImage ? kPack : 1;
  const JointsMSEParams& p = work.maps;
  const unsigned part = blockIdx.x / work.blocks_per_part;
  const std::int64_t block = blockIdx.x % work.blocks_per_part;
  const auto num_joints = static_cast<unsigned>(p.num_joints);
  const std::int64_t b = kImage ? part : part / num_joints, k = kImage ? 0 : part % num_joints;
  const auto output = p.output.map<const Output>(b, k);
  const auto target = p.target.map<const Target>(b, k);
  const auto gradient = work.gradient.map<Output>(b, k);
  const bool wants_gradient = work.gradient.data != nullptr;
  Output* const gradients = wants_gradient ? gradient.data : nullptr;
  const double incoming = work.incoming_is_one ? 1.0 : work.incoming(0);
  if (work.unless_one && incoming == 1) return;
  const double scale = work.gradient_scale * incoming;

  double factors[kJoints];
  C scales[kJoints], sums[kPack] = {};
#pragma unroll
  for (int joint = 0; joint < kJoints; ++joint) {
    factors[joint] =
        joints_mse_factor(p, b, kImage ? (threadIdx.x * kPack + joint) % num_joints : k);
    scales[joint] = static_cast<C>(scale * factors[joint]);
  }

  const std::int64_t area = p.height * p.width;
  if constexpr (kLayout == Layout::kStrided) {
    const std::int64_t first = block * kJointsMSEValuesPerBlock;
    const std::int64_t end = min(area, first + kJointsMSEValuesPerBlock);
    PixelWalk at(first + threadIdx.x, kThreads, p.width);
    for (std::int64_t i = first + threadIdx.x; i < end; i += kThreads, at.advance()) {
      const Pack<Output, 1> from{*output.at(at.y, at.x)};
      const Pack<Target, 1> to{*target.at(at.y, at.x)};
      Pack<Output, 1> result;
      work_on(from, to, scales, sums, result);
      if (wants_gradient) *gradient.at(at.y, at.x) = result.values[0];
    }
  } else {
    // Of an image, each thread takes vectors that are a whole number of pixels apart.
    const int readers = kImage ? kThreads / num_joints * num_joints : kThreads;
    const std::int64_t size =
        kImage ? joints_mse_pixels_per_block(num_joints) * num_joints : kJointsMSEValuesPerBlock;
    const std::int64_t first = block * size;
    const std::int64_t end = min(kImage ? area * num_joints : area, first + size);
    if (static_cast<int>(threadIdx.x) < readers) {
      read_vectors(output.data, target.data, gradients, first + threadIdx.x * kPack, end, readers,
                   scales, sums);
    }
  }

  if (work.partials == nullptr) return;
  double sum = 0;
#pragma unroll
  for (int lane = 0; lane < kPack; ++lane) {
    sum += joints_mse_weighted(factors[kImage ? lane : 0], static_cast<double>(sums[lane]));
  }
  finish_loss<C>(work, sum);
}

// The layout that all the maps have, if it is one and the same.
template <class Output, class Target>
Layout common_layout(const Work& work) {
  const JointsMSEParams& p = work.maps;
  const MapsShape shape{p.batch, p.num_joints, p.height, p.width};
  constexpr int kPack = kPackOf<Output, Target>;
  const Layout layout = layout_of(p.output, shape, sizeof(Output), kPack, kThreads);
  const bool same = layout == layout_of(p.target, shape, sizeof(Target), kPack, kThreads) &&
                    (work.gradient.data == nullptr ||
                     layout == layout_of(work.gradient, shape, sizeof(Output), kPack, kThreads));
  return same ? layout : Layout::kStrided;
}

template <class Output, class Target>
cudaError_t launch_work(Work& work, cudaStream_t queue) {
  const JointsMSEParams& p = work.maps;
  if (p.batch * p.num_joints == 0) return cudaSuccess;
  const Layout layout = common_layout<Output, Target>(work);
  const bool image = layout == Layout::kPixels;
  const std::int64_t size =
      image ? joints_mse_pixels_per_block(p.num_joints) : kJointsMSEValuesPerBlock;
  const std::int64_t blocks_per_part = (p.height * p.width + size - 1) / size;
  const std::int64_t blocks = p.batch * (image ? 1 : p.num_joints) * blocks_per_part;
  work.blocks_per_part = static_cast<unsigned>(blocks_per_part);
  switch (layout) {
    case Layout::kMaps:
      return launch_blocks<joints_mse_kernel<Output, Target, Layout::kMaps>>(blocks, kThreads,
                                                                             queue, work);
    case Layout::kPixels:
      return launch_blocks<joints_mse_kernel<Output, Target, Layout::kPixels>>(blocks, kThreads,
                                                                               queue, work);
    default:
      return launch_blocks<joints_mse_kernel<Output, Target, Layout::kStrided>>(blocks, kThreads,
                                                                                queue, work);
  }
}

}  // namespace

template <class Output, class Target>
const char* joints_mse(const JointsMSEForwardParams& p, const Stream& stream) {
  Work work = {};
  work.maps = p;
  work.gradient = p.gradient;
  work.gradient_scale = 2 * p.scale;
  work.incoming_is_one = true;
  work.ticket = reinterpret_cast<unsigned*>(p.scratch);
  work.partials = p.scratch + 1;
  work.loss = p.loss;
  const bool empty = p.batch * p.num_joints * p.height * p.width == 0;
  return on(stream, [&](cudaStream_t queue) {
    // An empty batch has loss 0, all of whose bits are 0, and nothing is launched for it.
    void* const cleared = empty ? p.loss : static_cast<void*>(work.ticket);
    const std::size_t bytes = empty ? sizeof(Arithmetic<Output, Target>) : sizeof(*work.ticket);
    const cudaError_t error = cudaMemsetAsync(cleared, 0, bytes, queue);
    return error != cudaSuccess ? error : launch_work<Output, Target>(work, queue);
  });
}

template <class Output, class Target>
const char* joints_mse_backward(const JointsMSEBackwardParams& p, const Stream& stream) {
  Work work = {};
  work.maps = p;
  work.gradient = p.gradient;
  work.incoming = p.incoming;
  work.unless_one = p.unless_one;
  work.gradient_scale = 2 * p.scale;
  return on(stream, [&](cudaStream_t queue) { return launch_work<Output, Target>(work, queue); });
}

#define LOWERPOSE_INSTANTIATE(Output, Target)                                                    \
  template const char* joints_mse<Output, Target>(const JointsMSEForwardParams&, const Stream&); \
  template const char* joints_mse_backward<Output, Target>(const JointsMSEBackwardParams&,       \
                                                           const Stream&);
#define LOWERPOSE_INSTANTIATE_OUTPUT(Output) \
  LOWERPOSE_WITH_EACH_HEATMAP_TYPE(LOWERPOSE_INSTANTIATE, Output)
LOWERPOSE_FOR_EACH_HEATMAP_TYPE(LOWERPOSE_INSTANTIATE_OUTPUT)

}  // namespace lowerpose::cuda
