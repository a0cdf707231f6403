/* A machine: dies with HBM, and the links between them. Described once, in YAML with a source for
 * every number, or in one line for tests ("node:4 die:16 fabric:196GBps").
 *
 * A die is what software sees as one NPU, and one rank. Dies are numbered package by package and
 * node by node. Levels: die < package (die-to-die link) < node < machine. The fabric joins the
 * dies of a node, and of the whole machine where it spans that far; RDMA joins what it does not.
 * All rates are payload bytes in one direction. */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include "models/base/field.h"
#include "models/dtype.h"

enum fabric_kind {
	FABRIC_SWITCH, /* one port a die: rate is the port's */
	FABRIC_MESH,   /* one link a pair of packages in a node: rate is a link's */
};
enum { MOST_MESH = 256 }; /* dies of a node that a mesh can join */
enum fabric_span { SPAN_NODE, SPAN_MACHINE };

/* Distance between two ranks: picks the path's resources and its latency. */
enum tier { TIER_SELF, TIER_PACKAGE, TIER_NODE, TIER_FAR, TIER_RDMA, TIERS };

/* What `epsim calibrate` learned beside the values and sd of the parameters themselves: it belongs
 * to the machine's file. All empty in a machine that was not calibrated. */
struct calibration {
	struct field_list parameters;    /* paths: the order of the correlations */
	struct field_list kernels;       /* kernels that were seen, see struct observation */
	struct field_list kernel_ratios; /* their time over what the machine's parameters say */
	struct field_list kernel_sds;
	struct field_list correlations; /* texts: a row of the lower triangle each, without the
	                                   diagonal; of the parameters and then the kernels */
	double kernel_sd_ratio;         /* spread of kernels that do the same work (log time) */
	double residual_sd_ratio;       /* of a row that is left (log time) */
	struct field_list flows, ep, tokens, hidden; /* the range: flows seen; [least, most] */
	int64_t rows;
	const char *data; /* digest of the rows */
	const char *command;
};

/* How a family of GEMM kernels runs; sim/COMPUTE.md has the formulas. */
struct gemm_law {
	double launch_s;       /* fixed cost of a call */
	double peak_ratio;     /* what full tiles reach of the peak */
	double memory_ratio;   /* what its operands' stream reaches of hbm.rate */
	double exposed_ratio;  /* of the shorter of cube and HBM time, what the longer does not hide
	                        */
	double load_core_Bps;  /* operands that one core loads from L2; 0: free */
	double quantise_Bps;   /* BF16 bytes of input quantised first; 0: free */
	double dequantise_Bps; /* BF16 bytes of result scaled beside the cube; 0: free */
	double epilogue_core_Bps; /* BF16 bytes of the last tile, by one core; 0: free */
	double resident_bytes;    /* operands of repeated calls that L2 begins to keep; 0: none */
};

