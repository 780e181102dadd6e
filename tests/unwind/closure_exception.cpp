/* C++ exceptions that handlers of closures throw: through C frames to who catches them, or to the boundary. */
#include <atomic>
#include <cerrno>
#include <csetjmp>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <functional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <malloc.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <unwind.h>

#include "ferry/ferry.h"
#include "frames.h"

#define CHECK(condition, ...)                                                                                          \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            std::fprintf(stderr, "%s:%d: %s is false: ", __FILE__, __LINE__, #condition);                              \
            std::fprintf(stderr, __VA_ARGS__);                                                                         \
            std::fprintf(stderr, "\n");                                                                                \
            std::_Exit(1);                                                                                             \
        }                                                                                                              \
    } while (0)

namespace {

/* ---- engines, closures, reports ---- */

struct Way {
    const char *name;
    ferry_policy policy;
    ferry_convention convention;
};

constexpr Way ways[] = {{"slots", FERRY_NOW, FERRY_SLOTS},
                        {"pointers", FERRY_NOW, FERRY_POINTERS},
                        {"slots, slow", FERRY_NEVER, FERRY_SLOTS},
                        {"pointers, slow", FERRY_NEVER, FERRY_POINTERS}};

/* tests/seccomp runs this where no code can be made. */
#ifdef TESTS_WITHOUT_CODE
constexpr bool without_code = true;
#else
constexpr bool without_code = false;
#endif

struct Engine {
    const Way &way;
    ferry_engine *engine = nullptr;
    std::atomic<int> reports{0};
    ferry_event event = FERRY_LATE_CALL;
    std::string message; /* the newest; not to be read while several threads report */
    bool keep_messages = true;

    static void note(void *context, const ferry_report *report) {
        Engine *self = static_cast<Engine *>(context);
        self->reports++;
        if (!self->keep_messages) return;
        self->event = report->event;
        self->message = report->message;
    }
    explicit Engine(const Way &chosen) : way(chosen) {
        ferry_error error;
        ferry_engine_options options = {};
        options.policy = FERRY_NOW;
        options.without = FERRY_SOURCE_ALL;
        options.policy = way.policy;
        options.report = note;
        options.report_context = this;
        engine = ferry_engine_create(&options, &error);
        CHECK(engine != nullptr, "%s", error.message);
    }
    ~Engine() {
        ferry_error error;
        CHECK(ferry_engine_free(engine, &error) == FERRY_OK, "%s", error.message);
    }
    Engine(const Engine &) = delete;
    Engine &operator=(const Engine &) = delete;

    const ferry_signature *parse(const char *text) const {
        ferry_error error;
        const ferry_signature *signature = ferry_signature_parse(engine, text, nullptr, &error);
        CHECK(signature != nullptr, "%s", error.message);
        return signature;
    }
    bool has_said(const std::string &text) const { return message.find(text) != std::string::npos; }
};

/* A closure whose handler is a C++ function object. */
struct Closure {
    using Body = std::function<long(long number, double half)>;
    Engine &owner;
    Body body;
    ferry_closure *closure = nullptr;
    int finalized = 0;

    static void handle(void *context, void *arguments, void *result) {
        const Closure *self = static_cast<Closure *>(context);
        bool slots = self->owner.way.convention == FERRY_SLOTS;
        void **pointers = static_cast<void **>(arguments);
        char *base = static_cast<char *>(arguments);
        long number;
        double half;
        std::memcpy(&number, slots ? base : pointers[0], sizeof number);
        std::memcpy(&half, slots ? base + 8 : pointers[1], sizeof half);
        long value = self->body(number, half);
        std::memcpy(result, &value, sizeof value);
    }
    static void finalize(void *context) { static_cast<Closure *>(context)->finalized++; }

    Closure(Engine &engine, ferry_boundary boundary, Body chosen, bool counted = false)
        : owner(engine), body(std::move(chosen)) {
        static const long fallback = -77;
        ferry_error error;
        ferry_closure_options options = {};
        options.convention = owner.way.convention;
        options.boundary = boundary;
        options.name = "handler";
        options.fallback = &fallback;
        options.finalize = counted ? finalize : nullptr;
        closure =
            ferry_closure_create(owner.engine, owner.parse("long f(long, double)"), handle, this, &options, &error);
        CHECK(closure != nullptr, "%s", error.message);
        bool slow = ferry_closure_path(closure) == FERRY_PATH_LIBFFI;
        CHECK(slow == (without_code || owner.way.policy == FERRY_NEVER), "%s", ferry_closure_reason(closure));
    }
    ~Closure() { end(); }
    Closure(const Closure &) = delete;
    Closure &operator=(const Closure &) = delete;

