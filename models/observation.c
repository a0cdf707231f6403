#include "models/observation.h"

const char *const exchange_op_names[] = {"dispatch", "combine", 0};
