#ifndef MESH_KERNELS_H
#define MESH_KERNELS_H

#include <stddef.h>
#include <stdint.h>

// The hot loops over whole chunks and blocks of parameters, compiled for x86-64, x86-64-v3 and x86-64-v4 and dispatched
// at start-up. Each gives the same bits on each. The `_scalar` twins are the definitions: plain loops, written apart.
// Sizes are checked by the caller (module Tensor); nothing here reads bytes that came from outside unchecked.

/// The longest chunk that the chunk kernels take.
#define MESH_CHUNK_MAX 4096

/// The largest scale code for values of `bits` bits: 31 * 2^41 in units of 2^-40, or 31 * 2^37 for 8 bits, so that every
/// value stays below 2^50 units.
#define MESH_SCALE_CODE_MAX(bits) ((bits) == 8 ? 623u : 687u)

/// Of the shared AdamW: how much of the second moment is kept, what is added of the new square (1 - decay, rounded), and what
/// keeps a quotient from dividing by zero.
#define MESH_SHARED_SECOND_DECAY 0.98f
#define MESH_SHARED_SECOND_SHARE 0.02f
#define MESH_SHARED_EPSILON 1e-8f

/// What mesh_quantise returns if the scale is beyond the largest code.
#define MESH_SCALE_TOO_LARGE UINT32_MAX

/// values[i] = delta[i] + decay * values[i], two roundings, no contraction.
/// Returns the largest magnitude (bits without the sign): 0x7f800000 or more means that a value is not finite.
uint32_t mesh_add_decayed(float *values, const float *delta, float decay, size_t count);

/// The indices, ascending, of the k largest magnitudes among values[0..<count], count <= 4096; ties go to the lower
/// index, zeros are never taken. Returns how many there are: less than k only where fewer values are not zero.
size_t mesh_top_k(const float *values, size_t count, size_t k, uint16_t *indices);

/// Quantises values[indices[..]] to odd levels times one scale (Docs/codec.md), writes one code a value, and takes what
/// is sent out of `values`. `bits` is 1, 2, 4 or 8.
/// Returns the scale's code, 1 to MESH_SCALE_CODE_MAX(bits); 0 if the values are too small for any scale (nothing is sent);
/// MESH_SCALE_TOO_LARGE if they are too large (values are unchanged then).
uint32_t mesh_quantise(float *values, const uint16_t *indices, size_t count, unsigned bits, uint8_t *codes);

/// fixed[i] = values[i] * 2^40, rounded to nearest, ties to even. Returns the largest magnitude bits among `values`:
/// at 0x44800000 (1024) or more the result is meaningless and the caller refuses it.
uint32_t mesh_fixed_from_float(int64_t *fixed, const float *values, size_t count);

/// values[i] becomes its bfloat16 neighbour, ties to even (sent[i], the upper half of the float), and keeps the rest:
/// values[i] -= float(sent[i]), exact. Values are finite and below 1,024 (no rounding reaches infinity).
void mesh_split_bfloat16(uint16_t *sent, float *values, size_t count);

/// sums[indices[i]] += levels[i] * unit.
void mesh_add_sparse(int64_t *sums, const uint16_t *indices, const int16_t *levels, size_t count, int64_t unit);

/// sums[i] += round(fixed[i] * multiplier / 2^30), half away from zero; |fixed[i]| <= 2^50, multiplier <= 2^30.
void mesh_add_dense(int64_t *sums, const int64_t *fixed, uint32_t multiplier, size_t count);

/// counts[indices[i]] += 1.
void mesh_count_sparse(uint32_t *counts, const uint16_t *indices, size_t count);

/// sums[i] = sums[i] * least / counts[i], rounded toward zero, where counts[i] > least; |sums[i]| < 2^62, least < 2^16.
void mesh_divide_by_senders(int64_t *sums, const uint32_t *counts, uint32_t least, size_t count);

/// parameters[i] += rate * (float(sums[i]) * 2^-40): three roundings (conversion, product, sum), no contraction.
/// Returns the largest magnitude bits of the result.
uint32_t mesh_outer_step(float *parameters, const int64_t *sums, float rate, size_t count);

/// The Walsh-Hadamard transform, orthonormal up to rounding and its own inverse; count is a power of two, at most 4096. Pairs of
/// width 1, 2, 4 ... are replaced by sum and difference; then everything is multiplied by 2^(-k/2), rounded, count = 2^k.
void mesh_hadamard(float *values, size_t count);

/// values[i] = float(sums[i]) * 2^-40: one rounding, the product is exact.
void mesh_float_from_sums(float *values, const int64_t *sums, size_t count);

