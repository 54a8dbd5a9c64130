/* The 16-bit dtypes on arm64, where NEON and its float16 conversions belong to the baseline: four lanes. */
static ALWAYS_INLINE float32x4_t f16_load_neon(const uint16_t *source) {
    return vcvt_f32_f16(vreinterpret_f16_u16(vld1_u16(source)));
}

static ALWAYS_INLINE void f16_store_neon(uint16_t *destination, float32x4_t value) {
    vst1_u16(destination, vreinterpret_u16_f16(vcvt_f16_f32(value)));
}

static ALWAYS_INLINE float32x4_t bf16_load_neon(const uint16_t *source) {
    return vreinterpretq_f32_u32(vshll_n_u16(vld1_u16(source), 16));
}

/* By hand: the instruction for it is no part of the baseline. */
static ALWAYS_INLINE void bf16_store_neon(uint16_t *destination, float32x4_t value) {
    const uint32x4_t bits = vreinterpretq_u32_f32(value);
    const uint32x4_t high = vshrq_n_u32(bits, 16);
    const uint32x4_t last_bit = vandq_u32(high, vdupq_n_u32(1));
    const uint32x4_t half_unit = vaddq_u32(last_bit, vdupq_n_u32(0x7fff));
    const uint32x4_t rounded = vshrq_n_u32(vaddq_u32(bits, half_unit), 16);
    const uint32x4_t quiet_nan = vorrq_u32(high, vdupq_n_u32(0x0040));
    vst1_u16(destination, vmovn_u32(vbslq_u32(vceqq_f32(value, value), rounded, quiet_nan)));
}

#define LANES 4
#define lanes float32x4_t
#define lanes_add(a, b) vaddq_f32(a, b)
#define lanes_sub(a, b) vsubq_f32(a, b)
#define lanes_mul(a, b) vmulq_f32(a, b)
#define lanes_div(a, b) vdivq_f32(a, b)
#define lanes_select_positive(c, a, b) vbslq_f32(vcgtq_f32(c, vdupq_n_f32(0)), a, b)
#define lanes_broadcast(v) vdupq_n_f32((float)(v))
#define lanes_load(source) vld1q_f32(source)
#define lanes_store(destination, v) vst1q_f32(destination, v)
#define f16_load f16_load_neon
#define f16_store f16_store_neon
#define bf16_load bf16_load_neon
#define bf16_store bf16_store_neon
/* No streaming store for them. */
#define f16_stream f16_store_neon
#define bf16_stream bf16_store_neon
