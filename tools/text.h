/* Figures as reports print them: four digits and a unit. buf has TEXT_SIZE bytes and is returned.
 */
#pragma once
#include "models/base/quantity.h"

enum { TEXT_SIZE = 32 };

#define GB_BYTES 1e9 /* lint: a unit for print */

static inline const char *time_text(double time_s, char *buf)
{
	return quantity_human(time_s, DIM_TIME, 4, buf, TEXT_SIZE);
}

static inline const char *size_text(double bytes, char *buf)
{
	return quantity_human(bytes, DIM_BYTES, 4, buf, TEXT_SIZE);
}
