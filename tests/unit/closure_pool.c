/* Cells: quarantine, generations, shards. */
#define _GNU_SOURCE
#include <criterion/criterion.h>
#include <pthread.h>
#include <string.h>

#include "runtime/closure.h"

static ClosurePool *open_pool(size_t quarantine) {
    ferry_error error;
    ClosurePool *pool = memory_new(NULL, sizeof *pool);
    cr_assert_not_null(pool);
    ThunkSpace *thunks = NULL;
    cr_assert_eq(thunk_space_open(NULL, NULL, &thunks, &error), FERRY_OK);
    closure_pool_open(pool, thunks, NULL, quarantine);
    return pool;
}

static void close_pool(ClosurePool *pool) {
    ThunkSpace *thunks = pool->thunks;
    closure_pool_close(pool);
    thunk_space_close(thunks);
    memory_release(NULL, pool, sizeof *pool);
}

static Cell *take(ClosurePool *pool) {
    ferry_error error;
    Cell *cell = NULL;
    cr_assert_eq(cell_take(pool, &cell, &error), FERRY_OK, "%s", error.message);
    return cell;
}

Test(closure_pool, a_cell_is_used_again_only_after_as_many_others_as_the_quarantine_holds) {
    for (size_t quarantine = 1; quarantine <= 300; quarantine += 299) {
        ClosurePool *pool = open_pool(quarantine);
        Cell *first = take(pool);
        cell_give(pool, first);
        for (size_t i = 0; i < quarantine; i++) {
            Cell *other = take(pool);
            cr_assert_neq(other, first, "after %zu of %zu", i, quarantine);
            cell_give(pool, other);
        }
        cr_expect_eq(take(pool), first);
        close_pool(pool);
    }
}

Test(closure_pool, each_use_of_a_cell_has_another_generation_and_handle) {
    ClosurePool *pool = open_pool(1);
    ferry_closure *handles[8];
    Cell *first = NULL;
    size_t uses = 0;
    while (uses < 8) {
        Cell *cell = take(pool);
        if (first == NULL) first = cell;
        if (cell == first) {
            uint64_t life = atomic_load(&cell->life) + 1;
            handles[uses] = handle_of(cell, life);
            cr_expect_eq(cell_of(handles[uses]), cell);
            cr_expect(handle_fits(handles[uses], life));
            cr_expect_not(handle_fits(handles[uses], life - 1), "without references");
            for (size_t i = 0; i < uses; i++) {
                cr_expect_neq(handles[i], handles[uses]);
                cr_expect_not(handle_fits(handles[i], life));
            }
            uses++;
        }
        cell_give(pool, cell);
    }
    close_pool(pool);
}

Test(closure_pool, the_generation_wraps_without_touching_its_neighbours) {
    ClosurePool *pool = open_pool(1);
    Cell *cell = take(pool), *other = take(pool);
    atomic_store(&cell->life, ~LIFE_HAS_DETAIL & ~LIFE_REFERENCES & ~LIFE_ENDED);
    cell_give(pool, cell);
    cell_give(pool, other);
    cr_assert_eq(take(pool), cell);
    cr_expect_eq(atomic_load(&cell->life), 0);
    close_pool(pool);
}

Test(closure_pool, a_detail_lives_until_its_cell_is_used_again) {
    ClosurePool *pool = open_pool(1);
    Cell *cell = take(pool), *other = take(pool);
    Detail *detail = detail_new(pool, 3);
    cr_assert_not_null(detail);
    memcpy(detail->fallback, "abc", 3);
    atomic_store(&cell->detail, detail);
    atomic_fetch_or(&cell->life, LIFE_HAS_DETAIL);
    cell_give(pool, cell);
    cr_expect_eq(cell_detail(cell), detail);
    cr_expect_eq(memcmp(detail->fallback, "abc", 3), 0);
    cell_give(pool, other);
    cr_assert_eq(take(pool), cell); /* frees the detail: the sanitizer's leak check is the judge */
    cr_expect_null(cell_detail(cell));
    close_pool(pool);
}

Test(closure_pool, details_in_quarantine_go_with_the_pool) {
    ClosurePool *pool = open_pool(256);
    Cell *cell = take(pool);
    atomic_store(&cell->detail, detail_new(pool, 0));
    atomic_fetch_or(&cell->life, LIFE_HAS_DETAIL);
    cell_give(pool, cell);
    cr_expect_eq(closure_pool_live(pool), 0);
    close_pool(pool);
}

enum { THREADS = 8, CELLS = 2000, ROUNDS = 20 };

