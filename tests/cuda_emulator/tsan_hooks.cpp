// What a compiler calls before every access under -fsanitize=thread. Nothing is linked with that
// flag: these functions stand in for the sanitizer's, and are hidden, so that no other library
// finds them.
#include <cstddef>
#include <cstring>

#include "cuda_emulator/memory_checks.h"
#include "cuda_emulator/state.h"

namespace lowerpose::emulator {
namespace {

inline void access(const void* address, std::size_t bytes, AccessKind kind, const void* caller) {
  if (!in_kernel) return;
  on_behalf_of_kernel([=] { check_access(address, bytes, kind, caller); });
}

}  // namespace
}  // namespace lowerpose::emulator

using lowerpose::emulator::access;
using lowerpose::emulator::AccessKind;

#pragma GCC visibility push(hidden)
extern "C" {

#define LOWERPOSE_HOOK(name, bytes, kind)                                  \
  void name(void* address) {                                               \
    access(address, bytes, AccessKind::kind, __builtin_return_address(0)); \
  }
#define LOWERPOSE_HOOKS(bytes)                                 \
  LOWERPOSE_HOOK(__tsan_read##bytes, bytes, kRead)             \
  LOWERPOSE_HOOK(__tsan_write##bytes, bytes, kWrite)           \
  LOWERPOSE_HOOK(__tsan_unaligned_read##bytes, bytes, kRead)   \
  LOWERPOSE_HOOK(__tsan_unaligned_write##bytes, bytes, kWrite) \
  LOWERPOSE_HOOK(__tsan_volatile_read##bytes, bytes, kRead)    \
  LOWERPOSE_HOOK(__tsan_volatile_write##bytes, bytes, kWrite)
LOWERPOSE_HOOKS(1)
LOWERPOSE_HOOKS(2)
LOWERPOSE_HOOKS(4)
LOWERPOSE_HOOKS(8)
LOWERPOSE_HOOKS(16)

void __tsan_read_range(void* address, std::size_t bytes) {
  access(address, bytes, AccessKind::kRead, __builtin_return_address(0));
}

void __tsan_write_range(void* address, std::size_t bytes) {
  access(address, bytes, AccessKind::kWrite, __builtin_return_address(0));
}

// Clang calls these in place of the C functions.
void* __tsan_memcpy(void* to, const void* from, std::size_t bytes) {
  access(from, bytes, AccessKind::kRead, __builtin_return_address(0));
  access(to, bytes, AccessKind::kWrite, __builtin_return_address(0));
  return std::memcpy(to, from, bytes);
}

void* __tsan_memmove(void* to, const void* from, std::size_t bytes) {
  access(from, bytes, AccessKind::kRead, __builtin_return_address(0));
  access(to, bytes, AccessKind::kWrite, __builtin_return_address(0));
  return std::memmove(to, from, bytes);
}

void* __tsan_memset(void* to, int value, std::size_t bytes) {
  access(to, bytes, AccessKind::kWrite, __builtin_return_address(0));
  return std::memset(to, value, bytes);
}

void __tsan_vptr_update(void**, void*) {}
void __tsan_vptr_read(void**) {}
void __tsan_func_entry(void*) {}
void __tsan_func_exit() {}
void __tsan_init() { lowerpose::emulator::hooks_are_there = true; }

}  // extern "C"
#pragma GCC visibility pop
