#include "models/base/quantity.h"
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One unit is factor * 10^exp10 in SI. Keeping the power of ten apart lets text be scaled by moving
 * its decimal point, so that 929ns and 0.929us are the same double, the one nearest to 929e-9. */
struct unit {
	const char *name;
	enum dim dim;
	int exp10;
	double factor; /* exact in binary, or only used for reading */
	bool written;  /* by quantity_exact() and quantity_human(), in this order, smallest first */
};

static const struct unit units[] = {
        {"ns", DIM_TIME, -9, 1, true},         {"us", DIM_TIME, -6, 1, true},
        {"ms", DIM_TIME, -3, 1, true},         {"s", DIM_TIME, 0, 1, true},
        {"min", DIM_TIME, 0, 60, false},       {"h", DIM_TIME, 0, 3600, false},
        {"B", DIM_BYTES, 0, 1, true},          {"kB", DIM_BYTES, 3, 1, true},
        {"MB", DIM_BYTES, 6, 1, true},         {"GB", DIM_BYTES, 9, 1, true},
        {"TB", DIM_BYTES, 12, 1, true},        {"KiB", DIM_BYTES, 0, 0x1p10, true},
        {"MiB", DIM_BYTES, 0, 0x1p20, true},   {"GiB", DIM_BYTES, 0, 0x1p30, true},
        {"TiB", DIM_BYTES, 0, 0x1p40, true},   {"Bps", DIM_RATE, 0, 1, true},
        {"kBps", DIM_RATE, 3, 1, true},        {"MBps", DIM_RATE, 6, 1, true},
        {"GBps", DIM_RATE, 9, 1, true},        {"TBps", DIM_RATE, 12, 1, true},
        {"KiBps", DIM_RATE, 0, 0x1p10, true},  {"MiBps", DIM_RATE, 0, 0x1p20, true},
        {"GiBps", DIM_RATE, 0, 0x1p30, true},  {"TiBps", DIM_RATE, 0, 0x1p40, true},
        {"Mbps", DIM_RATE, 6, 0x1p-3, false},  {"Gbps", DIM_RATE, 9, 0x1p-3, false},
        {"Tbps", DIM_RATE, 12, 0x1p-3, false}, {"GFLOPS", DIM_FLOPS, 9, 1, true},
        {"TFLOPS", DIM_FLOPS, 12, 1, true},    {"PFLOPS", DIM_FLOPS, 15, 1, true},
        {"GOPS", DIM_FLOPS, 9, 1, false},      {"TOPS", DIM_FLOPS, 12, 1, false},
        {"POPS", DIM_FLOPS, 15, 1, false},     {"", DIM_RATIO, 0, 1, true},
        {"%", DIM_RATIO, -2, 1, false},        {"W", DIM_POWER, 0, 1, true},
        {"kW", DIM_POWER, 3, 1, true},         {"", DIM_COUNT, 0, 1, true},
};

enum { N_UNITS = sizeof units / sizeof *units };

static const struct {
	const char *name, *units, *example;
} dims[] = {
        [DIM_TIME] = {"time", "ns, us, ms, s, min, h", "us"},
        [DIM_BYTES] = {"size", "B, kB, MB, GB, TB, KiB, MiB, GiB, TiB", "MiB"},
        [DIM_RATE] = {"rate",
                      "Bps, kBps, MBps, GBps, TBps, KiBps, MiBps, GiBps, TiBps, Mbps, Gbps, Tbps",
                      "GBps"},
        [DIM_FLOPS] = {"compute rate", "GFLOPS, TFLOPS, PFLOPS, GOPS, TOPS, POPS", "TFLOPS"},
        [DIM_RATIO] = {"ratio", "a bare number, or %", "%"},
        [DIM_POWER] = {"power", "W, kW", "W"},
        [DIM_COUNT] = {"count", "a whole number, no unit", ""},
};

const char *dim_name(enum dim dim)
{
	return dims[dim].name;
}

const char *dim_units(enum dim dim)
{
	return dims[dim].units;
}

/* ---- decimal numbers: digits * 10^exp10 ------------------------------------------------------
 *
 * Without a decimal point strtod() and printf() do the same in every locale. */

enum {
	MAX_DIGITS = 40,     /* more than any double needs */
	TEXT_CHARS = 64,     /* MAX_DIGITS, point, exponent, zeros and unit */
	EXP10_LIMIT = 10000, /* beyond any double, far from overflow */
};

