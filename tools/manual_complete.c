/* Completions for bash and zsh. */
#include <string.h>
#include "tools/manual.h"

/* ---- bash ---- */

static void words_write(const char *const *words, FILE *out)
{
	for (size_t i = 0; words[i]; i++)
		fprintf(out, "%s%s", i ? " " : "", words[i]);
}

static void set_write(void *data, const char *path, const struct field *f)
{
	(void)f;
	fprintf(data, " %s=", path);
}

static void bash_value(const struct option *o, FILE *out)
{
	struct value v = value_of(o);

	if (v.source == VALUE_NONE || v.source == VALUE_FILE)
		return; /* files are what readline offers itself */
	fprintf(out, "\t--%s) ", o->name);
	if (v.source == VALUE_LIST)
		fprintf(out, "words=$(_epsim_list %s)", v.list);
	if (v.source == VALUE_WORDS) {
		fprintf(out, "words=\"");
		words_write(v.words, out);
		fputc('"', out);
	}
	if (v.source == VALUE_SET)
		fprintf(out, "words=$_epsim_keys && compopt -o nospace");
	if (v.source == VALUE_ANY)
		fprintf(out, "return");
	fprintf(out, " ;;\n");
}

/* The first verb that has an option speaks for all: names mean the same everywhere. */
static bool had_before(size_t verb, const char *name)
{
	for (size_t i = 0; i < verb; i++) {
		struct option_list l;

		args_options(verbs[i], &l);
		for (size_t k = 0; k < l.n; k++) {
			if (strcmp(l.row[k].name, name) == 0)
				return true;
		}
	}
	return false;
}

static void bash_values(FILE *out)
{
	for (size_t i = 0; verbs[i]; i++) {
		struct option_list l;

		args_options(verbs[i], &l);
		for (size_t k = 0; k < l.n; k++) {
			if (!had_before(i, l.row[k].name))
				bash_value(&l.row[k], out);
		}
	}
}

static void verb_names(FILE *out)
{
	const char *between = "";

	for (size_t i = 0; verbs[i]; i++) {
		if (verbs[i]->hidden)
			continue;
		fprintf(out, "%s%s", between, verbs[i]->name);
		between = " ";
	}
}

static void bash_options(FILE *out)
{
	for (size_t i = 0; verbs[i]; i++) {
		struct option_list l;

		if (verbs[i]->hidden)
			continue;
		args_options(verbs[i], &l);
		fprintf(out, "\t%s) words=\"", verbs[i]->name);
		for (size_t k = 0; k < l.n; k++)
			fprintf(out, "%s--%s", k ? " " : "", l.row[k].name);
		fprintf(out, "\" ;;\n");
	}
}

void manual_bash(FILE *out)
{
	fputs("# bash completion of epsim, written by `epsim manual bash`\n"
	      "# shellcheck shell=bash\n"
	      "_epsim_keys=\"",
	      out);
	manual_keys(set_write, out);
	fputs("\"\n"
	      "_epsim_list() {\n"
	      "\tepsim list \"$1\" 2>/dev/null | awk 'NR > 2 { print $1 }'\n"
	      "}\n"
	      "_epsim() {\n"
	      "\tlocal word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} words=\n"
	      "\tCOMPREPLY=()\n"
	      "\tif [ \"$COMP_CWORD\" = 1 ]; then\n"
	      "\t\tmapfile -t COMPREPLY < <(compgen -W \"",
	      out);
	verb_names(out);
	fputs(" --help --version\" -- \"$word\")\n"
	      "\t\treturn\n"
	      "\tfi\n"
	      "\tcase $before in\n",
	      out);
	bash_values(out);
	fputs("\tesac\n"
	      "\tif [ -z \"$words\" ] && [[ $word == -* ]]; then\n"
	      "\t\tcase ${COMP_WORDS[1]} in\n",
	      out);
	bash_options(out);
	fputs("\t\tesac\n"
	      "\tfi\n"
	      "\t[ -z \"$words\" ] || mapfile -t COMPREPLY < <(compgen -W \"$words\" -- "
	      "\"$word\")\n"
	      "}\n"
	      "complete -o default -F _epsim epsim\n",
	      out);
}

/* ---- zsh ---- */

/* Within single quotes and the brackets of an option's meaning. */
static void zsh_doc(const char *text, FILE *out)
{
	for (; *text; text++) {
		if (*text == '\'')
			fputs("'\\''", out);
		else if (strchr("[]:\\", *text))
			fprintf(out, "\\%c", *text);
		else
			fputc(*text, out);
	}
}

static void zsh_option(const struct option *o, FILE *out)
{
	struct value v = value_of(o);

	fprintf(out, "\t\t\t'*--%s[", o->name);
	zsh_doc(o->doc, out);
	fputc(']', out);
	if (v.source != VALUE_NONE)
		fprintf(out, ":%s:", o->value);
	if (v.source == VALUE_FILE)
		fprintf(out, "_files");
	if (v.source == VALUE_LIST)
		fprintf(out, "{_epsim_list %s}", v.list);
	if (v.source == VALUE_SET)
		fprintf(out, "_epsim_keys");
	if (v.source == VALUE_WORDS) {
		fputc('(', out);
		words_write(v.words, out);
		fputc(')', out);
	}
	fprintf(out, "' \\\n");
}

static void zsh_verb(const struct verb *v, FILE *out)
{
	struct option_list l;

	args_options(v, &l);
	fprintf(out, "\t%s)\n\t\t_arguments \\\n", v->name);
	for (size_t k = 0; k < l.n; k++)
		zsh_option(&l.row[k], out);
	fprintf(out, "\t\t\t'*:file:_files' ;;\n");
}

void manual_zsh(FILE *out)
{
	fputs("#compdef epsim\n"
	      "# zsh completion of epsim, written by `epsim manual zsh`\n"
	      "_epsim_list() {\n"
	      "\tcompadd -- ${(f)\"$(epsim list $1 2>/dev/null | awk 'NR > 2 { print $1 }')\"}\n"
	      "}\n"
	      "_epsim_keys() {\n"
	      "\tcompadd -S '' --",
	      out);
	manual_keys(set_write, out);
	fputs("\n}\n"
	      "_epsim() {\n"
	      "\tlocal -a verbs=(\n",
	      out);
	for (size_t i = 0; verbs[i]; i++) {
		if (verbs[i]->hidden)
			continue;
		fprintf(out, "\t\t'%s:", verbs[i]->name);
		zsh_doc(verbs[i]->doc, out);
		fputs("'\n", out);
	}
	fputs("\t)\n"
	      "\tif ((CURRENT == 2)); then\n"
	      "\t\t_describe verb verbs\n"
	      "\t\treturn\n"
	      "\tfi\n"
	      "\tshift words\n"
	      "\t((CURRENT--))\n"
	      "\tcase $words[1] in\n",
	      out);
	for (size_t i = 0; verbs[i]; i++) {
		if (!verbs[i]->hidden)
			zsh_verb(verbs[i], out);
	}
	fputs("\tesac\n}\n_epsim \"$@\"\n", out);
}
