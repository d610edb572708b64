/* A perceptron with one hidden layer reads 8x8 digits, in float64 as workload.py does. */
#include "kernel.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "assets and responses are little-endian, and taken as they are"
#endif

enum { PIXELS = 64, UNITS = 128, DIGITS = 10 };

struct model {
    /* Input after input: the sums of neighbouring units are vectors then, and each sum still
     * runs over its inputs in order. */
    double hidden_weights[PIXELS * UNITS], hidden_biases[UNITS];
    double output_weights[UNITS * DIGITS], output_biases[DIGITS];
};

struct images {
    size_t count;
    double pixels[][PIXELS];
};

struct output {
    double (*rows)[DIGITS];
    size_t count;
};

static inline void dense(const double *restrict weights, const double *restrict biases,
                         const double *restrict inputs, size_t input_count,
                         double *restrict sums, size_t unit_count)
{
    for (size_t unit = 0; unit < unit_count; unit++)
        sums[unit] = 0;
    for (size_t input = 0; input < input_count; input++)
        for (size_t unit = 0; unit < unit_count; unit++)
            sums[unit] += weights[input * unit_count + unit] * inputs[input];
    for (size_t unit = 0; unit < unit_count; unit++)
        sums[unit] += biases[unit];
}

static void softmax(double values[DIGITS])
{
    /* The largest is taken off first, so that exp cannot overflow. */
    double largest = values[0], total = 0;
    for (size_t i = 1; i < DIGITS; i++)
        largest = values[i] > largest ? values[i] : largest;
    for (size_t i = 0; i < DIGITS; i++)
        total += values[i] = exp(values[i] - largest);
    for (size_t i = 0; i < DIGITS; i++)
        values[i] /= total;
}

static void classify(const struct model *model, const double pixels[PIXELS],
                     double probabilities[DIGITS])
{
    double hidden[UNITS];
    dense(model->hidden_weights, model->hidden_biases, pixels, PIXELS, hidden, UNITS);
    for (size_t unit = 0; unit < UNITS; unit++)
        hidden[unit] = hidden[unit] > 0 ? hidden[unit] : 0;
    dense(model->output_weights, model->output_biases, hidden, UNITS, probabilities, DIGITS);
    softmax(probabilities);
}

/* Reads one row per unit into the order of the model. Biases are rows of one. */
static bool read_rows(const char *assets, const char *name, size_t units, size_t inputs,
                      double *values)
{
    char path[4096];
    if (snprintf(path, sizeof path, "%s/%s.f32", assets, name) >= (int)sizeof path)
        return false;
    FILE *file = fopen(path, "rb");
    if (!file)
        return false;
    float row[UNITS]; /* the longest */
    bool fits = true;
    for (size_t unit = 0; fits && unit < units; unit++) {
        fits = fread(row, sizeof *row, inputs, file) == inputs;
        for (size_t input = 0; fits && input < inputs; input++)
            values[input * units + unit] = row[input];
    }
    fits = fits && fgetc(file) == EOF;
    fclose(file);
    return fits;
}

void *kernel_load(const char *assets)
{
    struct model *model = malloc(sizeof *model);
    if (model && read_rows(assets, "hidden_weights", UNITS, PIXELS, model->hidden_weights)
        && read_rows(assets, "hidden_biases", UNITS, 1, model->hidden_biases)
        && read_rows(assets, "output_weights", DIGITS, UNITS, model->output_weights)
        && read_rows(assets, "output_biases", DIGITS, 1, model->output_biases))
        return model;
    free(model);
    return NULL;
}

void *kernel_decode(const void *model, const uint8_t *request, size_t size)
{
    (void)model;
    if (size % PIXELS || size > SIZE_MAX / 16) /* so that the doubles' size does not overflow */
        return NULL;
    struct images *images = malloc(sizeof *images + size * sizeof(double));
    if (!images)
        return NULL;
    images->count = size / PIXELS;
    for (size_t i = 0; i < size; i++)
        images->pixels[i / PIXELS][i % PIXELS] = request[i] / 16.0;
    return images;
}

void *kernel_infer(const void *model, void *input)
{
    struct images *images = input;
    struct output *output = malloc(sizeof *output);
    double(*rows)[DIGITS] = malloc(images->count * sizeof *rows + 1); /* NULL means failure */
    if (output && rows) {
        for (size_t i = 0; i < images->count; i++)
            classify(model, images->pixels[i], rows[i]);
        *output = (struct output){rows, images->count};
    } else {
        free(output);
        free(rows);
        output = NULL;
    }
    free(images);
    return output;
}

uint8_t *kernel_encode(void *output, size_t *size)
{
    const struct output it = *(struct output *)output;
    free(output);
    *size = it.count * sizeof *it.rows;
    return (uint8_t *)it.rows;
}
