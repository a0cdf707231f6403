/* A run's whole configuration: the sections of one YAML file, names looked up in configs/, and
 * what the command line sets. `config_dump` writes it so that it reads back to the same run.
 *
 *     machine: cloudmatrix384        # a name in configs/machines, a path, or a one-line machine
 *     model: deepseek-v3.1           # likewise; or the section itself, as a map
 *     schedule: {flow: direct, ep: 64}
 *     set: {machine.fabric.rate: 150GBps}
 */
#pragma once
#include "models/machine.h"
#include "models/moe_model.h"
#include "models/plan_spec.h"
#include "models/routing.h"
#include "models/schedule.h"
#include "models/serving_spec.h"
#include "models/sweep_spec.h"
#include "models/workload.h"

enum section {
	SECTION_MACHINE,
	SECTION_MODEL,
	SECTION_WORKLOAD,
	SECTION_ROUTING,
	SECTION_SCHEDULE,
	SECTION_SWEEP,
	SECTION_SERVING,
	SECTION_PLAN, /* dumped only where it is given */
	SECTIONS
};

extern const char *const section_names[]; /* NULL-terminated */

/* One value that was set after its section had been read. */
struct setting {
	const char *key, *text, *who;
	struct setting *next;
};

struct config {
	struct arena *arena;
	struct machine machine;
	struct moe_model model;
	struct workload workload;
	struct routing_spec routing;
	struct schedule schedule;
	struct sweep_spec sweep;
	struct serving_spec serving;
	struct plan_spec plan;
	bool given[SECTIONS];               /* read, rather than default */
	const char *where[SECTIONS];        /* file and line, for messages */
	const char *set_by[SECTIONS];       /* what last set one of its keys since, or NULL */
	struct setting *settings[SECTIONS]; /* all of these, the first first */
	struct note *notes[SECTIONS];
};

struct config *config_new(void); /* defaults for routing, schedule and sweep; nothing else */
void config_free(struct config *c);

/* Reads a file of sections. A section that is read replaces what stood there. */
enum rc config_read(struct config *c, const char *path, struct err *e);

/* One section from a name in configs/, a path of a file holding it, or (machine) a line. */
enum rc config_section(struct config *c, enum section s, const char *name, struct err *e);

/* "machine.fabric.rate=150GBps"; the section must have been read or have defaults. */
enum rc config_set(struct config *c, const char *assignment, struct err *e);

/* The same with key and value apart. `who` starts messages: "FILE:LINE: set". */
enum rc config_path(struct config *c, const char *path, const char *text, const char *who,
                    struct err *e);

/* One key of a section that is there. `who` starts messages: "--ep". */
enum rc config_key(struct config *c, enum section s, const char *key, const char *text,
                   const char *who, struct err *e);

/* The sections a verb needs are there, and each passes its own checks. */
enum rc config_check(const struct config *c, unsigned needed_bits, struct err *e);
#define NEEDS(section) (1u << (section))

void config_dump(const struct config *c, FILE *out); /* sections given or defaulted, with notes */

/* fields_unsourced() of one section. */
size_t config_unsourced(const struct config *c, enum section s,
                        void (*visit)(void *data, const char *path), void *data);

const struct field *section_fields(enum section s);
const void *config_object(const struct config *c, enum section s); /* what they describe */

/* Names in the configs folders for a section, sorted, NULL-terminated; in the arena. */
const char **config_names(enum section s, struct arena *a);
/* Path of a named config, or NULL; a name that is a path is returned as it is, whether there is
 * such a file or not. kind: "machines", "sweeps", ... */
const char *config_find(const char *kind, const char *name, struct arena *a);
bool config_is_path(const char *name); /* has it a slash, or ends in .yaml? */
