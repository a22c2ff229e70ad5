// Looks at every access of kernels that are compiled with the hooks: races, accesses out of bounds,
// shared memory that nobody has written.
#pragma once

#include <cstddef>
#include <cstdint>

namespace lowerpose::emulator {

enum class AccessKind { kRead, kWrite, kAtomic };

// `caller` is an address in the code that makes the access.
void check_access(const void* address, std::size_t bytes, AccessKind kind, const void* caller);
// An atomic operation, which besides hands on what fences have flushed.
void check_atomic(const void* address, std::size_t bytes, const void* caller);

void begin_memory_checks();
void forget_shared_memory();  // a block has ended
void end_memory_checks();     // throws what was found

}  // namespace lowerpose::emulator
