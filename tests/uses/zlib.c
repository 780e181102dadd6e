/* zlib.c: zlib's allocation hooks, and the callbacks of inflateBack. */
#include <zlib.h>

#include "support.h"

enum { MEGABYTE = 1 << 20 };

/* ---- an allocator that keeps books ---- */

typedef struct Books {
    ferry_convention convention;
    void *blocks[64];
    size_t sizes[64];
    int alive, allocations, releases, strangers;
    size_t bytes, most;
} Books;

#define ALLOCATE "void *allocate(void *, unsigned, unsigned)"
#define RELEASE  "void release(void *, void *)"

static void allocate(void *context, void *arguments, void *result) {
    Books *books = context;
    size_t items = ARGUMENT(unsigned, books->convention, arguments, 1);
    size_t size = items * ARGUMENT(unsigned, books->convention, arguments, 2);
    books->strangers += ARGUMENT(void *, books->convention, arguments, 0) != books;
    void *block = books->alive < 64 ? malloc(size) : NULL;
    if (block != NULL) {
        memset(block, 0xEE, size);
        books->blocks[books->alive] = block;
        books->sizes[books->alive++] = size;
        books->bytes += size;
        if (books->bytes > books->most) books->most = books->bytes;
    }
    books->allocations++;
    *(void **)result = block;
}

static void release_block(void *context, void *arguments, void *result) {
    (void)result;
    Books *books = context;
    void *block = ARGUMENT(void *, books->convention, arguments, 1);
    int at = 0;
    books->strangers += ARGUMENT(void *, books->convention, arguments, 0) != books;
    while (at < books->alive && books->blocks[at] != block) at++;
    books->strangers += at == books->alive;
    if (at == books->alive) return;
    books->releases++;
    books->bytes -= books->sizes[at];
    books->blocks[at] = books->blocks[--books->alive];
    books->sizes[at] = books->sizes[books->alive];
    free(block);
}

/* ---- compressing ---- */

static unsigned char text[MEGABYTE], packed[2 * MEGABYTE], expected[2 * MEGABYTE], unpacked[MEGABYTE];

static void write_text(void) {
    uint64_t state = 11;
    for (size_t i = 0; i < MEGABYTE; i++) text[i] = (unsigned char)('a' + next_random(&state) % (1 + i / 40000));
}

/* Both with the hooks of `stream`. Returns the compressed size. */
static size_t pack(z_stream stream, unsigned char *into, size_t room) {
    cr_assert_eq(deflateInit(&stream, 6), Z_OK);
    stream.next_in = text;
    stream.avail_in = MEGABYTE;
    stream.next_out = into;
    stream.avail_out = (uInt)room;
    cr_assert_eq(deflate(&stream, Z_FINISH), Z_STREAM_END);
    cr_assert_eq(deflateEnd(&stream), Z_OK);
    return stream.total_out;
}

static void unpack(z_stream stream, size_t size) {
    cr_assert_eq(inflateInit(&stream), Z_OK);
    stream.next_in = packed;
    stream.avail_in = (uInt)size;
    stream.next_out = unpacked;
    stream.avail_out = MEGABYTE;
    cr_assert_eq(inflate(&stream, Z_FINISH), Z_STREAM_END);
    cr_assert_eq(stream.total_out, MEGABYTE);
    cr_assert_eq(inflateEnd(&stream), Z_OK);
}

Test(uses, zlib_allocates_in_the_virtual_machine) {
    write_text();
    size_t size = pack((z_stream){0}, expected, sizeof expected);
    for (const Way *way = ways; way < ways + WAYS; way++) {
        ferry_engine *engine = new_engine(way);
        Books books = {.convention = way->convention};
        ferry_closure *allocator = new_closure(engine, way, ALLOCATE, allocate, &books);
        ferry_closure *releaser = new_closure(engine, way, RELEASE, release_block, &books);
        const z_stream stream = {
            .zalloc = CODE(alloc_func, allocator), .zfree = CODE(free_func, releaser), .opaque = &books};
        memset(packed, 0, sizeof packed);
        memset(unpacked, 0, sizeof unpacked);
        cr_expect_eq(pack(stream, packed, sizeof packed), size, "%s", way->name);
        cr_expect_eq(memcmp(packed, expected, size), 0);
        cr_expect(books.allocations >= 4 && books.releases == books.allocations);
        cr_expect_gt(books.most, 100000);
        unpack(stream, size);
        cr_expect_eq(memcmp(unpacked, text, MEGABYTE), 0);
        cr_expect_eq(books.releases, books.allocations);
        cr_expect_eq(books.strangers, 0);
        cr_expect_eq(books.bytes, 0);
        release(allocator);
        release(releaser);
        free_engine(engine);
    }
}

