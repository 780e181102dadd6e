/* tests/diff/run.c: cases, built by both compilers and called in a child process, so that a crash is a result. */
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "diff.h"

#define ROUNDS          2  /* calls with different values for each case and way */
#define SECONDS         30 /* that one case may take */
#define COMPILE_RETRIES 4

bool engines_open(Engines *engines, const char *target, ferry_error *error) {
    ferry_engine_options options = {
        .target = target, .without = FERRY_SOURCE_ALL, .policy = FERRY_NOW, .report = upcall_report};
    engines->code = ferry_engine_create(&options, error);
    options.policy = FERRY_NEVER;
    engines->slow = engines->code == NULL ? NULL : ferry_engine_create(&options, error);
    if (engines->slow != NULL) return true;
    engines_close(engines);
    return false;
}

void engines_close(Engines *engines) {
    ferry_error error;
    ferry_engine *both[] = {engines->code, engines->slow};
    for (size_t i = 0; i < COUNT_OF(both); i++) {
        if (ferry_engine_free(both[i], &error) == FERRY_OK) continue;
        fprintf(stderr, "an engine could not be freed: %s\n", error.message);
        exit(2);
    }
    *engines = (Engines){0};
}

static bool is_aggregate(const PlacedValue *value) {
    ferry_kind kind = value->layout == NULL ? FERRY_VOID : kind_of(value->type);
    return (kind == FERRY_STRUCT || kind == FERRY_UNION) && value->mode == MODE_DIRECT && value->layout->has_leaves;
}

static bool has_leaf(const PlacedValue *value, ferry_kind kind) {
    for (size_t i = 0; i < value->layout->leaf_count; i++)
        if (value->layout->leaves[i].kind == kind) return true;
    return false;
}

/* gcc 12 from -O1 on breaks its own va_arg of a 16-aligned aggregate in general registers. */
static bool breaks_va_arg(const PlacedValue *value) {
    return value->variadic && is_aggregate(value) && value->layout->alignment >= 16;
}

/* gcc 12 looks for such a va_arg in the save area of the xmm registers, or fails with an internal error. */
static bool breaks_wide_va_arg(const PlacedValue *value) {
    return value->variadic && is_aggregate(value) && value->layout->size > 16 && has_leaf(value, FERRY_VECTOR);
}

static bool has_union(const ferry_type *type) {
    type = strip(type);
    if (ferry_type_kind(type) == FERRY_UNION) return true;
    if (ferry_type_kind(type) == FERRY_ARRAY) return has_union(ferry_type_base(type));
    for (size_t i = 0; i < ferry_type_member_count(type); i++)
        if (has_union(ferry_type_member(type, i)->type)) return true;
    return false;
}

/* gcc 12 passes a union of a wide vector after the dots in a register, where not even its own va_arg looks for it. */
static bool hides_wide_union(const PlacedValue *value) {
    return breaks_wide_va_arg(value) && has_union(value->type);
}

/* gcc 12 passes half of struct { __int128 vector of 16 bytes }. */
static bool halves_vectors(const PlacedValue *value) {
    for (size_t i = 0; is_aggregate(value) && i < value->layout->leaf_count; i++) {
        const Leaf *leaf = &value->layout->leaves[i];
        if (leaf->kind == FERRY_VECTOR && leaf->bits == 128 &&
            scalar_of(kind_of(ferry_type_base(leaf->type))).size == 16)
            return true;
    }
    return false;
}

/* clang 22 passes 4 bytes of union { float f; _Float16 h[4]; }. */
static bool loses_halves(const PlacedValue *value) {
    return is_aggregate(value) && has_union(value->type) && has_leaf(value, FERRY_FLOAT) &&
           (has_leaf(value, FERRY_FLOAT16) || has_leaf(value, FERRY_BFLOAT16));
}

