// Atomic operations. Each is a point where another thread may go on. They are inlined, so that
// reports can name the kernel's line.
#pragma once

#include "cuda_emulator/device_calls.h"

namespace lowerpose::emulator {

template <class T, class Change>
LOWERPOSE_ALWAYS_INLINE T read_change_write(T* address, Change&& change) {
  before_atomic(address, sizeof(T));
  T old;
  copy_unchecked(&old, address, sizeof(T));
  const T changed = change(old);
  copy_unchecked(address, &changed, sizeof(T));
  return old;
}

}  // namespace lowerpose::emulator

#define LOWERPOSE_ATOMIC(name, changed)                                            \
  template <class T>                                                               \
  LOWERPOSE_ALWAYS_INLINE T name(T* address, lowerpose::emulator::Same<T> value) { \
    return lowerpose::emulator::read_change_write(                                 \
        address, [value]([[maybe_unused]] T old) -> T { return T(changed); });     \
  }
LOWERPOSE_ATOMIC(atomicAdd, old + value)
LOWERPOSE_ATOMIC(atomicSub, old - value)
LOWERPOSE_ATOMIC(atomicExch, value)
LOWERPOSE_ATOMIC(atomicMin, value < old ? value : old)
LOWERPOSE_ATOMIC(atomicMax, old < value ? value : old)
LOWERPOSE_ATOMIC(atomicAnd, old& value)
LOWERPOSE_ATOMIC(atomicOr, old | value)
LOWERPOSE_ATOMIC(atomicXor, old ^ value)
LOWERPOSE_ATOMIC(atomicInc, old >= value ? 0 : old + 1)
LOWERPOSE_ATOMIC(atomicDec, old == 0 || old > value ? value : old - 1)
#undef LOWERPOSE_ATOMIC

template <class T>
LOWERPOSE_ALWAYS_INLINE T atomicCAS(T* address, lowerpose::emulator::Same<T> expected,
                                    lowerpose::emulator::Same<T> value) {
  return lowerpose::emulator::read_change_write(
      address, [=](T old) -> T { return old == expected ? value : old; });
}
