/* slow_memory.c: what the system says of a piece of memory. */
#define _GNU_SOURCE
#include "runtime/closure.h"

#include <fcntl.h>
#include <unistd.h>

/* A line of /proc/self/maps, read character by character:
 *
 *     7f10c5af1000-7f10c5af2000 rw-s 00000000 00:01 1035       /memfd:libffi (deleted)
 *     begin        end          flags
 */
typedef struct Line {
    uintptr_t number[2]; /* begin and end */
    unsigned field;      /* 0 and 1: in begin and end; 2: in the flags; then the rest */
    bool shared;
} Line;

static void read_digit(Line *line, char c) {
    unsigned digit = c >= 'a' ? (unsigned)(c - 'a' + 10) : (unsigned)(c - '0');
    line->number[line->field] = line->number[line->field] << 4 | digit;
}

static void read_character(Line *line, char c) {
    if (c == '\n')
        *line = (Line){.field = 0};
    else if ((line->field == 0 && c == '-') || (line->field < 3 && c == ' '))
        line->field++;
    else if (line->field < 2)
        read_digit(line, c);
    else if (line->field == 2 && c == 's')
        line->shared = true;
}

/* Once the line's flags are read. */
static bool describes(const Line *line, uintptr_t address) {
    return line->field == 3 && line->number[0] <= address && address < line->number[1];
}

static bool is_shared_in(int file, uintptr_t address) {
    char buffer[512];
    Line line = {.field = 0};
    ssize_t size;
    while ((size = read(file, buffer, sizeof buffer)) > 0) {
        for (ssize_t i = 0; i < size; i++) {
            read_character(&line, buffer[i]);
            if (describes(&line, address)) return line.shared;
        }
    }
    return true; /* not known: the careful answer */
}

bool memory_is_shared(const void *address) {
    int file = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
    if (file < 0) return true;
    bool shared = is_shared_in(file, (uintptr_t)address);
    close(file);
    return shared;
}
