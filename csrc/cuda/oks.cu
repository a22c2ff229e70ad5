#include "cuda/queue.h"
#include "ops/oks.h"

namespace lowerpose::cuda {
namespace {

constexpr int kThreads = 128;

// One thread a pair of detection and person.
__global__ void __launch_bounds__(kThreads) oks_kernel(const OksParams p) {
  const std::int64_t index = std::int64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (index < p.batch * p.detections * p.persons) write_oks(p, index);
}

}  // namespace

const char* oks(const OksParams& p, const Stream& stream) {
  const std::int64_t blocks = (p.batch * p.detections * p.persons + kThreads - 1) / kThreads;
  return on(stream, [&](cudaStream_t queue) {
    return launch_blocks<oks_kernel>(blocks, kThreads, queue, p);
  });
}

}  // namespace lowerpose::cuda