/// One step of an AdamW without a first moment. square = d * d; second = second == 0 ? square : 0.98 * second + 0.02 * square;
/// parameters = keep * parameters - rate * (d / (sqrt(second) + 1e-8)). Every operation is rounded, no contraction.
/// Returns the largest magnitude bits among both results.
uint32_t mesh_shared_adamw(
    float *parameters, float *second, const float *direction, float rate, float keep, size_t count);

/// The same kernels under fixed paths, for tests: `_scalar`, the definitions (all but mesh_add_sparse and
/// mesh_count_sparse, which are plain already); `_baseline` and `_v3`, the kernels compiled for x86-64 and x86-64-v3 alone.
uint32_t mesh_add_decayed_scalar(float *values, const float *delta, float decay, size_t count);
size_t mesh_top_k_scalar(const float *values, size_t count, size_t k, uint16_t *indices);
uint32_t mesh_quantise_scalar(float *values, const uint16_t *indices, size_t count, unsigned bits, uint8_t *codes);
void mesh_split_bfloat16_scalar(uint16_t *sent, float *values, size_t count);
uint32_t mesh_fixed_from_float_scalar(int64_t *fixed, const float *values, size_t count);
void mesh_add_dense_scalar(int64_t *sums, const int64_t *fixed, uint32_t multiplier, size_t count);
void mesh_divide_by_senders_scalar(int64_t *sums, const uint32_t *counts, uint32_t least, size_t count);
uint32_t mesh_outer_step_scalar(float *parameters, const int64_t *sums, float rate, size_t count);
void mesh_hadamard_scalar(float *values, size_t count);
void mesh_float_from_sums_scalar(float *values, const int64_t *sums, size_t count);
uint32_t mesh_shared_adamw_scalar(
    float *parameters, float *second, const float *direction, float rate, float keep, size_t count);

uint32_t mesh_add_decayed_baseline(float *values, const float *delta, float decay, size_t count);
size_t mesh_top_k_baseline(const float *values, size_t count, size_t k, uint16_t *indices);
uint32_t mesh_quantise_baseline(float *values, const uint16_t *indices, size_t count, unsigned bits, uint8_t *codes);
void mesh_split_bfloat16_baseline(uint16_t *sent, float *values, size_t count);
uint32_t mesh_fixed_from_float_baseline(int64_t *fixed, const float *values, size_t count);
void mesh_add_sparse_baseline(int64_t *sums, const uint16_t *indices, const int16_t *levels, size_t count, int64_t unit);
void mesh_add_dense_baseline(int64_t *sums, const int64_t *fixed, uint32_t multiplier, size_t count);
void mesh_count_sparse_baseline(uint32_t *counts, const uint16_t *indices, size_t count);
void mesh_divide_by_senders_baseline(int64_t *sums, const uint32_t *counts, uint32_t least, size_t count);
uint32_t mesh_outer_step_baseline(float *parameters, const int64_t *sums, float rate, size_t count);
void mesh_hadamard_baseline(float *values, size_t count);
void mesh_float_from_sums_baseline(float *values, const int64_t *sums, size_t count);
uint32_t mesh_shared_adamw_baseline(
    float *parameters, float *second, const float *direction, float rate, float keep, size_t count);

uint32_t mesh_add_decayed_v3(float *values, const float *delta, float decay, size_t count);
size_t mesh_top_k_v3(const float *values, size_t count, size_t k, uint16_t *indices);
uint32_t mesh_quantise_v3(float *values, const uint16_t *indices, size_t count, unsigned bits, uint8_t *codes);
void mesh_split_bfloat16_v3(uint16_t *sent, float *values, size_t count);
uint32_t mesh_fixed_from_float_v3(int64_t *fixed, const float *values, size_t count);
void mesh_add_sparse_v3(int64_t *sums, const uint16_t *indices, const int16_t *levels, size_t count, int64_t unit);
void mesh_add_dense_v3(int64_t *sums, const int64_t *fixed, uint32_t multiplier, size_t count);
void mesh_count_sparse_v3(uint32_t *counts, const uint16_t *indices, size_t count);
void mesh_divide_by_senders_v3(int64_t *sums, const uint32_t *counts, uint32_t least, size_t count);
uint32_t mesh_outer_step_v3(float *parameters, const int64_t *sums, float rate, size_t count);
void mesh_hadamard_v3(float *values, size_t count);
void mesh_float_from_sums_v3(float *values, const int64_t *sums, size_t count);
uint32_t mesh_shared_adamw_v3(
    float *parameters, float *second, const float *direction, float rate, float keep, size_t count);

/// Whether this machine runs the `_v3` path.
int mesh_has_v3(void);

/// 1 if this processor has the AVX-512 instructions of x86-64-v4; 0 otherwise, and on other architectures.
int mesh_has_v4(void);

#endif
