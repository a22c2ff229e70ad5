// Which thread runs next. Blocks run one after another; the threads of a block take turns on one
// thread of the process.
#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "cuda_emulator/memory_checks.h"
#include "cuda_emulator/state.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#endif

namespace lowerpose::emulator {
namespace {

constexpr std::uint64_t kInOrder = 0, kReversed = 1;

bool by_priorities(std::uint64_t seed) { return seed > kReversed && seed % 2 == 1; }

unsigned all_blocks() { return gridDim.x * gridDim.y * gridDim.z; }

uint3 place_in(const dim3& size, unsigned index) {
  return {index % size.x, index / size.x % size.y, index / size.x / size.y};
}

// The first function on every thread's stack.
void run_thread() {
  State& s = state();
  arrive_on_fiber(s.scheduler);
  in_kernel = true;
  s.call.body(s.call.arguments);
  in_kernel = false;
  s.running->exited = true;
  leave_fiber(s.running->fiber, s.scheduler);
}

void begin_thread(unsigned index) {
  State& s = state();
  Thread& thread = s.threads[index];
  thread.index = index;
  thread.place = place_in(blockDim, index);
  thread.waits_for = Operation::kNone;
  thread.exited = false;
  // A warp stays roughly together.
  constexpr std::uint64_t kNear = 0xffff;
  thread.priority = index % kWarpSize == 0
                        ? random_number()
                        : s.threads[index - 1].priority + (random_number() & kNear);
  if (hooks_are_there) thread.clocks.begin(s.num_threads, index);
  thread.fiber.begin_with(run_thread);
  make_ready(thread);
}

bool wait_together(const Thread& a, const Thread& b) {
  return a.waits_for == b.waits_for && a.site.line == b.site.line;
}

[[noreturn]] void fail_with_deadlock() {
  constexpr std::size_t kEnough = 1000;
  State& s = state();
  std::string message = "deadlock:";
  const Thread* before = nullptr;  // where a thread waits is said for all that wait there with it
  for (std::size_t i = 0; i < s.num_threads && message.size() < kEnough; ++i) {
    const Thread& thread = s.threads[i];
    if (thread.exited) continue;
    if (before == nullptr || !wait_together(*before, thread)) message += " [" + where(thread) + "]";
    before = &thread;
  }
  throw Error(message);
}

void run_thread_until_it_stops(Thread& thread) {
  State& s = state();
  s.running = &thread;
  threadIdx = thread.place;
  switch_fiber(s.scheduler, thread.fiber);
  if (!s.failure.empty()) throw Error(s.failure);
}

void run_block(unsigned block) {
  State& s = state();
  s.block = block;
  blockIdx = place_in(gridDim, block);
  if (hooks_are_there) forget_shared_memory();
  // Garbage, as on a GPU: a NaN, or a large number.
  if (s.dynamic_bytes > 0) std::memset(s.dynamic, s.seed % 2 == 1 ? 0xff : 0x7f, s.dynamic_bytes);
  s.alive = s.num_threads;
  s.at_barrier = 0;
  s.ready = {};
  for (std::size_t i = 0; i < s.num_threads; ++i) begin_thread(static_cast<unsigned>(i));
  for (std::size_t step = 0; s.alive > 0; ++step) {
    if (s.ready.empty()) fail_with_deadlock();
    if (step == s.options.steps_per_block) {
      throw Error("no end in sight: blocks run one after another here; does one wait for another?");
    }
    Thread& thread = s.threads[s.ready.top().second];
    s.ready.pop();
    run_thread_until_it_stops(thread);
    thread_has_stopped(thread);
  }
}

// Dynamic shared memory, which ends exactly where it should, and is aligned no better than CUDA's.
class DynamicShared {
 public:
  explicit DynamicShared(std::size_t bytes) {
    if (bytes == 0) return;
    memory_bytes_ = (kAlignment + bytes + kPage - 1) / kPage * kPage;
    memory_ = static_cast<char*>(std::aligned_alloc(kPage, memory_bytes_));
    if (memory_ == nullptr) throw Error("no memory for dynamic shared memory");
    state().dynamic = memory_ + kAlignment;
    state().dynamic_bytes = bytes;
#if defined(__SANITIZE_ADDRESS__)
    __asan_poison_memory_region(memory_, kAlignment);
    __asan_poison_memory_region(memory_ + kAlignment + bytes, memory_bytes_ - kAlignment - bytes);
#endif
  }
  DynamicShared(const DynamicShared&) = delete;
  DynamicShared& operator=(const DynamicShared&) = delete;
  ~DynamicShared() {
    state().dynamic = nullptr;
    state().dynamic_bytes = 0;
#if defined(__SANITIZE_ADDRESS__)
    __asan_unpoison_memory_region(memory_, memory_bytes_);
#endif
    std::free(memory_);
  }

 private:
  static constexpr std::size_t kPage = 4096, kAlignment = 16;
  char* memory_ = nullptr;
  std::size_t memory_bytes_ = 0;
};

}  // namespace

std::uint64_t random_number() {  // splitmix64
  std::uint64_t z = (state().random_state += 0x9e3779b97f4a7c15u);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

void make_ready(Thread& thread) {
  State& s = state();
  std::uint64_t priority = thread.index;
  if (s.seed == kReversed) {
    priority = ~priority;
  } else if (by_priorities(s.seed)) {
    constexpr int kChange = 16;  // once in so many turns
    if (random_number() % kChange == 0) thread.priority = random_number();
    priority = thread.priority;
  } else if (s.seed != kInOrder) {
    priority = random_number();
  }
  s.ready.push({priority, thread.index});
}

void suspend() { switch_fiber(state().running->fiber, state().scheduler); }

void give_up() {
  suspend();
  std::abort();  // run_thread_until_it_stops has seen the failure
}

void run_all_blocks(std::uint64_t seed) {
  State& s = state();
  s.seed = seed;
  s.random_state = seed * 0x2545f4914f6cdd1du + 1;
  s.failure.clear();
  begin_memory_checks();
  const unsigned count = all_blocks();
  std::vector<unsigned> order(count);
  for (unsigned i = 0; i < count; ++i) order[i] = i;
  if (seed == kReversed) {
    std::reverse(order.begin(), order.end());
  } else if (seed != kInOrder) {
    for (unsigned i = count; i > 1; --i) std::swap(order[i - 1], order[random_number() % i]);
  }
  const DynamicShared dynamic(s.shared_bytes);
  for (const unsigned block : order) run_block(block);
  end_memory_checks();
}

}  // namespace lowerpose::emulator
