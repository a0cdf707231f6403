/* A wrong result ends `epsim hw run` with status 1. This program stands beside a copy of epsim
 * under the name of a helper: ranks are threads then, and what they put or get of rows has a bit
 * flipped. */
#define _XOPEN_SOURCE 700 // NOLINT(bugprone-reserved-identifier)
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "hw/helper.h"
#include "hw/symheap_shared.h"
#include "hw/trial.h"
#include "models/base/arena.h"
#include "tests/unit.h"

/* ---- the helper ---- */

enum { HIDDEN = 64, ROW_BYTES = 2 * HIDDEN };

static const char helper_name[] = "epsim-cuda", flips[] = "EPSIM_FLIPS";

static void flip(const struct symheap *h, char *row, size_t bytes)
{
	const char *which = getenv(flips);

	if (which && strcmp(which, "a row") == 0 && h->rank == 1 && bytes >= ROW_BYTES)
		row[ROW_BYTES / 2] ^= 1;
}

static void put(struct symheap *h, void *to, const void *from, size_t bytes, int64_t rank)
{
	symheap_shared_ops.put(h, to, from, bytes, rank);
	flip(h, symheap_shared_ops.peer(h, to, rank), bytes);
}

static void get(struct symheap *h, void *to, const void *from, size_t bytes, int64_t rank)
{
	symheap_shared_ops.get(h, to, from, bytes, rank);
	flip(h, to, bytes);
}

static void rank_main(struct symheap *h, const void *job, void *report)
{
	struct symheap_ops ops = symheap_shared_ops;

	ops.put = put, ops.get = get;
	h->ops = &ops;
	trial_rank_main(h, job, report);
}

static int help(const char *path)
{
	struct helper_head head;
	void *job = helper_job_read(path, &head);
	struct trial_report *reports = heap_zeroed((size_t)head.n_ranks, sizeof *reports);
	struct launch l = {.n_ranks = head.n_ranks,
	                   .heap_bytes = (size_t)head.heap_bytes,
	                   .job_bytes = (size_t)head.job_bytes,
	                   .report_bytes = sizeof *reports,
	                   .job = job,
	                   .rank_main = rank_main};
	struct err e;
	enum rc rc = backend_threads.launch(&l, reports, &e);

	helper_reports_write(path, &head, reports);
	free(reports);
	free(job);
	return (int)rc;
}

/* ---- the test ---- */

struct ran {
	int status; /* exit status */
	char says[8192];
};

static void epsim_run(struct ran *r, const char *folder, const char *which, const char *options)
{
	char command[2 * PATH_MAX];
	int status;
	FILE *out;

	snprintf(command, sizeof command,
	         "%s='%s' '%s/epsim' hw run --backend cuda --ranks 2 --tokens 5 --hidden %d "
	         "--repeats 0 %s 2>&1",
	         flips, which, folder, HIDDEN, options);
	out = popen(command, "r");
	CU_ASSERT_PTR_NOT_NULL_FATAL(out);
	r->says[fread(r->says, 1, sizeof r->says - 1, out)] = '\0';
	status = pclose(out);
	r->status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* epsim, and this program as the helper beside it. */
static void folder_make(char *folder)
{
	char command[2 * PATH_MAX], self[PATH_MAX], link[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);

	CU_ASSERT_FATAL(n > 0 && mkdtemp(folder) != NULL);
	self[n] = '\0';
	snprintf(link, sizeof link, "%.*s/%s", PATH_MAX - 32, folder, helper_name);
	snprintf(command, sizeof command, "cp \"$EPSIM_BIN/epsim\" '%s/epsim'", folder);
	CU_ASSERT_EQUAL_FATAL(system(command), 0);
	CU_ASSERT_EQUAL_FATAL(symlink(self, link), 0);
}

static void test_wrong(void)
{
	static const char *const each[] = {
	        "--flow relay3 --phase prefill", "--flow relay3 --phase decode",
	        "--flow relay2 --phase prefill", "--flow relay2 --phase decode",
	        "--flow direct --phase prefill", "--flow direct --phase decode"};
	char folder[64];
	struct ran r;

	snprintf(folder, sizeof folder, "%.40s/epsim-XXXXXX",
	         getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
	folder_make(folder);
	epsim_run(&r, folder, "none", "--flow all");
	CU_ASSERT_EQUAL(r.status, 0);
	CU_ASSERT_PTR_NULL(strstr(r.says, "DIFFERS"));
	for (size_t i = 0; i < sizeof each / sizeof *each; i++) {
		epsim_run(&r, folder, "a row", each[i]);
		CU_ASSERT_EQUAL(r.status, 1);
		UNIT_HOLDS(r.says, "DIFFERS");
		UNIT_HOLDS(r.says, "epsim: results differ");
	}
	epsim_run(&r, folder, "a row", "--flow all --json");
	CU_ASSERT_EQUAL(r.status, 1);
	UNIT_HOLDS(r.says, "\"equal\": false");
	snprintf(r.says, sizeof r.says, "rm -r '%s'", folder);
	CU_ASSERT_EQUAL(system(r.says), 0);
}

int main(int argc, char **argv)
{
	static const struct unit_test tests[] = {{"wrong", test_wrong}, {NULL, NULL}};
	const char *name = strrchr(argv[0], '/');

	if (argc == 2 && name && strcmp(name + 1, helper_name) == 0)
		return help(argv[1]);
	return unit_main("hw_wrong", tests);
}
