/* The twin of what the host calls of ACL and aclshmem (ascend_die.cpp): own work. Include it for
 * <acl/acl.h> and <shmem.h>.
 *
 * As strict as ascend_twin.h: memory is handed out full of rubbish; what stands in a stream runs
 * when the stream is waited for, and not before; a host calls nothing before its device is set. */
#pragma once
#include "hw/ascend_twin.h"

typedef int aclError;
typedef struct twin_stream *aclrtStream;
typedef struct twin_event *aclrtEvent;
typedef enum {
	ACL_MEMCPY_HOST_TO_HOST,
	ACL_MEMCPY_HOST_TO_DEVICE,
	ACL_MEMCPY_DEVICE_TO_HOST,
	ACL_MEMCPY_DEVICE_TO_DEVICE
} aclrtMemcpyKind;
typedef enum { ACL_MEM_MALLOC_HUGE_FIRST } aclrtMemMallocPolicy;
typedef enum { ACL_DEVICE_INFO_AI_CORE_NUM, ACL_DEVICE_INFO_VECTOR_CORE_NUM } aclDeviceInfo;

struct twin_event {
	int64_t cycle;
};

struct twin_stream {
	std::deque<std::function<void()>> work;
};

namespace twin
{

enum { ERROR = 507000, CORES = 4 };

/* Of a host's thread: has it set its device? */
inline bool &device_set()
{
	static thread_local bool mine;

	return mine;
}

inline aclError known()
{
	return device_set() ? 0 : ERROR;
}

/* A kernel on all its cores, to its end. */
template <typename Kernel> void launch(Kernel kernel, uint32_t blocks, void *stream, uint8_t *x)
{
	static_cast<aclrtStream>(stream)->work.push_back([=] {
		Barrier die(blocks);
		Pe mine = pe();
		std::vector<std::thread> cores;

		for (uint32_t block = 0; block < blocks; block++) {
			cores.emplace_back([=, &die] {
				Core c = {};

				c.pe = mine.number, c.pes = mine.all;
				c.block = block, c.blocks = blocks, c.die = &die;
				core() = &c;
				kernel(x);
				all_waited_for("a kernel ends before own copies are through");
			});
		}
		for (auto &one : cores)
			one.join();
	});
}

} // namespace twin

/* ---- ACL ---- */

inline aclError aclInit(const char *)
{
	return 0;
}

inline aclError aclFinalize()
{
	return 0;
}

inline aclError aclrtSetDevice(int32_t device)
{
	twin::device_set() = device >= 0;
	return twin::known();
}

inline const char *aclrtGetSocName()
{
	return "a twin on processors of a host, no NPU";
}

inline aclError aclGetDeviceCapability(uint32_t, aclDeviceInfo, int64_t *value)
{
	*value = twin::CORES;
	return twin::known();
}

inline aclError aclrtCreateStream(aclrtStream *out)
{
	*out = new twin_stream();
	return twin::known();
}

inline aclError aclrtDestroyStream(aclrtStream stream)
{
	twin::demand(stream->work.empty(), "a stream ends before it was waited for");
	delete stream;
	return 0;
}

inline aclError aclrtSynchronizeStream(aclrtStream stream)
{
	for (; !stream->work.empty(); stream->work.pop_front())
		stream->work.front()();
	return twin::known();
}

inline aclError aclrtCreateEvent(aclrtEvent *out)
{
	*out = new twin_event();
	return twin::known();
}

inline aclError aclrtDestroyEvent(aclrtEvent event)
{
	delete event;
	return 0;
}

inline aclError aclrtRecordEvent(aclrtEvent event, aclrtStream stream)
{
	event->cycle = 0;
	stream->work.push_back([=] { event->cycle = AscendC::GetSystemCycle(); });
	return twin::known();
}

inline aclError aclrtEventElapsedTime(float *ms, aclrtEvent begin, aclrtEvent end)
{
	if (begin->cycle == 0 || end->cycle == 0)
		return twin::ERROR;
	*ms = (float)(end->cycle - begin->cycle) / 50000;
	return 0;
}

inline aclError aclrtMalloc(void **out, size_t bytes, aclrtMemMallocPolicy)
{
	if (twin::known() != 0)
		return twin::ERROR;
	*out = aligned_alloc(512, (bytes + 511) / 512 * 512);
	memset(*out, 0xa5, bytes);
	return 0;
}

inline aclError aclrtFree(void *p)
{
	free(p);
	return 0;
}

inline aclError aclrtMemset(void *p, size_t most, int32_t value, size_t bytes)
{
	if (bytes > most || twin::known() != 0)
		return twin::ERROR;
	memset(p, value, bytes);
	return 0;
}

inline aclError aclrtMemcpy(void *to, size_t most, const void *from, size_t bytes, aclrtMemcpyKind)
{
	if (bytes > most || twin::known() != 0)
		return twin::ERROR;
	memcpy(to, from, bytes);
	return 0;
}

/* ---- aclshmem ---- */

enum { ACLSHMEMX_INIT_WITH_DEFAULT, ACLSHMEM_DATA_OP_MTE = 1 };

struct aclshmemx_init_attr_t {
	int my_pe, n_pes;
	char ip_port[64];
	uint64_t local_mem_size;
	struct {
		int data_op_engine_type;
	} option_attr;
};

inline int aclshmemx_init_attr(int, aclshmemx_init_attr_t *attr)
{
	if (twin::known() != 0 || attr->option_attr.data_op_engine_type != ACLSHMEM_DATA_OP_MTE ||
	    attr->local_mem_size > twin::World::heap_bytes || !attr->ip_port[0])
		return twin::ERROR;
	twin::pe() = {attr->my_pe, attr->n_pes, 0};
	twin::world->hosts.wait(attr->n_pes);
	return 0;
}

inline int aclshmem_finalize()
{
	twin::world->hosts.wait(twin::pe().all);
	return 0;
}

/* Whoever is late in filling it would spoil what others put there: a barrier ends it. */
inline void *aclshmem_malloc(size_t bytes)
{
	twin::Pe &mine = twin::pe();
	uint8_t *p = twin::world->base(mine.number) + mine.heap_used;

	mine.heap_used += (bytes + 63) / 64 * 64;
	if (mine.heap_used > twin::World::heap_bytes)
		return nullptr;
	memset(p, 0xa5, bytes);
	twin::world->hosts.wait(mine.all);
	return p;
}

inline void aclshmem_barrier_all()
{
	twin::world->hosts.wait(twin::pe().all);
}
