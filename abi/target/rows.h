/* abi/target/rows.h: every row, under the name of the file that owns it; table.c lists them. */
#ifndef FERRY_ABI_TARGET_ROWS_H
#define FERRY_ABI_TARGET_ROWS_H

#include "abi/place.h"

/* x86_64_sysv.c */
extern const Target target_x86_64_sysv;
extern const Target target_x86_64_sysv_avx;
extern const Target target_x86_64_sysv_avx512;

#endif
