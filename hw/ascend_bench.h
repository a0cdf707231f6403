/* Microbenchmarks for the vector cores of Ascend NPUs, as hw/bench.h names them. Every rank runs
 * them at once, with as many cores as are launched; cores take rows, or pieces of a row's length,
 * in turn. See ascend_core.h; it has not been run on a device. */
#pragma once
#include "hw/ascend_kernels.h"

namespace epsim
{

enum { BENCH_ROWS_SUMMED = 8, BENCH_SPREAD = 16 };

class Bench : public Flows
{
      public:
	__aicore__ inline void bench()
	{
		for (int32_t i = 0; i < x.passes; i++)
			pass();
		finish();
		step();
	}

	__aicore__ inline void read_clock()
	{
	}

      private:
	__aicore__ inline void pass()
	{
		switch (x.bench) {
		case ASCEND_COPY:
		case ASCEND_PUT:
		case ASCEND_GET:
			move_pieces();
			break;
		case ASCEND_PLACE:
		case ASCEND_PACK:
		case ASCEND_REORDER:
			move_rows();
			break;
		case ASCEND_REDUCE:
		case ASCEND_FETCH:
			sum_rows();
			break;
		case ASCEND_FLAG:
			there_and_back();
			break;
		default:
			barrier();
			break;
		}
	}

	__aicore__ inline int32_t next_rank() const
	{
		return (int32_t)((me + 1) % x.n_ranks);
	}

	/* from and to: two symmetric buffers; the far one is another rank's. */
	template <typename T> __aicore__ inline GlobalTensor<T> from(int64_t bytes)
	{
		bool far = x.bench == ASCEND_GET || x.bench == ASCEND_FETCH;

		return there<T>(x.window, bytes, far ? next_rank() : (int32_t)me);
	}

	template <typename T> __aicore__ inline GlobalTensor<T> to(int64_t bytes)
	{
		bool far = x.bench == ASCEND_PUT || x.bench == ASCEND_PLACE;

		return there<T>(x.result, bytes, far ? next_rank() : (int32_t)me);
	}

	__aicore__ inline void move_pieces()
	{
		int64_t piece = x.bf16_bytes;

		for (int64_t i = block; i * piece < x.bench_bytes; i += blocks) {
			int64_t left = x.bench_bytes - i * piece;

			move_row(to<int8_t>(i * piece), from<int8_t>(i * piece),
			         left < piece ? left : piece);
		}
		moves_end();
	}

	/* A row's place when rows go to several places in turn. */
	__aicore__ inline int64_t place_of(int64_t row, int64_t rows) const
	{
		int64_t each = rows / BENCH_SPREAD;

		return row < each * BENCH_SPREAD ? row % BENCH_SPREAD * each + row / BENCH_SPREAD
		                                 : row;
	}

	__aicore__ inline void move_rows()
	{
		int64_t row = x.bf16_bytes, rows = x.bench_bytes / row;

		for (int64_t i = block; i < rows; i += blocks) {
			int64_t place = place_of(i, rows) * row;

			if (x.bench == ASCEND_REORDER)
				move_row(to<int8_t>(i * row), from<int8_t>(place), row);
			else
				move_row(to<int8_t>(place),
				         from<int8_t>(i / BENCH_ROWS_SUMMED * row), row);
		}
		moves_end();
	}

	__aicore__ inline void sum_rows()
	{
		int64_t row = x.bf16_bytes, rows = x.bench_bytes / row;

		for (int64_t i = block; (i + 1) * BENCH_ROWS_SUMMED <= rows; i += blocks) {
			for (int32_t j = 0; j < BENCH_ROWS_SUMMED; j++)
				add_row(from<bfloat16_t>(place_of(i * BENCH_ROWS_SUMMED + j, rows) *
				                         row),
				        1.f / BENCH_ROWS_SUMMED, j);
			sum_end(to<bfloat16_t>(i * row), BENCH_ROWS_SUMMED);
		}
	}

	/* A flag between ranks 0 and 1, once each way; what it says grows. */
	__aicore__ inline void there_and_back()
	{
		x.layer++;
		if (block != 0 || me > 1 || x.n_ranks < 2)
			return;
		if (me == 0)
			raise(x.row_flag, 0, 1);
		await(x.row_flag, 0);
		if (me == 1)
			raise(x.row_flag, 0, 0);
	}
};

} // namespace epsim
