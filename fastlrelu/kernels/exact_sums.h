/* Sums without rounding, with DTYPE, SUM and IS_LEFT (an integer that is not 0 where the value is not) defined:
 * of float64 for every dtype but longdouble.
 *
 * Each value is cut at fixed places of the number line into FL_BINS pieces, and each piece goes into a bin of its own,
 * where so few bits of so few values add up exactly, in whatever order: the "extraction" of Rump, Ogita and Oishi,
 * Accurate floating-point summation I, 2008, doi:10.1137/050645671, as Demmel and Nguyen use it in Fast reproducible
 * floating-point summation, 2013, doi:10.1109/ARITH.2013.9.
 */

/* Of `rows` rows, a constant: so often are the bins stored once where the values are read. */
static ALWAYS_INLINE int64_t SYMBOL(extract_rows)(const SUM *v, const SUM *cuts, SUM *bins, const ptrdiff_t stride,
                                                  const int rows, const ptrdiff_t n) {
    const SUM high_cut = cuts[0], middle_cut = cuts[1], low_cut = cuts[2];
    SUM *const high = bins;
    SUM *const middle = high + stride;
    SUM *const low = middle + stride;
    int64_t left = 0;
    INDEPENDENT_ITERATIONS
    for (ptrdiff_t i = 0; i < n; i++) {
        SUM of_high = high[i], of_middle = middle[i], of_low = low[i];
        for (int row = 0; row < rows; row++) {
            SUM rest = v[row * stride + i];
            SUM piece = (rest + high_cut) - high_cut;
            of_high += piece;
            rest -= piece;
            piece = (rest + middle_cut) - middle_cut;
            of_middle += piece;
            rest -= piece;
            piece = (rest + low_cut) - low_cut;
            of_low += piece;
            left |= IS_LEFT(rest - piece);
        }
        high[i] = of_high;
        middle[i] = of_middle;
        low[i] = of_low;
    }
    return left;
}

/* bins[b * stride + i % stride] += piece b of values[i], whose last bit weighs what the last bit of cuts[b] does; 1 if
 * something is left of a value after the last. No value is larger than the first cut allows. */
static int SYMBOL(extract)(const void *values, const void *cuts, void *bins, ptrdiff_t stride, ptrdiff_t n) {
    const SUM *v = (const SUM *)values;
    int64_t left = 0;
    for (; n >= 4 * stride; v += 4 * stride, n -= 4 * stride) {
        left |= SYMBOL(extract_rows)(v, (const SUM *)cuts, (SUM *)bins, stride, 4, stride);
    }
    for (; n > 0; v += stride, n -= stride) {
        left |= SYMBOL(extract_rows)(v, (const SUM *)cuts, (SUM *)bins, stride, 1, stride < n ? stride : n);
    }
    return left != 0;
}

static ALWAYS_INLINE SUM SYMBOL(two_sum)(const SUM a, const SUM b, SUM *error) {
    const SUM sum = a + b;
    const SUM of_b = sum - a;
    *error = (a - (sum - of_b)) + (b - of_b);
    return sum;
}

/* bins[i] becomes the sum of its three, correctly rounded: so nobody can tell where they were cut. */
static void SYMBOL(join)(void *bins, ptrdiff_t stride, ptrdiff_t n) {
    SUM *const high = (SUM *)bins;
    const SUM *const middle = high + stride;
    const SUM *const low = middle + stride;
    INDEPENDENT_ITERATIONS
    for (ptrdiff_t i = 0; i < n; i++) {
        SUM lost_below, lost, last, rest;
        const SUM below = SYMBOL(two_sum)(middle[i], low[i], &lost_below);
        const SUM sum = SYMBOL(two_sum)(high[i], below, &lost);
        const SUM correction = SYMBOL(two_sum)(lost, lost_below, &last);
        const SUM nearest = SYMBOL(two_sum)(sum, correction, &rest);
        /* Of a rest of half a unit, the last decides whether it is more. */
        const SUM next = nearest + 2 * rest;
        const int is_half = next - nearest == 2 * rest;
        const int is_more = (rest > 0) == (last > 0) && (rest < 0) == (last < 0);
        high[i] = is_half & is_more ? next : nearest;
    }
}

#undef DTYPE
#undef SUM
#undef IS_LEFT
