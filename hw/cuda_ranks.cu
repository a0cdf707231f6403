#include "hw/cuda_ranks.h"
#ifdef EPSIM_CUDA_TWIN
#include "hw/cuda_twin.h"
#else
#include <cuda_runtime.h>
#endif
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "hw/cuda_bench.cuh"
#include "hw/cuda_kernels.cuh"

/* ---- the group ---- */

struct cuda_group {
	view v;
	int devices;
	cudaStream_t stream[CUDA_MOST_RANKS];
	cudaEvent_t met[CUDA_MOST_RANKS]; /* for waits between ranks */
	cudaEvent_t edge[CUDA_MOST_RANKS][CUDA_MOST_STEPS + 1];
	int n_steps;
	char name[256];
};

const char *cuda_group_device(const cuda_group *g)
{
	return g->name;
}

static void *allocate(int64_t bytes)
{
	void *p = NULL;

	if (cudaMalloc(&p, (size_t)bytes + 64) != cudaSuccess)
		return NULL;
	cudaMemset(p, 0, (size_t)bytes + 64);
	return p;
}

/* Everything of one rank on the current device; the last error tells whether all is there. */
static cuda_rank rank_allocate(const cuda_shape &s, int32_t rank)
{
	int64_t rows = (int64_t)s.tokens * s.top_k, experts = s.experts, in = s.window_rows;
	bool relay3 = s.flow == CUDA_RELAY3, relay2 = s.flow == CUDA_RELAY2;
	int64_t slots = s.decode ? experts * s.tokens : rows;
	cuda_rank r = {};

	r.rank = rank;
	r.input = (uint16_t *)allocate(s.tokens * s.bf16_bytes);
	r.output = (uint16_t *)allocate(s.tokens * s.bf16_bytes);
	r.expert = (uint32_t *)allocate(rows * 4);
	r.weight = (float *)allocate(rows * 4);
	r.before = (int32_t *)allocate(rows * 4);
	r.own_counts = (int32_t *)allocate(experts * 4);
	r.counts = (int32_t *)allocate(experts * s.n_ranks * 4);
	r.packed = (int32_t *)allocate(experts * 4);
	r.place = (int32_t *)allocate(experts * 4);
	r.window = (char *)allocate(in * s.row_bytes);
	r.result = (char *)allocate(in * s.bf16_bytes);
	r.window_scale = (float *)allocate(in * 4);
	r.triple = (int32_t *)allocate(relay2 ? in * 16 : 0);
	r.staging[0] = (char *)allocate(relay3 ? rows * s.row_bytes : relay2 ? slots * s.slot_bytes : 0);
	r.staging[1] = (char *)allocate(relay3 ? in * s.row_bytes : relay2 ? rows * s.back_bytes : 0);
	r.staging[2] = (char *)allocate(relay3 ? in * s.bf16_bytes : 0);
	r.staging[3] = (char *)allocate(relay3 ? rows * s.bf16_bytes : 0);
	r.staging_scale[0] = (float *)allocate(rows * 4);
	r.staging_scale[1] = (float *)allocate(in * 4);
	return r;
}

static void rank_free(cuda_rank *r)
{
	void *all[] = {r->input,         r->output,  r->expert,       r->weight,
	               r->before,        r->own_counts, r->counts,    r->packed,
	               r->place,         r->window,  r->result,       r->window_scale,
	               r->triple,        r->staging[0], r->staging[1], r->staging[2],
	               r->staging[3],    r->staging_scale[0], r->staging_scale[1]};

	for (void *p : all)
		cudaFree(p);
}

static bool peers_enable(cuda_group *g)
{
	int used = g->devices < g->v.s.n_ranks ? g->devices : g->v.s.n_ranks, can;

	for (int a = 0; a < used; a++) {
		cudaSetDevice(a);
		for (int b = 0; b < used; b++) {
			if (a == b)
				continue;
			if (cudaDeviceCanAccessPeer(&can, a, b) != cudaSuccess || !can)
				return false;
			cudaDeviceEnablePeerAccess(b, 0);
		}
	}
	return true;
}

