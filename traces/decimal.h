/* Decimal text to whole numbers of a smaller unit, without a double in between: 16 digits of
 * microseconds and three decimals are exact nanoseconds. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* powers of ten to the units of struct trace_event */
enum { US_TO_NS = 3, MS_TO_NS = 6, S_TO_NS = 9, MB_TO_BYTES = 6, KB_TO_BYTES = 3, AS_IS = 0 };

/* text * 10^power, rounded, halves away from zero. The text is a number as JSON and C spell it:
 * "-12.50e3". False, and *out untouched, when it is anything else or does not fit. "2.5e-1" at
 * power 2 is 25. */
bool decimal_scaled(const char *text, size_t n_chars, int power, int64_t *out);
