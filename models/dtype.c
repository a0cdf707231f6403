#include "models/dtype.h"

const char *const dtype_names[] = {"bf16", "int8", "fp8", "fp4", 0};

double dtype_bytes(enum dtype d)
{
	static const double bytes[DTYPES] = {2, 1, 1, 0.5};

	return bytes[d];
}
