#include "sim/sweep_team.h"
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "models/base/arena.h"
#include "sim/sweep_store.h"

struct sweep_team {
	struct arena *arena;
	const char *path, *file;
	int fd;
};

struct sweep_team *team_new(const char *path)
{
	struct sweep_team *t = heap_zeroed(1, sizeof *t);

	t->arena = arena_new();
	t->path = arena_string(t->arena, path);
	t->fd = -1;
	return t;
}

static void file_close(struct sweep_team *t)
{
	if (t->fd >= 0)
		close(t->fd);
	t->fd = -1;
}

void team_free(struct sweep_team *t)
{
	if (!t)
		return;
	file_close(t);
	arena_free(t->arena);
	free(t);
}

static enum rc trouble(const struct sweep_team *t, struct err *e)
{
	return fail(e, RC_CONFIG, "%s: %s", t->file, strerror(errno));
}

enum rc team_begin(struct sweep_team *t, const char *name, struct err *e)
{
	file_close(t);
	t->file = arena_print(t->arena, "%s.claims-%s", t->path, name);
	t->fd = open(t->file, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
	if (t->fd < 0)
		return trouble(t, e);
	return RC_OK; /* bytes beyond its end read as not done */
}

static int lock_byte(const struct sweep_team *t, size_t block, short type, bool wait)
{
	struct flock lock = {
	        .l_type = type, .l_whence = SEEK_SET, .l_start = (off_t)block, .l_len = 1};
	int code;

	do
		code = fcntl(t->fd, wait ? F_SETLKW : F_SETLK, &lock);
	while (code != 0 && errno == EINTR);
	return code;
}

enum rc team_claim(struct sweep_team *t, size_t block, bool wait, enum claim *out, struct err *e)
{
	char is_done = 0;

	if (lock_byte(t, block, F_WRLCK, wait) != 0) {
		*out = CLAIM_TAKEN;
		return errno == EACCES || errno == EAGAIN ? RC_OK : trouble(t, e);
	}
	if (pread(t->fd, &is_done, 1, (off_t)block) < 0)
		return trouble(t, e);
	*out = is_done ? CLAIM_DONE : CLAIM_OURS;
	if (is_done && lock_byte(t, block, F_UNLCK, false) != 0)
		return trouble(t, e);
	return RC_OK;
}

enum rc team_release(struct sweep_team *t, size_t block, bool done, struct err *e)
{
	if (done && pwrite(t->fd, "\1", 1, (off_t)block) != 1)
		return trouble(t, e);
	if (lock_byte(t, block, F_UNLCK, false) != 0)
		return trouble(t, e);
	return RC_OK;
}

enum rc team_gather(struct sweep_team *t, struct sweep_store *store, struct err *e)
{
	glob_t found = {0};
	enum rc rc = RC_OK;

	if (glob(arena_print(t->arena, "%s.part-*[0-9]", t->path), 0, NULL, &found) != 0)
		return RC_OK;
	for (size_t i = 0; rc == RC_OK && i < found.gl_pathc; i++) {
		rc = store_merge(store, found.gl_pathv[i], e);
		if (rc == RC_OK)
			store_remove(found.gl_pathv[i]);
	}
	globfree(&found);
	return rc;
}
