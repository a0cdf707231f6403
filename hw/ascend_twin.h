/* A twin of the part of AscendC and aclshmem that ascend_core.h and its users need, for processors:
 * own work, written from the names and rules of their public documents. Vector cores are threads;
 * processing elements (PEs) are threads or processes; global memory is memory; a PE's symmetric
 * heap lies at the same offset of each. What the host calls is in ascend_twin_host.h.
 *
 * It is stricter than it need be, where a device would be wrong only now and then:
 *   copies between global memory and the unified buffer (UB) happen when they are waited for, by
 *   events, PipeBarrier or not at all, so a wait that was forgotten shows;
 *   SyncAll and signals want all own copies waited for;
 *   DataCopy wants 32-byte addresses and lengths;
 *   the UB has 192 KiB.
 * What it cannot show: caches of scalar accesses (kernels must use none on shared memory), speed.
 */
#pragma once
#include <atomic>
#include <cmath>
#include <condition_variable>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <functional>
#include <mutex>
#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <thread>
#include <time.h>
#include <unistd.h>
#include <vector>

#define __aicore__
#define __global__
#define KERNEL_TASK_TYPE_DEFAULT(type)
#define __gm__
#define GM_ADDR uint8_t *

struct bfloat16_t {
	uint16_t bits;
};
struct half {
	float value; /* unit: 1; only ever holds small integers here */
};

namespace twin
{

inline void demand(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "twin: %s\n", what);
	abort();
}

class Barrier
{
      public:
	explicit Barrier(int64_t n) : left(n), all(n)
	{
	}
	void wait()
	{
		std::unique_lock<std::mutex> lock(mutex);
		int64_t mine = round;

		if (--left == 0) {
			left = all, round++;
			changed.notify_all();
			return;
		}
		changed.wait(lock, [&] { return round != mine; });
	}

      private:
	std::mutex mutex;
	std::condition_variable changed;
	int64_t left, all, round = 0;
};

/* A barrier of threads or processes, in memory that they share. */
struct Gather {
	alignas(64) std::atomic<int64_t> arrived;
	alignas(64) std::atomic<int64_t> round;

	void wait(int64_t n)
	{
		int64_t mine = round.load(std::memory_order_acquire);

		if (arrived.fetch_add(1, std::memory_order_acq_rel) == n - 1) {
			arrived.store(0, std::memory_order_relaxed);
			round.store(mine + 1, std::memory_order_release);
		}
		while (round.load(std::memory_order_acquire) == mine)
			sched_yield();
	}
};

/* What all PEs share: threads of one process, processes that it forks, or, where EPSIM_TWIN_FILE
 * names a file of zeros, whoever maps that. It takes memory as it is written to. */
struct World {
	Gather hosts, cores;

	static constexpr int64_t most_pes = 16;
	static constexpr size_t heap_bytes = size_t(4) << 30, first = 4096;

	uint8_t *base(int64_t pe)
	{
		demand(pe >= 0 && pe < most_pes, "there are at most 16 PEs");
		return (uint8_t *)this + first + (size_t)pe * heap_bytes;
	}
};

inline World *world_map()
{
	const char *path = getenv("EPSIM_TWIN_FILE");
	size_t bytes = World::first + World::most_pes * World::heap_bytes;
	int fd = path ? open(path, O_RDWR) : -1;
	void *p;

	demand(!path || (fd >= 0 && ftruncate(fd, (off_t)bytes) == 0), "no EPSIM_TWIN_FILE");
	p = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
	         MAP_SHARED | MAP_NORESERVE | (path ? 0 : MAP_ANONYMOUS), fd, 0);
	demand(p != MAP_FAILED, "no memory for the heaps");
	return (World *)p;
}

inline World *const world = world_map(); /* before main(), so before any fork */

/* A PE, as its host's thread sees it. */
struct Pe {
	int64_t number, all;
	size_t heap_used;
};

inline Pe &pe()
{
	static thread_local Pe mine;

	return mine;
}

enum Pipe { MTE2, MTE3, PIPES };

/* One vector core. */
struct Core {
	int64_t pe, pes, block, blocks;
	Barrier *die; /* of its cores */
	size_t ub_used;
	std::deque<std::function<void()>> pending[PIPES];
	size_t done[PIPES];     /* copies run so far */
	size_t mark[PIPES][16]; /* how many an event stands for */
};

inline Core *&core()
{
	static thread_local Core *mine;

	return mine;
}

inline void run_until(Pipe pipe, size_t n)
{
	Core *c = core();

	for (; c->done[pipe] < n && !c->pending[pipe].empty(); c->done[pipe]++) {
		c->pending[pipe].front()();
		c->pending[pipe].pop_front();
	}
}

