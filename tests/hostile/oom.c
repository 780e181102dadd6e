/* oom.c: an allocator that fails at the n-th allocation, for every n until the scenario goes through.
 *
 * Twice: the allocator fails once and then works again (the step that failed must then succeed: nothing was
 * corrupted), and it fails from the n-th allocation on. Each failure is FERRY_OUT_OF_MEMORY; afterwards the engine is
 * freed and not one byte is left. */
#include <criterion/criterion.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ferry/ferry.h"

/* ---- the allocator ---- */

typedef struct Hostile {
    size_t count;   /* allocations so far */
    size_t fails;   /* at this one, counted from 1; 0: never */
    bool for_good;  /* and at all that follow */
    size_t blocks;  /* alive */
    size_t bytes;   /* alive */
    size_t misuses; /* released with another size than allocated, or never allocated */
} Hostile;

/* Before each block, so that what comes back can be checked; keeps the block aligned to 16. */
typedef struct Header {
    uint64_t magic;
    uint64_t size;
} Header;

#define MAGIC UINT64_C(0xfe55a110c8ed0000)

static void *hostile_allocate(void *context, size_t size) {
    Hostile *hostile = context;
    size_t index = ++hostile->count;
    if (hostile->fails != 0 && (index == hostile->fails || (hostile->for_good && index > hostile->fails))) return NULL;
    Header *header = aligned_alloc(16, (sizeof(Header) + size + 15) / 16 * 16);
    if (header == NULL) return NULL;
    *header = (Header){.magic = MAGIC, .size = size};
    memset(header + 1, 0xDB, size);
    hostile->blocks++;
    hostile->bytes += size;
    return header + 1;
}

static void hostile_release(void *context, void *pointer, size_t size) {
    Hostile *hostile = context;
    Header *header = (Header *)pointer - 1;
    if (header->magic != MAGIC || header->size != size) {
        hostile->misuses++;
        return;
    }
    hostile->blocks--;
    hostile->bytes -= size;
    memset(header, 0xDD, sizeof(Header) + size);
    free(header);
}

/* ---- the scenario ---- */

enum { BINDINGS = 8, SHAPES = 3, CLOSURES = 8 };

typedef struct World {
    Hostile *hostile;
    ferry_engine_options options;
    ferry_engine *engine;
    ferry_scope *scope;
    const ferry_signature *signature;
    const ferry_signature *shapes[SHAPES];
    ferry_binding *bindings[BINDINGS];
    ferry_closure *closures[CLOSURES];
    ferry_interface *interface;
    ferry_imports *imports;
} World;

typedef struct Step {
    const char *name;
    ferry_code (*run)(World *world, ferry_error *error);
} Step;

static ferry_code made(const void *object, const ferry_error *error) {
    return object != NULL ? FERRY_OK : error->code;
}

static ferry_code create(World *world, ferry_error *error) {
    world->engine = ferry_engine_create(&world->options, error);
    return made(world->engine, error);
}

static ferry_code open_scope(World *world, ferry_error *error) {
    world->scope = ferry_scope_create(world->engine, error);
    return made(world->scope, error);
}

static ferry_code declare(World *world, ferry_error *error) {
    size_t before = ferry_scope_count(world->scope);
    ferry_code code = ferry_scope_parse(world->scope,
                                        "typedef struct point { double x, y; int tag : 3; } point;\n"
                                        "enum colour { RED, GREEN = RED + 5 };\n"
                                        "union u { struct point p[3]; char c[32 * 4]; };\n"
                                        "int compare(const void *, const void *, int (*)(point, enum colour));\n"
                                        "double many(long, double, struct point, union u, float _Complex);",
                                        error);
    if (code != FERRY_OK) cr_assert_eq(ferry_scope_count(world->scope), before, "a failed text left declarations");
    return code;
}

