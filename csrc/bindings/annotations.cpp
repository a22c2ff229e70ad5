#include "bindings/annotations.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "bindings/in_steps.h"
#include "bindings/plain_values.h"
#include "core/check.h"
#include "core/parallel.h"

namespace py = pybind11;

namespace lowerpose {
namespace {

// Annotations lie all over memory: nearly every look at one waits for it. So they are read in
// steps, and the next step for one follows when others have been through this one: by then what it
// needs has been fetched.
constexpr std::int64_t kBehind = 8;
constexpr std::int64_t kListsBehind = 3;

constexpr std::size_t kMostKeys = 8;

// What a thread takes at a time, some 50 microseconds.
#ifdef Py_GIL_DISABLED
constexpr std::int64_t kBatch = std::int64_t{1} << 62, kListBatch = kBatch;
#else
constexpr std::int64_t kBatch = 512, kListBatch = 96;
#endif

class Annotations {
 public:
  Annotations(const py::list& list, const TensorView& rows)
      : list_(list.ptr()), rows_(static_cast<const std::int64_t*>(rows.data)) {}

  std::int64_t row(std::int64_t i) const { return rows_[i]; }

  // What stands for a number may run code of its own, which may change the list.
  PyObject* at(std::int64_t i) const {
    if (rows_[i] >= PyList_GET_SIZE(list_)) {
      throw py::value_error("keypoint_ap: the list of annotations has changed while it was read");
    }
    PyObject* annotation = PyList_GET_ITEM(list_, rows_[i]);
    if (!PyDict_Check(annotation)) {
      throw py::type_error("keypoint_ap: annotation " + std::to_string(rows_[i]) +
                           " must be a dict, got " + Py_TYPE(annotation)->tp_name);
    }
    return annotation;
  }

  // Null where there is none. (A key's comparison may be anybody's code, which may let go of the
  // annotation; so all is held.)
  py::object find(std::int64_t i, PyObject* key) const {
    const auto annotation = py::reinterpret_borrow<py::object>(at(i));
    return item(annotation.ptr(), key);
  }

  static py::object item(PyObject* dict, PyObject* key) {
    auto value = py::reinterpret_borrow<py::object>(PyDict_GetItemWithError(dict, key));
    if (!value && PyErr_Occurred() != nullptr) throw py::error_already_set();
    return value;
  }

  py::object require(std::int64_t i, PyObject* key) const {
    py::object value = find(i, key);
    if (!value) {
      throw py::key_error("annotation " + std::to_string(rows_[i]) + " has no '" + text(key) + "'");
    }
    return value;
  }

  [[noreturn]] void refuse(std::int64_t i, PyObject* key, const std::string& expected,
                           const std::string& got) const {
    PyErr_Clear();
    throw py::type_error("keypoint_ap: '" + text(key) + "' of annotation " +
                         std::to_string(rows_[i]) + " must be " + expected + ", got " + got);
  }

  // The same without errors, for threads that may not set any: null.
  PyObject* plain_at(std::int64_t i) const {
    PyObject* annotation = PyList_GET_ITEM(list_, rows_[i]);
    return PyDict_CheckExact(annotation) ? annotation : nullptr;
  }

  void prefetch(std::int64_t i) const { __builtin_prefetch(PyList_GET_ITEM(list_, rows_[i])); }

  void prefetch_keys(std::int64_t i) const {
    PyObject* annotation = PyList_GET_ITEM(list_, rows_[i]);
    if (!PyDict_Check(annotation)) return;
    prefetch_bytes(reinterpret_cast<const PyDictObject*>(annotation)->ma_keys, 256);
  }

 private:
  static std::string text(PyObject* key) { return std::string(py::str(py::handle(key))); }

  PyObject* list_;
  const std::int64_t* rows_;
};

// False with a Python error set where the object, which the caller holds, is no number.
inline bool read_number(PyObject* object, double& number) {
  if (PyFloat_Check(object)) {  // NumPy's float64 too
    number = PyFloat_AS_DOUBLE(object);
    return true;
  }
  if (PyLong_CheckExact(object)) {
    number = PyLong_AsDouble(object);
  } else {
    number = PyFloat_AsDouble(object);
  }
  return number != -1.0 || PyErr_Occurred() == nullptr;
}

struct Column {
  PyObject* key;
  PyObject* fallback;  // None: there is none
  PyObject* table;     // None: the value itself is the number
  double* numbers;
  bool strict;