/* Each cell that a thread has is its own: nobody else writes into it. */
static void *churn(void *context) {
    ClosurePool *pool = context;
    static _Thread_local Cell *cells[CELLS];
    for (int round = 0; round < ROUNDS; round++) {
        for (size_t i = 0; i < CELLS; i++) {
            cells[i] = take(pool);
            atomic_store(&cells[i]->context, (void *)&cells[i]);
        }
        for (size_t i = 0; i < CELLS; i++) {
            cr_assert_eq(atomic_load(&cells[i]->context), (void *)&cells[i]);
            cell_give(pool, cells[i]);
        }
    }
    return NULL;
}

Test(closure_pool, threads_never_share_a_cell) {
    ClosurePool *pool = open_pool(64);
    pthread_t threads[THREADS];
    for (size_t i = 0; i < THREADS; i++) pthread_create(&threads[i], NULL, churn, pool);
    for (size_t i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    cr_expect_eq(closure_pool_live(pool), 0);
    close_pool(pool);
}

/* ---- cells that change hands ---- */

enum { HANDED = 5000 };

typedef struct Hand {
    ClosurePool *pool;
    Cell *cells[HANDED];
} Hand;

static void *give_all(void *context) {
    Hand *hand = context;
    for (size_t i = 0; i < HANDED; i++) cell_give(hand->pool, hand->cells[i]);
    return NULL;
}

/* One thread makes, others end: what they give must come back to the maker, or memory would grow for ever. */
Test(closure_pool, what_other_threads_give_is_used_again) {
    static Hand hand;
    size_t before = 0, after = 0, code = 0;
    hand.pool = open_pool(256);
    for (int round = 0; round < 40; round++) {
        pthread_t thread;
        for (size_t i = 0; i < HANDED; i++) hand.cells[i] = take(hand.pool);
        if (round == 3) thunk_statistics(hand.pool->thunks, &before, &code);
        pthread_create(&thread, NULL, give_all, &hand);
        pthread_join(thread, NULL);
    }
    thunk_statistics(hand.pool->thunks, &after, &code);
    cr_expect_eq(after, before, "%zu bytes, and later %zu", before, after);
    cr_expect_eq(closure_pool_live(hand.pool), 0);
    close_pool(hand.pool);
}

typedef struct Idler {
    ClosurePool *pool;
    pthread_barrier_t *barrier;
} Idler;

static void *use_and_wait(void *context) {
    Idler *idler = context;
    Cell *cell = take(idler->pool);
    pthread_barrier_wait(idler->barrier);
    cell_give(idler->pool, cell);
    return NULL;
}

/* More threads than can have a shard of their own. */
Test(closure_pool, there_may_be_any_number_of_threads) {
    enum { MANY = 4 * CLOSURE_OWN };
    ClosurePool *pool = open_pool(1);
    pthread_barrier_t barrier;
    pthread_t threads[MANY];
    Idler idler = {pool, &barrier};
    pthread_barrier_init(&barrier, NULL, MANY + 1);
    for (size_t i = 0; i < MANY; i++) pthread_create(&threads[i], NULL, use_and_wait, &idler);
    pthread_barrier_wait(&barrier);
    for (size_t i = 0; i < MANY; i++) pthread_join(threads[i], NULL);
    pthread_barrier_destroy(&barrier);
    cr_expect_eq(closure_pool_live(pool), 0);
    close_pool(pool);
}

/* ---- the limit of references ---- */

static void nothing(void *context, void *arguments, void *result) {
    (void)context;
    (void)arguments;
    (void)result;
}

Test(closure_pool, one_reference_too_many_is_refused_and_changes_nothing) {
    ferry_error error;
    const ferry_engine_options options = {.policy = FERRY_NEVER, .without = FERRY_SOURCE_ALL};
    ferry_engine *engine = ferry_engine_create(&options, &error);
    const ferry_signature *signature = ferry_signature_parse(engine, "void f(void)", NULL, &error);
    ferry_closure *closure = ferry_closure_create(engine, signature, nothing, NULL, NULL, &error);
    cr_assert_not_null(closure, "%s", error.message);
    Cell *cell = cell_of(closure);
    uint64_t life = atomic_load(&cell->life), most = life - 1 + LIFE_REFERENCES;
    atomic_store(&cell->life, most);
    cr_expect_eq(ferry_closure_retain(closure, &error), FERRY_TOO_LARGE);
    cr_expect(strstr(error.message, "2^31 - 1 references") != NULL, "%s", error.message);
    cr_expect_eq(ferry_closure_revoke(closure, &error), FERRY_TOO_LARGE);
    cr_expect_eq(atomic_load(&cell->life), most);
    cr_expect_eq(ferry_closure_release(closure, &error), FERRY_OK);
    cr_expect_eq(ferry_closure_retain(closure, &error), FERRY_OK);
    atomic_store(&cell->life, life);
    cr_expect_eq(ferry_closure_release(closure, &error), FERRY_OK);
    cr_expect_eq(ferry_engine_free(engine, &error), FERRY_OK);
}
