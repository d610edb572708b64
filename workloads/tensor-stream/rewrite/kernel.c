/* Normalises image tensors: per channel a scale and a shift, as workload.py does. */
#include "kernel.h"

#include <stdlib.h>
#include <string.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "requests and responses are little-endian, and passed on as they are"
#endif

enum { CHANNELS = 3, SIDE = 224, PLANE = SIDE * SIDE, IMAGE = CHANNELS * PLANE };

struct model {
    float scale[CHANNELS], shift[CHANNELS];
};

/* torchvision, "Models and pre-trained weights": mean and standard deviation of red, green, blue. */
static const struct model MODEL = {
    {1 / 0.229f, 1 / 0.224f, 1 / 0.225f},
    {-0.485f / 0.229f, -0.456f / 0.224f, -0.406f / 0.225f},
};

struct input {
    const uint8_t *bytes; /* of floats, which a request need not align */
    size_t images;
};

struct output {
    float *values;
    size_t images;
};

static void normalise(const struct model *model, const uint8_t *restrict bytes, size_t images,
                      float *restrict values)
{
    for (size_t plane = 0; plane < images * CHANNELS; plane++) {
        const float scale = model->scale[plane % CHANNELS], shift = model->shift[plane % CHANNELS];
        for (size_t i = 0; i < PLANE; i++) {
            float value;
            memcpy(&value, bytes + i * sizeof value, sizeof value);
            values[i] = value * scale + shift;
        }
        bytes += PLANE * sizeof(float);
        values += PLANE;
    }
}

void *kernel_load(const char *assets)
{
    (void)assets;
    return (void *)&MODEL;
}

void *kernel_decode(const void *model, const uint8_t *request, size_t size)
{
    (void)model;
    struct input *input = malloc(sizeof *input);
    if (!input || size % (IMAGE * sizeof(float))) {
        free(input);
        return NULL;
    }
    *input = (struct input){request, size / (IMAGE * sizeof(float))};
    return input;
}

void *kernel_infer(const void *model, void *input)
{
    const struct input it = *(struct input *)input;
    free(input);
    struct output *output = malloc(sizeof *output);
    float *values = malloc(it.images * IMAGE * sizeof *values + 1); /* NULL means failure */
    if (!output || !values) {
        free(output);
        free(values);
        return NULL;
    }
    normalise(model, it.bytes, it.images, values);
    *output = (struct output){values, it.images};
    return output;
}

uint8_t *kernel_encode(void *output, size_t *size)
{
    const struct output it = *(struct output *)output;
    free(output);
    *size = it.images * IMAGE * sizeof *it.values;
    return (uint8_t *)it.values;
}
