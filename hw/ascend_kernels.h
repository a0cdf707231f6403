/* The flows of hw/ for the vector cores of Ascend NPUs: dispatch and combine in relay3, relay2 and
 * direct, prefill and decode, BF16 or INT8 rows. Steps and waits are those of kernels_NAME.c, which
 * follow sim/flow_NAME.c.
 *
 * C++ by the nature of AscendC. With EPSIM_ASCEND_TWIN it compiles against ascend_twin.h, which
 * tests run with threads as cores; else against CANN's kernel_operator.h and aclshmem's shmem.h. It
 * has not been run on a device.
 *
 * Tokens are split among the cores of a die. Tables that other ranks write are read by copies to
 * UB, never by scalar accesses, which are cached; flags are read by aclshmem's wait alone. */
#pragma once
#include <stdint.h>
#ifdef EPSIM_ASCEND_TWIN
#include "hw/ascend_twin.h"
#else
#include "kernel_operator.h"
#include "shmem.h"
#endif

namespace epsim
{

typedef GM_ADDR Address; /* a macro for a pointer */

enum { FLAG_INTS = 16, SLOT_TAIL_BYTES = 64, TAIL_TRIPLE = 8, CHUNK = 1024, LINE_INTS = 8 };
enum FlagKind { FLAG_COUNTS, FLAG_ROWS, FLAG_RESULTS, FLAG_KINDS };
enum Target { TO_WINDOW, TO_SEND, TO_STAGE, TO_SLOT };
enum Staging { SEND, RECEIVE, BACK_SEND, BACK_RECEIVE }; /* of relay3 */
enum Half { DISPATCH_HALF, COMBINE_HALF };               /* of relay2's window */

/* One rank's exchange; symmetric memory by own addresses. Tables of experts are `stride` wide. */
struct Exchange {
	int32_t n_ranks, experts, top_k, hidden, tokens, tokens_most, stride;
	int32_t int8, decode, layer; /* layer: 1, 2, ... */
	int64_t row_bytes, bf16_bytes, slot_bytes, back_bytes;
	Address input, output, expert, weight; /* own */
	Address block_counts;                  /* own: [cores][stride] */
	Address flag[FLAG_KINDS];              /* [source], FLAG_INTS apart */
	Address own_counts[2], counts[2];      /* [stride]; [source][stride] */
	Address window, window_scale, result;  /* scales: a line of LINE_INTS each */
	Address staging[4], staging_scale[2];
	Address row_flag, status[2], triple; /* triples: a line each */
};

using namespace AscendC;

class Core
{
      public:
	__aicore__ inline void open(const Exchange &exchange)
	{
		x = exchange;
		me = aclshmem_my_pe();
		local = x.experts / x.n_ranks;
		block = GetBlockIdx(), blocks = GetBlockNum();
		first_token = (int32_t)(x.tokens * block / blocks);
		end_token = (int32_t)(x.tokens * (block + 1) / blocks);
		numbers = (x.hidden + 31) / 32 * 32;
		InitBuffer(pipe, row_buffer[0], (uint32_t)x.bf16_bytes + SLOT_TAIL_BYTES);
		InitBuffer(pipe, row_buffer[1], (uint32_t)x.bf16_bytes + SLOT_TAIL_BYTES);
		InitBuffer(pipe, table_buffer, 4 * table_bytes());
		InitBuffer(pipe, chunk_buffer, CHUNK * 4);
		InitBuffer(pipe, line_buffer, SLOT_TAIL_BYTES);
		InitBuffer(pipe, value_buffer, (uint32_t)numbers * 4);
		InitBuffer(pipe, sum_buffer, (uint32_t)numbers * 4 + 32);
		InitBuffer(pipe, narrow_buffer, (uint32_t)numbers * 4);
		clear();
	}

	__aicore__ inline void dispatch_direct()
	{
		count();
		if (x.decode) {
			push_counts();
		} else {
			meet(FLAG_COUNTS);
			pull_counts();
			barrier();
		}
		window_offsets();
		send_rows(TO_WINDOW);
		if (x.decode)
			meet(FLAG_ROWS);
		else
			barrier();
	}

	__aicore__ inline void dispatch_relay3()
	{
		count();
		packed_offsets();
		send_rows(TO_SEND);
		push_counts();
		all_to_all(true);
		meet(FLAG_ROWS);
		reorder(true);
		finish();
	}

