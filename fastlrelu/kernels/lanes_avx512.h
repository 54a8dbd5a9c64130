/* The 16-bit dtypes with AVX-512: sixteen lanes. */
static ALWAYS_INLINE __m512 f16_load_avx512(const uint16_t *source) {
    __m512 widened = _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)source));
    FORGET_ORIGIN(widened);
    return widened;
}

static ALWAYS_INLINE __m256i f16_narrow_avx512(__m512 value) {
    return _mm512_cvtps_ph(value, _MM_FROUND_TO_NEAREST_INT);
}

static ALWAYS_INLINE __m512 bf16_load_avx512(const uint16_t *source) {
    const __m512i widened = _mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)source));
    return _mm512_castsi512_ps(_mm512_slli_epi32(widened, 16));
}

/* By hand: vcvtneps2bf16 flushes subnormals to zero. */
static ALWAYS_INLINE __m256i bf16_narrow_avx512(__m512 value) {
    const __m512i bits = _mm512_castps_si512(value);
    const __m512i high = _mm512_srli_epi32(bits, 16);
    const __m512i last_bit = _mm512_and_si512(high, _mm512_set1_epi32(1));
    const __m512i half_unit = _mm512_add_epi32(last_bit, _mm512_set1_epi32(0x7fff));
    const __m512i rounded = _mm512_srli_epi32(_mm512_add_epi32(bits, half_unit), 16);
    const __mmask16 is_nan = _mm512_cmp_ps_mask(value, value, _CMP_UNORD_Q);
    const __m512i result = _mm512_mask_or_epi32(rounded, is_nan, high, _mm512_set1_epi32(0x0040));
    return _mm512_cvtepi32_epi16(result);
}

#define LANES 16
#define lanes __m512
#define lanes_add(a, b) _mm512_add_ps(a, b)
#define lanes_sub(a, b) _mm512_sub_ps(a, b)
#define lanes_mul(a, b) _mm512_mul_ps(a, b)
#define lanes_div(a, b) _mm512_div_ps(a, b)
#define lanes_select_positive(c, a, b) \
    _mm512_mask_blend_ps(_mm512_cmp_ps_mask(c, _mm512_setzero_ps(), _CMP_GT_OQ), b, a)
#define lanes_broadcast(v) _mm512_set1_ps((float)(v))
#define lanes_load(source) _mm512_loadu_ps(source)
#define lanes_store(destination, v) _mm512_storeu_ps(destination, v)
#define f16_load f16_load_avx512
#define f16_store(destination, v) _mm256_storeu_si256((__m256i *)(destination), f16_narrow_avx512(v))
#define f16_stream(destination, v) _mm256_stream_si256((__m256i *)(destination), f16_narrow_avx512(v))
#define bf16_load bf16_load_avx512
#define bf16_store(destination, v) _mm256_storeu_si256((__m256i *)(destination), bf16_narrow_avx512(v))
#define bf16_stream(destination, v) _mm256_stream_si256((__m256i *)(destination), bf16_narrow_avx512(v))
#define stream_word __m512i
#define stream_load(source) _mm512_loadu_si512(source)
#define stream_store(destination, v) _mm512_stream_si512((__m512i *)(destination), v)
