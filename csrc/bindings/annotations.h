// Reads COCO's annotations, Python dicts, into arrays.
#pragma once

#include <pybind11/pybind11.h>

#include "core/tensor_view.h"

namespace lowerpose {

// The values under `keys` of the annotations at `rows` ([M] int64), into `numbers` [keys, M],
// float64. `defaults` holds, for each key, what stands for it where an annotation has none; None:
// that is a KeyError, or NaN if not `strict`, as is what is no number. `tables` holds, for each
// key, None, or a dict whose entry for the value is read in its place; -1 where it has none.
void read_annotations(const pybind11::list& annotations, const TensorView& rows,
                      const pybind11::tuple& keys, const pybind11::tuple& defaults,
                      const pybind11::tuple& tables, bool strict, const TensorView& numbers,
                      int threads);

// The list of numbers under `key` of annotation `rows[i]`, into row `places[i]` of `numbers`
// [M, any], float64, which is as long. Rising rows are read fastest.
void read_annotation_lists(const pybind11::list& annotations, const TensorView& rows,
                           const TensorView& places, const pybind11::str& key,
                           const TensorView& numbers, int threads);

}  // namespace lowerpose
