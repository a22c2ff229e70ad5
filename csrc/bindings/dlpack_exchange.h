// Reads a tensor through the DLPack C exchange API that its Python type offers (torch >= 2.10).
#pragma once

#include <pybind11/pybind11.h>

#include "core/tensor_view.h"

namespace lowerpose {

// Whether the type of `object` offers the API in a version that we know.
bool offers_dlpack_exchange(PyObject* object);

// Fills the view with the object's memory, which lives as long as the object does. Returns false
// and leaves a Python error if the producer refuses the object. Needs `offers_dlpack_exchange`.
bool borrow_dlpack(PyObject* object, TensorView& view);

}  // namespace lowerpose
