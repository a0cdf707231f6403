#include "tests/browser.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { PATIENCE_MS = 30000, TEXT = 1024 };

struct browser {
	pid_t child;
	int to, from;
	char folder[256], session[64];
	char *heard; /* bytes that are no whole message yet */
	size_t n_heard, room;
	int n_calls;
	size_t n_complaints, n_requests;
	char complaint[TEXT], request[TEXT];
	char page[TEXT]; /* URL that was loaded */
};

/* ---- starting and ending ---- */

static const char *const names[] = {"chromium", "chromium-browser", NULL};

static const char *program(char *buf, size_t size)
{
	const char *path = getenv("PATH");

	for (const char *at = path; at && *at;) {
		size_t n = strcspn(at, ":");

		for (size_t i = 0; names[i]; i++) {
			snprintf(buf, size, "%.*s/%s", (int)n, at, names[i]);
			if (access(buf, X_OK) == 0)
				return buf;
		}
		at += n + (at[n] == ':');
	}
	return NULL;
}

bool browser_there(void)
{
	char path[4096];

	return program(path, sizeof path) != NULL;
}

static _Noreturn void become(const char *path, const char *folder, const int *to, const int *from)
{
	enum { COMMANDS = 3, ANSWERS = 4, HIGH = 40 };
	char data[512];
	int null = open("/dev/null", O_RDWR);
	char *argv[] = {(char *)path,
	                (char[]){"--headless=new"},
	                (char[]){"--no-sandbox"}, /* tests may run as root */
	                (char[]){"--disable-gpu"},
	                (char[]){"--disable-dev-shm-usage"},
	                (char[]){"--disable-breakpad"},
	                (char[]){"--disable-crash-reporter"},
	                (char[]){"--no-first-run"},
	                (char[]){"--disable-background-networking"},
	                (char[]){"--remote-debugging-pipe"},
	                data,
	                (char[]){"about:blank"},
	                NULL};

	snprintf(data, sizeof data, "--user-data-dir=%s", folder);
	setpgid(0, 0);
	setenv("HOME", folder, 1);
	if (null >= 0 && dup2(null, 0) >= 0 && dup2(null, 1) >= 0 && dup2(null, 2) >= 0 &&
	    dup2(to[0], HIGH) >= 0 && dup2(from[1], HIGH + 1) >= 0 && dup2(HIGH, COMMANDS) >= 0 &&
	    dup2(HIGH + 1, ANSWERS) >= 0) {
		for (int fd = ANSWERS + 1; fd <= HIGH + 1; fd++)
			close(fd);
		execv(path, argv);
	}
	_exit(127);
}

static bool start(struct browser *b)
{
	const char *temporary = getenv("TMPDIR");
	char path[4096];
	int to[2], from[2];

	snprintf(b->folder, sizeof b->folder, "%s/epsim-browser.XXXXXX",
	         temporary ? temporary : "/tmp");
	if (!program(path, sizeof path) || !mkdtemp(b->folder) || pipe(to) != 0)
		return false;
	if (pipe(from) != 0) {
		close(to[0]), close(to[1]);
		return false;
	}
	fflush(NULL); /* or the child could write it again */
	b->child = fork();
	if (b->child == 0)
		become(path, b->folder, to, from);
	close(to[0]), close(from[1]);
	b->to = to[1], b->from = from[0];
	return b->child > 0;
}

/* Waits a while for the child; true when it is gone. */
static bool child_gone(pid_t child, int wait_ms)
{
	const struct timespec step = {.tv_nsec = 20000000};

	for (int ms = 0; ms <= wait_ms; ms += 20) {
		if (waitpid(child, NULL, WNOHANG) != 0)
			return true;
		nanosleep(&step, NULL);
	}
	return false;
}

static void folder_remove(const char *folder)
{
	pid_t child = fork();

	if (child == 0) {
		execlp("rm", "rm", "-rf", "--", folder, (char *)NULL);
		_exit(127);
	}
	if (child > 0)
		waitpid(child, NULL, 0);
}

/* The pipe's end is what makes it go; its group is what it left behind. */
bool browser_close(struct browser *b)
{
	enum { PARTING_MS = 10000 };
	bool gone = true;

	if (!b)
		return true;
	signal(SIGPIPE, SIG_IGN);
	if (b->child > 0) {
		(void)browser_call(b, "Browser.close", "{}", NULL, 0);
		close(b->to), close(b->from);
		gone = child_gone(b->child, PARTING_MS);
		kill(-b->child, SIGKILL);
		if (!gone)
			waitpid(b->child, NULL, 0);
		folder_remove(b->folder);
	}
	free(b->heard);
	free(b);
	return gone;
}

/* ---- messages: JSON, each ended by a 0 ---- */