static ferry_code build(World *world, ferry_error *error) {
    const ferry_type *type = ferry_type_scalar(world->engine, FERRY_SHORT, error);
    const ferry_member members[] = {{.name = "a", .type = type}, {.name = "b", .type = type, .alignment = 16}};
    if (type != NULL) type = ferry_type_record(world->engine, FERRY_STRUCT, "made", members, 2, NULL, error);
    if (type != NULL) type = ferry_type_array(world->engine, type, 7, error);
    if (type != NULL) type = ferry_type_pointer(world->engine, type, error);
    if (type != NULL) world->signature = ferry_signature_create(world->engine, type, &type, 1, true, error);
    if (type == NULL || world->signature == NULL) return error->code;
    return made(ferry_signature_of_call(world->engine, world->signature, &type, 1, error), error);
}

static ferry_code measure(World *world, ferry_error *error) {
    ferry_extent extent;
    const ferry_type *type = ferry_type_parse(world->engine, world->scope, "union u", error);
    return type != NULL ? ferry_type_measure(world->engine, type, &extent, error) : error->code;
}

static ferry_code parse_shapes(World *world, ferry_error *error) {
    static const char *const texts[SHAPES] = {"long f(long, int)", "double f(struct s { double a; long b; }, float)",
                                              "void f(char, struct { char c[40]; }, ..., double)"};
    for (int i = 0; i < SHAPES; i++) {
        world->shapes[i] = ferry_signature_parse(world->engine, texts[i], NULL, error);
        if (world->shapes[i] == NULL) return error->code;
    }
    return FERRY_OK;
}

static long add(long a, int b) {
    return a + b;
}

static ferry_code bind(World *world, int index, const ferry_binding_options *options, ferry_error *error) {
    ferry_binding *binding = ferry_bind(world->engine, world->shapes[0], (void (*)(void))add, options, error);
    world->bindings[index] = binding;
    if (binding == NULL) return error->code;
    long a = 40, result = 0;
    int b = 2, captured;
    long slots[] = {40, 2, (long)(intptr_t)&captured};
    const void *pointers[] = {&a, &b, &captured};
    ferry_call(binding, options->convention == FERRY_SLOTS ? (const void *)slots : pointers, &result);
    cr_assert_eq(result, 42);
    return FERRY_OK;
}

static ferry_code bind_slots(World *world, ferry_error *error) {
    return bind(world, 0, &(ferry_binding_options){.convention = FERRY_SLOTS}, error);
}

static ferry_code bind_pointers(World *world, ferry_error *error) {
    return bind(world, 1, &(ferry_binding_options){.convention = FERRY_POINTERS, .capture_errno = true}, error);
}

static ferry_code bind_bound(World *world, ferry_error *error) {
    return bind(world, 2, &(ferry_binding_options){.bound = true}, error);
}

static ferry_code bind_checked(World *world, ferry_error *error) {
    ferry_code code = bind(world, 3, &(ferry_binding_options){.convention = FERRY_SLOTS}, error);
    long slots[] = {1, 1}, result = 0;
    if (code == FERRY_OK) code = ferry_call_checked(world->bindings[3], slots, &result, error);
    return code;
}

static ferry_code prepare(World *world, ferry_error *error) {
    if (world->options.policy == FERRY_NEVER) return FERRY_OK;
    return ferry_prepare(world->engine, world->shapes, SHAPES, NULL, error);
}

static ferry_code bind_prepared(World *world, ferry_error *error) {
    world->bindings[4] = ferry_bind(world->engine, world->shapes[2], (void (*)(void))add, NULL, error);
    return made(world->bindings[4], error);
}

/* ---- the other direction ---- */

static void add_slots(void *context, void *arguments, void *result) {
    const int64_t *slots = arguments;
    (void)context;
    *(int64_t *)result = slots[0] + (int32_t)slots[1];
}

static void add_pointers(void *context, void *arguments, void *result) {
    void **pointers = arguments;
    (void)context;
    *(long *)result = *(long *)pointers[0] + *(int *)pointers[1];
}

