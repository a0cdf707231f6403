/* Quantities: text with a unit to a double in coherent SI, and back.
 *
 * Text is refused without a unit ("196" is no rate), with another dimension's unit, negative, not
 * finite, or with trailing text. GB = 10^9 bytes, GiB = 2^30 bytes, Gb = 10^9 bits. Numbers are
 * spelled as in JSON, whatever the locale; one space may stand before the unit. Units of ten scale
 * the text, not the double: 929ns and 0.929us are both the double nearest to 929e-9. */
#pragma once
#include "models/base/err.h"

enum dim {
	DIM_TIME,  /* s:       ns us ms s min h */
	DIM_BYTES, /* bytes:   B kB MB GB TB KiB MiB GiB TiB */
	DIM_RATE,  /* bytes/s: Bps and likewise up to TiBps; bits: Mbps Gbps Tbps */
	DIM_FLOPS, /* flop/s:  GFLOPS TFLOPS PFLOPS (and GOPS TOPS POPS for integer units) */
	DIM_RATIO, /* 1:       a bare number, or % */
	DIM_POWER, /* W:       W kW */
	DIM_COUNT, /* integer: a bare number in plain digits, at most 2^53 */
};

enum rc quantity_parse(const char *text, enum dim dim, double *si, struct err *e); /* unit: SI */

/* The shortest text that quantity_parse reads back to the very same double, finite and not
 * negative. It never has min, h, % or a unit of bits. 64 chars are enough. Returns buf. */
const char *quantity_exact(double si, enum dim dim, char *buf, size_t size); /* unit: SI */

/* For people: up to `digits` (1 to 17) significant digits and a fitting unit, "3.21 ms", "1.5 GB";
 * more where the largest unit leaves more before the point. Any double will do. Returns buf. */
const char *quantity_human(double si, /* unit: SI */
                           enum dim dim, int digits, char *buf, size_t size);

const char *dim_name(enum dim dim);  /* "time", "size", "rate", ... */
const char *dim_units(enum dim dim); /* "ns, us, ms, s, min, h", for messages */
