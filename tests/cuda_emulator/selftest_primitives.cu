// Every operation of a warp, of a block and of atomics against its definition.
#include <algorithm>

#include "cuda_emulator/selftest.h"

namespace lowerpose::cuda {
namespace {

using selftest::Device;

constexpr unsigned kAll = 0xffffffffu;
constexpr int kThreads = 96, kWidth = 16;  // three warps as a block of 16 x 6

enum Result {
  kShuffle,
  kShuffleOfEight,
  kUp,
  kUpOfEight,
  kDown,
  kDownOfSixteen,
  kXor,
  kXorOfFour,
  kBallot,
  kAny,
  kEvery,
  kMatch,
  kReduceAdd,
  kReduceMin,
  kReduceMax,
  kReduceMinUnsigned,
  kReduceMaxUnsigned,
  kReduceXor,
  kReduceOr,
  kReduceAnd,
  kCount,
  kAnd,
  kOr,
  kHalvesOfWarp,
  kHalf,
  kDouble,
  kLongLong,
  kLong,
  kBits,
  kBitsLong,
  kPlace,
  kResults,
};

__global__ void warp_and_block_kernel(int* out) {
  const int t = static_cast<int>(threadIdx.y * blockDim.x + threadIdx.x);
  const int lane = t % warpSize;
  const auto put = [=](Result result, long long value) {
    out[result * kThreads + t] = static_cast<int>(value);
  };
  put(kShuffle, __shfl_sync(kAll, 100 * t, 5));
  put(kShuffleOfEight, __shfl_sync(kAll, t, lane + 3, 8));
  put(kUp, __shfl_up_sync(kAll, t, 3));
  put(kUpOfEight, __shfl_up_sync(kAll, t, 3, 8));
  put(kDown, __shfl_down_sync(kAll, t, 3));
  put(kDownOfSixteen, __shfl_down_sync(kAll, t, 3, 16));
  put(kXor, __shfl_xor_sync(kAll, t, 9));
  put(kXorOfFour, __shfl_xor_sync(kAll, t, 1, 4));
  put(kBallot, __ballot_sync(kAll, lane % 3 == 0));
  put(kAny, __any_sync(kAll, t == 40));
  put(kEvery, __all_sync(kAll, t != 40));
  put(kMatch, __match_any_sync(kAll, lane % 5));
  put(kReduceAdd, __reduce_add_sync(kAll, t - 50));
  put(kReduceMin, __reduce_min_sync(kAll, t - 50));
  put(kReduceMax, __reduce_max_sync(kAll, t - 50));
  put(kReduceMinUnsigned, __reduce_min_sync(kAll, static_cast<unsigned>(t - 50)));
  put(kReduceMaxUnsigned, __reduce_max_sync(kAll, static_cast<unsigned>(t - 50)));
  put(kReduceXor, __reduce_xor_sync(kAll, static_cast<unsigned>(t * 7)));
  put(kReduceOr, __reduce_or_sync(kAll, 1u << lane));
  put(kReduceAnd, __reduce_and_sync(kAll, ~(1u << (lane & 3))));
  put(kCount, __syncthreads_count(t % 7 == 0));
  put(kAnd, __syncthreads_and(t < kThreads));
  put(kOr, __syncthreads_or(t == 95));
  int half_warp = -1;  // two masks in a warp that has diverged, and lanes in neither
  if (lane < 12) {
    half_warp = __shfl_xor_sync(0xfffu, t, 1);
  } else if (lane >= 20) {
    half_warp = __shfl_down_sync(0xfff00000u, t, 2);
  }
  put(kHalvesOfWarp, half_warp);
  __syncwarp();
  const __half half = __float2half(static_cast<float>(t));
  put(kHalf, static_cast<int>(__half2float(__shfl_xor_sync(kAll, half, 1))));
  put(kDouble, static_cast<int>(__shfl_xor_sync(kAll, t + 0.25, 2) * 4));
  put(kLongLong, __shfl_down_sync(kAll, (1ull << 40) + t, 1) >> 33);
  put(kLong, __shfl_up_sync(kAll, -(1l << 40) - t, 1) + (1l << 40));
  put(kBits, __popc(t * 77) + 100 * __clz(t) + 10000 * __ffs(t));
  put(kBitsLong, __popcll(t * 77ll << 20) + 100 * __clzll(t) + 10000 * __ffsll(t * 77ll << 20));
  put(kPlace, threadIdx.x + 100 * threadIdx.y + 10000 * blockDim.x + 1000000 * blockDim.y);
}

int expected(Result result, int t) {
  const int lane = t % 32, warp = t - lane;
  const auto down = [&](int distance, int width) {
    return lane % width + distance < width ? t + distance : t;
  };
  const auto up = [&](int distance, int width) {
    return lane % width >= distance ? t - distance : t;
  };
  // Over the numbers that `value` gives for the lanes of this warp.
  const auto over_lanes = [](auto start, auto&& add) {
    for (int other = 0; other < 32; ++other) start = add(start, other);
    return start;
  };
  switch (result) {
    case kShuffle:
      return 100 * (warp + 5);
    case kShuffleOfEight:
      return t / 8 * 8 + (lane + 3) % 8;
    case kUp:
      return up(3, 32);
    case kUpOfEight:
      return up(3, 8);
    case kDown:
      return down(3, 32);
    case kDownOfSixteen:
      return down(3, 16);
    case kXor:
      return t ^ 9;
    case kXorOfFour:
      return t ^ 1;
    case kBallot:
      return static_cast<int>(over_lanes(
          0u, [](unsigned all, int other) { return all | unsigned{other % 3 == 0} << other; }));
    case kAny:
      return warp == 32;
    case kEvery:
      return warp != 32;
    case kMatch:
      return static_cast<int>(over_lanes(0u, [=](unsigned all, int other) {
        return all | unsigned{other % 5 == lane % 5} << other;
      }));
    case kReduceAdd:
      return over_lanes(0, [=](int sum, int other) { return sum + warp + other - 50; });
    case kReduceMin:
      return warp - 50;
    case kReduceMax:
      return warp + 31 - 50;
    case kReduceMinUnsigned:  // -1 is the largest number there is
      return warp == 32 ? 0 : warp - 50;
    case kReduceMaxUnsigned:
      return warp == 32 ? -1 : warp + 31 - 50;
    case kReduceXor:
      return over_lanes(0, [=](int all, int other) { return all ^ (warp + other) * 7; });
    case kReduceOr:
      return -1;
    case kReduceAnd:
      return static_cast<int>(0xfffffff0u);
    case kCount:
      return 14;
    case kAnd:
    case kOr:
      return 1;
    case kHalvesOfWarp:
      if (lane < 12) return t ^ 1;
      return lane < 20 ? -1 : down(2, 32);
    case kHalf:
      return t ^ 1;
    case kDouble:
      return 4 * (t ^ 2) + 1;
    case kLongLong:
      return 128;
    case kLong:
      return -up(1, 32);
    case kBits:
      return __builtin_popcount(t * 77) + 100 * (t == 0 ? 32 : __builtin_clz(t)) +
             10000 * __builtin_ffs(t);
    case kBitsLong:
      return __builtin_popcount(t * 77) + 100 * (t == 0 ? 64 : 32 + __builtin_clz(t)) +
             10000 * (t == 0 ? 0 : 20 + __builtin_ffs(t * 77));
    case kPlace:
      return t % kWidth + 100 * (t / kWidth) + 10000 * kWidth + 1000000 * (kThreads / kWidth);
    case kResults:
      break;
  }
  return 0;
}

void test_warp_and_block() {
  const Device<int> out(kResults * kThreads);
  selftest::require(launch<warp_and_block_kernel>(dim3(1), dim3(kWidth, kThreads / kWidth), 0,
                                                  nullptr, out.get()),
                    "launch");
  const std::vector<int> got = out.values();
  for (int result = 0; result < kResults; ++result) {
    for (int t = 0; t < kThreads; ++t) {
      const int want = expected(static_cast<Result>(result), t);
      const int value = got[result * kThreads + t];
      if (value != want) std::printf("result %d, thread %d: %d, not %d\n", result, t, value, want);
      LOWERPOSE_EXPECT(value == want);
    }
  }
}

// What atomic operations work on.
struct Cells {
  unsigned inc, add, bits_or, bits_xor, dec, cas, exch, sub, bits_and, order;
  int max, min;
  unsigned long long max_long, add_long;
  float add_float;
  double add_double;
};

__global__ void atomics_kernel(Cells* cells, int* order) {
  const int t = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  atomicInc(&cells->inc, 99u);
  atomicDec(&cells->dec, 9u);
  atomicAdd(&cells->add, 2u);
  atomicSub(&cells->sub, 1u);
  atomicMax(&cells->max, t * 37 % 640);
  atomicMin(&cells->min, -t);
  atomicMax(&cells->max_long, (1ull << 50) + t);
  atomicAdd(&cells->add_long, 1ull << 30);
  atomicAdd(&cells->add_float, 1.0f);
  atomicAdd(&cells->add_double, 0.5);
  atomicOr(&cells->bits_or, 1u << (t % 32));
  atomicAnd(&cells->bits_and, ~(1u << (t % 16)));
  atomicXor(&cells->bits_xor, static_cast<unsigned>(t));
  atomicExch(&cells->exch, 7u);
  unsigned seen = 0, old = 0;
  do {
    seen = old;
    old = atomicCAS(&cells->cas, seen, seen + 3);
  } while (old != seen);
  order[atomicAdd(&cells->order, 1u)] = t;
}

void test_atomics() {
  constexpr int kBlocks = 5, kPerBlock = 128, kTotal = kBlocks * kPerBlock;
  Cells start = {};
  start.dec = 5;
  start.sub = kTotal;
  start.bits_and = ~0u;
  const Device<Cells> cells(std::vector<Cells>{start});
  const Device<int> order(kTotal);
  selftest::require(
      launch<atomics_kernel>(dim3(kBlocks), dim3(kPerBlock), 0, nullptr, cells.get(), order.get()),
      "launch");
  const Cells got = cells.values()[0];
  unsigned dec = 5, all_xor = 0;
  for (unsigned t = 0; t < kTotal; ++t) {
    dec = dec == 0 || dec > 9 ? 9 : dec - 1;
    all_xor ^= t;
  }
  LOWERPOSE_EXPECT(got.inc == kTotal % 100);
  LOWERPOSE_EXPECT(got.dec == dec);
  LOWERPOSE_EXPECT(got.add == 2 * kTotal);
  LOWERPOSE_EXPECT(got.sub == 0);
  LOWERPOSE_EXPECT(got.max == kTotal - 1);
  LOWERPOSE_EXPECT(got.min == 1 - kTotal);
  LOWERPOSE_EXPECT(got.max_long == (1ull << 50) + kTotal - 1);
  LOWERPOSE_EXPECT(got.add_long == (1ull << 30) * kTotal);
  LOWERPOSE_EXPECT(got.add_float == kTotal);
  LOWERPOSE_EXPECT(got.add_double == kTotal / 2);
  LOWERPOSE_EXPECT(got.bits_or == ~0u);
  LOWERPOSE_EXPECT(got.bits_and == 0xffff0000u);
  LOWERPOSE_EXPECT(got.bits_xor == all_xor);
  LOWERPOSE_EXPECT(got.exch == 7);
  LOWERPOSE_EXPECT(got.cas == 3 * kTotal);
  std::vector<int> sorted = order.values();
  std::sort(sorted.begin(), sorted.end());
  for (int t = 0; t < kTotal; ++t) LOWERPOSE_EXPECT(sorted[t] == t);
}

}  // namespace
}  // namespace lowerpose::cuda

int main() {
  return lowerpose::selftest::main_of([] {
    lowerpose::cuda::test_warp_and_block();
    lowerpose::cuda::test_atomics();
  });
}