static ferry_code create_closure(World *world, int index, const ferry_closure_options *options, ferry_error *error) {
    bool pointers = options != NULL && options->convention == FERRY_POINTERS;
    ferry_closure *closure = ferry_closure_create(world->engine, world->shapes[0], pointers ? add_pointers : add_slots,
                                                  world, options, error);
    if (closure == NULL) return error->code;
    world->closures[index] = closure;
    cr_assert_eq(((long (*)(long, int))ferry_closure_code(closure))(40, 2), 42);
    return FERRY_OK;
}

static ferry_code close_slots(World *world, ferry_error *error) {
    return create_closure(world, 0, NULL, error);
}

static ferry_code close_pointers(World *world, ferry_error *error) {
    return create_closure(world, 1, &(ferry_closure_options){.convention = FERRY_POINTERS}, error);
}

static void count_down(void *context) {
    (void)context;
}

static ferry_code close_with_all(World *world, ferry_error *error) {
    const long fallback = -1;
    const ferry_closure_options options = {
        .name = "all", .fallback = &fallback, .finalize = count_down, .boundary = FERRY_STOP, .handler_errno = true};
    return create_closure(world, 2, &options, error);
}

typedef struct Fetching {
    World *world;
    ferry_code code;
    ferry_error error;
} Fetching;

static void fetch(void *context, void *arguments, void *result) {
    Fetching *fetching = context;
    ferry_cursor *cursor = ((void **)arguments)[1];
    ferry_engine *engine = fetching->world->engine;
    double value = 0;
    const ferry_type *type = ferry_type_parse(engine, NULL, "double", &fetching->error);
    fetching->code = type == NULL ? fetching->error.code : ferry_cursor_next(cursor, type, &value, &fetching->error);
    if (fetching->code == FERRY_OK) cr_assert_eq(value, 2.5);
    *(int *)result = 7;
}

static ferry_code close_variadic(World *world, ferry_error *error) {
    Fetching fetching = {.world = world};
    const ferry_signature *signature = ferry_signature_parse(world->engine, "int f(int, ...)", NULL, error);
    if (signature == NULL) return error->code;
    ferry_closure *closure = ferry_closure_create(world->engine, signature, fetch, &fetching, NULL, error);
    if (closure == NULL) return error->code;
    cr_assert_eq(((int (*)(int, ...))ferry_closure_code(closure))(1, 2.5), 7);
    cr_assert_eq(ferry_closure_release(closure, error), FERRY_OK);
    if (fetching.code != FERRY_OK) *error = fetching.error;
    return fetching.code;
}

static ferry_code prepare_closures(World *world, ferry_error *error) {
    if (world->options.policy == FERRY_NEVER) return FERRY_OK;
    return ferry_closures_prepare(world->engine, world->shapes, SHAPES, NULL, error);
}

static ferry_code create_interface(World *world, ferry_error *error) {
    const ferry_type *table = ferry_type_parse(
        world->engine, NULL, "struct { long (*one)(long, int); void *gap; long (*two)(long, int); }", error);
    const ferry_method methods[3] = {{.handler = add_slots}, {0}, {.handler = add_slots}};
    const ferry_interface_options options = {.closure.name = "interface"};
    if (table == NULL) return error->code;
    if (world->interface == NULL)
        world->interface = ferry_interface_create(world->engine, table, methods, 3, &options, error);
    if (world->interface == NULL) return error->code;
    const void *functions = ferry_interface_table(world->interface);
    world->imports = ferry_imports_create(world->engine, table, functions, NULL, error);
    return made(world->imports, error);
}

