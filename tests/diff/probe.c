/* tests/diff/probe.c: what the compiled functions talk to.
 *
 * A callee reports its arguments leaf by leaf and asks for its result's leaves; a caller asks for its arguments' leaves
 * and reports what came back. One call is under way at a time.
 */
#include <errno.h>
#include <string.h>

#include "diff.h"

Probe probe;

void probe_open(uint64_t seed, Side side, Expected expected) {
    probe = (Probe){.seed = seed, .side = side, .expected = expected, .errno_before = errno_of(mix(seed, 6))};
}

static void differs(const char *what, unsigned long long expected, unsigned long long got) {
    if (probe.failure[0] != 0) return;
    char where[32] = "result";
    if (probe.number != RESULT_NUMBER) snprintf(where, sizeof where, "argument %d", probe.number);
    snprintf(probe.failure, sizeof probe.failure, "%s, leaf %llu (%s): the %s expected %#llx and got %#llx", where,
             (unsigned long long)probe.stream.leaf - 1, what, probe.side == CALLEE ? "callee" : "caller", expected,
             got);
}

static void open_argument(int number) {
    size_t stream = (size_t)number;
    if (number == RESULT_NUMBER && probe.expected == FALLBACK) stream = FALLBACK_NUMBER;
    probe.number = number;
    probe.stream = stream_open(probe.seed, stream);
}

unsigned long long first_bytes(const void *bytes, uint32_t size) {
    unsigned long long number = 0;
    memcpy(&number, bytes, size < sizeof number ? size : sizeof number);
    return number;
}

/* The padding inside scalars is not compared: of a long double 10 bytes carry the value. */
static bool same_scalar(ferry_kind kind, const uint8_t *left, const uint8_t *right) {
    if (kind != FERRY_COMPLEX_LONG_DOUBLE) return memcmp(left, right, scalar_of(kind).value) == 0;
    return memcmp(left, right, 10) == 0 && memcmp(left + 16, right + 16, 10) == 0;
}

static void check(const void *value, int number) {
    ferry_kind kind = (ferry_kind)number;
    stream_scalar(&probe.stream, kind, probe.bytes);
    if (probe.expected == ZEROS) memset(probe.bytes, 0, sizeof probe.bytes);
    probe.kind = kind;
    if (!same_scalar(kind, value, probe.bytes))
        differs(kind == FERRY_POINTER ? "pointer" : "scalar", first_bytes(probe.bytes, scalar_of(kind).size),
                first_bytes(value, scalar_of(kind).size));
}

/* bytes: a little-endian integer of under 8 bytes. */
uint64_t extended(ferry_kind kind, const uint8_t *bytes) {
    Scalar scalar = scalar_of(kind);
    uint64_t number = first_bytes(bytes, scalar.size), sign = (uint64_t)1 << (8 * scalar.size - 1);
    return scalar.is_signed ? (number ^ sign) - sign : number;
}

static void widened(long long value) {
    uint64_t expected = extended(probe.kind, probe.bytes);
    if ((uint64_t)value != expected) differs("its extension", expected, (unsigned long long)value);
}

static void check_bits(const Wide *value, int width, int is_bool) {
    Wide mask = width >= 128 ? ~(Wide)0 : ((Wide)1 << width) - 1;
    Wide expected = stream_bits(&probe.stream, (uint32_t)width, is_bool != 0);
    if (probe.expected == ZEROS) expected = 0;
    if ((*value & mask) != expected)
        differs("bit-field", (unsigned long long)expected, (unsigned long long)(*value & mask));
}

static void put(void *value, int kind) {
    uint8_t bytes[32];
    stream_scalar(&probe.stream, (ferry_kind)kind, bytes);
    memcpy(value, bytes, scalar_of((ferry_kind)kind).size);
}

static void put_bits(Wide *value, int width, int is_bool) {
    *value = stream_bits(&probe.stream, (uint32_t)width, is_bool != 0);
}

static int pick(int count) {
    return (int)stream_pick(&probe.stream, (uint32_t)count);
}

static void garbage(void *bytes, unsigned long size) {
    Random random = {mix(probe.seed, (uint64_t)probe.number + size)};
    random_fill(&random, bytes, size);
}

int errno_of(uint64_t seed) {
    return (int)(mix(seed, 5) >> 40) + 1;
}

static void done(void) {
    probe.calls++;
    errno = errno_of(probe.seed);
}

static void calling(void) {
    errno = probe.errno_before;
}

static void called(void) {
    probe.errno_after = errno;
    probe.calls++;
}

const Helpers helpers = {open_argument, check,   widened, check_bits, put,   put_bits,
                         pick,          garbage, done,    calling,    called};