    void end() {
        ferry_error error;
        if (closure != nullptr) CHECK(ferry_closure_release(closure, &error) == FERRY_OK, "%s", error.message);
        closure = nullptr;
    }
    FramesCallee *code() const { return reinterpret_cast<FramesCallee *>(ferry_closure_code(closure)); }
    long call(Frames &frames, long number) const { return frames_call(code(), &frames, 3, number, 0.5); }
};

enum { FRAMES = 4 }; /* that Closure::call enters; each adds 1 to the result */

/* ---- what is thrown ---- */

std::atomic<int> alive{0}; /* Failures */

struct Failure {
    long number;
    std::string text; /* long enough to be allocated */
    explicit Failure(long n) : number(n), text("a failure with a text of its own, number " + std::to_string(n)) {
        alive++;
    }
    Failure(const Failure &other) : number(other.number), text(other.text) { alive++; }
    Failure &operator=(const Failure &) = default;
    ~Failure() { alive--; }
};

struct Scope {
    int *left;
    explicit Scope(int *counter) : left(counter) {}
    ~Scope() { ++*left; }
};

__attribute__((noinline)) long throw_failure(long number, int *left) {
    Scope scope(left);
    if (number != 0) throw Failure(number);
    return 5;
}

/* ---- let through ---- */

void check_nothing_is_left(const Frames &frames) {
    CHECK(frames.left == frames.entered, "%d of %d", frames.left, frames.entered);
    CHECK(std::uncaught_exceptions() == 0, "%d", std::uncaught_exceptions());
    CHECK(std::current_exception() == nullptr, "something is still caught");
    CHECK(alive == 0, "%d exceptions alive", alive.load());
}

void through_c_frames_to_a_catch(Engine &engine, bool counted) {
    int left = 0;
    Closure closure(
        engine, FERRY_LET_THROUGH,
        [&left](long number, double half) {
            Scope scope(&left);
            return throw_failure(number, &left) + static_cast<long>(half * 2);
        },
        counted);
    for (long number : {0L, 17L, 0L, -3L, 17L}) {
        Frames frames = {};
        long caught = 0, result = 0;
        left = 0;
        errno = 5;
        try {
            result = closure.call(frames, number);
        } catch (const Failure &failure) {
            caught = failure.number;
        }
        CHECK(caught == number && result == (number == 0 ? 6 + FRAMES : 0), "%ld %ld", caught, result);
        CHECK(left == 2 && frames.entered == FRAMES, "%d %d", left, frames.entered);
        CHECK(number != 0 || errno == 5, "%d", errno);
        check_nothing_is_left(frames);
    }
    CHECK(closure.finalized == 0, "too early");
    closure.end();
    CHECK(closure.finalized == (counted ? 1 : 0), "%d", closure.finalized);
    CHECK(engine.reports == 0, "%s", engine.message.c_str());
}

std::jmp_buf place;

/* From deeper than the frames that were left, whose memory is written over. */
[[noreturn]] __attribute__((noinline)) void jump_from_below() {
    volatile char bytes[16384];
    for (volatile char &byte : bytes) byte = 0x5a;
    std::longjmp(place, 1);
}

/* The C library's list of what to call at a longjmp must not have the frames that an exception has left. */
void then_a_longjmp(Engine &engine) {
    Closure closure(engine, FERRY_LET_THROUGH, [](long number, double) -> long { throw Failure(number); }, true);
    volatile long caught = 0;
    Frames frames = {};
    if (setjmp(place) == 0) {
        try {
            closure.call(frames, 5);
        } catch (const Failure &failure) {
            caught = failure.number;
        }
        jump_from_below();
    }
    CHECK(caught == 5 && closure.finalized == 0, "%d", closure.finalized);
    closure.end();
    CHECK(closure.finalized == 1, "%d", closure.finalized);
}

/* ---- stopped ---- */

void at_the_boundary(Engine &engine, bool counted) {
    int left = 0;
    Closure closure(
        engine, FERRY_STOP,
        [&left](long number, double half) {
            Scope scope(&left);
            return throw_failure(number, &left) + static_cast<long>(half * 2);
        },
        counted);
    int before = engine.reports;
    for (long number : {0L, 17L, 0L, -3L, 17L}) {
        Frames frames = {};
        left = 0;
        errno = 5;
        engine.message.clear();
        long result = closure.call(frames, number);
        CHECK(result == (number == 0 ? 6 : -77) + FRAMES, "%ld", result);
        CHECK(left == 2 && frames.entered == FRAMES && errno == 5, "%d %d %d", left, frames.entered, errno);
        check_nothing_is_left(frames);
        CHECK(number == 0 ? engine.message.empty() : engine.event == FERRY_STOPPED_EXCEPTION, "%d", engine.event);
        CHECK(number == 0 || engine.has_said("a C++ exception of type (anonymous namespace)::Failure was stopped"),
              "%s", engine.message.c_str());
        CHECK(number == 0 || engine.has_said("handler"), "%s", engine.message.c_str());
    }
    CHECK(engine.reports == before + 3, "%d", engine.reports.load());
    closure.end();
    CHECK(closure.finalized == (counted ? 1 : 0), "%d", closure.finalized);
}

struct Polymorphic : std::runtime_error {
    using std::runtime_error::runtime_error;
};

void whatever_was_thrown_is_named(Engine &engine) {
    struct Local {};
    const struct {
        const char *spelling;
        void (*raise)();
    } cases[] = {
        {"type std::runtime_error was", [] { throw std::runtime_error("text"); }},
        {"type int was", [] { throw 5; }},
        {"type char const* was", [] { throw "text"; }},
        {"::Polymorphic was", [] { throw Polymorphic("text"); }},
        {"::Local was", [] { throw Local(); }},
        {"type std::bad_alloc was", [] { throw std::bad_alloc(); }},
        {"type decltype(nullptr) was", [] { throw nullptr; }},
    };
    for (const auto &each : cases) {
        Closure closure(engine, FERRY_STOP, [&each](long, double) -> long {
            each.raise();
            return 0;
        });
        Frames frames = {};
        CHECK(closure.call(frames, 1) == -77 + FRAMES, "%s", each.spelling);
        CHECK(engine.has_said(each.spelling), "%s", engine.message.c_str());
        check_nothing_is_left(frames);
    }
}

/* What is caught outside stays what it is, whatever is stopped meanwhile. */
void while_another_is_handled(Engine &engine) {
    int left = 0;
    Closure closure(engine, FERRY_STOP, [&left](long number, double) {
        try {
            throw Failure(1);
        } catch (...) {
            return throw_failure(number, &left); /* while 1 is handled */
        }
    });
    Frames frames = {};
    try {
        throw Failure(99);
    } catch (const Failure &failure) {
        CHECK(closure.call(frames, 17) == -77 + FRAMES, "not stopped");
        CHECK(failure.number == 99 && alive == 1, "%ld %d", failure.number, alive.load());
        try {
            throw;
        } catch (const Failure &again) {
            CHECK(&again == &failure, "another one");
        }
    }
    check_nothing_is_left(frames);
}

/* While frames are left because of an exception, destructors call closures. */
void while_another_is_thrown(Engine &engine) {
    Closure closure(engine, FERRY_STOP, [](long number, double) -> long { throw Failure(number); });
    Frames frames = {};
    struct Caller {
        const Closure &closure;
        Frames &frames;
        ~Caller() {
            CHECK(std::uncaught_exceptions() == 1, "%d", std::uncaught_exceptions());
            CHECK(closure.call(frames, 3) == -77 + FRAMES, "not stopped");
            CHECK(std::uncaught_exceptions() == 1, "%d", std::uncaught_exceptions());
        }
    };
    try {
        Caller caller{closure, frames};
        throw Failure(4);
    } catch (const Failure &failure) {
        CHECK(failure.number == 4, "%ld", failure.number);
    }
    check_nothing_is_left(frames);
}

void an_exception_pointer_keeps_its_own(Engine &engine) {
    std::exception_ptr kept, taken;
    try {
        throw Failure(8);
    } catch (...) {
        kept = std::current_exception();
    }
    Closure rethrows(engine, FERRY_STOP, [&kept](long, double) -> long { std::rethrow_exception(kept); });
    Closure takes(engine, FERRY_STOP, [&taken](long number, double) -> long {
        try {
            throw Failure(number);
        } catch (...) {
            taken = std::current_exception();
            throw;
        }
    });
    Frames frames = {};
    for (int i = 0; i < 3; i++) CHECK(rethrows.call(frames, 1) == -77 + FRAMES, "not stopped");
    CHECK(engine.has_said("Failure was stopped"), "%s", engine.message.c_str());
    CHECK(takes.call(frames, 9) == -77 + FRAMES && alive == 2, "%d", alive.load());
    long numbers = 0;
    for (const std::exception_ptr &pointer : {kept, taken}) {
        try {
            std::rethrow_exception(pointer);
        } catch (const Failure &failure) {
            numbers = numbers * 10 + failure.number;
        }
    }
    CHECK(numbers == 89, "%ld", numbers);
    kept = taken = nullptr;
    check_nothing_is_left(frames);
}

/* ---- down and up again ---- */

/* C++ -> binding -> C -> closure -> handler -> binding -> C -> closure -> handler, which throws. */
struct Sandwich {
    Engine &engine;
    ferry_binding *binding = nullptr;
    Frames frames = {};

