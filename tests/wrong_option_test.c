/* Command lines that are wrong, and questions whose answer is no. */
#include "tests/command.h"
#include "tests/unit.h"

#define SMALL                                                                                      \
	"machine: \"die:8\"\n"                                                                     \
	"model: {name: m, layers: 2, hidden: 64, vocab: 100, expert_inter: 32, experts: 16, "      \
	"top_k: 2, attention: {kind: gqa, heads: 4, kv_heads: 2, head_dim: 16}}\n"
#define SWEEP                                                                                      \
	SMALL                                                                                      \
	"workload: {name: w, input: {mean: 99, p50: 99, p90: 99, p99: 99}, "                       \
	"output: {mean: 9, p50: 9, p90: 9, p99: 9}}\n"                                             \
	"sweep: {flow: direct, ep: [4, 8], chunk: 64}\n"
#define RUN "epsim run a.yaml --ep 8 "

/* ---- words and options ---- */

static const struct wrong options[] = {
        {"nothing", NULL, "epsim", RC_CONFIG, "a verb is missing (see `epsim --help`)"},
        {"an empty verb", NULL, "epsim ''", RC_CONFIG, "there is no verb ''"},
        {"unknown verb", NULL, "epsim swep", RC_CONFIG,
         "there is no verb 'swep'; did you mean 'sweep'?"},
        {"unknown option", NULL, "epsim run --batchs 3", RC_CONFIG,
         "run: unknown option '--batchs'; did you mean '--batch'? (see `epsim run --help`)"},
        {"unknown option with a value", NULL, "epsim run --enginee=fluid", RC_CONFIG,
         "run: unknown option '--enginee'; did you mean '--engine'?"},
        {"an option of another verb", NULL, "epsim list --jobs 3", RC_CONFIG,
         "list: unknown option '--jobs'"},
        {"an option of 5000 letters", NULL, "epsim run --$(printf '%05000d' 1)", RC_CONFIG,
         "run: unknown option '--0000"},
        {"no value at the end", NULL, "epsim run --ep", RC_CONFIG, "run: --ep needs a value: N"},
        {"no value before an option", NULL, "epsim run --ep --tp 2", RC_CONFIG,
         "run: --ep needs a value: N"},
        {"an empty value", NULL, "epsim run --ep=", RC_CONFIG, "--ep: '' does not start"},
        {"a flag with a value", NULL, "epsim run --json=yes", RC_CONFIG,
         "run: --json takes no value"},
        {"a short option", NULL, "epsim run -e 8", RC_CONFIG,
         "run: options are spelled out, as in --help: '-e'"},
        {"600 options", NULL, "epsim run $(seq -f '--ep %.0f' 300)", RC_CONFIG,
         "run: more than 512 arguments"},
        {"two files", SMALL, "epsim run a.yaml b.yaml", RC_CONFIG,
         "run: one file at a time, not 'b.yaml'"},
        {"a file without a name", NULL, "epsim run ''", RC_CONFIG,
         "run: the name of the file is empty"},
        {"a line feed in a name", NULL, "epsim run \"$(printf 'a\\nb')\"", RC_CONFIG,
         "a?b: cannot open: "},
        {"escapes in a name", NULL, "epsim run --flow \"$(printf '\\033[31m')\"", RC_CONFIG,
         "no machine is given"},
        {"a word after list", NULL, "epsim list flows engines", RC_CONFIG,
         "list: one kind at a time, not 'engines'"},
        {"list of an unknown kind", NULL, "epsim list machine", RC_CONFIG,
         "list: there is no kind 'machine'; did you mean 'machines'?"},
        {"config alone", NULL, "epsim config", RC_CONFIG, "config: check, dump or fields"},
        {"config of an unknown action", NULL, "epsim config chek", RC_CONFIG,
         "config: check, dump or fields is needed, not 'chek'; did you mean 'check'?"},
        {"config check of nothing", NULL, "epsim config check", RC_CONFIG,
         "config check: a FILE is needed"},
        {"config check of two files", SMALL, "epsim config check a.yaml b", RC_CONFIG,
         "config: one file at a time, not 'b'"},
        {"config dump as JSON", SMALL, "epsim config dump a.yaml --json", RC_CONFIG,
         "config dump: --json and --sources go with check"},
        {"fields of an unknown section", NULL, "epsim config fields schedul", RC_CONFIG,
         "config fields: there is no section 'schedul'; did you mean 'schedule'?"},
        {"unknown benchmark", NULL, "epsim bench nosuch", RC_CONFIG,
         "bench: there is no benchmark 'nosuch'"},
        {"full disk", NULL, "epsim list >/dev/full", RC_INTERNAL,
         "standard output cannot be written"},
        {"full disk for JSON", NULL, "epsim list --json >/dev/full", RC_INTERNAL,
         "standard output cannot be written"},
        {"closed output", NULL, "epsim list >&-", RC_INTERNAL, "standard output cannot be written"},
        {"closed output beside files", SWEEP,
         "epsim sweep a.yaml --out o >&-; s=$?; grep -q schedules o/summary.txt && exit $s",
         RC_INTERNAL, "standard output cannot be written"},
};