inline void run_all()
{
	run_until(MTE2, SIZE_MAX);
	run_until(MTE3, SIZE_MAX);
}

inline void all_waited_for(const char *what)
{
	demand(core()->pending[MTE2].empty() && core()->pending[MTE3].empty(), what);
}

} // namespace twin

/* ---- AscendC ---- */

namespace AscendC
{

enum class TPosition { VECCALC };
enum class HardEvent { MTE2_V, V_MTE2, MTE2_MTE3, MTE3_MTE2, V_MTE3, MTE3_V, MTE2_S, MTE3_S };
enum class RoundMode { CAST_NONE, CAST_RINT };
enum pipe_t { PIPE_V, PIPE_ALL };

/* Of a processor's clock: 50 a microsecond, as on A2 and A3. */
inline int64_t GetSystemCycle()
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return ((int64_t)now.tv_sec * 1000000000 + now.tv_nsec) / 20;
}

inline int64_t GetBlockIdx()
{
	return twin::core()->block;
}

inline int64_t GetBlockNum()
{
	return twin::core()->blocks;
}

template <typename T> struct LocalTensor {
	T *at;

	LocalTensor operator[](uint32_t offset) const
	{
		return {at + offset};
	}
	T GetValue(uint32_t i) const
	{
		return at[i];
	}
	void SetValue(uint32_t i, T value) const
	{
		at[i] = value;
	}
	template <typename U> LocalTensor<U> ReinterpretCast() const
	{
		return {reinterpret_cast<U *>(at)};
	}
};

template <typename T> struct GlobalTensor {
	T *at;

	void SetGlobalBuffer(__gm__ T *address)
	{
		at = address;
	}
	GlobalTensor operator[](uint64_t offset) const
	{
		return {at + offset};
	}
};

template <TPosition position> class TBuf
{
      public:
	~TBuf()
	{
		free(memory);
	}
	template <typename T> LocalTensor<T> Get()
	{
		return {static_cast<T *>(memory)};
	}
	void open(size_t bytes)
	{
		const size_t ub_bytes = 192 << 10;

		twin::core()->ub_used += bytes;
		twin::demand(twin::core()->ub_used <= ub_bytes, "the unified buffer is too small");
		memory = aligned_alloc(32, (bytes + 31) / 32 * 32);
	}

      private:
	void *memory = nullptr;
};

class TPipe
{
      public:
	template <TPosition position> void InitBuffer(TBuf<position> &buf, uint32_t bytes)
	{
		buf.open(bytes);
	}
};

/* The pipe whose copies an event stands for; scalar and vector work is done at once. */
constexpr int source_pipe(HardEvent e)
{
	return e == HardEvent::MTE2_V || e == HardEvent::MTE2_MTE3 || e == HardEvent::MTE2_S
	               ? twin::MTE2
	       : e == HardEvent::MTE3_MTE2 || e == HardEvent::MTE3_V || e == HardEvent::MTE3_S
	               ? twin::MTE3
	               : -1;
}

template <HardEvent event> void SetFlag(int32_t id)
{
	constexpr int pipe = source_pipe(event);

	if constexpr (pipe >= 0) {
		twin::Core *c = twin::core();

		c->mark[pipe][id] = c->done[pipe] + c->pending[pipe].size();
	}
}

template <HardEvent event> void WaitFlag(int32_t id)
{
	constexpr int pipe = source_pipe(event);

	if constexpr (pipe >= 0)
		twin::run_until(static_cast<twin::Pipe>(pipe), twin::core()->mark[pipe][id]);
}

template <pipe_t pipe> void PipeBarrier()
{
	if (pipe == PIPE_ALL)
		twin::run_all();
}

template <bool only_vector_cores> void SyncAll()
{
	twin::all_waited_for("SyncAll before own copies are through");
	twin::core()->die->wait();
}

inline bool aligned(const void *p, size_t bytes)
{
	return (uintptr_t)p % 32 == 0 && bytes % 32 == 0;
}

template <typename T> void DataCopy(LocalTensor<T> to, GlobalTensor<T> from, uint32_t n)
{
	twin::demand(aligned(to.at, n * sizeof(T)) && aligned(from.at, 0), "DataCopy: 32 bytes");
	twin::core()->pending[twin::MTE2].push_back([=] { memcpy(to.at, from.at, n * sizeof(T)); });
}

template <typename T> void DataCopy(GlobalTensor<T> to, LocalTensor<T> from, uint32_t n)
{
	twin::demand(aligned(from.at, n * sizeof(T)) && aligned(to.at, 0), "DataCopy: 32 bytes");
	twin::core()->pending[twin::MTE3].push_back([=] { memcpy(to.at, from.at, n * sizeof(T)); });
}

