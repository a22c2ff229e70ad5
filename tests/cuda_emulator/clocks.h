// What a thread knows of the others: how far each had come when something ordered them.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <vector>

namespace lowerpose::emulator {

// One entry a thread of a block. A thread's own entry counts what it has published.
using Clock = std::vector<std::uint32_t>;

// Clocks of blocks, by the block's number. Shared, because threads mostly know the same.
using Knowledge = std::map<unsigned, std::shared_ptr<const Clock>>;
using SharedKnowledge = std::shared_ptr<const Knowledge>;

// Adds what `other` knows.
void learn(Clock& clock, const Clock& other);
void learn(SharedKnowledge& knowledge, const SharedKnowledge& other);

struct ThreadClocks {
  Clock own_block;
  SharedKnowledge known;     // of blocks, and ordered before what comes now
  SharedKnowledge released;  // what a fence has flushed; the next atomic operation publishes it
  SharedKnowledge pending;   // seen by an atomic operation; the next fence acquires it

  void begin(std::size_t threads, unsigned thread);
  void fence(unsigned block, unsigned thread);
  // An atomic operation on an address, at which `published` is what others have left.
  void meet(SharedKnowledge& published);
  // Is what `thread` of `block` did at `time` ordered before what comes now?
  bool is_after(unsigned block, unsigned thread, std::uint32_t time, unsigned own) const;
};

}  // namespace lowerpose::emulator
