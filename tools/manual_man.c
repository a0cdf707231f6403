/* epsim.1, in the man macros. */
#include <ctype.h>
#include <string.h>
#include "tools/manual.h"

/* Text as roff reads it: minus signs that can be copied, no control line by accident. */
static void text_write(const char *text, FILE *out)
{
	if (*text == '.' || *text == '\'')
		fputs("\\&", out);
	for (; *text; text++) {
		if (*text == '\\')
			fputs("\\e", out);
		else if (*text == '-')
			fputs("\\-", out);
		else if (*text == '`')
			fputs("\\(ga", out);
		else if (*text == '\n')
			fputs("\n.br\n", out);
		else
			fputc(*text, out);
	}
}

static void bold(const char *text, FILE *out)
{
	fputs("\\fB", out);
	text_write(text, out);
	fputs("\\fR", out);
}

static void option_write(const struct option *o, FILE *out)
{
	fputs(".TP\n\\fB\\-\\-", out);
	text_write(o->name, out);
	fputs("\\fR", out);
	if (o->value) {
		fputs(" \\fI", out);
		text_write(o->value, out);
		fputs("\\fR", out);
	}
	fputc('\n', out);
	text_write(o->doc, out);
	fputc('\n', out);
}

static void options_write(const struct option *table, FILE *out)
{
	for (; table && table->name; table++)
		option_write(table, out);
}

static void example_write(const char *line, FILE *out)
{
	fputs(".PP\n.EX\n", out);
	text_write(line, out);
	fputs("\n.EE\n", out);
}

static void verb_write(const struct verb *v, FILE *out)
{
	fprintf(out, ".SS \"epsim %s\"\n", v->name);
	bold("epsim ", out);
	bold(v->name, out);
	fputc(' ', out);
	text_write(v->usage, out);
	fputs("\n.PP\n", out);
	text_write(v->doc, out);
	fputs(".\n", out);
	if (v->about) {
		fputs(".PP\n", out);
		text_write(v->about, out);
		fputc('\n', out);
	}
	for (size_t i = 0; v->examples[i]; i++)
		example_write(v->examples[i], out);
	options_write(v->options, out);
	if (v->takes_config)
		fprintf(out, ".PP\nAlso those of a configuration%s a schedule%s, below.\n",
		        v->takes_serving ? "," : " and", v->takes_serving ? " and serving" : "");
}

static void heading(const char *text, FILE *out)
{
	fprintf(out, ".SH %s\n", text);
}

static void key_write(void *data, const char *path, const struct field *f)
{
	FILE *out = data;

	fputs(".TP\n", out);
	bold(path, out);
	if (f->fallback && *f->fallback) {
		fputs(" (", out);
		text_write(f->fallback, out);
		fputc(')', out);
	}
	fputc('\n', out);
	text_write(f->doc ? f->doc : "", out);
	fputc('\n', out);
}

static void section_options(enum section s, FILE *out)
{
	struct option_list l = {.n = 0};

	args_section(s, &l);
	for (size_t i = 0; i < l.n; i++)
		option_write(&l.row[i], out);
}

static void start(FILE *out)
{
	fputs(".\\\" Written by `epsim manual man` from the tables of verbs and fields.\n"
	      ".TH EPSIM 1 \"\" \"epsim " EPSIM_VERSION "\" \"User Commands\"\n.nh\n.ad l\n",
	      out);
	heading("NAME", out);
	fputs("epsim \\- simulator and schedule explorer of MoE inference\n", out);
	heading("SYNOPSIS", out);
	fputs("\\fBepsim\\fR \\fIVERB\\fR ...\n.br\n\\fBepsim\\fR \\fIVERB\\fR "
	      "\\fB\\-\\-help\\fR\n.br\n"
	      "\\fBepsim\\fR \\fB\\-\\-version\\fR\n",
	      out);
	heading("DESCRIPTION", out);
	fputs("epsim predicts how long dispatch, expert compute and combine of a "
	      "Mixture\\-of\\-Experts model take on a machine with pooled HBM, and which serving "
	      "schedules meet TTFT and TPOT budgets.\n",
	      out);
}

static void ending(FILE *out)
{
	heading("\"EXIT STATUS\"", out);
	fputs("0 done; 1 the answer is no; 2 usage or configuration; 3 bad data; 4 internal.\n",
	      out);
	heading("ENVIRONMENT", out);
	fputs(".TP\n.B EPSIM_CONFIGS\nThe folder of machines, models, workloads and sweeps, before "
	      "the "
	      "installed one.\n",
	      out);
	fputs(".TP\n.B OMPI_COMM_WORLD_RANK, PMI_RANK, SLURM_PROCID\nand the sizes beside them: "
	      "the "
	      "processes of \\fBepsim sweep\\fR that mpirun or srun starts share their work.\n",
	      out);
}

void manual_man(FILE *out)
{
	start(out);
	heading("VERBS", out);
	for (size_t i = 0; verbs[i]; i++) {
		if (!verbs[i]->hidden)
			verb_write(verbs[i], out);
	}
	heading("\"COMMON OPTIONS\"", out);
	options_write(common_options, out);
	heading("\"OPTIONS OF A CONFIGURATION\"", out);
	options_write(config_options, out);
	heading("\"OPTIONS OF A SCHEDULE\"", out);
	section_options(SECTION_SCHEDULE, out);
	heading("\"OPTIONS OF SERVING\"", out);
	section_options(SECTION_SERVING, out);
	heading("\"CONFIGURATION FILES\"", out);
	fputs("YAML with the sections below. A key's default stands in brackets. Quantities carry "
	      "a "
	      "unit: 929ns, 196GBps, 64GB.\n",
	      out);
	manual_keys(key_write, out);
	ending(out);
}
