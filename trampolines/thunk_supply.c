/* trampolines/thunk_supply.c: the thunks that come with the library, for systems that refuse executable mappings.
 *
 *     .text   | thunk 0 | thunk 1 | ...      SUPPLY_BYTES each
 *     .bss    | cell 0     | cell 1     | ...      THUNK_BYTES each
 *
 *     code(cell i) = thunk_supply_code + i * SUPPLY_BYTES        THUNK_BYTES = 3 * SUPPLY_BYTES
 *
 * Cells are three times as large as thunks, so that the distance is another one for each; the linker knows them all,
 * and the loader has nothing to do. A thunk jumps by itself: what it takes in a call is what it takes anywhere else.
 * All of them are 32 KB of the library that nobody reads in, and cells 96 KB that no file holds, until they are needed.
 *
 * Profilers and debuggers find them as a function of the library, so nobody is told.
 *
 * This is process-wide state: what is lent to one engine no other one gets. They are lent in runs, so that two words
 * say which are out. A run comes back when its engine is closed; then its cells are zero again, and a call that is
 * still made of one (which is forbidden: its engine is gone) goes nowhere, or to a closure of the engine that has it
 * next. A fork's child has its own copy of the cells and of the two words, and of the engines that have borrowed. */
#include <assert.h>
#include <stdatomic.h>
#include <string.h>

#include "trampolines/parts.h"

#define SUPPLY_BYTES 16
#define RUN          16 /* thunks: a thread that has borrowed some leaves few unused */
#define RUNS         (THUNK_SUPPLY / RUN)
#define WORD         64

static_assert(THUNK_BYTES == 3 * SUPPLY_BYTES, "thunk_code divides by 3");
static_assert(THUNK_SUPPLY % RUN == 0 && RUNS == COUNT_OF(((ThunkLoan *)NULL)->runs) * WORD, "every bit is a run");

#if defined(__x86_64__) && defined(__LP64__)

#define COUNT_TEXT THUNK_TEXT(THUNK_SUPPLY)
#define CODE_TEXT  THUNK_TEXT(SUPPLY_BYTES)
#define CELL_TEXT  THUNK_TEXT(THUNK_BYTES)

/* As in thunk_machine.c, but for the distance. What lies before the first thunk is for code made by clang's
 * -fsanitize=function, which reads the 8 bytes before whatever it calls. */
__asm__(".pushsection .text.thunk_supply, \"ax\", @progbits\n"
        ".balign 64\n"
        ".skip " CODE_TEXT ", 0xcc\n"
        ".globl thunk_supply_code\n"
        ".hidden thunk_supply_code\n"
        ".type thunk_supply_code, @function\n"
        "thunk_supply_code:\n"
        ".cfi_startproc\n"
        ".set .Lcell, 0\n"
        ".rept " COUNT_TEXT "\n"
        "    endbr64\n"
        "    leaq thunk_supply_cells + .Lcell(%rip), %r10\n"
        "    jmpq *(%r10)\n"
        "    .balign " CODE_TEXT ", 0xcc\n"
        "    .set .Lcell, .Lcell + " CELL_TEXT "\n"
        ".endr\n"
        ".cfi_endproc\n"
        ".size thunk_supply_code, . - thunk_supply_code\n"
        ".popsection\n"
        ".pushsection .bss.thunk_supply, \"aw\", @nobits\n"
        ".balign 64\n"
        ".globl thunk_supply_cells\n"
        ".hidden thunk_supply_cells\n"
        ".type thunk_supply_cells, @object\n"
        "thunk_supply_cells:\n"
        ".skip " COUNT_TEXT " * " CELL_TEXT "\n"
        ".size thunk_supply_cells, . - thunk_supply_cells\n"
        ".popsection\n");

size_t thunk_supply_count(void) {
    return THUNK_SUPPLY;
}

#else

const unsigned char thunk_supply_code[1];
unsigned char thunk_supply_cells[THUNK_SUPPLY * THUNK_BYTES]; /* never touched */

size_t thunk_supply_count(void) {
    return 0;
}

#endif

static _Atomic uint64_t lent[RUNS / WORD];

static void *cells_of(size_t run) {
    return thunk_supply_cells + run * RUN * THUNK_BYTES;
}

/* The first that nobody has, from now on lent; WORD: none. Who gave it back has cleared its cells. */
static size_t lend_of(_Atomic uint64_t *word) {
    uint64_t out = atomic_load_explicit(word, memory_order_relaxed), run;
    do {
        if (~out == 0) return WORD;
        run = ~out & (out + 1);
    } while (!atomic_compare_exchange_weak_explicit(word, &out, out | run, memory_order_acquire, memory_order_relaxed));
    return (size_t)__builtin_ctzll(run);
}

bool thunk_supply_lend(ThunkLoan *loan, void **first, size_t *count) {
    if (thunk_supply_count() == 0) return false;
    for (size_t i = 0; i < COUNT_OF(lent); i++) {
        size_t run = lend_of(&lent[i]);
        if (run == WORD) continue;
        loan->runs[i] |= UINT64_C(1) << run;
        *first = cells_of(i * WORD + run);
        *count = RUN;
        return true;
    }
    return false;
}

void thunk_supply_return(ThunkLoan *loan) {
    for (size_t i = 0; i < COUNT_OF(lent); i++) {
        for (uint64_t left = loan->runs[i]; left != 0; left &= left - 1) {
            memset(cells_of(i * WORD + (size_t)__builtin_ctzll(left)), 0, RUN * THUNK_BYTES);
        }
        atomic_fetch_and_explicit(&lent[i], ~loan->runs[i], memory_order_release);
    }
    *loan = (ThunkLoan){0};
}

size_t thunk_supply_bytes(const ThunkLoan *loan) {
    size_t runs = 0;
    for (size_t i = 0; i < COUNT_OF(loan->runs); i++) runs += (size_t)__builtin_popcountll(loan->runs[i]);
    return runs * RUN * THUNK_BYTES;
}
