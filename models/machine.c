#include "models/machine.h"
#include <math.h>
#include <string.h>

#define AT(member) offsetof(struct machine, member)

static const char *const kind_names[] = {"switch", "mesh", NULL};
static const char *const span_names[] = {"node", "machine", NULL};

static const struct field hbm_fields[] = {
        {FIELD_ROW("capacity", FIELD_QUANTITY, DIM_BYTES, AT(hbm.capacity_bytes), NULL,
                   "HBM of one die")},
        {FIELD_ROW("usable", FIELD_QUANTITY, DIM_RATIO, AT(hbm.usable_ratio), "100%",
                   "share of it that weights, KV cache and buffers may take"),
         .most = 1},
        {FIELD_ROW("rate", FIELD_QUANTITY, DIM_RATE, AT(hbm.rate_Bps), NULL,
                   "data sheet rate of one die")},
        {FIELD_ROW("efficiency", FIELD_QUANTITY, DIM_RATIO, AT(hbm.efficiency_ratio), "100%",
                   "share of that rate which long streams reach"),
         .most = 1},
        {FIELD_ROW("compute_streams", FIELD_QUANTITY, DIM_RATIO, AT(hbm.compute_streams_count), "1",
                   "streams that an operator counts as when it shares HBM with transfers"),
         .least = 1, .most = 65536},
        {0},
};

static const struct field cube_fields[] = {
        {FIELD_ROW("bf16", FIELD_QUANTITY, DIM_FLOPS, AT(cube.bf16_flops), NULL, "peak, BF16")},
        {FIELD_ROW("int8", FIELD_QUANTITY, DIM_FLOPS, AT(cube.int8_flops), "0TOPS",
                   "peak, INT8; 0: none")},
        {FIELD_ROW("fp8", FIELD_QUANTITY, DIM_FLOPS, AT(cube.fp8_flops), "0TFLOPS",
                   "peak, FP8; 0: none")},
        {FIELD_ROW("fp4", FIELD_QUANTITY, DIM_FLOPS, AT(cube.fp4_flops), "0TFLOPS",
                   "peak, FP4; 0: none")},
        {FIELD_ROW("launch", FIELD_QUANTITY, DIM_TIME, AT(cube.launch_s), "0s",
                   "fixed cost of an elementwise operator on the device's stream")},
        {FIELD_ROW("cores", FIELD_INTEGER, DIM_COUNT, AT(cube.cores), "1",
                   "matrix cores of a die, which share out tiles"),
         .least = 1, .most = 4096},
        {FIELD_ROW("tile_rows", FIELD_INTEGER, DIM_COUNT, AT(cube.tile_rows), "0",
                   "rows of the tile that a core computes at once; 0: no tiles"),
         .least = 0, .most = 65536},
        {FIELD_ROW("tile_columns", FIELD_INTEGER, DIM_COUNT, AT(cube.tile_columns), "0",
                   "its columns, which kernels halve down to the granule; 0: no tiles"),
         .least = 0, .most = 65536},
        {FIELD_ROW("granule", FIELD_INTEGER, DIM_COUNT, AT(cube.granule), "1",
                   "rows and columns are padded to a multiple of it"),
         .least = 1, .most = 4096},
        {0},
};
/* Rows of every kind of GEMM. */
#define LAW(member) offsetof(struct gemm_law, member)
#define GEMM_ROWS                                                                                  \
	{FIELD_ROW("launch", FIELD_QUANTITY, DIM_TIME, LAW(launch_s), "0s",                        \
	           "fixed cost of a call")},                                                       \
	        {FIELD_ROW("peak", FIELD_QUANTITY, DIM_RATIO, LAW(peak_ratio), "100%",             \
	                   "share of the peak that full tiles reach"),                             \
	         .most = 1},                                                                       \
	        {FIELD_ROW("memory", FIELD_QUANTITY, DIM_RATIO, LAW(memory_ratio), "100%",         \
	                   "share of hbm.rate that its operands' stream reaches"),                 \
	         .most = 1},                                                                       \
	{                                                                                          \
		FIELD_ROW("exposed", FIELD_QUANTITY, DIM_RATIO, LAW(exposed_ratio), "0",           \
		          "share of the shorter of cube and HBM time that the other does not "     \
		          "hide"),                                                                 \
		        .most = 1                                                                  \
	}

