// The device memory that the host side has made known.
#include <algorithm>

#include "cuda_emulator/state.h"

namespace lowerpose::emulator {

void add_region(const void* start, std::size_t bytes) {
  const std::lock_guard hold(state().lock);
  state().regions.push_back({reinterpret_cast<std::uintptr_t>(start), bytes});
}

void remove_region(const void* start) {
  const std::lock_guard hold(state().lock);
  auto& regions = state().regions;
  const auto last = std::find_if(regions.rbegin(), regions.rend(), [start](const Region& region) {
    return region.start == reinterpret_cast<std::uintptr_t>(start);
  });
  if (last != regions.rend()) regions.erase(std::next(last).base());
}

}  // namespace lowerpose::emulator
