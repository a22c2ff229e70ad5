// Turns a dtype into a type.
#pragma once

#include <initializer_list>

#include "core/tensor_view.h"

namespace lowerpose {

// What heatmaps may be, and what ScalarReader can read.
inline constexpr std::initializer_list<DType> kHeatmapDTypes = {DType::kFloat32, DType::kFloat64};
inline constexpr std::initializer_list<DType> kReadableDTypes = {
    DType::kFloat32, DType::kFloat64, DType::kBool,  DType::kUInt8,
    DType::kInt8,    DType::kInt16,   DType::kInt32, DType::kInt64};

template <class T>
struct Tag {
  using type = T;
};

// Calls `run(Tag<T>{})` with the C++ type of a heatmap dtype that Checker::dtype has let through.
template <class Run>
void dispatch_heatmap(DType dtype, Run&& run) {
  if (dtype == DType::kFloat64) {
    run(Tag<double>{});
  } else {
    run(Tag<float>{});
  }
}

}  // namespace lowerpose