static const struct field gemm_fields[] = {
        GEMM_ROWS,
        {FIELD_ROW("load_core", FIELD_QUANTITY, DIM_RATE, LAW(load_core_Bps), "0Bps",
                   "operands that one core loads from L2; 0: free")},
        {FIELD_ROW("quantise", FIELD_QUANTITY, DIM_RATE, LAW(quantise_Bps), "0Bps",
                   "BF16 bytes of input that are quantised first; 0: free")},
        {FIELD_ROW("dequantise", FIELD_QUANTITY, DIM_RATE, LAW(dequantise_Bps), "0Bps",
                   "BF16 bytes of result that are scaled beside the cube; 0: free")},
        {FIELD_ROW("epilogue_core", FIELD_QUANTITY, DIM_RATE, LAW(epilogue_core_Bps), "0Bps",
                   "BF16 bytes of the last tile that one core scales at the end; 0: free")},
        {FIELD_ROW("resident", FIELD_QUANTITY, DIM_BYTES, LAW(resident_bytes), "0B",
                   "operands that L2 begins to keep between repeated calls, in tables; 0: none")},
        {0},
};

static const struct field grouped_fields[] = {GEMM_ROWS, {0}};

static const struct field prefill_fields[] = {
        {FIELD_ROW("launch", FIELD_QUANTITY, DIM_TIME, AT(prefill_attention.launch_s), "0s",
                   "fixed cost of a call")},
        {FIELD_ROW("peak", FIELD_QUANTITY, DIM_RATIO, AT(prefill_attention.peak_ratio), "100%",
                   "share of the BF16 peak, counting pairs under the causal mask alone"),
         .most = 1},
        {FIELD_ROW("ramp", FIELD_QUANTITY, DIM_RATIO, AT(prefill_attention.ramp_count), "0",
                   "keys that a row of queries costs beyond those it sees")},
        {0},
};

static const struct field decode_fields[] = {
        {FIELD_ROW("launch", FIELD_QUANTITY, DIM_TIME, AT(decode_attention.launch_s), "0s",
                   "fixed cost of a call")},
        {FIELD_ROW("peak", FIELD_QUANTITY, DIM_RATIO, AT(decode_attention.peak_ratio), "100%",
                   "share of the BF16 peak"),
         .most = 1},
        {FIELD_ROW("memory", FIELD_QUANTITY, DIM_RATIO, AT(decode_attention.memory_ratio), "100%",
                   "share of hbm.rate that reading the cache of one head reaches"),
         .most = 1},
        {FIELD_ROW("strided", FIELD_QUANTITY, DIM_RATIO, AT(decode_attention.strided_ratio), "100%",
                   "share of that, when several heads lie side by side in the cache"),
         .most = 1},
        {FIELD_ROW("head", FIELD_QUANTITY, DIM_TIME, AT(decode_attention.head_s), "0s",
                   "for each head of each sequence")},
        {FIELD_ROW("resident", FIELD_QUANTITY, DIM_BYTES, AT(decode_attention.resident_bytes), "0B",
                   "cache that L2 keeps between repeated calls, in tables; 0: none")},
        {FIELD_ROW("resident_rate", FIELD_QUANTITY, DIM_RATE, AT(decode_attention.resident_Bps),
                   "0Bps", "rate of what L2 keeps")},
        {0},
};

static const struct field vector_fields[] = {
        {FIELD_ROW("cores", FIELD_INTEGER, DIM_COUNT, AT(vector.cores), NULL,
                   "vector cores of a die"),
         .least = 1, .most = 4096},
        {FIELD_ROW("put_core", FIELD_QUANTITY, DIM_RATE, AT(vector.put_core_Bps), NULL,
                   "fabric bytes one core can write, alone")},
        {FIELD_ROW("get_core", FIELD_QUANTITY, DIM_RATE, AT(vector.get_core_Bps), NULL,
                   "fabric bytes one core can read, alone")},
        {FIELD_ROW("sharpness", FIELD_QUANTITY, DIM_RATIO, AT(vector.sharpness_ratio), "3",
                   "how sharply more cores stop helping (exponent of the saturation curve)"),
         .least = 0.5, .most = 100},
        {FIELD_ROW("copy_core", FIELD_QUANTITY, DIM_RATE, AT(vector.copy_core_Bps), NULL,
                   "HBM bytes, read plus written, one core can move")},
        {FIELD_ROW("message", FIELD_QUANTITY, DIM_TIME, AT(vector.message_s), "0s",
                   "one core to issue one small remote message: a flag, a status")},
        {FIELD_ROW("scan", FIELD_QUANTITY, DIM_TIME, AT(vector.scan_s), "0s",
                   "one core to read one entry of a table and add it up: counts, statuses")},
        {FIELD_ROW("quantise_core", FIELD_QUANTITY, DIM_RATE, AT(vector.quantise_core_Bps), "0Bps",
                   "BF16 bytes one core can quantise row by row; 0: free")},
        {0},
};

