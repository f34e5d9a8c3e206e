// The definitions: plain loops in the order of the text, compiled for the base machine alone. Tests hold the kernels
// against them, bit for bit.

#include "kernels.h"

#include <math.h>
#include <string.h>

#pragma STDC FP_CONTRACT OFF

#define MAGNITUDE_MASK 0x7fffffffu

static uint32_t float_bits(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static uint32_t larger(uint32_t left, uint32_t right) { return left > right ? left : right; }

uint32_t mesh_add_decayed_scalar(float *values, const float *delta, float decay, size_t count) {
    uint32_t largest = 0;
    for (size_t i = 0; i < count; i++) {
        float kept = decay * values[i];
        values[i] = delta[i] + kept;
        largest = larger(largest, float_bits(values[i]) & MAGNITUDE_MASK);
    }
    return largest;
}

// The composite key: magnitude first, then the lower index. No two are equal.
static uint64_t composite_key(const float *values, size_t index) {
    return (uint64_t)(float_bits(values[index]) & MAGNITUDE_MASK) << 12 | (MESH_CHUNK_MAX - 1 - index);
}

size_t mesh_top_k_scalar(const float *values, size_t count, size_t k, uint16_t *indices) {
    uint8_t is_taken[MESH_CHUNK_MAX] = {0};
    for (size_t round = 0; round < k && round < count; round++) {
        uint64_t best_key = 0;
        size_t best = count;
        for (size_t i = 0; i < count; i++) {
            if (is_taken[i] || (float_bits(values[i]) & MAGNITUDE_MASK) == 0) continue;
            if (best == count || composite_key(values, i) > best_key) {
                best_key = composite_key(values, i);
                best = i;
            }
        }
        if (best == count) break;
        is_taken[best] = 1;
    }
    size_t taken = 0;
    for (size_t i = 0; i < count; i++) {
        if (is_taken[i]) indices[taken++] = (uint16_t)i;
    }
    return taken;
}

// The largest odd level at most `top` whose lower threshold, level - 1 scales, the magnitude reaches.
static uint32_t nearest_level(uint64_t magnitude, uint64_t scale, uint32_t top) {
    uint64_t level = 2 * (magnitude / (2 * scale)) + 1;
    return level > top ? top : (uint32_t)level;
}

uint32_t mesh_quantise_scalar(
    float *values, const uint16_t *indices, size_t count, unsigned bits, uint8_t *codes) {
    uint32_t top = (1u << bits) - 1, largest = 0;
    for (size_t i = 0; i < count; i++) largest = larger(largest, float_bits(values[indices[i]]) & MAGNITUDE_MASK);
    if (largest == 0) return 0;

    uint32_t exponent_largest = larger(largest >> 23, 1);
    uint32_t scaled[MESH_CHUNK_MAX];
    uint64_t total = 0;
    for (size_t i = 0; i < count; i++) {
        uint32_t magnitude = float_bits(values[indices[i]]) & MAGNITUDE_MASK;
        uint64_t significand = magnitude & 0x7fffff;
        if (magnitude >> 23 != 0) significand |= 0x800000;
        uint32_t shift = exponent_largest - larger(magnitude >> 23, 1);
        scaled[i] = shift > 24 ? 0 : (uint32_t)(significand >> shift);
        total += scaled[i];
    }
    uint64_t scale = (total * 512) / ((uint64_t)count << bits);
    if (bits == 8) {
        scale = 0;
        for (size_t i = 0; i < count; i++) scale = scaled[i] > scale ? scaled[i] : scale;
        scale = scale * 256 / 255;
    }
    for (int step = 0; bits < 8 && step < 8; step++) {
        if (scale == 0) scale = 1;
        uint64_t product = 0, squares = 0;
        for (size_t i = 0; i < count; i++) {
            uint64_t level = nearest_level((uint64_t)scaled[i] * 256, scale, top);
            product += level * scaled[i];
            squares += level * level;
        }
        scale = product * 256 / squares;
    }
    if (scale == 0) return 0;

    int exponent = (int)exponent_largest - 118;
    uint64_t mantissa = scale;
    if (mantissa < 16) {
        while (mantissa < 16) {
            mantissa *= 2;
            exponent -= 1;
        }
    } else {
        int shift = 0;
        while (scale >> shift >= 32) shift += 1;
        if (shift > 0) mantissa = ((scale >> (shift - 1)) + 1) / 2;
        exponent += shift;
        if (mantissa == 32) {
            mantissa = 16;
            exponent += 1;
        }
    }
    if (exponent < 0) {
        int shift = -exponent;
        mantissa = shift > 6 ? 0 : (mantissa + (1ull << shift) / 2) >> shift;
        exponent = 0;
    }
    uint32_t code = (uint32_t)mantissa + 16 * (uint32_t)exponent;
    if (code > MESH_SCALE_CODE_MAX(bits)) return MESH_SCALE_TOO_LARGE;
    if (code == 0) return 0;

    float unit = ldexpf((float)mantissa, exponent - 40);
    for (size_t i = 0; i < count; i++) {
        float value = values[indices[i]];
        int32_t level = 1;
        while (level < (int32_t)top && fabsf(value) >= (float)(level + 1) * unit) level += 2;
        if (value < 0) level = -level;
        codes[i] = (uint8_t)((level + (int32_t)top) / 2);
        float sent = (float)level * unit;
        values[indices[i]] = value - sent;
    }
    return code;
}

void mesh_split_bfloat16_scalar(uint16_t *sent, float *values, size_t count) {
    for (size_t i = 0; i < count; i++) {
        uint32_t bits = float_bits(values[i]), lower = bits & 0xffff, upper = bits >> 16;
        if (lower > 0x8000 || (lower == 0x8000 && (upper & 1))) upper += 1;
        sent[i] = (uint16_t)upper;
        uint32_t sent_bits = upper << 16;
        float value;
        memcpy(&value, &sent_bits, sizeof value);
        values[i] -= value;
    }
}

uint32_t mesh_fixed_from_float_scalar(int64_t *fixed, const float *values, size_t count) {
    uint32_t largest = 0;
    for (size_t i = 0; i < count; i++) {
        uint32_t bits = float_bits(values[i]), magnitude = bits & MAGNITUDE_MASK;
        largest = larger(largest, magnitude);
        // significand * 2^(exponent - 150) in units of 2^-40 is significand * 2^(exponent - 110).
        int exponent = (int)larger(magnitude >> 23, 1) - 110;
        uint64_t significand = (magnitude & 0x7fffff) | (magnitude >> 23 ? 0x800000u : 0);
        uint64_t rounded = 0;
        if (exponent >= 0) {
            rounded = exponent > 39 ? 0 : significand << exponent;
        } else if (exponent >= -25) {
            uint64_t whole = significand >> -exponent, rest = significand & ((1ull << -exponent) - 1);
            uint64_t middle = 1ull << (-exponent - 1);
            rounded = whole + (rest > middle || (rest == middle && (whole & 1)));
        }
        fixed[i] = bits >> 31 ? -(int64_t)rounded : (int64_t)rounded;
    }
    return largest;
}

void mesh_add_dense_scalar(int64_t *sums, const int64_t *fixed, uint32_t multiplier, size_t count) {
    for (size_t i = 0; i < count; i++) {
        unsigned __int128 magnitude = fixed[i] < 0 ? (unsigned __int128)(-fixed[i]) : (unsigned __int128)fixed[i];
        int64_t rounded = (int64_t)((magnitude * multiplier + (1u << 29)) >> 30);
        sums[i] += fixed[i] < 0 ? -rounded : rounded;
    }
}

void mesh_divide_by_senders_scalar(int64_t *sums, const uint32_t *counts, uint32_t least, size_t count) {
    for (size_t i = 0; i < count; i++) {
        uint32_t divisor = counts[i] > least ? counts[i] : least;
        if (divisor != 0) sums[i] = (int64_t)((__int128)sums[i] * least / divisor);
    }
}

uint32_t mesh_outer_step_scalar(float *parameters, const int64_t *sums, float rate, size_t count) {
    uint32_t largest = 0;
    for (size_t i = 0; i < count; i++) {
        float average = ldexpf((float)sums[i], -40);
        float step = rate * average;
        parameters[i] = parameters[i] + step;
        largest = larger(largest, float_bits(parameters[i]) & MAGNITUDE_MASK);
    }
    return largest;
}

// By the recursion of the definition: H(2n) = [H(n) H(n); H(n) -H(n)].
static void hadamard(float *values, size_t count) {
    if (count == 1) return;
    size_t half = count / 2;
    hadamard(values, half);
    hadamard(values + half, half);
    for (size_t i = 0; i < half; i++) {
        float left = values[i], right = values[half + i];
        values[i] = left + right;
        values[half + i] = left - right;
    }
}

void mesh_hadamard_scalar(float *values, size_t count) {
    int stages = 0;
    while ((size_t)1 << stages < count) stages++;
    float scale = ldexpf(stages % 2 ? 0x1.6a09e6p-1f : 1.0f, -(stages / 2));
    hadamard(values, count);
    for (size_t i = 0; i < count; i++) values[i] *= scale;
}

void mesh_float_from_sums_scalar(float *values, const int64_t *sums, size_t count) {
    for (size_t i = 0; i < count; i++) values[i] = ldexpf((float)sums[i], -40);
}

uint32_t mesh_shared_adamw_scalar(
    float *parameters, float *second, const float *direction, float rate, float keep, size_t count) {
    uint32_t largest = 0;
    for (size_t i = 0; i < count; i++) {
        float square = direction[i] * direction[i];
        if (second[i] == 0) {
            second[i] = square;
        } else {
            float kept = MESH_SHARED_SECOND_DECAY * second[i];
            float added = MESH_SHARED_SECOND_SHARE * square;
            second[i] = kept + added;
        }
        float ratio = direction[i] / (sqrtf(second[i]) + MESH_SHARED_EPSILON);
        float change = rate * ratio;
        float kept = keep * parameters[i];
        parameters[i] = kept - change;
        largest = larger(largest, float_bits(parameters[i]) & MAGNITUDE_MASK);
        largest = larger(largest, float_bits(second[i]) & MAGNITUDE_MASK);
    }
    return largest;
}
