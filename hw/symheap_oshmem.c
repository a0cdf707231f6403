/* oshmem: ranks are processes of another program, epsim-oshmem, which oshrun starts. */
#include "hw/symheap.h"

static bool available(const char **why_not)
{
	*why_not = "no OpenSHMEM was found";
	return false;
}

const struct symheap_backend backend_oshmem = {
        .name = "oshmem", .doc = "OpenSHMEM through Open MPI's oshrun", .available = available};
