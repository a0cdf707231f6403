#include "models/moe_model.h"
#include <math.h>

#define AT(member) offsetof(struct moe_model, member)
#define COUNT_TO(most_, key_, member, fallback_, doc_)                                             \
	{                                                                                          \
		FIELD_ROW(key_, FIELD_INTEGER, DIM_COUNT, AT(member), fallback_, doc_),            \
		        .least = 0, .most = most_                                                  \
	}
#define COUNT(key_, member, fallback_, doc_) COUNT_TO(1 << 30, key_, member, fallback_, doc_)

static const char *const attention_names[] = {"mla", "gqa", NULL};

static const struct field attention_fields[] = {
        {FIELD_ROW("kind", FIELD_CHOICE, DIM_COUNT, AT(attention.kind), NULL,
                   "mla: compressed KV; gqa: grouped heads"),
         .names = attention_names},
        COUNT("heads", attention.heads, NULL, "query heads"),
        COUNT("kv_heads", attention.kv_heads, "0", "key and value heads (gqa)"),
        COUNT("head_dim", attention.head_dim, "0", "of a head (gqa)"),
        COUNT("q_lora", attention.q_lora, "0", "rank of the query projection (mla); 0: full"),
        COUNT("kv_lora", attention.kv_lora, "0", "compressed KV elements of a token (mla)"),
        COUNT("qk_nope", attention.qk_nope, "0", "head elements without position (mla)"),
        COUNT("qk_rope", attention.qk_rope, "0", "head elements with rotary position (mla)"),
        COUNT("v_head", attention.v_head, "0", "value elements of a head (mla)"),
        COUNT("window", attention.window, "0", "tokens a sliding-window layer sees; 0: all"),
        COUNT("window_layers", attention.window_layers, "0", "layers with the window"),
        COUNT("index_heads", attention.index_heads, "0", "heads of the sparse indexer"),
        COUNT("index_dim", attention.index_dim, "0", "head elements of the indexer"),
        COUNT("index_top_k", attention.index_top_k, "0", "tokens it keeps; 0: dense attention"),
        {0},
};

const struct field moe_model_fields[] = {
        {FIELD_ROW("name", FIELD_TEXT, DIM_COUNT, AT(name), NULL,
                   "short name, as commands use it")},
        {FIELD_ROW("describes", FIELD_TEXT, DIM_COUNT, AT(describes), "", "what it is, in a line")},
        COUNT("layers", layers, NULL, "all layers, dense and MoE"),
        COUNT("dense_layers", dense_layers, "0", "of those, the first with a dense MLP"),
        COUNT("hidden", hidden, NULL, "elements of a token's row"),
        COUNT("vocab", vocab, NULL, "entries of the vocabulary"),
        COUNT("dense_inter", dense_inter, "0", "inner elements of a dense layer's MLP"),
        COUNT("expert_inter", expert_inter, "0", "inner elements of a routed expert"),
        COUNT("shared_inter", shared_inter, "0", "of all shared experts together; 0: none"),
        COUNT_TO(1 << 16, "experts", experts, "0",
                 "routed experts of a layer; 0: all layers are dense"),
        COUNT("top_k", top_k, "0", "experts that a token is sent to"),
        COUNT_TO(1 << 16, "zero_experts", zero_experts, "0",
                 "further choices of the router that hand a token back as it is"),
        {FIELD_ROW("blocks", FIELD_INTEGER, DIM_COUNT, AT(blocks), "1",
                   "attention blocks of a layer; above 1 each has a dense MLP, beside which the "
                   "experts run"),
         .least = 1, .most = 8},
        COUNT("groups", groups, "1", "expert groups of group-limited routing; 1: none"),
        COUNT("top_groups", top_groups, "1", "groups a token may choose experts from"),
        COUNT("mtp_layers", mtp_layers, "0", "multi-token prediction layers"),
        {"attention", FIELD_GROUP, .group = attention_fields, .doc = "shape of attention"},
        {0},
};

