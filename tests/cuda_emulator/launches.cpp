// A launch from its arguments to its result: refusals, the log, replays.
#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "cuda_emulator/shadow.h"
#include "cuda_emulator/state.h"

namespace lowerpose::emulator {
namespace {

constexpr std::size_t kSharedLimit = 48 * 1024;  // where a kernel has not asked for more

bool is_launchable(const dim3& grid, const dim3& block) {
  constexpr unsigned kMostX = 0x7fffffff, kMostYZ = 0xffff, kMostThreads = 1024, kMostThreadsZ = 64;
  const std::uint64_t threads = std::uint64_t{block.x} * block.y * block.z;
  const bool empty = grid.x == 0 || grid.y == 0 || grid.z == 0 || threads == 0;
  return !empty && grid.x <= kMostX && grid.y <= kMostYZ && grid.z <= kMostYZ &&
         block.x <= kMostThreads && block.y <= kMostThreads && block.z <= kMostThreadsZ &&
         threads <= kMostThreads;
}

void remove_all(std::string& text, const std::string& what) {
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at)) {
    text.erase(at, what.size());
  }
}

// From __PRETTY_FUNCTION__ of signature<kernel>: "... [with auto kernel = NAME]", or "... [kernel =
// &NAME]" of clang. The template arguments keep their namespaces.
std::string kernel_name(const char* signature) {
  const std::string before = "kernel = ";
  std::string name = signature;
  name = name.substr(name.find(before) + before.size());
  name = name.substr(0, name.rfind(']'));
  for (const char* nothing : {"{anonymous}::", "<unnamed>::", "(anonymous namespace)::"}) {
    remove_all(name, nothing);
  }
  if (name[0] == '&') name.erase(0, 1);
  const std::size_t scope = name.substr(0, name.find('<')).rfind("::");
  return scope == std::string::npos ? name : name.substr(scope + 2);
}

std::string in_words(const dim3& size) {
  return std::to_string(size.x) + " " + std::to_string(size.y) + " " + std::to_string(size.z);
}

void log_launch(const Call& call) {
  state().launches += kernel_name(call.signature) + " grid " + in_words(gridDim) + " block " +
                      in_words(blockDim) + "\n";
}

void provide_threads(std::size_t count) {
  State& s = state();
  s.num_threads = count;
  if (s.threads.size() < count) s.threads = std::vector<Thread>(count);
  s.stacks.provide(s.threads.size(), s.options.stack_bytes);
  for (std::size_t i = 0; i < s.threads.size(); ++i) {
    s.threads[i].fiber.stack = s.stacks.stack(i);
    s.threads[i].fiber.stack_bytes = s.options.stack_bytes;
  }
}

// The bytes of all regions.
class Snapshot {
 public:
  Snapshot() : regions_(state().regions) {
    for (const Region& region : regions_) {
      const char* const start = reinterpret_cast<const char*>(region.start);
      bytes_.emplace_back(start, start + region.bytes);
    }
  }

  bool is_what_memory_holds() const {
    for (std::size_t i = 0; i < regions_.size(); ++i) {
      if (differs(i)) return false;
    }
    return true;
  }

  void restore() const {
    for (std::size_t i = 0; i < regions_.size(); ++i) {
      // Memory that only the kernel reads may be write-protected.
      if (differs(i)) std::memcpy(address(i), bytes_[i].data(), bytes_[i].size());
    }
  }

 private:
  void* address(std::size_t i) const { return reinterpret_cast<void*>(regions_[i].start); }
  bool differs(std::size_t i) const {
    return std::memcmp(address(i), bytes_[i].data(), bytes_[i].size()) != 0;
  }

  std::vector<Region> regions_;
  std::vector<std::vector<char>> bytes_;
};

void run_seed(std::uint64_t seed) {
  try {
    run_all_blocks(seed);
  } catch (const Error& error) {
    throw Error(kernel_name(state().call.signature) + ": " + error.what() + " [seed " +
                std::to_string(seed) + "]");
  }
}

void run_replays() {
  const Options& options = state().options;
  if (options.replays <= 1 || state().regions.empty()) return run_seed(options.seed);
  const Snapshot before;
  run_seed(options.seed);
  const Snapshot first;
  for (int replay = 1; replay < options.replays; ++replay) {
    const std::uint64_t seed = options.seed + static_cast<std::uint64_t>(replay);
    before.restore();
    run_seed(seed);
    if (first.is_what_memory_holds()) continue;
    throw Error(kernel_name(state().call.signature) +
                ": the result depends on the schedule: seed " + std::to_string(options.seed) +
                " and seed " + std::to_string(seed) + " differ");
  }
}

// Leaves no trace of a launch, however it ends.
class Running {
 public:
  Running() = default;
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;
  ~Running() {
    in_kernel = false;
    state().running = nullptr;
    state().call = Call();
    state().failure.clear();
  }
};

}  // namespace

cudaError_t run(const Call& call, dim3 grid, dim3 block, std::size_t shared_bytes) {
  State& s = state();
  const std::lock_guard hold(s.lock);
  if (!is_launchable(grid, block)) return cudaErrorInvalidConfiguration;
  const auto limit = s.shared_limits.find(call.kernel);
  if (shared_bytes > (limit == s.shared_limits.end() ? kSharedLimit : limit->second)) {
    return cudaErrorInvalidValue;
  }
  if (std::uint64_t{grid.x} * grid.y > kMostBlocks / grid.z) {
    throw Error("more blocks than the emulator can tell apart");
  }
  const Running running;
  s.call = call;
  s.shared_bytes = shared_bytes;
  gridDim = grid;
  blockDim = block;
  log_launch(call);
  provide_threads(std::size_t{block.x} * block.y * block.z);
  run_replays();
  return cudaSuccess;
}

}  // namespace lowerpose::emulator
