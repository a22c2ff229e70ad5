// Lets C++ functions take `const TensorView&` where Python passes a NumPy array (buffer protocol),
// a torch tensor (DLPack's C exchange API), or the tuple that the Python face makes of one where
// torch has no such API or the tensor is no plain one.
//
// The caster accepts every object. What it cannot read becomes a view with a `problem`, which the
// operation refuses under the argument's name.
#pragma once

#include <pybind11/pybind11.h>

#include "core/tensor_view.h"

namespace lowerpose {

// A view together with what keeps its memory in place during the call.
class BorrowedView {
 public:
  BorrowedView() = default;
  BorrowedView(const BorrowedView&) = delete;
  BorrowedView& operator=(const BorrowedView&) = delete;
  ~BorrowedView();

  void borrow(PyObject* object);
  const TensorView& view() const { return view_; }

 private:
  void borrow_tuple(PyObject* tuple);
  void borrow_buffer(PyObject* object);

  TensorView view_;
  Py_buffer buffer_ = {};
};

}  // namespace lowerpose

namespace pybind11::detail {

template <>
struct type_caster<lowerpose::TensorView> {
  static constexpr auto name = const_name("array");
  template <class>
  using cast_op_type = const lowerpose::TensorView&;

  bool load(handle source, bool) {
    borrowed_.borrow(source.ptr());
    return true;
  }
  operator const lowerpose::TensorView&() { return borrowed_.view(); }

 private:
  lowerpose::BorrowedView borrowed_;
};

// None, or an array. (pybind11's own optional caster would copy the view and drop the buffer.)
template <>
struct type_caster<std::optional<lowerpose::TensorView>> {
  static constexpr auto name = const_name("array | None");
  template <class>
  using cast_op_type = const std::optional<lowerpose::TensorView>&;

  bool load(handle source, bool) {
    if (source.is_none()) return true;
    borrowed_.borrow(source.ptr());
    view_ = borrowed_.view();
    return true;
  }
  operator const std::optional<lowerpose::TensorView>&() { return view_; }

 private:
  lowerpose::BorrowedView borrowed_;
  std::optional<lowerpose::TensorView> view_;
};

}  // namespace pybind11::detail
