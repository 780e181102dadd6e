/* trampolines/unwind.c: takes the unwind table of a blob apart, trusting nothing in it.
 *
 *   CIE   length 4 | 0 4 | version 1 | "zR" 0 | code alignment, data alignment, return register | 1 | 0x1b |
 * instructions FDE   length 4 | distance to the CIE 4 | first address 4, pc-relative | range 4 | 0 | instructions end
 * 0 4
 */
#include <string.h>

#include "trampolines/parts.h"

enum { POINTER_PC_RELATIVE_4 = 0x1b };

/* What is still to be read. After a read beyond the end `bad` is set and everything reads as 0. */
typedef struct Reader {
    const uint8_t *bytes;
    size_t size;
    size_t at;
    bool bad;
} Reader;

static uint32_t word(Reader *reader) {
    uint32_t value = 0;
    if (reader->bad || reader->size - reader->at < sizeof(value)) {
        reader->bad = true;
        return 0;
    }
    memcpy(&value, reader->bytes + reader->at, sizeof(value));
    reader->at += sizeof(value);
    return value;
}

static uint8_t byte(Reader *reader) {
    if (reader->bad || reader->at == reader->size) {
        reader->bad = true;
        return 0;
    }
    return reader->bytes[reader->at++];
}

/* Signed and unsigned numbers end alike; here only their ends matter. */
static void skip_leb128(Reader *reader) {
    while (byte(reader) & 0x80) {
    }
}

static ferry_code malformed(const Blob *blob, const char *what, ferry_error *error) {
    return fail(error, FERRY_INVALID, "blob '%s': its unwind table %s", blob->name ? blob->name : "", what);
}

/* Gives the record that begins at `at` a reader of its own, behind its length. */
static bool open_record(const Blob *blob, size_t at, Reader *record) {
    Reader table = {.bytes = blob->unwind, .size = blob->unwind_size, .at = at};
    uint32_t length = word(&table);
    if (table.bad || length == 0 || length > table.size - table.at) return false;
    *record = (Reader){.bytes = blob->unwind + at, .size = sizeof(length) + length, .at = sizeof(length)};
    return true;
}

static bool is_augmentation_known(Reader *cie) {
    static const unsigned char known[] = {'z', 'R', 0};
    bool same = true;
    for (size_t i = 0; i < sizeof known; i++) same = byte(cie) == known[i] && same;
    return same && !cie->bad;
}

static ferry_code parse_cie(const Blob *blob, Unwind *unwind, ferry_error *error) {
    Reader cie;
    if (!open_record(blob, 0, &cie)) return malformed(blob, "has no complete CIE", error);
    unwind->cie = cie.bytes;
    unwind->cie_size = (uint32_t)cie.size;
    if (word(&cie) != 0 || byte(&cie) != 1) return malformed(blob, "does not begin with a CIE of version 1", error);
    if (!is_augmentation_known(&cie)) return malformed(blob, "has an augmentation other than \"zR\"", error);
    unwind->code_alignment_at = (uint32_t)cie.at;
    skip_leb128(&cie);
    skip_leb128(&cie);
    byte(&cie); /* the return register */
    unwind->code_alignment_end = (uint32_t)cie.at;
    unsigned augmentation_size = byte(&cie), encoding = byte(&cie);
    if (augmentation_size != 1 || encoding != POINTER_PC_RELATIVE_4) {
        return malformed(blob, "has addresses other than pc-relative ones of 4 bytes", error);
    }
    unwind->initial_at = (uint32_t)cie.at;
    return cie.bad ? malformed(blob, "has no complete CIE", error) : FERRY_OK;
}

static ferry_code parse_fde(const Blob *blob, Unwind *unwind, ferry_error *error) {
    Reader fde;
    size_t at = unwind->cie_size;
    if (!open_record(blob, at, &fde)) return malformed(blob, "has no complete FDE", error);
    if (word(&fde) != at + 4) return malformed(blob, "has an FDE that does not belong to its CIE", error);
    if (blob->unwind_fixup != at + fde.at)
        return malformed(blob, "has its address elsewhere than the blob says", error);
    word(&fde);
    uint32_t range = word(&fde);
    if (range == 0 || range > blob->code_size) return malformed(blob, "covers other bytes than the code's", error);
    if (byte(&fde) != 0 || fde.bad) return malformed(blob, "has an FDE with an augmentation", error);
    unwind->program = fde.bytes + fde.at;
    unwind->program_size = (uint32_t)(fde.size - fde.at);
    Reader end = {.bytes = blob->unwind, .size = blob->unwind_size, .at = at + fde.size};
    if (word(&end) != 0 || end.bad || end.at != end.size) {
        return malformed(blob, "does not end after its one FDE", error);
    }
    return FERRY_OK;
}

ferry_code unwind_parse(const Blob *blob, Unwind *unwind, ferry_error *error) {
    if (blob->unwind == NULL) return malformed(blob, "is missing", error);
    if (blob->unwind_size > BLOB_SIZE_LIMIT) {
        return fail(error, FERRY_TOO_LARGE, "blob '%s': an unwind table of %zu bytes, over the limit of %d",
                    blob->name ? blob->name : "", blob->unwind_size, BLOB_SIZE_LIMIT);
    }
    *unwind = (Unwind){0};
    TRY(parse_cie(blob, unwind, error));
    return parse_fde(blob, unwind, error);
}