	__aicore__ inline void dispatch_relay2()
	{
		count();
		if (!x.decode) {
			meet(FLAG_COUNTS);
			pull_counts();
			finish();
		}
		packed_offsets();
		send_rows(x.decode ? TO_SLOT : TO_STAGE);
		finish();
		send_status();
		wait_status();
		finish();
		take_slots();
		finish();
	}

	__aicore__ inline void combine_direct()
	{
		earlier_blocks();
		if (x.decode)
			meet(FLAG_RESULTS);
		else
			barrier();
		window_offsets();
		sum_tokens(TO_WINDOW);
		if (!x.decode)
			barrier();
	}

	__aicore__ inline void combine_relay3()
	{
		earlier_blocks();
		reorder(false);
		finish();
		all_to_all(false);
		meet(FLAG_RESULTS);
		packed_offsets();
		sum_tokens(TO_SEND);
		finish();
	}

	__aicore__ inline void combine_relay2()
	{
		earlier_blocks();
		return_rows();
		sum_tokens(TO_SLOT);
		finish();
	}

      private:
	/* ---- memory ---- */

	template <typename T>
	__aicore__ inline GlobalTensor<T> at(Address address, int64_t bytes = 0)
	{
		GlobalTensor<T> tensor;

		tensor.SetGlobalBuffer((__gm__ T *)(address + bytes));
		return tensor;
	}

	template <typename T>
	__aicore__ inline GlobalTensor<T> there(Address own, int64_t bytes, int32_t rank)
	{
		return at<T>((Address)aclshmem_ptr((__gm__ void *)(own + bytes), rank));
	}

	__aicore__ inline uint32_t table_bytes() const
	{
		return (uint32_t)x.stride * 4;
	}

	/* Tables of experts in UB: rows of earlier cores, of this rank, next rows, one on the way.
	 */
	enum Table { EARLIER, TOTAL, NEXT, GUEST };

	__aicore__ inline LocalTensor<int32_t> table(Table which)
	{
		return table_buffer.Get<int32_t>()[(uint32_t)which * (uint32_t)x.stride];
	}

	__aicore__ inline void clear()
	{
		for (int32_t i = 0; i < 2; i++)
			Duplicate(row_buffer[i].Get<int32_t>(), 0, (uint32_t)x.bf16_bytes / 4);
		Duplicate(line_buffer.Get<int32_t>(), 0, SLOT_TAIL_BYTES / 4);
		PipeBarrier<PIPE_ALL>();
	}

	/* A table of experts from global memory to UB. */
	__aicore__ inline void fetch(Table to, GlobalTensor<int32_t> from)
	{
		DataCopy(table(to), from, (uint32_t)x.stride);
		PipeBarrier<PIPE_ALL>();
	}

	__aicore__ inline void store(GlobalTensor<int32_t> to, Table from)
	{
		PipeBarrier<PIPE_ALL>();
		DataCopy(to, table(from), (uint32_t)x.stride);
		PipeBarrier<PIPE_ALL>();
	}

	/* ---- meeting ---- */

	/* Own work of all cores of this die is through. */
	__aicore__ inline void finish()
	{
		aclshmem_quiet();
		PipeBarrier<PIPE_ALL>();
		SyncAll<true>();
	}

	__aicore__ inline void barrier()
	{
		finish();
		aclshmemx_barrier_all_vec();
	}

	__aicore__ inline __gm__ int32_t *flag_at(Address flags, int64_t i)
	{
		return (__gm__ int32_t *)flags + i * FLAG_INTS;
	}

	__aicore__ inline void raise(Address flags, int64_t i, int32_t rank)
	{
		aclshmemx_signal_op(flag_at(flags, i), x.layer, ACLSHMEM_SIGNAL_SET, rank);
	}

	__aicore__ inline void await(Address flags, int64_t i)
	{
		aclshmem_signal_wait_until(flag_at(flags, i), ACLSHMEM_CMP_GE, x.layer);
	}

	/* Flags from all to all, the peers split among cores. */
	__aicore__ inline void meet(FlagKind kind)
	{
		finish();
		for (int64_t step = block; step < x.n_ranks; step += blocks)
			raise(x.flag[kind], me, (int32_t)((me + step) % x.n_ranks));
		for (int64_t source = block; source < x.n_ranks; source += blocks)
			await(x.flag[kind], source);
		finish();
	}

