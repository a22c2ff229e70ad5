// The emulator's settings as C functions, for the tests in Python.
#include <string>

#include "cuda_emulator/state.h"

namespace {

using lowerpose::emulator::state;

// Nothing can be thrown into Python. What could be is that there is no memory.
template <class Work>
void quietly(Work&& work) noexcept {
  try {
    work();
  } catch (...) {
  }
}

}  // namespace

#pragma GCC visibility push(default)
extern "C" {

void lowerpose_emulator_configure(std::uint64_t seed, int replays) {
  quietly([=] {
    const std::lock_guard hold(state().lock);
    state().options.seed = seed;
    state().options.replays = replays;
  });
}

void lowerpose_emulator_add_region(const void* start, std::size_t bytes) {
  quietly([=] { lowerpose::emulator::add_region(start, bytes); });
}

void lowerpose_emulator_remove_region(const void* start) {
  quietly([=] { lowerpose::emulator::remove_region(start); });
}

int lowerpose_emulator_checks_accesses() { return lowerpose::emulator::checks_accesses() ? 1 : 0; }

// A line a launch since the last clear. The text is there until the next call.
const char* lowerpose_emulator_launches() {
  static std::string& text = *new std::string;
  quietly([] {
    const std::lock_guard hold(state().lock);
    text = state().launches;
  });
  return text.c_str();
}

void lowerpose_emulator_clear_launches() {
  quietly([] {
    const std::lock_guard hold(state().lock);
    state().launches.clear();
  });
}

}  // extern "C"
#pragma GCC visibility pop