static bool write_all(int fd, const char *text, size_t n)
{
	while (n > 0) {
		ssize_t some = write(fd, text, n);

		if (some < 0 && errno != EINTR)
			return false;
		if (some > 0)
			text += some, n -= (size_t)some;
	}
	return true;
}

/* The value of a key as it stands, up to the quote or comma that ends it. Enough for messages
 * whose keys we know. */
static bool value_of(const char *message, const char *key, char *out, size_t size)
{
	char wanted[64];
	const char *at;
	size_t n = 0;
	bool quoted;

	snprintf(wanted, sizeof wanted, "\"%s\":", key);
	at = strstr(message, wanted);
	if (!at)
		return false;
	at += strlen(wanted);
	quoted = *at == '"';
	for (at += quoted; *at && (quoted ? *at != '"' : !strchr(",}", *at)); at++) {
		if (quoted && *at == '\\' && at[1])
			at++;
		if (n + 1 < size)
			out[n++] = *at;
	}
	out[n] = '\0';
	return true;
}

static void note(char *first, size_t *n, const char *text)
{
	if ((*n)++ == 0)
		snprintf(first, TEXT, "%.1000s", text);
}

static void event_note(struct browser *b, const char *message)
{
	char url[TEXT];

	if (strstr(message, "\"method\":\"Runtime.exceptionThrown\"") ||
	    strstr(message, "\"method\":\"Runtime.consoleAPICalled\"") ||
	    strstr(message, "\"method\":\"Log.entryAdded\""))
		note(b->complaint, &b->n_complaints, message);
	if (strstr(message, "\"method\":\"Network.requestWillBeSent\"") &&
	    value_of(message, "documentURL", url, sizeof url)) {
		const char *request = strstr(message, "\"request\":");

		if (!request || !value_of(request, "url", url, sizeof url) ||
		    (strcmp(url, b->page) != 0 && strncmp(url, "data:", 5) != 0))
			note(b->request, &b->n_requests, message);
	}
}

static bool hear(struct browser *b)
{
	struct pollfd p = {.fd = b->from, .events = POLLIN};
	ssize_t n;

	if (b->room < b->n_heard + (1 << 16)) {
		b->room = 2 * b->n_heard + (1 << 17);
		b->heard = realloc(b->heard, b->room);
	}
	if (poll(&p, 1, PATIENCE_MS) <= 0)
		return false;
	n = read(b->from, b->heard + b->n_heard, b->room - b->n_heard - 1);
	if (n > 0)
		b->n_heard += (size_t)n;
	return n > 0;
}

/* Takes the next whole message off; freed by the caller. */
static char *message_next(struct browser *b)
{
	for (;;) {
		char *end = b->n_heard ? memchr(b->heard, '\0', b->n_heard) : NULL, *message;
		size_t n;

		if (!end) {
			if (!hear(b))
				return NULL;
			continue;
		}
		n = (size_t)(end - b->heard) + 1;
		message = malloc(n);
		memcpy(message, b->heard, n);
		b->n_heard -= n;
		memmove(b->heard, b->heard + n, b->n_heard);
		return message;
	}
}

static bool answer_wait(struct browser *b, int id, char *reply, size_t size)
{
	char wanted[32];

	snprintf(wanted, sizeof wanted, "{\"id\":%d,", id);
	for (char *message; (message = message_next(b)); free(message)) {
		if (strncmp(message, wanted, strlen(wanted)) == 0) {
			bool ok = !strstr(message, "\"error\":{");

			if (reply)
				snprintf(reply, size, "%s", message);
			free(message);
			return ok;
		}
		event_note(b, message);
	}
	return false;
}

bool browser_call(struct browser *b, const char *method, const char *params, char *reply,
                  size_t size)
{
	size_t room = strlen(params) + 256;
	char *message = malloc(room);
	bool ok;
	int n, id = ++b->n_calls;

	n = snprintf(message, room, "{\"id\":%d,\"method\":\"%s\",\"params\":%s%s%s%s}", id, method,
	             params, *b->session ? ",\"sessionId\":\"" : "", b->session,
	             *b->session ? "\"" : "");
	ok = write_all(b->to, message, (size_t)n + 1);
	free(message);
	return ok && answer_wait(b, id, reply, size);
}

/* ---- a page ---- */

