#include "bindings/dlpack_exchange.h"

#include <cstdint>
#include <optional>

namespace lowerpose {
namespace {

// The part of DLPack's ABI, version 1, that we read: https://dmlc.github.io/dlpack
struct DLDevice {
  std::int32_t type, index;
};

struct DLDataType {
  std::uint8_t code, bits;
  std::uint16_t lanes;
};

struct DLTensor {
  void* data;
  DLDevice device;
  std::int32_t ndim;
  DLDataType dtype;
  std::int64_t* shape;
  std::int64_t* strides;  // in elements
  std::uint64_t byte_offset;
};

struct DLExchangeHeader {
  std::uint32_t major, minor;
  DLExchangeHeader* older;
};

struct DLExchangeApi {
  DLExchangeHeader header;
  void* allocator;
  void* managed_from_object;
  void* managed_to_object;
  int (*borrow)(void* object, DLTensor* out);
  int (*current_stream)(std::int32_t device_type, std::int32_t device_index, void** out);
};

constexpr std::int32_t kDLCPU = 1, kDLCUDA = 2;

const DLExchangeApi* exchange_api(PyTypeObject* type) {
  // One type, torch.Tensor or its Parameter, comes again and again. The cache is guarded by the
  // GIL, and the type is kept alive so that its address cannot come to mean another one.
  static PyTypeObject* cached_type = nullptr;
  static const DLExchangeApi* cached_api = nullptr;
  if (type == cached_type) return cached_api;
  const DLExchangeApi* api = nullptr;
  PyObject* capsule =
      PyObject_GetAttrString(reinterpret_cast<PyObject*>(type), "__dlpack_c_exchange_api__");
  if (capsule != nullptr && PyCapsule_IsValid(capsule, "dlpack_exchange_api")) {
    auto* header =
        static_cast<DLExchangeHeader*>(PyCapsule_GetPointer(capsule, "dlpack_exchange_api"));
    while (header != nullptr && header->major != 1) header = header->older;
    api = reinterpret_cast<const DLExchangeApi*>(header);
    if (api != nullptr && api->borrow == nullptr) api = nullptr;
  }
  PyErr_Clear();  // a type without the attribute offers nothing
  Py_XDECREF(capsule);
  Py_INCREF(type);
  Py_XDECREF(cached_type);
  cached_type = type;
  cached_api = api;
  return api;
}

std::optional<DType> known_dtype(DLDataType dtype) {
  if (dtype.lanes != 1) return std::nullopt;
  struct Known {
    std::uint8_t code, bits;
    DType dtype;
  };
  static constexpr Known kKnown[] = {
      {2, 32, DType::kFloat32},  {2, 64, DType::kFloat64}, {2, 16, DType::kFloat16},
      {4, 16, DType::kBFloat16}, {6, 8, DType::kBool},     {0, 64, DType::kInt64},
      {0, 32, DType::kInt32},    {0, 16, DType::kInt16},   {0, 8, DType::kInt8},
      {1, 8, DType::kUInt8},
  };
  for (const Known& known : kKnown) {
    if (known.code == dtype.code && known.bits == dtype.bits) return known.dtype;
  }
  return std::nullopt;
}

}  // namespace

bool offers_dlpack_exchange(PyObject* object) { return exchange_api(Py_TYPE(object)) != nullptr; }

bool borrow_dlpack(PyObject* object, TensorView& view) {
  const DLExchangeApi* api = exchange_api(Py_TYPE(object));
  DLTensor tensor = {};
  if (api->borrow(object, &tensor) != 0) return false;
  const std::optional<DType> dtype = known_dtype(tensor.dtype);
  if (!dtype) {
    view.problem = "a tensor of an element type that no operation takes";
  } else if (tensor.device.type != kDLCPU && tensor.device.type != kDLCUDA) {
    view.problem = "a tensor on a device that is neither cpu nor cuda";
  } else if (tensor.ndim > kMaxDims) {
    view.problem = "a tensor of " + std::to_string(tensor.ndim) + " dimensions";
  } else {
    view.data = static_cast<char*>(tensor.data) + tensor.byte_offset;
    view.ndim = tensor.ndim;
    std::int64_t dense_stride = 1;
    for (int i = tensor.ndim - 1; i >= 0; --i) {
      view.shape[i] = tensor.shape[i];
      view.strides[i] = tensor.strides == nullptr ? dense_stride : tensor.strides[i];
      dense_stride *= tensor.shape[i];
    }
    view.dtype = *dtype;
    view.device = tensor.device.type == kDLCPU ? Device::kCPU : Device::kCUDA;
    view.device_index = view.device == Device::kCPU ? 0 : tensor.device.index;
    view.writable = true;
    if (view.device == Device::kCUDA &&
        api->current_stream(kDLCUDA, tensor.device.index, &view.stream) != 0) {
      return false;
    }
  }
  return true;
}

}  // namespace lowerpose
