// What the host side may set, and the error that it gets.
#pragma once

#include <cstddef>
#include <cstdint>
#include <stdexcept>

namespace lowerpose::emulator {

// Thrown out of `launch` for what a GPU would do silently wrong. The next launch works.
struct Error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

struct Options {
  // The schedule. 0: threads and blocks in order; 1: reversed; other even numbers: at random; other
  // odd numbers: at random by priorities, so that some threads stay far behind.
  std::uint64_t seed = 0;
  // Every launch is run under as many seeds, from `seed` on, and must always give the same bits.
  int replays = 1;
  // With access checks and a random schedule: another thread may go on before one access in so
  // many.
  unsigned accesses_per_switch = 16;
  // May threads have returned when the others come to a barrier?
  bool early_exit_is_fine = false;
  std::size_t stack_bytes = 128 * 1024;  // of each thread
  std::size_t steps_per_block = 20'000'000;
};

// Starts from the environment: LOWERPOSE_EMULATOR_SEED, LOWERPOSE_EMULATOR_REPLAYS.
Options& options();

// The device memory that there is: with access checks any other access is an error, and replays
// restore and compare its bytes. While none is known there is no bounds check and no replay.
// Regions may overlap. Of those that start together, `remove_region` forgets the last one added.
void add_region(const void* start, std::size_t bytes);
void remove_region(const void* start);

// Whether kernels were compiled with the hooks that let the emulator see every access.
bool checks_accesses();

}  // namespace lowerpose::emulator
