/* A headless Chromium that a test drives over the pipe of its DevTools protocol: no port, no driver
 * program. It ends with the test, however that ends. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

struct browser;

/* Is there a chromium to start? */
bool browser_there(void);
/* NULL when it does not start within half a minute. */
struct browser *browser_open(void);
/* Ends it, and every process that it started; false when one had to be killed. */
bool browser_close(struct browser *b);

/* One command; params is JSON, "{}" for none. reply (may be NULL) gets the whole message. False on
 * an error or when no answer comes. */
bool browser_call(struct browser *b, const char *method, const char *params, char *reply,
                  size_t size);

/* Loads a file at a width, with prefers-color-scheme "light" or "dark". */
bool browser_load(struct browser *b, const char *path, int width_pixels, const char *scheme);

/* The string that a JavaScript expression comes to; awaits a promise. "" and false otherwise. */
bool browser_eval(struct browser *b, const char *expression, char *out, size_t size);

/* Real input: a click at a place of the window, a key with the focus where it is. */
bool browser_click(struct browser *b, double x_pixels, double y_pixels);
bool browser_key(struct browser *b, const char *key, int code);

/* What it said since the last load: errors and warnings of the console or log, and requests other
 * than of the page itself. The first of each is in the text. */
size_t browser_complaints(const struct browser *b, const char **first);
size_t browser_requests(const struct browser *b, const char **first);
