#include "hw/symheap.h"
#include <sched.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

const struct symheap_backend *const symheap_backends[] = {
        &backend_host, &backend_threads, &backend_oshmem,
        &backend_cuda, &backend_ascend,  &backend_ascend_twin,
        NULL};

const struct symheap_backend *symheap_backend_find(const char *name, struct err *e)
{
	const char *names[sizeof symheap_backends / sizeof *symheap_backends] = {0};
	const char *why_not = NULL;
	char slip[128];

	for (size_t i = 0; symheap_backends[i]; i++) {
		names[i] = symheap_backends[i]->name;
		if (strcmp(name, names[i]) != 0)
			continue;
		if (symheap_backends[i]->available(&why_not))
			return symheap_backends[i];
		fail(e, RC_CONFIG, "backend %s is not in this build: %s", name, why_not);
		return NULL;
	}
	fail(e, RC_CONFIG, "there is no backend '%s'%s", name,
	     hint(slip, sizeof slip, name, names));
	return NULL;
}

void *sym_alloc(struct symheap *h, size_t bytes)
{
	size_t at = h->used;

	h->used += (bytes + FLAG_BYTES - 1) / FLAG_BYTES * FLAG_BYTES;
	if (!h->base)
		return NULL;
	CHECK(h->used <= h->bytes);
	return h->base + at;
}

const void *sym_read(struct symheap *h, const void *own, size_t bytes, void *scratch, int64_t rank)
{
	const void *there = h->ops->peer(h, own, rank);

	if (there)
		return there;
	h->ops->get(h, scratch, own, bytes, rank);
	return scratch;
}

static double clock_s(clockid_t clock)
{
	const double ns_per_s = 1e9;
	struct timespec now;

	clock_gettime(clock, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / ns_per_s;
}

double sym_time_s(void)
{
	return clock_s(CLOCK_MONOTONIC);
}

double sym_work_s(const struct symheap *h)
{
	return clock_s(CLOCK_THREAD_CPUTIME_ID) - h->waited_s;
}

bool sym_may_spin(int64_t n_ranks)
{
	return n_ranks <= sysconf(_SC_NPROCESSORS_ONLN);
}

void sym_moment(void)
{
	static const struct timespec moment = {.tv_nsec = 50000};

	nanosleep(&moment, NULL);
}

void sym_wait_until(struct symheap *h, bool (*ready)(const void *data), const void *data)
{
	enum { SPINS = 20000, YIELDS = 40000 };
	double begin_s;

	if (ready(data))
		return;
	begin_s = clock_s(CLOCK_THREAD_CPUTIME_ID);
	for (int64_t turn = h->spins ? 0 : SPINS; !ready(data); turn++) {
		if (turn >= YIELDS)
			sym_moment();
		else if (turn >= SPINS)
			sched_yield();
	}
	h->waited_s += clock_s(CLOCK_THREAD_CPUTIME_ID) - begin_s;
}
