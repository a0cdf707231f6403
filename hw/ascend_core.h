/* What the flows of ascend_kernels.h share on a vector core of an Ascend NPU: memory, meeting other
 * ranks, counts and the places that follow from them, rows through the unified buffer (UB).
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
#include <kernel_operator.h>
#include <shmem.h>
#endif

#define ASCEND_ADDRESS GM_ADDR
#include "hw/ascend_exchange.h"

namespace epsim
{

typedef GM_ADDR Address; /* a macro for a pointer */
typedef struct ascend_exchange Exchange;

enum FlagKind { FLAG_COUNTS, FLAG_ROWS, FLAG_RESULTS };
enum Target { TO_WINDOW, TO_SEND, TO_STAGE, TO_SLOT };
enum Staging { SEND, RECEIVE, BACK_SEND, BACK_RECEIVE }; /* of relay3 */
enum Half { DISPATCH_HALF, COMBINE_HALF };               /* of relay2's window */

static_assert(sizeof(Exchange) % sizeof(int64_t) == 0, "read by words");

using namespace AscendC;

class Core
{
      public:
	/* exchange: in global memory, which the host wrote before the launch; no pointer of C++
	   leads from there to here but one word at a time. */
	__aicore__ inline void open(Address exchange)
	{
		__gm__ int64_t *from = (__gm__ int64_t *)exchange;

		for (uint32_t i = 0; i < sizeof(Exchange) / sizeof(int64_t); i++)
			((int64_t *)&x)[i] = from[i];
		me = aclshmem_my_pe();
		local = x.experts / x.n_ranks;
		block = GetBlockIdx(), blocks = GetBlockNum();
		first_token = (int32_t)(x.tokens * block / blocks);
		end_token = (int32_t)(x.tokens * (block + 1) / blocks);
		numbers = (x.hidden + 31) / 32 * 32;
		pipe.InitBuffer(row_buffer[0], (uint32_t)x.bf16_bytes + SLOT_TAIL_BYTES);
		pipe.InitBuffer(row_buffer[1], (uint32_t)x.bf16_bytes + SLOT_TAIL_BYTES);
		pipe.InitBuffer(table_buffer, 4 * table_bytes());
		pipe.InitBuffer(chunk_buffer, CHUNK * 4);
		pipe.InitBuffer(line_buffer, SLOT_TAIL_BYTES);
		pipe.InitBuffer(value_buffer, (uint32_t)numbers * 4);
		pipe.InitBuffer(sum_buffer, (uint32_t)numbers * 4 + 32);
		pipe.InitBuffer(narrow_buffer, (uint32_t)numbers * 4);
		clear();
		if (x.timed)
			barrier();
		step();
	}

	/* Leaves the stamps. */
	__aicore__ inline void close()
	{
		LocalTensor<int64_t> to = chunk_buffer.Get<int64_t>();

		PipeBarrier<PIPE_ALL>();
		for (uint32_t i = 0; i < ASCEND_STAMPS; i++)
			to.SetValue(i, stamp[i]);
		PipeBarrier<PIPE_ALL>();
		DataCopy(at<int64_t>(x.stamps)[(uint64_t)block * ASCEND_STAMPS], to, ASCEND_STAMPS);
		PipeBarrier<PIPE_ALL>();
	}

      protected:
	/* A step of the flow ends on this core. */
	__aicore__ inline void step()
	{
		if (stamps < ASCEND_STAMPS)
			stamp[stamps++] = GetSystemCycle();
	}

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

	Exchange x;
	int64_t me, block, blocks, stamp[ASCEND_STAMPS] = {};
	int32_t stamps = 0;
	int32_t local, first_token, end_token, numbers, turn = 0;
	TPipe pipe;
	TBuf<TPosition::VECCALC> row_buffer[2], table_buffer, chunk_buffer, line_buffer;
	TBuf<TPosition::VECCALC> value_buffer, sum_buffer, narrow_buffer;
};

} // namespace epsim
