#include "core/parallel.h"

#include <omp.h>
#include <pthread.h>

#include <algorithm>

namespace lowerpose {
namespace {

bool forked = false;  // written once, in the child, before it runs any other code of ours

struct ForkWatch {
  ForkWatch() {
    pthread_atfork(nullptr, nullptr, [] { forked = true; });
  }
};
const ForkWatch fork_watch;

}  // namespace

int usable_threads(int requested) {
  if (forked || omp_in_parallel()) return 1;
  return requested > 0 ? requested : omp_get_max_threads();
}

void detail::parallel_ranges(std::int64_t count, std::int64_t grain, int threads,
                             RangeFunction function, void* context) {
  if (count <= 0) return;
  const std::int64_t ranges = std::max<std::int64_t>(1, count / std::max<std::int64_t>(1, grain));
  const int team = static_cast<int>(std::min<std::int64_t>(ranges, usable_threads(threads)));
  if (team <= 1) {
    function(context, 0, count);
    return;
  }
#pragma omp parallel num_threads(team)
  {
    // The runtime may give fewer threads than asked for.
    const std::int64_t members = omp_get_num_threads();
    const std::int64_t member = omp_get_thread_num();
    const std::int64_t begin = count * member / members;
    const std::int64_t end = count * (member + 1) / members;
    if (begin < end) function(context, begin, end);
  }
}

}  // namespace lowerpose
