// All that the emulator knows of the launch that is running.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <queue>
#include <string>
#include <utility>
#include <vector>

#include "cuda_emulator/builtins.h"
#include "cuda_emulator/clocks.h"
#include "cuda_emulator/device_calls.h"
#include "cuda_emulator/fibers.h"
#include "cuda_emulator/options.h"

namespace lowerpose::emulator {

inline constexpr unsigned kWarpSize = warpSize;

struct Thread {
  Fiber fiber;
  unsigned index = 0;  // in its block
  uint3 place{};       // threadIdx
  std::uint64_t priority = 0;
  bool exited = false;

  // What it waits for; kNone if it can run.
  Operation waits_for = Operation::kNone;
  Site site;
  Vote vote = Vote::kCount;
  int predicate = 0;
  WarpArgument argument;
  std::uint64_t result = 0;

  ThreadClocks clocks;  // with access checks
};

struct Region {
  std::uintptr_t start;
  std::size_t bytes;
};

struct State {
  std::recursive_mutex lock;  // held for a launch
  Options options;
  std::vector<Region> regions;
  std::string launches;                              // the log
  std::map<const void*, std::size_t> shared_limits;  // of kernels that asked for more

  Call call;
  std::vector<Thread> threads;
  std::size_t num_threads = 0;   // of a block; `threads` may hold more
  std::size_t shared_bytes = 0;  // that the launch asks for
  Stacks stacks;
  Fiber scheduler;
  Thread* running = nullptr;  // null while no kernel runs
  unsigned block = 0;
  std::size_t alive = 0, at_barrier = 0;

  std::uint64_t seed = 0;  // of this replay
  std::uint64_t random_state = 0;
  // By priority, the smallest first.
  using Ready = std::pair<std::uint64_t, unsigned>;
  std::priority_queue<Ready, std::vector<Ready>, std::greater<>> ready;

  char* dynamic = nullptr;  // shared memory
  std::size_t dynamic_bytes = 0;

  std::string failure;  // of the running thread, which is not resumed
};

State& state();

// Whether kernel code runs on this thread of the process. The hooks ignore everything else: the
// emulator itself, and other threads that run an instrumented copy of some inline function. Of the
// old kind of thread-local variables, which need no call to be read.
extern __thread bool in_kernel __attribute__((tls_model("initial-exec"), visibility("hidden")));

// Set by the hooks' first call, which comes before the constructors of static objects.
extern bool hooks_are_there __attribute__((visibility("hidden")));

class OutsideKernel {
 public:
  OutsideKernel() : before_(in_kernel) { in_kernel = false; }
  OutsideKernel(const OutsideKernel&) = delete;
  OutsideKernel& operator=(const OutsideKernel&) = delete;
  ~OutsideKernel() { in_kernel = before_; }

 private:
  bool before_;
};

// scheduler.cpp
std::uint64_t random_number();
void make_ready(Thread& thread);
void suspend();               // the running thread, until it is its turn again
[[noreturn]] void give_up();  // it has failed
void run_all_blocks(std::uint64_t seed);

// rendezvous.cpp
void thread_has_stopped(Thread& thread);
std::string where(const Thread& thread);

// Runs `work` for the running thread. What it throws stops the thread for good and comes out of the
// launch: exceptions cannot pass through kernels, whose accesses are calls that the compiler
// believes not to throw.
template <class Work>
decltype(auto) on_behalf_of_kernel(Work&& work) {
  const OutsideKernel outside;
  try {
    return work();
  } catch (const std::exception& error) {
    state().failure = error.what();
  }
  give_up();
}

}  // namespace lowerpose::emulator
