/* What an ELF file says of itself, as far as --inspect asks.
 *
 * Is the code in it still what it was when its table was made? The distances behind the table are addresses as the
 * file is loaded; its program headers say where in the file these lie. */
#include <elf.h>
#include <string.h>

#include "cli/aot.h"

/* A view of a file that can be loaded: 64 bits, little-endian, as this machine reads it. */
typedef struct Image {
    const uint8_t *bytes;
    size_t size;
    Elf64_Ehdr header;
} Image;

static bool read_header(const uint8_t *bytes, size_t size, Image *image) {
    *image = (Image){.bytes = bytes, .size = size};
    if (size < sizeof image->header) return false;
    memcpy(&image->header, bytes, sizeof image->header);
    const unsigned char *ident = image->header.e_ident;
    return memcmp(ident, ELFMAG, SELFMAG) == 0 && ident[EI_CLASS] == ELFCLASS64 && ident[EI_DATA] == ELFDATA2LSB;
}

static bool open_image(const uint8_t *bytes, size_t size, Image *image) {
    if (!read_header(bytes, size, image)) return false;
    const Elf64_Ehdr *header = &image->header;
    bool loadable =
        (header->e_type == ET_DYN || header->e_type == ET_EXEC) && header->e_phentsize == sizeof(Elf64_Phdr);
    return loadable && header->e_phoff <= size &&
           (size - header->e_phoff) / sizeof(Elf64_Phdr) >= (size_t)header->e_phnum;
}

/* The part of the file that holds byte `offset`, or, with by_address, that is loaded at address `offset`. */
static bool find_part(const Image *image, uint64_t offset, bool by_address, Elf64_Phdr *part) {
    for (size_t i = 0; i < image->header.e_phnum; i++) {
        memcpy(part, image->bytes + image->header.e_phoff + i * sizeof *part, sizeof *part);
        uint64_t start = by_address ? part->p_vaddr : part->p_offset;
        if (part->p_type != PT_LOAD || part->p_offset > image->size || part->p_filesz > image->size - part->p_offset)
            continue;
        if (offset >= start && offset - start < part->p_filesz) return true;
    }
    return false;
}

static ferry_code check_entry(const Image *image, uint64_t address, const BundleEntry *entry, const char *name,
                              ferry_error *error) {
    Elf64_Phdr part;
    bool found = find_part(image, address, true, &part) && entry->code_size <= part.p_filesz - (address - part.p_vaddr);
    if (!found) return fail(error, FERRY_UNFIT, "the code of \"%.200s\" is not in the file", name);
    const uint8_t *code = image->bytes + part.p_offset + (address - part.p_vaddr);
    if (checksum_of(0, code, entry->code_size) == entry->checksum) return FERRY_OK;
    return fail(error, FERRY_UNFIT, "the code of \"%.200s\" is damaged", name);
}

static ferry_code check_entries(const Image *image, const Bundle *bundle, size_t table_at, ferry_error *error) {
    Elf64_Phdr part;
    if (!find_part(image, table_at, false, &part)) return fail(error, FERRY_UNFIT, "the table is never loaded");
    uint64_t address = part.p_vaddr + (table_at - part.p_offset);
    size_t distances = table_at + bundle->header->size, count = bundle->header->count;
    if (distances > image->size || (image->size - distances) / sizeof(int32_t) < count)
        return fail(error, FERRY_UNFIT, "the distances to the code are missing");
    for (size_t i = 0; i < count; i++) {
        int32_t distance;
        memcpy(&distance, image->bytes + distances + i * sizeof distance, sizeof distance);
        const char *name = bundle_name(bundle, i);
        TRY(check_entry(image, address + (uint64_t)(int64_t)distance, &bundle->entries[i], name, error));
    }
    return FERRY_OK;
}

ferry_code aot_check_code(const uint8_t *bytes, size_t size, const Bundle *bundle, size_t table_at, bool *known,
                          ferry_error *error) {
    Image image;
    *known = open_image(bytes, size, &image);
    return *known ? check_entries(&image, bundle, table_at, error) : FERRY_OK;
}

/* ---- sections: at the end of the file ---- */

static bool has_sections(const Image *image) {
    const Elf64_Ehdr *header = &image->header;
    return header->e_shentsize == sizeof(Elf64_Shdr) && header->e_shoff <= image->size &&
           (image->size - header->e_shoff) / sizeof(Elf64_Shdr) >= (size_t)header->e_shnum;
}

static bool read_section(const Image *image, size_t index, Elf64_Shdr *section) {
    if (index >= image->header.e_shnum) return false;
    memcpy(section, image->bytes + image->header.e_shoff + index * sizeof *section, sizeof *section);
    return section->sh_offset <= image->size && section->sh_size <= image->size - section->sh_offset;
}

static bool section_exports(const Image *image, const Elf64_Shdr *symbols, const char *name) {
    Elf64_Shdr strings;
    size_t length = strlen(name) + 1;
    if (!read_section(image, symbols->sh_link, &strings)) return false;
    for (size_t i = 0; i < symbols->sh_size / sizeof(Elf64_Sym); i++) {
        Elf64_Sym symbol;
        memcpy(&symbol, image->bytes + symbols->sh_offset + i * sizeof symbol, sizeof symbol);
        bool fits = symbol.st_shndx != SHN_UNDEF && symbol.st_name < strings.sh_size &&
                    length <= strings.sh_size - symbol.st_name;
        if (fits && memcmp(image->bytes + strings.sh_offset + symbol.st_name, name, length) == 0) return true;
    }
    return false;
}

bool aot_is_cut(const uint8_t *bytes, size_t size) {
    Image image;
    return read_header(bytes, size, &image) && image.header.e_shnum > 0 && !has_sections(&image);
}

bool aot_exports(const uint8_t *bytes, size_t size, const char *symbol) {
    Image image;
    Elf64_Shdr section;
    if (!read_header(bytes, size, &image) || !has_sections(&image)) return false;
    for (size_t i = 0; i < image.header.e_shnum; i++) {
        bool known = read_section(&image, i, &section) && section.sh_type == SHT_DYNSYM;
        if (known && section_exports(&image, &section, symbol)) return true;
    }
    return false;
}
