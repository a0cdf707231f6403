#include "traces/decimal.h"

enum { MOST_EXPONENT = 9999, MOST_POWER = 19 };

/* digits * 10^exponent */
struct decimal {
	bool negative;
	uint64_t digits;
	int exponent;
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Digits beyond the room of 64 bits only move the exponent. */
static const char *digits_read(const char *p, const char *end, bool fraction, struct decimal *d)
{
	for (; p < end && is_digit(*p); p++) {
		if (d->digits > (UINT64_MAX - 9) / 10) {
			d->exponent += d->exponent < MOST_EXPONENT && !fraction;
			continue;
		}
		d->digits = 10 * d->digits + (uint64_t)(*p - '0');
		d->exponent -= fraction;
	}
	return p;
}

static const char *exponent_read(const char *p, const char *end, struct decimal *d)
{
	bool negative = p < end && *p == '-';
	int value = 0;

	p += p < end && (*p == '-' || *p == '+');
	if (p == end)
		return NULL;
	for (; p < end && is_digit(*p); p++) {
		if (value < MOST_EXPONENT)
			value = 10 * value + (*p - '0');
	}
	d->exponent += negative ? -value : value;
	return p;
}

static bool decimal_read(const char *p, const char *end, struct decimal *d)
{
	const char *from;
	size_t n_digits;

	*d = (struct decimal){.negative = p < end && *p == '-'};
	p += p < end && (*p == '-' || *p == '+');
	from = p;
	p = digits_read(p, end, false, d);
	n_digits = (size_t)(p - from);
	if (p < end && *p == '.') {
		from = ++p;
		p = digits_read(p, end, true, d);
		n_digits += (size_t)(p - from);
	}
	if (n_digits > 0 && p < end && (*p == 'e' || *p == 'E'))
		p = exponent_read(p + 1, end, d);
	return n_digits > 0 && p == end;
}

static uint64_t power_of_ten(int exponent)
{
	uint64_t value = 1;

	while (exponent-- > 0)
		value *= 10;
	return value;
}

bool decimal_scaled(const char *text, size_t n_chars, int power, int64_t *out)
{
	struct decimal d;
	uint64_t value;

	if (!decimal_read(text, text + n_chars, &d))
		return false;
	d.exponent += power;
	value = d.digits;
	if (d.exponent < 0) {
		uint64_t unit = d.exponent < -MOST_POWER ? 0 : power_of_ten(-d.exponent);
		uint64_t rest = unit ? value % unit : 0;

		value = unit ? value / unit + (rest >= unit - rest) : 0;
	} else if (value > 0) {
		if (d.exponent > MOST_POWER - 1 ||
		    __builtin_mul_overflow(value, power_of_ten(d.exponent), &value))
			return false;
	}
	if (value > INT64_MAX)
		return false;
	*out = d.negative ? -(int64_t)value : (int64_t)value;
	return true;
}
