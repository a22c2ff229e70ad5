// What is remembered of every byte of memory that kernels use.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <unordered_map>

#include "cuda_emulator/clocks.h"

namespace lowerpose::emulator {

inline constexpr unsigned kMostBlocks = 1u << 22;  // that an Access can tell apart

// A past access to some of the bytes of a word, in 64 bits.
struct Access {
  std::uint64_t valid : 1;
  std::uint64_t writes : 1;
  std::uint64_t atomic : 1;
  std::uint64_t bytes : 4;  // a mask
  std::uint64_t time : 24;  // on its thread's clock
  std::uint64_t thread : 11;
  std::uint64_t block : 22;
};
static_assert(sizeof(Access) == 8);

// Four bytes of memory. Who comes fifth takes another's place, so that a race can be missed.
struct Word {
  static constexpr int kAccesses = 4;
  Access accesses[kAccesses];
  std::uint32_t code[kAccesses];  // where in this module each access was made
};

struct Page {
  static constexpr std::uintptr_t kBytes = 4096, kWords = kBytes / 4;
  Word words[kWords];
  std::uint8_t written[kWords];  // masks of bytes
};

class Shadow {
 public:
  Page& page(std::uintptr_t address) {
    const std::uintptr_t number = address / Page::kBytes;
    Recent& recent = recent_[number % kRecent];
    if (recent.page == nullptr || recent.number != number) {
      auto& page = pages_[number];
      if (page == nullptr) page.reset(new Page());
      recent = {number, page.get()};
    }
    return *recent.page;
  }

  // What atomic operations on an address have published.
  SharedKnowledge& published(const void* address) { return published_[address]; }

  // Forgets all; pages that were there are kept for the next accesses.
  void clear() {
    for (auto& [number, page] : pages_) *page = Page();
    published_.clear();
  }
  void release() {
    pages_.clear();
    published_.clear();
    for (Recent& recent : recent_) recent = Recent();
  }

 private:
  static constexpr int kRecent = 64;
  struct Recent {
    std::uintptr_t number = 0;
    Page* page = nullptr;
  };

  std::unordered_map<std::uintptr_t, std::unique_ptr<Page>> pages_;
  std::unordered_map<const void*, SharedKnowledge> published_;
  Recent recent_[kRecent];
};

}  // namespace lowerpose::emulator
