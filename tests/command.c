#include "tests/command.h"
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "tests/unit.h"

#ifdef __SANITIZE_ADDRESS__
enum { ROOM_LIMITED = false }; /* its shadow takes terabytes of addresses */
static const char second[] = "10";
#else
enum { ROOM_LIMITED = true };
static const char second[] = "1";
#endif

enum { SHOWN_BYTES = 4096, ROOM_BYTES = 1 << 30, CPU_SECONDS = 20, CANNOT_TRY = 77 };

struct shown {
	int status; /* 128 and more: killed by a signal */
	char out[SHOWN_BYTES], err[SHOWN_BYTES];
};

static void limit(int what, rlim_t most)
{
	const struct rlimit l = {.rlim_cur = most, .rlim_max = most};

	setrlimit(what, &l);
}

static void redirect(const char *path, int flags, int fd)
{
	int file = open(path, flags, 0600);

	if (file >= 0)
		dup2(file, fd);
}

/* In the child. What it shows goes to files beside the folder it runs in. */
static _Noreturn void child_run(const char *command)
{
	limit(RLIMIT_CORE, 0);
	limit(RLIMIT_CPU, CPU_SECONDS);
	if (ROOM_LIMITED)
		limit(RLIMIT_AS, ROOM_BYTES);
	redirect("/dev/null", O_RDONLY, STDIN_FILENO);
	redirect("../out", O_WRONLY | O_CREAT | O_TRUNC, STDOUT_FILENO);
	redirect("../err", O_WRONLY | O_CREAT | O_TRUNC, STDERR_FILENO);
	execl("/bin/sh", "sh", "-c", command, (char *)NULL);
	_exit(CANNOT_TRY);
}

static void file_read(const char *path, char text[SHOWN_BYTES])
{
	FILE *in = fopen(path, "r");
	size_t n = in ? fread(text, 1, SHOWN_BYTES - 1, in) : 0;

	text[n] = '\0';
	if (in)
		fclose(in);
}

static void file_write(const char *path, const char *text)
{
	FILE *out = fopen(path, "w");

	CU_ASSERT_PTR_NOT_NULL_FATAL(out);
	fputs(text, out);
	fclose(out);
}

static void command_run(const char *command, struct shown *s)
{
	int status = 0;
	pid_t child;

	fflush(NULL); /* or the child could write it again */
	child = fork();
	if (child == 0)
		child_run(command);
	CU_ASSERT_FATAL(child > 0 && waitpid(child, &status, 0) == child);
	s->status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	file_read("../out", s->out);
	file_read("../err", s->err);
}

/* The pieces of `says` between " ... " follow each other in text, the first at its start. */
static bool is_said(const char *text, const char *says)
{
	static const char any[] = " ... ";
	const char *from = text;

	while (*says) {
		const char *next = strstr(says, any);
		size_t n = next ? (size_t)(next - says) : strlen(says);
		const char *at = from;

		while (*at && strncmp(at, says, n) != 0)
			at++;
		if (!*at || (from == text && at != text))
			return false;
		from = at + n;
		says += next ? n + sizeof any - 1 : n;
	}
	return true;
}

static bool is_one_line(const char *text)
{
	const char *end = strchr(text, '\n');

	return end && end[1] == '\0';
}

static void wrong_judge(const struct wrong *w, const struct shown *s)
{
	static const char start[] = "epsim: ";
	bool ok = s->status == (int)w->rc && is_one_line(s->err) && !*s->out &&
	          strncmp(s->err, start, sizeof start - 1) == 0 &&
	          is_said(s->err + sizeof start - 1, w->says);
	char what[2048];

	snprintf(what, sizeof what,
	         "%s: exit status %d, output \"%.200s\", error \"%.900s\"; want %d and \"%s\"",
	         w->name, s->status, s->out, s->err, (int)w->rc, w->says);
	if (s->status != CANNOT_TRY)
		CU_assertImplementation(ok, __LINE__, what, __FILE__, "", CU_FALSE);
}

static void wrong_one(const struct wrong *w, struct shown *s)
{
	CU_ASSERT_FATAL(mkdir("try", 0700) == 0 && chdir("try") == 0);
	if (w->text)
		file_write("a.yaml", w->text);
	command_run(w->command ? w->command : "epsim config check a.yaml", s);
	wrong_judge(w, s);
	CU_ASSERT_FATAL(chdir("..") == 0 && system("rm -rf try") == 0);
}

static void environment_set(const char *top)
{
	const char *bin = getenv("EPSIM_BIN"), *path = getenv("PATH");
	char text[8192];

	if (bin && *bin == '/')
		snprintf(text, sizeof text, "%s:%s", bin, path);
	else
		snprintf(text, sizeof text, "%s/%s:%s", top, bin ? bin : "build", path);
	setenv("PATH", text, 1);
	setenv("TOP", top, 1);
	setenv("SECOND", second, 1);
}

void wrong_try(const struct wrong *rows, size_t n)
{
	const char *temporary = getenv("TMPDIR");
	char top[4096], folder[4096];
	struct shown s;

	snprintf(folder, sizeof folder, "%s/epsim.XXXXXX", temporary ? temporary : "/tmp");
	CU_ASSERT_FATAL(getcwd(top, sizeof top) && mkdtemp(folder) && chdir(folder) == 0);
	environment_set(top);
	for (size_t i = 0; i < n; i++)
		wrong_one(&rows[i], &s);
	CU_ASSERT(unlink("out") == 0 && unlink("err") == 0);
	CU_ASSERT(chdir(top) == 0 && rmdir(folder) == 0);
}