	/* ---- counts and offsets ---- */

	/* The next part of a list of int32 (or float) of own tokens. */
	__aicore__ inline LocalTensor<int32_t> chunk(Address list, int32_t from, int32_t end)
	{
		uint32_t n = (uint32_t)(end - from < CHUNK ? end - from : CHUNK);

		PipeBarrier<PIPE_ALL>();
		DataCopyPad(chunk_buffer.Get<int32_t>(), at<int32_t>(list)[(uint64_t)from],
		            DataCopyExtParams{1, n * 4, 0, 0, 0},
		            DataCopyPadExtParams<int32_t>{false, 0, 0, 0});
		PipeBarrier<PIPE_ALL>();
		return chunk_buffer.Get<int32_t>();
	}

	/* Rows of this core, of cores before it, of the rank. */
	__aicore__ inline void count()
	{
		int32_t end = end_token * x.top_k;
		LocalTensor<int32_t> mine = table(TOTAL);

		Duplicate(mine, 0, (uint32_t)x.stride);
		for (int32_t i = first_token * x.top_k; i < end; i += CHUNK) {
			LocalTensor<int32_t> expert = chunk(x.expert, i, end);

			for (int32_t k = 0; k < CHUNK && i + k < end; k++) {
				uint32_t e = (uint32_t)expert.GetValue((uint32_t)k);

				mine.SetValue(e, mine.GetValue(e) + 1);
			}
		}
		store(at<int32_t>(x.block_counts, block * table_bytes()), TOTAL);
		SyncAll<true>();
		earlier_blocks();
		if (block == 0)
			store(at<int32_t>(own_counts()), TOTAL);
		SyncAll<true>();
	}

	__aicore__ inline void earlier_blocks()
	{
		uint32_t n = (uint32_t)x.stride;

		Duplicate(table(EARLIER), 0, n);
		Duplicate(table(TOTAL), 0, n);
		for (int64_t b = 0; b < blocks; b++) {
			fetch(GUEST, at<int32_t>(x.block_counts, b * table_bytes()));
			if (b < block)
				Add(table(EARLIER), table(EARLIER), table(GUEST), n);
			Add(table(TOTAL), table(TOTAL), table(GUEST), n);
			PipeBarrier<PIPE_ALL>();
		}
	}

	__aicore__ inline Address own_counts()
	{
		return x.own_counts[x.layer % 2];
	}

	__aicore__ inline GlobalTensor<int32_t> counts_of(int64_t source)
	{
		return at<int32_t>(x.counts[x.layer % 2], source * table_bytes());
	}

	__aicore__ inline void push_counts()
	{
		for (int64_t step = block; step < x.n_ranks; step += blocks)
			store(there<int32_t>(x.counts[x.layer % 2], me * table_bytes(),
			                     (int32_t)((me + step) % x.n_ranks)),
			      TOTAL);
		meet(FLAG_COUNTS);
	}

	__aicore__ inline void pull_counts()
	{
		for (int64_t step = block; step < x.n_ranks; step += blocks) {
			int32_t peer = (int32_t)((me + step) % x.n_ranks);

			fetch(GUEST, there<int32_t>(own_counts(), 0, peer));
			store(counts_of(peer), GUEST);
		}
	}

	/* NEXT: place of this core's next row to each expert, among the rank's by expert. */
	__aicore__ inline void packed_offsets()
	{
		int32_t row = 0;

		for (uint32_t e = 0; e < (uint32_t)x.experts; e++) {
			table(NEXT).SetValue(e, row + table(EARLIER).GetValue(e));
			row += table(TOTAL).GetValue(e);
		}
	}

	/* NEXT: the same in the owners' windows. */
	__aicore__ inline void window_offsets()
	{
		uint32_t n = (uint32_t)x.stride;
		int32_t row = 0;

		/* NEXT: rows of earlier sources; TOTAL: of all */
		Duplicate(table(NEXT), 0, n);
		Duplicate(table(TOTAL), 0, n);
		for (int64_t source = 0; source < x.n_ranks; source++) {
			fetch(GUEST, counts_of(source));
			if (source < me)
				Add(table(NEXT), table(NEXT), table(GUEST), n);
			Add(table(TOTAL), table(TOTAL), table(GUEST), n);
			PipeBarrier<PIPE_ALL>();
		}
		for (uint32_t e = 0; e < (uint32_t)x.experts; e++) {
			if (e % (uint32_t)local == 0)
				row = 0;
			table(NEXT).SetValue(e, row + table(NEXT).GetValue(e) +
			                                table(EARLIER).GetValue(e));
			row += table(TOTAL).GetValue(e);
		}
	}

