/* A layout as C with numbers beside it, in the manner of pahole. */
#include <string.h>

#include "cli/model.h"

/* One line of the drawing: C at the left, numbers in a comment at the right. */
typedef struct Line {
    const char *code;
    const char *offset; /* NULL: no numbers */
    const char *size;
    bool is_gap;
} Line;

typedef struct Page {
    Invocation *invocation;
    Model *model;
    Heap *heap;
    Line *lines;
    size_t count, capacity;
    int *status;
} Page;

static void add_line(Page *page, unsigned depth, Line line) {
    if (page->count == page->capacity) {
        size_t capacity = page->capacity == 0 ? 32 : 2 * page->capacity;
        Line *lines = heap_new(page->heap, capacity * sizeof *lines);
        if (page->count > 0) memcpy(lines, page->lines, page->count * sizeof *lines);
        page->lines = lines;
        page->capacity = capacity;
    }
    line.code = heap_format(page->heap, "%*s%s", (int)(4 * depth), "", line.code);
    page->lines[page->count++] = line;
}

/* "3 bytes", "5 bits", "1 byte 3 bits" */
static const char *amount(Heap *heap, uint64_t bits) {
    unsigned long long bytes = bits / 8, rest = bits % 8;
    const char *byte_word = bytes == 1 ? "byte" : "bytes", *bit_word = rest == 1 ? "bit" : "bits";
    if (rest == 0) return heap_format(heap, "%llu %s", bytes, byte_word);
    if (bytes == 0) return heap_format(heap, "%llu %s", rest, bit_word);
    return heap_format(heap, "%llu %s %llu %s", bytes, byte_word, rest, bit_word);
}

static const char *number(Heap *heap, uint64_t value) {
    return heap_format(heap, "%llu", (unsigned long long)value);
}

static const Type *element_type(const Type *type) {
    type = type_strip(type);
    while (type->kind == FERRY_ARRAY) type = type_strip(type->base);
    return type;
}

static bool is_record(const Type *type) {
    return type->kind == FERRY_STRUCT || type->kind == FERRY_UNION;
}

static const char *record_word(const Type *type) {
    return type->kind == FERRY_STRUCT ? "struct" : "union";
}

/* Records without a tag are shown where they stand; the others are a page of their own. */
static bool is_inline(const Member *member) {
    const Type *type = element_type(member->type);
    return !member->is_bitfield && is_record(type) && type->name == NULL;
}

static const char *bounds(Heap *heap, const Type *type) {
    const char *text = "";
    for (type = type_strip(type); type->kind == FERRY_ARRAY; type = type_strip(type->base)) {
        const char *bound = type->count == FERRY_FLEXIBLE ? "" : number(heap, type->count);
        text = heap_format(heap, "%s[%s]", text, bound);
    }
    return text;
}

static const char *member_code(Page *page, const Member *member) {
    const char *name = member->name != NULL ? member->name : "";
    size_t size = type_spell(member->type, name, NULL, 0) + 1;
    char *text = heap_new(page->heap, size);
    type_spell(member->type, name, text, size);
    if (!member->is_bitfield) return heap_format(page->heap, "%s;", text);
    return heap_format(page->heap, "%s%s: %u;", text, text[strlen(text) - 1] == ' ' ? "" : " ", member->bits);
}

static bool add_members(Page *page, const Layout *layout, uint64_t base, unsigned depth);

static bool add_inline(Page *page, const Member *member, uint64_t offset, uint64_t bits, unsigned depth) {
    const Type *type = element_type(member->type);
    const Layout *layout;
    ferry_error error = {0};
    if (layout_of(&page->model->layouts, type, &layout, &error) != FERRY_OK) {
        *page->status = complain_error(&error);
        return false;
    }
    add_line(page, depth, (Line){.code = heap_format(page->heap, "%s {", record_word(type))});
    if (!add_members(page, layout, offset, depth + 1)) return false;
    bool is_named = member->name != NULL && member->name[0] != '\0';
    const char *code = heap_format(page->heap, "}%s%s%s;", is_named ? " " : "", is_named ? member->name : "",
                                   bounds(page->heap, member->type));
    add_line(page, depth, (Line){code, number(page->heap, offset / 8), number(page->heap, bits / 8), false});
    return true;
}

static bool add_member(Page *page, const Layout *layout, size_t index, uint64_t base, unsigned depth) {
    const Member *member = &type_strip(layout->type)->members[index];
    uint64_t bits, offset = base + layout->member_offsets[index];
    if (!member_extent(page->model, layout, index, &bits, page->status)) return false;
    if (is_inline(member)) return add_inline(page, member, offset, bits, depth);
    Line line = {.code = member_code(page, member)};
    if (member->is_bitfield && bits > 0) {
        line.offset =
            heap_format(page->heap, "%llu:%llu", (unsigned long long)(offset / 8), (unsigned long long)(offset % 8));
        line.size = heap_format(page->heap, "%llu bit%s", (unsigned long long)bits, bits == 1 ? "" : "s");
    } else if (!member->is_bitfield) {
        line.offset = number(page->heap, offset / 8);
        line.size = number(page->heap, bits / 8);
    }
    add_line(page, depth, line);
    return true;
}

