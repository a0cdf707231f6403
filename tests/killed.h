/* Sweeps that are killed at drawn moments and resumed. */
#pragma once
#include <stddef.h>

/* Kills n_kills sweeps, each with a store of its own, up to three times each; every store must pass
 * SQLite's check and never lose a price, and the sweep that goes on from it must come to the same
 * as one that was left alone. */
void sweeps_killed(size_t n_kills);

/* Teams of three processes of which one is killed: the others come to the same. */
void teams_bereft(size_t n_kills);