	/* Rows from a source for experts first .. end - 1; fetches its counts. */
	__aicore__ inline int32_t rows_of(int64_t source, int32_t first, int32_t end)
	{
		int32_t sum = 0;

		fetch(GUEST, counts_of(source));
		for (int32_t e = first; e < end; e++)
			sum += table(GUEST).GetValue((uint32_t)e);
		return sum;
	}

	/* Rows from sources before `source` for experts first .. end - 1. */
	__aicore__ inline int32_t rows_before(int64_t source, int32_t first, int32_t end)
	{
		int32_t sum = 0;

		for (int64_t s = 0; s < source; s++)
			sum += rows_of(s, first, end);
		return sum;
	}

	/* ---- rows ---- */

	/* Copies a row through UB; two are on their way at a time. */
	__aicore__ inline void move_row(GlobalTensor<int8_t> to, GlobalTensor<int8_t> from,
	                                int64_t bytes)
	{
		int32_t b = turn++ % 2;
		LocalTensor<int8_t> row = row_buffer[b].Get<int8_t>();

		if (turn > 2)
			WaitFlag<HardEvent::MTE3_MTE2>(b);
		DataCopy(row, from, (uint32_t)bytes);
		SetFlag<HardEvent::MTE2_MTE3>(b);
		WaitFlag<HardEvent::MTE2_MTE3>(b);
		DataCopy(to, row, (uint32_t)bytes);
		SetFlag<HardEvent::MTE3_MTE2>(b);
	}

	__aicore__ inline void moves_end()
	{
		for (int32_t b = 0; b < 2 && b < turn; b++)
			WaitFlag<HardEvent::MTE3_MTE2>(b);
		turn = 0;
		PipeBarrier<PIPE_ALL>();
	}

	__aicore__ inline void move_line(GlobalTensor<int32_t> to, GlobalTensor<int32_t> from)
	{
		DataCopy(line_buffer.Get<int32_t>(), from, LINE_INTS);
		PipeBarrier<PIPE_ALL>();
		DataCopy(to, line_buffer.Get<int32_t>(), LINE_INTS);
		PipeBarrier<PIPE_ALL>();
	}

	/* A row of input to INT8 in row_buffer[1]; its scale. */
	__aicore__ inline float quantise(int64_t token)
	{
		LocalTensor<float> value = value_buffer.Get<float>();
		LocalTensor<float> size = sum_buffer.Get<float>();
		LocalTensor<int32_t> whole = narrow_buffer.Get<int32_t>();
		LocalTensor<half> halves = value.ReinterpretCast<half>();
		uint32_t n = (uint32_t)numbers;
		float most, up;

		DataCopy(row_buffer[0].Get<int8_t>(), at<int8_t>(x.input, token * x.bf16_bytes),
		         (uint32_t)x.bf16_bytes);
		PipeBarrier<PIPE_ALL>();
		Duplicate(value, 0.f, n);
		Cast(value, row_buffer[0].Get<bfloat16_t>(), RoundMode::CAST_NONE,
		     (uint32_t)x.bf16_bytes / 2);
		Abs(size, value, n);
		ReduceMax(size, size, narrow_buffer.Get<float>(), n);
		PipeBarrier<PIPE_ALL>();
		most = size.GetValue(0);
		up = most > 0 ? 127.f / most : 0;
		Muls(value, value, up, n);
		Cast(whole, value, RoundMode::CAST_RINT, n);
		SetDeqScale(half{1});
		Cast(halves, whole, RoundMode::CAST_NONE, n);
		Cast(row_buffer[1].Get<int8_t>(), halves, RoundMode::CAST_NONE, n);
		PipeBarrier<PIPE_ALL>();
		return most / 127.f;
	}

	/* Where a branch goes: row, and the line (window, send buffer) or tail (slots) with its
	 * scale. */
	struct Spot {
		GlobalTensor<int8_t> row;
		GlobalTensor<int32_t> tail;
		bool has_triple;
	};

