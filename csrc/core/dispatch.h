// Turns a dtype into a type.
#pragma once

#include <initializer_list>

#include "core/float16.h"
#include "core/tensor_view.h"

namespace lowerpose {

// What heatmaps may be.
inline constexpr std::initializer_list<DType> kHeatmapDTypes = {DType::kFloat32, DType::kFloat16,
                                                                DType::kBFloat16, DType::kFloat64};

// The same as types, for whoever instantiates kernels of one type, or of two.
#define LOWERPOSE_FOR_EACH_HEATMAP_TYPE(INSTANTIATE) \
  INSTANTIATE(float)                                 \
  INSTANTIATE(double)                                \
  INSTANTIATE(Float16)                               \
  INSTANTIATE(BFloat16)
#define LOWERPOSE_WITH_EACH_HEATMAP_TYPE(INSTANTIATE, First) \
  INSTANTIATE(First, float)                                  \
  INSTANTIATE(First, double)                                 \
  INSTANTIATE(First, Float16)                                \
  INSTANTIATE(First, BFloat16)

template <class T>
struct Tag {
  using type = T;
};

// Calls `run(Tag<T>{})` with the C++ type of a dtype that Checker::dtype has let through as one of
// kHeatmapDTypes.
template <class Run>
void dispatch_heatmap(DType dtype, Run&& run) {
  switch (dtype) {
    case DType::kFloat16:
      return run(Tag<Float16>{});
    case DType::kBFloat16:
      return run(Tag<BFloat16>{});
    case DType::kFloat64:
      return run(Tag<double>{});
    default:
      return run(Tag<float>{});
  }
}

}  // namespace lowerpose
