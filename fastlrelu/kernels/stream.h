/* The streaming store of one SIMD level: a copy past the caches, for results too large to be read back from them.
 *
 * With stream_word, stream_load and stream_store from the lanes header; a plain copy without them. The wider the store,
 * the faster: a whole cache line in one instruction needs no write-combining buffer to fill up. */
static void JOINED(stream, LEVEL)(char *destination, const char *source, size_t bytes) {
#if defined(stream_word)
    const size_t misaligned = (size_t)(-(ptrdiff_t)(uintptr_t)destination) & (sizeof(stream_word) - 1);
    size_t i = misaligned < bytes ? misaligned : bytes;
    memcpy(destination, source, i);
    for (; i + sizeof(stream_word) <= bytes; i += sizeof(stream_word)) {
        stream_store(destination + i, stream_load(source + i));
    }
    memcpy(destination + i, source + i, bytes - i);
#else
    memcpy(destination, source, bytes);
#endif
}
