/* trampolines/debugger.c: GDB's JIT interface (GDB manual, "JIT Compilation Interface"; LLDB knows it too).
 *
 * The debugger sets a breakpoint on one function and reads one list, both known by name, so they are process-wide. Each
 * entry is an object file in memory that says where the code lies, what it is called and how to unwind it:
 *
 *   ELF header | section headers | symbols | strings | .debug_frame: CIE, FDE
 *
 * .debug_frame rather than .eh_frame, because it has no address of its own that might overlap other code.
 */
#include <elf.h>
#include <string.h>

#include "trampolines/parts.h"

/* These three are GDB's names, values and layouts. */
enum { JIT_NOACTION, JIT_REGISTER, JIT_UNREGISTER };

struct jit_code_entry {
    struct jit_code_entry *next_entry;
    struct jit_code_entry *prev_entry;
    const char *symfile_addr;
    uint64_t symfile_size;
};

struct jit_descriptor {
    uint32_t version;
    uint32_t action_flag;
    struct jit_code_entry *relevant_entry;
    struct jit_code_entry *first_entry;
};

/* Protected: visible to debuggers in a stripped library, but never merged with those of another JIT compiler in the
 * process, whose lock is not ours. Weak: a program may be linked with two such compilers. */
#define DEBUGGER_SYMBOL __attribute__((visibility("protected"), weak, used))

DEBUGGER_SYMBOL struct jit_descriptor __jit_debug_descriptor = {.version = 1};
DEBUGGER_SYMBOL void __jit_debug_register_code(void);

/* Empty, and called all the same. */
__attribute__((noinline)) void __jit_debug_register_code(void) {
    __asm__ volatile("" ::: "memory");
}

/* The header of the program or library that this is part of: it says what machine this is. */
extern const Elf64_Ehdr __ehdr_start __attribute__((visibility("hidden")));

enum { SECTION_NONE, SECTION_TEXT, SECTION_FRAME, SECTION_SYMBOLS, SECTION_STRINGS, SECTION_COUNT };
enum { NAME_TEXT = 1, NAME_FRAME = 7, NAME_SYMBOLS = 20, NAME_STRINGS = 28, NAME_CODE = 36 };
static const char section_names[NAME_CODE] = "\0.text\0.debug_frame\0.symtab\0.strtab";

typedef struct Image {
    Elf64_Ehdr header;
    Elf64_Shdr sections[SECTION_COUNT];
    Elf64_Sym symbols[2];
} Image;

struct DebuggerEntry {
    struct jit_code_entry entry;
    bool listed;
    size_t bytes;       /* of this struct */
    size_t location_at; /* in the image: the FDE's first address */
    Image image;
    uint8_t rest[]; /* .debug_frame, then the strings */
};

/* In .debug_frame:
 *   CIE   length 4 | -1 4 | version 1 | "" | alignments, return register | instructions | padding
 *   FDE   length 4 | where the CIE is 4 | first address 8 | range 8 | instructions | padding */
enum { CIE_FIXED = 10, FDE_FIXED = 24 };

typedef struct Sizes {
    size_t numbers; /* alignments and return register */
    size_t initial;
    size_t cie;
    size_t fde;
    size_t name;
} Sizes;

static Sizes measure(const Blob *blob, const Unwind *unwind) {
    Sizes sizes = {.numbers = unwind->code_alignment_end - unwind->code_alignment_at,
                   .initial = unwind->cie_size - unwind->initial_at,
                   .name = (blob->name != NULL ? strlen(blob->name) : 0) + 1};
    sizes.cie = round_up(CIE_FIXED + sizes.numbers + sizes.initial, 8);
    sizes.fde = round_up(FDE_FIXED + unwind->program_size, 8);
    return sizes;
}

static void put(uint8_t *at, uint64_t value, size_t size) {
    if (size == 4)
        memcpy(at, &(uint32_t){(uint32_t)value}, 4);
    else
        memcpy(at, &value, 8);
}

static void write_frame(uint8_t *at, const Sizes *sizes, const Blob *blob, const Unwind *unwind) {
    put(at, sizes->cie - 4, 4);
    put(at + 4, UINT32_MAX, 4);
    at[8] = 1;
    memcpy(at + CIE_FIXED, unwind->cie + unwind->code_alignment_at, sizes->numbers);
    memcpy(at + CIE_FIXED + sizes->numbers, unwind->cie + unwind->initial_at, sizes->initial);
    at += sizes->cie;
    put(at, sizes->fde - 4, 4);
    put(at + 16, blob->code_size, 8);
    memcpy(at + FDE_FIXED, unwind->program, unwind->program_size);
}