static bool rank_open(cuda_group *g, int32_t r)
{
	cudaSetDevice(r % g->devices);
	g->v.rank[r] = rank_allocate(g->v.s, r);
	cudaStreamCreate(&g->stream[r]);
	cudaEventCreateWithFlags(&g->met[r], cudaEventDisableTiming);
	for (int i = 0; i <= CUDA_MOST_STEPS; i++)
		cudaEventCreate(&g->edge[r][i]);
	return cudaDeviceSynchronize() == cudaSuccess;
}

cuda_group *cuda_group_open(const cuda_shape *s, const char **why)
{
	cuda_group *g = (cuda_group *)calloc(1, sizeof *g);
	cudaDeviceProp properties;

	*why = NULL;
	g->v.s = *s;
	if (cudaGetDeviceCount(&g->devices) != cudaSuccess || g->devices < 1)
		*why = "there is no CUDA device";
	else if (!peers_enable(g))
		*why = "the devices have no peer access to each other";
	for (int32_t r = 0; !*why && r < s->n_ranks; r++) {
		if (!rank_open(g, r))
			*why = cudaGetErrorString(cudaGetLastError());
	}
	if (!*why && cudaGetDeviceProperties(&properties, 0) == cudaSuccess)
		snprintf(g->name, sizeof g->name, "%s", properties.name);
	if (*why) {
		free(g); /* the program ends: what is allocated goes with it */
		return NULL;
	}
	return g;
}

void cuda_group_close(cuda_group *g)
{
	for (int32_t r = 0; r < g->v.s.n_ranks; r++) {
		cudaSetDevice(r % g->devices);
		rank_free(&g->v.rank[r]);
		cudaStreamDestroy(g->stream[r]);
		cudaEventDestroy(g->met[r]);
		for (int i = 0; i <= CUDA_MOST_STEPS; i++)
			cudaEventDestroy(g->edge[r][i]);
	}
	free(g);
}

void cuda_rank_load(cuda_group *g, int32_t rank, int32_t tokens, const uint16_t *input,
                    const uint32_t *expert, const float *weight)
{
	cuda_rank *r = &g->v.rank[rank];
	size_t rows = (size_t)tokens * (size_t)g->v.s.top_k;

	r->tokens = tokens;
	cudaSetDevice(rank % g->devices);
	cudaMemcpy(r->input, input, (size_t)(tokens * g->v.s.bf16_bytes), cudaMemcpyHostToDevice);
	cudaMemcpy(r->expert, expert, rows * sizeof *expert, cudaMemcpyHostToDevice);
	cudaMemcpy(r->weight, weight, rows * sizeof *weight, cudaMemcpyHostToDevice);
}

void cuda_rank_window(cuda_group *g, int32_t rank, char *window, float *scale, int32_t *counts)
{
	const cuda_shape &s = g->v.s;
	cuda_rank *r = &g->v.rank[rank];

	cudaSetDevice(rank % g->devices);
	cudaMemcpy(window, r->window, (size_t)(s.window_rows * s.row_bytes), cudaMemcpyDeviceToHost);
	cudaMemcpy(scale, r->window_scale, (size_t)s.window_rows * sizeof *scale,
	           cudaMemcpyDeviceToHost);
	cudaMemcpy(counts, r->counts, (size_t)(s.n_ranks * s.experts) * sizeof *counts,
	           cudaMemcpyDeviceToHost);
}

void cuda_rank_output(cuda_group *g, int32_t rank, uint16_t *output)
{
	cuda_rank *r = &g->v.rank[rank];

	cudaSetDevice(rank % g->devices);
	cudaMemcpy(output, r->output, (size_t)(r->tokens * g->v.s.bf16_bytes),
	           cudaMemcpyDeviceToHost);
}

/* ---- steps ---- */

/* Every stream waits for all others: a barrier, or flags from all to all. */
static void meet(cuda_group *g)
{
	for (int32_t r = 0; r < g->v.s.n_ranks; r++)
		cudaEventRecord(g->met[r], g->stream[r]);
	for (int32_t r = 0; r < g->v.s.n_ranks; r++) {
		for (int32_t other = 0; other < g->v.s.n_ranks; other++) {
			if (other != r)
				cudaStreamWaitEvent(g->stream[r], g->met[other], 0);
		}
	}
}

