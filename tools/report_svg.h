/* gnuplot's SVG as a part of a page: ids of its own, colours that follow the page's theme. */
#pragma once
#include <stdint.h>
#include "models/base/arena.h"
#include "models/base/err.h"

/* Colours of scripts that become CSS variables: of a role, of the i-th flow, of the i-th phase. */
enum svg_role { SVG_INK, SVG_QUIET, SVG_GRID, SVG_PAPER, SVG_BUDGET, SVG_ROLES };
uint32_t svg_role_colour(enum svg_role role);
uint32_t svg_flow_colour(size_t i);
uint32_t svg_phase_colour(size_t i);

struct svg_words {
	const char *id; /* before all of its ids */
	const char *title, *says;
	const char *attributes; /* more of the <svg> element; may be "" */
	int width, height;      /* pixels, as the terminal was told */
};

/* Reads path, which gnuplot wrote, and makes one element. *out lives in the arena. RC_INTERNAL when
 * it cannot be read or is no SVG. */
enum rc svg_inline(const char *path, const struct svg_words *w, struct arena *a, const char **out,
                   struct err *e);