struct decimal {
	char digits[MAX_DIGITS + 1];
	int n_digits; /* may exceed MAX_DIGITS when scanned: refused then */
	int exp10;
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static const char *digits_scan(const char *s, struct decimal *d)
{
	for (; is_digit(*s); s++) {
		if (d->n_digits < MAX_DIGITS)
			d->digits[d->n_digits] = *s;
		if (d->n_digits <= MAX_DIGITS)
			d->n_digits++;
	}
	return s;
}

static const char *exponent_scan(const char *s, struct decimal *d)
{
	const char *p = s + 1;
	bool minus;
	int exp10 = 0;

	if (*s != 'e' && *s != 'E')
		return s;
	minus = *p == '-';
	if (*p == '-' || *p == '+')
		p++;
	if (!is_digit(*p))
		return s;
	for (; is_digit(*p); p++) {
		if (exp10 < EXP10_LIMIT)
			exp10 = 10 * exp10 + (*p - '0');
	}
	d->exp10 += minus ? -exp10 : exp10;
	return p;
}

/* Reads a number without sign as JSON spells it; returns what follows, or NULL for no number. */
static const char *decimal_scan(const char *s, struct decimal *d)
{
	*d = (struct decimal){.n_digits = 0};
	if (!is_digit(s[0]) || (s[0] == '0' && is_digit(s[1])))
		return NULL;
	s = digits_scan(s, d);
	if (s[0] == '.' && is_digit(s[1])) {
		int n_whole = d->n_digits;

		s = digits_scan(s + 1, d);
		d->exp10 = n_whole - d->n_digits;
	}
	return exponent_scan(s, d);
}

static double decimal_value(const struct decimal *d, int shift)
{
	char text[TEXT_CHARS];

	snprintf(text, sizeof text, "%se%d", d->digits, d->exp10 + shift);
	return strtod(text, NULL);
}

/* value >= 0 rounded to n_digits digits, trailing zeros dropped. */
static struct decimal decimal_round(double value, int n_digits)
{
	char text[TEXT_CHARS];
	struct decimal d = {.n_digits = 0};
	const char *s = text;

	snprintf(text, sizeof text, "%.*e", n_digits - 1, value);
	for (; *s != 'e'; s++) {
		if (is_digit(*s)) /* else a decimal point, whatever the locale's is */
			d.digits[d.n_digits++] = *s;
	}
	d.exp10 = (int)strtol(s + 1, NULL, 10) - (d.n_digits - 1);
	while (d.n_digits > 1 && d.digits[d.n_digits - 1] == '0') {
		d.digits[--d.n_digits] = '\0';
		d.exp10++;
	}
	return d;
}

/* The fewest digits of 15, 16 or 17 that read back to value. 15 survive a trip through a double,
 * so a shorter text is found as 15 digits with trailing zeros; 17 always suffice. */
static struct decimal decimal_shortest(double value)
{
	struct decimal d;
	int n_digits = 15;

	do
		d = decimal_round(value, n_digits);
	while (decimal_value(&d, 0) != value && ++n_digits <= 17);
	return d;
}

/* Power of ten of the first digit after a shift. */
static int decimal_lead(const struct decimal *d, int shift)
{
	return d->digits[0] == '0' ? 0 : d->exp10 + d->n_digits - 1 + shift;
}

/* Writes d * 10^shift: 1234, 12.34, 0.001234 or 1.234e-7. */
static void decimal_print(const struct decimal *d, int shift, char text[TEXT_CHARS])
{
	int lead = decimal_lead(d, shift);
	int n_whole = lead + 1;
	static const char zeros[] = "0000000000000000";

	if (lead < -5 || lead > 16)
		snprintf(text, TEXT_CHARS, "%c%s%se%d", d->digits[0], d->n_digits > 1 ? "." : "",
		         d->digits + 1, lead);
	else if (lead < 0)
		snprintf(text, TEXT_CHARS, "0.%.*s%s", -lead - 1, zeros, d->digits);
	else if (d->n_digits > n_whole)
		snprintf(text, TEXT_CHARS, "%.*s.%s", n_whole, d->digits, d->digits + n_whole);
	else
		snprintf(text, TEXT_CHARS, "%s%.*s", d->digits, n_whole - d->n_digits, zeros);
}

/* ---- text to number -------------------------------------------------------------------------- */

static const struct unit *unit_find(const char *name, enum dim dim)
{
	for (int i = 0; i < N_UNITS; i++) {
		if (units[i].dim == dim && strcmp(units[i].name, name) == 0)
			return &units[i];
	}
	return NULL;
}

static enum rc wrong_unit(const char *text, const char *name, enum dim dim, struct err *e)
{
	if (*name == '\0')
		return fail(e, RC_CONFIG, "'%.40s' needs a unit of %s, such as %s", text,
		            dims[dim].name, dims[dim].example);
	for (int i = 0; i < N_UNITS; i++) {
		if (strcmp(units[i].name, name) == 0)
			return fail(e, RC_CONFIG, "'%.40s' is a %s, but a %s is needed (%s)", text,
			            dims[units[i].dim].name, dims[dim].name, dims[dim].units);
	}
	if (dim == DIM_COUNT)
		return fail(e, RC_CONFIG, "'%.40s' is not a count (%s)", text, dims[dim].units);
	return fail(e, RC_CONFIG, "'%.40s': '%.40s' is not a unit of %s (%s)", text, name,
	            dims[dim].name, dims[dim].units);
}

/* Plain digits only: 4e3 or 4.0 for a count is more likely a slip than a wish. */
static enum rc count_parse(const char *text, const char *rest, double *count, struct err *e)
{
	const uint64_t most = UINT64_C(1) << 53;
	size_t n_digits = strspn(text, "0123456789");
	uint64_t value;

