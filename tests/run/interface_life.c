/* interface_life.c: how long interfaces and callables live. */
#include <pthread.h>
#include <stddef.h>

#include "interface_support.h"

struct pair {
    int (*first)(void), (*second)(void), (*third)(void);
};

static ferry_interface *new_pair(ferry_engine *engine, int contexts[3], const ferry_interface_options *options) {
    ferry_error error;
    const ferry_type *function = ferry_type_base(parse_type(engine, "int (*)(void)"));
    const ferry_type *pointer = ferry_type_pointer(engine, function, &error);
    const ferry_member members[3] = {
        {.name = "first", .type = pointer}, {.type = pointer}, {.name = "third", .type = pointer}};
    const ferry_type *type = ferry_type_record(engine, FERRY_STRUCT, NULL, members, 3, NULL, &error);
    cr_assert_not_null(type, "%s", error.message);
    const ferry_method methods[3] = {{answer, &contexts[0]}, {answer, &contexts[1]}, {answer, &contexts[2]}};
    ferry_interface *interface = ferry_interface_create(engine, type, methods, 3, options, &error);
    cr_assert_not_null(interface, "%s", error.message);
    return interface;
}

Test(interface, after_revoke_calls_are_reported_with_interface_and_member) {
    for (size_t w = 0; w < CLOSURE_WAYS; w++) {
        Reports reports = {0};
        ferry_engine *engine = reporting_engine(closure_ways[w].policy, &reports);
        int contexts[3] = {10, 11, 12};
        char name[] = "pair";
        const ferry_interface_options options = {.closure = {.convention = closure_ways[w].convention, .name = name}};
        ferry_interface *interface = new_pair(engine, contexts, &options);
        memset(name, 'x', 4);
        const struct pair *table = ferry_interface_table(interface);
        cr_expect_eq(table->first() + table->second() + table->third(), 33);
        cr_assert_eq(ferry_interface_revoke(interface, NULL), FERRY_OK);
        cr_assert_eq(ferry_interface_revoke(interface, NULL), FERRY_OK, "twice is allowed");
        cr_expect_eq(reports.count, 0);
        cr_expect_eq(table->first(), 0);
        cr_expect_str_eq(reports.name, "pair.first");
        cr_expect_eq(table->second(), 0);
        cr_expect_str_eq(reports.name, "pair[1]");
        cr_expect_eq(table->third(), 0);
        cr_expect_str_eq(reports.name, "pair.third");
        cr_expect_eq(reports.event, FERRY_LATE_CALL);
        cr_expect_eq(reports.count, 3, "%s", closure_ways[w].name);
        end_interface(interface);
        free_engine(engine);
    }
}

Test(interface, the_last_release_ends_every_method_and_finalizes_every_context_once) {
    Reports reports = {0};
    ferry_engine *engine = reporting_engine(FERRY_NOW, &reports);
    int contexts[3] = {0};
    const ferry_interface_options options = {.closure = {.name = "pair", .finalize = end_context}};
    ferry_interface *interface = new_pair(engine, contexts, &options);
    struct pair table;
    memcpy(&table, ferry_interface_table(interface), sizeof table);
    cr_assert_eq(ferry_interface_retain(interface, NULL), FERRY_OK);
    end_interface(interface);
    cr_expect_eq(contexts[0] + contexts[1] + contexts[2], 0);
    end_interface(interface);
    for (int i = 0; i < 3; i++) cr_expect_eq(contexts[i], 1, "context %d", i);
    cr_expect_eq(table.third(), 0);
    cr_expect_str_eq(reports.name, "pair.third");
    cr_expect_eq(closures_alive(engine), 0);
    free_engine(engine);
}

Test(interface, what_was_released_too_often_is_told_and_the_rest_ends) {
    Reports reports = {0};
    ferry_engine *engine = reporting_engine(FERRY_NOW, &reports);
    ferry_error error;
    int contexts[3] = {0};
    ferry_interface *interface = new_pair(engine, contexts, NULL);
    cr_assert_eq(ferry_closure_release(ferry_interface_closure(interface, 2), &error), FERRY_OK);
    cr_expect_eq(ferry_interface_release(interface, &error), FERRY_STALE);
    cr_expect_eq(strncmp(error.message, "member 2 \"third\": ", 18), 0, "%s", error.message);
    cr_expect_eq(reports.event, FERRY_STALE_HANDLE);
    cr_expect_eq(closures_alive(engine), 0);
    free_engine(engine);
}

