#include "cuda_emulator/state.h"

#include <cstdlib>

namespace lowerpose::emulator {
namespace {

std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
  const char* const text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

// Never destroyed: kernels may still be launched by the destructors of static objects.
State* new_state() {
  State* const state = new State;
  Options& options = state->options;
  options.seed = from_environment("LOWERPOSE_EMULATOR_SEED", options.seed);
  options.replays = static_cast<int>(from_environment("LOWERPOSE_EMULATOR_REPLAYS", 1));
  return state;
}

}  // namespace

__thread bool in_kernel = false;
bool hooks_are_there = false;

State& state() {
  static State* const state = new_state();
  return *state;
}

Options& options() { return state().options; }

}  // namespace lowerpose::emulator