	__aicore__ inline Spot spot_of(Target target, int32_t expert, int64_t next)
	{
		int32_t owner = expert / local, here = (int32_t)me;
		bool slot = target == TO_STAGE || target == TO_SLOT;
		Address rows = target == TO_WINDOW ? x.window : x.staging[0];
		int64_t bytes = slot ? x.slot_bytes : x.row_bytes;
		int32_t to = target == TO_WINDOW || target == TO_SLOT ? owner : here;

		if (target == TO_SLOT)
			next += ((int64_t)me * local + expert % local) * x.tokens_most;
		if (slot)
			return {there<int8_t>(rows, next * bytes, to),
			        there<int32_t>(rows, next * bytes + x.row_bytes, to), true};
		return {there<int8_t>(rows, next * bytes, to),
		        there<int32_t>(target == TO_WINDOW ? x.window_scale : x.staging_scale[SEND],
		                       next * LINE_INTS * 4, to),
		        false};
	}

	/* The scale and whose row it is. */
	__aicore__ inline void put_tail(const Spot &to, float scale, int32_t branch)
	{
		LocalTensor<int32_t> tail = line_buffer.Get<int32_t>();

		tail.ReinterpretCast<float>().SetValue(0, scale);
		tail.SetValue(TAIL_TRIPLE, (int32_t)me);
		tail.SetValue(TAIL_TRIPLE + 1, branch / x.top_k);
		tail.SetValue(TAIL_TRIPLE + 2, branch % x.top_k);
		PipeBarrier<PIPE_ALL>();
		DataCopy(to.tail, tail, to.has_triple ? SLOT_TAIL_BYTES / 4 : LINE_INTS);
		PipeBarrier<PIPE_ALL>();
	}

	__aicore__ inline void send_row(Target target, int32_t branch, int32_t expert)
	{
		int32_t next = table(NEXT).GetValue((uint32_t)expert);
		Spot to = spot_of(target, expert, next);
		float scale = 0;

		table(NEXT).SetValue((uint32_t)expert, next + 1);
		if (x.int8) {
			scale = quantise(branch / x.top_k);
			DataCopy(to.row, row_buffer[1].Get<int8_t>(), (uint32_t)x.row_bytes);
			PipeBarrier<PIPE_ALL>();
		} else {
			move_row(to.row, at<int8_t>(x.input, branch / x.top_k * x.bf16_bytes),
			         x.row_bytes);
		}
		if (x.int8 || to.has_triple)
			put_tail(to, scale, branch);
	}

	__aicore__ inline void send_rows(Target target)
	{
		int32_t end = end_token * x.top_k;

		if (target == TO_SLOT) { /* a source's rows to an expert, from 0 */
			for (uint32_t e = 0; e < (uint32_t)x.experts; e++)
				table(NEXT).SetValue(e, table(EARLIER).GetValue(e));
		}
		for (int32_t i = first_token * x.top_k; i < end; i += CHUNK) {
			LocalTensor<int32_t> expert = chunk(x.expert, i, end);

			for (int32_t k = 0; k < CHUNK && i + k < end; k++)
				send_row(target, i + k, expert.GetValue((uint32_t)k));
		}
		moves_end();
	}

	/* ---- relay3 ---- */

	/* Blocks of rows to all peers; cores take rows in turn. */
	__aicore__ inline void all_to_all(bool forward)
	{
		int64_t bytes = forward ? x.row_bytes : x.bf16_bytes;

		for (int32_t step = 0; step < x.n_ranks; step++) {
			int32_t peer = (int32_t)((me + step) % x.n_ranks);
			int32_t holder = forward ? peer : (int32_t)me, first = holder * local;
			int64_t source = forward ? me : peer;
			int64_t received = rows_before(source, first, first + local);
			int64_t packed = rows_of(source, 0, first);
			int64_t n = rows_of(source, first, first + local);
			int64_t from = forward ? packed : received,
			        to = forward ? received : packed;

			for (int64_t i = block; i < n; i += blocks) {
				move_row(there<int8_t>(x.staging[forward ? RECEIVE : BACK_RECEIVE],
				                       (to + i) * bytes, peer),
				         at<int8_t>(x.staging[forward ? SEND : BACK_SEND],
				                    (from + i) * bytes),
				         bytes);
				if (forward && x.int8)
					move_line(there<int32_t>(x.staging_scale[RECEIVE],
					                         (to + i) * LINE_INTS * 4, peer),
					          at<int32_t>(x.staging_scale[SEND],
					                      (from + i) * LINE_INTS * 4));
			}
		}
		moves_end();
	}

