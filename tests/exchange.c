#include "tests/exchange.h"
#include "tests/unit.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct config *config_of(const char *machine, const char *model)
{
	struct config *c = config_new();
	struct err e = {0};

	if (machine)
		config_section(c, SECTION_MACHINE, machine, &e);
	if (model && e.rc == RC_OK)
		config_section(c, SECTION_MODEL, model, &e);
	if (e.rc == RC_OK)
		config_check(c, 0, &e);
	UNIT_TEXT(e.text, "");
	CU_ASSERT_EQUAL_FATAL(e.rc, RC_OK);
	return c;
}

bool exchange_ask(struct exchange *x, const struct exchange_wish *w)
{
	const struct routing_spec balanced = {.kind = ROUTING_BALANCED};
	const char *why;
	struct err e = {0};

	*x = (struct exchange){.arena = arena_new()};
	routing_make(w->routing ? w->routing : &balanced, w->model, w->n_ranks, w->tokens, x->arena,
	             &x->routing, &e);
	UNIT_TEXT(e.text, "");
	x->request = (struct flow_request){.machine = w->machine,
	                                   .model = w->model,
	                                   .routing = &x->routing,
	                                   .phase = w->phase,
	                                   .tokens = w->tokens,
	                                   .dispatch = w->dispatch};
	return flow_applies(w->flow, &x->request, &why);
}

void exchange_build(struct exchange *x, const struct exchange_wish *w)
{
	bool uneven = w->flow->uneven && w->flow->uneven(&x->request);
	bool symmetric = x->routing.balanced && !w->whole && !uneven;
	size_t n = symmetric ? 1 : (size_t)w->n_ranks;
	uint32_t *at = heap_zeroed(n, sizeof *at);

	x->graph = graph_new();
	topology_init(&x->topology, w->machine, w->n_ranks,
	              flow_vector_cores(w->flow, w->machine, 0), symmetric, x->graph);
	flow_build_init(&x->build, x->graph, &x->topology, &x->request);
	graph_append(x->graph, &(struct activity){.label = "dispatch.start"});
	w->flow->dispatch(&x->build, at, at);
	graph_append(x->graph,
	             &(struct activity){.label = "dispatch.end", .after = at, .n_after = n});
	for (size_t i = 0; i < n; i++)
		at[i] = x->graph->n_activities - 1;
	w->flow->combine(&x->build, at, at);
	graph_append(x->graph,
	             &(struct activity){.label = "combine.end", .after = at, .n_after = n});
	graph_check(x->graph);
	flow_build_fini(&x->build);
	free(at);
}

bool exchange_init(struct exchange *x, const struct exchange_wish *w)
{
	if (exchange_ask(x, w)) {
		exchange_build(x, w);
		return true;
	}
	exchange_fini(x);
	return false;
}

void exchange_fini(struct exchange *x)
{
	graph_free(x->graph);
	arena_free(x->arena);
}

double makespan_s(const struct engine *engine, const struct graph *g)
{
	struct timeline t;
	struct err e = {0};
	double end_s;

	timeline_init(&t);
	engine->run(g, &(struct engine_options){0}, &t, &e);
	UNIT_TEXT(e.text, "");
	CU_ASSERT_EQUAL_FATAL(e.rc, RC_OK);
	if (engine == &engine_fluid)
		timeline_check(g, &t, 0x1p-30);
	end_s = t.makespan_s;
	timeline_fini(&t);
	return end_s;
}

void loads_of(const struct graph *g, const char *prefix, double *out_units)
{
	memset(out_units, 0, RESOURCE_KINDS * sizeof *out_units);
	for (uint32_t i = 0; i < g->n_activities; i++) {
		if (strncmp(g->label_text[g->label[i]], prefix, strlen(prefix)) != 0)
			continue;
		for (size_t k = g->use_begin[i]; k < g->use_begin[i + 1]; k++)
			out_units[g->kind[g->use_resource[k]]] +=
			        g->use_weight_ratio[k] * g->work_units[i];
	}
}