static enum rc attention_check(const struct moe_model *m, const char *where, struct err *e)
{
	if (m->attention.heads < 1)
		return fail(e, RC_CONFIG, "%s: model.attention.heads must be at least 1", where);
	if (m->attention.kind == ATTENTION_GQA &&
	    (m->attention.kv_heads < 1 || m->attention.head_dim < 1))
		return fail(e, RC_CONFIG, "%s: gqa attention needs kv_heads and head_dim", where);
	if (m->attention.kind == ATTENTION_GQA && m->attention.heads % m->attention.kv_heads != 0)
		return fail(e, RC_CONFIG,
		            "%s: attention.heads %lld is not a multiple of kv_heads %lld", where,
		            (long long)m->attention.heads, (long long)m->attention.kv_heads);
	if (m->attention.kind == ATTENTION_MLA &&
	    (m->attention.kv_lora < 1 || m->attention.v_head < 1 || m->attention.qk_nope < 1))
		return fail(e, RC_CONFIG,
		            "%s: mla attention needs kv_lora, qk_nope, qk_rope, v_head", where);
	if (m->attention.window_layers > 0 && m->attention.window < 1)
		return fail(e, RC_CONFIG, "%s: attention.window_layers needs a window", where);
	if (m->attention.window_layers > m->layers)
		return fail(e, RC_CONFIG, "%s: attention.window_layers %lld is above layers %lld",
		            where, (long long)m->attention.window_layers, (long long)m->layers);
	return RC_OK;
}

bool model_is_dense(const struct moe_model *m)
{
	return m->experts == 0;
}

/* Models made by tests may say nothing. */
static double blocks_count(const struct moe_model *m)
{
	return m->blocks > 1 ? (double)m->blocks : 1;
}

bool model_is_shortcut(const struct moe_model *m)
{
	return m->blocks > 1;
}

/* A token's top_k choices fall on all experts alike, those that compute nothing included. */
double model_sent_count(const struct moe_model *m)
{
	double experts = (double)m->experts, all = experts + (double)m->zero_experts;

	return m->zero_experts > 0 ? (double)m->top_k * experts / all : (double)m->top_k;
}

/* Without experts all layers are dense, and nothing is said of experts. */
static enum rc dense_check(const struct moe_model *m, const char *where, struct err *e)
{
	if (m->layers < 1 || m->hidden < 1 || m->dense_inter < 1)
		return fail(
		        e, RC_CONFIG,
		        "%s: model needs layers, hidden and, without experts, dense_inter of at "
		        "least 1",
		        where);
	if (m->dense_layers != m->layers || m->top_k > 0 || m->expert_inter > 0 ||
	    m->shared_inter > 0 || m->mtp_layers > 0 || m->zero_experts > 0 || m->blocks > 1)
		return fail(
		        e, RC_CONFIG,
		        "%s: a model without experts needs dense_layers = layers, and no top_k, "
		        "expert_inter, shared_inter, mtp_layers, zero_experts or blocks",
		        where);
	return attention_check(m, where, e);
}

/* Layers whose experts run beside dense MLPs. */
static enum rc blocks_check(const struct moe_model *m, const char *where, struct err *e)
{
	if (m->blocks > 1 && m->dense_inter < 1)
		return fail(e, RC_CONFIG, "%s: model.blocks %lld: each needs a dense_inter", where,
		            (long long)m->blocks);
	if (m->blocks > 1 && m->dense_layers > 0)
		return fail(e, RC_CONFIG, "%s: model.dense_layers do not go with blocks", where);
	if (m->zero_experts > 0 && m->groups > 1)
		return fail(e, RC_CONFIG, "%s: model.zero_experts do not go with groups", where);
	return RC_OK;
}

enum rc moe_model_check(const struct moe_model *m, const char *where, struct err *e)
{
	if (model_is_dense(m))
		return dense_check(m, where, e);
	if (m->layers < 1 || m->hidden < 1 || m->top_k < 1 || m->expert_inter < 1)
		return fail(e, RC_CONFIG,
		            "%s: model needs layers, hidden, experts, top_k and expert_inter of at "
		            "least 1",
		            where);
	if (m->dense_layers > m->layers)
		return fail(e, RC_CONFIG, "%s: model.dense_layers %lld is above layers %lld", where,
		            (long long)m->dense_layers, (long long)m->layers);
	if (m->dense_layers > 0 && m->dense_inter < 1)
		return fail(e, RC_CONFIG, "%s: model has dense layers but no dense_inter", where);
	if (m->top_k > m->experts)
		return fail(e, RC_CONFIG, "%s: model.top_k %lld is above experts %lld", where,
		            (long long)m->top_k, (long long)m->experts);
	if (m->groups < 1 || m->experts % m->groups != 0 || m->top_groups < 1 ||
	    m->top_groups > m->groups)
		return fail(
		        e, RC_CONFIG,
		        "%s: %lld experts in %lld groups of which a token uses %lld: groups must "
		        "divide experts, top_groups lie within 1 and groups",
		        where, (long long)m->experts, (long long)m->groups,
		        (long long)m->top_groups);
	if (m->top_k > m->experts / m->groups * m->top_groups)
		return fail(e, RC_CONFIG, "%s: top_k %lld needs more experts than %lld groups hold",
		            where, (long long)m->top_k, (long long)m->top_groups);
	TRY(blocks_check(m, where, e));
	return attention_check(m, where, e);
}