static void wrong_options(void)
{
	wrong_try(options, sizeof options / sizeof *options);
}

/* ---- values of options ---- */

static const struct wrong values[] = {
        {"no machine", NULL, "epsim run", RC_CONFIG,
         "no machine is given: name one with --machine"},
        {"no model", NULL, "epsim run --machine die:8", RC_CONFIG, "no model is given"},
        {"unknown machine", NULL, "epsim run --machine atlas-a3", RC_CONFIG,
         "no machine is called 'atlas-a3'; did you mean 'atlas-a2'? (see `epsim list machines`)"},
        {"an empty machine", NULL, "epsim run --machine ''", RC_CONFIG,
         "a name of a machine is missing"},
        {"a machine that is no file", NULL, "epsim run --machine ./nosuch.yaml", RC_CONFIG,
         "./nosuch.yaml: cannot open: "},
        {"a machine that is a directory", NULL, "mkdir d; epsim run --machine ./d", RC_CONFIG,
         "./d: cannot read: "},
        {"a machine that is a model", SMALL, "epsim run --machine $TOP/configs/models/kimi-k2.yaml",
         RC_CONFIG, "/ ... configs/models/kimi-k2.yaml: holds no section 'machine'"},
        {"a machine that is a line elsewhere", SMALL, "epsim run --machine ./a.yaml", RC_CONFIG,
         "./a.yaml:1: 'machine' must be a map here, not another name"},
        {"a word of no machine line", NULL, "epsim run --machine 'die:8 fabrik:3GBps'", RC_CONFIG,
         "machine line: 'fabrik' is no word:value of it; did you mean 'fabric'?"},
        {"a machine line without unit", NULL, "epsim run --machine 'die:8 fabric:3'", RC_CONFIG,
         "machine line, word 'fabric': '3' needs a unit of rate"},
        {"a machine line without value", NULL, "epsim run --machine 'die: mesh'", RC_CONFIG,
         "machine line, word 'die': ''"},
        {"a mesh with a value", NULL, "epsim run --machine 'die:8 mesh:3'", RC_CONFIG,
         "machine line: 'mesh' takes no value"},
        {"packages that do not divide", NULL, "epsim run --machine 'die:8 package:3'", RC_CONFIG,
         "machine line: die:8 is not a multiple of package:3"},
        {"unknown model", NULL, "epsim run --machine die:8 --model deepseek-v31", RC_CONFIG,
         "no model is called 'deepseek-v31'; did you mean 'deepseek-v3.1'?"},
        {"unknown workload", SMALL, RUN "--workload sharegtp", RC_CONFIG,
         "no workload is called 'sharegtp'; did you mean 'sharegpt'?"},
        {"unknown flow", SMALL, RUN "--flow relay4", RC_CONFIG,
         "no flow is called 'relay4'; did you mean 'relay3'? (see `epsim list flows`)"},
        {"unknown flow of rows that name none", SMALL, "epsim validate a.csv --as-flow one-side",
         RC_CONFIG,
         "no flow is called 'one-side'; did you mean 'one-sided'? (see `epsim list flows`)"},
        {"the same to calibrate", SMALL, "epsim calibrate a.csv --as-flow ''", RC_CONFIG,
         "no flow is called ''"},
        {"no flow after as-flow", SMALL, "epsim validate a.csv --as-flow", RC_CONFIG,
         "validate: --as-flow needs a value: NAME"},
        {"the same to report", SWEEP, "epsim report a.yaml --observed a.csv --as-flow direkt",
         RC_CONFIG, "no flow is called 'direkt'; did you mean 'direct'?"},
        {"a flow of no rows", SWEEP, "epsim report a.yaml --as-flow direct", RC_CONFIG,
         "--as-flow: it is of the rows of --observed"},
        {"unknown engine", SMALL, RUN "--engine fluidd", RC_CONFIG,
         "no engine is called 'fluidd'; did you mean 'fluid'?"},
        {"unknown phase", SMALL, RUN "--phase both", RC_CONFIG,
         "--phase: 'both' is not one of prefill, decode"},
        {"unknown scope", SMALL, RUN "--scope lyer", RC_CONFIG,
         "--scope: 'lyer' is not one of step, layer, exchange; did you mean 'layer'?"},
        {"explain of a step", SMALL, "epsim explain a.yaml --ep 8 --scope step", RC_CONFIG,
         "explain: --scope layer or exchange, not step"},
        {"unknown routing", SMALL, RUN "--routing skew", RC_CONFIG,
         "--routing: 'skew' is not one of balanced, uniform, skewed, grouped, file; did you mean"},
        {"skewed without a wish", SMALL, RUN "--routing skewed", RC_CONFIG,
         "--routing: skewed routing needs one of routing.max_mean, routing.cv and "
         "routing.rank_max_mean"},
        {"max_mean that cannot be", SMALL, RUN "--routing skewed --set routing.max_mean=9",
         RC_CONFIG, "routing.max_mean 9 cannot be: ... no expert gets more than 8 times the mean"},
        {"cv that cannot be", SMALL, RUN "--routing skewed --set routing.cv=100", RC_CONFIG,
         "routing.cv 100 cannot be"},
        {"routing of a file without it", SMALL, RUN "--routing file", RC_CONFIG,
         "--routing: routing.file and kind: file go together"},
        {"a seed below zero", SMALL, RUN "--seed -1", RC_CONFIG, "--seed: '-1' must not be"},
        {"a seed with a point", SMALL, RUN "--seed 1.5", RC_CONFIG,
         "--seed: '1.5' must be a whole"},
        {"batch 0", SMALL, RUN "--batch 0", RC_CONFIG,
         "--batch: '0' is out of range; it must be from 1 to 1048576"},
        {"three micro-batches", SMALL, RUN "--micro-batches 3", RC_CONFIG,
         "--micro-batches: '3' is out of range; it must be from 1 to 2"},
        {"rows in fp4", SMALL, RUN "--dispatch fp4", RC_CONFIG,
         "--dispatch: schedule.dispatch: rows go as bf16, int8 or fp8"},
        {"a context below zero", SMALL, RUN "--context -1", RC_CONFIG, "--context: '-1' must not"},
        {"a tolerance of all", SMALL, RUN "--tolerance 1", RC_CONFIG,
         "--tolerance: 1 is not below"},
        {"a timeline nowhere", SMALL, RUN "--timeline nosuch/t.json", RC_CONFIG,
         "--timeline nosuch/t.json: cannot be written: "},
        {"a timeline that does not fit", SMALL, RUN "--timeline /dev/full", RC_CONFIG,
         "--timeline /dev/full: cannot be written: "},
        {"set without =", SMALL, RUN "--set foo", RC_CONFIG,
         "--set foo: section.key=value is needed, such as machine.fabric.rate=150GBps"},
        {"set without a dot", SMALL, RUN "--set foo=3", RC_CONFIG,
         "--set foo: section.key is needed, such as machine.fabric.rate"},
        {"set of an unknown section", SMALL, RUN "--set mchine.nodes=3", RC_CONFIG,
         "--set mchine.nodes: unknown section 'mchine'; did you mean 'machine'?"},
        {"set of an unknown key", SMALL, RUN "--set machine.fabrik.rate=3GBps", RC_CONFIG,
         "--set machine.fabrik.rate: unknown key 'fabrik'; did you mean 'fabric'?"},
        {"set of a group", SMALL, RUN "--set machine.fabric=3", RC_CONFIG,
         "--set machine.fabric: 'fabric' is a group; set one of its keys, such as fabric.kind"},
        {"set below a value", SMALL, RUN "--set machine.nodes.x=3", RC_CONFIG,
         "--set machine.nodes.x: 'nodes' has no keys of its own"},
        {"set without unit", SMALL, RUN "--set machine.fabric.rate=3", RC_CONFIG,
         "--set machine.fabric.rate: '3' needs a unit of rate, such as GBps"},
        {"set with another unit", SMALL, RUN "--set machine.fabric.rate=3ns", RC_CONFIG,
         "--set machine.fabric.rate: '3ns' is a time, but a rate is needed"},
        {"set to nothing", SMALL, RUN "--set machine.nodes=", RC_CONFIG, "--set machine.nodes: ''"},
        {"set before a machine", NULL, "epsim run --set machine.nodes=2", RC_CONFIG,
         "--set machine.nodes: no machine is chosen yet"},
        {"set of what does not go together", SMALL, RUN "--set model.top_k=99", RC_CONFIG,
         "a.yaml:2 and --set model.top_k: model.top_k 99 is above experts 16"},
        {"set of bytes that are no text", SMALL, RUN "--set \"machine.name=$(printf '\\377')\"",
         RC_CONFIG, "--set machine.name: ... UTF-8"},
};

