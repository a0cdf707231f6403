/* The kernels as launches, for vector cores alone: dispatch and combine of each flow, the
 * microbenchmarks, a reading of the clock. exchange: a struct ascend_exchange in global memory. */
#include "hw/ascend_bench.h"
#include "hw/ascend_launch.h"
#ifdef EPSIM_ASCEND_TWIN
#include "hw/ascend_twin_host.h"
#endif

#define KERNEL(name)                                                                               \
	extern "C" __global__ __aicore__ void epsim_##name(GM_ADDR exchange)                       \
	{                                                                                          \
		epsim::Bench kernel;                                                               \
                                                                                                   \
		KERNEL_TASK_TYPE_DEFAULT(KERNEL_TYPE_AIV_ONLY);                                    \
		kernel.open(exchange);                                                             \
		kernel.name();                                                                     \
		kernel.close();                                                                    \
	}

KERNEL(dispatch_relay3)
KERNEL(combine_relay3)
KERNEL(dispatch_relay2)
KERNEL(combine_relay2)
KERNEL(dispatch_direct)
KERNEL(combine_direct)
KERNEL(bench)
KERNEL(read_clock)

/* The launch of CANN's compiler; the twin has a function instead. */
#ifdef EPSIM_ASCEND_TWIN
#define LAUNCH(name) twin::launch(epsim_##name, blocks, stream, exchange)
#else
#define LAUNCH(name) epsim_##name<<<blocks, nullptr, stream>>>(exchange)
#endif

extern "C" void ascend_launch(int32_t kernel, uint32_t blocks, void *stream, uint8_t *exchange)
{
	switch (kernel) {
	case ASCEND_DISPATCH_RELAY3:
		LAUNCH(dispatch_relay3);
		break;
	case ASCEND_COMBINE_RELAY3:
		LAUNCH(combine_relay3);
		break;
	case ASCEND_DISPATCH_RELAY2:
		LAUNCH(dispatch_relay2);
		break;
	case ASCEND_COMBINE_RELAY2:
		LAUNCH(combine_relay2);
		break;
	case ASCEND_DISPATCH_DIRECT:
		LAUNCH(dispatch_direct);
		break;
	case ASCEND_COMBINE_DIRECT:
		LAUNCH(combine_direct);
		break;
	case ASCEND_BENCH:
		LAUNCH(bench);
		break;
	default:
		LAUNCH(read_clock);
		break;
	}
}