static const struct field die_link_fields[] = {
        {FIELD_ROW("rate", FIELD_QUANTITY, DIM_RATE, AT(die_link.rate_Bps), "0Bps",
                   "between the dies of one package")},
        {FIELD_ROW("latency", FIELD_QUANTITY, DIM_TIME, AT(die_link.latency_s), "0s",
                   "die to die")},
        {0},
};

static const struct field fabric_fields[] = {
        {FIELD_ROW("kind", FIELD_CHOICE, DIM_COUNT, AT(fabric.kind), "switch",
                   "switch: one port a die; mesh: one link for each pair of dies in a node"),
         .names = kind_names},
        {FIELD_ROW("span", FIELD_CHOICE, DIM_COUNT, AT(fabric.span), "machine",
                   "how far it reaches: node or machine"),
         .names = span_names},
        {FIELD_ROW("rate", FIELD_QUANTITY, DIM_RATE, AT(fabric.rate_Bps), NULL,
                   "of a die's port (switch) or of one link (mesh)")},
        {FIELD_ROW("put", FIELD_QUANTITY, DIM_RATE, AT(fabric.put_Bps), NULL,
                   "what all vector cores of a die together reach writing")},
        {FIELD_ROW("get", FIELD_QUANTITY, DIM_RATE, AT(fabric.get_Bps), NULL,
                   "what all vector cores of a die together reach reading")},
        {FIELD_ROW("contention", FIELD_QUANTITY, DIM_RATIO, AT(fabric.contention_ratio), "0",
                   "put and get fall as (peers at a time) ^ -contention"),
         .most = 1},
        {FIELD_ROW("node_latency", FIELD_QUANTITY, DIM_TIME, AT(fabric.node_latency_s), "0s",
                   "within a node")},
        {FIELD_ROW("far_latency", FIELD_QUANTITY, DIM_TIME, AT(fabric.far_latency_s), "0s",
                   "between nodes")},
        {FIELD_ROW("trunk", FIELD_QUANTITY, DIM_RATE, AT(fabric.trunk_Bps), "0Bps",
                   "of a node towards the second switch level; 0: non-blocking")},
        {0},
};

static const struct field rdma_fields[] = {
        {FIELD_ROW("rate", FIELD_QUANTITY, DIM_RATE, AT(rdma.rate_Bps), "0Bps",
                   "a die's share; 0: no RDMA")},
        {FIELD_ROW("latency", FIELD_QUANTITY, DIM_TIME, AT(rdma.latency_s), "0s", "end to end")},
        {FIELD_ROW("message", FIELD_QUANTITY, DIM_TIME, AT(rdma.message_s), "0s",
                   "to post one message, one after the other")},
        {0},
};

static const struct field sdma_fields[] = {
        {FIELD_ROW("rate", FIELD_QUANTITY, DIM_RATE, AT(sdma.rate_Bps), "0Bps",
                   "all copy engines of a die together; 0: none reach the fabric")},
        {FIELD_ROW("path", FIELD_QUANTITY, DIM_RATE, AT(sdma.path_Bps), "0Bps",
                   "one of their queues; 0: as much as all")},
        {FIELD_ROW("latency", FIELD_QUANTITY, DIM_TIME, AT(sdma.latency_s), "0s",
                   "of one transfer, beyond the wire")},
        {FIELD_ROW("submit", FIELD_QUANTITY, DIM_TIME, AT(sdma.submit_s), "0s",
                   "to describe the transfers of one exchange")},
        {FIELD_ROW("min_segment", FIELD_QUANTITY, DIM_BYTES, AT(sdma.min_segment_bytes), "0B",
                   "smaller ones are left to the vector cores")},
        {0},
};

