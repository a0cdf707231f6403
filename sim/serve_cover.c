#include "sim/serve_cover.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "models/base/arena.h"

/* Shares are sums of fractions. */
static const double rounding = 0x1p-30;

const char *const cover_reasons[] = {"", "no rank is left", "no copy is left of some experts",
                                     "no expert slot is free on the living ranks"};

static int32_t *held_at(const struct cover *c, int64_t rank, int64_t place)
{
	return &c->held[rank * (c->own + c->slots) + place];
}

/* The expert in a rank's own place i. */
static int32_t own_expert(const struct cover *c, int64_t rank, int64_t i)
{
	return (int32_t)((rank * c->own + i) % c->experts);
}

static void fill(struct cover *c, int64_t rank)
{
	for (int64_t i = 0; i < c->own; i++)
		*held_at(c, rank, i) = own_expert(c, rank, i);
	for (int64_t i = 0; i < c->slots; i++) {
		int64_t ep = c->experts / c->own, ahead = ep / 2 + i / c->own;
		bool other = i < c->spares && ahead > 0 && ahead < ep;

		*held_at(c, rank, c->own + i) =
		        other ? own_expert(c, rank + ahead, i % c->own) : -1;
	}
}

static void count(struct cover *c, int64_t rank, int32_t change)
{
	for (int64_t i = 0; i < c->own + c->slots; i++) {
		if (*held_at(c, rank, i) >= 0)
			c->copies[*held_at(c, rank, i)] += change;
	}
}

void cover_init(struct cover *c, int64_t ranks, int64_t experts, int64_t own, int64_t slots,
                int64_t spares)
{
	*c = (struct cover){.ranks = ranks, .experts = experts, .own = own};
	c->slots = own > 0 ? slots : 0, c->spares = own > 0 ? spares : 0;
	c->held = heap_zeroed((size_t)(ranks * (c->own + c->slots) + 1), sizeof *c->held);
	c->lives = heap_zeroed((size_t)ranks, sizeof *c->lives);
	c->copies = heap_zeroed((size_t)experts + 1, sizeof *c->copies);
	c->share_count = heap_zeroed((size_t)ranks, sizeof *c->share_count);
	c->worst_count = heap_zeroed((size_t)experts + 1, sizeof *c->worst_count);
	for (int64_t r = 0; r < ranks; r++)
		cover_join(c, r);
}

void cover_fini(struct cover *c)
{
	free(c->held);
	free(c->lives);
	free(c->copies);
	free(c->share_count);
	free(c->worst_count);
	memset(c, 0, sizeof *c);
}

void cover_lose(struct cover *c, int64_t rank)
{
	if (c->lives[rank])
		count(c, rank, -1);
	c->lives[rank] = false;
}

void cover_join(struct cover *c, int64_t rank)
{
	if (c->lives[rank])
		return;
	fill(c, rank);
	count(c, rank, 1);
	c->lives[rank] = true;
}

/* ---- loads ----------------------------------------------------------------------------------- */

static double share_of(const struct cover *c, int64_t rank)
{
	double sum = 0;

	for (int64_t i = 0; i < c->own + c->slots; i++) {
		if (*held_at(c, rank, i) >= 0)
			sum += 1.0 / c->copies[*held_at(c, rank, i)];
	}
	return sum;
}

static int64_t living(const struct cover *c)
{
	int64_t n = 0;

	for (int64_t r = 0; r < c->ranks; r++)
		n += c->lives[r];
	return n;
}

static int64_t busiest(const struct cover *c)
{
	int64_t at = -1;

	for (int64_t r = 0; r < c->ranks; r++) {
		if (c->lives[r] && (at < 0 || c->share_count[r] > c->share_count[at]))
			at = r;
	}
	return at;
}

double cover_busiest_count(const struct cover *c)
{
	double most = 0;

	if (c->own == 0 || living(c) == c->ranks)
		return (double)c->own;
	for (int64_t r = 0; r < c->ranks; r++) {
		if (c->lives[r])
			most = fmax(most, share_of(c, r));
	}
	/* several EP groups divide the load of an expert from the start */
	return most * (double)(c->ranks * c->own) / (double)c->experts;
}

/* ---- mending --------------------------------------------------------------------------------- */

static bool has(const struct cover *c, int64_t rank, int32_t expert)
{
	for (int64_t i = 0; i < c->own + c->slots; i++) {
		if (*held_at(c, rank, i) == expert)
			return true;
	}
	return false;
}