double work_of(const struct graph *g, const char *label)
{
	double sum = 0;

	for (uint32_t i = 0; i < g->n_activities; i++)
		sum += strcmp(g->label_text[g->label[i]], label) == 0 ? g->work_units[i] : 0;
	return sum;
}

static void slower_gemm(struct gemm_law *law, double time_ratio)
{
	law->launch_s *= time_ratio;
	law->load_core_Bps /= time_ratio;
	law->quantise_Bps /= time_ratio;
	law->dequantise_Bps /= time_ratio;
	law->epilogue_core_Bps /= time_ratio;
}

struct machine slower_machine(const struct machine *m, double time_ratio)
{
	struct machine slow = *m;
	double *rates[] = {&slow.hbm.rate_Bps,
	                   &slow.cube.bf16_flops,
	                   &slow.cube.int8_flops,
	                   &slow.cube.fp8_flops,
	                   &slow.cube.fp4_flops,
	                   &slow.vector.put_core_Bps,
	                   &slow.vector.get_core_Bps,
	                   &slow.vector.copy_core_Bps,
	                   &slow.vector.quantise_core_Bps,
	                   &slow.die_link.rate_Bps,
	                   &slow.fabric.rate_Bps,
	                   &slow.fabric.put_Bps,
	                   &slow.fabric.get_Bps,
	                   &slow.fabric.trunk_Bps,
	                   &slow.rdma.rate_Bps,
	                   &slow.decode_attention.resident_Bps,
	                   &slow.sdma.rate_Bps,
	                   &slow.sdma.path_Bps};
	double *times[] = {&slow.cube.launch_s,
	                   &slow.die_link.latency_s,
	                   &slow.fabric.node_latency_s,
	                   &slow.fabric.far_latency_s,
	                   &slow.rdma.latency_s,
	                   &slow.rdma.message_s,
	                   &slow.vector.message_s,
	                   &slow.vector.scan_s,
	                   &slow.sync.vector_s,
	                   &slow.sync.flag_s,
	                   &slow.sync.round_s,
	                   &slow.sync.kernel_s,
	                   &slow.sync.collective_s,
	                   &slow.sync.host_s,
	                   &slow.sync.host_barrier_s,
	                   &slow.prefill_attention.launch_s,
	                   &slow.decode_attention.launch_s,
	                   &slow.decode_attention.head_s,
	                   &slow.sdma.latency_s,
	                   &slow.sdma.submit_s};

	slower_gemm(&slow.gemm, time_ratio);
	slower_gemm(&slow.quantised_gemm, time_ratio);
	slower_gemm(&slow.grouped, time_ratio);
	slower_gemm(&slow.quantised_grouped, time_ratio);
	for (size_t i = 0; i < sizeof rates / sizeof *rates; i++)
		*rates[i] /= time_ratio;
	for (size_t i = 0; i < sizeof times / sizeof *times; i++)
		*times[i] *= time_ratio;
	return slow;
}

struct machine waiting_machine(const struct machine *like)
{
	struct machine m = *like;
	double *rates[] = {
	        &m.hbm.rate_Bps,         &m.vector.put_core_Bps, &m.vector.get_core_Bps,
	        &m.vector.copy_core_Bps, &m.die_link.rate_Bps,   &m.fabric.rate_Bps,
	        &m.fabric.put_Bps,       &m.fabric.get_Bps,      &m.vector.quantise_core_Bps};

	for (size_t i = 0; i < sizeof rates / sizeof *rates; i++)
		*rates[i] = 1e100;
	m.vector.message_s = m.vector.scan_s = 0;
	m.die_link.latency_s = 1, m.fabric.node_latency_s = 2, m.fabric.far_latency_s = 3;
	m.sync.vector_s = 1e2, m.sync.flag_s = 1e4, m.sync.round_s = 1e6, m.sync.kernel_s = 1e8;
	m.sync.collective_s = 1e10, m.sync.host_s = 1e12, m.sync.host_barrier_s = 1e14;
	return m;
}

