/* The summary as JSON, all of it, with units in the keys. */
#include "models/base/json.h"
#include "tools/trace_report.h"

static const double us_per_ns = 1e-3;

static void time_us(struct json *j, const char *key, int64_t ns)
{
	json_number(j, key, (double)ns * us_per_ns);
}

static void known_integer(struct json *j, const char *key, int64_t value)
{
	if (value < 0)
		json_text(j, key, NULL);
	else
		json_integer(j, key, value);
}

static void who(struct json *j, const struct summary_rank *r)
{
	known_integer(j, "rank", r->rank);
	known_integer(j, "device", r->device);
}

static void phases(struct json *j, const int64_t phase_ns[TRACE_PHASES])
{
	json_object(j, "phase_us");
	for (enum trace_phase p = 0; p < TRACE_PHASES; p++)
		time_us(j, trace_phase_name(p), phase_ns[p]);
	json_close(j);
}

static void sketch_json(struct json *j, const struct sketch *t)
{
	json_integer(j, "count", (int64_t)t->n);
	time_us(j, "total_us", t->sum);
	time_us(j, "min_us", t->n ? t->least : 0);
	time_us(j, "p10_us", sketch_quantile(t, 0.1));
	time_us(j, "median_us", sketch_quantile(t, 0.5));
	time_us(j, "p90_us", sketch_quantile(t, 0.9));
	time_us(j, "p99_us", sketch_quantile(t, 0.99));
	time_us(j, "max_us", t->most);
}

static void files_json(struct json *j, const struct trace_files *files)
{
	json_array(j, "files");
	for (size_t i = 0; i < files->n; i++) {
		const struct trace_file *f = &files->file[i];

		json_object(j, NULL);
		json_text(j, "path", f->path);
		json_text(j, "format", f->reader->name);
		known_integer(j, "rank", f->rank);
		json_flag(j, "counted", f->take != 0);
		json_close(j);
	}
	json_close(j);
	json_integer(j, "other_files", (int64_t)files->n_other);
}

static void op_ranks_json(struct json *j, const struct summary *s, const struct summary_op *op)
{
	json_array(j, "ranks");
	for (uint32_t i = 0; i < op->n_ranks; i++) {
		if (op->rank[i].n == 0)
			continue;
		json_object(j, NULL);
		who(j, &s->rank[i]);
		json_integer(j, "count", (int64_t)op->rank[i].n);
		time_us(j, "total_us", op->rank[i].sum_ns);
		time_us(j, "min_us", op->rank[i].least_ns);
		time_us(j, "max_us", op->rank[i].most_ns);
		json_close(j);
	}
	json_close(j);
}

static void ops_json(struct json *j, const struct summary *s)
{
	json_array(j, "ops");
	for (uint32_t i = 0; i < s->n_ops; i++) {
		const struct summary_op *op = &s->op[i];

		json_object(j, NULL);
		json_text(j, "op", op->name);
		json_text(j, "phase", trace_phase_name(op->class.phase));
		json_text(j, "flow", op->class.flow ? trace_flow_name(op->class.flow) : NULL);
		sketch_json(j, &op->time_ns);
		json_integer(j, "untimed_count", (int64_t)op->n_untimed);
		op_ranks_json(j, s, op);
		json_close(j);
	}
	json_close(j);
}

static void pieces_json(struct json *j, const struct summary *s)
{
	json_array(j, "pieces");
	for (uint32_t i = 0; i < s->n_pieces; i++) {
		const struct summary_piece *p = &s->piece[i];
		int64_t least_ns, most_ns, least_rank_ns = piece_least_rank_ns(p);

		piece_rank_range(p, 0.5, &least_ns, &most_ns);
		json_object(j, NULL);
		json_text(j, "flow", p->flow ? trace_flow_name(p->flow) : NULL);
		json_text(j, "phase", trace_phase_name(p->phase));
		json_text(j, "op", s->op[p->op].name);
		sketch_json(j, &p->time_ns);
		if (least_rank_ns > 0)
			time_us(j, "least_rank_us", least_rank_ns);
		else
			json_text(j, "least_rank_us", NULL);
		time_us(j, "rank_median_min_us", least_ns);
		time_us(j, "rank_median_max_us", most_ns);
		json_close(j);
	}
	json_close(j);
}

