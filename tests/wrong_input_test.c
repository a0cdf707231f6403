/* Files that are wrong, each in one way: the message names the file, the line and what to do. */
#include "tests/command.h"
#include "tests/unit.h"

#define MODEL                                                                                      \
	"model: {name: m, layers: 2, hidden: 64, vocab: 100, expert_inter: 32, experts: 16, "      \
	"top_k: 2, attention: {kind: gqa, heads: 4, kv_heads: 2, head_dim: 16}}\n"
#define SMALL "machine: \"die:8\"\n" MODEL
#define RUN "epsim run a.yaml --ep 8 "
#define SOON "ulimit -t $SECOND; "
#define COUNTS RUN "--routing file --set routing.file=c.csv"

/* ---- what is no YAML, or YAML that is not read ---- */

static const struct wrong syntax[] = {
        {"missing file", NULL, "epsim config check nosuch.yaml", RC_CONFIG,
         "nosuch.yaml: cannot open: "},
        {"empty file", "", NULL, RC_CONFIG, "a.yaml: the file is empty"},
        {"only a remark", "# nothing\n", NULL, RC_CONFIG, "a.yaml: the file is empty"},
        {"directory", NULL, "mkdir d; epsim config check d", RC_CONFIG, "d: cannot read: "},
        {"unreadable", "{}\n",
         "chmod 0 a.yaml; [ ! -r a.yaml ] || exit 77; epsim config check a.yaml", RC_CONFIG,
         "a.yaml: cannot open: "},
        {"binary", NULL, "printf '\\177ELF\\1\\0\\0\\377' >a.yaml; epsim config check a.yaml",
         RC_CONFIG, "a.yaml:1: a NUL byte"},
        {"a program", NULL, "epsim config check \"$(command -v epsim)\"", RC_CONFIG, "/"},
        {"NUL byte in line 2", NULL,
         "printf 'schedule:\\n  ep: 8\\0\\n' >a.yaml; epsim config check a.yaml", RC_CONFIG,
         "a.yaml:2: a NUL byte"},
        {"escaped NUL", "schedule: {flow: \"a\\0b\"}\n", NULL, RC_CONFIG, "a.yaml:1: a NUL"},
        {"invalid UTF-8", "schedule:\n  flow: \xff\xfe\n", NULL, RC_CONFIG, "a.yaml:2: ... UTF-8"},
        {"Latin-1", "schedule: {flow: \"caf\xe9\"}\n", NULL, RC_CONFIG, "a.yaml:1: ... UTF-8"},
        {"UTF-16", NULL, "printf '\\377\\376s\\0' >a.yaml; epsim config check a.yaml", RC_CONFIG,
         "a.yaml:1: ... UTF-8"},
        {"tab as indentation", "schedule:\n\tep: 8\n", NULL, RC_CONFIG,
         "a.yaml:2: a tab where YAML allows none; use spaces"},
        {"unclosed map", "schedule: {ep: 8\n\n", NULL, RC_CONFIG, "a.yaml: ... line 1"},
        {"unclosed quotes", "machine: \"die:8\n", NULL, RC_CONFIG, "a.yaml: ... line 1"},
        {"wrong indentation", "schedule:\n  ep: 8\n tp: 1\n", NULL, RC_CONFIG, "a.yaml:3: "},
        {"duplicate key", "schedule:\n  ep: 8\n  ep: 16\n", NULL, RC_CONFIG,
         "a.yaml:3: key 'ep' is already given on line 2"},
        {"duplicate section", "schedule: {ep: 8}\nschedule: {tp: 2}\n", NULL, RC_CONFIG,
         "a.yaml:2: key 'schedule' is already given on line 1"},
        {"two documents", "schedule: {ep: 8}\n---\nschedule: {ep: 16}\n", NULL, RC_CONFIG,
         "a.yaml:2: a second document"},
        {"anchor", "schedule:\n  ep: &x 8\n", NULL, RC_CONFIG, "a.yaml:2: an anchor (&x)"},
        {"alias", "schedule:\n  ep: *x\n", NULL, RC_CONFIG, "a.yaml:2: an alias (*x)"},
        {"merge key", "schedule:\n  <<: {ep: 8}\n", NULL, RC_CONFIG, "a.yaml:2: a merge key"},
        {"tag", "schedule: !!map {ep: 8}\n", NULL, RC_CONFIG, "a.yaml:1: a tag"},
        {"billion laughs",
         "a: &a [lol, lol, lol, lol, lol, lol, lol, lol, lol]\n"
         "b: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a]\n"
         "c: &c [*b, *b, *b, *b, *b, *b, *b, *b, *b]\n"
         "d: &d [*c, *c, *c, *c, *c, *c, *c, *c, *c]\n",
         NULL, RC_CONFIG, "a.yaml:1: an anchor (&a)"},
        {"a key that is a list", "? [a, b]\n: 1\n", NULL, RC_CONFIG, "a.yaml:1: a key must be"},
        {"YAML 9.9", "%YAML 9.9\n---\nschedule: {ep: 8}\n", NULL, RC_CONFIG, "a.yaml:1: "},
        {"a text", "machine\n", NULL, RC_CONFIG, "a.yaml:1: sections are needed here"},
        {"a list", "- machine\n", NULL, RC_CONFIG, "a.yaml:1: sections are needed here"},
        {"nesting of 100", NULL, "printf '%100s' | tr ' ' '[' >a.yaml; epsim config check a.yaml",
         RC_CONFIG, "a.yaml:1: lists and maps are nested deeper than 32"},
        {"4 MB of brackets", NULL,
         "head -c 4000000 /dev/zero | tr '\\0' '[' >a.yaml; " SOON "epsim config check a.yaml",
         RC_CONFIG, "a.yaml:1: lists and maps are nested"},
        {"1 GB that starts with brackets", NULL,
         "head -c 5000000 /dev/zero | tr '\\0' '[' >a.yaml; truncate -s 1G a.yaml; " SOON
         "epsim config check a.yaml",
         RC_CONFIG, "a.yaml: larger than 4 MiB"},
        {"a line of 1 GB", NULL, "truncate -s 1G a.yaml; " SOON "epsim config check a.yaml",
         RC_CONFIG, "a.yaml: larger than 4 MiB"},
        {"no end", NULL, SOON "epsim config check /dev/zero", RC_CONFIG,
         "/dev/zero: larger than 4 MiB"},
        {"300,000 keys", NULL,
         "seq -f 'k%.0f: 1' 300000 >a.yaml; " SOON "epsim config check a.yaml", RC_CONFIG,
         "a.yaml:1: unknown section 'k1'"},
};