  py::object value(const Annotations& annotations, std::int64_t i) const {
    if (fallback == Py_None && strict) return annotations.require(i, key);
    py::object found = annotations.find(i, key);
    return found ? found : py::reinterpret_borrow<py::object>(fallback);
  }

  void read(const Annotations& annotations, std::int64_t i, py::object value) const {
    numbers[i] = std::numeric_limits<double>::quiet_NaN();
    if (value.is_none() && !strict) return;
    if (table != Py_None) {
      value = Annotations::item(table, value.ptr());
      if (!value) {
        numbers[i] = -1;
        return;
      }
    }
    double number;
    if (read_number(value.ptr(), number)) {
      numbers[i] = number;
    } else if (strict) {
      annotations.refuse(i, key, "a number", Py_TYPE(value.ptr())->tp_name);
    } else {
      PyErr_Clear();
    }
  }
};

// What a thread needs to read plain annotations.
class PlainColumn {
 public:
  PlainColumn() = default;
  PlainColumn(const Column& column, const std::optional<PlainTable>& table)
      : key_(column.key), table_(table ? &*table : nullptr), numbers_(column.numbers) {}

  PyObject* find(PyObject* annotation) { return key_.find(annotation); }

  bool read(std::int64_t i, PyObject* value) const {
    return table_ != nullptr ? table_->find(value, numbers_[i]) : plain_number(value, numbers_[i]);
  }

