/* sqlite.c: SQLite's functions, aggregates, collations and hooks in the virtual machine. */
#include "sqlite.h"

#define FUNCTION "void f(sqlite3_context *, int, sqlite3_value **)"
#define DECLARED "typedef struct sqlite3_context sqlite3_context; typedef struct sqlite3_value sqlite3_value; "

typedef void Function(sqlite3_context *, int, sqlite3_value **);

/* ---- functions ---- */

typedef struct Call {
    ferry_convention convention;
    int calls;
} Call;

/* blend(a, b, ...): the sum of the integers, then the texts, in order. */
static void blend(void *context, void *arguments, void *result) {
    (void)result;
    Call *call = context;
    sqlite3_context *caller = ARGUMENT(sqlite3_context *, call->convention, arguments, 0);
    int count = ARGUMENT(int, call->convention, arguments, 1);
    sqlite3_value **values = ARGUMENT(sqlite3_value **, call->convention, arguments, 2);
    sqlite3_int64 sum = 0;
    char text[256] = "", whole[300];
    for (int i = 0; i < count; i++) {
        if (sqlite3_value_type(values[i]) == SQLITE_INTEGER) {
            sum += sqlite3_value_int64(values[i]);
        } else if (sqlite3_value_type(values[i]) == SQLITE_NULL) {
            sqlite3_result_error(caller, "blend does not take NULL", -1);
            return;
        } else {
            strncat(text, (const char *)sqlite3_value_text(values[i]), 40);
        }
    }
    snprintf(whole, sizeof whole, "%lld%s", (long long)sum, text);
    sqlite3_result_text(caller, whole, -1, SQLITE_TRANSIENT);
    call->calls++;
}

/* SQLite keeps the closure by its callable: it releases it through xDestroy, whenever it is done with it. */
static void define(sqlite3 *database, ferry_closure *closure, const char *name) {
    ferry_error error;
    ferry_callable callable;
    cr_assert_eq(ferry_closure_export(closure, &callable, &error), FERRY_OK, "%s", error.message);
    int code = sqlite3_create_function_v2(database, name, -1, SQLITE_UTF8, callable.context, (Function *)callable.code,
                                          NULL, NULL, callable.release);
    cr_assert_eq(code, SQLITE_OK);
    release(closure);
}

static size_t closures_alive(ferry_engine *engine) {
    ferry_statistics statistics;
    ferry_engine_statistics(engine, &statistics);
    return statistics.closures;
}

Test(uses, sqlite_calls_a_function_and_releases_it) {
    for (const Way *way = ways; way < ways + WAYS; way++) {
        ferry_engine *engine = new_engine(way);
        sqlite3 *database = open_database();
        Call call = {.convention = way->convention}, next = call;
        char text[256];
        define(database, new_closure(engine, way, DECLARED FUNCTION, blend, &call), "blend");
        query(database, "select blend(), blend(1, 'a', 9000000000, 'b'), blend('only')", text, sizeof text);
        cr_expect_str_eq(text, "0|9000000001ab|0only;", "%s", way->name);
        run(database, "create table t(n integer, s text)");
        for (int i = 0; i < 10; i++) run(database, "insert into t select count(*), 'row' || count(*) from t");
        query(database, "select blend(n * 10, s) from t where blend(n) % 3 = 0 order by n", text, sizeof text);
        cr_expect_str_eq(text, "0row0;30row3;60row6;90row9;");
        cr_expect_geq(call.calls, 13);
        cr_expect_eq(sqlite3_exec(database, "select blend(1, NULL)", NULL, NULL, NULL), SQLITE_ERROR);
        cr_expect_str_eq(sqlite3_errmsg(database), "blend does not take NULL");
        cr_expect_eq(closures_alive(engine), 1);
        define(database, new_closure(engine, way, DECLARED FUNCTION, blend, &next), "blend");
        cr_expect_eq(closures_alive(engine), 1, "the former one was released");
        query(database, "select blend(4, 'x')", text, sizeof text);
        cr_expect_str_eq(text, "4x;");
        cr_expect_eq(next.calls, 1);
        cr_assert_eq(sqlite3_close(database), SQLITE_OK);
        cr_expect_eq(closures_alive(engine), 0);
        free_engine(engine);
    }
}

/* ---- aggregates ---- */

typedef struct Spread {
    double least, most;
    sqlite3_int64 count;
} Spread;

static void spread_step(void *context, void *arguments, void *result) {
    (void)result;
    Call *call = context;
    sqlite3_context *caller = ARGUMENT(sqlite3_context *, call->convention, arguments, 0);
    sqlite3_value **values = ARGUMENT(sqlite3_value **, call->convention, arguments, 2);
    Spread *spread = sqlite3_aggregate_context(caller, sizeof *spread);
    double value = sqlite3_value_double(values[0]);
    if (spread->count == 0 || value < spread->least) spread->least = value;
    if (spread->count == 0 || value > spread->most) spread->most = value;
    spread->count++;
    call->calls++;
}

