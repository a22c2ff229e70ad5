#include "ops/decode_and_score.h"

#include <algorithm>

#include "core/dispatch.h"
#include "core/parallel.h"
#include "cpu/heatmap_decode.h"
#include "cpu/tiles.h"

namespace lowerpose::cpu {
namespace {

// Threads meet at a joint's counts, and integers add up to the same in any order.
void count_one(std::int64_t& count) { __atomic_fetch_add(&count, 1, __ATOMIC_RELAXED); }

}  // namespace

template <class T>
void decode_and_score(const DecodeAndScoreParams& p) {
  const PckParams& pck = p.pck;
  const std::int64_t num_joints = pck.num_joints;
  std::fill_n(pck.correct, pck.num_thresholds * num_joints, 0);
  std::fill_n(pck.counted, num_joints, 0);
  const std::int64_t grain = maps_per_thread(p.decode.height, p.decode.width);
  const auto score = [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t index = begin; index < end; ++index) {
      decode_heatmap<T>(p.decode, index / num_joints, index % num_joints);
    }
    // Apart, since the next map cannot be fetched before an atomic addition is done.
    for (std::int64_t index = begin; index < end; ++index) {
      const std::int64_t b = index / num_joints, k = index % num_joints;
      const PckDistance distance = score_joint(p, b, k);
      if (!distance.counts) continue;
      count_one(pck.counted[k]);
      for (std::int64_t t = 0; t < pck.num_thresholds; ++t) {
        if (pck_hit(pck, distance.value, pck.thresholds[t])) {
          count_one(pck.correct[t * num_joints + k]);
        }
      }
    }
  };
  parallel_for(pck.batch * num_joints, grain, p.decode.threads, score);
}

#define LOWERPOSE_INSTANTIATE(T) template void decode_and_score<T>(const DecodeAndScoreParams&);
LOWERPOSE_FOR_EACH_HEATMAP_TYPE(LOWERPOSE_INSTANTIATE)

}  // namespace lowerpose::cpu
