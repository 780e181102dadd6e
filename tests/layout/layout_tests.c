/* tests/layout/layout_tests.c: sizes, alignments and offsets of random types, as gcc and clang have them and as ferry
 * does.
 *
 * For each type a function is compiled that tells its size and alignment, the offset of every member at every depth,
 * and for every bit-field the bytes of a zeroed object in which it alone is all ones:
 *
 *     void case_7(void (*say)(unsigned long), void (*show)(const void *, unsigned long)) {
 *         say(sizeof(struct s7_1));
 *         say(__alignof__(struct s7_1));
 *         say(offsetof(struct s7_1, m2));
 *         { struct s7_1 o; memset(&o, 0, sizeof o); o.m3 = -1; show(&o, sizeof o); }
 *     }
 *
 * What they say is compared with the same walk over ferry's layout.
 */
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include "tests/diff/diff.h"

#define DEFAULT_SEED  4711
#define DEFAULT_COUNT 3000
#define BATCH         500
#define REPORTED      10  /* failures that are printed */
#define MOST_DISPUTED 500 /* one type in so many */
#define OBJECT_BYTES  4096

/* What one side says of a type: a list of numbers; a bit-field's bytes are one hash and its width. */
typedef struct Facts {
    uint64_t *numbers;
    size_t count, capacity;
} Facts;

typedef struct Walk {
    ferry_engine *engine;
    const ferry_type *whole;
    FILE *out;        /* the C text, or NULL */
    Facts *facts;     /* ferry's, or NULL */
    const char *name; /* of the whole, in C */
} Walk;

static void add(Facts *facts, uint64_t number) {
    if (facts->count == facts->capacity) {
        facts->capacity = facts->capacity == 0 ? 64 : 2 * facts->capacity;
        facts->numbers = realloc(facts->numbers, facts->capacity * sizeof *facts->numbers);
        if (facts->numbers == NULL) abort();
    }
    facts->numbers[facts->count++] = number;
}

static uint64_t hash_of(const uint8_t *bytes, size_t size) {
    uint64_t hash = size;
    for (size_t i = 0; i < size; i++) hash = mix(hash, bytes[i]);
    return hash;
}

/* ---- the walk, for both sides ---- */

static void walk(const Walk *walk_, const ferry_type *type, const char *path, uint64_t bit_offset);

static ferry_extent extent_of(const Walk *walk_, const ferry_type *type) {
    ferry_extent extent = {0};
    ferry_error error;
    if (ferry_type_measure(walk_->engine, type, &extent, &error) == FERRY_OK) return extent;
    fprintf(stderr, "cannot be measured: %s\n", error.message);
    exit(2);
}

static void bitfield(const Walk *walk_, const ferry_member *member, const char *path, uint64_t bit_offset) {
    if (walk_->out != NULL)
        fprintf(walk_->out, "    { %s o; memset(&o, 0, sizeof o); o.%s = -1; show(&o, sizeof o); }\n", walk_->name,
                path);
    if (walk_->facts == NULL) return;
    uint8_t object[OBJECT_BYTES] = {0};
    for (uint64_t bit = bit_offset; bit < bit_offset + member->bits; bit++)
        object[bit / 8] = (uint8_t)(object[bit / 8] | (1u << (bit % 8)));
    add(walk_->facts, hash_of(object, extent_of(walk_, walk_->whole).size));
}

static void member(const Walk *walk_, const ferry_type *type, size_t index, const char *path, uint64_t bit_offset) {
    const ferry_member *item = ferry_type_member(type, index);
    bool anonymous = item->name == NULL || item->name[0] == 0;
    char inside[512];
    uint64_t offset = 0;
    ferry_error error;
    if (is_padding_member(item)) return;
    if (ferry_type_locate(walk_->engine, type, index, &offset, &error) != FERRY_OK) {
        fprintf(stderr, "cannot be located: %s\n", error.message);
        exit(2);
    }
    snprintf(inside, sizeof inside, "%s%s%s", path, path[0] == 0 || anonymous ? "" : ".", anonymous ? "" : item->name);
    if (item->is_bitfield)
        bitfield(walk_, item, inside, bit_offset + offset);
    else
        walk(walk_, item->type, inside, bit_offset + offset);
}

/* The first and the last element say all. */
static void elements(const Walk *walk_, const ferry_type *type, const char *path, uint64_t bit_offset) {
    uint64_t count = ferry_type_count(type), size = extent_of(walk_, ferry_type_base(type)).size;
    if (count == FERRY_FLEXIBLE) return;
    for (uint64_t i = 0; i < count; i += i + 1 < count ? count - 1 : 1) {
        char inside[540];
        snprintf(inside, sizeof inside, "%.511s[%llu]", path, (unsigned long long)i);
        walk(walk_, ferry_type_base(type), inside, bit_offset + 8 * i * size);
    }
}

