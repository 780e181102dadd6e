/* A JSON writer: two spaces a level, one member a line. */
#include <inttypes.h>

#include "cli/cli.h"

static void write_string(FILE *out, const char *string) {
    fputc('"', out);
    for (const unsigned char *c = (const unsigned char *)string; *c != '\0'; c++) {
        if (*c == '"' || *c == '\\')
            fprintf(out, "\\%c", *c);
        else if (*c < 0x20)
            fprintf(out, "\\u%04x", *c);
        else
            fputc(*c, out);
    }
    fputc('"', out);
}

static void indent(const Json *json) {
    fputc('\n', json->out);
    for (unsigned i = 0; i < json->depth; i++) fputs("  ", json->out);
}

static void begin(Json *json, const char *name) {
    if (json->depth > 0) {
        if (!json->empty) fputc(',', json->out);
        indent(json);
    }
    if (name != NULL) {
        write_string(json->out, name);
        fputs(": ", json->out);
    }
    json->empty = false;
}

void json_open(Json *json, const char *name, char bracket) {
    begin(json, name);
    fputc(bracket, json->out);
    json->depth++;
    json->empty = true;
}

void json_close(Json *json, char bracket) {
    json->depth--;
    if (!json->empty) indent(json);
    fputc(bracket, json->out);
    json->empty = false;
    if (json->depth == 0) fputc('\n', json->out);
}

void json_string(Json *json, const char *name, const char *string) {
    begin(json, name);
    if (string != NULL)
        write_string(json->out, string);
    else
        fputs("null", json->out);
}

void json_number(Json *json, const char *name, uint64_t number) {
    begin(json, name);
    fprintf(json->out, "%" PRIu64, number);
}

void json_signed(Json *json, const char *name, int64_t number) {
    begin(json, name);
    fprintf(json->out, "%" PRId64, number);
}

void json_bool(Json *json, const char *name, bool value) {
    begin(json, name);
    fputs(value ? "true" : "false", json->out);
}