struct DataCopyExtParams {
	uint16_t blockCount;
	uint32_t blockLen; /* bytes */
	uint32_t srcStride, dstStride, rsv;
};

template <typename T> struct DataCopyPadExtParams {
	bool isPad;
	uint8_t leftPadding, rightPadding;
	T paddingValue;
};

template <typename T>
void DataCopyPad(LocalTensor<T> to, GlobalTensor<T> from, const DataCopyExtParams &p,
                 const DataCopyPadExtParams<T> &)
{
	uint32_t bytes = p.blockLen;

	twin::demand(p.blockCount == 1 && aligned(to.at, 0), "DataCopyPad");
	twin::core()->pending[twin::MTE2].push_back([=] { memcpy(to.at, from.at, bytes); });
}

template <typename T>
void DataCopyPad(GlobalTensor<T> to, LocalTensor<T> from, const DataCopyExtParams &p)
{
	uint32_t bytes = p.blockLen;

	twin::demand(p.blockCount == 1 && aligned(from.at, 0), "DataCopyPad");
	twin::core()->pending[twin::MTE3].push_back([=] { memcpy(to.at, from.at, bytes); });
}

/* ---- vectors: FP32 products and sums each rounded ---- */

inline void Cast(LocalTensor<float> to, LocalTensor<bfloat16_t> from, RoundMode, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		uint32_t bits = (uint32_t)from.at[i].bits << 16;

		memcpy(&to.at[i], &bits, sizeof bits);
	}
}

inline void Cast(LocalTensor<bfloat16_t> to, LocalTensor<float> from, RoundMode, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		uint32_t bits;

		memcpy(&bits, &from.at[i], sizeof bits);
		to.at[i].bits = (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
	}
}

inline void Cast(LocalTensor<int32_t> to, LocalTensor<float> from, RoundMode, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		to.at[i] = (int32_t)rintf(from.at[i]);
}

inline void Cast(LocalTensor<half> to, LocalTensor<int32_t> from, RoundMode, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		to.at[i].value = (float)from.at[i];
}

inline void Cast(LocalTensor<int8_t> to, LocalTensor<half> from, RoundMode, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		to.at[i] = (int8_t)from.at[i].value;
}

/* The scale of the chain INT32 to half: 1 here. */
inline void SetDeqScale(half)
{
}

inline void Abs(LocalTensor<float> to, LocalTensor<float> from, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		to.at[i] = fabsf(from.at[i]);
}

inline void Muls(LocalTensor<float> to, LocalTensor<float> from, float by, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		to.at[i] = from.at[i] * by;
}

inline void Add(LocalTensor<float> to, LocalTensor<float> a, LocalTensor<float> b, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		to.at[i] = a.at[i] + b.at[i];
}

inline void Add(LocalTensor<int32_t> to, LocalTensor<int32_t> a, LocalTensor<int32_t> b, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		to.at[i] = a.at[i] + b.at[i];
}

template <typename T> void Duplicate(LocalTensor<T> to, T value, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		to.at[i] = value;
}

inline void ReduceMax(LocalTensor<float> to, LocalTensor<float> from, LocalTensor<float>,
                      uint32_t n)
{
	float most = from.at[0];

	for (uint32_t i = 1; i < n; i++)
		most = from.at[i] > most ? from.at[i] : most;
	to.at[0] = most;
}

} // namespace AscendC

/* ---- aclshmem ---- */

enum { ACLSHMEM_SIGNAL_SET = 0, ACLSHMEM_CMP_GE = 3 };

inline int aclshmem_my_pe()
{
	return (int)twin::core()->pe;
}

inline int aclshmem_n_pes()
{
	return (int)twin::core()->pes;
}

inline __gm__ void *aclshmem_ptr(__gm__ void *own, int pe)
{
	return twin::world->base(pe) +
	       (static_cast<uint8_t *>(own) - twin::world->base(twin::core()->pe));
}

inline void aclshmem_quiet()
{
	twin::run_all();
}

inline void aclshmemx_signal_op(__gm__ int32_t *own, int32_t value, int, int pe)
{
	twin::all_waited_for("a signal before own copies are through");
	reinterpret_cast<std::atomic<int32_t> *>(aclshmem_ptr(own, pe))
	        ->store(value, std::memory_order_release);
}

inline void aclshmem_signal_wait_until(__gm__ int32_t *own, int, int32_t value)
{
	auto *flag = reinterpret_cast<std::atomic<int32_t> *>(own);

	while (flag->load(std::memory_order_acquire) < value)
		sched_yield();
}

inline void aclshmemx_barrier_all_vec()
{
	twin::all_waited_for("a barrier before own copies are through");
	twin::world->cores.wait(twin::core()->pes * twin::core()->blocks);
}
