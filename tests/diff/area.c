/* tests/diff/area.c: values between canaries and guard pages.
 *
 * Every array and every value ends right before a page that may not be touched, and garbage lies in front of it:
 *
 *     area    ... garbage | value |  guard page
 *
 * so that reading or writing one byte too many is a crash or a changed canary.
 */
#include <string.h>
#include <sys/mman.h>

#include "diff.h"

#define PAGE 4096u

Place places[AREAS];

uint8_t *area_end(size_t area) {
    static uint8_t *areas;
    if (areas == NULL) {
        areas = mmap(NULL, AREAS * (AREA_BYTES + PAGE), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (areas == MAP_FAILED) return areas = NULL;
        for (size_t i = 0; i < AREAS; i++) mprotect(areas + i * (AREA_BYTES + PAGE) + AREA_BYTES, PAGE, PROT_NONE);
    }
    return areas + area * (AREA_BYTES + PAGE) + AREA_BYTES;
}

Place *place_open(size_t area, size_t size, Random *random) {
    Place *place = &places[area];
    place->bytes = area_end(area) - size;
    place->size = size;
    random_fill(random, place->bytes - CANARY, CANARY + size);
    return place;
}

void place_note(Place *place) {
    memcpy(place->copy, place->bytes - CANARY, CANARY + place->size);
}

bool place_unchanged(const Place *place, size_t from) {
    return memcmp(place->bytes - CANARY, place->copy, CANARY) == 0 &&
           memcmp(place->bytes + from, place->copy + CANARY + from, place->size - from) == 0;
}

size_t rounded(size_t value, size_t to) {
    return (value + to - 1) / to * to;
}

size_t size_of(ferry_engine *engine, const ferry_type *type, size_t *alignment) {
    ferry_extent extent = {0, 1};
    ferry_error error;
    if (ferry_type_kind(type) != FERRY_VOID) (void)ferry_type_measure(engine, type, &extent, &error);
    if (alignment != NULL) *alignment = (size_t)extent.alignment;
    return (size_t)extent.size;
}