	if (n_digits != (size_t)(rest - text))
		return fail(e, RC_CONFIG, "'%.40s' must be a whole number in plain digits", text);
	value = n_digits <= 16 ? strtoull(text, NULL, 10) : UINT64_MAX;
	if (value > most)
		return fail(e, RC_CONFIG, "'%.40s' is above 2^53, the largest exact count", text);
	*count = (double)value;
	return RC_OK;
}

static enum rc value_parse(const char *text, const struct decimal *d, const struct unit *u,
                           double *si, struct err *e)
{
	double value = decimal_value(d, u->exp10) * u->factor;
	bool is_zero = strspn(d->digits, "0") == (size_t)d->n_digits;

	if (!isfinite(value))
		return fail(e, RC_CONFIG, "'%.40s' is too large", text);
	if (value == 0 && !is_zero)
		return fail(e, RC_CONFIG, "'%.40s' is too small to be told from 0", text);
	*si = value;
	return RC_OK;
}

enum rc quantity_parse(const char *text, enum dim dim, double *si, struct err *e)
{
	struct decimal d;
	const struct unit *u;
	const char *rest = decimal_scan(text, &d);
	const char *name;

	if (text[0] == '-' && is_digit(text[1]))
		return fail(e, RC_CONFIG, "'%.40s' must not be negative", text);
	if (!rest)
		return fail(e, RC_CONFIG, "'%.40s' does not start with a number such as 12 or 0.5",
		            text);
	if (d.n_digits > MAX_DIGITS)
		return fail(e, RC_CONFIG, "'%.40s...' has more than %d digits", text, MAX_DIGITS);
	name = rest[0] == ' ' && rest[1] ? rest + 1 : rest;
	u = unit_find(name, dim);
	if (!u)
		return wrong_unit(text, name, dim, e);
	if (dim == DIM_COUNT)
		return count_parse(text, rest, si, e);
	return value_parse(text, &d, u, si, e);
}

/* ---- number to text -------------------------------------------------------------------------- */

const char *quantity_exact(double si, enum dim dim, char *buf, size_t size)
{
	char best[2 * TEXT_CHARS] = "";

	CHECK(isfinite(si) && si >= 0);
	for (int i = 0; i < N_UNITS; i++) {
		const struct unit *u = &units[i];
		char number[TEXT_CHARS], text[2 * TEXT_CHARS];
		struct decimal d;

		if (u->dim != dim || !u->written)
			continue;
		d = decimal_shortest(si / u->factor);
		if (decimal_value(&d, 0) * u->factor != si)
			continue; /* lost bits below the smallest normal number */
		decimal_print(&d, -u->exp10, number);
		snprintf(text, sizeof text, "%s%s", number, u->name);
		if (!best[0] || strlen(text) < strlen(best)) /* ties keep the smaller unit */
			strcpy(best, text);
	}
	snprintf(buf, size, "%s", best);
	return buf;
}

/* The largest decimal unit that leaves at least one digit before the point. */
static const struct unit *unit_fitting(int lead, enum dim dim)
{
	const struct unit *fitting = NULL;

	for (int i = 0; i < N_UNITS; i++) {
		const struct unit *u = &units[i];

		if (u->dim == dim && u->written && u->factor == 1 && (!fitting || u->exp10 <= lead))
			fitting = u;
	}
	return fitting;
}

const char *quantity_human(double si, enum dim dim, int digits, char *buf, size_t size)
{
	const struct unit *u;
	struct decimal d;
	char number[TEXT_CHARS];
	int n_whole;

	if (!isfinite(si)) {
		snprintf(buf, size, "%s", isnan(si) ? "nan" : si < 0 ? "-inf" : "inf");
		return buf;
	}
	CHECK(digits >= 1 && digits <= 17);
	d = decimal_round(fabs(si), digits); /* rounds first: 999.96 us is 1 ms in 4 digits */
	u = unit_fitting(decimal_lead(&d, 0), dim);
	n_whole = decimal_lead(&d, -u->exp10) + 1;
	if (n_whole > digits && n_whole <= 17) /* 7234 s, not 7230 s */
		d = decimal_round(fabs(si), n_whole);
	decimal_print(&d, -u->exp10, number);
	snprintf(buf, size, "%s%s%s%s", si < 0 ? "-" : "", number, *u->name ? " " : "", u->name);
	return buf;
}
