#include "models/compute_row.h"

const char *const compute_kind_names[] = {"gemm", "grouped", "mlp", "prefill", "decode", 0};