static void wrong_values(void)
{
	wrong_try(values, sizeof values / sizeof *values);
}

/* ---- the answer is no ---- */

static const struct wrong answers[] = {
        {"EP that does not divide the experts", SMALL, "epsim run a.yaml --ep 3", RC_NO,
         "this schedule cannot run: EP does not divide the number of experts"},
        {"EP larger than the machine", SMALL, "epsim run a.yaml --ep 16", RC_NO,
         "this schedule cannot run: more NPUs than the machine has"},
        {"TP that does not divide EP", SMALL, RUN "--tp 3", RC_NO,
         "this schedule cannot run: TP does not divide EP"},
        {"TP above EP", SMALL, "epsim run a.yaml --ep 1 --tp 2 --dp 1", RC_NO,
         "this schedule cannot run: TP does not divide EP"},
        {"TP that does not divide the heads", SMALL, RUN "--tp 8", RC_NO,
         "this schedule cannot run: TP does not divide the attention heads"},
        {"TP that does not divide a node", SMALL,
         "epsim run a.yaml --machine 'node:4 die:2' --ep 8 --tp 4", RC_NO,
         "this schedule cannot run: TP does not divide a node"},
        {"EP that does not divide TP x DP", SMALL, RUN "--dp 4", RC_NO,
         "this schedule cannot run: EP does not divide TP x DP"},
        {"fewer tokens than parts", SMALL, RUN "--batch 1 --micro-batches 2", RC_NO,
         "this schedule cannot run: fewer tokens than micro-batches x TP"},
        {"more vector cores than a die has", SMALL, RUN "--vector-cores 2", RC_NO,
         "this schedule cannot run: more vector cores than a die has"},
        {"direct over RDMA", SMALL, RUN "--machine 'node:2 die:4 rdma:25GBps' --flow direct", RC_NO,
         "this schedule cannot run: direct placement needs one address space"},
        {"direct on Atlas A2 at EP 16", NULL,
         "epsim run --machine atlas-a2 --model qwen3-235b-a22b --flow direct --ep 16", RC_NO,
         "this schedule cannot run: direct placement needs one address space"},
        {"weights that the machine does not compute in", SMALL, RUN "--weights fp4", RC_NO,
         "this schedule cannot run: the machine does not compute in fp4"},
        {"fp8 on Ascend 910C", NULL,
         "epsim run --machine cloudmatrix384 --model deepseek-v3.1 --weights fp8", RC_NO,
         "this schedule cannot run: the machine does not compute in fp8"},
        {"a model too big", SMALL, RUN "--set machine.hbm.capacity=1MB >out", RC_NO,
         "it does not fit: a rank needs 0. ... GB of 0.0 GB"},
        {"a context too long", SMALL, RUN "--context 9007199254740992 >out", RC_NO,
         "it does not fit: a rank needs "},
        {"more random rows than time", SMALL,
         RUN "--phase prefill --chunk 16777216 --routing uniform --set model.top_k=16", RC_NO,
         "this schedule cannot run: more random rows than can be drawn"},
        {"more transfers than memory", SMALL,
         "epsim run a.yaml --machine 'node:512 die:16' --set model.experts=8192 --ep 8192 "
         "--batch 8192 --routing uniform",
         RC_NO, "this schedule cannot run: more transfers between ranks than memory may hold"},
        {"a machine without sources", NULL,
         "epsim config check --sources --machine die:8 >out; s=$?; grep -q hbm.rate out; exit $s",
         RC_NO, "15 numbers without a source"},
};