struct machine {
	const char *name;
	const char *describes;
	int64_t nodes, packages_per_node, dies_per_package;
	struct {
		double capacity_bytes;        /* per die */
		double usable_ratio;          /* left for the model by runtime and framework */
		double rate_Bps;              /* data sheet */
		double efficiency_ratio;      /* what long streams reach of it */
		double compute_streams_count; /* streams that one operator's traffic counts as,
		                                 beside the one of each transfer, when they share
		                                 HBM */
	} hbm;
	struct {
		double bf16_flops, int8_flops, fp8_flops, fp4_flops; /* peak, 0: not supported */
		double launch_s; /* fixed cost of an elementwise operator */
		int64_t cores;   /* per die */
		int64_t tile_rows,
		        tile_columns; /* of the result that a core makes at once; 0: any */
		int64_t granule;      /* rows and columns are padded to a multiple of it */
	} cube;
	/* dense and grouped (expert) GEMMs, in BF16 and in narrower types */
	struct gemm_law gemm, quantised_gemm, grouped, quantised_grouped;
	struct {
		double launch_s;
		double peak_ratio; /* of the BF16 peak, pairs under the causal mask alone counted */
		double ramp_count; /* keys that a row of queries costs beyond those it sees */
	} prefill_attention;
	struct {
		double launch_s;
		double peak_ratio;     /* of the BF16 peak */
		double memory_ratio;   /* of hbm.rate, one key and value head */
		double strided_ratio;  /* of that, several heads side by side in the cache */
		double head_s;         /* for each head of each sequence */
		double resident_bytes; /* cache of repeated calls that L2 keeps; 0: none */
		double resident_Bps;   /* its rate from there */
	} decode_attention;
	struct {
		int64_t cores;          /* per die */
		double put_core_Bps;    /* fabric bytes one core can write, alone */
		double get_core_Bps;    /* read */
		double sharpness_ratio; /* of the saturation curve, see machine_issue_Bps() */
		double copy_core_Bps;   /* HBM bytes, read plus written, one core can move */
		double message_s; /* one core to issue one small remote message: a flag, a status */
		double scan_s;    /* one core to read one entry of a table and add it up */
		double quantise_core_Bps; /* BF16 bytes one core can quantise by rows; 0: free */
	} vector;
	struct {
		double rate_Bps; /* between the dies of a package */
		double latency_s;
	} die_link;
	struct {
		int kind; /* enum fabric_kind */
		int span; /* enum fabric_span */
		double rate_Bps;
		double put_Bps;          /* what all cores of a die together reach writing */
		double get_Bps;          /* reading */
		double node_latency_s;   /* within a node */
		double far_latency_s;    /* between nodes */
		double contention_ratio; /* put and get fall as peers^-contention, see
		                            machine_shared_ratio() */
		double trunk_Bps;        /* of a node towards the second level; 0: non-blocking */
	} fabric;
	struct {
		double rate_Bps; /* a die's share of the NIC; 0: no RDMA */
		double latency_s;
		double message_s; /* to post one message, serial per rank */
	} rdma;
	struct {
		double read_Bps; /* a die from the memory of any host; 0: not known */
	} host;
	struct {
		double vector_s;       /* all vector cores of a die (SyncAll) */
		double flag_s;         /* to set a remote flag and notice it, beyond the wire */
		double round_s;        /* one round of a domain barrier, beyond the wire */
		double kernel_s;       /* fixed cost of a dispatch, combine or copy kernel */
		double collective_s;   /* fixed cost of one library collective */
		double host_s;         /* a device-to-host read the host waits for */
		double host_barrier_s; /* a control barrier over all hosts (symmetric allocation) */
	} sync;
	struct calibration calibration;
	/* how much longer dispatch and combine of a step take than all else says: what kernels of
	   the same work differ by. Not in files; set by draws of a machine. 0: as long */
	double dispatch_excess_ratio, combine_excess_ratio;
	struct {
		double npu_hour_cost_count; /* price of one die for an hour, in any currency */
		double domain_bytes; /* a communication domain's own state in each die's HBM */
		double relay_domain_bytes; /* the same, for each half of a relay window */
	} extra;
	struct {
		double busy_W, idle_W; /* of one die with its share of host and network; 0: unknown
		                        */
	} power;
	struct {
		double rate_Bps;  /* all copy engines of a die together; 0: none reach the fabric */
		double path_Bps;  /* one of their queues; 0: as much as all */
		double latency_s; /* of one transfer, beyond the wire */
		double submit_s;  /* to describe the transfers of one exchange to them */
		double min_segment_bytes; /* smaller ones are not worth it */
	} sdma;
	struct {
		double step_s; /* what a serving step costs beyond its price: scheduler, sampler */
		double scale_ratio;   /* measured over priced, of the rest */
		double context_ratio; /* the same once more, of what cached tokens add to decode */
	} serving;
};

extern const struct field machine_fields[];

/* One line to a machine: "node:4 die:16 package:2 fabric:196GBps latency:1us hbm:1.6TBps
 * memory:64GB rdma:25GBps flops:300TFLOPS vector:48 mesh". node and die (per node) default to 1
 * and 8; rates not named are generous and latencies zero, so that laws are easy to see. */
enum rc machine_synthetic(const char *text, struct arena *a, struct machine *m, struct err *e);
bool machine_is_synthetic(const char *text); /* does it look like such a line? */

/* Whole-structure checks with messages for people: what field tables cannot say. */
enum rc machine_check(const struct machine *m, const char *where, struct err *e);

int64_t machine_dies(const struct machine *m);
int64_t machine_dies_per_node(const struct machine *m);
enum tier machine_tier(const struct machine *m, int64_t rank_a, int64_t rank_b);
double machine_latency_s(const struct machine *m, enum tier tier);
const char *tier_name(enum tier tier);

/* The farthest tier among ranks 0..n_ranks-1. */
enum tier machine_farthest(const struct machine *m, int64_t n_ranks);

/* Fabric bytes/s that n_cores vector cores of one die issue together. One core reaches core_Bps,
 * many saturate at limit_Bps:  limit / (1 + (limit / (n core))^p)^(1/p),  p = sharpness.
 * Source of the form: fits UBEP Fig. 3b (arXiv:2607.06202) within 4 % with p = 3. */
double machine_issue_Bps(double core_Bps, double limit_Bps, double sharpness_ratio,
                         int64_t n_cores);
double machine_put_Bps(const struct machine *m, int64_t n_cores, int64_t n_peers);
double machine_get_Bps(const struct machine *m, int64_t n_cores, int64_t n_peers);

/* What is left of put and get when a die exchanges with n_peers others through the fabric at once,
 * all of them alike: n_peers ^ -contention. put and get themselves are measured between two. */
double machine_shared_ratio(const struct machine *m, int64_t n_peers);

double machine_hbm_Bps(const struct machine *m);                        /* sustained */
double machine_peak_flops(const struct machine *m, enum dtype compute); /* 0: not supported */