static void wrong_syntax(void)
{
	wrong_try(syntax, sizeof syntax / sizeof *syntax);
}

/* ---- sections, keys and values ---- */

static const struct wrong values[] = {
        {"unknown section", "schedule: {ep: 8}\nsceduule: {ep: 8}\n", NULL, RC_CONFIG,
         "a.yaml:2: unknown section 'sceduule'; did you mean 'schedule'?"},
        {"unknown key", "schedule:\n  epp: 8\n", NULL, RC_CONFIG,
         "a.yaml:2: unknown key 'epp'; did you mean 'ep'?"},
        {"unknown key in a group", "workload:\n  name: w\n  input: {mean: 1, p95: 3}\n", NULL,
         RC_CONFIG, "a.yaml:3: input: unknown key 'p95'; did you mean 'p"},
        {"unknown key far from any", "schedule: {parallelism: 8}\n", NULL, RC_CONFIG,
         "a.yaml:1: unknown key 'parallelism'; known here: flow, ep, tp"},
        {"unknown annotation", "schedule: {ep: {value: 8, sorce: x}}\n", NULL, RC_CONFIG,
         "a.yaml:1: ep: unknown key 'sorce'; did you mean 'source'?"},
        {"annotations alone", "schedule: {ep: {source: x}}\n", NULL, RC_CONFIG,
         "a.yaml:1: ep: 'value' is missing"},
        {"missing key", "model:\n  name: m\n", NULL, RC_CONFIG,
         "a.yaml:2: this map needs 'layers'"},
        {"missing group", "workload: {name: w, input: {mean: 1, p50: 1, p90: 1, p99: 1}}\n", NULL,
         RC_CONFIG, "a.yaml:1: this map needs 'output'"},
        {"missing unit", "sweep:\n  budget:\n    ttft: 5\n", NULL, RC_CONFIG,
         "a.yaml:3: budget.ttft: '5' needs a unit of time"},
        {"wrong dimension", "sweep: {budget: {ttft: 5GB}}\n", NULL, RC_CONFIG,
         "a.yaml:1: budget.ttft: '5GB' is a size, but a time is needed"},
        {"unknown unit", "sweep: {budget: {ttft: 5sec}}\n", NULL, RC_CONFIG,
         "a.yaml:1: budget.ttft: '5sec': 'sec' is not a unit of time ... ms"},
        {"negative", "sweep: {budget: {ttft: -5s}}\n", NULL, RC_CONFIG,
         "a.yaml:1: budget.ttft: '-5s' must not be negative"},
        {"NaN", "routing: {max_mean: .nan}\n", NULL, RC_CONFIG,
         "a.yaml:1: max_mean: '.nan' does not start with a number"},
        {"infinite", "sweep: {budget: {ttft: infs}}\n", NULL, RC_CONFIG,
         "a.yaml:1: budget.ttft: 'infs' does not start with a number"},
        {"beyond a double", "sweep: {budget: {ttft: 1e999s}}\n", NULL, RC_CONFIG,
         "a.yaml:1: budget.ttft: '1e999s' is too large"},
        {"below a double", "sweep: {budget: {ttft: 1e-999s}}\n", NULL, RC_CONFIG,
         "a.yaml:1: budget.ttft: '1e-999s' is too small"},
        {"empty value", "schedule:\n  tp: 1\n  ep:\n", NULL, RC_CONFIG,
         "a.yaml:3: ep: a value is missing"},
        {"null", "schedule: {ep: ~}\n", NULL, RC_CONFIG, "a.yaml:1: ep: a value is missing"},
        {"a count with a point", "schedule: {ep: 8.0}\n", NULL, RC_CONFIG,
         "a.yaml:1: ep: '8.0' must be a whole number"},
        {"a count in hex", "schedule: {ep: 0x10}\n", NULL, RC_CONFIG, "a.yaml:1: ep: '0x10'"},
        {"a count above 2^53", "schedule: {ep: 9007199254740993}\n", NULL, RC_CONFIG,
         "a.yaml:1: ep: '9007199254740993' is above 2^53"},
        {"out of range", "schedule: {ep: 65537}\n", NULL, RC_CONFIG,
         "a.yaml:1: ep: '65537' is out of range; it must be from 1 to 65536"},
        {"unknown choice", "schedule: {kv: bf61}\n", NULL, RC_CONFIG,
         "a.yaml:1: kv: 'bf61' is not one of bf16, int8, fp8, fp4; did you mean 'bf16'?"},
        {"no flag", "routing: {resample: perhaps}\n", NULL, RC_CONFIG,
         "a.yaml:1: resample: 'perhaps' is neither yes nor no"},
        {"a list for a number", "schedule: {ep: [8, 16]}\n", NULL, RC_CONFIG,
         "a.yaml:1: ep: a single value is needed, not a list"},
        {"a value for a section", "schedule: direct\n", NULL, RC_CONFIG,
         "a.yaml:1: a map of keys is needed, not a single value"},
        {"a kind for a routing", "routing: balanced\n", NULL, RC_CONFIG,
         "a.yaml:1: no routing is called 'balanced' (see `epsim list routings`)"},
        {"a list for a section", "machine: [a, b]\n", NULL, RC_CONFIG,
         "a.yaml:1: a map of keys is needed, not a list"},
        {"no machine", "schedule: {ep: 8}\nmachine:\n", NULL, RC_CONFIG,
         "a.yaml:2: a name of a machine is missing"},
        {"unknown machine", "schedule: {ep: 8}\nmachine: cloudmatrix38\n", NULL, RC_CONFIG,
         "a.yaml:2: no machine is called 'cloudmatrix38'; did you mean 'cloudmatrix384'?"},
        {"unknown workload", "workload: azur-conv\n", NULL, RC_CONFIG,
         "a.yaml:1: no workload is called 'azur-conv'; did you mean 'azure-conv'?"},
        {"a machine for a model", "model: cloudmatrix384\n", NULL, RC_CONFIG,
         "a.yaml:1: no model is called 'cloudmatrix384' (see `epsim list models`)"},
        {"a machine that is no file", "machine: ./nosuch.yaml\n", NULL, RC_CONFIG,
         "a.yaml:1: ./nosuch.yaml: cannot open"},
        {"a machine that is a model's file", MODEL "machine: ./a.yaml\n", NULL, RC_CONFIG,
         "a.yaml:2: ./a.yaml:2: 'machine' must be a map here"},
        {"a machine that is another file", MODEL,
         "epsim config check a.yaml --machine $TOP/configs/models/kimi-k2.yaml", RC_CONFIG,
         "/ ... /configs/models/kimi-k2.yaml: holds no section 'machine'"},
        {"a wrong machine line", "machine: \"die:8 dye:4\"\n", NULL, RC_CONFIG,
         "a.yaml:1: machine line: 'dye' is no word:value of it; did you mean 'die'?"},
        {"set is a list", "set: [schedule.ep]\n", NULL, RC_CONFIG, "a.yaml:1: 'set' takes lines"},
        {"set of no section", "set: {ep: 8}\n", NULL, RC_CONFIG,
         "a.yaml:1: set ep: section.key is needed"},
        {"set of an unknown section", "set: {schedul.ep: 8}\n", NULL, RC_CONFIG,
         "a.yaml:1: set schedul.ep: unknown section 'schedul'; did you mean 'schedule'?"},
        {"set of an unknown key", "set:\n  schedule.epp: 8\n", NULL, RC_CONFIG,
         "a.yaml:2: set schedule.epp: unknown key 'epp'; did you mean 'ep'?"},
        {"set of a group", "machine: \"die:8\"\nset: {machine.fabric: 8}\n", NULL, RC_CONFIG,
         "a.yaml:2: set machine.fabric: 'fabric' is a group"},
        {"set to a list", "set: {schedule.ep: [8]}\n", NULL, RC_CONFIG,
         "a.yaml:1: set schedule.ep: a single value is needed"},
        {"set without a machine", "set: {machine.nodes: 8}\n", NULL, RC_CONFIG,
         "a.yaml:1: set machine.nodes: no machine is chosen yet"},
};