static const struct field host_fields[] = {
        {FIELD_ROW("read", FIELD_QUANTITY, DIM_RATE, AT(host.read_Bps), "0Bps",
                   "a die from the memory of any host; 0: not known")},
        {0},
};

static const struct field sync_fields[] = {
        {FIELD_ROW("vector", FIELD_QUANTITY, DIM_TIME, AT(sync.vector_s), "0s",
                   "all vector cores of a die (SyncAll)")},
        {FIELD_ROW("flag", FIELD_QUANTITY, DIM_TIME, AT(sync.flag_s), "0s",
                   "to set a remote flag and notice it, beyond the wire")},
        {FIELD_ROW("round", FIELD_QUANTITY, DIM_TIME, AT(sync.round_s), "0s",
                   "one round of a barrier over ranks, beyond the wire")},
        {FIELD_ROW("kernel", FIELD_QUANTITY, DIM_TIME, AT(sync.kernel_s), "0s",
                   "fixed cost of a dispatch, combine or copy kernel")},
        {FIELD_ROW("collective", FIELD_QUANTITY, DIM_TIME, AT(sync.collective_s), "0s",
                   "fixed cost of one library collective")},
        {FIELD_ROW("host", FIELD_QUANTITY, DIM_TIME, AT(sync.host_s), "0s",
                   "a device-to-host read that the host waits for")},
        {FIELD_ROW("host_barrier", FIELD_QUANTITY, DIM_TIME, AT(sync.host_barrier_s), "0s",
                   "a control barrier over all hosts, as in symmetric allocation")},
        {0},
};

static const struct field power_fields[] = {
        {FIELD_ROW("busy", FIELD_QUANTITY, DIM_POWER, AT(power.busy_W), "0W",
                   "of one die with its share of host and network, serving; 0: unknown")},
        {FIELD_ROW("idle", FIELD_QUANTITY, DIM_POWER, AT(power.idle_W), "0W",
                   "the same, waiting for work; 0: unknown")},
        {0},
};

static const struct field extra_fields[] = {
        {FIELD_ROW("npu_hour", FIELD_QUANTITY, DIM_RATIO, AT(extra.npu_hour_cost_count), "0",
                   "price of one die for an hour, in any currency; 0: unknown")},
        {FIELD_ROW("domain", FIELD_QUANTITY, DIM_BYTES, AT(extra.domain_bytes), "0B",
                   "a communication domain's own state in each die's HBM")},
        {FIELD_ROW("relay_domain", FIELD_QUANTITY, DIM_BYTES, AT(extra.relay_domain_bytes), "0B",
                   "the same, for each half of a relay window")},
        {0},
};

#define TEXTS(key_, member, doc_)                                                                  \
	{                                                                                          \
		FIELD_ROW(key_, FIELD_LIST, DIM_COUNT, AT(calibration.member), "", doc_),          \
		        .item = FIELD_TEXT                                                         \
	}
#define RATIOS(key_, member, doc_)                                                                 \
	{                                                                                          \
		FIELD_ROW(key_, FIELD_LIST, DIM_RATIO, AT(calibration.member), "", doc_),          \
		        .item = FIELD_QUANTITY                                                     \
	}
#define COUNTS(key_, member, doc_)                                                                 \
	{                                                                                          \
		FIELD_ROW(key_, FIELD_LIST, DIM_COUNT, AT(calibration.member), "", doc_),          \
		        .item = FIELD_INTEGER, .least = 1, .most = 1e9                             \
	}

static const struct field calibration_fields[] = {
        {FIELD_ROW("kernel_sd", FIELD_QUANTITY, DIM_RATIO, AT(calibration.kernel_sd_ratio), "0",
                   "spread of the times of kernels that do the same work (sd of log time)"),
         .most = 3},
        {FIELD_ROW("residual_sd", FIELD_QUANTITY, DIM_RATIO, AT(calibration.residual_sd_ratio), "0",
                   "what the fit leaves unexplained (sd of log time)"),
         .most = 3},
        {FIELD_ROW("rows", FIELD_INTEGER, DIM_COUNT, AT(calibration.rows), "0",
                   "observations that were fitted"),
         .most = 1e9},
        TEXTS("flows", flows, "flows among them"),
        COUNTS("ep", ep, "least and most EP among them"),
        COUNTS("tokens", tokens, "least and most tokens a rank"),
        COUNTS("hidden", hidden, "least and most hidden size"),
        {FIELD_ROW("data", FIELD_TEXT, DIM_COUNT, AT(calibration.data), "", "their digest")},
        {FIELD_ROW("command", FIELD_TEXT, DIM_COUNT, AT(calibration.command), "", "what made it")},
        TEXTS("kernels", kernels, "kernels seen: source; implementation; phase and op"),
        RATIOS("kernel_ratios", kernel_ratios, "time of each over what the parameters say"),
        RATIOS("kernel_sds", kernel_sds, "sd of each ratio"),
        TEXTS("parameters", parameters, "fitted parameters, in the order of the correlations"),
        TEXTS("correlations", correlations,
              "lower triangle by rows, of the parameters and then the kernels"),
        {0},
};

