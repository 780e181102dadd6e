/* json.c: the results in the format of Google Benchmark, so that its compare.py and whatever else reads it can. */
#define _GNU_SOURCE
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bench/bench.h"

static void string(FILE *file, const char *text) {
    putc('"', file);
    for (; *text != 0; text++) {
        if (*text == '"' || *text == '\\') putc('\\', file);
        if ((unsigned char)*text < 0x20)
            fprintf(file, "\\u%04x", (unsigned)*text);
        else
            putc(*text, file);
    }
    putc('"', file);
}

static void member(FILE *file, const char *name, const char *text) {
    fprintf(file, "    \"%s\": ", name);
    string(file, text);
    fputs(",\n", file);
}

static double cpu_mhz(void) {
    char line[256];
    double mhz = 0;
    FILE *file = fopen("/proc/cpuinfo", "r");
    if (file == NULL) return 0;
    while (mhz == 0 && fgets(line, sizeof line, file) != NULL) {
        const char *colon = strchr(line, ':');
        if (strncmp(line, "cpu MHz", 7) == 0 && colon != NULL) mhz = strtod(colon + 1, NULL);
    }
    fclose(file);
    return mhz;
}

static bool cpu_scales(void) {
    char governor[64] = "";
    FILE *file = fopen("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "r");
    if (file == NULL) return false;
    bool read = fgets(governor, sizeof governor, file) != NULL;
    fclose(file);
    return read && strncmp(governor, "performance", 11) != 0;
}

static void write_context(const Results *results, FILE *file, const char *program) {
    char date[64] = "", host[256] = "";
    double load[3] = {0, 0, 0};
    time_t now = time(NULL);
    struct tm local;
    if (localtime_r(&now, &local) != NULL) strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S%z", &local);
    gethostname(host, sizeof host - 1);
    getloadavg(load, 3);
    fputs("  \"context\": {\n", file);
    member(file, "date", date);
    member(file, "host_name", host);
    member(file, "executable", program);
    fprintf(file, "    \"num_cpus\": %ld,\n    \"mhz_per_cpu\": %.0f,\n", sysconf(_SC_NPROCESSORS_ONLN), cpu_mhz());
    fprintf(file, "    \"cpu_scaling_enabled\": %s,\n    \"caches\": [],\n", cpu_scales() ? "true" : "false");
    fprintf(file, "    \"load_avg\": [%g, %g, %g],\n", load[0], load[1], load[2]);
    member(file, "ferry_version", ferry_version());
    member(file, "ferry_backend", results->backend);
    member(file, "ferry_backend_error", results->backend_error);
    fputs("    \"library_build_type\": \"release\",\n    \"json_schema_version\": 1\n  },\n", file);
}

/* ---- benchmarks ---- */

typedef struct Aggregate {
    const char *name;
    const char *unit;
    double real, cpu;
} Aggregate;

/* Where an entry stands in its list: Google Benchmark numbers families and repetitions. */
typedef struct Place {
    FILE *file;
    size_t family;
    bool first;
} Place;

static void begin_entry(Place *place, const Measure *measure, const char *suffix) {
    FILE *file = place->file;
    fputs(place->first ? "    {\"name\": " : ",\n    {\"name\": ", file);
    place->first = false;
    char name[128];
    snprintf(name, sizeof name, "%s%s", measure->name, suffix);
    string(file, name);
    fprintf(file, ", \"family_index\": %zu, \"per_family_instance_index\": 0, \"run_name\": ", place->family);
    string(file, measure->name);
    fprintf(file, ", \"repetitions\": %zu, \"threads\": 1, ", measure->count);
}

static void end_entry(Place *place, const Measure *measure) {
    for (size_t k = 0; k < measure->counter_count; k++)
        fprintf(place->file, ", \"%s\": %.17g", measure->counters[k].name, measure->counters[k].value);
    putc('}', place->file);
}

static void write_repetition(Place *place, const Measure *measure, size_t index) {
    begin_entry(place, measure, "");
    fprintf(place->file,
            "\"run_type\": \"iteration\", \"repetition_index\": %zu, \"iterations\": %zu, \"real_time\": %.6g, "
            "\"cpu_time\": %.6g, \"time_unit\": \"ns\"",
            index, measure->iterations, measure->real[index], measure->cpu[index]);
    end_entry(place, measure);
}

static void write_aggregate(Place *place, const Measure *measure, const Aggregate *aggregate) {
    char suffix[16];
    snprintf(suffix, sizeof suffix, "_%s", aggregate->name);
    begin_entry(place, measure, suffix);
    fprintf(place->file,
            "\"run_type\": \"aggregate\", \"aggregate_name\": \"%s\", \"aggregate_unit\": \"%s\", \"iterations\": %zu, "
            "\"real_time\": %.6g, \"cpu_time\": %.6g, \"time_unit\": \"ns\"",
            aggregate->name, aggregate->unit, measure->count, aggregate->real, aggregate->cpu);
    end_entry(place, measure);
}

static double part(double a, double b) {
    return b != 0 ? a / b : 0;
}

static void write_measure(Place *place, const Measure *measure) {
    for (size_t k = 0; k < measure->count; k++) write_repetition(place, measure, k);
    Summary real = summarize(measure->real, measure->count);
    Summary cpu = summarize(measure->cpu, measure->count);
    const Aggregate aggregates[] = {
        {"mean", "time", real.mean, cpu.mean},
        {"median", "time", real.median, cpu.median},
        {"stddev", "time", real.deviation, cpu.deviation},
        {"cv", "percentage", part(real.deviation, real.mean), part(cpu.deviation, cpu.mean)},
    };
    for (size_t k = 0; k < sizeof aggregates / sizeof aggregates[0]; k++)
        write_aggregate(place, measure, &aggregates[k]);
    place->family++;
}

void json_write(const Results *results, FILE *file, const char *program) {
    Place place = {.file = file, .first = true};
    fputs("{\n", file);
    write_context(results, file, program);
    fputs("  \"benchmarks\": [\n", file);
    for (size_t k = 0; k < results->count; k++)
        if (results->measures[k]->count != 0) write_measure(&place, results->measures[k]);
    fputs("\n  ]\n}\n", file);
}