	/* Between places by source and places by expert; cores take rows in turn. */
	__aicore__ inline void reorder(bool forward)
	{
		int64_t bytes = forward ? x.row_bytes : x.bf16_bytes, b = 0;
		int32_t first = (int32_t)me * local;

		for (int32_t e = first; e < first + local; e++) {
			for (int64_t source = 0; source < x.n_ranks; source++) {
				int64_t a = rows_before(source, first, first + local) +
				            rows_of(source, first, e);
				int64_t n = rows_of(source, e, e + 1);

				for (int64_t i = block; i < n; i += blocks)
					reorder_row(forward, a + i, b + i, bytes);
				b += n;
			}
		}
		moves_end();
	}

	__aicore__ inline void reorder_row(bool forward, int64_t a, int64_t b, int64_t bytes)
	{
		if (!forward) {
			move_row(at<int8_t>(x.staging[BACK_SEND], a * bytes),
			         at<int8_t>(x.result, b * bytes), bytes);
			return;
		}
		move_row(at<int8_t>(x.window, b * bytes), at<int8_t>(x.staging[RECEIVE], a * bytes),
		         bytes);
		if (x.int8)
			move_line(at<int32_t>(x.window_scale, b * LINE_INTS * 4),
			          at<int32_t>(x.staging_scale[RECEIVE], a * LINE_INTS * 4));
	}

	/* ---- relay2 ---- */

	/* A flag for each expert to its owner, with the count in decode; experts split among cores.
	 */
	__aicore__ inline void send_status()
	{
		LocalTensor<int32_t> line = line_buffer.Get<int32_t>();

		for (int64_t i = block; i < x.experts; i += blocks) {
			int32_t e = (int32_t)((me * local + i) % x.experts), owner = e / local;

			if (x.decode) {
				line.SetValue(0, table(TOTAL).GetValue((uint32_t)e));
				PipeBarrier<PIPE_ALL>();
				DataCopyPad(there<int32_t>(x.counts[x.layer % 2],
				                           me * table_bytes() + e * 4, owner),
				            line, DataCopyExtParams{1, 4, 0, 0, 0});
				aclshmem_quiet();
				PipeBarrier<PIPE_ALL>();
			}
			raise(x.status[x.layer % 2], me * local + e % local, owner);
		}
	}

	__aicore__ inline void wait_status()
	{
		for (int64_t i = block; i < (int64_t)x.n_ranks * local; i += blocks)
			await(x.status[x.layer % 2], i);
	}

	/* Slots to the window: pulled from their sources, or own in decode. */
	__aicore__ inline void take_slots()
	{
		int32_t first = (int32_t)me * local;
		int64_t b = 0;

		for (int32_t e = first; e < first + local; e++) {
			for (int32_t source = 0; source < x.n_ranks; source++) {
				int64_t n = rows_of(source, e, e + 1);
				int64_t a = x.decode ? ((int64_t)source * local + e % local) *
				                               x.tokens_most
				                     : rows_of(source, 0, e);

				for (int64_t i = block; i < n; i += blocks)
					take_slot(x.decode ? (int32_t)me : source, a + i, b + i);
				b += n;
			}
		}
		moves_end();
	}

	__aicore__ inline void take_slot(int32_t rank, int64_t a, int64_t b)
	{
		int64_t tail = a * x.slot_bytes + x.row_bytes;

		move_row(at<int8_t>(x.window, b * x.row_bytes),
		         there<int8_t>(x.staging[DISPATCH_HALF], a * x.slot_bytes, rank),
		         x.row_bytes);
		move_line(at<int32_t>(x.window_scale, b * LINE_INTS * 4),
		          there<int32_t>(x.staging[DISPATCH_HALF], tail, rank));
		move_line(at<int32_t>(x.triple, b * LINE_INTS * 4),
		          there<int32_t>(x.staging[DISPATCH_HALF], tail + TAIL_TRIPLE * 4, rank));
	}

