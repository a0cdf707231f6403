/* The parameters that follow from each shipped model's shapes are those its authors publish. They
 * differ in what they count: the MTP layer, and one, both or neither of the vocabulary tables. */
#include "models/config.h"
#include "tests/unit.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

enum tables { NO_TABLE, OUTPUT_TABLE, BOTH_TABLES };

struct published {
	const char *model;
	double total_count;
	enum tables total_tables;
	bool mtp; /* in the total */
	double active_count;
	enum tables active_tables;
	const char *source;
};

static const struct published published[] = {
        {"deepseek-v3.1", 671e9, BOTH_TABLES, false, 37e9, OUTPUT_TABLE, "arXiv:2412.19437"},
        {"deepseek-v3.2", 671e9, BOTH_TABLES, false, 37e9, OUTPUT_TABLE, "as V3, arXiv:2412.19437"},
        {"glm-4.5", 355e9, NO_TABLE, true, 32e9, NO_TABLE, "arXiv:2508.06471, Table 1"},
        {"glm-5", 744e9, BOTH_TABLES, false, 40e9, OUTPUT_TABLE, "model card of zai-org/GLM-5"},
        {"gpt-oss-120b", 116.8e9, BOTH_TABLES, false, 5.13e9, OUTPUT_TABLE, "arXiv:2508.10925"},
        {"kimi-k2", 1.04e12, BOTH_TABLES, false, 32.6e9, BOTH_TABLES, "arXiv:2507.20534"},
        {"llama-3.1-8b", 8.03e9, BOTH_TABLES, false, 8.03e9, BOTH_TABLES,
         "safetensors index of meta-llama/Llama-3.1-8B"},
        {"longcat-flash", 560e9, BOTH_TABLES, false, 27e9, OUTPUT_TABLE,
         "model card of meituan-longcat/LongCat-Flash-Chat"},
        {"olmoe-1b-7b", 6.92e9, BOTH_TABLES, false, 1.28e9, BOTH_TABLES,
         "arXiv:2409.02060, Table 1"},
        {"qwen3-235b-a22b", 235e9, BOTH_TABLES, false, 22e9, BOTH_TABLES, "arXiv:2505.09388"},
        {"qwen3-30b-a3b", 30.5e9, BOTH_TABLES, false, 3.3e9, BOTH_TABLES,
         "model card of Qwen/Qwen3-30B-A3B"},
        {"qwen3-32b", 32.8e9, BOTH_TABLES, false, 32.8e9, BOTH_TABLES,
         "model card of Qwen/Qwen3-32B"},
};
enum { PUBLISHED = sizeof published / sizeof *published };

static const double tolerance_ratio = 0.03;

/* What the tables left out by the authors weigh. */
static double left_out_count(const struct moe_model *m, enum tables counted)
{
	return model_embedding_params_count(m) * (double)(BOTH_TABLES - (int)counted) / BOTH_TABLES;
}

static void check(const char *what, const struct published *p, double got_count, double want_count)
{
	bool ok = fabs(got_count / want_count - 1) <= tolerance_ratio;

	if (!ok)
		fprintf(stderr, "%s: %s parameters: got %.4g, but %s says %.4g\n", p->model, what,
		        got_count, p->source, want_count);
	CU_ASSERT_TRUE(ok);
}

static void model_is_as_published(const struct published *p)
{
	struct config *c = config_new();
	struct err e = {0};
	enum rc rc = config_section(c, SECTION_MODEL, p->model, &e);
	struct moe_model m = c->model;

	UNIT_TEXT(e.text, "");
	CU_ASSERT_EQUAL_FATAL(rc, RC_OK);
	check("active", p, model_active_params_count(&m) - left_out_count(&m, p->active_tables),
	      p->active_count);
	if (!p->mtp)
		m.mtp_layers = 0;
	check("all", p, model_params_count(&m) - left_out_count(&m, p->total_tables),
	      p->total_count);
	config_free(c);
}

static void models_are_as_published(void)
{
	for (size_t i = 0; i < PUBLISHED; i++)
		model_is_as_published(&published[i]);
}

/* DeepSeek-V3, by hand (arXiv:2412.19437, section 4.2): 61 layers, 3 of them dense. */
static void known_answer_of_deepseek_v3(void)
{
	struct config *c = config_new();
	struct err e;

	CU_ASSERT_EQUAL_FATAL(config_section(c, SECTION_MODEL, "deepseek-v3.1", &e), RC_OK);
	CU_ASSERT_EQUAL(model_expert_params_count(&c->model), 3 * 7168 * 2048);
	CU_ASSERT_EQUAL(model_dense_params_count(&c->model), 3 * 7168 * 18432);
	CU_ASSERT_EQUAL(model_attention_params_count(&c->model),
	                7168 * 1536 + 1536 * 128 * 192 + 7168 * 576 + 512 * 128 * 256 +
	                        128 * 128 * 7168);
	CU_ASSERT_EQUAL(model_kv_elements_count(&c->model), 576);
	config_free(c);
}

/* A published size stands above for every model in configs/. */
static void no_model_is_left_out(void)
{
	struct arena *a = arena_new();
	const char **names = config_names(SECTION_MODEL, a);
	size_t n = 0;

	for (; names[n]; n++) {
		const char *known[PUBLISHED + 1] = {NULL};
		struct err e = {0};
		bool found = false;

		for (size_t i = 0; i < PUBLISHED; i++) {
			known[i] = published[i].model;
			found |= strcmp(known[i], names[n]) == 0;
		}
		if (!found)
			fail(&e, RC_NO, "%s has no published size in the table", names[n]);
		UNIT_TEXT(e.text, "");
	}
	CU_ASSERT_EQUAL(n, PUBLISHED);
	arena_free(a);
}

static const struct unit_test tests[] = {
        {"models are as published", models_are_as_published},
        {"known answer of DeepSeek-V3", known_answer_of_deepseek_v3},
        {"no model is left out", no_model_is_left_out},
        {NULL, NULL},
};

int main(void)
{
	return unit_main("configs_params", tests);
}
