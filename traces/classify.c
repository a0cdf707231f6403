#include "traces/classify.h"
#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum { NAME_SIZE = 256 };

/* Names in lower case; the longest that an op holds counts. Relay pieces and fused kernels: CANN
 * ops-transformer, sgl-project/sgl-kernel-npu, vllm-project/vllm-ascend, hicann/shmem. The default
 * kernels write to the receiver's HCCL window or pull from the sender's, and compact: relay2. */
static const struct known {
	const char *name;
	enum trace_phase phase;
	enum trace_flow flow;
	enum trace_role role;
} known[] = {
        /* relay3 */
        {"moeinitrouting", DURING_DISPATCH, FLOW_RELAY3, OP_ANCHOR},
        {"moetokenpermute", DURING_DISPATCH, FLOW_RELAY3, OP_ANCHOR},
        {"moererouting", DURING_DISPATCH, FLOW_RELAY3, OP_PIECE},
        {"moefinalizerouting", DURING_COMBINE, FLOW_RELAY3, OP_ANCHOR},
        {"moetokenunpermute", DURING_COMBINE, FLOW_RELAY3, OP_ANCHOR},
        {"alltoall", DURING_EXCHANGE, FLOW_RELAY3, OP_LIBRARY},
        {"all_to_all", DURING_EXCHANGE, FLOW_RELAY3, OP_LIBRARY},
        {"hcom_allgather", DURING_OTHER, FLOW_NONE, OP_LIBRARY},
        {"hcom_reducescatter", DURING_OTHER, FLOW_NONE, OP_LIBRARY},
        /* relay2 */
        {"moedistributedispatch", DURING_DISPATCH, FLOW_RELAY2, OP_ANCHOR},
        {"moedistributecombine", DURING_COMBINE, FLOW_RELAY2, OP_ANCHOR},
        {"moelowlatencydispatch", DURING_DISPATCH, FLOW_RELAY2, OP_ANCHOR},
        {"moelowlatencycombine", DURING_COMBINE, FLOW_RELAY2, OP_ANCHOR},
        {"cammoedispatchnormal", DURING_DISPATCH, FLOW_RELAY2, OP_ANCHOR},
        {"cammoecombinenormal", DURING_COMBINE, FLOW_RELAY2, OP_ANCHOR},
        {"moedispatchnormal", DURING_DISPATCH, FLOW_RELAY2, OP_ANCHOR},
        {"moecombinenormal", DURING_COMBINE, FLOW_RELAY2, OP_ANCHOR},
        {"dispatchnormala2", DURING_DISPATCH, FLOW_RELAY2, OP_ANCHOR},
        {"dispatchlayout", DURING_DISPATCH, FLOW_RELAY2, OP_PIECE},
        {"notifydispatch", DURING_DISPATCH, FLOW_RELAY2, OP_PIECE},
        /* direct */
        {"shmemmoedistributedispatchzerobuffer", DURING_DISPATCH, FLOW_DIRECT, OP_ANCHOR},
        {"shmemmoedistributecombinezerobuffer", DURING_COMBINE, FLOW_DIRECT, OP_ANCHOR},
        {"moedistributedispatchzerobuffer", DURING_DISPATCH, FLOW_DIRECT, OP_ANCHOR},
        {"moedistributecombinezerobuffer", DURING_COMBINE, FLOW_DIRECT, OP_ANCHOR},
        /* all of the layer at once */
        {"fuseddeepmoe", DURING_EXPERT, FLOW_OTHER, OP_PIECE},
        {"dispatchffncombine", DURING_EXPERT, FLOW_OTHER, OP_PIECE},
        {"dispatch_ffn_combine", DURING_EXPERT, FLOW_OTHER, OP_PIECE},
        {"dispatch_gmm_combine_decode", DURING_EXPERT, FLOW_OTHER, OP_PIECE},
        {"dispatchgmmcombinedecode", DURING_EXPERT, FLOW_OTHER, OP_PIECE},
        {"distributebarrier", DURING_EXCHANGE, FLOW_OTHER, OP_PIECE},
        /* DeepEP */
        {"get_dispatch_layout", DURING_DISPATCH, FLOW_OTHER, OP_PIECE},
        {"notify_dispatch", DURING_DISPATCH, FLOW_OTHER, OP_PIECE},
        {"internode::dispatch", DURING_DISPATCH, FLOW_OTHER, OP_ANCHOR},
        {"intranode::dispatch", DURING_DISPATCH, FLOW_OTHER, OP_ANCHOR},
        {"internode_ll::dispatch", DURING_DISPATCH, FLOW_OTHER, OP_ANCHOR},
        {"internode::combine", DURING_COMBINE, FLOW_OTHER, OP_ANCHOR},
        {"intranode::combine", DURING_COMBINE, FLOW_OTHER, OP_ANCHOR},
        {"internode_ll::combine", DURING_COMBINE, FLOW_OTHER, OP_ANCHOR},
        {"cached_notify", DURING_EXCHANGE, FLOW_OTHER, OP_PIECE},
        /* experts */
        {"groupedmatmul", DURING_EXPERT, FLOW_NONE, OP_PIECE},
        {"grouped_matmul", DURING_EXPERT, FLOW_NONE, OP_PIECE},
        {"groupedgemm", DURING_EXPERT, FLOW_NONE, OP_PIECE},
        {"grouped_gemm", DURING_EXPERT, FLOW_NONE, OP_PIECE},
        /* attention */
        {"attention", DURING_ATTENTION, FLOW_NONE, OP_PIECE},
        {"flash_mla", DURING_ATTENTION, FLOW_NONE, OP_PIECE},
        {"flash_fwd", DURING_ATTENTION, FLOW_NONE, OP_PIECE},
        {"mlaprolog", DURING_ATTENTION, FLOW_NONE, OP_PIECE},
        {"mlapreprocess", DURING_ATTENTION, FLOW_NONE, OP_PIECE},
        {"ringmla", DURING_ATTENTION, FLOW_NONE, OP_PIECE},
        {"multilatent", DURING_ATTENTION, FLOW_NONE, OP_PIECE},
        {"scatterpakvcache", DURING_ATTENTION, FLOW_NONE, OP_PIECE},
        {"reshapeandcache", DURING_ATTENTION, FLOW_NONE, OP_PIECE},
        {"rotarypos", DURING_ATTENTION, FLOW_NONE, OP_PIECE},
};
enum { KNOWN = sizeof known / sizeof *known };