static void write_header(Elf64_Ehdr *header) {
    memcpy(header->e_ident, __ehdr_start.e_ident, EI_NIDENT);
    header->e_machine = __ehdr_start.e_machine;
    header->e_flags = __ehdr_start.e_flags;
    header->e_type = ET_REL;
    header->e_version = EV_CURRENT;
    header->e_ehsize = sizeof(Elf64_Ehdr);
    header->e_shoff = offsetof(Image, sections);
    header->e_shentsize = sizeof(Elf64_Shdr);
    header->e_shnum = SECTION_COUNT;
    header->e_shstrndx = SECTION_STRINGS;
}

static void write_sections(Image *image, const Sizes *sizes, size_t code_size) {
    size_t frame = sizes->cie + sizes->fde;
    image->sections[SECTION_TEXT] = (Elf64_Shdr){.sh_name = NAME_TEXT,
                                                 .sh_type = SHT_NOBITS,
                                                 .sh_flags = SHF_ALLOC | SHF_EXECINSTR,
                                                 .sh_size = code_size,
                                                 .sh_addralign = 16};
    image->sections[SECTION_FRAME] = (Elf64_Shdr){.sh_name = NAME_FRAME,
                                                  .sh_type = SHT_PROGBITS,
                                                  .sh_offset = sizeof(Image),
                                                  .sh_size = frame,
                                                  .sh_addralign = 8};
    image->sections[SECTION_SYMBOLS] = (Elf64_Shdr){.sh_name = NAME_SYMBOLS,
                                                    .sh_type = SHT_SYMTAB,
                                                    .sh_offset = offsetof(Image, symbols),
                                                    .sh_size = sizeof(image->symbols),
                                                    .sh_link = SECTION_STRINGS,
                                                    .sh_info = 1, /* the first that is not local */
                                                    .sh_addralign = 8,
                                                    .sh_entsize = sizeof(Elf64_Sym)};
    image->sections[SECTION_STRINGS] = (Elf64_Shdr){.sh_name = NAME_STRINGS,
                                                    .sh_type = SHT_STRTAB,
                                                    .sh_offset = sizeof(Image) + frame,
                                                    .sh_size = NAME_CODE + sizes->name,
                                                    .sh_addralign = 1};
    image->symbols[1] = (Elf64_Sym){.st_name = NAME_CODE,
                                    .st_info = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC),
                                    .st_shndx = SECTION_TEXT,
                                    .st_size = code_size};
}

DebuggerEntry *debugger_new(const ferry_allocator *allocator, const Blob *blob, const Unwind *unwind) {
    Sizes sizes = measure(blob, unwind);
    size_t rest = sizes.cie + sizes.fde + NAME_CODE + sizes.name;
    size_t bytes = sizeof(DebuggerEntry) + rest;
    DebuggerEntry *made = memory_new(allocator, bytes);
    if (made == NULL) return NULL;
    made->bytes = bytes;
    made->location_at = sizes.cie + 8;
    made->entry.symfile_addr = (const char *)&made->image;
    made->entry.symfile_size = sizeof(Image) + rest;
    write_header(&made->image.header);
    write_sections(&made->image, &sizes, blob->code_size);
    write_frame(made->rest, &sizes, blob, unwind);
    uint8_t *strings = made->rest + sizes.cie + sizes.fde;
    memcpy(strings, section_names, NAME_CODE);
    if (blob->name != NULL) memcpy(strings + NAME_CODE, blob->name, sizes.name);
    return made;
}

static void announce(struct jit_code_entry *entry, uint32_t action) {
    __jit_debug_descriptor.relevant_entry = entry;
    __jit_debug_descriptor.action_flag = action;
    __jit_debug_register_code();
    __jit_debug_descriptor.relevant_entry = NULL;
    __jit_debug_descriptor.action_flag = JIT_NOACTION;
}

void debugger_register(DebuggerEntry *entry, const void *code) {
    struct jit_code_entry *new_one = &entry->entry;
    entry->image.sections[SECTION_TEXT].sh_addr = (uintptr_t)code;
    put(entry->rest + entry->location_at, (uintptr_t)code, 8);
    pthread_mutex_lock(&process_debugger_mutex);
    new_one->next_entry = __jit_debug_descriptor.first_entry;
    if (new_one->next_entry != NULL) new_one->next_entry->prev_entry = new_one;
    __jit_debug_descriptor.first_entry = new_one;
    entry->listed = true;
    announce(new_one, JIT_REGISTER);
    pthread_mutex_unlock(&process_debugger_mutex);
}

static void unregister(struct jit_code_entry *old) {
    pthread_mutex_lock(&process_debugger_mutex);
    if (old->next_entry != NULL) old->next_entry->prev_entry = old->prev_entry;
    if (old->prev_entry != NULL)
        old->prev_entry->next_entry = old->next_entry;
    else
        __jit_debug_descriptor.first_entry = old->next_entry;
    announce(old, JIT_UNREGISTER);
    pthread_mutex_unlock(&process_debugger_mutex);
}

void debugger_free(const ferry_allocator *allocator, DebuggerEntry *entry) {
    if (entry == NULL) return;
    if (entry->listed) unregister(&entry->entry);
    memory_release(allocator, entry, entry->bytes);
}
