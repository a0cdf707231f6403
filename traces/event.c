#include "traces/event.h"
#include <string.h>

struct trace_event trace_event_blank(enum trace_kind kind)
{
	return (struct trace_event){
	        .kind = kind,
	        .rank = TRACE_UNKNOWN,
	        .device = TRACE_UNKNOWN,
	        .step = TRACE_UNKNOWN,
	        .name = "",
	        .type = "",
	        .group = "",
	        .core = "",
	        .shapes = "",
	        .dtypes = "",
	        .phase = "",
	        .flow = "",
	        .start_ns = TRACE_NO_TIME,
	        .duration_ns = TRACE_UNKNOWN,
	        .transit_ns = TRACE_UNKNOWN,
	        .wait_ns = TRACE_UNKNOWN,
	        .least_ns = TRACE_UNKNOWN,
	        .most_ns = TRACE_UNKNOWN,
	        .calls = 1,
	        .bytes = TRACE_UNKNOWN,
	        .rate_Bps = TRACE_UNKNOWN,
	        .source = TRACE_UNKNOWN,
	        .peer = TRACE_UNKNOWN,
	        .ranks = TRACE_UNKNOWN,
	        .link = LINK_UNKNOWN,
	};
}

/* The first name of a link is ours. Others: msprof's ENUM_HCCL_LINK_TYPE. */
static const struct {
	const char *name;
	enum trace_link link;
} links[] = {
        {"-", LINK_UNKNOWN},     {"HCCS", LINK_HCCS},          {"HCCS_SW", LINK_HCCS},
        {"SIO", LINK_SIO},       {"PCIE", LINK_PCIE},          {"RDMA", LINK_RDMA},
        {"ROCE", LINK_RDMA},     {"STANDARD_ROCE", LINK_RDMA}, {"LOCAL", LINK_LOCAL},
        {"ON_CHIP", LINK_LOCAL},
};
enum { LINK_NAMES = sizeof links / sizeof *links };

const char *trace_link_name(enum trace_link link)
{
	for (size_t i = 0; i < LINK_NAMES; i++) {
		if (links[i].link == link)
			return links[i].name;
	}
	return "-";
}

enum trace_link trace_link_parse(const char *text)
{
	for (size_t i = 0; i < LINK_NAMES; i++) {
		if (strcmp(links[i].name, text) == 0)
			return links[i].link;
	}
	return LINK_UNKNOWN;
}
