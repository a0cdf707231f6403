/* Errors: a code that is also the exit status, and one line that a user can act on.
 *
 * Whoever first knows what is wrong words it with fail(), naming file, line, the user's text and
 * the nearest right name; every caller only passes the code on with TRY(). */
#pragma once
#include <stddef.h>

enum rc {
	RC_OK = 0,       /* done */
	RC_NO = 1,       /* the answer is no: infeasible, a check found something */
	RC_CONFIG = 2,   /* usage or configuration */
	RC_DATA = 3,     /* unreadable or malformed trace or data */
	RC_INTERNAL = 4, /* our own mistake, or the system refused memory */
};

struct err {
	enum rc rc;
	char text[1024]; /* one line, no newline, always terminated */
};

/* Writes the message and returns rc. e must not be NULL. */
__attribute__((format(printf, 3, 4))) enum rc fail(struct err *e, enum rc rc, const char *fmt, ...);

#define TRY(call)                                                                                  \
	do {                                                                                       \
		enum rc try_rc_ = (call);                                                          \
		if (try_rc_ != RC_OK)                                                              \
			return try_rc_;                                                            \
	} while (0)

/* For our own mistakes; stays in release builds. */
#define CHECK(ex) ((ex) ? (void)0 : check_failed(__FILE__, __LINE__, #ex))
_Noreturn void check_failed(const char *file, int line, const char *expression);

/* The name in the NULL-terminated list that is closest to text by edits, or NULL when none is
 * close enough to be a likely slip (more than a third of its letters differ). What text of four
 * letters or more starts is one edit away, whatever follows. */
const char *nearest_name(const char *text, const char *const *names);

/* "; did you mean 'fabric'?" for use at the end of a message, or "" when nothing is near. The
 * text is written to buf and buf returned. */
const char *hint(char *buf, size_t size, const char *text, const char *const *names);
