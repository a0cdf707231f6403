/* How the host starts a kernel of ascend_entry.cpp: enum ascend_kernel, in an ACL stream. */
#pragma once
#include <stdint.h>

#ifdef __cplusplus
extern "C"
#endif
        void
        ascend_launch(int32_t kernel, uint32_t blocks, void *stream, uint8_t *exchange);
