#include "cuda_emulator/fibers.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "cuda_emulator/options.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

#if LOWERPOSE_OWN_SWITCH
// Keeps what a called function must keep, and nothing else: ucontext's makes two system calls.
extern "C" void lowerpose_emulator_switch_stack(void** from, void* to);
asm(R"(
  .text
  .globl lowerpose_emulator_switch_stack
  .hidden lowerpose_emulator_switch_stack
  .type lowerpose_emulator_switch_stack, @function
lowerpose_emulator_switch_stack:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
  .size lowerpose_emulator_switch_stack, .-lowerpose_emulator_switch_stack
)");
#endif

namespace lowerpose::emulator {
namespace {

bool within(const void* address, const void* start, std::size_t bytes) {
  return reinterpret_cast<std::uintptr_t>(address) - reinterpret_cast<std::uintptr_t>(start) <
         bytes;
}

std::size_t page_bytes() { return static_cast<std::size_t>(sysconf(_SC_PAGESIZE)); }

void switch_stack(Fiber& from, Fiber& to) {
#if LOWERPOSE_OWN_SWITCH
  lowerpose_emulator_switch_stack(&from.stack_pointer, to.stack_pointer);
#else
  swapcontext(&from.context, &to.context);
#endif
}

}  // namespace

bool Fiber::owns(const void* address) const { return within(address, stack, stack_bytes); }

void Fiber::begin_with(void (*entry)()) {
  char* const bottom = static_cast<char*>(const_cast<void*>(stack));
#if defined(__SANITIZE_ADDRESS__)
  // Who ran here before may have been given up in the middle of a function.
  __asan_unpoison_memory_region(bottom, stack_bytes);
#endif
#if LOWERPOSE_OWN_SWITCH
  constexpr int kSavedRegisters = 6;
  void** const top = reinterpret_cast<void**>(bottom + stack_bytes);
  top[-1] = nullptr;  // where `entry` would return to; unwinders stop there
  top[-2] = reinterpret_cast<void*>(entry);
  std::fill(top - 2 - kSavedRegisters, top - 2, nullptr);
  stack_pointer = top - 2 - kSavedRegisters;
#else
  getcontext(&context);
  context.uc_stack.ss_sp = bottom;
  context.uc_stack.ss_size = stack_bytes;
  context.uc_link = nullptr;
  makecontext(&context, entry, 0);
#endif
}

void switch_fiber(Fiber& from, Fiber& to) {
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_start_switch_fiber(&from.asan_stack, to.stack, to.stack_bytes);
#endif
  switch_stack(from, to);
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_finish_switch_fiber(from.asan_stack, nullptr, nullptr);
#endif
}

void leave_fiber(Fiber& from, Fiber& to) {
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_start_switch_fiber(nullptr, to.stack, to.stack_bytes);
#endif
  switch_stack(from, to);
  std::abort();  // nobody goes on with a fiber that has ended
}

void arrive_on_fiber([[maybe_unused]] Fiber& from) {
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_finish_switch_fiber(nullptr, &from.stack, &from.stack_bytes);
#endif
}

Stacks::~Stacks() { release(); }

void Stacks::release() {
  if (memory_ != nullptr) munmap(memory_, bytes_);
  memory_ = nullptr;
  bytes_ = 0;
}

void Stacks::provide(std::size_t count, std::size_t bytes) {
  const std::size_t guard = page_bytes(), each = bytes + guard;
  if (each == each_ && count * each <= bytes_) return;
  release();
  void* const memory = mmap(nullptr, count * each, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) throw Error("no memory for the stacks of a block's threads");
  memory_ = static_cast<char*>(memory);
  bytes_ = count * each;
  each_ = each;
  for (std::size_t i = 0; i < count; ++i) mprotect(memory_ + i * each, guard, PROT_NONE);
}

void* Stacks::stack(std::size_t index) const { return memory_ + index * each_ + page_bytes(); }

bool Stacks::own(const void* address) const { return within(address, memory_, bytes_); }

}  // namespace lowerpose::emulator