	/* Each row of the result to its token's rank, then its flag; cores take rows in turn. */
	__aicore__ inline void return_rows()
	{
		LocalTensor<int32_t> line = line_buffer.Get<int32_t>();
		int32_t first = (int32_t)me * local;
		int64_t n = rows_before(x.n_ranks, first, first + local);

		for (int64_t i = block; i < n; i += blocks) {
			int64_t branch;
			int32_t rank;

			DataCopy(line, at<int32_t>(x.triple, i * LINE_INTS * 4), LINE_INTS);
			PipeBarrier<PIPE_ALL>();
			rank = line.GetValue(0);
			branch = (int64_t)line.GetValue(1) * x.top_k + line.GetValue(2);
			move_row(
			        there<int8_t>(x.staging[COMBINE_HALF], branch * x.back_bytes, rank),
			        at<int8_t>(x.result, i * x.bf16_bytes), x.bf16_bytes);
			moves_end();
			aclshmem_quiet();
			raise(x.row_flag, branch, rank);
		}
	}

	/* ---- sums ---- */

	/* A row of a token: remote, or come back. */
	__aicore__ inline GlobalTensor<bfloat16_t> row_of(Target target, int32_t branch,
	                                                  int32_t expert)
	{
		int32_t next;

		if (target == TO_SLOT) {
			await(x.row_flag, branch);
			return at<bfloat16_t>(x.staging[COMBINE_HALF], branch * x.back_bytes);
		}
		next = table(NEXT).GetValue((uint32_t)expert);
		table(NEXT).SetValue((uint32_t)expert, next + 1);
		if (target == TO_WINDOW)
			return there<bfloat16_t>(x.result, next * x.bf16_bytes, expert / local);
		return at<bfloat16_t>(x.staging[BACK_RECEIVE], next * x.bf16_bytes);
	}

	/* sum = or += weight x row; the next row may be fetched meanwhile. */
	__aicore__ inline void add_row(GlobalTensor<bfloat16_t> from, float weight, int32_t j)
	{
		uint32_t n = (uint32_t)x.bf16_bytes / 2;
		LocalTensor<bfloat16_t> row = row_buffer[j % 2].Get<bfloat16_t>();
		LocalTensor<float> value = value_buffer.Get<float>();
		LocalTensor<float> sum = sum_buffer.Get<float>();

		if (j > 1)
			WaitFlag<HardEvent::V_MTE2>(j % 2);
		DataCopy(row, from, n);
		SetFlag<HardEvent::MTE2_V>(j % 2);
		WaitFlag<HardEvent::MTE2_V>(j % 2);
		Cast(value, row, RoundMode::CAST_NONE, n);
		SetFlag<HardEvent::V_MTE2>(j % 2);
		if (j == 0) {
			Muls(sum, value, weight, n);
			return;
		}
		Muls(value, value, weight, n);
		Add(sum, sum, value, n);
	}

	__aicore__ inline void sum_token(Target target, int64_t token)
	{
		int32_t first = (int32_t)token * x.top_k, end = first + x.top_k;
		LocalTensor<int32_t> words = chunk(x.expert, first, end);
		int32_t expert[64];
		LocalTensor<float> weight;

		for (int32_t j = 0; j < x.top_k; j++)
			expert[j] = words.GetValue((uint32_t)j);
		weight = chunk(x.weight, first, end).template ReinterpretCast<float>();
		for (int32_t j = 0; j < x.top_k; j++)
			add_row(row_of(target, first + j, expert[j]), weight.GetValue((uint32_t)j),
			        j);
		for (int32_t b = 0; b < 2 && b < x.top_k; b++)
			WaitFlag<HardEvent::V_MTE2>(b);
		PipeBarrier<PIPE_ALL>();
		Cast(row_buffer[0].Get<bfloat16_t>(), sum_buffer.Get<float>(), RoundMode::CAST_RINT,
		     (uint32_t)x.bf16_bytes / 2);
		PipeBarrier<PIPE_ALL>();
		DataCopy(at<bfloat16_t>(x.output, token * x.bf16_bytes),
		         row_buffer[0].Get<bfloat16_t>(), (uint32_t)x.bf16_bytes / 2);
		PipeBarrier<PIPE_ALL>();
	}

	__aicore__ inline void sum_tokens(Target target)
	{
		for (int64_t token = first_token; token < end_token; token++)
			sum_token(target, token);
	}

	Exchange x;
	int64_t me, block, blocks;
	int32_t local, first_token, end_token, numbers, turn = 0;
	TPipe pipe;
	TBuf<TPosition::VECCALC> row_buffer[2], table_buffer, chunk_buffer, line_buffer;
	TBuf<TPosition::VECCALC> value_buffer, sum_buffer, narrow_buffer;
};

} // namespace epsim
