#include "tests/field_thing.h"
#include "tests/unit.h"
#include <string.h>

static const char *const mode_names[] = {"fast", "slow", "no", NULL};

#define IN_LINK(member) offsetof(struct link, member)
#define IN_THING(member) offsetof(struct thing, member)

static const struct field deep_fields[] = {
        {FIELD_ROW("lanes", FIELD_INTEGER, DIM_COUNT, 0, "1", "lanes of a link")},
        {0},
};

static const struct field link_fields[] = {
        {FIELD_ROW("rate", FIELD_QUANTITY, DIM_RATE, IN_LINK(rate_Bps), NULL, "one direction"),
         .least = 1e9, .most = 1e12},
        {FIELD_ROW("latency", FIELD_QUANTITY, DIM_TIME, IN_LINK(latency_s), "1us", "first byte")},
        {FIELD_ROW("deep", FIELD_GROUP, DIM_COUNT, IN_LINK(deep), "", "deep"),
         .group = deep_fields},
        {0},
};

const struct field thing_fields[] = {
        {FIELD_ROW("name", FIELD_TEXT, DIM_COUNT, IN_THING(name), "", "its name")},
        {FIELD_ROW("cores", FIELD_INTEGER, DIM_COUNT, IN_THING(cores), "24", "vector cores"),
         .least = 1},
        {FIELD_ROW("mode", FIELD_CHOICE, DIM_COUNT, IN_THING(mode), "slow", "how"),
         .names = mode_names},
        {FIELD_ROW("on", FIELD_FLAG, DIM_COUNT, IN_THING(on), "yes", "at all")},
        {FIELD_ROW("share", FIELD_QUANTITY, DIM_RATIO, IN_THING(share_ratio), "50%", "of all"),
         .most = 1},
        {FIELD_ROW("fabric", FIELD_GROUP, DIM_COUNT, IN_THING(fabric), NULL, "the links"),
         .group = link_fields},
        {FIELD_ROW("batch", FIELD_LIST, DIM_COUNT, IN_THING(batch), "8, 16", "batch sizes"),
         .most = 1 << 20, .item = FIELD_INTEGER},
        {FIELD_ROW("sizes", FIELD_LIST, DIM_BYTES, IN_THING(sizes), "", "buffers"),
         .item = FIELD_QUANTITY},
        {FIELD_ROW("tags", FIELD_LIST, DIM_COUNT, IN_THING(tags), "a,b", "labels"),
         .item = FIELD_TEXT},
        {FIELD_ROW("modes", FIELD_LIST, DIM_COUNT, IN_THING(modes), "fast", "ways"),
         .names = mode_names, .item = FIELD_CHOICE},
        {0},
};

enum rc thing_read(const char *text, struct thing *t, struct arena *a, struct note **notes,
                   struct err *e)
{
	struct yaml_node *root;

	TRY(yaml_parse("x.yaml", text, strlen(text), a, &root, e));
	return fields_read(thing_fields, t, root, a, notes, e);
}

void thing_accept(const char *text, struct thing *t, struct arena *a, struct note **notes)
{
	struct err e = {.text = ""};

	if (thing_read(text, t, a, notes, &e) != RC_OK)
		UNIT_TEXT(e.text, "no error");
}

static bool same_text(const char *x, const char *y)
{
	return x && y ? strcmp(x, y) == 0 : x == y;
}

static bool same_list(const struct field_list *x, const struct field_list *y)
{
	bool same = x->n == y->n && !x->text == !y->text && !x->number == !y->number;

	for (size_t i = 0; same && i < x->n; i++)
		same = x->text ? same_text(x->text[i], y->text[i]) : x->number[i] == y->number[i];
	return same;
}

bool thing_same(const struct thing *x, const struct thing *y)
{
	return same_text(x->name, y->name) && x->cores == y->cores && x->mode == y->mode &&
	       x->on == y->on && x->share_ratio == y->share_ratio &&
	       x->fabric.rate_Bps == y->fabric.rate_Bps &&
	       x->fabric.latency_s == y->fabric.latency_s &&
	       x->fabric.deep.lanes == y->fabric.deep.lanes && same_list(&x->batch, &y->batch) &&
	       same_list(&x->sizes, &y->sizes) && same_list(&x->tags, &y->tags) &&
	       same_list(&x->modes, &y->modes);
}

bool notes_same(const struct note *x, const struct note *y)
{
	for (; x && y; x = x->next, y = y->next) {
		if (strcmp(x->path, y->path) != 0 || !same_text(x->source, y->source) ||
		    !same_text(x->remark, y->remark) || x->sd_ratio != y->sd_ratio ||
		    x->fit != y->fit)
			return false;
	}
	return x == y;
}
