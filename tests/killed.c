#include "tests/killed.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "sim/sweep_store.h"
#include "sim/sweep_team.h"
#include "tests/exchange.h"
#include "tests/sweeps.h"
#include "tests/unit.h"

enum { PATH_CHARS = 256, MEMBERS = 3 };

struct trial {
	struct config *config;
	struct sweep *whole; /* left alone */
	char folder[PATH_CHARS], path[PATH_CHARS + 32];
	double took_s;
	struct rng draw;
};

/* Some hundred prices of a fraction of a second: kills come before, amid and after. */
static struct config *sweep_to_kill(void)
{
	struct config *c = config_of("cloudmatrix384", "qwen3-30b-a3b");
	struct err e = {0};

	config_section(c, SECTION_WORKLOAD, "sharegpt", &e);
	UNIT_TEXT(e.text, "");
	sweep_set(c, "sweep.flow=relay2,direct");
	sweep_set(c, "sweep.ep=16,24");
	sweep_set(c, "sweep.tp=1,2");
	sweep_set(c, "sweep.batch=16..256 *2");
	sweep_set(c, "sweep.chunk=256,512");
	sweep_set(c, "routing.kind=uniform");
	return c;
}

/* Seconds, only to draw a moment. */
static double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 0x1.12e0be826d695p-30;
}

static void trial_init(struct trial *t)
{
	const char *tmp = getenv("TMPDIR");
	double begin_s = now_s();

	*t = (struct trial){.config = sweep_to_kill()};
	t->whole = sweep_made(t->config, &(struct sweep_options){.jobs = 1});
	t->took_s = now_s() - begin_s;
	rng_init(&t->draw, 5, 0);
	snprintf(t->folder, sizeof t->folder, "%s/epsim-XXXXXX", tmp ? tmp : "/tmp");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(t->folder));
}

static void trial_fini(struct trial *t)
{
	char command[2 * PATH_CHARS];

	snprintf(command, sizeof command, "rm -r '%s'", t->folder);
	CU_ASSERT_EQUAL(system(command), 0);
	sweep_free(t->whole);
	config_free(t->config);
}

/* In a child: the sweep with its store. */
static _Noreturn void child_sweep(const struct trial *t)
{
	struct sweep_options o = {.jobs = 2};
	struct sweep *s;
	struct err e;

	if (store_open(t->path, STORE_ANY, &o.store, &e) != RC_OK ||
	    sweep_run(t->config, &o, &s, &e) != RC_OK)
		_exit(1);
	_exit(0);
}

static void sleep_drawn(struct trial *t)
{
	enum { NS = 1000000000 };
	double s = 1.3 * t->took_s * rng_uniform_ratio(&t->draw);
	struct timespec left = {.tv_sec = (time_t)s,
	                        .tv_nsec = (long)((s - (double)(time_t)s) * NS)};

	nanosleep(&left, NULL);
}

static size_t stored(const struct trial *t)
{
	struct sweep_store *s = NULL;
	struct err e = {0};
	size_t n = 0;

	store_open(t->path, STORE_ANY, &s, &e);
	UNIT_TEXT(e.text, "");
	CU_ASSERT_PTR_NOT_NULL_FATAL(s);
	CU_ASSERT_EQUAL(store_check(s, &e), RC_OK);
	CU_ASSERT_EQUAL(store_count(s, &n, &e), RC_OK);
	store_close(s);
	return n;
}

static void sweep_resumed(const struct trial *t, size_t n_stored)
{
	struct sweep_options o = {.jobs = 1};
	struct sweep *s;
	struct err e = {0};

	store_open(t->path, STORE_THERE, &o.store, &e);
	UNIT_TEXT(e.text, "");
	s = sweep_made(t->config, &o);
	CU_ASSERT_EQUAL(s->n_stored, n_stored);
	CU_ASSERT(same_sweep(s, t->whole));
	sweep_free(s);
	store_close(o.store);
}

static void one_sweep_killed(struct trial *t, size_t number, size_t n_times)
{
	size_t n = 0;

	snprintf(t->path, sizeof t->path, "%s/%zu.db", t->folder, number);
	for (size_t i = 0; i < n_times; i++) {
		pid_t child = fork();
		size_t more;
		int status;

		if (child == 0)
			child_sweep(t);
		CU_ASSERT_FATAL(child > 0);
		sleep_drawn(t);
		kill(child, SIGKILL);
		CU_ASSERT_EQUAL(waitpid(child, &status, 0), child);
		CU_ASSERT(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
		more = stored(t);
		CU_ASSERT(more >= n);
		n = more;
	}
	sweep_resumed(t, n);
}

void sweeps_killed(size_t n_kills)
{
	enum { TIMES = 3 };
	struct trial t;

	trial_init(&t);
	for (size_t done = 0, number = 0; done < n_kills; number++) {
		size_t times = 1 + rng_below(&t.draw, TIMES);

		times = times < n_kills - done ? times : n_kills - done;
		one_sweep_killed(&t, number, times);
		done += times;
	}
	trial_fini(&t);
}

/* ---- teams ---- */

static _Noreturn void child_member(const struct trial *t, int number)
{
	struct sweep_options o = {.jobs = 1};
	char part[PATH_CHARS + 64];
	struct err e;
	size_t n;
	enum rc rc;

	snprintf(part, sizeof part, "%s.part-%d", t->path, number);
	if (store_open(part, STORE_LATER, &o.store, &e) != RC_OK)
		_exit(1);
	o.team = team_new(t->path);
	rc = sweep_fill(t->config, &o, &n, &e);
	store_close(o.store);
	team_free(o.team);
	_exit(rc == RC_OK ? 0 : 1);
}

static void first_member(const struct trial *t)
{
	struct sweep_options o = {.jobs = 1};
	struct sweep *s;
	struct err e = {0};

	store_open(t->path, STORE_ALONE, &o.store, &e);
	UNIT_TEXT(e.text, "");
	o.team = team_new(t->path);
	s = sweep_made(t->config, &o);
	CU_ASSERT(same_sweep(s, t->whole));
	CU_ASSERT_EQUAL(s->n_stored, s->n_prefill + s->n_decode);
	sweep_free(s);
	store_close(o.store);
	team_free(o.team);
}

/* A child that kills another after a drawn time; the first member is busy meanwhile. */
static pid_t killer(struct trial *t, pid_t victim)
{
	pid_t child = fork();

	if (child != 0)
		return child;
	sleep_drawn(t);
	kill(victim, SIGKILL);
	_exit(0);
}

static void one_team_bereft(struct trial *t, size_t number)
{
	pid_t child[MEMBERS];
	int status;

	snprintf(t->path, sizeof t->path, "%s/team-%zu.db", t->folder, number);
	for (int i = 1; i < MEMBERS; i++) {
		child[i] = fork();
		if (child[i] == 0)
			child_member(t, i);
		CU_ASSERT_FATAL(child[i] > 0);
	}
	child[0] = killer(t, child[1 + rng_below(&t->draw, MEMBERS - 1)]);
	first_member(t);
	for (int i = 0; i < MEMBERS; i++) {
		CU_ASSERT_EQUAL(waitpid(child[i], &status, 0), child[i]);
		CU_ASSERT(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
	}
}

void teams_bereft(size_t n_kills)
{
	struct trial t;

	trial_init(&t);
	for (size_t i = 0; i < n_kills; i++)
		one_team_bereft(&t, i);
	trial_fini(&t);
}
