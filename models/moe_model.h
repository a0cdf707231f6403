/* A Mixture-of-Experts model: its shapes, and what follows from them in bytes and flop. */
#pragma once
#include <stdint.h>
#include "models/base/field.h"
#include "models/dtype.h"

enum attention_kind { ATTENTION_MLA, ATTENTION_GQA };

struct moe_model {
	const char *name;
	const char *describes;
	int64_t layers, dense_layers; /* the first dense_layers have a dense MLP */
	int64_t hidden, vocab;
	int64_t dense_inter;        /* of a dense layer's MLP */
	int64_t expert_inter;       /* of one routed expert */
	int64_t shared_inter;       /* of all shared experts together; 0: none */
	int64_t experts, top_k;     /* experts 0: a dense model */
	int64_t zero_experts;       /* further choices of the router that compute nothing */
	int64_t blocks;             /* attention blocks of a layer; above 1 each has a dense MLP,
	                               and the experts run beside what follows the first attention
	                               (shortcut-connected) */
	int64_t groups, top_groups; /* group-limited routing; groups 1: none */
	int64_t mtp_layers;         /* multi-token prediction layers, weights only */
	struct {
		int kind; /* enum attention_kind */
		int64_t heads;
		int64_t kv_heads, head_dim;                        /* GQA */
		int64_t q_lora, kv_lora, qk_nope, qk_rope, v_head; /* MLA; q_lora 0: none */
		int64_t window, window_layers;                     /* sliding window; 0: none */
		int64_t index_heads, index_dim, index_top_k;       /* sparse attention; 0: none */
	} attention;
};

extern const struct field moe_model_fields[];

/* No experts: every layer has a dense MLP, split over TP as attention is. */
bool model_is_dense(const struct moe_model *m);

enum rc moe_model_check(const struct moe_model *m, const char *where, struct err *e);

/* Layers of blocks: experts run beside dense MLPs. */
bool model_is_shortcut(const struct moe_model *m);

/* Experts that a token is sent to, on average: fewer than top_k where some compute nothing. */
double model_sent_count(const struct moe_model *m);

/* Parameters, counts of elements. */
double model_attention_params_count(const struct moe_model *m); /* one block of a layer */
double model_expert_params_count(const struct moe_model *m);    /* one routed expert, one layer */
double model_shared_params_count(const struct moe_model *m);    /* shared experts, one MoE layer */
double model_dense_params_count(const struct moe_model *m);     /* dense MLP, one layer or block */
double model_router_params_count(const struct moe_model *m);    /* gate, one MoE layer */
double model_embedding_params_count(const struct moe_model *m); /* input and output tables */
double model_params_count(const struct moe_model *m);           /* all, MTP layers included */
double model_active_params_count(const struct moe_model *m);    /* used by one token */

/* Elements that one token adds to the KV cache of one block of a layer, over all heads (MLA: the
 * compressed vector and the rope key; indexer keys included). Layers with a sliding window hold at
 * most `window` tokens: see model_kv_tokens_count(). */
double model_kv_elements_count(const struct moe_model *m);
/* Sum over layers and their blocks of the tokens that a context of that length keeps. */
double model_kv_tokens_count(const struct moe_model *m, double context_count);
/* Bytes of KV cache for one sequence of that context, all layers, before division by TP. */
double model_kv_bytes(const struct moe_model *m, double context_count, enum dtype kv);
