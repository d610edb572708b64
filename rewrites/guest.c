/* A kernel as a WASM guest: it calls the host for each request, as the driver of
 * Python guests does (runners/kit/src/driver.py), and has the exports that those
 * have: `host_alloc`, and `turn`, which serves instead of running a program. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel.h"

#define EXPORTED(name) __attribute__((export_name(name)))

__attribute__((import_module("host"), import_name("call"))) int32_t
host_call(const void *message, size_t size, uint8_t **answer, size_t *answer_size);

typedef struct {
    uint8_t *bytes;
    size_t size;
} Bytes;

enum { TOKEN_SIZE = 32 };

/* What a report of failure begins with. */
static char token[TOKEN_SIZE];

EXPORTED("host_alloc") void *host_alloc(size_t size) { return malloc(size); }

/* The host's answer, with a zero behind it; no bytes where it has none. */
static Bytes tell(const void *message, size_t size)
{
    Bytes answer = {0};
    if (host_call(message, size, &answer.bytes, &answer.size) != 0)
        answer = (Bytes){0};
    return answer;
}

static void report(const char *what)
{
    char text[TOKEN_SIZE + 256];
    memcpy(text, token, TOKEN_SIZE);
    int length = snprintf(text + TOKEN_SIZE, sizeof text - TOKEN_SIZE, "raised\n\n%s\n", what);
    tell(text, TOKEN_SIZE + (size_t)length);
}

static void mark(int is_marked)
{
    if (is_marked)
        free(tell(NULL, 0).bytes);
}

/* Serves `count` requests; the last response, or no bytes when one has failed. */
static Bytes serve(const void *model, long count, int is_marked)
{
    Bytes response = {0};
    while (count-- > 0) {
        Bytes request = tell(response.bytes, response.size);
        free(response.bytes);
        response = (Bytes){0};
        mark(is_marked);
        void *input = kernel_decode(model, request.bytes, request.size);
        mark(is_marked);
        void *output = input ? kernel_infer(model, input) : NULL;
        mark(is_marked);
        if (output)
            response.bytes = kernel_encode(output, &response.size);
        mark(is_marked);
        free(request.bytes);
        if (!response.bytes) {
            report(!input ? "kernel_decode gave nothing"
                          : !output ? "kernel_infer gave nothing" : "kernel_encode gave nothing");
            break;
        }
    }
    return response;
}

/* What an order is followed by, where it is called `name`. */
static const char *after(const Bytes *order, const char *name)
{
    size_t length = strlen(name);
    if (order->size < length || memcmp(order->bytes, name, length) != 0)
        return NULL;
    return (const char *)order->bytes + length;
}

/* The bytes as a string: orders come without a zero. */
static Bytes with_zero(Bytes order)
{
    uint8_t *longer = realloc(order.bytes, order.size + 1);
    if (!longer)
        return order;
    longer[order.size] = 0;
    return (Bytes){longer, order.size};
}

EXPORTED("turn") int32_t turn(const char *program, size_t size)
{
    (void)program, (void)size;
    /* It outlasts a turn: a guest that is called again goes on with it. */
    static const void *model;
    Bytes message = {0};
    for (;;) {
        Bytes order = with_zero(tell(message.bytes, message.size));
        free(message.bytes);
        message = (Bytes){0};
        const char *path = after(&order, "import ");
        const char *assets = after(&order, "load ");
        const char *plain = after(&order, "plain ");
        const char *phase = after(&order, "phase ");
        int goes_on = 1;
        if (path && strlen(path) >= TOKEN_SIZE) {
            memcpy(token, path, TOKEN_SIZE);
        } else if (assets) {
            if (!model)
                model = kernel_load(assets);
            goes_on = model != NULL;
            if (!model)
                report("kernel_load gave no model: an asset is missing or malformed");
        } else if (plain || phase) {
            message = serve(model, strtol(plain ? plain : phase, NULL, 10), phase != NULL);
            goes_on = message.bytes != NULL;
        } else {
            /* Of packages there are no versions to tell. */
            goes_on = after(&order, "versions") != NULL;
        }
        free(order.bytes);
        if (!goes_on)
            return 0;
    }
}
