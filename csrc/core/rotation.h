// The rotation that fits best, of 3x3 matrices: one in doubles, or several in the lanes of vectors.
#pragma once

#include <cmath>

#include "core/host_device.h"

// What is made of numbers or of vectors must be inlined where it is called: there it runs at the
// caller's SIMD level.
#if defined(__CUDACC__)
#define LOWERPOSE_INLINED __host__ __device__ __forceinline__
#else
#define LOWERPOSE_INLINED inline __attribute__((always_inline))
#endif

namespace lowerpose {

// What numbers and vectors of them do in different words. Comparisons stand before a `?` alone, and
// what is kept of them is 1 or 0: GCC takes a vector of truths apart.
template <class N>
struct Elementwise;

template <>
struct Elementwise<double> {
  LOWERPOSE_INLINED static void root(double& value) { value = std::sqrt(value); }
};

// Matrices are [row][column] in rows; the symmetric ones are xx, xy, xz, yy, yz, zz.

// turn = (trace(S) - S)^-1 from; zero where S, of a matrix of norm 1, leaves a turn open.
template <class N>
LOWERPOSE_INLINED void solve_turn(const N (&s)[6], const N (&from)[3], N (&turn)[3]) {
  const N a = s[3] + s[5], b = s[0] + s[5], c = s[0] + s[3];
  const N d = -s[1], e = -s[2], f = -s[4];
  const N xx = b * c - f * f, xy = e * f - d * c, xz = d * f - e * b;
  const N yy = a * c - e * e, yz = d * e - a * f, zz = a * b - d * d;
  const N determinant = a * xx + d * xy + e * xz;
  const N zero = {}, one = zero + 1.0, least = zero + 1e-12;
  const N factor = determinant > least ? one / (determinant > least ? determinant : one) : zero;
  turn[0] = (xx * from[0] + xy * from[1] + xz * from[2]) * factor;
  turn[1] = (xy * from[0] + yy * from[1] + yz * from[2]) * factor;
  turn[2] = (xz * from[0] + yz * from[1] + zz * from[2]) * factor;
}

// c = a^T b.
template <class N>
LOWERPOSE_INLINED void transposed_product(const N (&a)[9], const N (&b)[9], N (&c)[9]) {
  for (int i = 0; i < 3; ++i) {
    for (int j = 0; j < 3; ++j)
      c[3 * i + j] = a[i] * b[j] + a[3 + i] * b[3 + j] + a[6 + i] * b[6 + j];
  }
}

template <class N>
LOWERPOSE_INLINED void symmetric_part(const N (&m)[9], N (&s)[6]) {
  s[0] = m[0];
  s[1] = (m[1] + m[3]) * 0.5;
  s[2] = (m[2] + m[6]) * 0.5;
  s[3] = m[4];
  s[4] = (m[5] + m[7]) * 0.5;
  s[5] = m[8];
}

// The rotation of rows by a quaternion (w, x, y, z) of any length but zero.
template <class N>
LOWERPOSE_INLINED void rotation_of(const N (&q)[4], N (&r)[9]) {
  const N zero = {}, one = zero + 1.0, two = zero + 2.0;
  const N f = two / (q[0] * q[0] + q[1] * q[1] + q[2] * q[2] + q[3] * q[3]);
  const N xx = f * q[1] * q[1], yy = f * q[2] * q[2], zz = f * q[3] * q[3];
  const N xy = f * q[1] * q[2], xz = f * q[1] * q[3], yz = f * q[2] * q[3];
  const N wx = f * q[0] * q[1], wy = f * q[0] * q[2], wz = f * q[0] * q[3];
  r[0] = one - (yy + zz), r[1] = xy + wz, r[2] = xz - wy;
  r[3] = xy - wz, r[4] = one - (xx + zz), r[5] = yz + wx;
  r[6] = xz + wy, r[7] = yz - wx, r[8] = one - (xx + yy);
}

// The eigenvector of the largest eigenvalue of a symmetric 4x4 matrix (00, 01, 02, 03, 11, 12, 13,
// 22, 23, 33) without negative ones, by squaring it 32 times: gaps of 2^-32 are resolved, and of
// eigenvalues that are nearer to each other any mixture will do.
template <class N>
LOWERPOSE_INLINED void largest_eigenvector(N (&m)[10], N (&v)[4]) {
  const N zero = {}, one = zero + 1.0;
  LOWERPOSE_NO_UNROLL
  for (int scaling = 0; scaling < 8; ++scaling) {
    // A trace of 1 is at least 2^-32 after four squarings.
    const N factor = one / (m[0] + m[4] + m[7] + m[9]);
    for (N& each : m) each = each * factor;
    LOWERPOSE_NO_UNROLL
    for (int squaring = 0; squaring < 4; ++squaring) {
      const N a = m[0], b = m[1], c = m[2], d = m[3], e = m[4];
      const N f = m[5], g = m[6], h = m[7], i = m[8], j = m[9];
      const N bb = b * b, cc = c * c, dd = d * d, ff = f * f, gg = g * g, ii = i * i;
      m[0] = a * a + bb + (cc + dd);
      m[1] = a * b + b * e + (c * f + d * g);
      m[2] = a * c + b * f + (c * h + d * i);
      m[3] = a * d + b * g + (c * i + d * j);
      m[4] = bb + e * e + (ff + gg);
      m[5] = b * c + e * f + (f * h + g * i);
      m[6] = b * d + e * g + (f * i + g * j);
      m[7] = cc + ff + (h * h + ii);
      m[8] = c * d + f * g + (h * i + i * j);
      m[9] = dd + gg + (ii + j * j);
    }
  }
  // The columns are multiples of it; the longest is the most accurate.
  N longest = m[0];
  v[0] = m[0], v[1] = m[1], v[2] = m[2], v[3] = m[3];
  const N others[3][5] = {{m[4], m[1], m[4], m[5], m[6]},
                          {m[7], m[2], m[5], m[7], m[8]},
                          {m[9], m[3], m[6], m[8], m[9]}};
  for (const auto& other : others) {
    for (int n = 0; n < 4; ++n) v[n] = other[0] > longest ? other[n + 1] : v[n];
    longest = other[0] > longest ? other[0] : longest;
  }
}

// The rotation R of determinant 1 with the largest trace of R^T C, of a C of norm 1: where C is the
// sum of a^T b over rows a and b, a R is nearest to b. One of several where they are equal.
//
// Horn's quaternion, and then Newton's steps for R^T C = C^T R, which mend the last digits.
template <class N>
LOWERPOSE_INLINED void best_rotation(const N (&c)[9], N (&r)[9]) {
  // 2 is more than the least eigenvalue of Horn's matrix can be below zero.
  N m[10] = {c[0] + c[4] + c[8] + 2.0,
             c[5] - c[7],
             c[6] - c[2],
             c[1] - c[3],
             c[0] - c[4] - c[8] + 2.0,
             c[1] + c[3],
             c[6] + c[2],
             c[4] - c[0] - c[8] + 2.0,
             c[5] + c[7],
             c[8] - c[0] - c[4] + 2.0};
  N quaternion[4];
  largest_eigenvector(m, quaternion);
  rotation_of(quaternion, r);
  LOWERPOSE_NO_UNROLL
  for (int step = 0; step < 2; ++step) {
    N turned[9], part[6], turn[3], small[9], before[9];
    transposed_product(r, c, turned);
    symmetric_part(turned, part);
    const N wrong[3] = {turned[5] - turned[7], turned[6] - turned[2], turned[1] - turned[3]};
    solve_turn(part, wrong, turn);
    const N half[4] = {N{} + 1.0, turn[0] * 0.5, turn[1] * 0.5, turn[2] * 0.5};
    rotation_of(half, small);
    for (int n = 0; n < 9; ++n) before[n] = r[n];
    for (int i = 0; i < 3; ++i) {
      for (int j = 0; j < 3; ++j) {
        r[3 * i + j] = before[3 * i] * small[j] + before[3 * i + 1] * small[3 + j] +
                       before[3 * i + 2] * small[6 + j];
      }
    }
  }
}

}  // namespace lowerpose
