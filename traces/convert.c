#include "traces/convert.h"
#include <string.h>
#include "models/base/yaml.h"

#define AT(member) offsetof(struct sidecar, member)

static const char *const stage_names[] = {"prefill", "decode", NULL};
static const char *const quantile_names[] = {"least_rank", "p10", "median", NULL};
static const char *const op_names[] = {"dispatch", "combine", "expert", "attention", NULL};

#define TEXT_ROW(key_, member, fallback_, doc_)                                                    \
	{                                                                                          \
		FIELD_ROW(key_, FIELD_TEXT, DIM_COUNT, AT(member), fallback_, doc_)                \
	}
#define COUNT_ROW(key_, member, doc_)                                                              \
	{                                                                                          \
		FIELD_ROW(key_, FIELD_INTEGER, DIM_COUNT, AT(member), "0", doc_)                   \
	}

const struct field sidecar_fields[] = {
        TEXT_ROW("source", source, NULL, "who measured: a short name for the rows"),
        TEXT_ROW("source_ref", source_ref, "", "where that is written, or which run it was"),
        TEXT_ROW("machine", machine, "", "of configs/machines, when it has one"),
        TEXT_ROW("hardware", hardware, "", "what it ran on"),
        TEXT_ROW("impl", impl, "", "library or kernels; empty: the names of the ops"),
        {FIELD_ROW("phase", FIELD_CHOICE, DIM_COUNT, AT(phase), NULL, "prefill or decode"),
         .names = stage_names},
        COUNT_ROW("ep", ep, "ranks that share the experts; 0: not known"),
        COUNT_ROW("tokens_per_rank", tokens_per_rank, "tokens of a rank in a call; 0: not known"),
        COUNT_ROW("hidden", hidden, "elements of a row; 0: not known"),
        COUNT_ROW("top_k", top_k, "experts of a token; 0: not known"),
        COUNT_ROW("experts", experts, "of a layer; 0: not known"),
        TEXT_ROW("dispatch", dispatch, "", "element type of rows sent: bf16, int8, fp8"),
        TEXT_ROW("combine", combine, "", "element type of rows that come back"),
        TEXT_ROW("routing", routing, "", "how tokens chose experts: balanced, real, ..."),
        {FIELD_ROW("quantile", FIELD_CHOICE, DIM_COUNT, AT(quantile), "least_rank",
                   "least_rank (of each call the least over ranks, then the median), p10, median"),
         .names = quantile_names},
        COUNT_ROW("first_step", first_step, "steps before it are warm-up and left out"),
        {FIELD_ROW("ops", FIELD_LIST, DIM_COUNT, AT(ops), "dispatch,combine",
                   "which rows: dispatch, combine, expert, attention"),
         .item = FIELD_CHOICE, .names = op_names},
        {0},
};

enum rc sidecar_read(const char *path, struct arena *a, struct sidecar *sc, struct err *e)
{
	struct yaml_node *root;

	TRY(yaml_read(path, a, &root, e));
	*sc = (struct sidecar){.source = NULL};
	return fields_read(sidecar_fields, sc, root, a, NULL, e);
}

/* ---- cells ----------------------------------------------------------------------------------- */

/* Quoted where that is needed; what would end the line becomes a blank. */
static void text_write(const char *text, FILE *out)
{
	bool quoted = strpbrk(text, ",\"\n\r") != NULL;

	if (quoted)
		fputc('"', out);
	for (; *text; text++) {
		if (*text == '"')
			fputc('"', out);
		fputc(*text == '\n' || *text == '\r' ? ' ' : *text, out);
	}
	if (quoted)
		fputc('"', out);
}

static void cell_text(const char *text, FILE *out)
{
	text_write(text, out);
	fputc(',', out);
}

static void cell_count(int64_t count, FILE *out)
{
	if (count > 0)
		fprintf(out, "%lld", (long long)count);
	fputc(',', out);
}

static void cell_us(int64_t ns, FILE *out)
{
	enum { NS_PER_US = 1000 };

	if (ns >= 0)
		fprintf(out, "%lld.%03lld", (long long)(ns / NS_PER_US),
		        (long long)(ns % NS_PER_US));
	fputc(',', out);
}