/* path "": the whole type; an anonymous member has its parent's path and no offset of its own. */
static void walk(const Walk *walk_, const ferry_type *type, const char *path, uint64_t bit_offset) {
    ferry_kind kind = ferry_type_kind(strip(type));
    bool record = kind == FERRY_STRUCT || kind == FERRY_UNION;
    if (path[0] != 0 && !record) {
        if (walk_->out != NULL) fprintf(walk_->out, "    say(offsetof(%s, %s));\n", walk_->name, path);
        if (walk_->facts != NULL) add(walk_->facts, bit_offset / 8);
    }
    if (kind == FERRY_ARRAY) elements(walk_, strip(type), path, bit_offset);
    for (size_t i = 0; record && i < ferry_type_member_count(strip(type)); i++)
        member(walk_, strip(type), i, path, bit_offset);
}

/* ---- one type ---- */

static void emit(FILE *out, ferry_engine *engine, const ferry_type *type, size_t number) {
    char name[32];
    Declare declare = {.out = out, .dialect = FOR_COMPILER, .prefix = number};
    snprintf(name, sizeof name, "type_%zu", number);
    fprintf(out, "#line 1 \"case_%zu\"\n", number);
    declare_needs(&declare, type);
    fputs("\ntypedef ", out);
    declare_type(&declare, type, name);
    fprintf(out, ";\nvoid case_%zu(void (*say)(unsigned long), void (*show)(const void *, unsigned long)) {\n", number);
    /* Not _Alignof, which gcc limits to the largest register's. */
    fprintf(out, "    say(sizeof(%s));\n    say(__alignof__(%s));\n", name, name);
    walk(&(Walk){.engine = engine, .whole = type, .out = out, .name = name}, type, "", 0);
    fputs("}\n", out);
    declare_free(&declare);
}

static Facts ferry_facts(ferry_engine *engine, const ferry_type *type) {
    Facts facts = {0};
    Walk walk_ = {.engine = engine, .whole = type, .facts = &facts};
    ferry_extent extent = extent_of(&walk_, type);
    add(&facts, extent.size);
    add(&facts, extent.alignment);
    walk(&walk_, type, "", 0);
    return facts;
}

static Facts heard; /* from the compiler's side */
static void say(unsigned long number) {
    add(&heard, number);
}
static void show(const void *bytes, unsigned long size) {
    add(&heard, hash_of(bytes, size));
}

typedef void Speaker(void (*say)(unsigned long), void (*show)(const void *, unsigned long));

/* ---- batches ---- */

typedef struct Tests {
    ferry_engine *engine;
    size_t passed, failed, skipped, disputed;
    bool gcc_agrees[BATCH]; /* with ferry, of the types of this batch */
} Tests;

static void print_difference(const Tests *tests, const ferry_type *type, Compiler compiler, uint64_t seed,
                             const Facts *facts, size_t at, const char *verdict) {
    ferry_error error;
    const ferry_signature *signature = ferry_signature_create(tests->engine, type, NULL, 0, false, &error);
    char *text = signature == NULL ? NULL : declare_signature(signature, "f");
    printf("%s seed %llu, %s: fact %zu of %zu (0 size, 1 alignment, then offsets): %llu, ferry has %llu\n  %s\n",
           verdict, (unsigned long long)seed, compiler_names[compiler], at, heard.count,
           at < heard.count ? (unsigned long long)heard.numbers[at] : 0,
           at < facts->count ? (unsigned long long)facts->numbers[at] : 0, text == NULL ? error.message : text);
    free(text);
}

/* Where gcc has ferry's layout and clang another one, gcc is followed. */
static void compare(Tests *tests, const ferry_type *type, Compiler compiler, size_t number, uint64_t seed) {
    Facts facts = ferry_facts(tests->engine, type);
    size_t at = 0;
    while (at < facts.count && at < heard.count && facts.numbers[at] == heard.numbers[at]) at++;
    bool same = at == facts.count && at == heard.count,
         disputed = !same && compiler == CLANG && tests->gcc_agrees[number];
    if (compiler == GCC) tests->gcc_agrees[number] = same;
    tests->passed += same;
    tests->failed += !same && !disputed;
    tests->disputed += disputed;
    if (!same && tests->failed + tests->disputed <= REPORTED)
        print_difference(tests, type, compiler, seed, &facts, at, disputed ? "disputed" : "FAILED");
    free(facts.numbers);
}

