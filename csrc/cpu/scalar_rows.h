// Numbers of any type along an axis, as doubles, with one look at the type.
#pragma once

#include <cstdint>

#include "core/scalar_reader.h"
#include "core/simd.h"
#include "cpu/tiles.h"

namespace lowerpose::cpu {

// Internal linkage, a copy for each file that includes this: SIMD clones need it.
namespace {

// to[n * step] = element n of those from (i, j, k, l) on along `axis`.
template <int axis>
void read_row(const ScalarReader& reader, std::int64_t i, std::int64_t j, std::int64_t k,
              std::int64_t l, std::int64_t count, double* to, std::int64_t step) {
  reader.with_elements(i, j, k, l, [&](const auto* from) {
    const std::int64_t stride = reader.stride(axis);
    if (step == 1) {
      gather(to, from, stride, count);
    } else {
      for (std::int64_t n = 0; n < count; ++n) to[n * step] = widened<double>(from[n * stride]);
    }
  });
}

template <class T>
LOWERPOSE_SIMD void split_points(const T* points, std::int64_t count, double* x, double* y) {
#pragma omp simd
  for (std::int64_t n = 0; n < count; ++n) {
    x[n] = widened<double>(points[2 * n]);
    y[n] = widened<double>(points[2 * n + 1]);
  }
}

// The points (x, y) of `count` joints of sample b, from joint k on, out of [B, K, 2].
inline void read_points(const ScalarReader& reader, std::int64_t b, std::int64_t k,
                        std::int64_t count, double* x, double* y) {
  if (reader.stride(1) == 2 && reader.stride(2) == 1) {
    reader.with_elements(b, k, 0, 0, [&](const auto* from) { split_points(from, count, x, y); });
  } else {
    read_row<1>(reader, b, k, 0, 0, count, x, 1);
    read_row<1>(reader, b, k, 1, 0, count, y, 1);
  }
}

}  // namespace
}  // namespace lowerpose::cpu
