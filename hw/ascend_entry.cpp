/* The kernels as launches: one for dispatch and one for combine of each flow, for vector cores
 * alone. exchange: a struct epsim::Exchange in global memory. */
#include "hw/ascend_kernels.h"

#define KERNEL(name)                                                                               \
	extern "C" __global__ __aicore__ void epsim_##name(GM_ADDR exchange)                       \
	{                                                                                          \
		epsim::Flows flows;                                                                \
                                                                                                   \
		KERNEL_TASK_TYPE_DEFAULT(KERNEL_TYPE_AIV_ONLY);                                    \
		flows.open(*(__gm__ epsim::Exchange *)exchange);                                   \
		flows.name();                                                                      \
	}

KERNEL(dispatch_relay3)
KERNEL(combine_relay3)
KERNEL(dispatch_relay2)
KERNEL(combine_relay2)
KERNEL(dispatch_direct)
KERNEL(combine_direct)