/* An ended allocator has no memory: zlib says so, and the process stands. */
Test(uses, zlib_sees_an_allocator_that_has_ended_as_out_of_memory) {
    for (const Way *way = ways; way < ways + WAYS; way++) {
        ferry_engine *engine = new_engine(way);
        Books books = {.convention = way->convention};
        ferry_closure *allocator = new_closure(engine, way, ALLOCATE, allocate, &books);
        ferry_closure *releaser = new_closure(engine, way, RELEASE, release_block, &books);
        z_stream stream = {.zalloc = CODE(alloc_func, allocator), .zfree = CODE(free_func, releaser), .opaque = &books};
        release(allocator);
        cr_expect_eq(deflateInit(&stream, 6), Z_MEM_ERROR, "%s", way->name);
        cr_expect_eq(books.allocations, 0);
        ferry_statistics statistics;
        ferry_engine_statistics(engine, &statistics);
        cr_expect_eq(statistics.late_calls, 1);
        release(releaser);
        free_engine(engine);
    }
}

/* ---- a stream that is pulled and pushed ---- */

typedef struct Pipe {
    ferry_convention convention;
    size_t size; /* of what is packed */
    size_t read, written;
} Pipe;

static void pull(void *context, void *arguments, void *result) {
    Pipe *line = context;
    unsigned char **next = ARGUMENT(unsigned char **, line->convention, arguments, 1);
    size_t count = line->size - line->read < 1000 ? line->size - line->read : 1000;
    *next = packed + line->read;
    line->read += count;
    give(result, (int64_t)count);
}

static void push(void *context, void *arguments, void *result) {
    Pipe *line = context;
    unsigned count = ARGUMENT(unsigned, line->convention, arguments, 2);
    bool fits = count <= MEGABYTE - line->written;
    if (fits) memcpy(unpacked + line->written, ARGUMENT(unsigned char *, line->convention, arguments, 1), count);
    line->written += count;
    give(result, !fits);
}

static size_t pack_raw(void) {
    z_stream stream = {0};
    cr_assert_eq(deflateInit2(&stream, 6, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY), Z_OK);
    stream.next_in = text;
    stream.avail_in = MEGABYTE;
    stream.next_out = packed;
    stream.avail_out = sizeof packed;
    cr_assert_eq(deflate(&stream, Z_FINISH), Z_STREAM_END);
    cr_assert_eq(deflateEnd(&stream), Z_OK);
    return stream.total_out;
}

Test(uses, inflate_back_pulls_and_pushes_through_closures) {
    static unsigned char window[32768];
    write_text();
    size_t size = pack_raw();
    for (const Way *way = ways; way < ways + WAYS; way++) {
        ferry_engine *engine = new_engine(way);
        Pipe line = {.convention = way->convention, .size = size};
        ferry_closure *in = new_closure(engine, way, "unsigned in(void *, unsigned char **)", pull, &line);
        ferry_closure *out = new_closure(engine, way, "int out(void *, unsigned char *, unsigned)", push, &line);
        z_stream stream = {0};
        memset(unpacked, 0, sizeof unpacked);
        cr_assert_eq(inflateBackInit(&stream, 15, window), Z_OK);
        cr_expect_eq(inflateBack(&stream, CODE(in_func, in), NULL, CODE(out_func, out), NULL), Z_STREAM_END);
        cr_expect_eq(line.written, MEGABYTE, "%s", way->name);
        cr_expect_eq(memcmp(unpacked, text, MEGABYTE), 0);
        inflateBackEnd(&stream);
        release(in);
        release(out);
        free_engine(engine);
    }
}
