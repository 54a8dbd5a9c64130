/* The streaming store of one SIMD level: one cache line past the caches, for results too large to be read back from
 * them. The line should be in registers, and with stream_word of 32 bytes and more it is. */
#if defined(stream_word)
static ALWAYS_INLINE void JOINED(stream_line, LEVEL)(void *destination, const void *line) {
    for (int i = 0; i < CACHE_LINE; i += (int)sizeof(stream_word)) {
        stream_store((char *)destination + i, stream_load((const char *)line + i));
    }
}
#endif