static double index_params_count(const struct moe_model *m)
{
	double per_head = (double)m->attention.index_dim;

	if (m->attention.index_top_k == 0)
		return 0;
	/* query heads from the query's compressed vector, one key head and head weights from the
	   hidden row */
	return (double)m->attention.q_lora * (double)m->attention.index_heads * per_head +
	       (double)m->hidden * (per_head + (double)m->attention.index_heads);
}

double model_attention_params_count(const struct moe_model *m)
{
	double hidden = (double)m->hidden, heads = (double)m->attention.heads;

	if (m->attention.kind == ATTENTION_GQA)
		return hidden * (double)m->attention.head_dim *
		       (2 * heads + 2 * (double)m->attention.kv_heads);
	double qk = (double)(m->attention.qk_nope + m->attention.qk_rope);
	double q_lora = (double)m->attention.q_lora, kv_lora = (double)m->attention.kv_lora;
	double query = q_lora > 0 ? hidden * q_lora + q_lora * heads * qk : hidden * heads * qk;
	double key_value = hidden * (kv_lora + (double)m->attention.qk_rope) +
	                   kv_lora * heads * (double)(m->attention.qk_nope + m->attention.v_head);
	double output = heads * (double)m->attention.v_head * hidden;

	return query + key_value + output + index_params_count(m);
}

/* gate, up and down projections */
static double mlp_params_count(const struct moe_model *m, int64_t inter)
{
	return 3 * (double)m->hidden * (double)inter;
}

double model_expert_params_count(const struct moe_model *m)
{
	return mlp_params_count(m, m->expert_inter);
}

double model_shared_params_count(const struct moe_model *m)
{
	return mlp_params_count(m, m->shared_inter);
}

double model_dense_params_count(const struct moe_model *m)
{
	return mlp_params_count(m, m->dense_inter);
}

double model_router_params_count(const struct moe_model *m)
{
	return (double)m->hidden * (double)(m->experts + m->zero_experts);
}

double model_embedding_params_count(const struct moe_model *m)
{
	return 2 * (double)m->hidden * (double)m->vocab;
}

static double moe_layer_params_count(const struct moe_model *m, double n_experts)
{
	double dense = model_is_shortcut(m) ? model_dense_params_count(m) : 0;

	return blocks_count(m) * (model_attention_params_count(m) + dense) +
	       n_experts * model_expert_params_count(m) + model_shared_params_count(m) +
	       model_router_params_count(m);
}

static double all_params_count(const struct moe_model *m, double n_experts, double mtp_layers)
{
	double dense = (double)m->dense_layers, moe = (double)(m->layers - m->dense_layers);

	return dense * (model_attention_params_count(m) + model_dense_params_count(m)) +
	       (moe + mtp_layers) * moe_layer_params_count(m, n_experts) +
	       model_embedding_params_count(m);
}

double model_params_count(const struct moe_model *m)
{
	return all_params_count(m, (double)m->experts, (double)m->mtp_layers);
}

double model_active_params_count(const struct moe_model *m)
{
	return all_params_count(m, model_sent_count(m), 0);
}

double model_kv_elements_count(const struct moe_model *m)
{
	if (m->attention.kind == ATTENTION_GQA)
		return 2 * (double)m->attention.kv_heads * (double)m->attention.head_dim;
	double index = m->attention.index_top_k > 0 ? (double)m->attention.index_dim : 0;

	return (double)(m->attention.kv_lora + m->attention.qk_rope) + index;
}

double model_kv_tokens_count(const struct moe_model *m, double context_count)
{
	double windowed = (double)m->attention.window_layers;
	double window = (double)m->attention.window;

	if (!(windowed > 0))
		return blocks_count(m) * (double)m->layers * context_count;
	return blocks_count(m) * (((double)m->layers - windowed) * context_count +
	                          windowed * fmin(window, context_count));
}

double model_kv_bytes(const struct moe_model *m, double context_count, enum dtype kv)
{
	return model_kv_tokens_count(m, context_count) * model_kv_elements_count(m) *
	       dtype_bytes(kv);
}