static void wrong_values(void)
{
	wrong_try(values, sizeof values / sizeof *values);
}

/* ---- values that do not go together ---- */

#define MACHINE(kind, rest) "machine: \"die:8\"\n" MODEL "set: {machine." kind ": " rest "}\n"
#define MODEL_SET(key, value) SMALL "set: {model." key ": " value "}\n"
#define WORKLOAD(p50, p90)                                                                         \
	"workload: {name: w, input: {mean: 9, p50: " p50 ", p90: " p90 ", p99: 99}, "              \
	"output: {mean: 9, p50: 9, p90: 9, p99: 9}}\n"

static const struct wrong together[] = {
        {"top_k above experts", MODEL_SET("top_k", "17"), NULL, RC_CONFIG,
         "a.yaml:2 and a.yaml:3: set model.top_k: model.top_k 17 is above experts 16"},
        {"no experts", MODEL_SET("experts", "0"), NULL, RC_CONFIG, "a.yaml:2 ... at least 1"},
        {"groups that do not divide", MODEL_SET("groups", "3"), NULL, RC_CONFIG,
         "a.yaml:2 ... groups must divide experts"},
        {"groups too small", SMALL "set: {model.groups: 16}\n", NULL, RC_CONFIG,
         "a.yaml:2 ... top_k 2 needs more experts than 1 groups hold"},
        {"heads that do not divide", MODEL_SET("attention.kv_heads", "3"), NULL, RC_CONFIG,
         "a.yaml:2 ... heads 4 is not a multiple of kv_heads 3"},
        {"mla without its shape", MODEL_SET("attention.kind", "mla"), NULL, RC_CONFIG,
         "a.yaml:2 ... mla attention needs kv_lora"},
        {"window_layers without window", MODEL_SET("attention.window_layers", "1"), NULL, RC_CONFIG,
         "a.yaml:2 ... window_layers needs a window"},
        {"more dense layers than layers", MODEL_SET("dense_layers", "3"), NULL, RC_CONFIG,
         "a.yaml:2 ... dense_layers 3 is above layers 2"},
        {"dense layers without width", MODEL_SET("dense_layers", "1"), NULL, RC_CONFIG,
         "a.yaml:2 ... dense layers but no dense_inter"},
        {"quantiles that fall", WORKLOAD("20", "10"), NULL, RC_CONFIG,
         "a.yaml:1: workload.input: quantiles must rise"},
        {"less than a token", WORKLOAD("0.5", "10"), NULL, RC_CONFIG, "a.yaml:1: input.p50: '0.5'"},
        {"no HBM", MACHINE("hbm.capacity", "0B"), NULL, RC_CONFIG,
         "machine line ... machine.hbm.capacity must be above zero"},
        {"more HBM than all", MACHINE("hbm.usable", "101%"), NULL, RC_CONFIG,
         "a.yaml:3: set machine.hbm.usable: '101%' is out of range; it must be from 0 to 1"},
        {"a rate beyond any machine", MACHINE("vector.copy_core", "1e290GBps"), NULL, RC_CONFIG,
         "machine line ... vector.copy_core of 1e287 TBps is no machine's"},
        {"a rate next to nothing", MACHINE("hbm.rate", "1e-300Bps"), NULL, RC_CONFIG,
         "machine line ... hbm.rate of 1e-300 Bps is no machine's (1 Bps to 1000000 TBps)"},
        {"a latency of years", MACHINE("cube.launch", "1e300s"), NULL, RC_CONFIG,
         "machine line ... cube.launch of 1e300 s is no machine's"},
        {"an efficiency next to nothing", MACHINE("gemm.peak", "1e-300"), NULL, RC_CONFIG,
         "machine line ... gemm.peak of 1e-300 is no machine's"},
        {"a mesh of two dies a package", "machine: \"die:8 package:2 mesh\"\n", NULL, RC_CONFIG,
         "a.yaml:1: machine line: a mesh fabric joins single dies"},
        {"a mesh over nodes", MACHINE("fabric.kind", "mesh"), NULL, RC_CONFIG,
         "machine line ... set fabric.span to node"},
        {"nodes without a link", "machine: \"node:2 mesh\"\n", NULL, RC_CONFIG,
         "a.yaml:1: machine line: the fabric spans one node, so 2 nodes need rdma.rate"},
        {"rows in fp4", "schedule: {dispatch: fp4}\n", NULL, RC_CONFIG,
         "a.yaml:1: schedule.dispatch: rows go as bf16, int8 or fp8"},
        {"skewed without a wish", "routing: {kind: skewed}\n", NULL, RC_CONFIG,
         "a.yaml:1: skewed routing needs one of routing.max_mean, routing.cv and "
         "routing.rank_max_mean"},
        {"skewed with both wishes", "routing: {kind: skewed, max_mean: 2, cv: 1}\n", NULL,
         RC_CONFIG, "a.yaml:1: skewed routing needs one of"},
        {"a wish without skew", "routing: {kind: uniform, cv: 1}\n", NULL, RC_CONFIG,
         "a.yaml:1: ... go with kind: skewed, not uniform"},
        {"max_mean below 1", "routing: {kind: skewed, max_mean: 0.5}\n", NULL, RC_CONFIG,
         "a.yaml:1: routing.max_mean 0.5 is below 1"},
        {"a file without kind", "routing: {file: c.csv}\n", NULL, RC_CONFIG,
         "a.yaml:1: routing.file and kind: file go together"},
        {"unknown flow", "sweep: {flow: [direct, dirct]}\n", NULL, RC_CONFIG,
         "no flow is called 'dirct'; did you mean 'direct'?"},
        {"unknown engine", "sweep: {engine: fluidd}\n", NULL, RC_CONFIG,
         "no engine is called 'fluidd'; did you mean 'fluid'?"},
        {"range that falls", "sweep: {ep: {from: 64, to: 8, factor: 2}}\n", NULL, RC_CONFIG,
         "a.yaml:1: ep: a range must not go down"},
        {"range without step", "sweep: {ep: {from: 8, to: 64}}\n", NULL, RC_CONFIG,
         "a.yaml:1: ep: a range needs either 'factor' or 'step'"},
        {"range that stands still", "sweep: {ep: {from: 8, to: 64, factor: 1}}\n", NULL, RC_CONFIG,
         "a.yaml:1: ep.factor: '1' is too small; it must be at least 2"},
        {"range of a million", "sweep: {chunk: {from: 1, to: 1000000, step: 1}}\n", NULL, RC_CONFIG,
         "a.yaml:1: chunk: a range of more than 10000 items"},
        {"a hole in a list", "sweep: {ep: [8, , 16]}\n", NULL, RC_CONFIG, "a.yaml:1: "},
        {"no number in a list", "sweep: {ep: [8, x]}\n", NULL, RC_CONFIG, "a.yaml:1: ep: 'x'"},
        {"1e9 schedules",
         "sweep:\n  batch: {from: 1, to: 10000, step: 1}\n  chunk: {from: 1, to: 10000, step: 1}\n"
         "  ep: {from: 1, to: 10, step: 1}\n",
         NULL, RC_CONFIG, "a.yaml:2: the sweep has 3e+09 points"},
};

