#include "ops/oks.h"

#include "core/parallel.h"

namespace lowerpose::cpu {

void oks(const OksParams& p) {
  constexpr std::int64_t kGrain = 256;  // pairs; fewer take less time than a thread's start
  parallel_for(p.batch * p.detections * p.persons, kGrain, p.threads,
               [&](std::int64_t begin, std::int64_t end) {
                 for (std::int64_t index = begin; index < end; ++index) write_oks(p, index);
               });
}

}  // namespace lowerpose::cpu
