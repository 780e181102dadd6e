/* C++ exceptions that a callee throws pass through a binding and are caught by who called it. */
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <string>
#include <thread>
#include <type_traits>
#include <vector>

#include <sys/wait.h>
#include <unistd.h>

#include "ferry/ferry.h"

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

using Function = void (*)();

template <typename F> Function erase(F *function) {
    return reinterpret_cast<Function>(function);
}

const ferry_type *type_of(ferry_engine *engine, char letter) {
    ferry_error error;
    ferry_kind kind = letter == 'i'   ? FERRY_INT
                      : letter == 'l' ? FERRY_LONG
                      : letter == 'd' ? FERRY_DOUBLE
                                      : FERRY_VOID;
    if (letter != 's') return ferry_type_scalar(engine, kind, &error);
    ferry_member members[3] = {};
    for (ferry_member &member : members) member.type = ferry_type_scalar(engine, FERRY_LONG, &error);
    return ferry_type_record(engine, FERRY_STRUCT, nullptr, members, 3, nullptr, &error);
}

/* letters: result, then parameters; i int, l long, d double, s a struct of three longs, v void. */
const ferry_signature *signature_of(ferry_engine *engine, const std::string &letters) {
    ferry_error error;
    std::vector<const ferry_type *> parameters;
    for (char letter : letters.substr(1)) parameters.push_back(type_of(engine, letter));
    const ferry_signature *signature = ferry_signature_create(engine, type_of(engine, letters[0]), parameters.data(),
                                                              parameters.size(), false, &error);
    CHECK(signature != nullptr, "%s", error.message);
    return signature;
}

ferry_engine *open_engine(ferry_policy policy) {
    ferry_error error;
    ferry_engine_options options = {};
    options.policy = FERRY_NOW;
    options.without = FERRY_SOURCE_ALL;
    options.policy = policy;
    ferry_engine *engine = ferry_engine_create(&options, &error);
    CHECK(engine != nullptr, "%s", error.message);
    return engine;
}

ferry_binding *bind(ferry_engine *engine, const std::string &letters, Function function,
                    const ferry_binding_options &options) {
    ferry_error error;
    ferry_binding *binding = ferry_bind(engine, signature_of(engine, letters), function, &options, &error);
    CHECK(binding != nullptr, "%s", error.message);
    return binding;
}

void close_engine(ferry_engine *engine) {
    ferry_error error;
    CHECK(ferry_engine_free(engine, &error) == FERRY_OK, "%s", error.message);
}

struct Triple {
    long a, b, c;
};

struct Failure {
    long number;
    std::string text;
};

/* Throws when number is not 0. */
int few(int number, double half) {
    if (number != 0) throw Failure{number, std::to_string(half)};
    return 5;
}

Triple many(long a, double b, Triple c, int d, long e, long f, long g, double h, long number) {
    errno = 42;
    if (number != 0) throw Failure{a + c.c + d + e + f + g + number, std::to_string(b + h)};
    return {a, c.b, number};
}

/* Tells that the frame of who called the binding was left in order. */
struct Guard {
    int *left;
    explicit Guard(int *counter) : left(counter) {}
    ~Guard() { ++*left; }
};

/* Values as both conventions want them. */
struct Arguments {
    uint64_t slots[16] = {};
    const void *pointers[16] = {};
    size_t slot_count = 0, count = 0;

    template <typename T> void add(const T &value) {
        uint64_t *slot = &slots[slot_count];
        if constexpr (std::is_same_v<T, int>)
            *slot = static_cast<uint64_t>(static_cast<int64_t>(value));
        else
            std::memcpy(slot, &value, sizeof value);
        pointers[count++] = slot;
        slot_count += (sizeof value + 7) / 8;
    }
    const void *of(const ferry_binding_options &options, int **place) {
        slots[slot_count] = reinterpret_cast<uintptr_t>(*place);
        pointers[count] = *place;
        return options.convention == FERRY_SLOTS ? static_cast<const void *>(slots) : pointers;
    }
};

__attribute__((noinline)) long call(const ferry_binding *binding, const void *arguments, void *result, int *left,
                                    std::string *text) {
    Guard guard(left);
    try {
        Guard inner(left);
        ferry_call(binding, arguments, result);
    } catch (const Failure &failure) {
        *text = failure.text;
        return failure.number;
    }
    return 0;
}

void try_few(const ferry_binding *binding, const ferry_binding_options &options) {
    for (int number : {0, 17, 0, -3}) {
        Arguments arguments;
        int left = 0, error_number = 0, *place = &error_number;
        uint64_t result = 99;
        std::string text;
        arguments.add(number);
        arguments.add(2.5);
        long caught = call(binding, arguments.of(options, &place), &result, &left, &text);
        CHECK(caught == number && left == 2, "caught %ld of %d, %d guards", caught, number, left);
        if (number == 0)
            CHECK(static_cast<int>(result) == 5, "%d", static_cast<int>(result));
        else
            CHECK(text == "2.500000" && result == 99, "%s", text.c_str());
    }
}

