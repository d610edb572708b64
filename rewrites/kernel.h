/* A workload without Python: what the four functions of a workload.py do, for a
 * C program. Built natively and for wasm32-wasi from the same source. */
#ifndef WASMFIT_KERNEL_H
#define WASMFIT_KERNEL_H
#include <stddef.h>
#include <stdint.h>

/* The model in the folder `assets`; NULL where a file does not read or memory is
 * lacking. It is never let go of. */
void *kernel_load(const char *assets);
/* The input that a request holds; NULL where it holds none. It may point into the
 * request, which stays until the response has been made. */
void *kernel_decode(const void *model, const uint8_t *request, size_t size);
/* What the model makes of it; lets go of `input`. NULL where memory is lacking. */
void *kernel_infer(const void *model, void *input);
/* The response, in memory of malloc's that the caller frees; lets go of `output`.
 * Its size goes to `size`; NULL where memory is lacking. */
uint8_t *kernel_encode(void *output, size_t *size);
#endif
