/* Parameters that are one number in several machines: which, from paths and groups. */
#include <math.h>
#include <string.h>
#include "sim/calibrate_work.h"

/* What stands in the list, in whose words errors speak. */
struct sharing {
	struct work *work;
	struct joint *joint;
	struct err *e;
};

static size_t parameter_at(const struct part *p, const char *path)
{
	size_t i = 0;

	while (i < p->n_all && strcmp(p->all[i].path, path) != 0)
		i++;
	return i;
}

/* The parameter of a machine where it is free, or NULL. */
static const struct parameter *free_one(const struct part *p, const char *path)
{
	size_t i = parameter_at(p, path);

	return i < p->n_all && p->all[i].fit ? &p->all[i] : NULL;
}

/* "138 GBps in cloudmatrix384, 137 GBps in atlas-a2": the priors, where it is free. */
static const char *priors_text(const struct work *w, const char *path)
{
	const char *text = "";

	for (size_t k = 0; k < w->n_parts; k++) {
		const struct parameter *p = free_one(&w->part[k], path);
		char value[64];

		if (!p)
			continue;
		quantity_human(p->prior_units, p->field->dim, 6, value, sizeof value);
		text = arena_print(w->arena, "%s%s%s in %s", text, *text ? ", " : "", value,
		                   w->part[k].given->name);
	}
	return text;
}

/* Machines that were calibrated alone may have parted since the same source. */
static const char *values_hint(const struct work *w)
{
	for (size_t k = 0; k < w->n_parts; k++) {
		if (w->part[k].given->from_values)
			return "; --prior sources starts before their calibrations";
	}
	return "";
}

/* Why it cannot be shared, or NULL. Priors may differ by the rounding of their text. */
static const char *not_shareable(const struct work *w, const char *path)
{
	const struct parameter *first = NULL;
	const char *only = NULL;
	size_t n = 0;
	bool alike = true;

	for (size_t k = 0; k < w->n_parts; k++) {
		const struct parameter *p = free_one(&w->part[k], path);

		if (!p)
			continue;
		n++;
		only = w->part[k].given->name;
		first = first ? first : p;
		alike &= fabs(p->prior_units / first->prior_units - 1) < 0x1p-40;
	}
	if (n == 0)
		return "free (fit: yes, with an sd) in none of these machines";
	if (n == 1)
		return arena_print(w->arena, "free (fit: yes, with an sd) in %s alone", only);
	return alike ? NULL
	             : arena_print(w->arena, "unlike priors: %s%s", priors_text(w, path),
	                           values_hint(w));
}

static void shared_add(struct sharing *s, const char *path)
{
	struct work *w = s->work;
	struct shared_parameter *out = &w->shared[w->n_shared];

	*out = (struct shared_parameter){
	        .path = path,
	        .state = SHARED_IDLE, /* until a row is found that feels it */
	        .machine = arena_alloc(w->arena, w->n_parts * sizeof *out->machine),
	        .at = arena_alloc(w->arena, w->n_parts * sizeof *out->at)};
	for (size_t k = 0; k < w->n_parts; k++) {
		const struct parameter *p = free_one(&w->part[k], path);
		size_t n = out->n_machines;

		if (!p)
			continue;
		out->machine[n] = k, out->at[n] = (size_t)(p - w->part[k].all);
		w->part[k].shared[out->at[n]] = w->n_shared;
		out->prior_sd_ratio =
		        n ? fmin(out->prior_sd_ratio, p->prior_sd_ratio) : p->prior_sd_ratio;
		out->n_machines++;
	}
	w->n_shared++;
}

static bool is_listed(const struct sharing *s, const char *path)
{
	for (size_t i = 0; i < s->work->n_shared; i++) {
		if (strcmp(s->work->shared[i].path, path) == 0)
			return true;
	}
	for (size_t i = 0; i < s->joint->n_apart; i++) {
		if (strcmp(s->joint->apart[i].path, path) == 0)
			return true;
	}
	return false;
}

/* A parameter by its own path: it must be possible. */
static enum rc path_share(struct sharing *s, const char *path)
{
	const char *why = not_shareable(s->work, path);

