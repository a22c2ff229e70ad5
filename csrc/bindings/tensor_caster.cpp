#include "bindings/tensor_caster.h"

#include <cstring>
#include <optional>

#include "bindings/dlpack_exchange.h"

namespace lowerpose {
namespace {

// The element type of a buffer, from its struct-module format character and its size.
std::optional<DType> buffer_dtype(const char* format, Py_ssize_t size) {
  if (format == nullptr) return std::nullopt;
  // '@' and '=' mean the machine's own byte order, '<' too where that is little-endian.
  if (*format == '@' || *format == '=' || (*format == '<' && PY_LITTLE_ENDIAN)) ++format;
  if (std::strlen(format) != 1) return std::nullopt;
  switch (*format) {
    case '?':
      return DType::kBool;
    case 'B':
      return DType::kUInt8;
    case 'b':
      return DType::kInt8;
    case 'h':
      return DType::kInt16;
    case 'i':
    case 'l':
    case 'q':
      if (size == 4) return DType::kInt32;
      if (size == 8) return DType::kInt64;
      return std::nullopt;
    case 'e':
      return DType::kFloat16;
    case 'f':
      return DType::kFloat32;
    case 'd':
      return DType::kFloat64;
    default:
      return std::nullopt;
  }
}

bool read_sizes(PyObject* tuple, std::int64_t* sizes, Py_ssize_t count) {
  if (!PyTuple_Check(tuple) || PyTuple_GET_SIZE(tuple) != count) return false;
  for (Py_ssize_t i = 0; i < count; ++i) sizes[i] = PyLong_AsLongLong(PyTuple_GET_ITEM(tuple, i));
  return true;
}

// Whether a product of these sizes is a number of elements that can be counted.
bool countable(const std::int64_t* shape, Py_ssize_t ndim) {
  std::int64_t count = 1;
  for (Py_ssize_t i = 0; i < ndim; ++i) {
    if (shape[i] < 0 || __builtin_mul_overflow(count, shape[i], &count)) return false;
  }
  return true;
}

// What a producer said of an object that it would not describe; takes the Python error away.
std::string refusal(PyObject* object) {
  const pybind11::error_already_set error;
  const std::string reason = error.what();
  return std::string("a ") + Py_TYPE(object)->tp_name + " that cannot be read (" +
         reason.substr(0, reason.find('\n')) + ")";
}

const char* read_text(PyObject* object) {
  return PyUnicode_Check(object) ? PyUnicode_AsUTF8(object) : nullptr;
}

bool find_dtype(const char* name, DType& dtype) {
  for (const DTypeInfo& entry : kDTypes) {
    if (std::strcmp(entry.name, name) == 0) {
      dtype = entry.dtype;
      return true;
    }
  }
  return false;
}

bool find_device(const char* type, Device& device) {
  device = std::strcmp(type, "cuda") == 0 ? Device::kCUDA : Device::kCPU;
  return device == Device::kCUDA || std::strcmp(type, "cpu") == 0;
}

}  // namespace

BorrowedView::~BorrowedView() {
  if (buffer_.obj != nullptr) PyBuffer_Release(&buffer_);
}

void BorrowedView::borrow(PyObject* object) {
  if (PyTuple_Check(object)) {
    borrow_tuple(object);
  } else if (offers_dlpack_exchange(object)) {
    if (!borrow_dlpack(object, view_)) view_.problem = refusal(object);
  } else if (PyObject_CheckBuffer(object)) {
    borrow_buffer(object);
  } else {
    view_.problem = Py_TYPE(object)->tp_name;
  }
}

// (pointer, shape, strides in elements, dtype name, device type, device index, stream)
void BorrowedView::borrow_tuple(PyObject* tuple) {
  const char* problem = "a tuple that describes no tensor";
  if (PyTuple_GET_SIZE(tuple) == 7) {
    PyObject* shape = PyTuple_GET_ITEM(tuple, 1);
    const Py_ssize_t ndim = PyTuple_Check(shape) ? PyTuple_GET_SIZE(shape) : kMaxDims + 1;
    const char* dtype = read_text(PyTuple_GET_ITEM(tuple, 3));
    const char* device = read_text(PyTuple_GET_ITEM(tuple, 4));
    if (ndim <= kMaxDims && dtype != nullptr && device != nullptr &&
        read_sizes(shape, view_.shape, ndim) &&
        read_sizes(PyTuple_GET_ITEM(tuple, 2), view_.strides, ndim) &&
        countable(view_.shape, ndim)) {
      problem = nullptr;
      view_.data = PyLong_AsVoidPtr(PyTuple_GET_ITEM(tuple, 0));
      view_.ndim = static_cast<int>(ndim);
      view_.device_index = static_cast<int>(PyLong_AsLong(PyTuple_GET_ITEM(tuple, 5)));
      view_.stream = PyLong_AsVoidPtr(PyTuple_GET_ITEM(tuple, 6));
      view_.writable = true;
      if (!find_dtype(dtype, view_.dtype)) {
        view_.problem = std::string("a tensor of ") + dtype;
      } else if (!find_device(device, view_.device)) {
        view_.problem = std::string("a tensor on ") + device;
      }
    }
  }
  if (PyErr_Occurred() != nullptr) {  // an entry was no number, or too large for one
    PyErr_Clear();
    problem = "a tuple that describes no tensor";
  }
  if (problem != nullptr) {
    view_ = TensorView();
    view_.problem = problem;
  }
}

void BorrowedView::borrow_buffer(PyObject* object) {
  if (PyObject_GetBuffer(object, &buffer_, PyBUF_RECORDS_RO) != 0) {
    PyErr_Clear();
    buffer_.obj = nullptr;
    view_.problem = std::string(Py_TYPE(object)->tp_name) + " without a readable strided buffer";
    return;
  }
  const std::optional<DType> dtype = buffer_dtype(buffer_.format, buffer_.itemsize);
  if (!dtype) {
    view_.problem = std::string("an array of element type '") +
                    (buffer_.format == nullptr ? "" : buffer_.format) + "'";
    return;
  }
  if (buffer_.ndim > kMaxDims) {
    view_.problem = "an array of " + std::to_string(buffer_.ndim) + " dimensions";
    return;
  }
  for (int i = 0; i < buffer_.ndim; ++i) {
    if (buffer_.strides[i] % buffer_.itemsize != 0) {
      view_.problem = "an array whose strides are no multiples of its element size";
      return;
    }
    view_.shape[i] = buffer_.shape[i];
    view_.strides[i] = buffer_.strides[i] / buffer_.itemsize;
  }
  view_.data = buffer_.buf;
  view_.ndim = buffer_.ndim;
  view_.dtype = *dtype;
  view_.writable = buffer_.readonly == 0;
}

}  // namespace lowerpose