 private:
  PlainKey key_{nullptr};
  const PlainTable* table_ = nullptr;
  double* numbers_ = nullptr;
};

// Reads plain annotations with all threads, and says which were not.
std::vector<char> read_plain(const Annotations& all, const std::vector<Column>& columns,
                             std::int64_t count, int threads) {
  std::vector<std::optional<PlainTable>> tables(columns.size());
  std::vector<char> left(static_cast<std::size_t>(count), 1);
  for (std::size_t k = 0; k < columns.size(); ++k) {
    if (columns[k].table == Py_None) continue;
    tables[k].emplace(columns[k].table);
    if (!tables[k]->usable()) return left;
  }
  const std::size_t num_keys = columns.size();
  share_batches(count, kBatch, threads, [&](std::int64_t begin, std::int64_t end) {
    PlainColumn plain[kMostKeys];
    for (std::size_t k = 0; k < num_keys; ++k) plain[k] = {columns[k], tables[k]};
    PyObject* ring[2 * kBehind][kMostKeys];
    const auto values_of = [&](std::int64_t i) { return ring[i % (2 * kBehind)]; };
    in_steps(
        begin, end, kBehind, [&](std::int64_t i) { all.prefetch(i); },
        [&](std::int64_t i) { all.prefetch_keys(i); },
        [&](std::int64_t i) {
          PyObject* annotation = all.plain_at(i);
          PyObject** values = values_of(i);
          for (std::size_t k = 0; k < num_keys; ++k) {
            values[k] = annotation == nullptr ? nullptr : plain[k].find(annotation);
            __builtin_prefetch(values[k]);
          }
        },
        [&](std::int64_t i) {
          PyObject** values = values_of(i);
          bool done = true;
          for (std::size_t k = 0; k < num_keys; ++k) {
            done = values[k] != nullptr && plain[k].read(i, values[k]) && done;
          }
          left[i] = !done;
        });
  });
  return left;
}

bool is_list(PyObject* object, std::int64_t size) {
  return object != nullptr && PyList_CheckExact(object) && PyList_GET_SIZE(object) == size;
}

// Whether the object is a list of `size` plain numbers; then they are read.
bool read_plain_list(PyObject* object, std::int64_t size, double* numbers) {
  if (!is_list(object, size)) return false;
  for (std::int64_t n = 0; n < size; ++n) {
    if (!plain_number(PyList_GET_ITEM(object, n), numbers[n])) return false;
  }
  return true;
}

void read_list(const Annotations& annotations, std::int64_t i, PyObject* key, std::int64_t size,
               double* numbers) {
  const py::object list = annotations.require(i, key);
  const auto sequence = py::reinterpret_steal<py::object>(PySequence_Fast(list.ptr(), ""));
  const std::string expected = std::to_string(size) + " numbers";
  if (!sequence) annotations.refuse(i, key, expected, Py_TYPE(list.ptr())->tp_name);
  const Py_ssize_t length = PySequence_Fast_GET_SIZE(sequence.ptr());
  if (length != size) {
    throw py::value_error("keypoint_ap: '" + std::string(py::str(py::handle(key))) +
                          "' of annotation " + std::to_string(annotations.row(i)) + " must be " +
                          expected + ", got " + std::to_string(length));
  }
  for (Py_ssize_t n = 0; n < length && n < PySequence_Fast_GET_SIZE(sequence.ptr()); ++n) {
    const auto item =
        py::reinterpret_borrow<py::object>(PySequence_Fast_GET_ITEM(sequence.ptr(), n));
    if (!read_number(item.ptr(), numbers[n])) {
      annotations.refuse(i, key, expected, std::string("a ") + Py_TYPE(item.ptr())->tp_name);
    }
  }
}

}  // namespace

void read_annotations(const py::list& annotations, const TensorView& rows, const py::tuple& keys,
                      const py::tuple& defaults, const py::tuple& tables, bool strict,
                      const TensorView& numbers, int threads) {
  Checker check("keypoint_ap");
  check.packed("rows", rows, DType::kInt64, "[M]", {kAny});
  check.indices("rows", rows, static_cast<std::int64_t>(annotations.size()));
  const std::int64_t count = rows.shape[0];
  const std::size_t num_keys = keys.size();
  check.packed_output("numbers", numbers, DType::kFloat64, "[keys, M]",
                      {static_cast<std::int64_t>(num_keys), count});
  if (num_keys > kMostKeys) throw py::value_error("keypoint_ap: at most 8 keys");
  if (defaults.size() != num_keys || tables.size() != num_keys) {
    throw py::value_error("keypoint_ap: as many defaults and tables as keys");
  }
  std::vector<Column> columns;
  for (std::size_t k = 0; k < num_keys; ++k) {
    columns.push_back({py::handle(keys[k]).ptr(), py::handle(defaults[k]).ptr(),
                       py::handle(tables[k]).ptr(), static_cast<double*>(numbers.data) + k * count,
                       strict});
    if (columns[k].table != Py_None && !PyDict_Check(columns[k].table)) {
      throw py::type_error("keypoint_ap: a table must be a dict");
    }
  }

  const Annotations all(annotations, rows);
  const std::vector<char> left = read_plain(all, columns, count, threads);
  for (std::int64_t i = 0; i < count; ++i) {
    if (!left[i]) continue;
    for (const Column& column : columns) column.read(all, i, column.value(all, i));
  }
}

void read_annotation_lists(const py::list& annotations, const TensorView& rows,
                           const TensorView& places, const py::str& key, const TensorView& numbers,
                           int threads) {
  Checker check("keypoint_ap");
  check.packed("rows", rows, DType::kInt64, "[M]", {kAny});
  check.indices("rows", rows, static_cast<std::int64_t>(annotations.size()));
  const std::int64_t count = rows.shape[0];
  check.packed("places", places, DType::kInt64, "[M]", {count});
  check.packed_output("numbers", numbers, DType::kFloat64, "[M, any]", {count, kAny});
  check.indices("places", places, count);
  const std::int64_t size = numbers.shape[1];
  const auto* place = static_cast<const std::int64_t*>(places.data);
  auto* data = static_cast<double*>(numbers.data);

  const Annotations all(annotations, rows);
  std::vector<char> left(static_cast<std::size_t>(count), 1);
  share_batches(count, kListBatch, threads, [&](std::int64_t begin, std::int64_t end) {
    PlainKey plain(key.ptr());
    PyObject* found[4 * kListsBehind] = {};
    const auto list_of = [&](std::int64_t i) -> PyObject*& {
      return found[i % (4 * kListsBehind)];
    };
    in_steps(
        begin, end, kListsBehind, [&](std::int64_t i) { all.prefetch(i); },
        [&](std::int64_t i) { all.prefetch_keys(i); },
        [&](std::int64_t i) {
          PyObject* annotation = all.plain_at(i);
          list_of(i) = annotation == nullptr ? nullptr : plain.find(annotation);
          __builtin_prefetch(list_of(i));
        },
        [&](std::int64_t i) {
          PyObject* list = list_of(i);
          if (is_list(list, size)) prefetch_bytes(PySequence_Fast_ITEMS(list), 8 * size);
        },
        [&](std::int64_t i) {
          PyObject* list = list_of(i);
          if (!is_list(list, size)) return;
          for (std::int64_t n = 0; n < size; ++n) __builtin_prefetch(PyList_GET_ITEM(list, n));
        },
        [&](std::int64_t i) {
          left[i] = !read_plain_list(list_of(i), size, data + place[i] * size);
        });
  });
  for (std::int64_t i = 0; i < count; ++i) {
    if (left[i]) read_list(all, i, key.ptr(), size, data + place[i] * size);
  }
}

}  // namespace lowerpose
