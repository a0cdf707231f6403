/* A die as the host sees it, over ACL and aclshmem: all that epsim calls of them on the host stands
 * in ascend_die.cpp. After a failure every call does nothing; die_why() tells the first. */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct die;

struct die_group {
	int32_t rank, n_ranks, device;
	const char *address; /* "tcp://HOST:PORT", the same for all ranks */
	size_t heap_bytes;   /* of symmetric memory */
};

/* Collective. Never NULL. */
struct die *die_open(const struct die_group *g);
void die_close(struct die *d);
const char *die_why(const struct die *d); /* NULL: all is well */

const char *die_name(const struct die *d); /* of the chip */
int32_t die_cores(const struct die *d);    /* vector cores */

/* Zeroed; die_close() frees them. Symmetric: collective, the same sizes in the same order. */
void *die_symmetric(struct die *d, size_t bytes);
void *die_own(struct die *d, size_t bytes);

void die_write(struct die *d, void *to, const void *from, size_t bytes); /* to the die */
void die_read(struct die *d, void *to, const void *from, size_t bytes);  /* from it */
void die_copy(struct die *d, void *to, const void *from, size_t bytes);  /* on it, by ACL */
void die_barrier(struct die *d);                                         /* of all hosts */

/* A kernel of ascend_exchange.h from its launch to its end. Seconds between events around it. */
double die_run(struct die *d, int32_t kernel, int32_t cores, void *exchange);

#ifdef __cplusplus
}
#endif
