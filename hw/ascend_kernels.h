/* The flows of hw/ for the vector cores of Ascend NPUs: dispatch and combine in relay3, relay2 and
 * direct, prefill and decode, BF16 or INT8 rows. Steps and waits are those of kernels_NAME.c, which
 * follow sim/flow_NAME.c. See ascend_core.h; it has not been run on a device. */
#pragma once
#include "hw/ascend_core.h"

namespace epsim
{

class Flows : public Core
{
      public:
	__aicore__ inline void dispatch_direct()
	{
		count();
		if (x.decode) {
			push_counts();
		} else {
			meet(FLAG_COUNTS);
			step();
			pull_counts();
			barrier();
		}
		step();
		window_offsets();
		send_rows(TO_WINDOW);
		step();
		if (x.decode)
			meet(FLAG_ROWS);
		else
			barrier();
		step();
	}

	__aicore__ inline void dispatch_relay3()
	{
		count();
		packed_offsets();
		send_rows(TO_SEND);
		step();
		push_counts();
		step();
		all_to_all(true);
		step();
		meet(FLAG_ROWS);
		step();
		reorder(true);
		finish();
		step();
	}

	__aicore__ inline void dispatch_relay2()
	{
		count();
		if (!x.decode) {
			meet(FLAG_COUNTS);
			pull_counts();
			finish();
			step();
		}
		packed_offsets();
		send_rows(x.decode ? TO_SLOT : TO_STAGE);
		finish();
		step();
		send_status();
		wait_status();
		finish();
		step();
		take_slots();
		finish();
		step();
	}

	__aicore__ inline void combine_direct()
	{
		earlier_blocks();
		if (x.decode)
			meet(FLAG_RESULTS);
		else
			barrier();
		step();
		window_offsets();
		sum_tokens(TO_WINDOW);
		step();
		if (x.decode)
			return;
		barrier();
		step();
	}

	__aicore__ inline void combine_relay3()
	{
		earlier_blocks();
		reorder(false);
		finish();
		step();
		all_to_all(false);
		step();
		meet(FLAG_RESULTS);
		step();
		packed_offsets();
		sum_tokens(TO_SEND);
		finish();
		step();
	}

	__aicore__ inline void combine_relay2()
	{
		earlier_blocks();
		return_rows();
		step();
		sum_tokens(TO_SLOT);
		finish();
		step();
	}

      protected:
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
		sum_end(at<bfloat16_t>(x.output, token * x.bf16_bytes), x.top_k);
	}

	/* The sum of n rows to memory. */
	__aicore__ inline void sum_end(GlobalTensor<bfloat16_t> to, int32_t n)
	{
		for (int32_t b = 0; b < 2 && b < n; b++)
			WaitFlag<HardEvent::V_MTE2>(b);
		PipeBarrier<PIPE_ALL>();
		Cast(row_buffer[0].Get<bfloat16_t>(), sum_buffer.Get<float>(), RoundMode::CAST_RINT,
		     (uint32_t)x.bf16_bytes / 2);
		PipeBarrier<PIPE_ALL>();
		DataCopy(to, row_buffer[0].Get<bfloat16_t>(), (uint32_t)x.bf16_bytes / 2);
		PipeBarrier<PIPE_ALL>();
	}

	__aicore__ inline void sum_tokens(Target target)
	{
		for (int64_t token = first_token; token < end_token; token++)
			sum_token(target, token);
	}
};

} // namespace epsim