static bool attach(struct browser *b)
{
	static const char *const listened[] = {"Page.enable", "Runtime.enable", "Log.enable",
	                                       "Network.enable", NULL};
	char reply[TEXT], target[64], session[64], params[256];

	if (!browser_call(b, "Target.createTarget", "{\"url\":\"about:blank\"}", reply,
	                  sizeof reply) ||
	    !value_of(reply, "targetId", target, sizeof target))
		return false;
	snprintf(params, sizeof params, "{\"targetId\":\"%s\",\"flatten\":true}", target);
	if (!browser_call(b, "Target.attachToTarget", params, reply, sizeof reply) ||
	    !value_of(reply, "sessionId", session, sizeof session))
		return false;
	snprintf(b->session, sizeof b->session, "%s", session);
	for (size_t i = 0; listened[i]; i++) {
		if (!browser_call(b, listened[i], "{}", NULL, 0))
			return false;
	}
	return true;
}

struct browser *browser_open(void)
{
	struct browser *b = calloc(1, sizeof *b);

	if (b && start(b) && attach(b))
		return b;
	browser_close(b);
	return NULL;
}

static bool call_with(struct browser *b, const char *method, const char *fmt, ...)
        __attribute__((format(printf, 3, 4)));

static bool call_with(struct browser *b, const char *method, const char *fmt, ...)
{
	char params[2 * TEXT];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(params, sizeof params, fmt, ap);
	va_end(ap);
	return browser_call(b, method, params, NULL, 0);
}

bool browser_load(struct browser *b, const char *path, int width_pixels, const char *scheme)
{
	enum { HEIGHT = 900 };
	char state[TEXT];

	snprintf(b->page, sizeof b->page, "file://%s", path);
	b->n_complaints = b->n_requests = 0;
	return call_with(b, "Emulation.setDeviceMetricsOverride",
	                 "{\"width\":%d,\"height\":%d,\"deviceScaleFactor\":1,\"mobile\":false}",
	                 width_pixels, HEIGHT) &&
	       call_with(b, "Emulation.setEmulatedMedia",
	                 "{\"features\":[{\"name\":\"prefers-color-scheme\",\"value\":\"%s\"}]}",
	                 scheme) &&
	       call_with(b, "Page.navigate", "{\"url\":\"%s\"}", b->page) &&
	       browser_eval(b,
	                    "new Promise((done) => { const look = () => document.readyState === "
	                    "'complete' && location.protocol === 'file:' ? done('loaded') : "
	                    "setTimeout(look, 20); look(); })",
	                    state, sizeof state) &&
	       strcmp(state, "loaded") == 0;
}

/* As a string of JSON. */
static char *quoted(const char *text)
{
	char *out = malloc(2 * strlen(text) + 3), *to = out;

	*to++ = '"';
	for (; *text; text++) {
		if (*text == '\n' || *text == '\t') {
			*to++ = '\\', *to++ = *text == '\n' ? 'n' : 't';
			continue;
		}
		if (*text == '"' || *text == '\\')
			*to++ = '\\';
		*to++ = *text;
	}
	*to++ = '"', *to = '\0';
	return out;
}

bool browser_eval(struct browser *b, const char *expression, char *out, size_t size)
{
	static const char form[] =
	        "{\"expression\":%s,\"returnByValue\":true,\"awaitPromise\":true}";
	char *text = quoted(expression), *params = malloc(strlen(text) + sizeof form);
	char *reply = malloc(size + TEXT);
	bool ok;

	sprintf(params, form, text);
	ok = browser_call(b, "Runtime.evaluate", params, reply, size + TEXT) &&
	     !strstr(reply, "\"exceptionDetails\"") && value_of(reply, "value", out, size);
	if (!ok)
		snprintf(out, size, "%s", reply);
	free(text), free(params), free(reply);
	return ok;
}

bool browser_click(struct browser *b, double x_pixels, double y_pixels)
{
	static const char *const steps[] = {"mousePressed", "mouseReleased"};

	for (size_t i = 0; i < 2; i++) {
		if (!call_with(b, "Input.dispatchMouseEvent",
		               "{\"type\":\"%s\",\"x\":%g,\"y\":%g,\"button\":\"left\","
		               "\"clickCount\":1}",
		               steps[i], x_pixels, y_pixels))
			return false;
	}
	return true;
}

bool browser_key(struct browser *b, const char *key, int code)
{
	static const char *const steps[] = {"keyDown", "keyUp"};
	const char *text = strcmp(key, "Enter") == 0 ? ",\"text\":\"\\r\"" : "";

	for (size_t i = 0; i < 2; i++) {
		if (!call_with(b, "Input.dispatchKeyEvent",
		               "{\"type\":\"%s\",\"key\":\"%s\",\"code\":\"%s\","
		               "\"windowsVirtualKeyCode\":%d%s}",
		               steps[i], key, key, code, i == 0 ? text : ""))
			return false;
	}
	return true;
}

size_t browser_complaints(const struct browser *b, const char **first)
{
	*first = b->complaint;
	return b->n_complaints;
}

size_t browser_requests(const struct browser *b, const char **first)
{
	*first = b->request;
	return b->n_requests;
}
