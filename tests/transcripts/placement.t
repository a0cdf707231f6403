# Where experts lie. Four experts with 40, 30, 20 and 10 % of the rows on two ranks: in order, the
# first rank has 70 %, 1.4 times the mean. EPLB pairs the first with the last: 50 %.
$ echo 'model: {name: tiny, layers: 2, hidden: 1024, vocab: 1024, expert_inter: 1024, experts: 4, top_k: 1, attention: {kind: gqa, heads: 8, kv_heads: 8, head_dim: 128}}' >$TMP/tiny.yaml
$ printf '%s\n' 'model,domain,layer,expert,count' tiny,code,0,{0,40} tiny,code,0,{1,30} tiny,code,0,{2,20} tiny,code,0,{3,10} tiny,chat,0,{0,40} tiny,chat,0,{1,10} tiny,chat,0,{2,30} tiny,chat,0,{3,20} | tr -d '{}' >$TMP/counts.csv
$ printf '%s\n' 'machine: "die:2 fabric:100GBps latency:1us"' 'schedule: {ep: 2, chunk: 20000}' "routing: {kind: file, file: $TMP/counts.csv, domain: code}" >$TMP/run.yaml; cat $TMP/tiny.yaml >>$TMP/run.yaml
$ epsim run $TMP/run.yaml --phase prefill | sed -n 4p
> hottest expert 1.60 times the mean, busiest rank 1.41 times
$ epsim run $TMP/run.yaml --phase prefill --placement eplb | sed -n 4p
> hottest expert 1.60 times the mean, busiest rank 1.01 times; placement eplb, 0 replicas

# By the counts of another text, which has the first expert with the second, it gains nothing.
$ epsim run $TMP/run.yaml --phase prefill --placement eplb --set routing.statistics.domain=chat | sed -n 4p
> hottest expert 1.60 times the mean, busiest rank 1.41 times; placement eplb, 0 replicas

# Two replicas: the first expert and the second, 20 and 15 % a slot. By the other text's counts the
# first and the third are copied.
$ epsim run $TMP/run.yaml --phase prefill --placement eplb --replicas 2 | sed -n 4p
> hottest expert 1.60 times the mean, busiest rank 1.01 times; placement eplb, 2 replicas
$ epsim run $TMP/run.yaml --phase prefill --placement eplb --replicas 2 --set routing.statistics.domain=chat | sed -n 4p
> hottest expert 1.60 times the mean, busiest rank 1.41 times; placement eplb, 2 replicas

# What it takes: 1 more expert of 3 x 1024 x 1024 in INT8 in 2 layers for a rank.
$ for r in 0 2; do epsim run $TMP/run.yaml --phase prefill --replicas $r --json | grep weights_bytes; done
>     "weights_bytes": 23085056,
>     "weights_bytes": 29376512,

# Replicas fill groups that the experts alone do not.
$ epsim run $TMP/run.yaml --machine 'die:3 fabric:100GBps' --ep 3
> epsim: this schedule cannot run: EP does not divide the number of experts
? 1
$ epsim run $TMP/run.yaml --machine 'die:3 fabric:100GBps' --ep 3 --replicas 2 --placement eplb | sed -n 4p
> hottest expert 1.50 times the mean, busiest rank 1.06 times; placement eplb, 2 replicas

# What EPLB leaves by loads of another text, as a routing of its own.
$ epsim list routings
> routings
> name        describes
> eplb-fresh  EPLB by loads of the same text: the busiest rank has 1.01 times the mean
> eplb-stale  EPLB by loads of other text: the busiest rank has 1.35 times the mean
$ epsim run --machine cloudmatrix384 --model deepseek-v3.1 --ep 32 --phase prefill --routing eplb-stale --replicas 32 | sed -n 4p
> hottest expert 1.37 times the mean, busiest rank 1.35 times; placement contiguous, 32 replicas
$ epsim list placements
> placements
> name         describes
> contiguous   experts in order, replicas of the first ones behind them
> round-robin  the same slots, dealt to ranks one at a time
> random       the same slots, shuffled by routing.seed
> eplb         by load: groups to nodes, hot experts replicated, ranks filled evenly (EPLB)
> eplb-global  the same without regard to groups and nodes

# A single expert at each rank of 320, 32 of them the shared one.
$ epsim run --machine cloudmatrix384 --model deepseek-v3.1 --ep 320 --placement eplb --replicas 32 --shared-slots 32 | sed -n 2p
> EP 320, TP 1, 320 NPUs; 64 new tokens an attention group, context 4096
$ epsim run --machine cloudmatrix384 --model deepseek-v3.1 --ep 320 --placement eplb --replicas 48 --shared-slots 16 | sed -n 2p
> EP 320, TP 1, 320 NPUs; 64 new tokens an attention group, context 4096
$ epsim run --machine cloudmatrix384 --model qwen3-235b-a22b --ep 160 --replicas 16 --shared-slots 16
> epsim: this schedule cannot run: the model has no shared experts that fit an expert's slot
? 1

# Rows to replicas come out right.
$ epsim check direct relay3 --phase decode --placement eplb --replicas 64 --ep 8 --tokens 3
> direct, decode: safe. 5 cases, 56936 accesses all in order; 20 runs on real rows, all right
> relay3, decode: safe. 5 cases, 72008 accesses all in order; 20 runs on real rows, all right

# Which placement and how many replicas for four ranks, and which for six?
$ printf '%s\n' 'machine: "die:6 fabric:100GBps latency:1us"' 'workload: {name: short, input: {mean: 100, p50: 80, p90: 200, p99: 400}, output: {mean: 50, p50: 40, p90: 100, p99: 200}}' 'schedule: {batch: 512, chunk: 512}' 'sweep: {name: skew, flow: direct, ep: [4, 6], placement: [contiguous, eplb], replicas: [0, 2, 4, 8], constraints: [placement == eplb or replicas == 0]}' >$TMP/sweep.yaml; sed -n 3p $TMP/run.yaml >>$TMP/sweep.yaml; cat $TMP/tiny.yaml >>$TMP/sweep.yaml
$ epsim sweep $TMP/sweep.yaml --csv | awk -F, 'NR > 1 { printf "EP %s %s %s: %s%s\n", $2, $12, $13, $17, $20 == "" ? "" : sprintf(" %.0f us", $20 * 1e6) }'
> EP 4 contiguous 0: "" 635 us
> EP 4 eplb 0: "" 635 us
> EP 4 eplb 2: "EP does not divide the slots of experts and replicas"
> EP 4 eplb 4: "" 625 us
> EP 4 eplb 8: "" 630 us
> EP 6 contiguous 0: "EP does not divide the number of experts"
> EP 6 eplb 0: "EP does not divide the slots of experts and replicas"
> EP 6 eplb 2: "" 629 us
> EP 6 eplb 4: "EP does not divide the slots of experts and replicas"
> EP 6 eplb 8: "" 631 us

# Mistakes are named.
$ epsim run $TMP/run.yaml --placement elpb
> epsim: --placement: 'elpb' is not one of contiguous, round-robin, random, eplb, eplb-global; did you mean 'eplb'?
? 2
$ epsim run $TMP/run.yaml --placement eplb --set routing.statistics.domain=prose
> epsim: $TMP/counts.csv: no row has model '', domain 'prose', layer 0 (top-k view)
? 3
$ epsim run $TMP/run.yaml --routing uniform --set routing.file= --set routing.statistics.domain=chat
> epsim: $TMP/run.yaml:3 and --set routing.statistics.domain: routing.statistics go with kind: file; other kinds have none that could be stale
? 2