static void spread_final(void *context, void *arguments, void *result) {
    (void)result;
    Call *call = context;
    sqlite3_context *caller = ARGUMENT(sqlite3_context *, call->convention, arguments, 0);
    Spread *spread = sqlite3_aggregate_context(caller, sizeof *spread);
    sqlite3_result_double(caller, spread->count == 0 ? -1 : spread->most - spread->least);
    call->calls++;
}

Test(uses, sqlite_aggregates) {
    for (const Way *way = ways; way < ways + WAYS; way++) {
        ferry_engine *engine = new_engine(way);
        sqlite3 *database = open_database();
        Call steps = {.convention = way->convention}, finals = steps;
        char text[256], expected[256];
        ferry_closure *step = new_closure(engine, way, DECLARED FUNCTION, spread_step, &steps);
        ferry_closure *final = new_closure(engine, way, DECLARED "void f(sqlite3_context *)", spread_final, &finals);
        int code = sqlite3_create_function_v2(database, "spread", 1, SQLITE_UTF8, NULL, NULL, CODE(Function *, step),
                                              CODE(void (*)(sqlite3_context *), final), NULL);
        cr_assert_eq(code, SQLITE_OK);
        run(database, "create table t(g integer, v real)");
        run(database, "with recursive n(i) as (select 0 union all select i + 1 from n where i < 999)"
                      " insert into t select i % 7, (i * 7919 % 1000) / 8.0 from n");
        query(database, "select g, spread(v) from t group by g order by g", text, sizeof text);
        query(database, "select g, max(v) - min(v) from t group by g order by g", expected, sizeof expected);
        cr_expect_str_eq(text, expected, "%s", way->name);
        cr_expect_eq(steps.calls, 1000);
        cr_expect_eq(finals.calls, 7);
        query(database, "select spread(v) from t where g > 100", text, sizeof text);
        cr_expect_str_eq(text, "-1.0;");
        cr_assert_eq(sqlite3_close(database), SQLITE_OK);
        release(step);
        release(final);
        free_engine(engine);
    }
}

/* ---- collations, and a destructor that releases them ---- */

typedef struct Order {
    ferry_convention convention;
    ferry_closure *compare, *destroy; /* released when SQLite is done */
    int calls, ends;
} Order;

/* By the last byte, then by length. Neither text ends with a zero byte. */
static void compare_ends(void *context, void *arguments, void *result) {
    Order *order = context;
    cr_assert_eq(ARGUMENT(void *, order->convention, arguments, 0), context);
    int left = ARGUMENT(int, order->convention, arguments, 1), right = ARGUMENT(int, order->convention, arguments, 3);
    const char *a = ARGUMENT(const char *, order->convention, arguments, 2);
    const char *b = ARGUMENT(const char *, order->convention, arguments, 4);
    order->calls++;
    int last = (left > 0 ? a[left - 1] : 0) - (right > 0 ? b[right - 1] : 0);
    give(result, last != 0 ? last : left - right);
}

/* The closure that is being called may end in its own call. */
static void destroy_order(void *context, void *arguments, void *result) {
    (void)result;
    Order *order = context;
    cr_assert_eq(ARGUMENT(void *, order->convention, arguments, 0), context);
    release(order->compare);
    release(order->destroy);
    order->ends++;
}

Test(uses, sqlite_orders_by_a_collation_and_destroys_it) {
    for (const Way *way = ways; way < ways + WAYS; way++) {
        ferry_engine *engine = new_engine(way);
        sqlite3 *database = open_database();
        Order order = {.convention = way->convention};
        char text[256];
        order.compare =
            new_closure(engine, way, "int f(void *, int, const void *, int, const void *)", compare_ends, &order);
        order.destroy = new_closure(engine, way, "void f(void *)", destroy_order, &order);
        int code =
            sqlite3_create_collation_v2(database, "ends", SQLITE_UTF8, &order,
                                        CODE(int (*)(void *, int, const void *, int, const void *), order.compare),
                                        CODE(void (*)(void *), order.destroy));
        cr_assert_eq(code, SQLITE_OK);
        run(database, "create table t(s text collate ends); create index i on t(s)");
        run(database, "insert into t values ('zoea'), ('abz'), ('b'), ('cab'), ('a'), (''), ('xyza')");
        query(database, "select s from t order by s, rowid", text, sizeof text);
        cr_expect_str_eq(text, ";a;zoea;xyza;b;cab;abz;", "%s", way->name);
        query(database, "select count(*) from t where s = 'wxya'", text, sizeof text);
        cr_expect_str_eq(text, "2;");
        cr_expect_gt(order.calls, 7);
        cr_expect_eq(order.ends, 0);
        cr_assert_eq(sqlite3_close(database), SQLITE_OK);
        cr_expect_eq(order.ends, 1);
        cr_expect_eq(closures_alive(engine), 0);
        free_engine(engine);
    }
}

/* ---- hooks ---- */