static void listen(Tests *tests, const Build *build, const ferry_type **types, size_t count, char *const *complaints,
                   uint64_t seed) {
    void *library = dlopen(build->object, RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) {
        fprintf(stderr, "%s\n", dlerror());
        exit(2);
    }
    for (size_t i = 0; i < count; i++) {
        char name[32];
        Speaker *speaker;
        if (complaints[job_of(i, CALLEE)] != NULL) continue;
        snprintf(name, sizeof name, "case_%zu", i);
        *(void **)(void *)&speaker = dlsym(library, name);
        heard.count = 0;
        speaker(say, show);
        compare(tests, types[i], build->compiler, i, seed + i);
    }
    dlclose(library);
}

static void write_source(const Tests *tests, const char *path, const ferry_type **types, size_t count,
                         char *const *complaints) {
    FILE *out = fopen(path, "w");
    if (out == NULL) {
        perror(path);
        exit(2);
    }
    declare_prelude(out);
    fputs("#include <string.h>\n", out);
    for (size_t i = 0; i < count; i++)
        if (complaints[job_of(i, CALLEE)] == NULL) emit(out, tests->engine, types[i], i);
    fclose(out);
}

/* What the compiler does not know (gcc 12: __bf16) is left out and counted. */
static void compile(Tests *tests, Compiler compiler, const ferry_type **types, size_t count, uint64_t seed) {
    char path[300];
    char **complaints = calloc(job_of(count, CALLEE), sizeof *complaints); /* a type's are of both sides */
    Build build = {.compiler = compiler, .machine = ""};
    if (complaints == NULL) abort();
    snprintf(path, sizeof path, "%s/layout-%s.c", work_directory(), compiler_names[compiler]);
    bool built = false;
    for (size_t marked = 0, before = SIZE_MAX; !built && marked != before;) {
        before = marked;
        write_source(tests, path, types, count, complaints);
        build_start(&build, path, "layout");
        built = build_wait(&build);
        marked = built ? marked : build_complaints(&build, complaints, job_of(count, CALLEE));
    }
    if (built) listen(tests, &build, types, count, complaints, seed);
    if (!built)
        printf("FAILED seed %llu: %s cannot compile the batch\n", (unsigned long long)seed, compiler_names[compiler]);
    tests->failed += built ? 0 : count;
    const char *reason = NULL;
    size_t skipped = 0;
    for (size_t i = 0; i < count; i++) {
        if (complaints[job_of(i, CALLEE)] != NULL) skipped++, reason = complaints[job_of(i, CALLEE)];
    }
    if (built && skipped > 0)
        printf("%s: %zu types skipped, for example: %.100s\n", compiler_names[compiler], skipped, reason);
    tests->skipped += built ? skipped : 0;
    for (size_t i = 0; i < job_of(count, CALLEE); i++) free(complaints[i]);
    free(complaints);
}

static void run_batch_of_types(Tests *tests, uint64_t seed, size_t count) {
    const ferry_type *types[BATCH];
    memset(tests->gcc_agrees, 0, sizeof tests->gcc_agrees);
    for (size_t i = 0; i < count; i++) {
        Grammar grammar = {.engine = tests->engine, .random = {mix(seed + i, 2)}, .prefix = i};
        grammar.with_bfloat = random_chance(&grammar.random, 12);
        types[i] = grammar_value(&grammar);
    }
    for (Compiler compiler = 0; compiler < COMPILERS; compiler++) compile(tests, compiler, types, count, seed);
}

int main(int argc, char **argv) {
    uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 0) : DEFAULT_SEED;
    size_t count = argc > 2 ? strtoull(argv[2], NULL, 0) : DEFAULT_COUNT;
    Tests tests = {0};
    ferry_error error;
    printf("seed %llu, %zu types (layout_tests [SEED [COUNT]])\n", (unsigned long long)seed, count);
    for (size_t done = 0; done < count; done += BATCH) {
        ferry_engine_options options = {.target = "x86_64-sysv", .policy = FERRY_NEVER};
        tests.engine = ferry_engine_create(&options, &error);
        if (tests.engine == NULL) {
            fprintf(stderr, "%s\n", error.message);
            return 2;
        }
        run_batch_of_types(&tests, seed + done, count - done < BATCH ? count - done : BATCH);
        (void)ferry_engine_free(tests.engine, &error);
    }
    bool too_many = tests.disputed > 2 + count / MOST_DISPUTED;
    if (too_many)
        printf("FAILED: %zu types that gcc and clang lay out in different ways are too many\n", tests.disputed);
    printf("%zu passed, %zu failed, %zu skipped\n", tests.passed, tests.failed + too_many,
           tests.skipped + tests.disputed);
    free(heard.numbers);
    work_remove();
    return tests.failed > 0 || too_many;
}