static const Step steps[] = {
    {"create an engine", create},
    {"open a scope", open_scope},
    {"parse declarations", declare},
    {"build types", build},
    {"measure", measure},
    {"parse signatures", parse_shapes},
    {"bind slots", bind_slots},
    {"bind pointers", bind_pointers},
    {"bind bound", bind_bound},
    {"bind again, call checked", bind_checked},
    {"prepare a batch", prepare},
    {"bind what was prepared", bind_prepared},
    {"a closure, slots", close_slots},
    {"a closure, pointers", close_pointers},
    {"a closure with all options", close_with_all},
    {"a variadic closure and its cursor", close_variadic},
    {"prepare closures", prepare_closures},
    {"an interface and its imports", create_interface},
};

static void close_world(World *world) {
    ferry_error error;
    ferry_imports_free(world->imports);
    for (int i = 0; i < BINDINGS; i++) ferry_binding_free(world->bindings[i]);
    cr_assert_eq(ferry_interface_release(world->interface, &error), FERRY_OK);
    for (int i = 0; i < CLOSURES; i++) cr_assert_eq(ferry_closure_release(world->closures[i], &error), FERRY_OK);
    ferry_scope_free(world->scope);
    cr_assert_eq(ferry_engine_free(world->engine, &error), FERRY_OK);
}

/* Runs the steps; true when the allocator never had to fail. */
static bool run(World *world) {
    Hostile *hostile = world->hostile;
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        ferry_error error = {.code = FERRY_OK};
        ferry_code code = steps[i].run(world, &error);
        if (code == FERRY_OK) continue;
        cr_assert_eq(code, FERRY_OUT_OF_MEMORY, "allocation %zu, %s: %s", hostile->fails, steps[i].name, error.message);
        cr_assert_neq(error.message[0], '\0');
        if (hostile->for_good) return false;
        code = steps[i].run(world, &error);
        cr_assert_eq(code, FERRY_OK, "allocation %zu, %s, again: %s", hostile->fails, steps[i].name, error.message);
    }
    return hostile->count < hostile->fails;
}

static size_t fail_at_every_allocation(ferry_policy policy, bool for_good) {
    for (size_t n = 1;; n++) {
        Hostile hostile = {.fails = n, .for_good = for_good};
        World world = {.hostile = &hostile,
                       .options = {.policy = policy,
                                   .without = FERRY_SOURCE_ALL,
                                   .allocator = {&hostile, hostile_allocate, hostile_release}}};
        bool done = run(&world);
        close_world(&world);
        cr_assert_eq(hostile.misuses, 0, "allocation %zu", n);
        cr_assert_eq(hostile.blocks, 0, "allocation %zu: %zu blocks of %zu bytes are left", n, hostile.blocks,
                     hostile.bytes);
        if (done) return n;
    }
}

Test(oom, one_failed_allocation_is_survived_without_code) {
    cr_expect_gt(fail_at_every_allocation(FERRY_NEVER, false), 10);
}

Test(oom, no_memory_from_some_point_on_is_survived_without_code) {
    cr_expect_gt(fail_at_every_allocation(FERRY_NEVER, true), 10);
}

Test(oom, one_failed_allocation_is_survived_with_code) {
    cr_expect_gt(fail_at_every_allocation(FERRY_NOW, false), 10);
}

Test(oom, no_memory_from_some_point_on_is_survived_with_code) {
    cr_expect_gt(fail_at_every_allocation(FERRY_NOW, true), 10);
}

/* The scenario with machine code really makes some; otherwise the tests above would show nothing. */
Test(oom, the_scenario_makes_code) {
    Hostile hostile = {.fails = 0};
    ferry_statistics statistics;
    World world = {.hostile = &hostile,
                   .options = {.policy = FERRY_NOW,
                               .without = FERRY_SOURCE_ALL,
                               .allocator = {&hostile, hostile_allocate, hostile_release}}};
    run(&world);
    ferry_engine_statistics(world.engine, &statistics);
    cr_expect_eq(statistics.blobs, 15, "%zu blobs; %s", statistics.blobs, statistics.backend_error);
    cr_expect_eq(ferry_binding_path(world.bindings[2]), FERRY_PATH_BOUND);
    close_world(&world);
    cr_expect_eq(hostile.bytes, 0);
}