static const struct field serving_group_fields[] = {
        {FIELD_ROW("step", FIELD_QUANTITY, DIM_TIME, AT(serving.step_s), "0s",
                   "what a serving step costs beyond its price: scheduler, sampler")},
        {FIELD_ROW("scale", FIELD_QUANTITY, DIM_RATIO, AT(serving.scale_ratio), "1",
                   "measured over priced, of the rest of a serving step")},
        {FIELD_ROW("context", FIELD_QUANTITY, DIM_RATIO, AT(serving.context_ratio), "1",
                   "the same once more, of what cached tokens add to decode")},
        {0},
};

const struct field machine_fields[] = {
        {FIELD_ROW("name", FIELD_TEXT, DIM_COUNT, AT(name), NULL,
                   "short name, as commands use it")},
        {FIELD_ROW("describes", FIELD_TEXT, DIM_COUNT, AT(describes), "", "what it is, in a line")},
        {FIELD_ROW("nodes", FIELD_INTEGER, DIM_COUNT, AT(nodes), NULL, "nodes in the machine"),
         .least = 1, .most = 65536},
        {FIELD_ROW("packages_per_node", FIELD_INTEGER, DIM_COUNT, AT(packages_per_node), NULL,
                   "NPU packages in a node"),
         .least = 1, .most = 4096},
        {FIELD_ROW("dies_per_package", FIELD_INTEGER, DIM_COUNT, AT(dies_per_package), "1",
                   "dies in a package; each is a rank"),
         .least = 1, .most = 64},
        {"hbm", FIELD_GROUP, .group = hbm_fields, .doc = "memory of a die"},
        {"cube", FIELD_GROUP, .group = cube_fields, .doc = "matrix units of a die"},
        {"gemm", FIELD_GROUP, .offset = AT(gemm), .group = gemm_fields, .fallback = "",
         .doc = "dense GEMMs in BF16"},
        {"quantised_gemm", FIELD_GROUP, .offset = AT(quantised_gemm), .group = gemm_fields,
         .fallback = "", .doc = "dense GEMMs in narrower types"},
        {"grouped", FIELD_GROUP, .offset = AT(grouped), .group = grouped_fields, .fallback = "",
         .doc = "grouped (expert) GEMMs in BF16"},
        {"quantised_grouped", FIELD_GROUP, .offset = AT(quantised_grouped), .group = grouped_fields,
         .fallback = "", .doc = "grouped GEMMs in narrower types"},
        {"prefill_attention", FIELD_GROUP, .group = prefill_fields, .fallback = "",
         .doc = "attention of many new tokens a sequence"},
        {"decode_attention", FIELD_GROUP, .group = decode_fields, .fallback = "",
         .doc = "attention of one new token a sequence"},
        {"vector", FIELD_GROUP, .group = vector_fields, .doc = "vector cores of a die"},
        {"die_link", FIELD_GROUP, .group = die_link_fields, .fallback = "",
         .doc = "between the dies of a package"},
        {"fabric", FIELD_GROUP, .group = fabric_fields, .doc = "UB, HCCS or NVLink"},
        {"rdma", FIELD_GROUP, .group = rdma_fields, .fallback = "", .doc = "RoCE or InfiniBand"},
        {"host", FIELD_GROUP, .group = host_fields, .fallback = "", .doc = "memory of hosts"},
        {"sync", FIELD_GROUP, .group = sync_fields, .fallback = "",
         .doc = "fixed costs of synchronising"},
        {"calibration", FIELD_GROUP, .group = calibration_fields, .fallback = "",
         .doc = "what `epsim calibrate` left"},
        {"extra", FIELD_GROUP, .group = extra_fields, .fallback = "", .doc = "price, metadata"},
        {"power", FIELD_GROUP, .group = power_fields, .fallback = "", .doc = "for energy"},
        {"sdma", FIELD_GROUP, .group = sdma_fields, .fallback = "",
         .doc = "copy engines beside the vector cores"},
        {"serving", FIELD_GROUP, .group = serving_group_fields, .fallback = "",
         .doc = "correction of steps in serving"},
        {0},
};

