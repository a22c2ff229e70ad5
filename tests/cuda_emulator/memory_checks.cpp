#include "cuda_emulator/memory_checks.h"

#include <algorithm>
#include <set>
#include <string>
#include <utility>

#include "cuda_emulator/link_unit.h"
#include "cuda_emulator/ranges.h"
#include "cuda_emulator/shadow.h"
#include "cuda_emulator/state.h"

namespace lowerpose::emulator {
namespace {

struct Checks {
  Shadow global, shared;
  unsigned until_switch = 0;                                   // accesses
  std::set<std::pair<std::uint32_t, std::uint32_t>> reported;  // pairs of places in the code
  std::string reports;
};

Checks& checks() {
  static Checks& checks = *new Checks;
  return checks;
}

// One access of the running thread.
struct Current {
  std::uintptr_t address;
  std::size_t bytes;
  AccessKind kind;
  std::uint32_t code;

  bool writes() const { return kind != AccessKind::kRead; }
  const char* verb() const { return writes() ? "write" : "read"; }
};

enum class Space { kGlobal, kShared, kConstant };

std::string by_whom(const Current& current) {
  return "by block " + std::to_string(state().block) + " thread " +
         std::to_string(state().running->index) + " (" + source_line(current.code) + ")";
}

// Once for every pair of places; to look up their lines is slow.
template <class Text>
void report(std::uint32_t code, std::uint32_t other_code, Text&& text) {
  constexpr std::size_t kEnough = 20;
  Checks& c = checks();
  if (c.reported.size() == kEnough || !c.reported.insert({code, other_code}).second) return;
  if (!c.reports.empty()) c.reports += "\n";
  c.reports += text();
}

// The last region that begins at or before an address, or null.
const Region* region_before(std::uintptr_t address) {
  const Region* best = nullptr;
  for (const Region& region : state().regions) {
    if (region.start <= address && (best == nullptr || region.start >= best->start)) {
      best = &region;
    }
  }
  return best;
}

[[noreturn]] void fail_out_of_bounds(const Current& current) {
  State& s = state();
  const auto dynamic = reinterpret_cast<std::uintptr_t>(s.dynamic);
  std::string near;
  if (s.stacks.own(reinterpret_cast<const void*>(current.address))) {
    near = "in another thread's local memory";
  } else if (constexpr std::size_t kNear = 4096;
             s.dynamic != nullptr &&
             contains(dynamic, s.dynamic_bytes + kNear, current.address, 0)) {
    near = std::to_string(current.address - dynamic) + " bytes into dynamic shared memory of " +
           std::to_string(s.dynamic_bytes);
  } else if (const Region* region = region_before(current.address)) {
    near = std::to_string(current.address - region->start) + " bytes into a buffer of " +
           std::to_string(region->bytes);
  } else {
    near = "before all buffers";
  }
  throw Error(std::string("out-of-bounds ") + current.verb() + " of " +
              std::to_string(current.bytes) + " bytes, " + near + ", " + by_whom(current));
}

bool in_some_region(std::uintptr_t address, std::size_t bytes) {
  const auto& regions = state().regions;
  return std::any_of(regions.begin(), regions.end(), [=](const Region& region) {
    return contains(region.start, region.bytes, address, bytes);
  });
}

// Fails where a kernel has no business.
Space space_of(const Current& current) {
  State& s = state();
  const std::uintptr_t address = current.address;
  const std::size_t bytes = current.bytes;
  if (in_some_region(address, bytes)) return Space::kGlobal;
  if (contains(reinterpret_cast<std::uintptr_t>(s.dynamic), s.dynamic_bytes, address, bytes) ||
      in_zeroed_data(address, bytes)) {
    return Space::kShared;
  }
  if (in_link_unit(address, bytes) && !current.writes()) return Space::kConstant;
  constexpr std::uintptr_t kFirstPages = 65536;  // a null pointer with an index
  const bool wild = address < kFirstPages || s.stacks.own(reinterpret_cast<const void*>(address)) ||
                    in_link_unit(address, bytes);
  if (wild || !s.regions.empty()) fail_out_of_bounds(current);
  return Space::kGlobal;
}

void check_written(Page& page, std::size_t index, unsigned bytes, const Current& current) {
  std::uint8_t& written = page.written[index];
  if (current.kind == AccessKind::kWrite) {
    written = static_cast<std::uint8_t>(written | bytes);
  } else if ((written & bytes) != bytes) {
    report(current.code, 0, [&] { return "uninitialised shared memory read " + by_whom(current); });
  }
}

void report_race(Space space, const Current& current, const Access& past, std::uint32_t code) {
  report(current.code, code, [&] {
    return std::string("race on ") + (space == Space::kShared ? "shared" : "global") +
           " memory: " + current.verb() + " " + by_whom(current) + " and earlier " +
           (past.writes ? "write" : "read") + " by block " + std::to_string(past.block) +
           " thread " + std::to_string(past.thread) + " (" + source_line(code) +
           "), which nothing orders";
  });
}

// Compares with what is remembered of the word, and is remembered itself.
void check_race(Word& word, unsigned bytes, Space space, const Current& current) {
  const State& s = state();
  const Thread& thread = *s.running;
  Access now = {};
  now.valid = 1;
  now.writes = current.writes();
  now.atomic = current.kind == AccessKind::kAtomic;
  now.bytes = bytes;
  now.time = thread.clocks.own_block[thread.index];
  now.thread = thread.index;
  now.block = s.block;
  int place = -1;
  for (int i = 0; i < Word::kAccesses; ++i) {
    const Access& past = word.accesses[i];
    if (!past.valid) {
      if (place < 0) place = i;
      continue;
    }
    const bool own = past.block == s.block && past.thread == thread.index;
    if (own || thread.clocks.is_after(past.block, past.thread, past.time, s.block)) {
      // The new access says all that the old one said.
      if ((past.bytes & ~bytes) == 0 && (now.writes || !past.writes)) place = i;
    } else if ((past.bytes & bytes) != 0 && (past.writes || now.writes) &&
               !(past.atomic && now.atomic)) {
      report_race(space, current, past, word.code[i]);
    }
  }
  if (place < 0) place = static_cast<int>(random_number() % Word::kAccesses);
  word.accesses[place] = now;
  word.code[place] = current.code;
}

void check_words(Space space, const Current& current) {
  Shadow& shadow = space == Space::kShared ? checks().shared : checks().global;
  const std::uintptr_t end = current.address + current.bytes;
  for (std::uintptr_t word = current.address & ~std::uintptr_t{3}; word < end; word += 4) {
    const auto first = static_cast<unsigned>(std::max(current.address, word) - word);
    const auto last = static_cast<unsigned>(std::min(end, word + 4) - word);
    const unsigned bytes = ((1u << last) - 1) & ~((1u << first) - 1);
    Page& page = shadow.page(word);
    const std::size_t index = word % Page::kBytes / 4;
    if (space == Space::kShared) check_written(page, index, bytes, current);
    check_race(page.words[index], bytes, space, current);
  }
}

unsigned accesses_until_switch() {
  return static_cast<unsigned>(1 + random_number() % (2 * state().options.accesses_per_switch));
}

// In a random schedule another thread may go on first.
void maybe_switch() {
  State& s = state();
  if (s.seed <= 1 || s.options.accesses_per_switch == 0) return;
  if (--checks().until_switch > 0) return;
  checks().until_switch = accesses_until_switch();
  make_ready(*s.running);
  suspend();
}

}  // namespace

bool checks_accesses() { return hooks_are_there; }

void check_access(const void* pointer, std::size_t bytes, AccessKind kind, const void* caller) {
  const auto address = reinterpret_cast<std::uintptr_t>(pointer);
  const State& s = state();
  if (s.running->fiber.owns(pointer) || in_builtins(address, bytes)) return;
  const auto arguments = reinterpret_cast<std::uintptr_t>(s.call.arguments);
  if (contains(arguments, s.call.argument_bytes, address, bytes)) return;
  if (kind != AccessKind::kAtomic) maybe_switch();
  const Current current{address, bytes, kind, code_offset(caller)};
  const Space space = space_of(current);
  if (space != Space::kConstant) check_words(space, current);
}

void check_atomic(const void* address, std::size_t bytes, const void* caller) {
  check_access(address, bytes, AccessKind::kAtomic, caller);
  const Current current{reinterpret_cast<std::uintptr_t>(address), bytes, AccessKind::kAtomic, 0};
  Shadow& shadow = space_of(current) == Space::kShared ? checks().shared : checks().global;
  state().running->clocks.meet(shadow.published(address));
}

void begin_memory_checks() {
  Checks& c = checks();
  c.global.release();
  c.shared.release();
  c.reported.clear();
  c.reports.clear();
  if (state().options.accesses_per_switch > 0) c.until_switch = accesses_until_switch();
}

void forget_shared_memory() { checks().shared.clear(); }

void end_memory_checks() {
  if (!checks().reports.empty()) throw Error(checks().reports);
}

}  // namespace lowerpose::emulator