/* While three threads retain, call and release, the fourth revokes. */
typedef struct Sharing {
    ferry_interface *interface;
    _Atomic int wrong;
} Sharing;

static void *share(void *argument) {
    Sharing *sharing = argument;
    const struct pair *table = ferry_interface_table(sharing->interface);
    for (int i = 0; i < 2000; i++) {
        sharing->wrong += ferry_interface_retain(sharing->interface, NULL) != FERRY_OK;
        int got = table->first() + table->second() + table->third();
        sharing->wrong += got < 0 || got > 33;
        sharing->wrong += ferry_interface_release(sharing->interface, NULL) != FERRY_OK;
    }
    sharing->wrong += ferry_interface_release(sharing->interface, NULL) != FERRY_OK;
    return NULL;
}

static void *revoke(void *argument) {
    Sharing *sharing = argument;
    const struct pair *table = ferry_interface_table(sharing->interface);
    for (int i = 0; i < 1000; i++) sharing->wrong += table->first() != 10;
    sharing->wrong += ferry_interface_revoke(sharing->interface, NULL) != FERRY_OK;
    for (int i = 0; i < 1000; i++) sharing->wrong += table->second() != 0;
    sharing->wrong += ferry_interface_release(sharing->interface, NULL) != FERRY_OK;
    return NULL;
}

Test(interface, threads_share_one) {
    for (int never = 0; never < 2; never++) {
        ferry_engine *engine = new_engine(never ? FERRY_NEVER : FERRY_NOW);
        int contexts[3] = {10, 11, 12};
        pthread_t threads[4];
        Sharing sharing = {.interface = new_pair(engine, contexts, NULL)};
        for (int i = 0; i < 4; i++) {
            cr_assert_eq(ferry_interface_retain(sharing.interface, NULL), FERRY_OK);
            cr_assert_eq(pthread_create(&threads[i], NULL, i == 3 ? revoke : share, &sharing), 0);
        }
        end_interface(sharing.interface);
        for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
        cr_expect_eq(sharing.wrong, 0);
        cr_expect_eq(closures_alive(engine), 0);
        free_engine(engine);
    }
}

/* ---- callables ---- */

Test(interface, a_callable_lives_on_when_its_maker_lets_go) {
    for (size_t w = 0; w < CLOSURE_WAYS; w++) {
        ferry_engine *engine = new_engine(closure_ways[w].policy);
        ferry_error error;
        int ended = 0;
        ferry_callable callable;
        const ferry_closure_options options = {.convention = closure_ways[w].convention, .finalize = end_context};
        ferry_closure *closure = new_closure(engine, "int f(void)", answer, &ended, &options);
        cr_assert_eq(ferry_closure_export(closure, &callable, &error), FERRY_OK, "%s", error.message);
        cr_expect_eq(callable.code, ferry_closure_code(closure));
        release(closure);
        cr_expect_eq(((int (*)(void))callable.code)(), 0);
        callable.retain(callable.context);
        callable.release(callable.context);
        cr_expect_eq(ended, 0);
        cr_expect_eq(((int (*)(void))callable.code)(), 0);
        cr_expect_eq(closures_alive(engine), 1);
        callable.release(callable.context);
        cr_expect_eq(ended, 1);
        cr_expect_eq(closures_alive(engine), 0);
        free_engine(engine);
    }
}

Test(interface, a_method_that_was_exported_lives_on_when_its_interface_ends) {
    ferry_engine *engine = new_engine(FERRY_NOW);
    ferry_error error;
    int contexts[3] = {10, 11, 12};
    ferry_callable callable;
    ferry_interface *interface = new_pair(engine, contexts, NULL);
    ferry_closure *second = ferry_interface_closure(interface, 1);
    cr_assert_eq(ferry_closure_export(second, &callable, &error), FERRY_OK, "%s", error.message);
    end_interface(interface);
    cr_expect_eq(closures_alive(engine), 1);
    cr_expect_eq(((int (*)(void))callable.code)(), 11);
    callable.release(callable.context);
    cr_expect_eq(closures_alive(engine), 0);
    free_engine(engine);
}

