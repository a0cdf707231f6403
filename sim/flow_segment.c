/* Parts of a shipment of branches: rows for some of an owner's experts, and rows that go over one
 * of two planes. A segment is what one rank sends to one expert, or an expert back to one rank: it
 * lies in one piece at both ends. */
#include <math.h>
#include <stdlib.h>
#include "sim/flow_ship.h"

static int64_t local_experts(const struct flow_build *b)
{
	return b->request->model->experts / b->topology->n_ranks;
}

bool shipment_is_partial(const struct shipment *s)
{
	return s->n_experts > 0 || s->plane != PLANE_ANY;
}

/* Who sends a segment of dispatch's way: the source forward, the owner backward. */
static int64_t sender_of(enum direction way, int64_t source, int64_t owner)
{
	return way == FORWARD ? source : owner;
}

/* Mean rows of the segments that each rank sends to others. */
static const double *segment_means(struct flow_build *b, enum direction way)
{
	int64_t n = b->n, local = local_experts(b);
	double *mean, *segments;

	if (b->segment_mean_count[way])
		return b->segment_mean_count[way];
	mean = heap_zeroed((size_t)n, sizeof *mean);
	segments = heap_zeroed((size_t)n, sizeof *segments);
	for (int64_t source = 0; source < n; source++) {
		for (int64_t expert = 0; expert < n * local; expert++) {
			double rows = routing_rows_count(b->request->routing, source, expert);
			int64_t sender = sender_of(way, source, expert / local);

			if (source == expert / local || !(rows > 0))
				continue;
			mean[sender] += rows;
			segments[sender] += 1;
		}
	}
	for (int64_t r = 0; r < n; r++)
		mean[r] = segments[r] > 0 ? mean[r] / segments[r] : 0;
	free(segments);
	b->segment_mean_count[way] = mean;
	return mean;
}

/* Large enough, and larger than the mean: by more than rounding makes of equal segments. */
static bool by_sdma(struct flow_build *b, const struct shipment *s, int64_t source, int64_t expert)
{
	const double rounding_ratio = 1 + 0x1p-30;
	int64_t owner = expert / local_experts(b);
	double rows = routing_rows_count(b->request->routing, source, expert);
	double mean = segment_means(b, s->way)[sender_of(s->way, source, owner)];

	return source != owner && rows > mean * rounding_ratio &&
	       rows * s->row_bytes >= b->topology->machine->sdma.min_segment_bytes;
}

static bool is_chosen(struct flow_build *b, const struct shipment *s, int64_t source,
                      int64_t expert)
{
	int64_t index = expert % local_experts(b);

	if (s->n_experts > 0 &&
	    (index < s->first_expert || index >= s->first_expert + s->n_experts))
		return false;
	return s->plane == PLANE_ANY || by_sdma(b, s, source, expert) == (s->plane == PLANE_SDMA);
}

double build_chosen_count(struct flow_build *b, const struct shipment *s, int64_t source,
                          int64_t owner)
{
	int64_t local = local_experts(b);
	double rows = 0;

	CHECK(s->unit == UNIT_BRANCH && s->hop == HOP_WHOLE);
	for (int64_t expert = owner * local; expert < (owner + 1) * local; expert++) {
		if (is_chosen(b, s, source, expert))
			rows += routing_rows_count(b->request->routing, source, expert);
	}
	return rows;
}

double shipment_chosen_ratio(const struct flow_build *b, const struct shipment *s)
{
	double experts = s->n_experts > 0 ? (double)s->n_experts / (double)local_experts(b) : 1;

	/* all segments are equal: none is larger than the mean */
	return s->plane == PLANE_SDMA ? 0 : experts;
}

bool item_is_chosen(struct flow_build *b, const struct item *x, const struct shipment *s)
{
	const struct rows *w = b->record->rows;
	uint32_t expert;

	if (!shipment_is_partial(s))
		return true;
	expert = w->choices->expert[x->token * w->choices->top_k + x->choice];
	return is_chosen(b, s, w->source[x->token], expert);
}

double build_segments_count(struct flow_build *b, const struct shipment *s, int64_t rank)
{
	int64_t local = local_experts(b), n = b->topology->n_ranks;
	double segments = 0;

	if (b->topology->symmetric)
		return s->plane != PLANE_SDMA && b->request->routing->rows_per_rank_count > 0
		               ? (double)((n - 1) * local)
		               : 0;
	for (int64_t peer = 0; peer < n; peer++) {
		int64_t source = s->way == FORWARD ? rank : peer,
		        owner = s->way == FORWARD ? peer : rank;

		for (int64_t e = owner * local; peer != rank && e < (owner + 1) * local; e++)
			segments += is_chosen(b, s, source, e) &&
			            routing_rows_count(b->request->routing, source, e) > 0;
	}
	return segments;
}

void stage_submit(struct flow_build *b, const struct shipment *s, const char *label,
                  const uint32_t *after, uint32_t *done)
{
	double submit_s = b->topology->machine->sdma.submit_s;

	for (int64_t r = 0; r < b->n; r++)
		done[r] =
		        append_pause(b, label, r, build_segments_count(b, s, r) > 0 ? submit_s : 0,
		                     false, after + r, 1);
}

void stage_quiet(struct flow_build *b, const struct shipment *s, const char *label, int64_t issues,
                 const uint32_t *after, uint32_t *done)
{
	for (int64_t r = 0; r < b->n; r++) {
		double waits = floor(build_segments_count(b, s, r) / (double)issues);

		done[r] =
		        append_pause(b, label, r, waits * 2 * build_wire_s(b), false, after + r, 1);
	}
}
