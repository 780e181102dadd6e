/* tests/diff/run.c: cases, built by both compilers and called in a child process, so that a crash is a result. */
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "abi/place.h"
#include "diff.h"

#define ROUNDS          2  /* calls with different values for each case and way */
#define SECONDS         30 /* that one case may take */
#define COMPILE_RETRIES 4

bool engines_open(Engines *engines, const char *target, ferry_error *error) {
    ferry_engine_options options = {.target = target};
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

static bool has_union(const ferry_type *type) {
    type = strip(type);
    if (ferry_type_kind(type) == FERRY_UNION) return true;
    if (ferry_type_kind(type) == FERRY_ARRAY) return has_union(ferry_type_base(type));
    for (size_t i = 0; i < ferry_type_member_count(type); i++)
        if (has_union(ferry_type_member(type, i)->type)) return true;
    return false;
}

/* clang 22 passes 4 bytes of union { float f; _Float16 h[4]; }. */
static bool loses_halves(const PlacedValue *value) {
    return is_aggregate(value) && has_union(value->type) && has_leaf(value, FERRY_FLOAT) &&
           (has_leaf(value, FERRY_FLOAT16) || has_leaf(value, FERRY_BFLOAT16));
}

static void skip(Case *item, Compiler compiler, const char *why) {
    if (item->skip[compiler][0] == 0) snprintf(item->skip[compiler], sizeof item->skip[compiler], "%s", why);
}

static void note_value(Case *item, const PlacedValue *value) {
    char why[160];
    if (value->dispute != NULL) {
        snprintf(why, sizeof why, "clang, disputed: %s", value->dispute);
        skip(item, CLANG, why);
    }
    if (halves_vectors(value)) skip(item, GCC, "gcc loses half of a struct of one vector of __int128");
    if (loses_halves(value)) skip(item, CLANG, "clang loses parts of unions of float and _Float16");
    if (breaks_wide_va_arg(value)) skip(item, GCC, "gcc's va_arg of a struct of a wide vector is broken");
    item->gcc_unoptimised |= breaks_va_arg(value);
}

static void note_placement(Case *item, const Placement *placement) {
    note_value(item, &placement->result);
    for (size_t i = 0; i < placement->count; i++) note_value(item, &placement->values[i]);
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

static void write_source(const char *path, const Case *cases, size_t count, char *const *skipped) {
    FILE *out = fopen(path, "w");
    if (out == NULL) {
        perror(path);
        exit(2);
    }
    callee_prelude(out);
    for (size_t i = 0; i < count; i++)
        if (skipped[i] == NULL) callee_emit(out, cases[i].signature, i, cases[i].gcc_unoptimised);
    fclose(out);
}

static void start(Build *build, const Config *config, const Case *cases, size_t count, char *const *skipped) {
    char path[300], stem[32];
    static unsigned number;
    snprintf(stem, sizeof stem, "batch%u", number++);
    snprintf(path, sizeof path, "%s/%s.c", work_directory(), stem);
    write_source(path, cases, count, skipped);
    build->machine = config->machine;
    build->optimise = config->optimise;
    build_start(build, path, stem);
}

/* Leaves out what the compiler cannot compile and builds again. false: it fails for another reason. */
static bool finish(Build *build, const Config *config, const Case *cases, size_t count, char **skipped) {
    for (unsigned retry = 0; retry < COMPILE_RETRIES; retry++) {
        if (build_wait(build)) return true;
        char **complaints = calloc(count, sizeof *complaints);
        size_t marked = complaints == NULL ? 0 : build_complaints(build, complaints, count);
        for (size_t i = 0; marked > 0 && i < count; i++) {
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
    bool slow = way == SLOTS_SLOW || way == POINTERS_SLOW;
    Call call = {.engine = slow ? engines->slow : engines->code,
                 .signature = slow ? item->slow_signature : item->signature,
                 .function = function,
                 .way = way,
                 .inject = config->inject};
    Verdict verdict = PASSED;
    for (unsigned round = 0; round < ROUNDS && verdict == PASSED; round++) {
        call.seed = mix(item->seed, round);
        verdict = call_case(&call, outcome->message, sizeof outcome->message);
    }
    return verdict;
}

static void call_all(const Engines *engines, const Config *config, const Case *item, void (*function)(void),
                     Outcome *outcome) {
    snprintf(outcome->message, sizeof outcome->message, "no end within %d seconds, or a crash", SECONDS);
    alarm(SECONDS);
    if (function == NULL) {
        snprintf(outcome->message, sizeof outcome->message, "not in the shared object");
        outcome->verdict = FAILED;
    } else if (!parses_back(engines, item->signature, outcome)) {
        outcome->verdict = FAILED;
    } else {
        outcome->verdict = PASSED;
    }
    for (Way way = 0; way < WAYS && outcome->verdict == PASSED; way++) {
        outcome->way = way;
        Verdict verdict = call_way(engines, config, item, function, way, outcome);
        if (verdict == FAILED) outcome->verdict = FAILED;
        if (verdict != REFUSED) continue;
        outcome->refused[way] = 1;
        snprintf(outcome->refusal[way], sizeof outcome->refusal[way], "%.199s", outcome->message);
    }
    alarm(0);
}

static void child(const Engines *engines, const Config *config, const Build *build, const Case *cases, size_t count,
                  char *const *skipped, Outcome *outcomes, volatile size_t *next) {
    void *library = dlopen(build->object, RTLD_NOW | RTLD_LOCAL);
    const Helpers **helpers = library == NULL ? NULL : (const Helpers **)dlsym(library, HELPERS_SYMBOL);
    for (; helpers == NULL && *next < count; (*next)++) {
        outcomes[*next].verdict = FAILED;
        snprintf(outcomes[*next].message, sizeof outcomes->message, "%s", dlerror());
    }
    if (helpers == NULL) _exit(2);
    *helpers = &call_helpers;
    for (; *next < count; (*next)++) {
        char name[32];
        void (*function)(void);
        if (skipped[*next] != NULL) continue;
        snprintf(name, sizeof name, "case_%zu", *next);
        *(void **)(void *)&function = dlsym(library, name);
        call_all(engines, config, &cases[*next], function, &outcomes[*next]);
    }
    _exit(0);
}

/* A child that dies was in case `next`: it failed, and another child goes on behind it. */
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

void run_batch(const Engines *engines, const Config *config, const Case *cases, size_t count,
               Outcome *outcomes[COMPILERS], char **skipped[COMPILERS]) {
    Build builds[COMPILERS];
    for (size_t i = 0; i < count; i++)
        for (Compiler compiler = 0; compiler < COMPILERS; compiler++)
            if (cases[i].skip[compiler][0] != 0 && skipped[compiler][i] == NULL)
                skipped[compiler][i] = strdup(cases[i].skip[compiler]);
    for (Compiler compiler = 0; compiler < COMPILERS; compiler++) {
        builds[compiler].compiler = compiler;
        if (any_left(skipped[compiler], count)) start(&builds[compiler], config, cases, count, skipped[compiler]);
    }
    for (Compiler compiler = 0; compiler < COMPILERS; compiler++) {
        if (!any_left(skipped[compiler], count)) continue;
        if (finish(&builds[compiler], config, cases, count, skipped[compiler]))
            call_cases(engines, config, &builds[compiler], cases, count, skipped[compiler], outcomes[compiler]);
        else
            all_failed(&builds[compiler], count, outcomes[compiler]);
    }
}