/* clang 22 takes the first half of union { __float128 q; double d[2]; } for the whole __float128. */
static bool doubles_float128(const PlacedValue *value) {
    return is_aggregate(value) && has_union(value->type) && has_leaf(value, FERRY_FLOAT128) &&
           (has_leaf(value, FERRY_DOUBLE) || has_leaf(value, FERRY_FLOAT) || has_leaf(value, FERRY_VECTOR));
}

/* clang 22 lays out `int b : 19 __attribute__((aligned(2)))` as if the alignment moved it, gcc as if nothing did. */
static bool has_lowered_bitfield(const ferry_type *type) {
    type = strip(type);
    if (ferry_type_kind(type) == FERRY_ARRAY) return has_lowered_bitfield(ferry_type_base(type));
    for (size_t i = 0; i < ferry_type_member_count(type); i++) {
        const ferry_member *member = ferry_type_member(type, i);
        if (member->is_bitfield && member->alignment != 0 && member->alignment < scalar_of(kind_of(member->type)).size)
            return true;
        if (has_lowered_bitfield(member->type)) return true;
    }
    return false;
}

static void skip(Case *item, Compiler compiler, Side side, const char *why) {
    char *place = item->skip[compiler][side];
    if (place[0] == 0) snprintf(place, sizeof item->skip[compiler][side], "%s", why);
}

static void skip_both(Case *item, Compiler compiler, const char *why) {
    for (Side side = 0; side < SIDES; side++) skip(item, compiler, side, why);
}

static void note_value(Case *item, const PlacedValue *value) {
    char why[160];
    if (value->dispute != NULL) {
        snprintf(why, sizeof why, "clang, disputed: %s", value->dispute);
        skip_both(item, CLANG, why);
    }
    if (halves_vectors(value)) skip_both(item, GCC, "gcc loses half of a struct of one vector of __int128");
    if (loses_halves(value)) skip_both(item, CLANG, "clang loses parts of unions of float and _Float16");
    if (doubles_float128(value)) skip_both(item, CLANG, "clang takes half of a union for a whole __float128");
    if (value->layout != NULL && has_lowered_bitfield(value->type))
        skip_both(item, CLANG, "clang lays out bit-fields of a lower alignment otherwise");
    if (hides_wide_union(value))
        skip(item, GCC, CALLER, "gcc passes a union of a wide vector after the dots in a register");
    if (breaks_wide_va_arg(value)) skip(item, GCC, CALLEE, "gcc's va_arg of a struct of a wide vector is broken");
    item->gcc_unoptimised |= breaks_va_arg(value);
}

static void note_placement(Case *item, const Placement *placement) {
    note_value(item, &placement->result);
    for (size_t i = 0; i < placement->count; i++) note_value(item, &placement->values[i]);
    junk_of(&item->junk, placement);
}

bool case_prepare(Case *item, const Engines *engines, const ferry_signature *signature, uint64_t seed,
                  ferry_error *error) {
    Rebuild rebuild = {.engine = engines->slow, .edit = -1};
    *item = (Case){.signature = signature, .slow_signature = rebuild_signature(&rebuild, signature), .seed = seed};
    Arena arena = {0};
    LayoutTable layouts;
    const Placement *placement = NULL;
    layout_table_open(&layouts, target_find(ferry_engine_target(engines->code)), &arena, NULL);
    bool placed = place_signature(&layouts, &arena, signature, &placement, error) == FERRY_OK;
    if (placed) note_placement(item, placement);
    layout_table_close(&layouts);
    arena_free(&arena);
    if (placed && item->slow_signature == NULL) fail(error, FERRY_INVALID, "it cannot be made again in another engine");
    return placed && item->slow_signature != NULL;
}

/* ---- building ---- */

static void start(Build *build, const Config *config, const Case *cases, size_t count, char *const *skipped) {
    char path[300], stem[32];
    static unsigned number;
    snprintf(stem, sizeof stem, "batch%u", number++);
    snprintf(path, sizeof path, "%s/%s.c", work_directory(), stem);
    source_write(path, cases, count, skipped);
    build->machine = config->machine;
    build->optimise = config->optimise;
    build_start(build, path, stem);
}

