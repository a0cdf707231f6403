/* A twin of the part of CUDA that cuda_ranks.cu uses, for processors: blocks run one after the
 * other, the threads of a block as threads, memory of devices is memory. Streams run at once and in
 * order, so it shows whether kernels are right, not whether streams wait for each other as they
 * must. */
#pragma once
#include <cmath>
#include <condition_variable>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <thread>
#include <vector>

#define __global__
#define __device__
#define __grid_constant__
#define __shared__ static

struct dim3 {
	unsigned x, y, z;

	dim3(unsigned nx = 1, unsigned ny = 1, unsigned nz = 1) : x(nx), y(ny), z(nz)
	{
	}
};

struct alignas(16) int4 {
	int x, y, z, w;
};

inline thread_local dim3 threadIdx, blockIdx;
inline dim3 blockDim, gridDim;

namespace cuda_twin
{

/* The threads of the one block that runs. */
class Block
{
      public:
	void open(unsigned n)
	{
		left = all = n;
		word.assign(n, 0);
	}
	void wait()
	{
		std::unique_lock<std::mutex> lock(mutex);
		unsigned mine = round;

		if (--left == 0) {
			left = all, round++;
			changed.notify_all();
			return;
		}
		changed.wait(lock, [&] { return round != mine; });
	}
	/* What a warp's lanes gave, joined; all threads of the block call it. */
	template <typename Join> unsigned of_warp(unsigned mine, Join join)
	{
		unsigned first = threadIdx.x / 32 * 32, result;

		word[threadIdx.x] = mine;
		wait();
		result = join(&word[first]);
		wait();
		return result;
	}

      private:
	std::mutex mutex;
	std::condition_variable changed;
	std::vector<unsigned> word;
	unsigned left = 0, all = 0, round = 0;
};

inline Block block;

template <typename Kernel> void launch(dim3 grid, unsigned threads, Kernel kernel)
{
	std::vector<std::thread> team;

	block.open(threads);
	gridDim = grid, blockDim = dim3(threads);
	for (unsigned t = 0; t < threads; t++) {
		team.emplace_back([=] {
			threadIdx = dim3(t, 0, 0);
			for (unsigned y = 0; y < grid.y; y++) {
				for (unsigned x = 0; x < grid.x; x++) {
					blockIdx = dim3(x, y, 0);
					kernel();
					block.wait();
				}
			}
		});
	}
	for (auto &thread : team)
		thread.join();
}

} // namespace cuda_twin

inline void __syncthreads()
{
	cuda_twin::block.wait();
}

inline unsigned __ballot_sync(unsigned, bool vote)
{
	return cuda_twin::block.of_warp(vote, [](const unsigned *lane) {
		unsigned bits = 0;

		for (int i = 0; i < 32; i++)
			bits |= lane[i] << i;
		return bits;
	});
}

inline unsigned __reduce_max_sync(unsigned, unsigned value)
{
	return cuda_twin::block.of_warp(value, [](const unsigned *lane) {
		unsigned most = 0;

		for (int i = 0; i < 32; i++)
			most = lane[i] > most ? lane[i] : most;
		return most;
	});
}

inline int __popc(unsigned bits)
{
	return __builtin_popcount(bits);
}

inline float __uint_as_float(unsigned bits)
{
	float value;

	memcpy(&value, &bits, sizeof value);
	return value;
}

inline unsigned __float_as_uint(float value)
{
	unsigned bits;

	memcpy(&bits, &value, sizeof bits);
	return bits;
}

inline float __fdiv_rn(float a, float b)
{
	return a / b;
}

/* ---- the host's side: all succeeds ---- */

enum cudaError_t { cudaSuccess };
enum { cudaMemcpyHostToDevice, cudaMemcpyDeviceToHost, cudaMemcpyDefault, cudaEventDisableTiming };
typedef int cudaStream_t, cudaEvent_t;
struct cudaDeviceProp {
	char name[32];
};

inline cudaError_t cudaMalloc(void **p, size_t bytes)
{
	*p = aligned_alloc(64, (bytes + 63) / 64 * 64);
	return cudaSuccess;
}

inline cudaError_t cudaMemset(void *p, int value, size_t bytes)
{
	memset(p, value, bytes);
	return cudaSuccess;
}

inline cudaError_t cudaMemcpy(void *to, const void *from, size_t bytes, int)
{
	memcpy(to, from, bytes);
	return cudaSuccess;
}

inline cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t bytes, int, int)
{
	memcpy(to, from, bytes);
	return cudaSuccess;
}

inline cudaError_t cudaFree(void *p)
{
	free(p);
	return cudaSuccess;
}

inline cudaError_t cudaGetDeviceCount(int *n)
{
	*n = 1;
	return cudaSuccess;
}

inline cudaError_t cudaGetDeviceProperties(cudaDeviceProp *p, int)
{
	strcpy(p->name, "twin");
	return cudaSuccess;
}

inline cudaError_t cudaDeviceCanAccessPeer(int *can, int, int)
{
	*can = 1;
	return cudaSuccess;
}

inline cudaError_t cudaEventElapsedTime(float *ms, cudaEvent_t, cudaEvent_t)
{
	*ms = 1; /* time means nothing here, but a rate wants some */
	return cudaSuccess;
}

#define TWIN_SUCCEEDS(name, ...)                                                                   \
	inline cudaError_t name(__VA_ARGS__)                                                       \
	{                                                                                          \
		return cudaSuccess;                                                                \
	}
TWIN_SUCCEEDS(cudaSetDevice, int)
TWIN_SUCCEEDS(cudaDeviceEnablePeerAccess, int, unsigned)
TWIN_SUCCEEDS(cudaDeviceSynchronize, void)
TWIN_SUCCEEDS(cudaGetLastError, void)
TWIN_SUCCEEDS(cudaStreamCreate, cudaStream_t *)
TWIN_SUCCEEDS(cudaStreamDestroy, cudaStream_t)
TWIN_SUCCEEDS(cudaStreamSynchronize, cudaStream_t)
TWIN_SUCCEEDS(cudaStreamWaitEvent, cudaStream_t, cudaEvent_t, unsigned)
TWIN_SUCCEEDS(cudaEventCreate, cudaEvent_t *)
TWIN_SUCCEEDS(cudaEventCreateWithFlags, cudaEvent_t *, unsigned)
TWIN_SUCCEEDS(cudaEventRecord, cudaEvent_t, cudaStream_t)
TWIN_SUCCEEDS(cudaEventDestroy, cudaEvent_t)

inline const char *cudaGetErrorString(cudaError_t)
{
	return "none";
}