static bool judge(bool ok, double a, double b, const char *file, unsigned line, const char *what,
                  va_list ap)
{
	char name[512], text[768] = "";

	if (!ok) {
		vsnprintf(name, sizeof name, what, ap);
		snprintf(text, sizeof text, "%s: %.17g and %.17g, ratio %.9g", name, a, b, a / b);
	}
	CU_assertImplementation(ok, line, text, file, "", CU_FALSE);
	return ok;
}

bool nearly(double a, double b, double slack_ratio, const char *file, unsigned line,
            const char *what, ...)
{
	va_list ap;

	va_start(ap, what);
	bool ok = judge(fabs(a - b) <= slack_ratio * fmax(fabs(a), fabs(b)), a, b, file, line, what,
	                ap);
	va_end(ap);
	return ok;
}

bool at_most(double a, double b, double slack_ratio, const char *file, unsigned line,
             const char *what, ...)
{
	va_list ap;

	va_start(ap, what);
	bool ok = judge(a <= b + slack_ratio * fabs(b), a, b, file, line, what, ap);
	va_end(ap);
	return ok;
}

bool flow_serves(const struct flow *f, enum phase phase)
{
	return phase == PHASE_DECODE ? f != &flow_weight_gather
	                             : f != &flow_deepep_ll && f != &flow_ubep;
}

bool flow_needs_fabric(const struct flow *f)
{
	return f == &flow_direct || f == &flow_one_sided || f == &flow_ubep ||
	       f == &flow_pull_packed || f == &flow_fused || f == &flow_sdma_mte;
}

bool flow_splits(const struct flow *f, int64_t micro_batches)
{
	return micro_batches == 1 ||
	       (f != &flow_pull_packed && f != &flow_fused && f != &flow_weight_gather);
}

void flow_option_set(struct flow_options *o, enum flow_option option, int64_t value)
{
	int *const choice[FLOW_OPTIONS] = {
	        [OPTION_COMPLETION] = &o->completion, [OPTION_ADDRESSES] = &o->addresses,
	        [OPTION_WINDOW] = &o->window,         [OPTION_QUANTISE] = &o->quantise,
	        [OPTION_DEDUP] = &o->dedup,           [OPTION_LOCAL] = &o->local};

	*o = (struct flow_options){0};
	if (choice[option])
		*choice[option] = (int)value;
	else if (option == OPTION_ROUND)
		o->round_tokens = value;
	else
		o->pipeline = value;
}

size_t flows_count(void)
{
	size_t n = 0;

	while (flows[n])
		n++;
	return n;
}

const char *exchange_name(const struct exchange_wish *w)
{
	static char text[320]; /* of the last call */

	snprintf(text, sizeof text, "%s, EP %lld, %s %s %s, %lld tokens", w->machine->describes,
	         (long long)w->n_ranks, w->flow->name, phase_names[w->phase],
	         dtype_names[w->dispatch], (long long)w->tokens);
	return text;
}

double exchange_buffers_bytes(const struct exchange_wish *w)
{
	struct exchange x;
	struct buffer b[MOST_BUFFERS];
	double bytes = HUGE_VAL;

	if (exchange_ask(&x, w)) {
		size_t n = w->flow->buffers(&x.request, b);

		CU_ASSERT(n <= MOST_BUFFERS);
		for (size_t i = 0; i < n; i++) {
			CU_ASSERT(b[i].bytes >= 0 && isfinite(b[i].bytes));
			CU_ASSERT(b[i].lifetime < LIFETIMES && *b[i].name && *b[i].memory);
		}
		bytes = buffers_peak_bytes(b, n);
	}
	exchange_fini(&x);
	return bytes;
}