static void edge(cuda_group *g)
{
	for (int32_t r = 0; r < g->v.s.n_ranks; r++)
		cudaEventRecord(g->edge[r][g->n_steps], g->stream[r]);
	g->n_steps++;
}

/* One kernel for each rank, on its device and stream. args: (g->v, ...). */
#ifdef EPSIM_CUDA_TWIN
#define LAUNCH(kernel, grid, stream, args)                                                         \
	cuda_twin::launch(grid, THREADS, [=] { kernel args; })
#else
#define LAUNCH(kernel, grid, stream, args) kernel<<<grid, THREADS, 0, stream>>> args
#endif
#define EACH_RANK(kernel, grid, args)                                                              \
	do {                                                                                       \
		for (int32_t r_ = 0; r_ < g->v.s.n_ranks; r_++) {                                  \
			cudaSetDevice(r_ % g->devices);                                            \
			g->v.me = r_;                                                              \
			LAUNCH(kernel, grid, g->stream[r_], args);                                 \
		}                                                                                  \
	} while (0)

static int steps_end(cuda_group *g, double (*step_s)[CUDA_MOST_STEPS], const char **why)
{
	const double s_per_ms = 1e-3; /* lint: unit of events */
	cudaError_t error = cudaGetLastError();

	for (int32_t r = 0; r < g->v.s.n_ranks && error == cudaSuccess; r++)
		error = cudaStreamSynchronize(g->stream[r]);
	if (error != cudaSuccess) {
		*why = cudaGetErrorString(error);
		return -1;
	}
	for (int32_t r = 0; step_s && r < g->v.s.n_ranks; r++) {
		for (int i = 1; i < g->n_steps; i++) {
			float ms = 0;

			cudaEventElapsedTime(&ms, g->edge[r][0], g->edge[r][i]);
			step_s[r][i - 1] = ms * s_per_ms;
		}
	}
	return g->n_steps - 1;
}

static dim3 pairs(const cuda_group *g)
{
	return dim3(PAIR_BLOCKS, (unsigned)g->v.s.experts);
}

static void dispatch_direct(cuda_group *g)
{
	EACH_RANK(count_rows, (unsigned)g->v.s.experts, (g->v));
	if (!g->v.s.decode) {
		meet(g);
		edge(g);
	}
	EACH_RANK(exchange_counts, 1, (g->v, g->v.s.decode != 0));
	meet(g);
	EACH_RANK(offsets, 1, (g->v, true));
	edge(g);
	EACH_RANK(send_rows, BLOCKS, (g->v, TO_WINDOW));
	edge(g);
	meet(g);
	edge(g);
}

static void dispatch_relay3(cuda_group *g)
{
	EACH_RANK(count_rows, (unsigned)g->v.s.experts, (g->v));
	EACH_RANK(offsets, 1, (g->v, false));
	EACH_RANK(send_rows, BLOCKS, (g->v, TO_SEND));
	edge(g);
	EACH_RANK(exchange_counts, 1, (g->v, true));
	meet(g);
	edge(g);
	EACH_RANK(all_to_all, dim3(BLOCKS, (unsigned)g->v.s.n_ranks), (g->v, true));
	edge(g);
	meet(g);
	edge(g);
	EACH_RANK(reorder, pairs(g), (g->v, true));
	edge(g);
}

static void dispatch_relay2(cuda_group *g)
{
	EACH_RANK(count_rows, (unsigned)g->v.s.experts, (g->v));
	EACH_RANK(offsets, 1, (g->v, false));
	if (!g->v.s.decode) {
		meet(g);
		EACH_RANK(exchange_counts, 1, (g->v, false));
		edge(g);
	}
	EACH_RANK(send_rows, BLOCKS, (g->v, g->v.s.decode ? TO_SLOT : TO_STAGE));
	edge(g);
	if (g->v.s.decode)
		EACH_RANK(exchange_counts, 1, (g->v, true));
	meet(g);
	edge(g);
	EACH_RANK(take_slots, pairs(g), (g->v));
	edge(g);
}

int cuda_dispatch(cuda_group *g, double (*step_s)[CUDA_MOST_STEPS], const char **why)
{
	static void (*const flow[])(cuda_group *) = {dispatch_relay3, dispatch_relay2,
	                                             dispatch_direct};

	g->n_steps = 0;
	meet(g);
	edge(g);
	flow[g->v.s.flow](g);
	return steps_end(g, step_s, why);
}