    explicit Sandwich(Engine &owner) : engine(owner) {
        ferry_error error;
        ferry_binding_options options = {};
        options.convention = FERRY_POINTERS;
        binding = ferry_bind(engine.engine, engine.parse("long f(void *, void *, int, long, double)"),
                             reinterpret_cast<void (*)()>(frames_call), &options, &error);
        CHECK(binding != nullptr, "%s", error.message);
    }
    ~Sandwich() { ferry_binding_free(binding); }
    Sandwich(const Sandwich &) = delete;
    Sandwich &operator=(const Sandwich &) = delete;

    long down(FramesCallee *callee, long number) {
        const void *code = reinterpret_cast<const void *>(callee), *counter = &frames;
        int depth = 1;
        double half = 0.5;
        long result = 0;
        const void *arguments[] = {&code, &counter, &depth, &number, &half};
        ferry_call(binding, arguments, &result);
        return result;
    }
};

void in_a_sandwich(Engine &engine) {
    Sandwich sandwich(engine);
    int left = 0;
    for (int stops = 0; stops < 4; stops++) {
        Closure inner(
            engine, stops & 1 ? FERRY_STOP : FERRY_LET_THROUGH,
            [&](long number, double) { return throw_failure(number, &left); }, true);
        Closure outer(
            engine, stops & 2 ? FERRY_STOP : FERRY_LET_THROUGH,
            [&](long number, double) {
                Scope scope(&left);
                return sandwich.down(inner.code(), number);
            },
            true);
        sandwich.frames = {};
        left = 0;
        long caught = 0, result = 0, expected = stops & 1 ? -77 + 4 : stops & 2 ? -77 + 2 : 0;
        int before = engine.reports;
        try {
            result = sandwich.down(outer.code(), 21);
        } catch (const Failure &failure) {
            caught = failure.number;
        }
        CHECK(caught == (stops == 0 ? 21 : 0) && result == expected, "%d: %ld %ld", stops, caught, result);
        CHECK(left == 2 && sandwich.frames.entered == 4, "%d %d", left, sandwich.frames.entered);
        CHECK(engine.reports - before == (stops == 0 ? 0 : 1), "%d", engine.reports.load());
        check_nothing_is_left(sandwich.frames);
        CHECK(sandwich.down(outer.code(), 0) == 9, "no longer usable");
        outer.end();
        inner.end();
        CHECK(outer.finalized == 1 && inner.finalized == 1, "%d %d", outer.finalized, inner.finalized);
    }
}

/* ---- exceptions of no language ---- */

struct Foreign {
    _Unwind_Exception exception;
    int deleted;
};

void delete_foreign(_Unwind_Reason_Code, _Unwind_Exception *exception) {
    reinterpret_cast<Foreign *>(exception)->deleted++;
}

void a_foreign_exception(Engine &engine) {
    Foreign foreign = {};
    foreign.exception.exception_class = 0x4645525259545354; /* "FERRYTST" */
    foreign.exception.exception_cleanup = delete_foreign;
    auto raise_it = [&foreign](long, double) -> long {
        _Unwind_RaiseException(&foreign.exception);
        CHECK(false, "nobody caught it");
        return 0;
    };
    Frames frames = {};
    Closure stopping(engine, FERRY_STOP, raise_it), letting(engine, FERRY_LET_THROUGH, raise_it, true);
    CHECK(stopping.call(frames, 1) == -77 + FRAMES, "not stopped");
    CHECK(engine.has_said("an exception of class FERRYTST was stopped"), "%s", engine.message.c_str());
    CHECK(foreign.deleted == 1, "%d", foreign.deleted);
    bool caught = false;
    try {
        letting.call(frames, 1);
    } catch (...) {
        caught = true;
    }
    CHECK(caught && foreign.deleted == 2, "%d", foreign.deleted);
    check_nothing_is_left(frames);
}

/* ---- noexcept ---- */

template <typename Body> int status_of_child(Body body) {
    std::fflush(nullptr);
    pid_t child = fork();
    if (child == 0) {
        const struct rlimit none = {0, 0};
        setrlimit(RLIMIT_CORE, &none);
        if (std::freopen("/dev/null", "w", stderr) == nullptr) std::_Exit(3);
        std::signal(SIGABRT, SIG_DFL);
        body();
        std::_Exit(42);
    }
    int status = -1;
    CHECK(waitpid(child, &status, 0) == child, "%d", errno);
    return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

long call_noexcept(const Closure &closure, Frames &frames, long number) noexcept {
    return closure.call(frames, number);
}

void noexcept_frames(Engine &engine) {
    Frames frames = {};
    auto thrower = [](long number, double) -> long { throw Failure(number); };
    auto bound = [](long number, double) noexcept -> long {
        throw_failure(number, new int(0));
        return 0;
    };
    Closure stopping(engine, FERRY_STOP, thrower), letting(engine, FERRY_LET_THROUGH, thrower);
    Closure never(engine, FERRY_STOP, bound);
    CHECK(call_noexcept(stopping, frames, 6) == -77 + FRAMES, "not stopped");
    check_nothing_is_left(frames);
    /* As in C++: the noexcept frame ends the process, be it outside of a closure that lets through or inside of one
     * that would stop. */
    int outside = status_of_child([&] { call_noexcept(letting, frames, 6); });
    int inside = status_of_child([&] { never.call(frames, 6); });
    CHECK(outside == -SIGABRT && inside == -SIGABRT, "%d %d", outside, inside);
    int stopped = status_of_child([&] { CHECK(call_noexcept(stopping, frames, 6) == -77 + FRAMES, "not stopped"); });
    CHECK(stopped == 42, "%d", stopped);
}

/* ---- often ---- */

void often(Engine &engine) {
    Closure closure(engine, FERRY_STOP, [](long number, double) -> long { throw Failure(number); });
    Frames frames = {};
    engine.keep_messages = false;
    closure.call(frames, 1);
    size_t before = mallinfo2().uordblks;
    for (int i = 0; i < 20000; i++) CHECK(closure.call(frames, i + 1) == -77 + FRAMES, "%d", i);
    size_t after = mallinfo2().uordblks;
    CHECK(before == after, "%zu bytes more", after - before);
    auto thrower = [&closure] {
        Frames own = {};
        for (int i = 0; i < 2000; i++) CHECK(closure.call(own, i + 1) == -77 + FRAMES, "%d", i);
        CHECK(own.left == own.entered && std::uncaught_exceptions() == 0, "%d", own.left);
    };
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; i++) threads.emplace_back(thrower);
    for (std::thread &thread : threads) thread.join();
    engine.keep_messages = true;
    ferry_statistics statistics;
    ferry_engine_statistics(engine.engine, &statistics);
    CHECK(statistics.stopped == static_cast<uint64_t>(engine.reports.load()), "%d", engine.reports.load());
    check_nothing_is_left(frames);
}

} // namespace

int main() {
    for (const Way &way : ways) {
        Engine engine(way);
        std::printf("%s\n", way.name);
        for (bool counted : {false, true}) through_c_frames_to_a_catch(engine, counted);
        then_a_longjmp(engine);
        for (bool counted : {false, true}) at_the_boundary(engine, counted);
        whatever_was_thrown_is_named(engine);
        while_another_is_handled(engine);
        while_another_is_thrown(engine);
        an_exception_pointer_keeps_its_own(engine);
        in_a_sandwich(engine);
        a_foreign_exception(engine);
        noexcept_frames(engine);
        often(engine);
    }
    std::puts("exceptions pass or stop");
}