struct row {
	const char *flow, *impl, *op, *stage;
	int64_t ep, ns, rate_Bps; /* TRACE_UNKNOWN: empty */
	const char *notes;
};

static void row_write(const struct sidecar *sc, const struct row *r, FILE *out)
{
	const double giga = 1e9; /* GB/s, of the format */

	cell_text(sc->machine, out);
	cell_text(r->flow, out);
	cell_text(sc->source, out);
	cell_text(sc->source_ref, out);
	cell_text(sc->hardware, out);
	cell_text(*sc->impl ? sc->impl : r->impl, out);
	cell_text(r->op, out);
	cell_text(r->stage, out);
	cell_count(r->ep, out);
	cell_count(sc->tokens_per_rank, out);
	cell_count(sc->hidden, out);
	cell_count(sc->top_k, out);
	cell_count(sc->experts, out);
	cell_text(sc->dispatch, out);
	cell_text(sc->combine, out);
	cell_us(r->ns, out);
	if (r->rate_Bps >= 0)
		fprintf(out, "%.6g", (double)r->rate_Bps / giga);
	fputs(",measured,", out);
	text_write(r->notes, out);
	fputc('\n', out);
}

/* ---- one side of a flow ---------------------------------------------------------------------- */

/* All ops that one dispatch or combine of a flow is made of. */
struct side {
	const struct summary *s;
	enum trace_flow flow;
	enum trace_phase phase;
	uint64_t n_calls; /* of its anchor */
};

static bool is_of(const struct summary_piece *p, const struct side *x)
{
	return p->flow == x->flow && p->phase == x->phase && p->time_ns.n > 0;
}

/* How often the side ran: as often as the op that comes once; without one, as the op that takes
 * most time. */
static uint64_t anchor_calls(const struct side *x)
{
	uint64_t n_anchor = 0, n_most = 0;
	int64_t most_ns = -1;

	for (uint32_t i = 0; i < x->s->n_pieces; i++) {
		const struct summary_piece *p = &x->s->piece[i];

		if (!is_of(p, x))
			continue;
		if (p->role == OP_ANCHOR && p->time_ns.n > n_anchor)
			n_anchor = p->time_ns.n;
		if (p->time_ns.sum > most_ns)
			most_ns = p->time_ns.sum, n_most = p->time_ns.n;
	}
	return n_anchor ? n_anchor : n_most;
}

/* Experts and attention run once a layer, as often as all flows dispatch. */
static uint64_t layer_calls(const struct summary *s)
{
	uint64_t n = 0;

	for (enum trace_flow f = FLOW_NONE; f < TRACE_FLOWS; f++)
		n += anchor_calls(&(struct side){s, f, DURING_DISPATCH, 0});
	return n;
}

static int64_t piece_ns(const struct summary_piece *p, enum sidecar_quantile q)
{
	int64_t ns = q == QUANTILE_LEAST_RANK ? piece_least_rank_ns(p) : 0;

	if (ns > 0)
		return ns;
	return sketch_quantile(&p->time_ns, q == QUANTILE_MEDIAN ? 0.5 : 0.1);
}

/* "p10 instead" where calls of ranks do not match. */
static bool is_matched(const struct side *x)
{
	for (uint32_t i = 0; i < x->s->n_pieces; i++) {
		if (is_of(&x->s->piece[i], x) && piece_least_rank_ns(&x->s->piece[i]) == 0)
			return false;
	}
	return true;
}

static int64_t side_ns(const struct side *x, enum sidecar_quantile q)
{
	double sum_ns = 0;

	for (uint32_t i = 0; i < x->s->n_pieces; i++) {
		const struct summary_piece *p = &x->s->piece[i];

		if (is_of(p, x))
			sum_ns +=
			        (double)piece_ns(p, q) * (double)p->time_ns.n / (double)x->n_calls;
	}
	return sum_ns < 0x1p62 ? (int64_t)(sum_ns + 0.5) : TRACE_UNKNOWN;
}

