// Stacks to run on, and the switch between them.
#pragma once

#include <cstddef>
#include <memory>

#if defined(__x86_64__) && !defined(LOWERPOSE_EMULATOR_UCONTEXT)
#define LOWERPOSE_OWN_SWITCH 1
#else
#include <ucontext.h>
#define LOWERPOSE_OWN_SWITCH 0
#endif

namespace lowerpose::emulator {

// Somewhere to go back to: a stack, and where on it something stopped.
struct Fiber {
#if LOWERPOSE_OWN_SWITCH
  void* stack_pointer = nullptr;
#else
  ucontext_t context;
#endif
  const void* stack = nullptr;
  std::size_t stack_bytes = 0;
  void* asan_stack = nullptr;  // AddressSanitizer's own

  bool owns(const void* address) const;
  // Lets it begin with `entry`, which must never return.
  void begin_with(void (*entry)());
};

// Stops `from`, goes on with `to`, and returns when somebody switches to `from` again.
void switch_fiber(Fiber& from, Fiber& to);
// `from` has ended.
[[noreturn]] void leave_fiber(Fiber& from, Fiber& to);
// The first thing to do on a new fiber. `from` is who switched to it; it learns its stack.
void arrive_on_fiber(Fiber& from);

// Memory for stacks, each with a page below it that cannot be touched.
class Stacks {
 public:
  Stacks() = default;
  Stacks(const Stacks&) = delete;
  Stacks& operator=(const Stacks&) = delete;
  ~Stacks();

  // Moves all stacks if there are not enough of that size.
  void provide(std::size_t count, std::size_t bytes);
  void* stack(std::size_t index) const;
  bool own(const void* address) const;

 private:
  void release();

  char* memory_ = nullptr;
  std::size_t bytes_ = 0;
  std::size_t each_ = 0;  // with the page below
};

}  // namespace lowerpose::emulator