typedef struct Watch {
    ferry_convention convention;
    int calls, limit;
    char text[256];
} Watch;

static void count_down(void *context, void *arguments, void *result) {
    Watch *watch = context;
    cr_assert_eq(ARGUMENT(void *, watch->convention, arguments, 0), context);
    give(result, ++watch->calls == watch->limit);
}

#define LONG_QUERY                                                                                                     \
    "with recursive n(i) as (select 0 union all select i + 1 from n where i < 20000) select sum(i) from n"

Test(uses, sqlite_s_progress_handler_interrupts) {
    for (const Way *way = ways; way < ways + WAYS; way++) {
        ferry_engine *engine = new_engine(way);
        sqlite3 *database = open_database();
        Watch watch = {.convention = way->convention};
        char text[256];
        ferry_closure *closure = new_closure(engine, way, "int f(void *)", count_down, &watch);
        sqlite3_progress_handler(database, 10, CODE(int (*)(void *), closure), &watch);
        query(database, LONG_QUERY, text, sizeof text);
        cr_expect_str_eq(text, "200010000;", "%s", way->name);
        cr_expect_gt(watch.calls, 1000);
        watch = (Watch){.convention = way->convention, .limit = 50};
        cr_expect_eq(sqlite3_exec(database, LONG_QUERY, NULL, NULL, NULL), SQLITE_INTERRUPT);
        cr_expect_eq(watch.calls, 50);
        cr_assert_eq(sqlite3_close(database), SQLITE_OK);
        release(closure);
        free_engine(engine);
    }
}

static void note_row(void *context, void *arguments, void *result) {
    Watch *watch = context;
    int count = ARGUMENT(int, watch->convention, arguments, 1);
    char **values = ARGUMENT(char **, watch->convention, arguments, 2);
    char **names = ARGUMENT(char **, watch->convention, arguments, 3);
    cr_assert_eq(ARGUMENT(void *, watch->convention, arguments, 0), context);
    for (int i = 0; i < count; i++) {
        size_t length = strlen(watch->text);
        snprintf(watch->text + length, sizeof watch->text - length, "%s=%s ", names[i], values[i] ? values[i] : "NULL");
    }
    give(result, ++watch->calls == watch->limit);
}

Test(uses, sqlite_hands_rows_to_an_exec_callback) {
    for (const Way *way = ways; way < ways + WAYS; way++) {
        ferry_engine *engine = new_engine(way);
        sqlite3 *database = open_database();
        Watch watch = {.convention = way->convention};
        ferry_closure *closure = new_closure(engine, way, "int f(void *, int, char **, char **)", note_row, &watch);
        const char *sql = "select 1 as a, 'x' as b union all select 2, NULL union all select 3, 'z'";
        int (*code)(void *, int, char **, char **) = CODE(int (*)(void *, int, char **, char **), closure);
        cr_expect_eq(sqlite3_exec(database, sql, code, &watch, NULL), SQLITE_OK);
        cr_expect_str_eq(watch.text, "a=1 b=x a=2 b=NULL a=3 b=z ", "%s", way->name);
        watch = (Watch){.convention = way->convention, .limit = 2};
        cr_expect_eq(sqlite3_exec(database, sql, code, &watch, NULL), SQLITE_ABORT);
        cr_expect_str_eq(watch.text, "a=1 b=x a=2 b=NULL ");
        cr_assert_eq(sqlite3_close(database), SQLITE_OK);
        release(closure);
        free_engine(engine);
    }
}

static void note_change(void *context, void *arguments, void *result) {
    (void)result;
    Watch *watch = context;
    size_t length = strlen(watch->text);
    snprintf(watch->text + length, sizeof watch->text - length, "%d %s.%s %lld; ",
             ARGUMENT(int, watch->convention, arguments, 1), ARGUMENT(char *, watch->convention, arguments, 2),
             ARGUMENT(char *, watch->convention, arguments, 3),
             (long long)ARGUMENT(int64_t, watch->convention, arguments, 4));
}

Test(uses, sqlite_s_update_hook) {
    for (const Way *way = ways; way < ways + WAYS; way++) {
        ferry_engine *engine = new_engine(way);
        sqlite3 *database = open_database();
        Watch watch = {.convention = way->convention};
        ferry_closure *closure =
            new_closure(engine, way, "void f(void *, int, const char *, const char *, int64_t)", note_change, &watch);
        sqlite3_update_hook(database, CODE(void (*)(void *, int, const char *, const char *, sqlite3_int64), closure),
                            &watch);
        run(database, "create table t(x); insert into t(rowid, x) values (5000000000, 1); update t set x = 2");
        run(database, "delete from t where x = 2");
        cr_expect_str_eq(watch.text, "18 main.t 5000000000; 23 main.t 5000000000; 9 main.t 5000000000; ", "%s",
                         way->name);
        cr_assert_eq(sqlite3_close(database), SQLITE_OK);
        release(closure);
        free_engine(engine);
    }
}
