// The module lowerpose_ops._C: a table of the native functions.
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <optional>

#include "bindings/tensor_caster.h"
#include "core/check.h"
#include "core/parallel.h"
#include "core/simd.h"
#include "ops/gaussian_targets.h"
#include "ops/heatmap_decode.h"
#include "ops/joints_mse.h"
#include "ops/pck.h"

namespace py = pybind11;
using namespace lowerpose;

PYBIND11_MODULE(_C, m) {
  py::register_exception_translator([](std::exception_ptr pending) {
    try {
      if (pending) std::rethrow_exception(pending);
    } catch (const TypeError& error) {
      PyErr_SetString(PyExc_TypeError, error.what());
    } catch (const ValueError& error) {
      PyErr_SetString(PyExc_ValueError, error.what());
    }
  });

  m.attr("cuda_version") = LOWERPOSE_CUDA_VERSION;  // "" when built without CUDA
  m.def("simd_level", &simd_level);
  m.def("usable_threads", &usable_threads);

  const auto no_gil = py::call_guard<py::gil_scoped_release>();
  m.def("gaussian_targets", &gaussian_targets, no_gil);
  m.def("joints_mse", &joints_mse, no_gil);
  m.def("joints_mse_backward", &joints_mse_backward, no_gil);
  m.def("decode_heatmaps", &decode_heatmaps, no_gil);
  m.def("pck_counts", &pck_counts, no_gil);
}
