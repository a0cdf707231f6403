/* Which device and what kind of work the processes and threads of a Chrome trace stand for: its
 * metadata tells, and may come after the events. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

enum chrome_role {
	ROLE_OTHER,         /* hosts, counters, what is derived */
	ROLE_HARDWARE,      /* "Ascend Hardware": kernels on the device */
	ROLE_COMMUNICATION, /* "Communication", older "HCCL": collectives and their tasks */
	ROLE_RANK,          /* "rank 3": our own recorder and `epsim run --timeline` */
};

enum { CHROME_MOST_NAMES = 1 << 16, CHROME_NAME_SIZE = 48 };

/* A process, or a thread of one (tid), by number. */
struct chrome_name {
	bool used, thread;
	int64_t pid, tid;
	enum chrome_role role;
	int32_t number;               /* of the device or rank; TRACE_UNKNOWN */
	bool plane;                   /* of threads: "Plane 0", tasks of a collective */
	char group[CHROME_NAME_SIZE]; /* of threads: "Group ep0 Communication" is of ep0 */
};

struct chrome_names {
	struct chrome_name *slot; /* open addressing */
	uint32_t n, room;
};

void chrome_names_init(struct chrome_names *t);
void chrome_names_fini(struct chrome_names *t);

/* NULL when there is none. */
const struct chrome_name *chrome_name_find(const struct chrome_names *t, bool thread, int64_t pid,
                                           int64_t tid);

/* What the metadata event `what` ("process_name") says of a process or thread. False when there are
 * more than CHROME_MOST_NAMES. */
bool chrome_name_learn(struct chrome_names *t, const char *what, int64_t pid, int64_t tid,
                       const char *text);
