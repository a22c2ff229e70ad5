// Conversions to integers, min, max and the like, where they are exact.
#include <cmath>
#include <cstdint>

#include "cuda_emulator/selftest.h"

namespace lowerpose::cuda {
namespace {

using selftest::Device;

constexpr int kConversions = 16;

__global__ void conversions_kernel(const double* values, long long* out, double* extremes) {
  const int t = static_cast<int>(threadIdx.x);
  const double value = values[t];
  const auto narrow = static_cast<float>(value);
  long long* const row = out + t * kConversions;
  row[0] = __float2int_rn(narrow);
  row[1] = __float2int_rd(narrow);
  row[2] = __float2int_ru(narrow);
  row[3] = __float2int_rz(narrow);
  row[4] = __float2ll_rn(narrow);
  row[5] = __float2ll_rd(narrow);
  row[6] = __float2ll_ru(narrow);
  row[7] = __float2ll_rz(narrow);
  row[8] = __double2int_rn(value);
  row[9] = __double2int_rd(value);
  row[10] = __double2int_ru(value);
  row[11] = __double2int_rz(value);
  row[12] = __double2ll_rn(value);
  row[13] = __double2ll_rd(value);
  row[14] = __double2ll_ru(value);
  row[15] = __double2ll_rz(value);
  extremes[2 * t] = min(value, 1.0) + max(narrow, -1.0f);
  extremes[2 * t + 1] = fmaf(narrow, 0.5f, 1.0f) + __int_as_float(__float_as_int(narrow));
}

long long clamped(double whole, double low, double high) {
  const long long least = low < -1e12 ? INT64_MIN : INT32_MIN;
  const long long most = low < -1e12 ? INT64_MAX : INT32_MAX;
  if (whole <= low) return least;
  return whole >= high ? most : static_cast<long long>(whole);
}

void test_conversions() {
  const std::vector<double> values = {0.0,  0.5,   1.5,   2.5,   -0.5,    -1.5,  -2.75, 7.0,
                                      1e10, -1e10, 1e300, -3e30, 8388609, 1e-30, 3e18,  -65504.5};
  const Device<double> in(values), extremes(2 * values.size());
  const Device<long long> out(values.size() * kConversions);
  selftest::require(launch<conversions_kernel>(dim3(1), dim3(values.size()), 0, nullptr, in.get(),
                                               out.get(), extremes.get()),
                    "launch");
  const std::vector<long long> got = out.values();
  const std::vector<double> got_extremes = extremes.values();
  double (*const rounds[4])(double) = {std::nearbyint, std::floor, std::ceil, std::trunc};
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double value = values[i], narrow = std::fabs(value) > 3.5e38
                                                 ? std::copysign(INFINITY, value)
                                                 : static_cast<double>(static_cast<float>(value));
    for (int kind = 0; kind < kConversions; ++kind) {
      const double whole = rounds[kind % 4](kind < 8 ? narrow : value);
      const double limit = kind / 4 % 2 == 0 ? 0x1p31 : 0x1p63;
      const long long want = clamped(whole, -limit, limit);
      LOWERPOSE_EXPECT(got[i * kConversions + kind] == want);
    }
    const auto single = static_cast<float>(narrow);
    LOWERPOSE_EXPECT(got_extremes[2 * i] == std::fmin(value, 1.0) + std::fmax(single, -1.0f));
    LOWERPOSE_EXPECT(got_extremes[2 * i + 1] ==
                     std::fma(single, 0.5f, 1.0f) + static_cast<float>(single));
  }
}

}  // namespace
}  // namespace lowerpose::cuda

int main() {
  return lowerpose::selftest::main_of([] { lowerpose::cuda::test_conversions(); });
}
