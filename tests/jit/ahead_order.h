/* ahead_order.h: an order for an object of dozens of shapes, and what its maker and the linker made of it. */
#ifndef FERRY_TESTS_JIT_AHEAD_ORDER_H
#define FERRY_TESTS_JIT_AHEAD_ORDER_H

#include <elf.h>

#include "workshop.h"

enum { ORDER_DOWNCALLS = 15, ORDER_UPCALLS = 7 }; /* signatures */

/* Both conventions; downcalls without and with errno, upcalls with errno as it comes and kept, and late ones. */
enum { SHAPES = 4 * ORDER_DOWNCALLS + 5 * ORDER_UPCALLS };

/* `long f(long, long)`, in slots */
enum {
    DOWN_TWO_LONGS = 1,
    DOWN_TWO_LONGS_ERRNO = ORDER_DOWNCALLS + 1,
    UP_TWO_LONGS = 4 * ORDER_DOWNCALLS + 1,
    LATE_TWO_LONGS = SHAPES - ORDER_UPCALLS + 1
};

typedef struct Order {
    Workshop workshop;
    char folder[40]; /* for files; removed at the end */
    const Shape *shapes[SHAPES];
    const char *names[SHAPES];
    char texts[SHAPES][300];
    uint8_t table[64];
    ObjectRequest request;
    /* what the sink received */
    size_t blobs;
    uint8_t *codes[SHAPES];
    size_t sizes[SHAPES];
} Order;

extern Order order;

void order_open_all(void); /* the workshop and the folder */
void order_close_all(void);
void order_fill(ferry_quality quality);
void order_forget_blobs(void);
void order_run(const char *format, ...) __attribute__((format(printf, 1, 2))); /* a command, which succeeds */

BlobSink order_keep, order_ignore; /* context: the order */
ObjectFile order_make(const ObjectRequest *request, BlobSink *sink);
void order_store(const ObjectFile *object, const char *name); /* in the folder */

typedef struct Elf {
    const uint8_t *bytes;
    const Elf64_Ehdr *header;
    const Elf64_Shdr *sections;
} Elf;

Elf elf_of(const uint8_t *bytes);
const char *elf_section_name(const Elf *elf, const Elf64_Shdr *section);
const Elf64_Shdr *elf_section(const Elf *elf, const char *name); /* or NULL */
const Elf64_Sym *elf_symbol(const Elf *elf, const char *name);   /* of .symtab, or NULL */

#endif