static void no_is_an_answer(void)
{
	wrong_try(answers, sizeof answers / sizeof *answers);
}

/* ---- sweeps ---- */

static const struct wrong sweeps[] = {
        {"no file", NULL, "epsim sweep", RC_CONFIG, "sweep: one FILE is needed"},
        {"no workload", SMALL, "epsim sweep a.yaml", RC_CONFIG, "no workload is given"},
        {"no threads", SWEEP, "epsim sweep a.yaml --jobs 0", RC_CONFIG, "--jobs: 0 is below 1"},
        {"rows in words", SWEEP, "epsim sweep a.yaml --rows x", RC_CONFIG, "--rows: 'x'"},
        {"two forms", SWEEP, "epsim sweep a.yaml --json --csv", RC_CONFIG,
         "sweep: --json and --csv exclude each other"},
        {"unknown engine", SWEEP, "epsim sweep a.yaml --engine simgird", RC_CONFIG,
         "no engine is called 'simgird'; did you mean 'simgrid'?"},
        {"a knob that the sweep lists", SWEEP, "epsim sweep a.yaml --ep 8", RC_CONFIG,
         "--ep: the sweep has its own values; write --set sweep.ep=8"},
        {"no number in a set list", SWEEP, "epsim sweep a.yaml --set sweep.ep=8,x", RC_CONFIG,
         "--set sweep.ep: 'x' does not start with a number"},
        {"--out at a file", SWEEP, "epsim sweep a.yaml --out a.yaml", RC_CONFIG,
         "--out a.yaml: it is not a folder"},
        {"--out below a file", SWEEP, "epsim sweep a.yaml --out a.yaml/b", RC_CONFIG,
         "--out a.yaml/b: "},
        {"--out where none can be made", SWEEP, "epsim sweep a.yaml --out /proc/x/y", RC_CONFIG,
         "--out /proc/x/y: /proc/x: "},
        {"--out without a name", SWEEP, "epsim sweep a.yaml --out ''", RC_CONFIG,
         "--out: '' is no usable path"},
        {"--out not writable", SWEEP,
         "mkdir d; chmod 500 d; [ ! -w d ] || exit 77; epsim sweep a.yaml --out d", RC_CONFIG,
         "--out d: "},
        {"a table that cannot be written", SWEEP,
         "mkdir -p d/points.csv; epsim sweep a.yaml --out d >out", RC_CONFIG,
         "d/points.csv: cannot be written: "},
        {"too short a budget", SWEEP, "epsim sweep a.yaml --set sweep.budget.tpot=1ns >out", RC_NO,
         "no schedule meets the budgets (tpot 2)"},
        {"no schedule that can run", SWEEP, "epsim sweep a.yaml --set sweep.ep=3,5 >out", RC_NO,
         "no schedule meets the budgets (shape 2)"},
        {"a prompt of 10^9 in chunks of 1", SWEEP,
         "epsim sweep a.yaml --set workload.input.p99=1e9 --set workload.prompt=p99 "
         "--set sweep.chunk=1 --csv >out; s=$?; grep -q 'more than 16384 chunks' out && exit $s",
         RC_NO, "no schedule meets the budgets (shape 2)"},
        {"more schedules than memory", SWEEP,
         "epsim sweep a.yaml --set sweep.batch=$(seq -s, 2500) --set sweep.chunk=$(seq -s, 2500)",
         RC_CONFIG, "a.yaml:4: the sweep has 1.25e+07 points"},
};

static void wrong_sweeps(void)
{
	wrong_try(sweeps, sizeof sweeps / sizeof *sweeps);
}

static const struct unit_test tests[] = {
        {"words and options", wrong_options},
        {"values of options", wrong_values},
        {"the answer is no", no_is_an_answer},
        {"sweeps", wrong_sweeps},
        {NULL, NULL},
};

int main(void)
{
	return unit_main("wrong_option", tests);
}
