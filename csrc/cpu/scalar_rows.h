// Numbers of any type along an axis, as doubles, with one look at the type.
#pragma once

#include <cstdint>

#include "core/scalar_reader.h"
#include "cpu/tiles.h"

namespace lowerpose::cpu {

// to[n * step] = element n of those from (i, j, k, l) on along `axis`.
template <int axis>
void read_row(const ScalarReader& reader, std::int64_t i, std::int64_t j, std::int64_t k,
              std::int64_t l, std::int64_t count, double* to, std::int64_t step) {
  reader.with_elements(i, j, k, l, [&](const auto* from) {
    const std::int64_t stride = reader.stride(axis);
    for (std::int64_t n = 0; n < count; ++n) to[n * step] = widened<double>(from[n * stride]);
  });
}

}  // namespace lowerpose::cpu
