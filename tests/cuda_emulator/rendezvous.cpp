// Where threads wait for each other: the block at barriers, the lanes of a warp at its operations.
#include <cstdio>
#include <cstring>

#include "cuda_emulator/state.h"

namespace lowerpose::emulator {
namespace {

const char* name_of(Operation operation) {
  switch (operation) {
    case Operation::kNone:
      return "work";
    case Operation::kBarrier:
      return "__syncthreads";
    case Operation::kSyncwarp:
      return "__syncwarp";
    case Operation::kShuffle:
      return "shuffle";
    case Operation::kBallot:
      return "__ballot_sync";
    case Operation::kAll:
      return "__all_sync";
    case Operation::kAny:
      return "__any_sync";
    case Operation::kMatch:
      return "__match_any_sync";
    case Operation::kAdd:
      return "__reduce_add_sync";
    case Operation::kMin:
      return "__reduce_min_sync";
    case Operation::kMax:
      return "__reduce_max_sync";
    case Operation::kAnd:
      return "__reduce_and_sync";
    case Operation::kOr:
      return "__reduce_or_sync";
    case Operation::kXor:
      return "__reduce_xor_sync";
  }
  return "";
}

bool same_site(const Site& a, const Site& b) {
  return a.line == b.line && std::strcmp(a.file, b.file) == 0;
}

bool waits_at_warp(const Thread& thread) {
  return !thread.exited && thread.waits_for > Operation::kBarrier;
}

// From here on each knows what any of them knew. What one has flushed another may publish, and
// what one has seen another may acquire: fences are cumulative.
void exchange_knowledge(const std::vector<Thread*>& threads) {
  if (!hooks_are_there) return;
  ThreadClocks all = threads.front()->clocks;
  for (const Thread* thread : threads) {
    learn(all.own_block, thread->clocks.own_block);
    learn(all.known, thread->clocks.known);
    learn(all.released, thread->clocks.released);
    learn(all.pending, thread->clocks.pending);
  }
  for (Thread* thread : threads) {
    thread->clocks = all;
    ++thread->clocks.own_block[thread->index];
  }
}

void go_on(Thread& thread, std::uint64_t result) {
  thread.result = result;
  thread.waits_for = Operation::kNone;
  make_ready(thread);
}

void open_barrier() {
  State& s = state();
  std::vector<Thread*> threads;
  std::size_t votes = 0;
  for (std::size_t i = 0; i < s.num_threads; ++i) {
    Thread& thread = s.threads[i];
    if (thread.exited) continue;
    if (!threads.empty() && !same_site(threads.front()->site, thread.site)) {
      throw Error("divergent barrier: " + where(*threads.front()) + " but " + where(thread));
    }
    threads.push_back(&thread);
    votes += thread.predicate != 0;
  }
  if (threads.size() < s.num_threads && !s.options.early_exit_is_fine) {
    throw Error("barrier after some threads have returned: " + where(*threads.front()));
  }
  exchange_knowledge(threads);
  for (Thread* thread : threads) {
    std::size_t result = votes;
    if (thread->vote == Vote::kAll) result = votes == threads.size();
    if (thread->vote == Vote::kAny) result = votes > 0;
    go_on(*thread, result);
  }
  s.at_barrier = 0;
}

// The lanes of one warp that a mask names, without those that have returned.
struct Lanes {
  Thread* threads[kWarpSize] = {};
  unsigned there = 0;  // as a mask
  Thread* first = nullptr;

