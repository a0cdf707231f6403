/* gnuplot: text that is safe in its scripts, what all scripts share, and running it. */
#pragma once
#include "models/base/arena.h"
#include "models/base/err.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* A name from a configuration, for a title: one line of valid UTF-8 that XML may hold, cut short
 * with an ellipsis after 32 characters. In the arena. */
const char *plot_name(struct arena *a, const char *name);

/* The text as a gnuplot string with its quotes. Whatever its bytes, the script gets nothing but
 * that string: characters beyond letters, digits and harmless signs become octal escapes, so that
 * no quote, backslash, backtick or @ is ever seen by gnuplot's parser. Newlines are kept. */
void gnuplot_string(const char *text, FILE *out);

/* A line `name = "text"`. */
void gnuplot_assign(const char *name, const char *text, FILE *out);

/* The start of every script: how to run it, the terminal, the output's name, and the words around
 * the picture. tables: the data files that it reads, in words. */
struct gnuplot_head {
	const char *picture; /* "ttft_tpot" */
	const char *tables;  /* "ttft_tpot.tsv and ttft_tpot_region.tsv" */
	const char *title, *subtitle, *detail, *foot;
};
void gnuplot_head(const struct gnuplot_head *h, FILE *out);

/* Lines of a script, to a NULL. */
void gnuplot_lines(const char *const *lines, FILE *out);

/* Runs the gnuplot of PATH in folder dir with these arguments, NULL-terminated and without its own
 * name. RC_OK with *found false when there is none; RC_INTERNAL with gnuplot's own words when it
 * fails. */
enum rc gnuplot_run(const char *dir, const char *const *args, bool *found, struct err *e);

/* 0xRRGGBB of a palette that the colour-blind can tell apart, and a mark to go with it; they
 * repeat after 8. Okabe and Ito, "Color Universal Design", 2008. */
uint32_t plot_colour(size_t i);
int plot_mark(size_t i);