	if (why)
		return fail(s->e, RC_CONFIG, "--share: %s cannot be shared: %s", path, why);
	if (!is_listed(s, path))
		shared_add(s, path);
	return RC_OK;
}

/* A member of a group, which may have to be left apart. */
static void member_share(struct sharing *s, const char *path)
{
	const char *why = not_shareable(s->work, path);

	if (is_listed(s, path))
		return;
	if (why)
		s->joint->apart[s->joint->n_apart++] = (struct left_apart){path, why};
	else
		shared_add(s, path);
}

/* Is path within the group: "vector.scan" within "vector"? */
static bool within(const char *path, const char *group)
{
	size_t n = strlen(group);

	return strncmp(path, group, n) == 0 && path[n] == '.';
}

/* All members that are free somewhere. Returns whether the group has any parameter at all. */
static bool group_share(struct sharing *s, const char *group)
{
	const struct work *w = s->work;
	bool found = false;

	for (size_t k = 0; k < w->n_parts; k++) {
		for (size_t i = 0; i < w->part[k].n_all; i++) {
			const struct parameter *p = &w->part[k].all[i];

			if (!within(p->path, group))
				continue;
			found = true;
			if (p->fit)
				member_share(s, p->path);
		}
	}
	return found;
}

/* Every path and group that could be meant, NULL-terminated; some more than once. */
static const char **names_of(const struct work *w)
{
	size_t n = 0;
	const char **name =
	        arena_alloc(w->arena, (w->n_parts * MOST_PARAMETERS * 4 + 1) * sizeof *name);

	for (size_t k = 0; k < w->n_parts; k++) {
		for (size_t i = 0; i < w->part[k].n_all; i++) {
			const char *path = w->part[k].all[i].path, *dot = strchr(path, '.');

			name[n++] = path;
			for (int depth = 0; dot && depth < 3; depth++) {
				name[n++] = arena_copy(w->arena, path, (size_t)(dot - path));
				dot = strchr(dot + 1, '.');
			}
		}
	}
	return name;
}

/* Says so unless some member of the group is shared by now. */
static enum rc group_check(const struct sharing *s, const char *group)
{
	const char *why = "none of its parameters is free";

	for (size_t i = 0; i < s->work->n_shared; i++) {
		if (within(s->work->shared[i].path, group))
			return RC_OK;
	}
	for (size_t i = 0; i < s->joint->n_apart; i++) {
		const struct left_apart *one = &s->joint->apart[i];

		if (within(one->path, group))
			why = arena_print(s->work->arena, "%s: %s", one->path, one->why);
	}
	return fail(s->e, RC_CONFIG, "--share: nothing of '%s' can be shared; %s", group, why);
}

static enum rc item_share(struct sharing *s, const char *item)
{
	const struct work *w = s->work;
	char slip[128];

	for (size_t k = 0; k < w->n_parts; k++) {
		size_t i = parameter_at(&w->part[k], item);

		if (i < w->part[k].n_all)
			return path_share(s, w->part[k].all[i].path);
	}
	if (!group_share(s, item))
		return fail(s->e, RC_CONFIG,
		            "--share: '%s' is no uncertain parameter of these machines and no "
		            "group of them%s",
		            item, hint(slip, sizeof slip, item, names_of(w)));
	return group_check(s, item);
}

enum rc share_read(struct work *w, const char *share, struct joint *joint, struct err *e)
{
	struct sharing s = {w, joint, e};
	size_t room = w->n_parts * MOST_PARAMETERS;

	if (w->n_parts < 2)
		return fail(e, RC_CONFIG,
		            "--share: rows of one machine, %s; sharing takes two or more",
		            w->part->given->name);
	w->shared = arena_alloc(w->arena, room * sizeof *w->shared);
	joint->apart = arena_alloc(w->arena, room * sizeof *joint->apart);
	for (const char *at = share;; at++) {
		size_t n = strcspn(at, ",");

		TRY(item_share(&s, arena_copy(w->arena, at, n)));
		at += n;
		if (!*at)
			return RC_OK;
	}
}