static void wrong_together(void)
{
	wrong_try(together, sizeof together / sizeof *together);
}

/* ---- data: counts of experts, traces ---- */

#define CSV(rows) "printf 'model,domain,layer,expert,count\\n" rows "' >c.csv; "
#define TRACE(text) "printf '" text "' >t; " RUN "--trace t"

static const struct wrong data[] = {
        {"no counts file", SMALL, COUNTS, RC_DATA, "c.csv: cannot be opened: "},
        {"counts in a directory", SMALL, "mkdir c.csv; " COUNTS, RC_DATA, "c.csv: cannot be read"},
        {"counts of another header", SMALL, "echo a,b >c.csv; " COUNTS, RC_DATA,
         "c.csv:1: the header has no column 'model'"},
        {"counts without rows", SMALL, CSV("") COUNTS, RC_DATA, "c.csv: no row has model"},
        {"counts with a bad number", SMALL, CSV("m,d,0,0,5\\nm,d,0,1,x\\n") COUNTS, RC_DATA,
         "c.csv:3: 'x' is no whole number"},
        {"counts with nan", SMALL, CSV("m,d,0,0,nan\\n") COUNTS, RC_DATA, "c.csv:2: 'nan'"},
        {"counts below zero", SMALL, CSV("m,d,0,0,-1\\n") COUNTS, RC_DATA, "c.csv:2: '-1'"},
        {"counts cut off", SMALL, CSV("m,d,0,0,5\\nm,d,0\\n") COUNTS, RC_DATA, "c.csv:3: 3 cells"},
        {"an expert twice", SMALL, CSV("m,d,0,0,5\\nm,d,0,0,5\\n") COUNTS, RC_DATA,
         "c.csv:3: expert 0 stands twice"},
        {"an expert missing", SMALL, CSV("m,d,0,0,5\\nm,d,0,2,5\\n") COUNTS, RC_DATA,
         "c.csv: expert 1 of 3 has no row"},
        {"expert 65536", SMALL, CSV("m,d,0,65536,5\\n") COUNTS, RC_DATA, "c.csv:2: '65536'"},
        {"counts of other experts", SMALL, CSV("m,d,0,0,5\\nm,d,0,1,5\\n") COUNTS, RC_CONFIG,
         "c.csv: counts of 2 experts, but model m has 16 ... set routing.resample to yes"},
        {"counts of zero", SMALL, CSV("m,d,0,0,0\\n") COUNTS " --set routing.resample=yes", RC_DATA,
         "c.csv: all counts are zero"},
        {"counts of one expert", SMALL,
         CSV("m,d,0,0,99\\nm,d,0,1,0\\n") COUNTS " --set model.experts=2 --ep 2", RC_DATA,
         "c.csv: one expert has 1 of all rows"},
        {"counts of two models", SMALL, CSV("m,d,0,0,5\\nn,d,0,0,5\\n") COUNTS, RC_CONFIG,
         "c.csv:3: the file holds models 'm' and 'n': choose by routing.model"},
        {"counts of another layer", SMALL, CSV("m,d,0,0,5\\n") COUNTS " --set routing.layer=7",
         RC_DATA, "c.csv: no row has model '', domain '', layer 7"},
        {"counts of 1 GB", SMALL, "truncate -s 1G c.csv; " SOON COUNTS, RC_DATA, "c.csv:1: "},
        {"counts in a long line", SMALL, "head -c 9000 /dev/zero | tr '\\0' , >c.csv; " COUNTS,
         RC_DATA, "c.csv:1: the line is longer"},
        {"no trace", SMALL, RUN "--trace nosuch", RC_DATA, "nosuch: cannot be opened: "},
        {"a trace that is a directory", SMALL, "mkdir t; " RUN "--trace t", RC_DATA,
         "t: cannot be read: "},
        {"an empty trace", SMALL, ": >t; " RUN "--trace t", RC_DATA, "t: the file is empty"},
        {"another header", SMALL, TRACE("a,b\\n1,2\\n"), RC_DATA,
         "t:1: no request trace known here ... ContextTokens and GeneratedTokens"},
        {"half a header", SMALL, TRACE("ContextTokens,b\\n1,2\\n"), RC_DATA,
         "t:1: 'ContextTokens' is there, but 'GeneratedTokens' is missing"},
        {"a header alone", SMALL, TRACE("ContextTokens,GeneratedTokens\\n"), RC_DATA,
         "t: a header, but no request"},
        {"a bad line", SMALL, TRACE("ContextTokens,GeneratedTokens\\n1,2\\n3,x\\n"), RC_DATA,
         "t:3: 'GeneratedTokens' is 'x'"},
        {"a short line", SMALL, TRACE("ContextTokens,GeneratedTokens\\n1,2\\n3\\n"), RC_DATA,
         "t:3: 'GeneratedTokens' is column 2, but the row has 1"},
        {"a negative length", SMALL, TRACE("ContextTokens,GeneratedTokens\\n1,-2\\n"), RC_DATA,
         "t:2: 'GeneratedTokens' is '-2'"},
        {"no tokens at all", SMALL, TRACE("ContextTokens,GeneratedTokens\\n0,0\\n"), RC_DATA,
         "t: mean and median of the prompts must be 1 token at least"},
        {"more tokens than can be", SMALL, TRACE("ContextTokens,GeneratedTokens\\n8e1,2\\n"),
         RC_DATA, "t:2: 'ContextTokens' is '8e1'"},
        {"a prompt of 10^15", SMALL, TRACE("ContextTokens,GeneratedTokens\\n1000000000000000,2\\n"),
         RC_DATA, "t: prompts of more than 1000000000 tokens"},
        {"broken JSON", SMALL,
         TRACE("{\"input_length\": 3, \"output_length\": 4}\\n{\"input_length\": 3\\n"), RC_DATA,
         "t:2: no JSON object: "},
        {"JSON without a key", SMALL,
         TRACE("{\"input_length\": 3, \"output_length\": 4}\\n{\"input_length\": 3}\\n"), RC_DATA,
         "t:2: the request has no 'output_length'"},
        {"JSON text for a length", SMALL,
         TRACE("{\"input_length\": \"3\", \"output_length\": 4}\\n"), RC_DATA,
         "t:1: 'input_length' is a string"},
        {"a trace of 1 GB in a line", SMALL, "truncate -s 1G t; " SOON RUN "--trace t", RC_DATA,
         "t:1: the line is longer than 16 MiB"},
        {"a trace without end", SMALL, SOON RUN "--trace /dev/zero", RC_DATA,
         "/dev/zero:1: the line is longer than 16 MiB"},
        {"1 MB of JSON brackets", SMALL,
         "(printf '{\"input_length\": 1, \"output_length\": '; head -c 1000000 /dev/zero | "
         "tr '\\0' '[') >t; " SOON RUN "--trace t",
         RC_DATA, "t:1: 'output_length' is an array"},
};

static void wrong_data(void)
{
	wrong_try(data, sizeof data / sizeof *data);
}

static const struct unit_test tests[] = {
        {"syntax", wrong_syntax},
        {"keys and values", wrong_values},
        {"values that do not go together", wrong_together},
        {"data", wrong_data},
        {NULL, NULL},
};

int main(void)
{
	return unit_main("wrong_input", tests);
}
