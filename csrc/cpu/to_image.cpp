#include "ops/to_image.h"

#include "core/parallel.h"

namespace lowerpose::cpu {

void to_image(const ToImageParams& p) {
  constexpr std::int64_t kGrain = 4096;  // joints; fewer take less time than a thread's start
  parallel_for(p.batch * p.num_joints, kGrain, p.threads,
               [&](std::int64_t begin, std::int64_t end) {
                 for (std::int64_t index = begin; index < end; ++index) write_image_point(p, index);
               });
}

}  // namespace lowerpose::cpu
