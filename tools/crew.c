#include "tools/crew.h"
#include <pthread.h>
#include <stdatomic.h>

struct crew {
	size_t n;
	enum rc (*run)(void *data, size_t i, struct err *e);
	void *data;
	atomic_size_t next;
	pthread_mutex_t lock; /* of what follows */
	size_t failed;        /* n: none */
	struct err error;
};

static void *work(void *data)
{
	struct crew *c = data;

	for (;;) {
		size_t i = atomic_fetch_add(&c->next, 1);
		struct err e = {0};

		if (i >= c->n)
			return NULL;
		if (c->run(c->data, i, &e) == RC_OK)
			continue;
		pthread_mutex_lock(&c->lock);
		if (i < c->failed)
			c->failed = i, c->error = e;
		pthread_mutex_unlock(&c->lock);
	}
}

enum rc crew_run(int jobs, size_t n, enum rc (*run)(void *data, size_t i, struct err *e),
                 void *data, struct err *e)
{
	enum { MOST_THREADS = 256 };
	struct crew c = {.n = n, .run = run, .data = data, .failed = n};
	pthread_t thread[MOST_THREADS];
	int n_threads = 0;

	pthread_mutex_init(&c.lock, NULL);
	for (; n_threads < jobs - 1 && n_threads < MOST_THREADS && (size_t)n_threads + 1 < n;
	     n_threads++) {
		if (pthread_create(&thread[n_threads], NULL, work, &c) != 0)
			break; /* fewer threads do the same work */
	}
	work(&c);
	while (n_threads > 0)
		pthread_join(thread[--n_threads], NULL);
	pthread_mutex_destroy(&c.lock);
	if (c.failed < n)
		return *e = c.error, e->rc;
	return RC_OK;
}
