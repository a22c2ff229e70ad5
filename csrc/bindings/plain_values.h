// Looks at Python's objects without the interpreter: nothing here counts references, sets errors
// or runs anybody's code. So while one thread holds the interpreter's lock and waits, others may do
// the same. What is not plain is left to the caller.
#pragma once

#include <pybind11/pybind11.h>
#if PY_VERSION_HEX < 0x030B0000
#include <longintrepr.h>
#endif

#include <cstdint>
#include <cstring>
#include <vector>

namespace lowerpose {

// False where the object is no integer of 64 bits.
inline bool plain_integer(PyObject* object, long long& integer) {
  if (!PyLong_CheckExact(object)) return false;
  auto* number = reinterpret_cast<PyLongObject*>(object);
#if PY_VERSION_HEX >= 0x030C0000
  if (PyUnstable_Long_IsCompact(number)) {
    integer = PyUnstable_Long_CompactValue(number);
    return true;
  }
#else
  if (const Py_ssize_t digits = Py_SIZE(number); digits >= -1 && digits <= 1) {
    integer = static_cast<long long>(digits) * number->ob_digit[0];
    return true;
  }
#endif
  int overflow = 0;
  integer = PyLong_AsLongLongAndOverflow(object, &overflow);
  return overflow == 0;
}

// False where the object is neither a float nor an integer of 64 bits.
inline bool plain_number(PyObject* object, double& number) {
  if (PyFloat_CheckExact(object)) {
    number = PyFloat_AS_DOUBLE(object);
    return true;
  }
  if (long long integer; plain_integer(object, integer)) {
    number = static_cast<double>(integer);
    return true;
  }
  if (!PyFloat_Check(object)) return false;
  number = PyFloat_AS_DOUBLE(object);  // NumPy's float64 too
  return true;
}

inline bool same_plain_text(PyObject* a, PyObject* b) {
  if (a == b) return true;
  if (!PyUnicode_CheckExact(a) || !PyUnicode_CheckExact(b)) return false;
  if (!PyUnicode_IS_COMPACT_ASCII(a) || !PyUnicode_IS_COMPACT_ASCII(b)) return false;
  const Py_ssize_t length = PyUnicode_GET_LENGTH(a);
  return length == PyUnicode_GET_LENGTH(b) &&
         std::memcmp(PyUnicode_1BYTE_DATA(a), PyUnicode_1BYTE_DATA(b), length) == 0;
}

// A key of many dicts. Most were filled in the same order, so it is looked for first where the last
// dict had it.
class PlainKey {
 public:
  explicit PlainKey(PyObject* key) : wanted_(key), met_(key) {}

  // A borrowed reference, or null where it was not seen, which does not say that it is not there.
  PyObject* find(PyObject* dict) {
    PyObject *key, *value;
    Py_ssize_t next = place_;
    if (PyDict_Next(dict, &next, &key, &value) && key == met_) return value;
    Py_ssize_t place = next = 0;
    while (PyDict_Next(dict, &next, &key, &value)) {
      if (same_plain_text(key, wanted_)) {
        place_ = place;
        met_ = key;
        return value;
      }
      place = next;
    }
    return nullptr;
  }

 private:
  PyObject *wanted_, *met_;
  Py_ssize_t place_ = 0;
};

// A dict from integers to numbers as a table of its own. Without `usable` it has other keys or
// values.
class PlainTable {
 public:
  explicit PlainTable(PyObject* dict) {
    std::size_t size = 16;
    while (size < 2 * static_cast<std::size_t>(PyDict_GET_SIZE(dict))) size *= 2;
    slots_.resize(size);
    PyObject *key, *value;
    for (Py_ssize_t next = 0; usable_ && PyDict_Next(dict, &next, &key, &value);) {
      Slot entry = {0, 0, true};
      usable_ = plain_integer(key, entry.key) && plain_number(value, entry.number);
      if (usable_) slot(entry.key) = entry;
    }
  }

  bool usable() const { return usable_; }

  // False where `key` is no integer of 64 bits; `number` is -1 where there is no entry.
  bool find(PyObject* key, double& number) const {
    long long integer;
    if (!plain_integer(key, integer)) return false;
    const Slot& found = const_cast<PlainTable*>(this)->slot(integer);
    number = found.filled ? found.number : -1;
    return true;
  }

 private:
  struct Slot {
    long long key;
    double number;
    bool filled;
  };

  // Where the key is, or would be: at most half of the slots are filled.
  Slot& slot(long long key) {
    const std::size_t mask = slots_.size() - 1;
    const auto mixed = static_cast<std::uint64_t>(key) * 0x9E3779B97F4A7C15u;
    std::size_t i = (mixed >> 32) & mask;
    while (slots_[i].filled && slots_[i].key != key) i = (i + 1) & mask;
    return slots_[i];
  }

  bool usable_ = true;
  std::vector<Slot> slots_;
};

}  // namespace lowerpose
