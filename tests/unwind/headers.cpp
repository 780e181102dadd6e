/* Every public header is C++17, without a warning, alone and with the others. */
#include "ferry/binding.h"
#include "ferry/binding.h" /* twice is as good as once */
#include "ferry/declare.h"
#include "ferry/engine.h"
#include "ferry/error.h"
#include "ferry/ferry.h"
#include "ferry/target.h"
#include "ferry/type.h"

#include <cstdio>
#include <cstring>

int main() {
    ferry_engine_options options = {};
    options.policy = FERRY_NOW;
    options.without = FERRY_SOURCE_ALL;
    options.policy = FERRY_NEVER;
    ferry_error error = {};
    ferry_engine *engine = ferry_engine_create(&options, &error);
    if (engine == nullptr || std::strcmp(ferry_version(), FERRY_VERSION) != 0) {
        std::fprintf(stderr, "%s\n", error.message);
        return 1;
    }
    return ferry_engine_free(engine, &error) == FERRY_OK ? 0 : 1;
}
