/* Things done by threads, one after the other from a list; the result does not depend on how many.
 */
#pragma once
#include <stddef.h>
#include "models/base/err.h"

/* Calls run for 0 .. n-1, each once. Fails as the first of these, by number, that fails. */
enum rc crew_run(int jobs, size_t n, enum rc (*run)(void *data, size_t i, struct err *e),
                 void *data, struct err *e);
