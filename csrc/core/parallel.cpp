#include "core/parallel.h"

#include <omp.h>
#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <memory>
#include <thread>

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

namespace {

// Helpers own it together with the caller: one that starts late still looks whether work is left.
struct Batches {
  std::int64_t count, batch;
  detail::RangeFunction function;
  void* context;  // not touched once all batches are taken: the caller may be gone
  std::atomic<std::int64_t> next{0}, finished{0};

  void work() {
    for (std::int64_t begin; (begin = next.fetch_add(batch)) < count;) {
      const std::int64_t end = std::min(begin + batch, count);
      function(context, begin, end);
      finished.fetch_add(end - begin, std::memory_order_release);
    }
  }
};

}  // namespace

void detail::shared_batches(std::int64_t count, std::int64_t batch, int threads,
                            RangeFunction function, void* context) {
  if (count <= 0) return;
  constexpr std::int64_t kBatchesPerThread = 8;  // or starting a helper takes as long as its work
  const std::int64_t most = (count - 1) / batch / kBatchesPerThread;
  const std::int64_t team = std::min<std::int64_t>(most, usable_threads(threads));
  if (team <= 1) {
    function(context, 0, count);
    return;
  }
  const auto batches = std::make_shared<Batches>();
  batches->count = count;
  batches->batch = batch;
  batches->function = function;
  batches->context = context;
  try {
    for (std::int64_t helper = 1; helper < team; ++helper) {
      std::thread([batches] { batches->work(); }).detach();
    }
  } catch (const std::exception&) {
    // No more threads, or no memory for them, are to be had: those that there are do all.
  }
  batches->work();
  while (batches->finished.load(std::memory_order_acquire) < count) std::this_thread::yield();
}

}  // namespace lowerpose
