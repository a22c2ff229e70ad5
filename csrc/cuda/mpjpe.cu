#include "cuda/queue.h"
#include "cuda/reduce.cuh"
#include "ops/mpjpe.h"

namespace lowerpose::cuda {
namespace {

constexpr int kThreads = kPosesPerSum;

// One pose, a joint at a time out of memory: the second look finds it in the cache.
class Joints {
 public:
  __device__ Joints(const MpjpeParams& p, std::int64_t pose) : p_(p), pose_(pose) {}

  __device__ void read(std::int64_t k, double (&p)[3], double (&g)[3], double& counts) const {
    bool good = !p_.has_mask || p_.mask(pose_, k) >= 0.5;
    for (int d = 0; d < 3; ++d) {
      g[d] = d < p_.dims ? p_.gt(pose_, k, d) : 0.0;
      good &= usable_coordinate(g[d]);
    }
    for (int d = 0; d < 3; ++d) {
      p[d] = good && d < p_.dims ? p_.pred(pose_, k, d) : 0.0;
      g[d] = good ? g[d] : 0.0;
    }
    counts = good ? 1.0 : 0.0;
  }
  __device__ void raw(std::int64_t k, double (&p)[3]) const {
    for (int d = 0; d < 3; ++d) p[d] = p_.pred(pose_, k, d);
  }
  __device__ void incoming(std::int64_t k, double (&gradient)[3]) const {
    for (int d = 0; d < 3; ++d) gradient[d] = p_.incoming(pose_, k, d);
  }
  __device__ void incoming(std::int64_t k, double& gradient) const {
    gradient = p_.incoming(pose_, k);
  }
  __device__ void error(std::int64_t k, const double& error) const {
    write(p_.result, pose_ * p_.num_joints + k, error);
  }
  __device__ void point(std::int64_t k, const double (&point)[3]) const {
    write_point(p_.result, k, point);
  }
  __device__ void gradients(std::int64_t k, const double (&pred)[3], const double (&gt)[3]) const {
    write_point(p_.pred_gradient, k, pred);
    write_point(p_.gt_gradient, k, gt);
  }

 private:
  __device__ void write(void* to, std::int64_t place, double value) const {
    if (p_.is_double) {
      static_cast<double*>(to)[place] = value;
    } else {
      static_cast<float*>(to)[place] = static_cast<float>(value);
    }
  }
  __device__ void write_point(void* to, std::int64_t k, const double (&point)[3]) const {
    const std::int64_t place = (pose_ * p_.num_joints + k) * p_.dims;
    for (int d = 0; d < 3; ++d) {  // not up to dims: the point would have to lie in memory
      if (d < p_.dims) write(to, place + d, point[d]);
    }
  }

  const MpjpeParams& p_;
  const std::int64_t pose_;
};

// One thread a pose. Each block leaves its sums; the last one to come adds them. The 1 asks for no
// more blocks at a time than that, so that all of a pose's alignment fits into registers.
__global__ void __launch_bounds__(kThreads, 1) mpjpe_kernel(const MpjpeParams p) {
  const std::int64_t pose = std::int64_t{blockIdx.x} * kThreads + threadIdx.x;
  double sum = 0, number = 0;
  if (pose < p.batch) {
    Joints joints(p, pose);
    measure_pose(p, joints, sum, number);
  }
  sum = block_sum<kThreads>(sum);
  __syncthreads();
  number = block_sum<kThreads>(number);
  if (threadIdx.x == 0) {
    p.sums[2 * std::int64_t{blockIdx.x}] = sum;
    p.sums[2 * std::int64_t{blockIdx.x} + 1] = number;
  }
  if (!is_last_block(reinterpret_cast<unsigned*>(p.ticket))) return;
  sum = number = 0;
  for (unsigned block = threadIdx.x; block < gridDim.x; block += kThreads) {
    sum += p.sums[2 * std::int64_t{block}];
    number += p.sums[2 * std::int64_t{block} + 1];
  }
  sum = block_sum<kThreads>(sum);
  __syncthreads();
  number = block_sum<kThreads>(number);
  if (threadIdx.x == 0) {
    p.totals[0] = sum;
    p.totals[1] = number;
    if (p.output == PoseOutput::kMean) write_mean(p);
  }
}

__global__ void __launch_bounds__(kThreads) mpjpe_backward_kernel(const MpjpeParams p) {
  const std::int64_t pose = std::int64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (pose >= p.batch) return;
  const double mean_gradient = p.output == PoseOutput::kMean ? mean_gradient_of(p) : 0.0;
  Joints joints(p, pose);
  differentiate_pose(p, joints, mean_gradient);
}

std::int64_t blocks_of(const MpjpeParams& p) { return (p.batch + kThreads - 1) / kThreads; }

}  // namespace

const char* mpjpe(const MpjpeParams& p, const Stream& stream) {
  return on(stream, [&](cudaStream_t queue) {
    const cudaError_t error = cudaMemsetAsync(p.ticket, 0, sizeof(*p.ticket), queue);
    // Without poses one block writes the sums of nothing: the grid has one at least.
    if (error != cudaSuccess) return error;
    return launch_blocks<mpjpe_kernel>(p.batch > 0 ? blocks_of(p) : 1, kThreads, queue, p);
  });
}

const char* mpjpe_backward(const MpjpeParams& p, const Stream& stream) {
  return on(stream, [&](cudaStream_t queue) {
    return launch_blocks<mpjpe_backward_kernel>(blocks_of(p), kThreads, queue, p);
  });
}

}  // namespace lowerpose::cuda
