#include "cuda_emulator/clocks.h"

#include <algorithm>

namespace lowerpose::emulator {

void learn(Clock& clock, const Clock& other) {
  for (std::size_t i = 0; i < clock.size(); ++i) clock[i] = std::max(clock[i], other[i]);
}

void learn(SharedKnowledge& knowledge, const SharedKnowledge& other) {
  if (other == nullptr || knowledge == other) return;
  if (knowledge == nullptr) {
    knowledge = other;
    return;
  }
  auto both = std::make_shared<Knowledge>(*knowledge);
  for (const auto& [block, clock] : *other) {
    auto& known = (*both)[block];
    if (known == nullptr) {
      known = clock;
    } else if (known != clock) {
      auto joined = std::make_shared<Clock>(*known);
      learn(*joined, *clock);
      known = std::move(joined);
    }
  }
  knowledge = std::move(both);
}

void ThreadClocks::begin(std::size_t threads, unsigned thread) {
  own_block.assign(threads, 0);
  own_block[thread] = 1;
  known = nullptr;
  released = nullptr;
  pending = nullptr;
}

void ThreadClocks::fence(unsigned block, unsigned thread) {
  learn(known, pending);
  pending = nullptr;
  if (known != nullptr) {
    const auto own = known->find(block);
    if (own != known->end()) learn(own_block, *own->second);
  }
  auto flushed =
      known == nullptr ? std::make_shared<Knowledge>() : std::make_shared<Knowledge>(*known);
  (*flushed)[block] = std::make_shared<const Clock>(own_block);
  released = std::move(flushed);
  ++own_block[thread];
}

void ThreadClocks::meet(SharedKnowledge& published) {
  learn(published, released);
  learn(pending, published);
}

bool ThreadClocks::is_after(unsigned block, unsigned thread, std::uint32_t time,
                            unsigned own) const {
  if (block == own) return own_block[thread] >= time;
  if (known == nullptr) return false;
  const auto clock = known->find(block);
  return clock != known->end() && (*clock->second)[thread] >= time;
}

}  // namespace lowerpose::emulator