int64_t machine_dies_per_node(const struct machine *m)
{
	return m->packages_per_node * m->dies_per_package;
}

int64_t machine_dies(const struct machine *m)
{
	return m->nodes * machine_dies_per_node(m);
}

enum tier machine_tier(const struct machine *m, int64_t rank_a, int64_t rank_b)
{
	int64_t per_node = machine_dies_per_node(m);

	if (rank_a == rank_b)
		return TIER_SELF;
	if (rank_a / m->dies_per_package == rank_b / m->dies_per_package)
		return m->die_link.rate_Bps > 0 ? TIER_PACKAGE : TIER_NODE;
	if (rank_a / per_node == rank_b / per_node)
		return TIER_NODE;
	return m->fabric.span == SPAN_MACHINE ? TIER_FAR : TIER_RDMA;
}

enum tier machine_farthest(const struct machine *m, int64_t n_ranks)
{
	return machine_tier(m, 0, n_ranks - 1);
}

double machine_latency_s(const struct machine *m, enum tier tier)
{
	switch (tier) {
	case TIER_PACKAGE:
		return m->die_link.latency_s;
	case TIER_NODE:
		return m->fabric.node_latency_s;
	case TIER_FAR:
		return m->fabric.far_latency_s;
	case TIER_RDMA:
		return m->rdma.latency_s;
	default:
		return 0;
	}
}

const char *tier_name(enum tier tier)
{
	static const char *const names[TIERS] = {"self", "package", "node", "far", "rdma"};

	return names[tier];
}

double machine_issue_Bps(double core_Bps, double limit_Bps, double sharpness_ratio, int64_t n_cores)
{
	double all_Bps = core_Bps * (double)n_cores;
	double low_Bps = fmin(all_Bps, limit_Bps), x_ratio = low_Bps / fmax(all_Bps, limit_Bps);

	/* the same for both sides of the knee, and no power overflows */
	return low_Bps / pow(1 + pow(x_ratio, sharpness_ratio), 1 / sharpness_ratio);
}

double machine_shared_ratio(const struct machine *m, int64_t n_peers)
{
	return n_peers > 1 ? pow((double)n_peers, -m->fabric.contention_ratio) : 1;
}

double machine_put_Bps(const struct machine *m, int64_t n_cores, int64_t n_peers)
{
	return machine_issue_Bps(m->vector.put_core_Bps,
	                         m->fabric.put_Bps * machine_shared_ratio(m, n_peers),
	                         m->vector.sharpness_ratio, n_cores);
}

double machine_get_Bps(const struct machine *m, int64_t n_cores, int64_t n_peers)
{
	return machine_issue_Bps(m->vector.get_core_Bps,
	                         m->fabric.get_Bps * machine_shared_ratio(m, n_peers),
	                         m->vector.sharpness_ratio, n_cores);
}

double machine_hbm_Bps(const struct machine *m)
{
	return m->hbm.rate_Bps * m->hbm.efficiency_ratio;
}

double machine_peak_flops(const struct machine *m, enum dtype compute)
{
	switch (compute) {
	case DTYPE_INT8:
		return m->cube.int8_flops;
	case DTYPE_FP8:
		return m->cube.fp8_flops;
	case DTYPE_FP4:
		return m->cube.fp4_flops;
	default:
		return m->cube.bf16_flops;
	}
}

struct positive {
	const char *path;
	size_t offset;
};

