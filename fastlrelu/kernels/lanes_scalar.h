/* The 16-bit dtypes where there are no conversion instructions: one lane, and conversions without a branch, which the
 * compiler can vectorise as integer code. */
#ifndef FASTLRELU_LANES_SCALAR_H
#define FASTLRELU_LANES_SCALAR_H

static ALWAYS_INLINE uint32_t bits_of(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static ALWAYS_INLINE float float_of(uint32_t bits) {
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static ALWAYS_INLINE float f16_load_scalar(const uint16_t *source) {
    const uint32_t half = *source;
    const uint32_t sign = (half & 0x8000u) << 16;
    const uint32_t magnitude = half & 0x7fffu;
    const uint32_t rebias = 112u << 23;
    const uint32_t normal = (magnitude << 13) + rebias;
    const uint32_t infinite_or_nan = normal + rebias;
    /* Through an integer, not a subnormal float32, which a host that flushes subnormals would lose. */
    const uint32_t subnormal = bits_of((float)(int32_t)magnitude * 0x1p-24f);
    const uint32_t finite = magnitude < 0x0400u ? subnormal : normal;
    return float_of(sign | (magnitude < 0x7c00u ? finite : infinite_or_nan));
}

static ALWAYS_INLINE void f16_store_scalar(uint16_t *destination, float value) {
    const uint32_t bits = bits_of(value);
    const uint32_t magnitude = bits & 0x7fffffffu;
    /* Round to nearest, ties to even: add half a unit less one, plus the last bit that stays. */
    const uint32_t normal = (magnitude - (112u << 23) + 0x0fffu + ((magnitude >> 13) & 1u)) >> 13;
    /* Adding 0.5 moves the subnormal's bits to the low end of the significand, rounded. */
    const uint32_t subnormal = bits_of(float_of(magnitude) + 0.5f) - bits_of(0.5f);
    const uint32_t finite = magnitude < 0x38800000u ? subnormal : normal;
    const uint32_t special = magnitude > 0x7f800000u ? 0x7e00u : 0x7c00u;
    *destination = (uint16_t)(((bits >> 16) & 0x8000u) | (magnitude < 0x47800000u ? finite : special));
}

static ALWAYS_INLINE float bf16_load_scalar(const uint16_t *source) {
    return float_of((uint32_t)*source << 16);
}

static ALWAYS_INLINE void bf16_store_scalar(uint16_t *destination, float value) {
    const uint32_t bits = bits_of(value);
    const uint32_t rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
    const uint32_t quiet_nan = (bits >> 16) | 0x0040u;
    *destination = (uint16_t)((bits & 0x7fffffffu) > 0x7f800000u ? quiet_nan : rounded);
}

#endif

#define LANES 1
#define lanes float
#define lanes_add(a, b) ((a) + (b))
#define lanes_sub(a, b) ((a) - (b))
#define lanes_mul(a, b) ((a) * (b))
#define lanes_div(a, b) ((a) / (b))
#define lanes_select_positive(c, a, b) ((c) > 0 ? (a) : (b))
#define lanes_broadcast(v) ((float)(v))
#define lanes_load(source) (*(source))
#define lanes_store(destination, v) (*(destination) = (v))
#define f16_load f16_load_scalar
#define f16_store f16_store_scalar
#define bf16_load bf16_load_scalar
#define bf16_store bf16_store_scalar
#define f16_stream f16_store_scalar
#define bf16_stream bf16_store_scalar
#if defined(__x86_64__) || defined(_M_X64)
#define stream_word __m128i
#define stream_load(source) _mm_loadu_si128((const __m128i *)(source))
#define stream_store(destination, v) _mm_stream_si128((__m128i *)(destination), v)
#endif
