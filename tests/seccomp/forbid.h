/* forbid.h: no executable memory for this process any more, nor for its children.
 *
 *   "executable"   mappings that are executable, and changes and copies that make them so
 *   "memfd"        files in memory, which ferry's code would lie in
 *
 * $FERRY_TEST_FORBID does it before main. Ends the process, with status 77 where the kernel knows no such filters, and
 * with another where what was forbidden is not refused. */
#ifndef FERRY_TESTS_FORBID_H
#define FERRY_TESTS_FORBID_H

#include <stdbool.h>

void forbid(const char *what);

#endif