static const struct positive positives[] = {
        {"hbm.capacity", AT(hbm.capacity_bytes)},
        {"hbm.usable", AT(hbm.usable_ratio)},
        {"hbm.rate", AT(hbm.rate_Bps)},
        {"hbm.efficiency", AT(hbm.efficiency_ratio)},
        {"cube.bf16", AT(cube.bf16_flops)},
        {"gemm.peak", AT(gemm.peak_ratio)},
        {"gemm.memory", AT(gemm.memory_ratio)},
        {"quantised_gemm.peak", AT(quantised_gemm.peak_ratio)},
        {"quantised_gemm.memory", AT(quantised_gemm.memory_ratio)},
        {"grouped.peak", AT(grouped.peak_ratio)},
        {"grouped.memory", AT(grouped.memory_ratio)},
        {"quantised_grouped.peak", AT(quantised_grouped.peak_ratio)},
        {"quantised_grouped.memory", AT(quantised_grouped.memory_ratio)},
        {"prefill_attention.peak", AT(prefill_attention.peak_ratio)},
        {"decode_attention.peak", AT(decode_attention.peak_ratio)},
        {"decode_attention.memory", AT(decode_attention.memory_ratio)},
        {"decode_attention.strided", AT(decode_attention.strided_ratio)},
        {"vector.put_core", AT(vector.put_core_Bps)},
        {"vector.get_core", AT(vector.get_core_Bps)},
        {"vector.copy_core", AT(vector.copy_core_Bps)},
        {"fabric.rate", AT(fabric.rate_Bps)},
        {"fabric.put", AT(fabric.put_Bps)},
        {"fabric.get", AT(fabric.get_Bps)},
};

/* Beyond these is no machine, and within them no product of a few overflows. */
static const struct range {
	double least, most;
} ranges[] = {
        [DIM_TIME] = {.least = 0, .most = 3600},     [DIM_BYTES] = {.least = 1, .most = 1e18},
        [DIM_RATE] = {.least = 1, .most = 1e18},     [DIM_FLOPS] = {.least = 1e6, .most = 1e24},
        [DIM_RATIO] = {.least = 1e-6, .most = 1e12}, [DIM_POWER] = {.least = 0, .most = 1e9},
};

/* Zero is no such thing, and left to the other checks. */
static enum rc ranges_check(const struct field *table, const char *group, const void *obj,
                            const char *where, struct err *e)
{
	for (; table->kind != FIELD_END; table++) {
		const void *slot = (const char *)obj + table->offset;
		const struct range *r;
		char is[32], least[32], most[32];
		double value;

		if (table->kind == FIELD_GROUP)
			TRY(ranges_check(table->group, table->key, slot, where, e));
		if (table->kind != FIELD_QUANTITY)
			continue;
		r = &ranges[table->dim];
		value = *(const double *)slot;
		if (value == 0 || (value >= r->least && value <= r->most))
			continue;
		return fail(e, RC_CONFIG, "%s: machine.%s.%s of %s is no machine's (%s to %s)",
		            where, group, table->key,
		            quantity_human(value, table->dim, 4, is, sizeof is),
		            quantity_human(r->least, table->dim, 4, least, sizeof least),
		            quantity_human(r->most, table->dim, 4, most, sizeof most));
	}
	return RC_OK;
}

enum rc machine_check(const struct machine *m, const char *where, struct err *e)
{
	for (size_t i = 0; i < sizeof positives / sizeof *positives; i++) {
		const double *value =
		        (const double *)(const void *)((const char *)m + positives[i].offset);
		if (!(*value > 0))
			return fail(e, RC_CONFIG, "%s: machine.%s must be above zero", where,
			            positives[i].path);
	}
	TRY(ranges_check(machine_fields, "", m, where, e));
	if (m->dies_per_package > 1 && m->fabric.kind == FABRIC_MESH)
		return fail(
		        e, RC_CONFIG,
		        "%s: a mesh fabric joins single dies: dies_per_package must be 1, not %lld",
		        where, (long long)m->dies_per_package);
	if (m->fabric.kind == FABRIC_MESH && m->fabric.span != SPAN_NODE)
		return fail(e, RC_CONFIG, "%s: a mesh fabric spans a node: set fabric.span to node",
		            where);
	if (m->fabric.kind == FABRIC_MESH && m->packages_per_node > MOST_MESH)
		return fail(e, RC_CONFIG, "%s: a mesh joins at most %d dies, not %lld", where,
		            MOST_MESH, (long long)m->packages_per_node);
	if (m->nodes > 1 && m->fabric.span == SPAN_NODE && !(m->rdma.rate_Bps > 0))
		return fail(
		        e, RC_CONFIG,
		        "%s: the fabric spans one node, so %lld nodes need rdma.rate above zero",
		        where, (long long)m->nodes);
	return RC_OK;
}
