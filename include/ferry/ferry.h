/* ferry/ferry.h: all of ferry's public interface.
 *
 *     ferry_engine *engine = ferry_engine_create(NULL, &error);
 *     const ferry_signature *signature = ferry_signature_parse(engine, "double pow(double, double)", NULL, &error);
 *     ferry_binding *binding = ferry_bind(engine, signature, (void (*)(void))pow, NULL, &error);
 *     double slots[2] = {2, 10}, result;
 *     ferry_call(binding, slots, &result);
 *     ferry_binding_free(binding);
 *     ferry_engine_free(engine, &error);
 */
#ifndef FERRY_FERRY_H
#define FERRY_FERRY_H

#include "ferry/binding.h"
#include "ferry/bundle.h"
#include "ferry/closure.h"
#include "ferry/declare.h"
#include "ferry/engine.h"
#include "ferry/error.h"
#include "ferry/interface.h"
#include "ferry/target.h"
#include "ferry/type.h"

#endif
