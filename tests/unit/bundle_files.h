/* bundle_files.h: bundle files, made with the system's compiler from assembler text, for the machine that the tests run
 * on. */
#ifndef FERRY_TESTS_BUNDLE_FILES_H
#define FERRY_TESTS_BUNDLE_FILES_H

#include "bundle_ground.h"

enum { COUNT = 3 };

/* Of the test's own, below /tmp; the working folder. */
extern char bundle_folder[64];
void enter_bundle_folder(void);
void leave_bundle_folder(void);

/* A shell command that must succeed. */
__attribute__((format(printf, 1, 2))) void run(const char *format, ...);

/* How a file differs from a good one. */
typedef struct Plan {
    size_t number;        /* of codes; 0: COUNT */
    const char *section;  /* of the table; NULL: .rodata */
    const char *code;     /* its section; NULL: .text, where there is a byte in any case */
    const char *symbol;   /* NULL: the right one */
    const char *distance; /* of code 1, as an expression; NULL: the right one */
    const char *options;  /* of cc; NULL: "-shared" */
    bool broken_table;    /* its checksum is wrong */
    bool broken_code;     /* its last byte is another one */
} Plan;

/* The shared object without its trailer, and with it. made is what is in it. */
void make_unsealed(const char *path, const Plan *plan, Made *made);
void make_file(const char *path, const Plan *plan, Made *made);
void write_assembler(const Made *made, const Plan *plan); /* into bundle.s */

/* There is room for a trailer behind the bytes. */
uint8_t *read_all(const char *path, size_t *size);

/* A new file of that name, as a linker makes it: what was there stays as it was for those who have it open. */
void write_all(const char *path, const uint8_t *bytes, size_t size);

/* The file of those bytes and a trailer, for which there is room behind them. */
void seal(const char *path, uint8_t *bytes, size_t size);

Bundle loaded(const char *path);
void expect_refused(const char *path, ferry_code code, const char *reason);
bool is_loaded(const char *path);
void expect_works(const Bundle *bundle, const Made *made);

#endif
