// What kernels call: each call notes what the thread wants, and lets others go on.
#include "cuda_emulator/device_calls.h"

#include "cuda_emulator/memory_checks.h"
#include "cuda_emulator/state.h"

// Kernels read these, so they must not lie where their shared memory does: in .bss.
#define LOWERPOSE_BUILTIN __attribute__((section("lowerpose_builtins")))
LOWERPOSE_BUILTIN uint3 threadIdx{}, blockIdx{};
LOWERPOSE_BUILTIN dim3 blockDim{}, gridDim{};

namespace lowerpose::emulator {

unsigned lane() { return state().running->index % kWarpSize; }

int block_barrier(int predicate, Vote vote, Site site) {
  return on_behalf_of_kernel([&] {
    Thread& thread = *state().running;
    thread.waits_for = Operation::kBarrier;
    thread.predicate = predicate;
    thread.vote = vote;
    thread.site = site;
    suspend();
    return static_cast<int>(thread.result);
  });
}

std::uint64_t warp_operation(Operation operation, const WarpArgument& argument, Site site) {
  return on_behalf_of_kernel([&] {
    Thread& thread = *state().running;
    thread.waits_for = operation;
    thread.argument = argument;
    thread.site = site;
    if ((argument.mask >> thread.index % kWarpSize & 1) == 0) {
      throw Error("the lane is not in its own mask: " + where(thread));
    }
    suspend();
    return thread.result;
  });
}

void fence() {
  if (!hooks_are_there) return;
  on_behalf_of_kernel([] {
    State& s = state();
    s.running->clocks.fence(s.block, s.running->index);
  });
}

void before_atomic(void* address, std::size_t bytes) {
  on_behalf_of_kernel([=, caller = __builtin_return_address(0)] {
    make_ready(*state().running);
    suspend();
    if (hooks_are_there) check_atomic(address, bytes, caller);
  });
}

void* dynamic_shared() {
  return on_behalf_of_kernel([]() -> void* {
    if (state().dynamic == nullptr) {
      throw Error("the kernel has dynamic shared memory, and was launched with 0 bytes of it");
    }
    return state().dynamic;
  });
}

void copy_unchecked(void* to, const void* from, std::size_t bytes) { std::memcpy(to, from, bytes); }

}  // namespace lowerpose::emulator