void try_many(const ferry_binding *binding, const ferry_binding_options &options) {
    for (long number : {0L, 1000L}) {
        Arguments arguments;
        int left = 0, error_number = 0, *place = &error_number;
        Triple result = {-1, -1, -1};
        std::string text;
        arguments.add(1L);
        arguments.add(0.5);
        arguments.add(Triple{7, 8, 9});
        arguments.add(2);
        for (long value : {3L, 4L, 5L}) arguments.add(value);
        arguments.add(0.25);
        arguments.add(number);
        long caught = call(binding, arguments.of(options, &place), &result, &left, &text);
        CHECK(left == 2, "%d guards", left);
        if (number != 0)
            CHECK(caught == 1024 && text == "0.750000", "caught %ld, %s", caught, text.c_str());
        else
            CHECK(caught == 0 && result.a == 1 && result.b == 8 && result.c == 0, "%ld", result.b);
        if (number == 0 && options.capture_errno) CHECK(error_number == 42, "%d", error_number);
    }
}

void every_kind_of_binding(ferry_engine *engine, ferry_policy policy) {
    for (int kind = 0; kind < 8; kind++) {
        ferry_binding_options options = {};
        options.convention = kind & 1 ? FERRY_POINTERS : FERRY_SLOTS;
        options.bound = (kind & 2) != 0;
        options.capture_errno = (kind & 4) != 0;
        ferry_binding *first = bind(engine, "iid", erase(few), options);
        ferry_binding *second = bind(engine, "sldsillldl", erase(many), options);
        CHECK((ferry_binding_path(first) == FERRY_PATH_LIBFFI) == (policy == FERRY_NEVER), "%s",
              ferry_binding_reason(first));
        try_few(first, options);
        try_many(second, options);
        ferry_binding_free(first);
        ferry_binding_free(second);
    }
}

std::string letters_of(unsigned number) {
    std::string letters = "v";
    for (; number > 1; number /= 2) letters += number & 1 ? 'd' : 'l';
    return letters;
}

void other(void) {}

/* Threads throw while new code is being made, bound code comes and goes: at no moment is the way back unknown. */
void throwing_while_code_is_made(ferry_engine *engine) {
    ferry_binding_options options = {};
    ferry_binding *binding = bind(engine, "iid", erase(few), options);
    std::atomic<bool> stop{false};
    std::atomic<long> throws{0};
    auto thrower = [&] {
        while (!stop) {
            try_few(binding, options);
            throws++;
        }
    };
    std::thread one(thrower), two(thrower);
    ferry_binding_options bound = {};
    bound.bound = true;
    while (throws < 2) std::this_thread::yield();
    for (unsigned number = 2; number < 200; number++) {
        ferry_binding *made = bind(engine, letters_of(number), erase(other), options);
        ferry_binding *own = bind(engine, letters_of(number % 8), erase(other), bound);
        ferry_binding_free(own);
        ferry_binding_free(made);
    }
    stop = true;
    one.join();
    two.join();
    ferry_binding_free(binding);
}

void throwing_in_a_child(ferry_engine *engine) {
    ferry_binding_options options = {};
    ferry_binding *binding = bind(engine, "iid", erase(few), options);
    pid_t child = fork();
    if (child == 0) {
        ferry_binding *own = bind(engine, "iidl", erase(few), options);
        try_few(binding, options);
        try_few(own, options);
        std::_Exit(0);
    }
    int status = -1;
    CHECK(waitpid(child, &status, 0) == child && status == 0, "status %x", static_cast<unsigned>(status));
    ferry_binding_free(binding);
}

/* Exceptions that have nothing to do with ferry still find their way once it is gone. */
void throwing_afterwards() {
    bool caught = false;
    try {
        throw std::runtime_error("plain");
    } catch (const std::exception &exception) {
        caught = std::strcmp(exception.what(), "plain") == 0;
    }
    CHECK(caught, "it is lost");
}

} // namespace

int main() {
    for (ferry_policy policy : {FERRY_NOW, FERRY_NEVER}) {
        ferry_engine *engine = open_engine(policy);
        every_kind_of_binding(engine, policy);
        throwing_while_code_is_made(engine);
        throwing_in_a_child(engine);
        every_kind_of_binding(engine, policy);
        close_engine(engine);
        throwing_afterwards();
    }
    std::puts("exceptions pass");
}
