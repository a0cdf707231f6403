/* threads: one thread a rank. Sanitizers see every access of all ranks. */
#include <pthread.h>
#include <stdlib.h>
#include "hw/symheap_shared.h"
#include "models/base/arena.h"

struct thread_rank {
	const struct launch *launch;
	struct symheap heap;
	void *report;
	pthread_t thread;
};

static void *rank_run(void *data)
{
	struct thread_rank *x = data;

	x->launch->rank_main(&x->heap, x->launch->job, x->report);
	return NULL;
}

static enum rc launch(const struct launch *l, void *reports, struct err *e)
{
	struct thread_rank *rank = heap_zeroed((size_t)l->n_ranks, sizeof *rank);
	struct gather gather = {0};
	size_t bytes = (size_t)l->n_ranks * shared_align(l->heap_bytes);
	char *heaps = heap_zeroed(bytes + FLAG_BYTES, 1);
	struct shared_group group = {&gather, heaps + FLAG_BYTES - (uintptr_t)heaps % FLAG_BYTES,
	                             sym_may_spin(l->n_ranks)};
	enum rc rc = RC_OK;

	for (int64_t r = 0; r < l->n_ranks; r++) {
		rank[r] = (struct thread_rank){.launch = l,
		                               .heap = shared_heap(&group, l, r),
		                               .report = (char *)reports +
		                                         (size_t)r * l->report_bytes};
		/* those that run already would wait for ever for one that never starts */
		CHECK(pthread_create(&rank[r].thread, NULL, rank_run, &rank[r]) == 0);
	}
	for (int64_t r = 0; r < l->n_ranks; r++) {
		if (pthread_join(rank[r].thread, NULL) != 0)
			rc = fail(e, RC_INTERNAL, "rank %lld cannot be waited for", (long long)r);
	}
	free(heaps);
	free(rank);
	return rc;
}

static bool available(const char **why_not)
{
	(void)why_not;
	return true;
}

const struct symheap_backend backend_threads = {
        .name = "threads",
        .doc = "one thread a rank of one process",
        .caution = symheap_shared_caution,
        .available = available,
        .launch = launch,
};