/* A place for one more copy of an expert, and the most that a rank computes then of those that it
 * changes: the taker, and who shared the expert that makes room. */
struct seat {
	int64_t rank, place; /* rank -1: there is none */
	double share;
};

static void shares_count(struct cover *c)
{
	for (int32_t e = 0; e < c->experts; e++)
		c->worst_count[e] = 0;
	for (int64_t r = 0; r < c->ranks; r++) {
		c->share_count[r] = c->lives[r] ? share_of(c, r) : 0;
		for (int64_t i = 0; c->lives[r] && i < c->own + c->slots; i++) {
			int32_t held = *held_at(c, r, i);

			if (held >= 0)
				c->worst_count[held] =
				        fmax(c->worst_count[held], c->share_count[r]);
		}
	}
}

static struct seat seat_of(const struct cover *c, int64_t rank, int64_t place, int32_t expert)
{
	int32_t held = *held_at(c, rank, place);
	double share = c->share_count[rank] + 1.0 / (c->copies[expert] + 1), copies;

	if (held < 0)
		return (struct seat){rank, place, share};
	copies = c->copies[held];
	if (copies < 2)
		return (struct seat){-1, 0, 0};
	share = fmax(share - 1 / copies, c->worst_count[held] + 1 / (copies - 1) - 1 / copies);
	return (struct seat){rank, place, share};
}

static struct seat best_seat(const struct cover *c, int32_t expert)
{
	struct seat best = {-1, 0, 0};

	for (int64_t r = 0; r < c->ranks; r++) {
		if (!c->lives[r] || has(c, r, expert))
			continue;
		for (int64_t i = 0; i < c->own + c->slots; i++) {
			struct seat s = seat_of(c, r, i, expert);

			if (s.rank >= 0 && (best.rank < 0 || s.share < best.share))
				best = s;
		}
	}
	return best;
}

static void place(struct cover *c, const struct seat *s, int32_t expert)
{
	int32_t *held = held_at(c, s->rank, s->place);

	if (*held >= 0)
		c->copies[*held]--;
	*held = expert;
	c->copies[expert]++;
	shares_count(c);
}

/* The expert of a rank that it shares with the fewest others. */
static int32_t heaviest(const struct cover *c, int64_t rank)
{
	int32_t best = -1;

	for (int64_t i = 0; i < c->own + c->slots; i++) {
		int32_t held = *held_at(c, rank, i);

		if (held >= 0 && (best < 0 || c->copies[held] < c->copies[best]))
			best = held;
	}
	return best;
}

/* One copy from the busiest rank to another, if nobody becomes as busy by that. Each such copy
 * leaves fewer ranks as busy as that, so this ends. */
static bool spread(struct cover *c)
{
	int64_t from = busiest(c);
	int32_t expert = heaviest(c, from);
	struct seat s = best_seat(c, expert);

	if (s.rank < 0 || s.share >= c->share_count[from] - rounding)
		return false;
	place(c, &s, expert);
	return true;
}

/* Loads are even enough when nobody computes more than the mean, rounded up. */
static void spread_all(struct cover *c, struct cover_repair *out)
{
	double even = ceil((double)c->experts / (double)living(c) - rounding);

	for (int64_t i = 0; i < c->experts && c->share_count[busiest(c)] > even + rounding; i++) {
		if (!spread(c))
			return;
		out->peer++;
	}
}

/* Experts that lost ranks held and others have; what lost ranks hold is forgotten then. */
static int64_t lost_copies(struct cover *c)
{
	int64_t n = 0;

	for (int64_t r = 0; r < c->ranks; r++) {
		for (int64_t i = 0; !c->lives[r] && i < c->own + c->slots; i++) {
			int32_t *held = held_at(c, r, i);

			n += *held >= 0 && i < c->own && c->copies[*held] > 0;
			*held = -1;
		}
	}
	return n;
}

enum cover_answer cover_mend(struct cover *c, bool host_backup, struct cover_repair *out)
{
	*out = (struct cover_repair){0};
	if (living(c) == 0)
		return COVER_NO_RANK;
	if (c->own == 0)
		return COVERED;
	shares_count(c);
	out->local = lost_copies(c);
	for (int32_t e = 0; e < c->experts; e++) {
		struct seat s;

		if (c->copies[e] > 0)
			continue;
		if (!host_backup)
			return COVER_NO_COPY;
		s = best_seat(c, e);
		if (s.rank < 0)
			return COVER_NO_SLOT;
		place(c, &s, e);
		out->host++;
	}
	spread_all(c, out);
	return COVERED;
}
