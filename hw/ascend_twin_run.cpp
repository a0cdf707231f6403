#include "hw/ascend_twin_run.h"
#include <thread>
#include "hw/ascend_core.h"

extern "C" {
void epsim_dispatch_relay3(uint8_t *exchange);
void epsim_combine_relay3(uint8_t *exchange);
void epsim_dispatch_relay2(uint8_t *exchange);
void epsim_combine_relay2(uint8_t *exchange);
void epsim_dispatch_direct(uint8_t *exchange);
void epsim_combine_direct(uint8_t *exchange);
}

namespace
{

/* Addresses in a heap of a PE, handed out alike on all. */
class Layout
{
      public:
	explicit Layout(uint8_t *heap) : base(heap)
	{
	}
	uint8_t *take(int64_t bytes)
	{
		uint8_t *p = base + used;

		used += ((size_t)bytes + 63) / 64 * 64;
		return p;
	}
	size_t used = 0;

      private:
	uint8_t *base;
};

int64_t slot_aligned(int64_t bytes)
{
	return (bytes + 511) / 512 * 512;
}

/* Staging beyond what all flows need. */
void staging_lay(epsim::Exchange &x, const twin_run &r, Layout &heap)
{
	int64_t out = (int64_t)r.tokens * r.top_k, in = r.window_rows;
	int64_t slots = r.decode ? (int64_t)r.experts * r.tokens : out;

	x.slot_bytes = slot_aligned(r.row_bytes + epsim::SLOT_TAIL_BYTES);
	x.back_bytes = r.decode ? r.bf16_bytes : slot_aligned(r.bf16_bytes);
	if (r.flow == TWIN_RELAY3) {
		x.staging[epsim::SEND] = heap.take(out * r.row_bytes);
		x.staging[epsim::RECEIVE] = heap.take(in * r.row_bytes);
		x.staging[epsim::BACK_SEND] = heap.take(in * r.bf16_bytes);
		x.staging[epsim::BACK_RECEIVE] = heap.take(out * r.bf16_bytes);
		x.staging_scale[0] = heap.take(out * 32);
		x.staging_scale[1] = heap.take(in * 32);
	} else if (r.flow == TWIN_RELAY2) {
		x.staging[epsim::DISPATCH_HALF] = heap.take(slots * x.slot_bytes);
		x.staging[epsim::COMBINE_HALF] = heap.take(out * x.back_bytes);
		x.row_flag = heap.take(out * 64);
		x.status[0] = heap.take((int64_t)r.experts * 64);
		x.status[1] = heap.take((int64_t)r.experts * 64);
		x.triple = heap.take(in * 32);
	}
}

epsim::Exchange lay(const twin_run &r, Layout &heap)
{
	epsim::Exchange x = {};
	int64_t rows = (int64_t)r.tokens * r.top_k;

	x.n_ranks = r.n_ranks, x.experts = r.experts, x.top_k = r.top_k, x.hidden = r.hidden;
	x.tokens_most = r.tokens, x.stride = (r.experts + 7) / 8 * 8;
	x.int8 = r.int8, x.decode = r.decode;
	x.row_bytes = r.row_bytes, x.bf16_bytes = r.bf16_bytes;
	x.input = heap.take(r.tokens * r.bf16_bytes);
	x.output = heap.take(r.tokens * r.bf16_bytes);
	x.expert = heap.take(rows * 4);
	x.weight = heap.take(rows * 4);
	x.block_counts = heap.take((int64_t)r.cores * x.stride * 4);
	for (auto &flags : x.flag)
		flags = heap.take((int64_t)r.n_ranks * 64);
	for (int turn = 0; turn < 2; turn++) {
		x.own_counts[turn] = heap.take(x.stride * 4);
		x.counts[turn] = heap.take((int64_t)r.n_ranks * x.stride * 4);
	}
	x.window = heap.take(r.window_rows * r.row_bytes);
	x.window_scale = heap.take(r.window_rows * 32);
	x.result = heap.take(r.window_rows * r.bf16_bytes);
	staging_lay(x, r, heap);
	return x;
}

twin_view view_of(epsim::Exchange &x)
{
	return {(uint16_t *)x.input,
	        (uint16_t *)x.output,
	        (uint32_t *)x.expert,
	        (float *)x.weight,
	        (char *)x.window,
	        (char *)x.result,
	        (const float *)x.window_scale,
	        (const int32_t *)x.counts[x.layer % 2],
	        &x.tokens,
	        x.stride};
}

using Kernel = void(uint8_t *exchange);

Kernel *const kernels[][2] = {{epsim_dispatch_relay3, epsim_combine_relay3},
                              {epsim_dispatch_relay2, epsim_combine_relay2},
                              {epsim_dispatch_direct, epsim_combine_direct}};

void launch(Kernel *kernel, epsim::Exchange &x)
{
	twin::core()->ub_used = 0;
	kernel((uint8_t *)&x);
	twin::all_waited_for("a kernel ends before own copies are through");
}

/* One core of the PE does it while the others wait: what the host's stream orders on a device. */
template <typename Work> void alone(Work work)
{
	twin::Core *core = twin::core();

	core->world->of_pe[(size_t)core->pe].wait();
	if (core->block == 0)
		work();
	core->world->of_pe[(size_t)core->pe].wait();
}

void core_run(const twin_run &r, epsim::Exchange &x, twin::Core &core)
{
	twin::core() = &core;
	for (int32_t layer = 0; layer < r.layers; layer++) {
		int32_t pe = (int32_t)core.pe;

		alone([&] {
			x.layer = layer + 1;
			twin_view v = view_of(x);

			r.before(r.data, pe, layer, &v);
		});
		launch(kernels[r.flow][0], x);
		alone([&] {
			twin_view v = view_of(x);

			r.dispatched(r.data, pe, layer, &v);
		});
		launch(kernels[r.flow][1], x);
		alone([&] {
			twin_view v = view_of(x);

			r.combined(r.data, pe, layer, &v);
		});
	}
}

} // namespace

void twin_exchange(const struct twin_run *r)
{
	Layout sizes(nullptr);
	epsim::Exchange none = lay(*r, sizes);
	twin::World world(r->n_ranks, r->cores, sizes.used);
	std::vector<epsim::Exchange> exchange((size_t)r->n_ranks, none);
	std::deque<twin::Core> cores;
	std::vector<std::thread> threads;

	for (int32_t pe = 0; pe < r->n_ranks; pe++) {
		Layout heap(world.base(pe));

		exchange[(size_t)pe] = lay(*r, heap);
		for (int32_t block = 0; block < r->cores; block++) {
			cores.emplace_back();
			cores.back().world = &world;
			cores.back().pe = pe, cores.back().block = block;
		}
	}
	for (auto &core : cores)
		threads.emplace_back(core_run, std::cref(*r), std::ref(exchange[(size_t)core.pe]),
		                     std::ref(core));
	for (auto &thread : threads)
		thread.join();
}
