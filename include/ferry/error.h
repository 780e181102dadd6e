/* ferry/error.h: how ferry says no.
 *
 * Every function that can fail either returns a ferry_code (FERRY_OK is 0) or returns NULL, and fills the ferry_error
 * that the caller owns. The message names the culprit: the parameter, the type, the register, the rule. A function that
 * failed has changed nothing. The library never prints, exits or aborts.
 */
#ifndef FERRY_ERROR_H
#define FERRY_ERROR_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Marks what the shared library exports. */
#define FERRY_API __attribute__((visibility("default")))

/* One line per kind of failure: name, and a short text that ferry_code_text returns. */
#define FERRY_CODES(X)                                                                                                 \
    X(OK, "no error")                                                                                                  \
    X(INVALID, "invalid argument")                                                                                     \
    X(OUT_OF_MEMORY, "out of memory")                                                                                  \
    X(SYNTAX, "syntax error in a declaration")                                                                         \
    X(UNKNOWN_NAME, "unknown name")                                                                                    \
    X(TOO_LARGE, "beyond a limit of the target or of ferry")                                                           \
    X(INCOMPLETE, "incomplete type where a complete one is needed")                                                    \
    X(UNSUPPORTED, "not supported on this target or path")                                                             \
    X(FOREIGN, "object of another engine")                                                                             \
    X(IN_USE, "still in use")                                                                                          \
    X(STALE, "object that has ended")                                                                                  \
    X(NO_CODE, "machine code cannot be made here")                                                                     \
    X(BACKEND, "the LLVM module failed")                                                                               \
    X(SYSTEM, "a system call failed")                                                                                  \
    X(UNFIT, "broken, or made for something else")                                                                     \
    X(TIMEOUT, "not done in time")

typedef enum ferry_code {
#define FERRY_CODE(name, text) FERRY_##name,
    FERRY_CODES(FERRY_CODE)
#undef FERRY_CODE
} ferry_code;

/* Filled on failure; untouched on success. Caller-owned, no clean-up. line and column count from 1 and are 0 unless
 * code is FERRY_SYNTAX or the failure has a place in a text; excerpt then holds that line of the text, a newline, and
 * a caret under the column. */
typedef struct ferry_error {
    ferry_code code;
    uint32_t line;
    uint32_t column;
    char message[376];
    char excerpt[256];
} ferry_error;

/* A short English text for code, static storage; "unknown code" for a value that is none. Any thread. */
FERRY_API const char *ferry_code_text(ferry_code code);

#ifdef __cplusplus
}
#endif
#endif
