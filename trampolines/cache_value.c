/* trampolines/cache_value.c: one value of the cache. What is read is whatever lay on the disk. */
#include <string.h>

#include "trampolines/cache_parts.h"

#define VALUE_MAGIC  "ferry\0v" /* with its zero */
#define VALUE_FORMAT 1
#define CHECKED_FROM offsetof(ValueHead, made)

/* Where each part begins, and where the last one ends. */
typedef struct Parts {
    size_t code, unwind, shape, maker, name, end;
} Parts;

/* Numbers are 32 bits each: no sum of six of them overflows. */
static Parts lay_out(const ValueHead *head) {
    Parts parts = {.code = sizeof *head};
    parts.unwind = (size_t)round_up(parts.code + head->code_size, 8);
    parts.shape = parts.unwind + head->unwind_size;
    parts.maker = parts.shape + head->shape_size;
    parts.name = parts.maker + head->maker_size + 1;
    parts.end = parts.name + head->name_size + 1;
    return parts;
}

static const char *name_of(const CacheItem *item) {
    return item->blob.name == NULL ? "" : item->blob.name;
}

static bool describe(const CacheItem *item, ValueHead *head) {
    size_t maker = strlen(item->key.maker), name = strlen(name_of(item)), most = CACHE_VALUE_LIMIT;
    const Blob *blob = &item->blob;
    if (blob->code_size > most || blob->unwind_size > most || item->key.shape_size > most || maker > most ||
        name > most || blob->unwind_fixup > most)
        return false;
    *head = (ValueHead){.magic = VALUE_MAGIC,
                        .format = VALUE_FORMAT,
                        .code_size = (uint32_t)blob->code_size,
                        .unwind_size = (uint32_t)blob->unwind_size,
                        .unwind_fixup = (uint32_t)blob->unwind_fixup,
                        .shape_size = (uint32_t)item->key.shape_size,
                        .maker_size = (uint32_t)maker,
                        .name_size = (uint32_t)name};
    head->size = (uint32_t)lay_out(head).end;
    return head->size <= CACHE_VALUE_LIMIT;
}

size_t value_size(const CacheItem *item) {
    ValueHead head;
    return describe(item, &head) ? head.size : 0;
}

static void copy(uint8_t *to, const void *from, size_t size) {
    if (size != 0) memcpy(to, from, size);
}

static void sum_up(uint8_t *bytes, ValueHead *head) {
    memcpy(bytes, head, sizeof *head);
    head->checksum = checksum_of(0, bytes + CHECKED_FROM, head->size - CHECKED_FROM);
    memcpy(bytes, head, sizeof *head);
}

void value_encode(const CacheItem *item, int64_t now, uint8_t *bytes) {
    ValueHead head;
    if (!describe(item, &head)) return;
    head.made = head.used = now;
    Parts parts = lay_out(&head);
    memset(bytes, 0, head.size);
    copy(bytes + parts.code, item->blob.code, head.code_size);
    copy(bytes + parts.unwind, item->blob.unwind, head.unwind_size);
    copy(bytes + parts.shape, item->key.shape, head.shape_size);
    copy(bytes + parts.maker, item->key.maker, head.maker_size);
    copy(bytes + parts.name, name_of(item), head.name_size);
    sum_up(bytes, &head);
}

bool value_is_marked(const uint8_t *bytes, size_t size) {
    return size >= sizeof(ValueHead) && memcmp(bytes, VALUE_MAGIC, 8) == 0;
}

const char *value_decode(const uint8_t *bytes, size_t size, Value *value) {
    if (!value_is_marked(bytes, size)) return "it is not ferry's";
    ValueHead head;
    memcpy(&head, bytes, sizeof head);
    if (head.format != VALUE_FORMAT) return "its format is that of another version";
    if (head.size != size || size > CACHE_VALUE_LIMIT) return "its size is wrong";
    if (checksum_of(0, bytes + CHECKED_FROM, size - CHECKED_FROM) != head.checksum) return "its checksum is wrong";
    Parts parts = lay_out(&head);
    if (parts.end != size || head.unwind_fixup > head.unwind_size) return "its parts do not fit in it";
    if (bytes[parts.name - 1] != 0 || bytes[parts.end - 1] != 0) return "its texts do not end";
    *value = (Value){.head = head,
                     .blob = {.code = bytes + parts.code,
                              .code_size = head.code_size,
                              .unwind = bytes + parts.unwind,
                              .unwind_size = head.unwind_size,
                              .unwind_fixup = head.unwind_fixup,
                              .name = (const char *)bytes + parts.name},
                     .shape = bytes + parts.shape,
                     .maker = (const char *)bytes + parts.maker};
    return NULL;
}

bool value_is_of(const Value *value, const CacheKey *key) {
    return value->head.shape_size == key->shape_size && value->head.maker_size == strlen(key->maker) &&
           memcmp(value->maker, key->maker, value->head.maker_size) == 0 &&
           (key->shape_size == 0 || memcmp(value->shape, key->shape, key->shape_size) == 0);
}

/* A time that is yet to come was written when a clock was wrong. */
bool value_is_stale(const ValueHead *head, int64_t now) {
    return head->used < now - CACHE_DAY || head->used > now + CACHE_DAY;
}

void value_renew(uint8_t *bytes, size_t size, int64_t now) {
    ValueHead head;
    if (size < sizeof head) return;
    memcpy(&head, bytes, sizeof head);
    head.used = now;
    sum_up(bytes, &head);
}