/* Ops joined by '+'. */
static void impl_print(const struct side *x, char *text, size_t size)
{
	size_t n = 0;

	*text = '\0';
	for (uint32_t i = 0; i < x->s->n_pieces && n < size; i++) {
		const struct summary_piece *p = &x->s->piece[i];

		if (is_of(p, x))
			n += (size_t)snprintf(text + n, size - n, "%s%.100s", n ? "+" : "",
			                      x->s->op[p->op].name);
	}
}

static void notes_print(const struct side *x, const struct sidecar *sc, char *text, size_t size)
{
	const double us = 1e-3; /* of a ns */
	enum sidecar_quantile q = sc->quantile;
	bool matched = q != QUANTILE_LEAST_RANK || is_matched(x);
	int64_t low = 0, high = 0, middle = side_ns(x, QUANTILE_MEDIAN);

	for (uint32_t i = 0; i < x->s->n_pieces; i++) {
		const struct summary_piece *p = &x->s->piece[i];

		if (!is_of(p, x))
			continue;
		low += sketch_quantile(&p->time_ns, 0.1);
		high += sketch_quantile(&p->time_ns, 0.9);
	}
	snprintf(text, size, "%s of %llu calls%s; median %.3f us; p90/p10 %.3g%s%s%s",
	         quantile_names[matched ? (int)q : QUANTILE_P10], (unsigned long long)x->n_calls,
	         matched ? "" : " (ranks called differently often)", (double)middle * us,
	         low > 0 ? (double)high / (double)low : 0,
	         x->flow == FLOW_RELAY2 || x->flow == FLOW_DIRECT
	                 ? "; kernel time includes waiting for peers"
	                 : "",
	         *sc->routing ? "; routing " : "", sc->routing);
}

static bool side_write(struct side x, const struct sidecar *sc, FILE *out)
{
	char impl[512], notes[512];
	struct row r = {
	        .flow = x.flow == FLOW_NONE || x.flow == FLOW_OTHER ? "" : trace_flow_name(x.flow),
	        .impl = impl,
	        .op = trace_phase_name(x.phase),
	        .stage = stage_names[sc->phase],
	        .ep = sc->ep,
	        .rate_Bps = TRACE_UNKNOWN,
	        .notes = notes,
	};

	if (anchor_calls(&x) == 0)
		return false;
	x.n_calls = x.phase <= DURING_COMBINE ? anchor_calls(&x) : layer_calls(x.s);
	if (x.n_calls == 0)
		return false;
	impl_print(&x, impl, sizeof impl);
	notes_print(&x, sc, notes, sizeof notes);
	r.ns = side_ns(&x, sc->quantile);
	row_write(sc, &r, out);
	return true;
}

static void point_write(const struct summary_point *p, const struct sidecar *sc, FILE *out)
{
	char notes[512];
	struct row r = {
	        .flow = "",
	        .impl = p->name,
	        .op = p->name,
	        .stage = "",
	        .ep = p->ranks > 0 ? p->ranks : sc->ep,
	        .ns = p->duration_ns,
	        .rate_Bps = p->rate_Bps,
	        .notes = notes,
	};

	snprintf(notes, sizeof notes,
	         "benchmark; size_bytes=%lld; GB/s = size / time%s%.100s%s%.60s",
	         (long long)p->bytes, *p->shapes ? "; " : "", p->shapes, *p->dtypes ? "; " : "",
	         p->dtypes);
	row_write(sc, &r, out);
}

void observations_write(const struct summary *s, const struct sidecar *sc, FILE *out,
                        size_t *n_rows)
{
	size_t n = 0;

	fputs("machine,flow,source,source_ref,hardware,impl,op,phase,ep,tokens_per_rank,hidden,"
	      "topk,"
	      "experts,dtype_dispatch,dtype_combine,latency_us,bandwidth_GBps,status,notes\n",
	      out);
	for (enum trace_flow f = FLOW_NONE; f < TRACE_FLOWS; f++) {
		for (size_t i = 0; i < sc->ops.n; i++)
			n += side_write((struct side){s, f, (enum trace_phase)sc->ops.number[i], 0},
			                sc, out);
	}
	for (uint32_t i = 0; i < s->n_points; i++, n++)
		point_write(&s->point[i], sc, out);
	*n_rows = n;
}
