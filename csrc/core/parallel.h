// Threads. The only door to OpenMP.
#pragma once

#include <cstdint>
#include <memory>
#include <type_traits>

namespace lowerpose {

// Threads that a call with `requested` threads can use here: `requested` (0 or less: OpenMP's own
// default), but 1 inside a parallel region, and 1 in a forked child, where libgomp would wait for
// threads that the fork did not copy.
int usable_threads(int requested);

namespace detail {
using RangeFunction = void (*)(void* context, std::int64_t begin, std::int64_t end);
void parallel_ranges(std::int64_t count, std::int64_t grain, int threads, RangeFunction function,
                     void* context);
void shared_batches(std::int64_t count, std::int64_t batch, int threads, RangeFunction function,
                    void* context);
}  // namespace detail

// Calls `body(begin, end)` over disjoint ranges that cover [0, count). A range holds at least
// `grain` items where it can, so small work stays on the calling thread. `body` must not throw,
// and its result must not depend on where the ranges are cut.
template <class Body>
void parallel_for(std::int64_t count, std::int64_t grain, int threads, Body&& body) {
  using Plain = std::remove_reference_t<Body>;
  detail::parallel_ranges(
      count, grain, threads,
      [](void* context, std::int64_t begin, std::int64_t end) {
        (*static_cast<Plain*>(context))(begin, end);
      },
      const_cast<void*>(static_cast<const void*>(std::addressof(body))));
}

// Calls `body(begin, end)` over batches that cover [0, count), on this thread and on helpers that
// take what they get to: one that finds no free core is not waited for. For calls of a few
// milliseconds, which a team of threads can make slower where other processes want the cores. It
// starts its helpers anew, for some 20 microseconds each. `body` must not throw, and its result
// must not depend on which thread takes what.
template <class Body>
void share_batches(std::int64_t count, std::int64_t batch, int threads, Body&& body) {
  using Plain = std::remove_reference_t<Body>;
  detail::shared_batches(
      count, batch, threads,
      [](void* context, std::int64_t begin, std::int64_t end) {
        (*static_cast<Plain*>(context))(begin, end);
      },
      const_cast<void*>(static_cast<const void*>(std::addressof(body))));
}

}  // namespace lowerpose