  // Whether all of them wait at an operation of the warp.
  bool gather(unsigned warp, unsigned mask) {
    State& s = state();
    for (unsigned lane = 0; lane < kWarpSize; ++lane) {
      const unsigned index = warp * kWarpSize + lane;
      const bool named = (mask >> lane & 1) != 0;
      if (!named || index >= s.num_threads || s.threads[index].exited) continue;
      if (!waits_at_warp(s.threads[index])) return false;
      threads[lane] = &s.threads[index];
      there |= 1u << lane;
      if (first == nullptr) first = threads[lane];
    }
    return first != nullptr;
  }
};

void check_lanes_agree(const Lanes& lanes, unsigned mask) {
  for (const Thread* thread : lanes.threads) {
    if (thread == nullptr) continue;
    if (thread->waits_for == lanes.first->waits_for && thread->argument.mask == mask) continue;
    char masks[64];
    std::snprintf(masks, sizeof(masks), " (masks %08x, %08x)", lanes.first->argument.mask,
                  thread->argument.mask);
    throw Error("divergent warp operation: " + where(*lanes.first) + " but " + where(*thread) +
                masks);
  }
}

std::uint32_t combine(Operation operation, bool is_signed, std::uint32_t a, std::uint32_t b) {
  const auto less = [is_signed](std::uint32_t x, std::uint32_t y) {
    return is_signed ? static_cast<std::int32_t>(x) < static_cast<std::int32_t>(y) : x < y;
  };
  switch (operation) {
    case Operation::kAdd:
      return a + b;
    case Operation::kMin:
      return less(b, a) ? b : a;
    case Operation::kMax:
      return less(a, b) ? b : a;
    case Operation::kAnd:
      return a & b;
    case Operation::kOr:
      return a | b;
    default:
      return a ^ b;
  }
}

std::uint64_t reduced(const Lanes& lanes) {
  const Thread& first = *lanes.first;
  auto result = static_cast<std::uint32_t>(first.argument.value);
  for (const Thread* thread : lanes.threads) {
    if (thread == nullptr || thread == &first) continue;
    result = combine(first.waits_for, first.argument.is_signed, result,
                     static_cast<std::uint32_t>(thread->argument.value));
  }
  return result;
}

// The lanes for which `property` holds, as a mask.
template <class Property>
unsigned mask_of(const Lanes& lanes, Property&& property) {
  unsigned mask = 0;
  for (unsigned lane = 0; lane < kWarpSize; ++lane) {
    const Thread* thread = lanes.threads[lane];
    if (thread != nullptr && property(*thread)) mask |= 1u << lane;
  }
  return mask;
}

std::uint64_t shuffled(const Lanes& lanes, const Thread& thread) {
  const unsigned source = thread.argument.source_lane;
  if (source >= kWarpSize || lanes.threads[source] == nullptr) {
    throw Error("shuffle reads lane " + std::to_string(source) +
                ", which does not take part: " + where(thread));
  }
  return lanes.threads[source]->argument.value;
}

std::uint64_t result_for(const Lanes& lanes, const Thread& thread) {
  const auto votes = [](const Thread& lane) { return lane.argument.value != 0; };
  switch (thread.waits_for) {
    case Operation::kSyncwarp:
      return 0;
    case Operation::kShuffle:
      return shuffled(lanes, thread);
    case Operation::kBallot:
      return mask_of(lanes, votes);
    case Operation::kAll:
      return mask_of(lanes, votes) == lanes.there;
    case Operation::kAny:
      return mask_of(lanes, votes) != 0;
    case Operation::kMatch:
      return mask_of(lanes, [&thread](const Thread& lane) {
        return lane.argument.value == thread.argument.value;
      });
    default:
      return reduced(lanes);
  }
}

// Carries out a warp's operation if all lanes of the mask are there.
void try_warp(unsigned warp, unsigned mask) {
  Lanes lanes;
  if (!lanes.gather(warp, mask)) return;
  check_lanes_agree(lanes, mask);
  const bool orders = lanes.first->waits_for == Operation::kSyncwarp;  // shuffles order nothing
  std::uint64_t results[kWarpSize] = {};
  std::vector<Thread*> threads;
  for (Thread* thread : lanes.threads) {
    if (thread == nullptr) continue;
    results[threads.size()] = result_for(lanes, *thread);
    threads.push_back(thread);
  }
  if (orders) exchange_knowledge(threads);
  for (std::size_t i = 0; i < threads.size(); ++i) go_on(*threads[i], results[i]);
}

void thread_has_exited(const Thread& thread) {
  State& s = state();
  --s.alive;
  const unsigned warp = thread.index / kWarpSize;
  for (unsigned lane = 0; lane < kWarpSize; ++lane) {  // it may be all that others have waited for
    const unsigned index = warp * kWarpSize + lane;
    if (index < s.num_threads && waits_at_warp(s.threads[index])) {
      try_warp(warp, s.threads[index].argument.mask);
    }
  }
}

}  // namespace

std::string where(const Thread& thread) {
  return "block " + std::to_string(state().block) + " thread " + std::to_string(thread.index) +
         " at " + name_of(thread.waits_for) + " " + thread.site.file + ":" +
         std::to_string(thread.site.line);
}

void thread_has_stopped(Thread& thread) {
  State& s = state();
  if (thread.exited) {
    thread_has_exited(thread);
  } else if (thread.waits_for == Operation::kBarrier) {
    ++s.at_barrier;
  } else if (thread.waits_for != Operation::kNone) {
    try_warp(thread.index / kWarpSize, thread.argument.mask);
  }
  if (s.at_barrier > 0 && s.at_barrier == s.alive) open_barrier();
}

}  // namespace lowerpose::emulator