static const char *const phase_names[TRACE_PHASES] = {"dispatch",  "combine",  "expert",
                                                      "attention", "exchange", "other"};
static const char *const flow_names[TRACE_FLOWS] = {"-", "relay3", "relay2", "direct", "other"};

const char *trace_phase_name(enum trace_phase phase)
{
	return phase_names[phase];
}

const char *trace_flow_name(enum trace_flow flow)
{
	return flow_names[flow];
}

static const struct known *known_find(const char *op)
{
	const struct known *best = NULL;
	char lower[NAME_SIZE];
	size_t n = 0, best_chars = 0;

	for (; op[n] && n + 1 < sizeof lower; n++)
		lower[n] = (char)tolower((unsigned char)op[n]);
	lower[n] = '\0';
	for (size_t i = 0; i < KNOWN; i++) {
		size_t n_chars = strlen(known[i].name);

		if (n_chars > best_chars && strstr(lower, known[i].name)) {
			best = &known[i];
			best_chars = n_chars;
		}
	}
	return best;
}

struct trace_class trace_classify(const char *op, const char *phase, const char *flow)
{
	struct trace_class c = {DURING_OTHER, FLOW_NONE, OP_PIECE};
	const struct known *k;

	for (enum trace_flow f = FLOW_RELAY3; f < TRACE_FLOWS; f++) {
		if (*flow && strcmp(flow_names[f], flow) == 0)
			c.flow = f;
	}
	for (enum trace_phase p = 0; p < TRACE_PHASES; p++) {
		if (*phase && strcmp(phase_names[p], phase) == 0)
			return c.phase = p, c;
	}
	k = known_find(op);
	return k ? (struct trace_class){k->phase, k->flow, k->role} : c;
}

enum trace_phase trace_side_after(enum trace_phase last, const struct trace_class *c)
{
	if (c->flow == FLOW_RELAY3 && c->phase == DURING_DISPATCH)
		return DURING_DISPATCH;
	if (c->phase == DURING_EXPERT && c->flow == FLOW_NONE)
		return last == DURING_DISPATCH ? DURING_COMBINE : last;
	if (c->phase == DURING_COMBINE || c->phase == DURING_DISPATCH ||
	    c->phase == DURING_ATTENTION)
		return DURING_OTHER;
	return last;
}

/* ---- names ----------------------------------------------------------------------------------- */

static bool starts(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* "_18_186609_1" off the end. */
static size_t without_numbers(const char *name, size_t n)
{
	for (;;) {
		size_t i = n;

		while (i > 0 && is_digit(name[i - 1]))
			i--;
		if (i == n || i < 2 || name[i - 1] != '_')
			return n;
		n = i - 1;
	}
}

/* "hcom_alltoallv__909_2_1": up to the first of the two dashes before a number, and that dash. */
static size_t hcom_chars(const char *name)
{
	for (const char *p = name; (p = strstr(p, "__")); p++) {
		if (is_digit(p[2]))
			return (size_t)(p + 1 - name);
	}
	return strlen(name);
}

/* "alltoallvAivKernel", "hcom_alltoallv_AicpuKernel_3": without prefix and what comes after. */
static bool twin_name(const char *from, char *name, size_t size)
{
	const char *to = strstr(from, "AivKernel");

	to = to ? to : strstr(from, "AicpuKernel");
	if (!to)
		return false;
	if (starts(from, "hcom_"))
		from += strlen("hcom_");
	while (to > from && to[-1] == '_')
		to--;
	if (to <= from)
		return false;
	snprintf(name, size, "hcom_%.*s_", (int)(to - from), from);
	return true;
}

void trace_op_name(const struct trace_event *ev, char *name, size_t size)
{
	const char *from = ev->name;
	size_t n;

	if (*ev->type) {
		snprintf(name, size, "%s", ev->type);
		return;
	}
	if (twin_name(from, name, size))
		return;
	if (starts(from, "hcom_")) {
		n = hcom_chars(from);
	} else {
		const char *last = starts(from, "aclnn") ? strrchr(from, '_') : NULL;

		n = without_numbers(from, strlen(from));
		if (last && last[1] && n > (size_t)(last + 1 - from)) {
			n -= (size_t)(last + 1 - from);
			from = last + 1;
		}
	}
	snprintf(name, size, "%.*s", (int)n, from);
}
