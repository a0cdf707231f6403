/* Element types of weights, KV cache and rows on the wire. */
#pragma once

enum dtype { DTYPE_BF16, DTYPE_INT8, DTYPE_FP8, DTYPE_FP4, DTYPES };

extern const char *const dtype_names[]; /* NULL-terminated, in order of the enum */

double dtype_bytes(enum dtype d); /* per element; fp4 is half a byte */
