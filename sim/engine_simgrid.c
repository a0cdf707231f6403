/* SimGrid as the reference: an independent solver of the same rules.
 *
 * It runs in a child process, which has the graph by fork's copy on write and answers through a
 * pipe. Its globals never touch ours, and when it aborts that is an error with its last words. */
#include "sim/engine_simgrid.h"

#ifndef EPSIM_HAVE_SIMGRID

static bool available(const char **why_not)
{
	*why_not = "built without SimGrid";
	return false;
}

enum rc simgrid_price(const struct graph *g, bool links_wait, struct timeline *t, struct err *e)
{
	(void)g, (void)links_wait, (void)t;
	return fail(e, RC_NO, "engine simgrid: built without SimGrid");
}

#else

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "models/base/arena.h"
#include "sim/overload.h"
#include "sim/simgrid_problem.h"
#include "sim/successors.h"

/* What resources may seem to be overloaded by, relative to the makespan: SimGrid's rounding. */
#define ROUNDING_RATIO 0x1p-30

/* The answer is this, then start_s and finish_s. */
struct answer {
	uint64_t event_count;
};

/* --- the child --- */

struct worker {
	const struct graph *g;
	struct simgrid_problem problem;
	struct simgrid_shim *shim;
	struct timeline t;
	uint32_t *n_pending;   /* per activity: unfinished predecessors */
	uint32_t *n_transfers; /* per activity: unfinished */
	uint32_t *succ_begin, *succ;
	uint32_t *done; /* finish now; also those that finish in consequence */
	uint32_t n_done, n_finished;
	double latest_s;
};

static void begin_work(struct worker *w, uint32_t i)
{
	if (w->g->work_units[i] == 0)
		w->done[w->n_done++] = i;
	for (uint32_t k = w->problem.flow_begin[i]; k < w->problem.flow_begin[i + 1]; k++)
		simgrid_shim_start(w->shim, k);
}

static void begin(struct worker *w, uint32_t i)
{
	double now_s = simgrid_shim_now_s();
	bool by_link = w->problem.platform.latency_s && w->g->work_units[i] > 0;
	w->t.start_s[i] = now_s;
	if (w->g->latency_s[i] > 0 && !by_link)
		simgrid_shim_set_timer(w->shim, now_s + w->g->latency_s[i], i);
	else
		begin_work(w, i);
}

static void finish_done(struct worker *w)
{
	double now_s = simgrid_shim_now_s();
	w->t.event_count += now_s > w->latest_s;
	w->latest_s = now_s;
	while (w->n_finished < w->n_done) {
		uint32_t i = w->done[w->n_finished++];
		w->t.finish_s[i] = now_s;
		for (uint32_t k = w->succ_begin[i]; k < w->succ_begin[i + 1]; k++)
			if (--w->n_pending[w->succ[k]] == 0)
				begin(w, w->succ[k]);
	}
}

static void on_flow_ended(void *context, uint32_t flow)
{
	struct worker *w = context;
	uint32_t i = w->problem.activity_of[flow];
	if (--w->n_transfers[i] == 0)
		w->done[w->n_done++] = i;
	finish_done(w);
}

static void on_timer_ended(void *context, uint32_t i)
{
	begin_work(context, i);
	finish_done(context);
}

static void worker_run(struct worker *w)
{
	const struct graph *g = w->g;
	size_t n = g->n_activities;
	struct simgrid_events events = {w, on_flow_ended, on_timer_ended};
	struct arena *arena = w->problem.arena;
	w->n_pending = arena_alloc(arena, n * sizeof(uint32_t));
	w->n_transfers = arena_alloc(arena, n * sizeof(uint32_t));
	w->done = arena_alloc(arena, n * sizeof(uint32_t));
	w->succ_begin = arena_alloc(arena, (n + 1) * sizeof(uint32_t));
	w->succ = arena_alloc(arena, g->n_preds * sizeof(uint32_t));
	find_successors(g, w->succ_begin, w->succ);
	w->shim = simgrid_shim_open(&w->problem.platform, &events);
	for (size_t i = 0; i < n; i++) {
		w->n_pending[i] = (uint32_t)(g->pred_begin[i + 1] - g->pred_begin[i]);
		w->n_transfers[i] = w->problem.flow_begin[i + 1] - w->problem.flow_begin[i];
	}
	for (uint32_t i = 0; i < n; i++)
		if (g->pred_begin[i] == g->pred_begin[i + 1])
			begin(w, i);
	finish_done(w);
	simgrid_shim_run(w->shim);
}

static bool write_all(int fd, const void *bytes, size_t n_bytes)
{
	for (const char *at = bytes; n_bytes > 0;) {
		ssize_t n = write(fd, at, n_bytes);
		if (n < 0 && errno != EINTR)
			return false;
		at += n > 0 ? n : 0;
		n_bytes -= n > 0 ? (size_t)n : 0;
	}
	return true;
}

/* Never returns. Nothing of the parent's is flushed or freed. */
static _Noreturn void be_worker(struct worker *w, int out)
{
	worker_run(w);
	struct answer answer = {w->t.event_count};
	if (w->n_finished < w->g->n_activities) {
		fprintf(stderr, "%u of %u activities never ended\n",
		        w->g->n_activities - w->n_finished, w->g->n_activities);
		fflush(stderr);
		_exit(EXIT_FAILURE);
	}
	if (!write_all(out, &answer, sizeof answer) ||
	    !write_all(out, w->t.start_s, 2 * w->g->n_activities * sizeof(double)))
		_exit(EXIT_FAILURE);
	_exit(EXIT_SUCCESS);
}

/* --- the parent --- */

/* What a pipe has brought: all of it up to room, or, of words, the last. */
struct stream {
	int fd;
	char *text;
	size_t n, room;
	bool keep_last;
};

