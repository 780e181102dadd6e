#include "ahead_order.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const downcalls[] = {
    "void f(void)",
    "long f(long, long)",
    "double f(double, double, double)",
    "long f(long, long, long, long, long, long, long, long, long, long, long, long)",
    "int f(char, short, int, unsigned char, unsigned short, unsigned, signed char, short, int, char, short, int)",
    "double f(int, double, long, float, short, double, char, void *)",
    "int f(const char *, ..., int, double, long)",
    "struct s { double x, y; } f(struct s)",
    "struct s { long x, y, z; } f(struct s)",
    "struct s { char c[7]; } f(struct s)",
    "long f(struct { char c[5000]; })",
    "struct wide { _Alignas(64) long x[8]; } f(long)",
    "__int128 f(__int128, long)",
    "long double f(long double)",
    "_Float16 f(_Float16, __bf16)",
};

static const char *const upcalls[] = {
    "void f(void)",
    "long f(long, long)",
    "double f(double, int, float)",
    "struct s { long x[16]; } f(struct s, int)",
    "struct s { char c[7]; } f(struct s)",
    "int f(const char *, ...)",
    "_Complex long double f(_Complex long double)",
};

_Static_assert(COUNT_OF(downcalls) == ORDER_DOWNCALLS && COUNT_OF(upcalls) == ORDER_UPCALLS, "as the header says");

Order order;

void order_open_all(void) {
    workshop_open(&order.workshop, "x86_64-sysv");
    snprintf(order.folder, sizeof order.folder, "/tmp/ferry-ahead-XXXXXX");
    cr_assert_not_null(mkdtemp(order.folder));
}

void order_run(const char *format, ...) {
    char command[2000];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(command, sizeof command, format, arguments);
    va_end(arguments);
    cr_assert_eq(system(command), 0, "%s", command);
}

void order_forget_blobs(void) {
    for (size_t i = 0; i < order.blobs; i++) free(order.codes[i]);
    order.blobs = 0;
}

void order_close_all(void) {
    order_run("rm -r %s", order.folder);
    order_forget_blobs();
    workshop_close(&order.workshop);
}

static size_t add_shapes(size_t at, const char *const *declarations, size_t count, ShapeOptions options) {
    for (size_t i = 0; i < count; i++, at++) {
        options.cursor = options.direction == UPCALL && strstr(declarations[i], "...") != NULL;
        order.shapes[at] =
            workshop_shape_of(&order.workshop, workshop_place(&order.workshop, declarations[i]), &options);
        shape_name(order.shapes[at], order.texts[at], sizeof order.texts[at]);
        order.names[at] = order.texts[at];
    }
    return at;
}

void order_fill(ferry_quality quality) {
    size_t at = 0;
    for (int i = 0; i < 4; i++)
        at = add_shapes(at, downcalls, COUNT_OF(downcalls),
                        (ShapeOptions){.convention = i / 2 ? FERRY_POINTERS : FERRY_SLOTS, .capture_errno = i % 2});
    for (int i = 0; i < 4; i++)
        at = add_shapes(at, upcalls, COUNT_OF(upcalls),
                        (ShapeOptions){.direction = UPCALL,
                                       .convention = i / 2 ? FERRY_POINTERS : FERRY_SLOTS,
                                       .keep_errno = i % 2});
    at = add_shapes(at, upcalls, COUNT_OF(upcalls), (ShapeOptions){.direction = UPCALL_LATE});
    cr_assert_eq(at, SHAPES);
    for (size_t i = 0; i < sizeof order.table; i++) order.table[i] = (uint8_t)(i * 37 + 1);
    order.request = (ObjectRequest){
        .compile = {.target = order.workshop.target, .quality = quality, .shapes = order.shapes, .count = SHAPES},
        .names = order.names,
        .table_name = "the_table",
        .table = order.table,
        .table_size = sizeof order.table,
    };
}

/* ---- making it ---- */

ferry_code order_keep(void *context, size_t index, const Blob *blob, ferry_error *error) {
    Order *kept = context;
    (void)error;
    cr_assert_eq(index, kept->blobs++, "blobs arrive in order");
    cr_assert_not_null(kept->codes[index] = malloc(blob->code_size));
    memcpy(kept->codes[index], blob->code, blob->code_size);
    kept->sizes[index] = blob->code_size;
    return FERRY_OK;
}

ferry_code order_ignore(void *context, size_t index, const Blob *blob, ferry_error *error) {
    (void)context, (void)index, (void)blob, (void)error;
    return FERRY_OK;
}

ObjectFile order_make(const ObjectRequest *request, BlobSink *sink) {
    ferry_error error = {0};
    ObjectFile object = {0};
    ferry_code code = order.workshop.backend->object(order.workshop.state, request, sink, &order, &object, &error);
    cr_assert_eq(code, FERRY_OK, "%s", error.message);
    cr_assert_not_null(object.bytes);
    return object;
}

void order_store(const ObjectFile *object, const char *name) {
    char path[200];
    snprintf(path, sizeof path, "%s/%s", order.folder, name);
    FILE *file = fopen(path, "wb");
    cr_assert_not_null(file);
    cr_assert_eq(fwrite(object->bytes, 1, object->size, file), object->size);
    cr_assert_eq(fclose(file), 0);
}

/* ---- looking into ELF files ---- */

Elf elf_of(const uint8_t *bytes) {
    const Elf64_Ehdr *header = (const void *)bytes;
    cr_assert_eq(memcmp(header->e_ident, ELFMAG, SELFMAG), 0);
    return (Elf){.bytes = bytes, .header = header, .sections = (const void *)(bytes + header->e_shoff)};
}

const char *elf_section_name(const Elf *elf, const Elf64_Shdr *section) {
    return (const char *)elf->bytes + elf->sections[elf->header->e_shstrndx].sh_offset + section->sh_name;
}

const Elf64_Shdr *elf_section(const Elf *elf, const char *name) {
    for (size_t i = 0; i < elf->header->e_shnum; i++)
        if (strcmp(elf_section_name(elf, &elf->sections[i]), name) == 0) return &elf->sections[i];
    return NULL;
}

const Elf64_Sym *elf_symbol(const Elf *elf, const char *name) {
    const Elf64_Shdr *section = elf_section(elf, ".symtab");
    cr_assert_not_null(section);
    const Elf64_Sym *symbols = (const void *)(elf->bytes + section->sh_offset);
    const char *names = (const char *)elf->bytes + elf->sections[section->sh_link].sh_offset;
    for (size_t i = 0; i < section->sh_size / sizeof *symbols; i++)
        if (strcmp(names + symbols[i].st_name, name) == 0) return &symbols[i];
    return NULL;
}
