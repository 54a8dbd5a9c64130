/* The 16-bit dtypes with AVX2 and F16C: eight lanes. */
static ALWAYS_INLINE __m256 f16_load_avx2(const uint16_t *source) {
    __m256 widened = _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)source));
    FORGET_ORIGIN(widened);
    return widened;
}

static ALWAYS_INLINE __m128i f16_narrow_avx2(__m256 value) {
    return _mm256_cvtps_ph(value, _MM_FROUND_TO_NEAREST_INT);
}

static ALWAYS_INLINE __m256 bf16_load_avx2(const uint16_t *source) {
    const __m256i widened = _mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)source));
    return _mm256_castsi256_ps(_mm256_slli_epi32(widened, 16));
}

/* By hand: vcvtneps2bf16 flushes subnormals to zero. */
static ALWAYS_INLINE __m128i bf16_narrow_avx2(__m256 value) {
    const __m256i bits = _mm256_castps_si256(value);
    const __m256i high = _mm256_srli_epi32(bits, 16);
    const __m256i last_bit = _mm256_and_si256(high, _mm256_set1_epi32(1));
    const __m256i half_unit = _mm256_add_epi32(last_bit, _mm256_set1_epi32(0x7fff));
    const __m256i rounded = _mm256_srli_epi32(_mm256_add_epi32(bits, half_unit), 16);
    const __m256i quiet_nan = _mm256_or_si256(high, _mm256_set1_epi32(0x0040));
    const __m256i is_nan = _mm256_castps_si256(_mm256_cmp_ps(value, value, _CMP_UNORD_Q));
    const __m256i result = _mm256_blendv_epi8(rounded, quiet_nan, is_nan);
    return _mm_packus_epi32(_mm256_castsi256_si128(result), _mm256_extracti128_si256(result, 1));
}

#define LANES 8
#define lanes __m256
#define lanes_add(a, b) _mm256_add_ps(a, b)
#define lanes_sub(a, b) _mm256_sub_ps(a, b)
#define lanes_mul(a, b) _mm256_mul_ps(a, b)
#define lanes_div(a, b) _mm256_div_ps(a, b)
#define lanes_select_positive(c, a, b) _mm256_blendv_ps(b, a, _mm256_cmp_ps(c, _mm256_setzero_ps(), _CMP_GT_OQ))
#define lanes_broadcast(v) _mm256_set1_ps((float)(v))
#define lanes_load(source) _mm256_loadu_ps(source)
#define lanes_store(destination, v) _mm256_storeu_ps(destination, v)
#define f16_load f16_load_avx2
#define f16_store(destination, v) _mm_storeu_si128((__m128i *)(destination), f16_narrow_avx2(v))
#define f16_stream(destination, v) _mm_stream_si128((__m128i *)(destination), f16_narrow_avx2(v))
#define bf16_load bf16_load_avx2
#define bf16_store(destination, v) _mm_storeu_si128((__m128i *)(destination), bf16_narrow_avx2(v))
#define bf16_stream(destination, v) _mm_stream_si128((__m128i *)(destination), bf16_narrow_avx2(v))
#define stream_word __m256i
#define stream_load(source) _mm256_loadu_si256((const __m256i *)(source))
#define stream_store(destination, v) _mm256_stream_si256((__m256i *)(destination), v)