/* Leaves out what the compiler cannot compile and builds again. false: it fails for another reason. */
static bool finish(Build *build, const Config *config, const Case *cases, size_t count, char **skipped) {
    for (unsigned retry = 0; retry < COMPILE_RETRIES; retry++) {
        if (build_wait(build)) return true;
        char **complaints = calloc(SIDES * count, sizeof *complaints);
        size_t marked = complaints == NULL ? 0 : build_complaints(build, complaints, SIDES * count);
        for (size_t i = 0; marked > 0 && i < SIDES * count; i++) {
            if (complaints[i] == NULL) continue;
            free(skipped[i]);
            if (asprintf(&skipped[i], "%s: %s", compiler_names[build->compiler], complaints[i]) < 0) abort();
            free(complaints[i]);
        }
        free(complaints);
        if (marked == 0) return false;
        start(build, config, cases, count, skipped);
    }
    return build_wait(build);
}

/* ---- calling ---- */

static bool parses_back(const Engines *engines, const ferry_signature *signature, Outcome *outcome) {
    ferry_error error;
    char *text = declare_signature(signature, "f");
    const ferry_signature *parsed = ferry_signature_parse(engines->code, text, NULL, &error);
    if (parsed != NULL) parsed = call_without_variadic(engines->code, parsed);
    if (parsed == NULL)
        snprintf(outcome->message, sizeof outcome->message, "the parser refuses it: %s", error.message);
    else if (parsed != signature)
        snprintf(outcome->message, sizeof outcome->message, "the parser makes another signature of it");
    free(text);
    return parsed == signature;
}

static Verdict call_way(const Engines *engines, const Config *config, const Case *item, void (*function)(void), Way way,
                        Outcome *outcome) {
    bool slow = way_is_slow(way);
    Call call = {.engine = slow ? engines->slow : engines->code,
                 .signature = slow ? item->slow_signature : item->signature,
                 .function = function,
                 .way = way,
                 .inject = config->inject,
                 .junk = &item->junk};
    Verdict verdict = PASSED;
    for (unsigned round = 0; round < ROUNDS && verdict == PASSED; round++) {
        call.seed = mix(item->seed, round);
        verdict = (way < first_way[CALLER] ? call_case : upcall_case)(&call, outcome->message, sizeof outcome->message);
    }
    return verdict;
}

static void call_ways(const Engines *engines, const Config *config, const Case *item, void (*function)(void), Side side,
                      Outcome *outcome) {
    outcome->verdict = PASSED;
    for (Way way = first_way[side]; way < first_way[side + 1] && outcome->verdict == PASSED; way++) {
        if (!way_applies(way, item->signature)) continue;
        outcome->way = way;
        Verdict verdict = call_way(engines, config, item, function, way, outcome);
        if (verdict == FAILED) outcome->verdict = FAILED;
        outcome->passed[way] = verdict == PASSED;
        if (verdict != REFUSED) continue;
        outcome->refused[way] = 1;
        snprintf(outcome->refusal[way], sizeof outcome->refusal[way], "%.199s", outcome->message);
    }
}

static void run_job(const Engines *engines, const Config *config, const Case *item, void (*function)(void), Side side,
                    Outcome *outcome) {
    snprintf(outcome->message, sizeof outcome->message, "no end within %d seconds, or a crash", SECONDS);
    outcome->way = first_way[side];
    outcome->verdict = FAILED;
    alarm(SECONDS);
    if (function == NULL)
        snprintf(outcome->message, sizeof outcome->message, "not in the shared object");
    else if (parses_back(engines, item->signature, outcome))
        call_ways(engines, config, item, function, side, outcome);
    alarm(0);
}

