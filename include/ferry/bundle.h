/* ferry/bundle.h: code that was made ahead of time.
 *
 * `ferry aot` makes the trampolines and stubs of many signatures, once, and writes them as
 *
 *   an object   NAME.o and NAME.h, to be linked into the program: ferry_engine_add_linked(engine, &NAME, &error)
 *   a bundle    NAME.so, a shared object: ferry_engine_add_bundle(engine, "NAME.so", &error), or the environment's
 *               FERRY_BUNDLES=NAME.so:OTHER.so, for programs that know nothing of it
 *
 * From then on what the engine binds finds its code there, before the cache is asked or anything is compiled. What is
 * made for another target than the engine's, for processor features that are not here, by a version that does not fit,
 * or has been damaged, is refused with the reason; the engine works on without it.
 *
 * Code in a bundle is made for shapes, not for functions: a bundle for one program's declarations serves any other
 * whose signatures travel in the same way.
 */
#ifndef FERRY_BUNDLE_H
#define FERRY_BUNDLE_H

#include "ferry/engine.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Code that is linked into the program. Made by `ferry aot`, which declares it in the header that it writes. */
typedef struct ferry_bundle ferry_bundle;

/* Gives the engine the code of a shared object. The file is loaded with dlopen and stays loaded as long as the process.
 * Bindings and closures that exist already, and go by libffi, find their code too. Adding a file twice is allowed and
 * does nothing. Any thread. path: as for dlopen, but never searched for: a name without a slash is one in the current
 * folder. FERRY_SYSTEM: it cannot be read; FERRY_UNFIT: it is no bundle, was damaged, does not fit, or it, or a
 * folder that it lies in, belongs to others than the user and root or may be written by others (but for folders like
 * /tmp, where nobody may replace another's files). */
FERRY_API ferry_code ferry_engine_add_bundle(ferry_engine *engine, const char *path, ferry_error *error);

/* The same with code that is linked into the program; it must stay there as long as the process. FERRY_UNFIT as above.
 */
FERRY_API ferry_code ferry_engine_add_linked(ferry_engine *engine, const ferry_bundle *bundle, ferry_error *error);

#ifdef __cplusplus
}
#endif
#endif
