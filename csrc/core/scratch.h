// Memory for numbers that a kernel needs on the way.
#pragma once

#include <initializer_list>
#include <memory>
#include <optional>

#include "core/check.h"

namespace lowerpose {

// Doubles of the caller's tensor; or, where none is given and the kernel runs on the CPU, our own,
// which are faster to allocate than a tensor.
class Scratch {
 public:
  Scratch(Checker& check, const char* argument, const std::optional<TensorView>& given,
          const char* layout, std::initializer_list<std::int64_t> sizes) {
    if (!given && check.on_cpu()) {
      std::int64_t count = 1;
      for (const std::int64_t size : sizes) count *= size;
      own_.reset(new double[count]);
      return;
    }
    check.value(given.has_value(), argument, "a tensor where the kernel runs on a GPU", "None");
    check.packed_output(argument, *given, DType::kFloat64, layout, sizes);
    given_ = data_of<double>(*given);
  }

  double* data() const { return own_ ? own_.get() : given_; }

 private:
  std::unique_ptr<double[]> own_;
  double* given_ = nullptr;
};

}  // namespace lowerpose
