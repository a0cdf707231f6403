#include "tools/plot_gnuplot.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* In the child: becomes gnuplot, or says on `trouble` why not. */
static _Noreturn void become_gnuplot(const char *dir, const char *const *args, int words,
                                     int trouble)
{
	enum { MOST_WORDS = 64 };
	char *argv[MOST_WORDS] = {(char[]){"gnuplot"}};
	int null = open("/dev/null", O_RDWR), n = 1, why = ENOTDIR;

	while (n < MOST_WORDS - 1 && args[n - 1])
		argv[n] = (char *)args[n - 1], n++;
	if (null >= 0 && dup2(null, 0) >= 0 && dup2(words, 1) >= 0 && dup2(words, 2) >= 0 &&
	    chdir(dir) == 0) {
		execvp(argv[0], argv);
		why = errno;
	}
	(void)!write(trouble, &why, sizeof why);
	_exit(127);
}

/* Everything to the end of file; what does not fit is dropped. */
static void read_all(int from, char *out, size_t size)
{
	char rest[512];
	size_t n = 0;

	for (;;) {
		bool full = n + 1 >= size;
		ssize_t got = read(from, full ? rest : out + n, full ? sizeof rest : size - 1 - n);

		if (got <= 0 && !(got < 0 && errno == EINTR))
			break;
		if (got > 0 && !full)
			n += (size_t)got;
	}
	out[n] = '\0';
}

/* One line: what lies between words becomes one space. */
static void line_make(char *text)
{
	char *out = text;

	for (const char *in = text; *in; in++) {
		if ((unsigned char)*in > ' ')
			*out++ = *in;
		else if (out > text && out[-1] != ' ')
			*out++ = ' ';
	}
	if (out > text && out[-1] == ' ')
		out--;
	*out = '\0';
}

static enum rc outcome(pid_t child, int words, int trouble, bool *found, struct err *e)
{
	char said[768];
	int status, why = 0;

	read_all(words, said, sizeof said);
	if (read(trouble, &why, sizeof why) != sizeof why)
		why = 0;
	while (waitpid(child, &status, 0) < 0) {
		if (errno != EINTR)
			return fail(e, RC_INTERNAL, "gnuplot: %s", strerror(errno));
	}
	*found = why != ENOENT;
	if (why != 0)
		return *found ? fail(e, RC_INTERNAL, "gnuplot cannot be run: %s", strerror(why))
		              : RC_OK;
	if (status == 0)
		return RC_OK;
	line_make(said);
	return fail(e, RC_INTERNAL, "gnuplot failed: %s", *said ? said : "without a word");
}

enum rc gnuplot_run(const char *dir, const char *const *args, bool *found, struct err *e)
{
	int words[2], trouble[2];
	pid_t child;
	enum rc rc;

	if (pipe(words) != 0)
		return fail(e, RC_INTERNAL, "gnuplot: %s", strerror(errno));
	if (pipe(trouble) != 0) {
		close(words[0]), close(words[1]);
		return fail(e, RC_INTERNAL, "gnuplot: %s", strerror(errno));
	}
	fcntl(trouble[1], F_SETFD, FD_CLOEXEC); /* closes when gnuplot starts */
	child = fork();
	if (child == 0)
		become_gnuplot(dir, args, words[1], trouble[1]);
	close(words[1]), close(trouble[1]);
	if (child < 0)
		rc = fail(e, RC_INTERNAL, "gnuplot: %s", strerror(errno));
	else
		rc = outcome(child, words[0], trouble[0], found, e);
	close(words[0]), close(trouble[0]);
	return rc;
}