static void child(const Engines *engines, const Config *config, const Build *build, const Case *cases, size_t count,
                  char *const *skipped, Outcome *outcomes, volatile size_t *next) {
    void *library = dlopen(build->object, RTLD_NOW | RTLD_LOCAL);
    const Helpers **table = library == NULL ? NULL : (const Helpers **)dlsym(library, HELPERS_SYMBOL);
    for (; table == NULL && *next < count; (*next)++) {
        outcomes[*next].verdict = FAILED;
        snprintf(outcomes[*next].message, sizeof outcomes->message, "%s", dlerror());
    }
    if (table == NULL) _exit(2);
    *table = &helpers;
    for (; *next < count; (*next)++) {
        char name[32];
        void (*function)(void);
        size_t item = *next / SIDES;
        Side side = (Side)(*next % SIDES);
        if (skipped[*next] != NULL) continue;
        snprintf(name, sizeof name, side == CALLEE ? "case_%zu" : "drive_%zu", item);
        *(void **)(void *)&function = dlsym(library, name);
        run_job(engines, config, &cases[item], function, side, &outcomes[*next]);
    }
    _exit(0);
}

/* count: of jobs. A child that dies was in job `next`: it failed, and another child goes on behind it. */
static void call_cases(const Engines *engines, const Config *config, const Build *build, const Case *cases,
                       size_t count, char *const *skipped, Outcome *outcomes) {
    size_t bytes = sizeof(size_t) + count * sizeof *outcomes;
    char *shared = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED) {
        perror("mmap");
        exit(2);
    }
    volatile size_t *next = (volatile size_t *)(void *)shared;
    Outcome *results = (Outcome *)(void *)(shared + sizeof(size_t));
    while (*next < count) {
        int status = 0;
        fflush(NULL);
        pid_t process = fork();
        if (process == 0) child(engines, config, build, cases, count, skipped, results, next);
        if (process < 0 || waitpid(process, &status, 0) < 0) perror("fork");
        if (*next >= count) break;
        Outcome *outcome = &results[(*next)++];
        outcome->verdict = FAILED;
        const char *cause = WIFSIGNALED(status) ? strsignal(WTERMSIG(status)) : "exit";
        snprintf(outcome->message, sizeof outcome->message, "the process ended: %s", cause);
    }
    memcpy(outcomes, results, count * sizeof *outcomes);
    munmap(shared, bytes);
}

static void all_failed(const Build *build, size_t count, Outcome *outcomes) {
    for (size_t i = 0; i < count; i++) {
        outcomes[i].verdict = FAILED;
        snprintf(outcomes[i].message, sizeof outcomes[i].message, "the compiler failed, and its messages name no case");
    }
    char command[600];
    snprintf(command, sizeof command, "head -20 %.500s >&2", build->log);
    if (system(command) != 0) perror(build->log);
}

static bool any_left(char *const *skipped, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (skipped[i] == NULL) return true;
    return false;
}

static void note_skip(const Config *config, const Case *cases, Compiler compiler, size_t job, char **skipped) {
    const char *why = cases[job / SIDES].skip[compiler][job % SIDES];
    if (config->omit[job % SIDES]) why = "this direction was not asked for";
    if (why[0] != 0 && *skipped == NULL) *skipped = strdup(why);
}

void run_batch(const Engines *engines, const Config *config, const Case *cases, size_t count,
               Outcome *outcomes[COMPILERS], char **skipped[COMPILERS]) {
    Build builds[COMPILERS];
    size_t jobs = SIDES * count;
    for (Compiler compiler = 0; compiler < COMPILERS; compiler++)
        for (size_t job = 0; job < jobs; job++) note_skip(config, cases, compiler, job, &skipped[compiler][job]);
    for (Compiler compiler = 0; compiler < COMPILERS; compiler++) {
        builds[compiler].compiler = compiler;
        if (any_left(skipped[compiler], jobs)) start(&builds[compiler], config, cases, count, skipped[compiler]);
    }
    for (Compiler compiler = 0; compiler < COMPILERS; compiler++) {
        if (!any_left(skipped[compiler], jobs)) continue;
        if (finish(&builds[compiler], config, cases, count, skipped[compiler]))
            call_cases(engines, config, &builds[compiler], cases, jobs, skipped[compiler], outcomes[compiler]);
        else
            all_failed(&builds[compiler], jobs, outcomes[compiler]);
    }
}
