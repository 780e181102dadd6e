/* Made by ferry aot 0.1.0 for x86_64-sysv: the code of 2 shapes, to be linked with calls.o. An engine uses it after
 *
 *     ferry_engine_add_linked(engine, &calls, &error);
 */
#ifndef FERRY_AOT_calls_H
#define FERRY_AOT_calls_H

#include <ferry/bundle.h>

#ifdef __cplusplus
extern "C" {
#endif

extern const struct ferry_bundle calls;

#ifdef __cplusplus
}
#endif
#endif