static void ranks_json(struct json *j, const struct summary *s)
{
	json_array(j, "ranks");
	for (uint32_t i = 0; i < s->n_ranks; i++) {
		json_object(j, NULL);
		who(j, &s->rank[i]);
		phases(j, s->rank[i].phase_ns);
		json_close(j);
	}
	json_close(j);
	json_array(j, "steps");
	for (uint32_t i = 0; i < s->n_cells; i++) {
		json_object(j, NULL);
		known_integer(j, "step", s->cell[i].step);
		who(j, &s->rank[s->cell[i].rank]);
		phases(j, s->cell[i].phase_ns);
		json_close(j);
	}
	json_close(j);
	json_flag(j, "steps_complete", !s->cells_full);
}

static void statistics_json(struct json *j, const struct summary *s)
{
	json_array(j, "statistics");
	for (uint32_t i = 0; i < s->n_statistics; i++) {
		const struct summary_statistic *x = &s->statistic[i];

		json_object(j, NULL);
		json_text(j, "op", x->name);
		json_text(j, "phase", trace_phase_name(x->class.phase));
		json_text(j, "flow", x->class.flow ? trace_flow_name(x->class.flow) : NULL);
		json_integer(j, "count", x->calls);
		time_us(j, "total_us", x->sum_ns);
		time_us(j, "min_us", x->least_ns);
		time_us(j, "max_us", x->most_ns);
		json_close(j);
	}
	json_close(j);
}

static void links_json(struct json *j, const struct summary *s)
{
	const double GB_per_B = 1e-9;

	json_array(j, "links");
	for (uint32_t i = 0; i < s->n_pairs; i++) {
		const struct summary_pair *p = &s->pair[i];

		json_object(j, NULL);
		json_text(j, "group", p->group);
		known_integer(j, "from", p->source);
		known_integer(j, "to", p->peer);
		json_text(j, "link", trace_link_name(p->link));
		json_integer(j, "count", p->calls);
		json_integer(j, "bytes", p->bytes);
		time_us(j, "time_us", p->time_ns);
		json_number(j, "GBps", (double)p->bytes / (double)p->time_ns);
		json_number(j, "call_min_GBps", (double)p->pick_least_Bps * GB_per_B);
		json_number(j, "call_max_GBps", (double)p->pick_most_Bps * GB_per_B);
		json_close(j);
	}
	json_close(j);
}

static void waits_json(struct json *j, const struct summary *s)
{
	json_array(j, "waits");
	for (uint32_t i = 0; i < s->n_waits; i++) {
		json_object(j, NULL);
		json_text(j, "op", s->wait[i].name);
		json_integer(j, "count", s->wait[i].calls);
		time_us(j, "transit_us", s->wait[i].transit_ns);
		time_us(j, "wait_us", s->wait[i].wait_ns);
		json_close(j);
	}
	json_close(j);
	json_array(j, "parts");
	for (uint32_t i = 0; i < s->n_parts; i++) {
		json_object(j, NULL);
		json_text(j, "part", s->part[i].name);
		json_integer(j, "count", s->part[i].n);
		time_us(j, "total_us", s->part[i].sum_ns);
		json_close(j);
	}
	json_close(j);
}

static void points_json(struct json *j, const struct summary *s)
{
	const double GB_per_B = 1e-9;

	json_array(j, "points");
	for (uint32_t i = 0; i < s->n_points; i++) {
		const struct summary_point *p = &s->point[i];

		json_object(j, NULL);
		json_text(j, "benchmark", p->name);
		known_integer(j, "ranks", p->ranks);
		known_integer(j, "bytes", p->bytes);
		if (p->duration_ns >= 0)
			time_us(j, "time_us", p->duration_ns);
		else
			json_text(j, "time_us", NULL);
		json_number(j, "GBps", p->rate_Bps >= 0 ? (double)p->rate_Bps * GB_per_B : 0);
		json_close(j);
	}
	json_close(j);
}

void trace_report_json(const struct trace_files *files, const struct summary *s, FILE *out)
{
	struct json *j = json_new(out);

	json_object(j, NULL);
	files_json(j, files);
	json_integer(j, "events", (int64_t)s->n_events);
	json_integer(j, "twins", (int64_t)s->n_twins);
	ops_json(j, s);
	pieces_json(j, s);
	statistics_json(j, s);
	ranks_json(j, s);
	waits_json(j, s);
	links_json(j, s);
	points_json(j, s);
	json_close(j);
	json_free(j);
}