/* False at the end. */
static bool stream_read(struct stream *s)
{
	char spill[256];
	size_t room = s->room - s->n;
	if (room == 0 && s->keep_last) {
		s->n -= s->room / 2;
		room = s->room - s->n;
		memmove(s->text, s->text + s->room / 2, s->n);
	}
	ssize_t n = room ? read(s->fd, s->text + s->n, room) : read(s->fd, spill, sizeof spill);
	if (n > 0 && room)
		s->n += (size_t)n;
	return n > 0 || (n < 0 && errno == EINTR);
}

/* Reads both until they end: waiting for one alone might leave the child stuck at the other. */
static void read_both(struct stream *a, struct stream *b)
{
	struct pollfd polls[2] = {{.fd = a->fd, .events = POLLIN}, {.fd = b->fd, .events = POLLIN}};
	while (polls[0].fd >= 0 || polls[1].fd >= 0) {
		if (poll(polls, 2, -1) < 0) {
			if (errno != EINTR)
				return;
			continue;
		}
		if (polls[0].revents && !stream_read(a))
			polls[0].fd = -1;
		if (polls[1].revents && !stream_read(b))
			polls[1].fd = -1;
	}
}

/* The last line of words that says something, terminated in place. */
static const char *last_line(struct stream *words)
{
	char *text = words->text;
	while (words->n > 0 && strchr(" \n", text[words->n - 1]))
		words->n--;
	text[words->n] = '\0';
	char *newline = strrchr(text, '\n');
	return newline ? newline + 1 : text;
}

static enum rc child_failed(int status, struct stream *words, struct err *e)
{
	char how[64] = "ended early";
	if (WIFSIGNALED(status))
		snprintf(how, sizeof how, "ended by signal %d", WTERMSIG(status));
	else if (WIFEXITED(status) && WEXITSTATUS(status) != 0)
		snprintf(how, sizeof how, "ended with status %d", WEXITSTATUS(status));
	const char *line = last_line(words);
	return fail(e, RC_INTERNAL, "engine simgrid: its process %s%s%s", how, *line ? ": " : "",
	            line);
}

/* Runs the worker in a child; its answer fills w->t. */
static enum rc run_child(struct worker *w, struct err *e)
{
	struct answer answer;
	char text[1025];
	size_t n_bytes = sizeof answer + 2 * w->g->n_activities * sizeof(double);
	int out[2], err[2], status = 0;
	if (pipe(out) < 0)
		return fail(e, RC_INTERNAL, "engine simgrid: no pipe: %s", strerror(errno));
	if (pipe(err) < 0) {
		close(out[0]), close(out[1]);
		return fail(e, RC_INTERNAL, "engine simgrid: no pipe: %s", strerror(errno));
	}
	pid_t child = fork();
	if (child == 0) {
		dup2(err[1], STDERR_FILENO);
		close(STDOUT_FILENO); /* holds what the parent has not flushed yet */
		be_worker(w, out[1]);
	}
	close(out[1]), close(err[1]);
	char *bytes = heap_resize(NULL, n_bytes, 1);
	struct stream result = {.fd = out[0], .text = bytes, .room = n_bytes};
	struct stream words = {
	        .fd = err[0], .text = text, .room = sizeof text - 1, .keep_last = true};
	if (child > 0)
		read_both(&result, &words);
	while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	close(out[0]), close(err[0]);
	enum rc rc = RC_OK;
	if (child < 0) {
		rc = fail(e, RC_INTERNAL, "engine simgrid: no process: %s", strerror(errno));
	} else if (result.n < n_bytes) {
		rc = child_failed(status, &words, e);
	} else {
		memcpy(&answer, bytes, sizeof answer);
		memcpy(w->t.start_s, bytes + sizeof answer, n_bytes - sizeof answer);
		w->t.event_count = answer.event_count;
	}
	free(bytes);
	return rc;
}

static enum rc check_load(const struct graph *g, const struct timeline *t, struct err *e)
{
	struct overload worst;
	if (!timeline_overload(g, t, ROUNDING_RATIO, &worst))
		return RC_OK;
	uint32_t r = worst.resource;
	return fail(
	        e, RC_INTERNAL,
	        "engine simgrid: %s of %u moved %.4g times what it can: SimGrid's rates are wrong",
	        resource_kind_name(g->kind[r]), g->owner[r],
	        worst.moved_units / worst.allowed_units);
}

enum rc simgrid_price(const struct graph *g, bool links_wait, struct timeline *t, struct err *e)
{
	struct worker w = {.g = g, .latest_s = -1};
	TRY(simgrid_problem_init(&w.problem, g, links_wait, e));
	timeline_init(&w.t);
	timeline_resize(&w.t, g->n_activities);
	enum rc rc = run_child(&w, e);
	for (uint32_t i = 0; i < g->n_activities && rc == RC_OK; i++)
		if (w.t.finish_s[i] > w.t.makespan_s)
			w.t.makespan_s = w.t.finish_s[i];
	if (rc == RC_OK)
		rc = check_load(g, &w.t, e);
	if (rc == RC_OK) {
		timeline_fini(t);
		*t = w.t;
	} else {
		timeline_fini(&w.t);
	}
	simgrid_problem_fini(&w.problem);
	return rc;
}

static bool available(const char **why_not)
{
	(void)why_not;
	return true;
}

#endif

static enum rc run(const struct graph *g, const struct engine_options *options, struct timeline *t,
                   struct err *e)
{
	(void)options; /* it cannot be less than exact */
	return simgrid_price(g, false, t, e);
}

const struct engine engine_simgrid = {
        .name = "simgrid",
        .doc = "SimGrid in a process of its own: the independent reference, slow",
        .available = available,
        .run = run,
};
