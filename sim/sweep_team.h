/* Several processes, on one machine or many, share a sweep's blocks of work through one file: a
 * byte for each block that says whether it is done, and a lock on that byte while somebody works on
 * it. The system drops the locks of a process that ends in whatever way, so a lost one's blocks are
 * taken up by the others. What was made lies in the members' own stores. */
#pragma once
#include "models/base/err.h"
#include <stdbool.h>
#include <stddef.h>

struct sweep_team;
struct sweep_store;

/* path: of the store beside which the claims of each sweep lie, PATH.claims-NAME, and the stores of
 * the members, PATH.part-NUMBER. */
struct sweep_team *team_new(const char *path);
void team_free(struct sweep_team *t); /* NULL is fine */

/* Turns to a sweep, by a name that no other has. */
enum rc team_begin(struct sweep_team *t, const char *name, struct err *e);

enum claim { CLAIM_OURS, CLAIM_DONE, CLAIM_TAKEN };

/* Takes a block. wait: until whoever has it is through or gone, so never CLAIM_TAKEN. */
enum rc team_claim(struct sweep_team *t, size_t block, bool wait, enum claim *out, struct err *e);
/* Ends it: done, or given back. */
enum rc team_release(struct sweep_team *t, size_t block, bool done, struct err *e);

/* Merges the members' stores into the store, as each is closed, and removes them. */
enum rc team_gather(struct sweep_team *t, struct sweep_store *store, struct err *e);
