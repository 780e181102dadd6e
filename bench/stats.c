/* stats.c: medians and spread. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/bench.h"

static int compare(const void *left, const void *right) {
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

/* Between two samples where the position falls between them. */
static double quantile(const double *sorted, size_t count, double part) {
    double position = part * (double)(count - 1);
    size_t below = (size_t)position;
    size_t above = below + 1 < count ? below + 1 : below;
    double weight = position - (double)below;
    return sorted[below] * (1 - weight) + sorted[above] * weight;
}

static double *sorted_copy(const double *samples, size_t count) {
    double *copy = malloc(count * sizeof *copy);
    if (copy == NULL) return NULL;
    memcpy(copy, samples, count * sizeof *copy);
    qsort(copy, count, sizeof *copy, compare);
    return copy;
}

Summary summarize(const double *samples, size_t count) {
    Summary summary = {NAN, NAN, NAN, NAN, NAN, NAN};
    double *sorted = count != 0 ? sorted_copy(samples, count) : NULL;
    if (sorted == NULL) return summary;
    double sum = 0, squares = 0;
    for (size_t k = 0; k < count; k++) sum += samples[k];
    summary.mean = sum / (double)count;
    for (size_t k = 0; k < count; k++) squares += (samples[k] - summary.mean) * (samples[k] - summary.mean);
    summary.deviation = count > 1 ? sqrt(squares / (double)(count - 1)) : 0;
    summary.median = quantile(sorted, count, 0.5);
    summary.low = quantile(sorted, count, 0.25);
    summary.high = quantile(sorted, count, 0.75);
    summary.least = sorted[0];
    free(sorted);
    return summary;
}

double median_of(const double *samples, size_t count) {
    return summarize(samples, count).median;
}

double median_ratio(const double *a, const double *b, size_t count) {
    double *ratios = malloc((count != 0 ? count : 1) * sizeof *ratios);
    if (ratios == NULL) return NAN;
    for (size_t k = 0; k < count; k++) ratios[k] = a[k] / b[k];
    double median = summarize(ratios, count).median;
    free(ratios);
    return median;
}