static void add_gap(Page *page, const Gap *gap, const char *what, unsigned depth) {
    const char *code = heap_format(page->heap, "/* %s %s */", amount(page->heap, gap->bits), what);
    add_line(page, depth, (Line){.code = code, .is_gap = true});
}

static bool add_members(Page *page, const Layout *layout, uint64_t base, unsigned depth) {
    size_t count = type_strip(layout->type)->member_count, next = 0;
    Gaps gaps;
    if (!layout_gaps(page->model, page->heap, layout, &gaps, page->status)) return false;
    for (size_t i = 0; i < count; i++) {
        if (next < gaps.holes && gaps.list[next].before == i) add_gap(page, &gaps.list[next++], "hole", depth);
        if (!add_member(page, layout, i, base, depth)) return false;
    }
    if (gaps.padding_bits > 0) add_gap(page, &gaps.list[gaps.holes], "padding", depth);
    return true;
}

static void print_lines(const Page *page) {
    const Screen *screen = &page->invocation->screen;
    size_t code = 0, offset = strlen("offset"), size = strlen("size");
    for (size_t i = 0; i < page->count; i++) {
        const Line *line = &page->lines[i];
        bool has_numbers = line->offset != NULL || i == 0;
        if (has_numbers && text_width(line->code) > code) code = text_width(line->code);
        if (line->offset == NULL) continue;
        if (strlen(line->offset) > offset) offset = strlen(line->offset);
        if (strlen(line->size) > size) size = strlen(line->size);
    }
    for (size_t i = 0; i < page->count; i++) {
        const Line *line = &page->lines[i];
        screen_print(screen, line->is_gap ? STYLE_YELLOW : STYLE_PLAIN, "%s", line->code);
        bool is_title = i == 0;
        if (line->offset != NULL || is_title) {
            int padding = (int)(code > text_width(line->code) ? code - text_width(line->code) : 0);
            screen_print(screen, STYLE_DIM, "%*s  /* %*s  %*s */", padding, "", (int)offset,
                         is_title ? "offset" : line->offset, (int)size, is_title ? "size" : line->size);
        }
        fputc('\n', screen->out);
    }
}

static const char *summary(Page *page, const Layout *layout) {
    Gaps gaps;
    if (!layout_gaps(page->model, page->heap, layout, &gaps, page->status)) return NULL;
    const char *text = heap_format(page->heap, "size %llu, alignment %llu", (unsigned long long)layout->size,
                                   (unsigned long long)layout->alignment);
    if (gaps.holes > 0)
        text = heap_format(page->heap, "%s, %zu hole%s of %s%s", text, gaps.holes, gaps.holes == 1 ? "" : "s",
                           amount(page->heap, gaps.hole_bits), gaps.holes == 1 ? "" : " together");
    if (gaps.padding_bits > 0)
        text = heap_format(page->heap, "%s, %s padding", text, amount(page->heap, gaps.padding_bits));
    return text;
}

/* alias: the typedef's name, for a record without a tag; NULL: none. */
static bool show_record(Page *page, const Layout *layout, const char *alias) {
    const Type *type = type_strip(layout->type);
    const char *tag = type->name, *separator = tag != NULL ? " " : "";
    bool is_typedef = tag == NULL && alias != NULL;
    add_line(page, 0,
             (Line){.code = heap_format(page->heap, "%s%s%s%s {", is_typedef ? "typedef " : "", record_word(type),
                                        separator, tag != NULL ? tag : "")});
    const char *facts = summary(page, layout);
    if (facts == NULL || !add_members(page, layout, 0, 1)) return false;
    print_lines(page);
    fprintf(page->invocation->screen.out, "}%s%s%s;", type->packed ? " __attribute__((packed))" : "",
            is_typedef ? " " : "", is_typedef ? alias : "");
    screen_print(&page->invocation->screen, STYLE_BOLD, "  /* %s */\n", facts);
    return true;
}

static void show_scalar(const Page *page, const Layout *layout) {
    char spelling[512];
    type_spell(layout->type, NULL, spelling, sizeof spelling);
    fprintf(page->invocation->screen.out, "%s", spelling);
    screen_print(&page->invocation->screen, STYLE_BOLD, "  /* size %llu, alignment %llu */\n",
                 (unsigned long long)layout->size, (unsigned long long)layout->alignment);
}

bool layout_print(Invocation *invocation, Model *model, const Type *type, const char *alias, int *status) {
    Page page = {.invocation = invocation, .model = model, .heap = &invocation->heap, .status = status};
    const Layout *layout;
    ferry_error error = {0};
    if (layout_of(&model->layouts, type, &layout, &error) != FERRY_OK) {
        *status = complain_error(&error);
        return false;
    }
    if (is_record(type_strip(type))) return show_record(&page, layout, alias);
    show_scalar(&page, layout);
    return true;
}
