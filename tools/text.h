/* Figures as reports print them: four digits and a unit. buf has TEXT_SIZE bytes and is returned.
 */
#pragma once
#include <stdio.h>
#include "models/base/quantity.h"

enum { TEXT_SIZE = 32 };

#define GB_BYTES 1e9 /* lint: a unit for print */

static inline const char *time_text(double time_s, char *buf)
{
	return quantity_human(time_s, DIM_TIME, 4, buf, TEXT_SIZE);
}

/* A rate of requests: four digits, no exponent. */
static inline const char *rate_text(double rate_count, char *buf)
{
	const double many_count = 1000;

	snprintf(buf, TEXT_SIZE, rate_count < many_count ? "%.4g" : "%.0f", rate_count);
	return buf;
}

static inline const char *size_text(double bytes, char *buf)
{
	return quantity_human(bytes, DIM_BYTES, 4, buf, TEXT_SIZE);
}
