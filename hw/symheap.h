/* A symmetric heap: memory that every rank of a group has at the same offset, and what one-sided
 * communication needs beside it. The flows of hw/ are written against this and nothing else, so one
 * text runs on every backend.
 *
 *   host     one process a rank, POSIX shared memory (symheap_host.c)
 *   threads  one thread a rank; for sanitizers, which do not see across processes
 *   oshmem   OpenSHMEM through Open MPI, started by oshrun; when it was found at build
 *   cuda     ranks as buffers of GPUs; when nvcc was found at build
 *   ascend   ranks on Ascend dies; when CANN was found at build; ascend-twin: its rehearsal
 *
 * Rules that all backends keep, and that Ascend's aclshmem sets: flags are int32 that only grow, so
 * they stay below 2^31, and each has a line of its own; rows start at multiples of 32 bytes. */
#pragma once
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "models/base/err.h"

enum { ROW_ALIGN_BYTES = 32, FLAG_BYTES = 64, MOST_RANKS = 128, DEVICE_TEXT_SIZE = 160 };

struct flag {
	_Alignas(FLAG_BYTES) _Atomic int32_t value;
};

struct symheap;

struct symheap_ops {
	/* Where that rank has what we have at own; NULL when loads do not reach it. */
	void *(*peer)(const struct symheap *h, const void *own, int64_t rank);
	/* to, from: own addresses of symmetric memory that the peer's counterpart stands for. A put
	   may be on its way until quiet(); a get is done on return. */
	void (*put)(struct symheap *h, void *to, const void *from, size_t bytes, int64_t rank);
	void (*get)(struct symheap *h, void *to, const void *from, size_t bytes, int64_t rank);
	/* Own puts have arrived. */
	void (*quiet)(struct symheap *h);
	/* Sets the peer's flag after all earlier puts to that peer. */
	void (*signal)(struct symheap *h, struct flag *flag, int32_t value, int64_t rank);
	/* Until the own flag is at least value; gives the processor away meanwhile. */
	void (*wait)(struct symheap *h, const struct flag *flag, int32_t value);
	/* quiet(), and all ranks are here. */
	void (*barrier)(struct symheap *h);
};

struct symheap {
	const struct symheap_ops *ops;
	int64_t rank, n_ranks;
	char *base;         /* NULL: only sizes are asked for */
	size_t bytes, used; /* used: also beyond bytes, when base is NULL */
	bool spins;         /* each rank has a processor: wait on it for a while */
	double waited_s;    /* processor time spent on waiting */
	void *state;        /* the backend's */
};

/* What every rank of a launch runs. job: the caller's, the same bytes everywhere. report: what this
 * rank tells, report_bytes of zeros at first. */
struct launch {
	int64_t n_ranks;
	size_t heap_bytes; /* of each rank; it takes memory as it is written to */
	size_t job_bytes, report_bytes;
	const void *job;
	void (*rank_main)(struct symheap *h, const void *job, void *report);
	char *device; /* NULL, or DEVICE_TEXT_SIZE: what ran it; stays as it is on a host */
};

struct symheap_backend {
	const char *name;
	const char *doc;
	const char *caution; /* of what it measures; every report says so */
	bool dies;           /* ranks have cores of their own, to be counted in microbenchmarks */
	bool (*available)(const char **why_not);
	/* Runs all ranks to their end. reports: n_ranks x report_bytes. RC_INTERNAL when a rank
	   dies: the others are ended, and no shared memory is left behind. */
	enum rc (*launch)(const struct launch *l, void *reports, struct err *e);
};

extern const struct symheap_backend backend_host, backend_threads, backend_oshmem, backend_cuda,
        backend_ascend, backend_ascend_twin;
extern const struct symheap_backend *const symheap_backends[]; /* NULL-terminated */

const struct symheap_backend *symheap_backend_find(const char *name, struct err *e);

/* Collective: every rank makes the same allocations in the same order. Zeroed at first use, aligned
 * to FLAG_BYTES. */
void *sym_alloc(struct symheap *h, size_t bytes);

/* Readable bytes of that rank: in place, or fetched into scratch where loads do not reach. */
const void *sym_read(struct symheap *h, const void *own, size_t bytes, void *scratch, int64_t rank);

double sym_time_s(void); /* a clock that all ranks of a host share */
/* Processor time of this rank without what it spent on waiting: what its own work took, also where
 * other programs share the processors. */
double sym_work_s(const struct symheap *h);

/* May ranks spin while they wait? */
bool sym_may_spin(int64_t n_ranks);

/* Calls ready(data) until it holds: at first on the processor, if the heap spins, then giving it
 * away, at last sleeping for moments. */
void sym_wait_until(struct symheap *h, bool (*ready)(const void *data), const void *data);
void sym_moment(void); /* a short sleep */
