/* One-line machines: "node:4 die:16 fabric:196GBps latency:1us". */
#include <stdlib.h>
#include <string.h>
#include "models/machine.h"

/* One word of the line and the fields it sets. */
struct word {
	const char *name;
	const char *paths[4];
};

static const struct word words[] = {
        {"node", {"nodes"}},
        {"die", {"packages_per_node"}}, /* divided by dies_per_package below */
        {"package", {"dies_per_package"}},
        {"fabric", {"fabric.rate", "fabric.put", "fabric.get"}},
        {"put", {"fabric.put"}},
        {"get", {"fabric.get"}},
        {"latency", {"fabric.node_latency", "fabric.far_latency"}},
        {"far", {"fabric.far_latency"}},
        {"trunk", {"fabric.trunk"}},
        {"die_link", {"die_link.rate"}},
        {"hbm", {"hbm.rate"}},
        {"memory", {"hbm.capacity"}},
        {"rdma", {"rdma.rate"}},
        {"rdma_latency", {"rdma.latency"}},
        {"flops", {"cube.bf16", "cube.int8", "cube.fp8"}},
        {"vector", {"vector.cores"}},
        {"kernel", {"sync.kernel"}},
        {"sdma", {"sdma.rate"}},
};
enum { WORDS = sizeof words / sizeof *words };

static const char base_text[] =
        "name: synthetic\n"
        "nodes: 1\n"
        "packages_per_node: 8\n"
        "hbm: {capacity: 1TB, rate: 1TBps}\n"
        "cube: {bf16: 1PFLOPS, int8: 1POPS, fp8: 1PFLOPS}\n"
        "vector: {cores: 1, put_core: 1000TBps, get_core: 1000TBps, copy_core: 1000TBps}\n"
        "fabric: {rate: 100GBps, put: 100GBps, get: 100GBps}\n"
        "sdma: {rate: 100GBps}\n";

bool machine_is_synthetic(const char *text)
{
	const char *colon = strchr(text, ':');

	return colon && !strchr(text, '/') && !strstr(text, ".yaml");
}

static enum rc word_apply(char *word, struct arena *a, struct machine *m, struct err *e)
{
	const char *names[WORDS + 2] = {0};
	char slip[128], *value = strchr(word, ':');

	if (strcmp(word, "mesh") == 0) {
		m->fabric.kind = FABRIC_MESH, m->fabric.span = SPAN_NODE;
		return RC_OK;
	}
	if (value)
		*value++ = '\0';
	if (strcmp(word, "mesh") == 0)
		return fail(e, RC_CONFIG, "machine line: 'mesh' takes no value");
	for (size_t i = 0; i < WORDS; i++) {
		names[i] = words[i].name;
		if (strcmp(words[i].name, word) != 0 || !value)
			continue;
		for (size_t p = 0; p < 4 && words[i].paths[p]; p++)
			TRY(fields_set(machine_fields, m, words[i].paths[p], value,
			               arena_print(a, "machine line, word '%s'", word), a, NULL,
			               e));
		return RC_OK;
	}
	names[WORDS] = "mesh";
	return fail(e, RC_CONFIG, "machine line: '%s' is no word:value of it%s", word,
	            hint(slip, sizeof slip, word, names));
}

static enum rc finish(struct machine *m, bool rdma, struct err *e)
{
	if (m->packages_per_node % m->dies_per_package != 0)
		return fail(e, RC_CONFIG,
		            "machine line: die:%lld is not a multiple of package:%lld",
		            (long long)m->packages_per_node, (long long)m->dies_per_package);
	m->packages_per_node /= m->dies_per_package;
	if (rdma)
		m->fabric.span = SPAN_NODE;
	return machine_check(m, "machine line", e);
}

enum rc machine_synthetic(const char *text, struct arena *a, struct machine *m, struct err *e)
{
	struct yaml_node *root;
	char *line = arena_string(a, text), *rest = line, *word;

	TRY(yaml_parse("machine line", base_text, sizeof base_text - 1, a, &root, e));
	TRY(fields_read(machine_fields, m, root, a, NULL, e));
	while ((word = strtok_r(rest, " \t", &rest)))
		TRY(word_apply(word, a, m, e));
	m->describes = arena_string(a, text);
	return finish(m, m->rdma.rate_Bps > 0, e);
}
