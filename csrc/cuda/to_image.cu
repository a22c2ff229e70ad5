#include "cuda/queue.h"
#include "ops/to_image.h"

namespace lowerpose::cuda {
namespace {

constexpr int kThreads = 256;

// One thread a joint.
__global__ void __launch_bounds__(kThreads) to_image_kernel(const ToImageParams p) {
  const std::int64_t index = std::int64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (index < p.batch * p.num_joints) write_image_point(p, index);
}

}  // namespace

const char* to_image(const ToImageParams& p, const Stream& stream) {
  const std::int64_t blocks = (p.batch * p.num_joints + kThreads - 1) / kThreads;
  return on(stream, [&](cudaStream_t queue) {
    return launch_blocks<to_image_kernel>(blocks, kThreads, queue, p);
  });
}

}  // namespace lowerpose::cuda
