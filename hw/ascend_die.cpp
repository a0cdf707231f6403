/* Every call of ACL and aclshmem on the host. None has run on a device. The marks tell what each
 * rests on, and so which to hold against the installed headers first:
 *
 *   [acl]    names and arguments as ACL's public API reference has them
 *   [shmem]  the name is published; its arguments, and fields of its structures, are unconfirmed
 *   [query]  optional: an answer of EPSIM_ASCEND_CORES spares the call */
#include "hw/ascend_die.h"
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>
#include "hw/ascend_launch.h"
#ifdef EPSIM_ASCEND_TWIN
#include "hw/ascend_twin_host.h"
#else
#include <acl/acl.h>
#include <shmem.h>
#endif

struct die {
	aclrtStream stream;
	aclrtEvent begin, end;
	std::vector<void *> own;
	int32_t cores;
	char name[64], why[256];
};

namespace
{

/* Keeps the first failure. */
bool good(struct die *d, const char *call, int error)
{
	if (d->why[0])
		return false;
	if (error == 0)
		return true;
	snprintf(d->why, sizeof d->why, "%s: error %d", call, error);
	return false;
}

#define DO(call, arguments) (!d->why[0] && good(d, #call, (int)call arguments))

/* [shmem] the fields of the attributes, and the constants */
void shmem_open(struct die *d, const struct die_group *g)
{
	aclshmemx_init_attr_t attr = {};

	attr.my_pe = g->rank;
	attr.n_pes = g->n_ranks;
	attr.local_mem_size = g->heap_bytes;
	snprintf(attr.ip_port, sizeof attr.ip_port, "%s", g->address);
	attr.option_attr.data_op_engine_type = ACLSHMEM_DATA_OP_MTE;
	DO(aclshmemx_init_attr, (ACLSHMEMX_INIT_WITH_DEFAULT, &attr));
}

/* [query] */
int32_t cores_of(struct die *d, int32_t device)
{
	const char *said = getenv("EPSIM_ASCEND_CORES");
	int64_t cores = said ? strtol(said, nullptr, 10) : 0;

	if (cores <= 0)
		DO(aclGetDeviceCapability,
		   ((uint32_t)device, ACL_DEVICE_INFO_VECTOR_CORE_NUM, &cores));
	return (int32_t)cores;
}

} // namespace

struct die *die_open(const struct die_group *g)
{
	struct die *d = new die();

	DO(aclInit, (nullptr));              /* [acl] */
	DO(aclrtSetDevice, (g->device));     /* [acl] */
	DO(aclrtCreateStream, (&d->stream)); /* [acl] */
	DO(aclrtCreateEvent, (&d->begin));   /* [acl] */
	DO(aclrtCreateEvent, (&d->end));     /* [acl] */
	if (!d->why[0]) {
		const char *name = aclrtGetSocName(); /* [acl] */

		snprintf(d->name, sizeof d->name, "%s", name ? name : "unnamed");
	}
	d->cores = cores_of(d, g->device);
	shmem_open(d, g);
	return d;
}

void die_close(struct die *d)
{
	for (void *p : d->own)
		aclrtFree(p);      /* [acl] */
	DO(aclshmem_finalize, ()); /* [shmem] */
	if (!d->why[0]) {
		aclrtDestroyEvent(d->begin);
		aclrtDestroyEvent(d->end);
		aclrtDestroyStream(d->stream);
		aclFinalize(); /* [acl] */
	}
	delete d;
}

const char *die_why(const struct die *d)
{
	return d->why[0] ? d->why : nullptr;
}

const char *die_name(const struct die *d)
{
	return d->name;
}

int32_t die_cores(const struct die *d)
{
	return d->cores;
}

void *die_own(struct die *d, size_t bytes)
{
	void *p = nullptr;

	if (!DO(aclrtMalloc, (&p, bytes, ACL_MEM_MALLOC_HUGE_FIRST))) /* [acl] */
		return nullptr;
	d->own.push_back(p);
	DO(aclrtMemset, (p, bytes, 0, bytes)); /* [acl] */
	return p;
}

void *die_symmetric(struct die *d, size_t bytes)
{
	void *p = d->why[0] ? nullptr : aclshmem_malloc(bytes); /* [shmem] */

	if (!p && !d->why[0])
		snprintf(d->why, sizeof d->why, "aclshmem_malloc: no memory of %zu bytes", bytes);
	DO(aclrtMemset, (p, bytes, 0, bytes));
	return p;
}

void die_write(struct die *d, void *to, const void *from, size_t bytes)
{
	if (bytes > 0)
		DO(aclrtMemcpy, (to, bytes, from, bytes, ACL_MEMCPY_HOST_TO_DEVICE)); /* [acl] */
}

void die_read(struct die *d, void *to, const void *from, size_t bytes)
{
	if (bytes > 0)
		DO(aclrtMemcpy, (to, bytes, from, bytes, ACL_MEMCPY_DEVICE_TO_HOST));
}

void die_copy(struct die *d, void *to, const void *from, size_t bytes)
{
	DO(aclrtMemcpy, (to, bytes, from, bytes, ACL_MEMCPY_DEVICE_TO_DEVICE));
}

void die_barrier(struct die *d)
{
	if (!d->why[0])
		aclshmem_barrier_all(); /* [shmem] */
}

double die_run(struct die *d, int32_t kernel, int32_t cores, void *exchange)
{
	const double s_per_ms = 1e-3; /* lint: unit of events */
	float ms = 0;

	DO(aclrtRecordEvent, (d->begin, d->stream)); /* [acl] */
	if (!d->why[0])
		ascend_launch(kernel, (uint32_t)cores, d->stream, (uint8_t *)exchange);
	DO(aclrtRecordEvent, (d->end, d->stream));
	DO(aclrtSynchronizeStream, (d->stream));            /* [acl] */
	DO(aclrtEventElapsedTime, (&ms, d->begin, d->end)); /* [acl] */
	return ms * s_per_ms;
}
