#include "cuda/queue.h"
#include "ops/oks.h"

namespace lowerpose::cuda {
namespace {

constexpr int kThreads = 128;

// The similarity of a pair of detection and person.
__device__ double oks_of(const OksParams& p, const OksPair& pair) {
  const auto [n, d, g] = pair;
  const double area = oks_area(p, pair);
  if (!(area >= 0 && area <= DBL_MAX)) return NAN;
  std::int64_t visible = 0, counted = 0;
  double sum = 0;
  for (std::int64_t k = 0; k < p.num_joints; ++k) {
    if (!oks_visible(p, n, g, k)) continue;
    ++visible;
    if (p.has_pred_visible && !(p.pred_visible(n, d, k) > 0)) continue;
    ++counted;
    sum += joint_similarity(p, p.pred(n, d, k, 0) - p.gt(n, g, k, 0),
                            p.pred(n, d, k, 1) - p.gt(n, g, k, 1), k, area);
  }
  return oks_mean(p, pair, area, static_cast<double>(visible), static_cast<double>(counted), sum);
}

// One thread a pair.
__global__ void __launch_bounds__(kThreads) oks_kernel(const OksParams p) {
  const std::int64_t index = std::int64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (index < p.batch * p.detections * p.persons) {
    p.similarity[index] = oks_of(p, oks_pair(p, index));
  }
}

}  // namespace

const char* oks(const OksParams& p, const Stream& stream) {
  const std::int64_t blocks = (p.batch * p.detections * p.persons + kThreads - 1) / kThreads;
  return on(stream, [&](cudaStream_t queue) {
    return launch_blocks<oks_kernel>(blocks, kThreads, queue, p);
  });
}

}  // namespace lowerpose::cuda
