/* What a store's rows are: columns, digests, and the SQL that names them. */
#pragma once
#include "sim/sweep_store.h"

/* A store of another version is refused. */
enum { SCHEMA_VERSION = 2 };

/* Numbers of a row, in the order of its columns. */
struct schema_number {
	const char *name;
	size_t offset; /* of a double in struct pool_price */
};
extern const struct schema_number schema_numbers[]; /* ends with a row of NULL */

char *schema_sql(struct arena *a);     /* makes tables and the view */
char *schema_get_sql(struct arena *a); /* of a digest: why_not, batch_most, the numbers */
char *schema_put_sql(struct arena *a); /* a row: digest, scope, shared, pool, size, why_not,
                                          batch_most, the numbers, the shared knobs */

const char *schema_program(void); /* version, and digest of the source */

/* Digest of all but the schedule, and the text that it is of, as a configuration reads. RC_DATA
 * when a file of counts cannot be read. */
enum rc schema_scope(const struct config *c, const struct engine *engine, struct arena *a,
                     unsigned char digest[DIGEST_BYTES], const char **text, struct err *e);

/* Digests of a price: of its scope and of the knobs that both pools have, and of these with pool
 * and size; for decode with MTP and what of its guesses is right. */
void schema_digests(const unsigned char scope[DIGEST_BYTES], enum phase phase,
                    const struct pool_price *p, unsigned char shared[DIGEST_BYTES],
                    unsigned char digest[DIGEST_BYTES]);
