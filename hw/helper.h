/* Programs of our own beside epsim that run a launch: what they need, epsim does not link.
 *
 * They get one file: this head, then the job. They leave in it, after the head and in place of the
 * job, the reports of all ranks. */
#pragma once
#include "hw/symheap.h"

enum helper_job { HELPER_TRIAL, HELPER_BENCH };

struct helper_head {
	int64_t job; /* enum helper_job */
	int64_t n_ranks, heap_bytes, job_bytes, report_bytes;
	char device[DEVICE_TEXT_SIZE]; /* by the program: what ran it; "": processors of this host
	                                */
};

enum { HELPER_PATH_SIZE = 4096 };

/* The program of that name beside the one that runs. False when there is none. */
bool helper_find(const char *name, char path[HELPER_PATH_SIZE]);

/* Runs it for a launch. start: replaces the process by the program, with the job's file as its
 * argument; returns only on failure; the file lies alone in a folder that takes whatever the
 * program leaves. who: for messages. Whatever ends first, nothing is left (keeper.h). */
enum rc helper_launch(const struct launch *l, const char *who,
                      void (*start)(const struct launch *l, const char *job), void *reports,
                      struct err *e);

/* For the programs: the job, from the heap; and the reports. They end the process on failure. */
void *helper_job_read(const char *path, struct helper_head *head);
void helper_reports_write(const char *path, const struct helper_head *head, const void *reports);
