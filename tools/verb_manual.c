/* epsim manual: what the build installs beside the program. */
#include <string.h>
#include "tools/manual.h"

static const struct {
	const char *name;
	void (*write)(FILE *out);
} forms[] = {{"man", manual_man}, {"bash", manual_bash}, {"zsh", manual_zsh}};

static enum rc run(const struct args *a, FILE *out, struct err *e)
{
	for (size_t i = 0; a->n_words == 1 && i < sizeof forms / sizeof *forms; i++) {
		if (strcmp(a->word[0], forms[i].name) == 0)
			return forms[i].write(out), RC_OK;
	}
	return fail(e, RC_CONFIG, "manual: man, bash or zsh is needed");
}

const struct verb verb_manual = {
        .name = "manual",
        .doc = "Writes the man page, or the completion of a shell",
        .usage = "man|bash|zsh",
        .examples = {"epsim manual man | man -l -", ". <(epsim manual bash)"},
        .hidden = true,
        .run = run,
};