Test(interface, a_callable_is_four_words) {
    cr_expect_eq(sizeof(ferry_callable), 4 * sizeof(void *));
    cr_expect_eq(offsetof(ferry_callable, context), sizeof(void *));
    cr_expect_eq(offsetof(ferry_callable, retain), 2 * sizeof(void *));
    cr_expect_eq(offsetof(ferry_callable, release), 3 * sizeof(void *));
}

Test(interface, what_has_ended_is_not_exported) {
    Reports reports = {0};
    ferry_engine *engine = reporting_engine(FERRY_NOW, &reports);
    ferry_error error;
    int context = 1;
    ferry_callable callable = {0};
    ferry_closure *closure = new_closure(engine, "int f(void)", answer, &context, NULL);
    cr_expect_eq(ferry_closure_export(closure, NULL, &error), FERRY_INVALID);
    cr_expect_str_eq(error.message, "callable is NULL");
    cr_expect_eq(ferry_closure_export(NULL, &callable, &error), FERRY_INVALID);
    cr_expect_str_eq(error.message, "closure is NULL");
    cr_assert_eq(ferry_closure_revoke(closure, &error), FERRY_OK);
    cr_expect_eq(ferry_closure_export(closure, &callable, &error), FERRY_STALE);
    cr_expect_eq(ferry_closure_export(closure, &callable, NULL), FERRY_STALE);
    release(closure);
    cr_expect_eq(closures_alive(engine), 0);
    cr_expect_eq(ferry_closure_export(closure, &callable, &error), FERRY_STALE);
    cr_expect_eq(reports.event, FERRY_STALE_HANDLE);
    cr_expect_null(callable.context);
    free_engine(engine);
}

/* The table that C kept is there as long as its closures' function pointers are. */
Test(interface, a_late_call_through_the_table_is_reported) {
    Reports reports = {0};
    ferry_engine *engine = reporting_engine(FERRY_NOW, &reports);
    ferry_error error;
    int contexts[3] = {10, 11, 12};
    ferry_interface *interface = new_pair(engine, contexts, NULL);
    const struct pair *table = ferry_interface_table(interface);
    cr_expect_eq(table->third(), 12);
    end_interface(interface);
    cr_expect_eq(table->third(), 0);
    cr_expect_eq(reports.event, FERRY_LATE_CALL);
    cr_expect_eq(ferry_interface_release(interface, &error), FERRY_STALE);
    cr_expect_eq(ferry_interface_retain(interface, &error), FERRY_STALE);
    cr_expect_eq(ferry_interface_revoke(interface, &error), FERRY_STALE);
    cr_expect(strstr(error.message, "after its end") != NULL, "%s", error.message);
    free_engine(engine);
}

Test(interface, ended_interfaces_are_kept_only_so_long) {
    ferry_engine_options options = {.policy = FERRY_NOW, .without = FERRY_SOURCE_ALL, .quarantine = 2};
    ferry_engine *engine = ferry_engine_create(&options, NULL);
    int contexts[3] = {10, 11, 12};
    for (int i = 0; i < 100; i++) end_interface(new_pair(engine, contexts, NULL));
    cr_expect_eq(closures_alive(engine), 0);
    free_engine(engine); /* the sanitizer's leak check is the judge */
}

Test(interface, an_engine_with_interfaces_is_in_use) {
    ferry_engine *engine = new_engine(FERRY_NEVER);
    ferry_error error;
    const ferry_type *type = ferry_type_parse(engine, NULL, "struct { int size; }", &error);
    ferry_method none = {0};
    ferry_interface *interface = ferry_interface_create(engine, type, &none, 1, NULL, &error);
    cr_assert_not_null(interface, "%s", error.message);
    cr_expect_eq(ferry_engine_free(engine, &error), FERRY_IN_USE);
    cr_expect(strstr(error.message, "1 live interface") != NULL, "%s", error.message);
    end_interface(interface);
    free_engine(engine);
}