int cuda_experts(cuda_group *g, const char **why)
{
	EACH_RANK(run_experts, dim3(PAIR_BLOCKS, (unsigned)(g->v.s.experts / g->v.s.n_ranks)), (g->v));
	return steps_end(g, NULL, why);
}

int cuda_combine(cuda_group *g, double (*step_s)[CUDA_MOST_STEPS], const char **why)
{
	bool direct = g->v.s.flow == CUDA_DIRECT;

	g->n_steps = 0;
	meet(g);
	edge(g);
	if (g->v.s.flow == CUDA_RELAY3) {
		EACH_RANK(reorder, pairs(g), (g->v, false));
		edge(g);
		EACH_RANK(all_to_all, dim3(BLOCKS, (unsigned)g->v.s.n_ranks), (g->v, false));
		edge(g);
	} else if (!direct) {
		EACH_RANK(return_rows, BLOCKS, (g->v));
		edge(g);
	}
	meet(g);
	if (g->v.s.flow != CUDA_RELAY2)
		edge(g);
	EACH_RANK(sum_rows, BLOCKS, (g->v));
	edge(g);
	if (direct && !g->v.s.decode) {
		meet(g);
		edge(g);
	}
	return steps_end(g, step_s, why);
}

/* ---- microbenchmarks ---- */

struct cuda_shape cuda_bench_shape(int32_t n_ranks, int64_t row_bytes, int64_t bytes)
{
	cuda_shape s = {};

	s.flow = CUDA_DIRECT, s.n_ranks = n_ranks, s.experts = n_ranks, s.top_k = 1;
	s.hidden = (int32_t)(row_bytes / 2);
	s.row_bytes = s.bf16_bytes = row_bytes;
	s.window_rows = bytes / row_bytes + 1;
	return s;
}

/* One pass of a mover by one rank, into its stream. */
static void bench_pass(cuda_group *g, int32_t rank, int32_t kind, int64_t bytes)
{
	const cuda_rank *r = &g->v.rank[rank];

	g->v.me = rank;
	if (kind == CUDA_BENCH_MEMCPY)
		cudaMemcpyAsync(g->v.rank[(rank + 1) % g->v.s.n_ranks].result, r->window,
		                (size_t)bytes, cudaMemcpyDefault, g->stream[rank]);
	else if (kind == CUDA_BENCH_REDUCE || kind == CUDA_BENCH_FETCH)
		LAUNCH(bench_sum, BLOCKS, g->stream[rank], (g->v, kind, bytes));
	else
		LAUNCH(bench_move, BLOCKS, g->stream[rank], (g->v, kind, bytes));
}

/* What a step between two waits costs: an empty kernel and the others' events; a flag is one way
 * between two streams. */
static void bench_meet(cuda_group *g, int32_t kind)
{
	int32_t n = kind == CUDA_BENCH_FLAG ? 2 : g->v.s.n_ranks;

	for (int32_t r = 0; r < n && r < g->v.s.n_ranks; r++) {
		cudaSetDevice(r % g->devices);
		LAUNCH(bench_nothing, 1, g->stream[r], ());
	}
	meet(g);
}

bool cuda_bench(cuda_group *g, int32_t kind, int64_t bytes, int32_t cores, int32_t passes,
                double *rank_pass_s, const char **why)
{
	double step_s[CUDA_MOST_RANKS][CUDA_MOST_STEPS];

	g->n_steps = 0;
	meet(g);
	edge(g);
	for (int32_t i = 0; i < passes; i++) {
		for (int32_t r = 0; kind < CUDA_BENCH_FLAG && r < cores; r++) {
			cudaSetDevice(r % g->devices);
			bench_pass(g, r, kind, bytes);
		}
		if (kind >= CUDA_BENCH_FLAG)
			bench_meet(g, kind);
	}
	edge(g);
	if (steps_end(g, step_s, why) < 0)
		return false;
	for (int32_t r = 0; r < cores; r++)
		rank_pass_s[r] = step_s[r][0] / passes;
	return true;
}
