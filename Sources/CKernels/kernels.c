#include "kernels.h"

#include <string.h>

// Peers compare what these loops give: no fused multiply-add, on no machine.
#pragma STDC FP_CONTRACT OFF

// kernels_path_*.c compile this file again for one machine level each, under other names.
#ifndef MESH_KERNEL
#define MESH_KERNEL(name) name
// The loader asks which clone to take before the thread sanitizer is there.
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define MESH_ONE_CLONE
#endif
#endif
#if defined(__x86_64__) && defined(__ELF__) && !defined(MESH_ONE_CLONE)
#define MESH_CLONES __attribute__((target_clones("default", "arch=x86-64-v3", "arch=x86-64-v4")))
#else
#define MESH_CLONES
#endif
#endif

#define MAGNITUDE_MASK 0x7fffffffu

static inline uint32_t float_bits(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static inline float float_from_bits(uint32_t bits) {
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static inline double double_from_bits(uint64_t bits) {
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

MESH_CLONES
uint32_t MESH_KERNEL(mesh_add_decayed)(float *restrict values, const float *restrict delta, float decay, size_t count) {
    uint32_t largest = 0;
    for (size_t i = 0; i < count; i++) {
        float kept = decay * values[i];
        float sum = delta[i] + kept;
        values[i] = sum;
        uint32_t magnitude = float_bits(sum) & MAGNITUDE_MASK;
        largest = magnitude > largest ? magnitude : largest;
    }
    return largest;
}

// How many of keys[0..<count] are at least `least` (all below 2^31, least > 0).
static inline __attribute__((always_inline)) uint32_t count_at_least(
    const uint32_t *keys, size_t count, uint32_t least) {
    uint32_t found = 0;
    for (size_t i = 0; i < count; i++) found += (least - 1 - keys[i]) >> 31;
    return found;
}

// A number that exactly k of keys[0..<count] reach, or else the k-th largest of them; 1 <= k <= count. It lies between two
// bounds that more, and fewer, than k keys reach. They are brought together by where k falls on the line between their two counts and
// by halving, in turn, so that at most twice 31 counts are taken, and some ten as a rule.
static inline __attribute__((always_inline)) uint32_t kth_largest(const uint32_t *keys, size_t count, size_t k) {
    uint32_t low = MAGNITUDE_MASK, high = 0;
    for (size_t i = 0; i < count; i++) {
        low = keys[i] < low ? keys[i] : low;
        high = keys[i] > high ? keys[i] : high;
    }
    high += 1;
    size_t reach_low = count, reach_high = 0;
    for (int step = 0; reach_low != k && high - low > 1; step++) {
        uint32_t width = high - low;
        uint32_t part = step % 2 == 0
            ? width / 2
            : (uint32_t)((uint64_t)width * (reach_low - k) / (reach_low - reach_high));
        part = part < 1 ? 1 : part > width - 1 ? width - 1 : part;
        uint32_t attempt = low + part;
        size_t reached = count_at_least(keys, count, attempt);
        if (reached >= k) {
            low = attempt;
            reach_low = reached;
        } else {
            high = attempt;
            reach_high = reached;
        }
    }
    return low;
}

// 1. Deal the values to four times as many groups as values are wanted (a power of two). The k-th largest of the groups'
//    largest magnitudes is a lower bound for the k-th largest magnitude: k groups hold one value at least as large.
// 2. Only values at or above that bound are candidates: hardly more than k.
// 3. The threshold is found among them; ties are taken from the lowest index on.
MESH_CLONES
size_t MESH_KERNEL(mesh_top_k)(
    const float *restrict values, size_t count, size_t k, uint16_t *restrict indices) {
    uint32_t magnitudes[MESH_CHUNK_MAX];
    uint32_t group_largest[MESH_CHUNK_MAX];
    uint8_t is_candidate[MESH_CHUNK_MAX];
    uint32_t keys[MESH_CHUNK_MAX];
    uint16_t places[MESH_CHUNK_MAX];
    if (count == 0 || k == 0) return 0;

    size_t groups = 64;
    while (groups < 4 * k && groups < MESH_CHUNK_MAX) groups *= 2;
    memset(group_largest, 0, groups * sizeof group_largest[0]);
    for (size_t start = 0; start < count; start += groups) {
        size_t width = count - start < groups ? count - start : groups;
        for (size_t i = 0; i < width; i++) {
            uint32_t magnitude = float_bits(values[start + i]) & MAGNITUDE_MASK;
            magnitudes[start + i] = magnitude;
            group_largest[i] = magnitude > group_largest[i] ? magnitude : group_largest[i];
        }
    }
    uint32_t bound = k <= groups ? kth_largest(group_largest, groups, k) : 0;
    if (bound == 0) bound = 1;

    size_t padded = (count + 7) & ~(size_t)7;
    for (size_t i = 0; i < count; i++) is_candidate[i] = (uint8_t)((bound - 1 - magnitudes[i]) >> 31);
    for (size_t i = count; i < padded; i++) is_candidate[i] = 0;
    size_t candidates = 0;
    // Where candidates are dense, a branch for each costs more than a look at every value.
    const int is_dense = 8 * k > count;
    for (size_t i = 0; is_dense && i < count; i++) {
        places[candidates] = (uint16_t)i;
        candidates += is_candidate[i];
    }
    for (size_t start = 0; !is_dense && start < padded; start += 8) {
        // One bit a candidate, eight bits apart, the first in the lowest byte.
        uint64_t word = 0;
        memcpy(&word, is_candidate + start, sizeof word);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
        word = __builtin_bswap64(word);
#endif
        for (; word != 0; word &= word - 1) {
            size_t place = start + (size_t)(__builtin_ctzll(word) >> 3);
            places[candidates++] = (uint16_t)place;
        }
    }
    if (candidates <= k) {
        memcpy(indices, places, candidates * sizeof places[0]);
        return candidates;
    }

    for (size_t i = 0; i < candidates; i++) keys[i] = magnitudes[places[i]];
    // With one value a group the bound is the threshold itself.
    uint32_t threshold = groups >= count ? bound : kth_largest(keys, candidates, k);
    size_t ties = k - count_at_least(keys, candidates, threshold + 1);
    size_t taken = 0;
    for (size_t i = 0; i < candidates && taken < k; i++) {
        size_t tie = keys[i] == threshold && ties > 0;
        indices[taken] = places[i];
        taken += (keys[i] > threshold) | tie;
        ties -= tie;
    }
    return taken;
}

// Magnitudes are summed in 32 bits over blocks of this many: 256 * (2^24 - 1) < 2^32.
#define SUM_BLOCK 256

// Eight Lloyd steps: nearest odd levels for the scale, then the least-squares scale for the levels. The result counts
// 256ths of a unit. The level of a magnitude m is 1, and 2 more for each threshold 2 j scale / 256 that it reaches; so
// sum(l m) and sum(l l) follow from the sum and the number of the magnitudes beyond each threshold.
static inline __attribute__((always_inline)) uint64_t fitted_scale(
    const uint32_t *scaled, size_t count, uint64_t total, unsigned bits) {
    const uint32_t half = 1u << (bits - 1);
    uint64_t scale = (total << 9) / ((uint64_t)count << bits);
    for (int step = 0; step < 8; step++) {
        if (scale == 0) scale = 1;
        uint64_t product = total, squares = count;
        for (uint32_t j = 1; j < half; j++) {
            const uint32_t threshold = (uint32_t)((2 * j * scale + 255) >> 8);
            for (size_t start = 0; start < count; start += SUM_BLOCK) {
                size_t end = count - start < SUM_BLOCK ? count : start + SUM_BLOCK;
                uint32_t sum = 0, beyond = 0;
                for (size_t i = start; i < end; i++) {
                    sum += scaled[i] >= threshold ? scaled[i] : 0;
                    beyond += scaled[i] >= threshold;
                }
                product += 2 * (uint64_t)sum;
                squares += 8 * (uint64_t)j * beyond;
            }
        }
        uint64_t next = (product << 8) / squares;
        if (next == scale) break; // no later step changes it
        scale = next;
    }
    return scale;
}

// The largest odd level below 2 * half whose lower threshold, level - 1 units, the magnitude reaches. The quotient can
// be off by its rounding; both comparisons are exact.
static inline __attribute__((always_inline)) uint32_t fine_level(float magnitude, float unit, uint32_t half) {
    float quotient = magnitude / (2 * unit);
    int32_t steps = quotient < (float)(half - 1) ? (int32_t)quotient : (int32_t)half - 1;
    steps -= magnitude < (float)(2 * steps) * unit;
    steps += steps < (int32_t)half - 1 && magnitude >= (float)(2 * (steps + 1)) * unit;
    return (uint32_t)(2 * steps + 1);
}

MESH_CLONES
uint32_t MESH_KERNEL(mesh_quantise)(
    float *restrict values, const uint16_t *restrict indices, size_t count, unsigned bits, uint8_t *restrict codes) {
    float chosen[MESH_CHUNK_MAX];
    uint32_t scaled[MESH_CHUNK_MAX];
    const uint32_t top = (1u << bits) - 1, half = 1u << (bits - 1);
    uint32_t largest = 0;
    for (size_t i = 0; i < count; i++) {
        chosen[i] = values[indices[i]];
        uint32_t magnitude = float_bits(chosen[i]) & MAGNITUDE_MASK;
        largest = magnitude > largest ? magnitude : largest;
    }
    if (largest == 0) return 0;

    // Magnitudes as integers below 2^24, in units of the last place of the largest one.
    uint32_t exponent_largest = largest >> 23;
    if (exponent_largest == 0) exponent_largest = 1;
    uint64_t total = 0;
    for (size_t i = 0; i < count; i++) {
        uint32_t magnitude = float_bits(chosen[i]) & MAGNITUDE_MASK;
        uint32_t exponent = magnitude >> 23;
        uint32_t significand = (magnitude & 0x7fffff) | (exponent ? 0x800000u : 0);
        uint32_t shift = exponent_largest - (exponent ? exponent : 1);
        scaled[i] = shift > 24 ? 0 : significand >> shift;
        total += scaled[i];
    }

    uint64_t scale;
    if (bits == 8) {
        // The finest levels need no fit: the largest magnitude gets the largest level.
        uint32_t significand = (largest & 0x7fffff) | (largest >> 23 ? 0x800000u : 0);
        scale = ((uint64_t)significand << 8) / top;
    } else {
        scale = fitted_scale(scaled, count, total, bits);
    }
    if (scale == 0) return 0;

    // Five significant bits, then the exponent against the unit 2^-40.
    int width = 64 - __builtin_clzll(scale);
    int shift = width - 5;
    uint64_t mantissa = shift > 0 ? (scale + ((uint64_t)1 << (shift - 1))) >> shift : scale << -shift;
    if (mantissa == 32) {
        mantissa = 16;
        shift += 1;
    }
    int exponent = shift + (int)exponent_largest - 118;
    if (exponent < 0) {
        mantissa = exponent < -6 ? 0 : (mantissa + ((uint64_t)1 << (-exponent - 1))) >> -exponent;
        exponent = 0;
    }
    uint32_t code = (uint32_t)mantissa + ((uint32_t)exponent << 4);
    if (code > MESH_SCALE_CODE_MAX(bits)) return MESH_SCALE_TOO_LARGE;
    if (code == 0) return 0;

    // mantissa * 2^(exponent - 40) and its small multiples are exact in float32.
    float unit = (float)mantissa * (float)double_from_bits((uint64_t)(exponent - 40 + 1023) << 52);
    uint32_t levels[MESH_CHUNK_MAX];
    for (size_t i = 0; i < count; i++) {
        levels[i] = bits == 8 ? fine_level(chosen[i] < 0 ? -chosen[i] : chosen[i], unit, half) : 1;
    }
    for (uint32_t j = 1; bits != 8 && j < half; j++) {
        const float threshold = (float)(2 * j) * unit;
        for (size_t i = 0; i < count; i++) levels[i] += (chosen[i] < 0 ? -chosen[i] : chosen[i]) >= threshold ? 2 : 0;
    }
    for (size_t i = 0; i < count; i++) {
        int32_t level = chosen[i] < 0 ? -(int32_t)levels[i] : (int32_t)levels[i];
        codes[i] = (uint8_t)((level + (int32_t)top) >> 1);
        float sent = (float)level * unit;
        chosen[i] = chosen[i] - sent;
    }
    for (size_t i = 0; i < count; i++) values[indices[i]] = chosen[i];
    return code;
}

// value * 2^40 is exact in double; adding 1.5 * 2^52 rounds it to an integer, ties to even, in the low bits.
MESH_CLONES
uint32_t MESH_KERNEL(mesh_fixed_from_float)(int64_t *restrict fixed, const float *restrict values, size_t count) {
    const double magic = 6755399441055744.0;
    uint32_t largest = 0;
    for (size_t i = 0; i < count; i++) {
        double scaled = (double)values[i] * 1099511627776.0;
        double rounded = scaled + magic;
        int64_t bits;
        memcpy(&bits, &rounded, sizeof bits);
        fixed[i] = (int64_t)((uint64_t)bits - 0x4338000000000000ull);
        uint32_t magnitude = float_bits(values[i]) & MAGNITUDE_MASK;
        largest = magnitude > largest ? magnitude : largest;
    }
    return largest;
}

MESH_CLONES
void MESH_KERNEL(mesh_split_bfloat16)(uint16_t *restrict sent, float *restrict values, size_t count) {
    for (size_t i = 0; i < count; i++) {
        uint32_t bits = float_bits(values[i]);
        uint32_t upper = (bits + 0x7fffu + ((bits >> 16) & 1)) >> 16;
        sent[i] = (uint16_t)upper;
        values[i] = values[i] - float_from_bits(upper << 16);
    }
}

void MESH_KERNEL(mesh_add_sparse)(
    int64_t *restrict sums, const uint16_t *restrict indices, const int16_t *restrict levels, size_t count,
    int64_t unit) {
    for (size_t i = 0; i < count; i++) sums[indices[i]] += levels[i] * unit;
}

// The product has up to 80 bits: the magnitude is taken in two halves of 25 bits.
MESH_CLONES
void MESH_KERNEL(mesh_add_dense)(int64_t *restrict sums, const int64_t *restrict fixed, uint32_t multiplier, size_t count) {
    for (size_t i = 0; i < count; i++) {
        int64_t sign = fixed[i] >> 63;
        uint64_t magnitude = (uint64_t)((fixed[i] ^ sign) - sign);
        uint64_t high = (uint64_t)(uint32_t)(magnitude >> 25) * multiplier;
        uint64_t low = (uint64_t)(uint32_t)(magnitude & 0x1ffffff) * multiplier;
        int64_t rounded = (int64_t)((high + ((low + 0x20000000u) >> 25)) >> 5);
        sums[i] += (rounded ^ sign) - sign;
    }
}

void MESH_KERNEL(mesh_count_sparse)(uint32_t *restrict counts, const uint16_t *restrict indices, size_t count) {
    for (size_t i = 0; i < count; i++) counts[indices[i]]++;
}

// Most coordinates have few senders: a whole chunk is looked at first, in vectors. The quotient and the remainder are
// scaled apart, so that no product leaves 64 bits.
MESH_CLONES
void MESH_KERNEL(mesh_divide_by_senders)(
    int64_t *restrict sums, const uint32_t *restrict counts, uint32_t least, size_t count) {
    uint32_t largest = 0;
    for (size_t i = 0; i < count; i++) largest = counts[i] > largest ? counts[i] : largest;
    if (largest <= least) return;
    for (size_t i = 0; i < count; i++) {
        if (counts[i] <= least) continue;
        int64_t quotient = sums[i] / (int64_t)counts[i];
        int64_t remainder = sums[i] - quotient * (int64_t)counts[i];
        sums[i] = quotient * (int64_t)least + remainder * (int64_t)least / (int64_t)counts[i];
    }
}

MESH_CLONES
uint32_t MESH_KERNEL(mesh_outer_step)(float *restrict parameters, const int64_t *restrict sums, float rate, size_t count) {
    const float unit = 0x1p-40f;
    uint32_t largest = 0;
    for (size_t i = 0; i < count; i++) {
        float average = (float)sums[i] * unit;
        float step = rate * average;
        float next = parameters[i] + step;
        parameters[i] = next;
        uint32_t magnitude = float_bits(next) & MAGNITUDE_MASK;
        largest = magnitude > largest ? magnitude : largest;
    }
    return largest;
}

// 2^(-k/2), k = 0 to 12, to the nearest float.
static const float hadamard_scales[13] = {
    1.0f, 0x1.6a09e6p-1f, 0.5f, 0x1.6a09e6p-2f, 0.25f, 0x1.6a09e6p-3f, 0.125f,
    0x1.6a09e6p-4f, 0.0625f, 0x1.6a09e6p-5f, 0.03125f, 0x1.6a09e6p-6f, 0.015625f,
};

// Butterflies of ever wider pairs: each sum has one rounding, whatever the order within a width.
MESH_CLONES
void MESH_KERNEL(mesh_hadamard)(float *values, size_t count) {
    unsigned stages = 0;
    for (size_t width = 1; width < count; width *= 2, stages++) {
        for (size_t start = 0; start < count; start += 2 * width) {
            float *restrict left = values + start;
            float *restrict right = values + start + width;
            for (size_t i = 0; i < width; i++) {
                float sum = left[i] + right[i];
                float difference = left[i] - right[i];
                left[i] = sum;
                right[i] = difference;
            }
        }
    }
    for (size_t i = 0; i < count; i++) values[i] *= hadamard_scales[stages];
}

MESH_CLONES
void MESH_KERNEL(mesh_float_from_sums)(float *restrict values, const int64_t *restrict sums, size_t count) {
    for (size_t i = 0; i < count; i++) values[i] = (float)sums[i] * 0x1p-40f;
}

MESH_CLONES
uint32_t MESH_KERNEL(mesh_shared_adamw)(
    float *restrict parameters, float *restrict second, const float *restrict direction, float rate, float keep,
    size_t count) {
    uint32_t largest = 0;
    for (size_t i = 0; i < count; i++) {
        float square = direction[i] * direction[i];
        float kept = MESH_SHARED_SECOND_DECAY * second[i];
        float added = MESH_SHARED_SECOND_SHARE * square;
        float next = second[i] == 0.0f ? square : kept + added;
        second[i] = next;
        float root = __builtin_sqrtf(next) + MESH_SHARED_EPSILON;
        float change = rate * (direction[i] / root);
        float value = keep * parameters[i];
        value = value - change;
        parameters[i] = value;
        uint32_t magnitude = float_bits(value) & MAGNITUDE_MASK;
        uint32_t spread = float_bits(next) & MAGNITUDE_MASK;
        magnitude = spread > magnitude ? spread : magnitude;
        largest = magnitude > largest ? magnitude : largest;
    }
    return largest;
}
