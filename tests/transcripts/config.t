# Checks, and what they tell.
$ epsim config check configs/sweeps/deepseek-v3.1-cm384.yaml
> configs/sweeps/deepseek-v3.1-cm384.yaml: good: machine model workload routing sweep (17280 schedules)
$ epsim config check configs/sweeps/qwen3-235b-a2.yaml --json
> {
>   "machine": true,
>   "model": true,
>   "workload": true,
>   "routing": true,
>   "schedule": false,
>   "sweep": true,
>   "serving": false,
>   "plan": false,
>   "schedules": 480
> }
$ epsim config check --machine die:8 --set machine.fabric.rate=150GBps
> options: good: machine
$ epsim config check configs/sweeps/qwen3-235b-a2.yaml --set sweep.ep=8
> configs/sweeps/qwen3-235b-a2.yaml: good: machine model workload routing sweep (120 schedules)

# Every number of the shipped machines, models and workloads says where it is from.
$ for f in configs/machines/*.yaml configs/models/*.yaml configs/workloads/*.yaml; do epsim config check --sources $f; done | sed 's/.*: good: //' | sort | uniq -c | sed 's/^ *[0-9]* //'
> machine, every number with its source
> model, every number with its source
> workload, every number with its source
$ epsim config check --sources --machine cloudmatrix384 --set machine.fabric.rate=150GBps
> machine.fabric.rate
> epsim: 1 number without a source
? 1
$ epsim config check --sources --machine cloudmatrix384 --set machine.fabric.rate=150GBps --json
> {
>   "machine": true,
>   "model": false,
>   "workload": false,
>   "routing": false,
>   "schedule": false,
>   "sweep": false,
>   "serving": false,
>   "plan": false,
>   "unsourced": [
>     "machine.fabric.rate"
>   ]
> }
> epsim: 1 number without a source
? 1

# A configuration in full, with units, sources and defaults.
$ epsim config dump --machine 'node:2 die:4 package:2 die_link:100GBps fabric:196GBps latency:1us rdma:200Gbps'
> machine:
>   name: "synthetic"
>   describes: "node:2 die:4 package:2 die_link:100GBps fabric:196GBps latency:1us rdma:200Gbps"
>   nodes: 2
>   packages_per_node: 2
>   dies_per_package: 2
>   hbm:
>     capacity: 1TB
>     usable: 1
>     rate: 1TBps
>     efficiency: 1
>     compute_streams: 1
>   cube:
>     bf16: 1PFLOPS
>     int8: 1PFLOPS
>     fp8: 1PFLOPS
>     fp4: 0GFLOPS
>     launch: 0s
>     cores: 1
>     tile_rows: 0
>     tile_columns: 0
>     granule: 1
>   gemm:
>     launch: 0s
>     peak: 1
>     memory: 1
>     exposed: 0
>     load_core: 0Bps
>     quantise: 0Bps
>     dequantise: 0Bps
>     epilogue_core: 0Bps
>     resident: 0B
>   quantised_gemm:
>     launch: 0s
>     peak: 1
>     memory: 1
>     exposed: 0
>     load_core: 0Bps
>     quantise: 0Bps
>     dequantise: 0Bps
>     epilogue_core: 0Bps
>     resident: 0B
>   grouped:
>     launch: 0s
>     peak: 1
>     memory: 1
>     exposed: 0
>   quantised_grouped:
>     launch: 0s
>     peak: 1
>     memory: 1
>     exposed: 0
>   prefill_attention:
>     launch: 0s
>     peak: 1
>     ramp: 0
>   decode_attention:
>     launch: 0s
>     peak: 1
>     memory: 1
>     strided: 1
>     head: 0s
>     resident: 0B
>     resident_rate: 0Bps
>   vector:
>     cores: 1
>     put_core: 1000TBps
>     get_core: 1000TBps
>     sharpness: 3
>     copy_core: 1000TBps
>     message: 0s
>     scan: 0s
>     quantise_core: 0Bps
>   die_link:
>     rate: 100GBps
>     latency: 0s
>   fabric:
>     kind: switch
>     span: node
>     rate: 196GBps
>     put: 196GBps
>     get: 196GBps
>     contention: 0
>     node_latency: 1us
>     far_latency: 1us
>     trunk: 0Bps
>   rdma:
>     rate: 25GBps
>     latency: 0s
>     message: 0s
>   host:
>     read: 0Bps
>   sync:
>     vector: 0s
>     flag: 0s
>     round: 0s
>     kernel: 0s
>     collective: 0s
>     host: 0s
>     host_barrier: 0s
>   calibration:
>     kernel_sd: 0
>     residual_sd: 0
>     rows: 0
>     flows: []
>     ep: []
>     tokens: []
>     hidden: []
>     data: ""
>     command: ""
>     kernels: []
>     kernel_ratios: []
>     kernel_sds: []
>     parameters: []
>     correlations: []
>   extra:
>     npu_hour: 0
>     domain: 0B
>     relay_domain: 0B
>   power:
>     busy: 0W
>     idle: 0W
>   sdma:
>     rate: 100GBps
>     path: 0Bps
>     latency: 0s
>     submit: 0s
>     min_segment: 0B
>   serving:
>     step: 0s
>     scale: 1
>     context: 1
> routing:
>   describes: ""
>   kind: balanced
>   max_mean: 0
>   cv: 0
>   rank_max_mean: 0
>   file: ""
>   model: ""
>   domain: ""
>   layer: 0
>   resample: no
>   seed: 0
>   statistics:
>     file: ""
>     model: ""
>     domain: ""
> schedule:
>   flow: "direct"
>   ep: 64
>   tp: 1
>   dp: 0
>   pp: 1
>   batch: 64
>   chunk: 4096
>   micro_batches: 1
>   streams: 1
>   attention_cores: 0
>   mtp: 0
>   vector_cores: 0
>   kernel: ""
>   dispatch: int8
>   weights: int8
>   kv: bf16
>   completion: auto
>   addresses: auto
>   window: auto
>   quantise: auto
>   dedup: auto
>   local: auto
>   round_tokens: 0
>   pipeline: 0
>   placement: contiguous
>   replicas: 0
>   shared_slots: 0
>   replica_choice: even
> sweep:
>   name: "sweep"
>   flow: ["relay3", "relay2", "direct"]
>   ep: []
>   tp: []
>   dp: []
>   pp: []
>   batch: []
>   chunk: []
>   micro_batches: []
>   mtp: []
>   streams: []
>   attention_cores: []
>   vector_cores: []
>   kernel: []
>   dispatch: []
>   weights: []
>   kv: []
>   completion: []
>   addresses: []
>   window: []
>   quantise: []
>   dedup: []
>   local: []
>   round_tokens: []
>   pipeline: []
>   placement: []
>   replicas: []
>   shared_slots: []
>   replica_choice: []
>   prefill:
>     flow: []
>     ep: []
>     tp: []
>     dp: []
>     pp: []
>     chunk: []
>     micro_batches: []
>     streams: []
>     attention_cores: []
>     vector_cores: []
>     kernel: []
>     dispatch: []
>     weights: []
>     completion: []
>     addresses: []
>     window: []
>     quantise: []
>     dedup: []
>     local: []
>     round_tokens: []
>     pipeline: []
>     placement: []
>     replicas: []
>     shared_slots: []
>     replica_choice: []
>     instances: []
>   decode:
>     flow: []
>     ep: []
>     tp: []
>     dp: []
>     pp: []
>     batch: []
>     micro_batches: []
>     mtp: []
>     streams: []
>     attention_cores: []
>     vector_cores: []
>     kernel: []
>     dispatch: []
>     weights: []
>     completion: []
>     addresses: []
>     window: []
>     quantise: []
>     dedup: []
>     local: []
>     round_tokens: []
>     pipeline: []
>     placement: []
>     replicas: []
>     shared_slots: []
>     replica_choice: []
>     instances: []
>   machines: []
>   models: []
>   workloads: []
>   constraints: []
>   router: []
>   batching: []
>   budget:
>     ttft: 0s
>     tpot: 0s
>     npus: 0
>     memory: 0B
>     ttft_p50: 0s
>     ttft_p90: 0s
>     ttft_p95: 0s
>     ttft_p99: 0s
>     tpot_p50: 0s
>     tpot_p90: 0s
>     tpot_p95: 0s
>     tpot_p99: 0s
>   objective: throughput
>   engine: "fluid"
> serving:
>   batching: "vllm-v1"
>   router: "least-loaded"
>   preemption: "youngest"
>   max_seqs: 128
>   max_tokens: 2048
>   kv_block: 16
>   kv_tokens: 0
>   watermark: 0.01
>   reserve_prompt: yes
>   step_error: 0
>   schedule_ahead: no
>   prefix_cache: yes
>   prefix_tokens: 0
>   instances: 1
>   decode_instances: 0
>   decode_ep: 0
>   decode_tp: 0
>   decode_flow: ""
>   transfer: fabric
>   mtp:
>     accept: 0.7
>   route:
>     balance: 1.5
>     balance_requests: 32
>   failure:
>     at: []
>     groups: [1]
>     pool: [prefill]
>     instance: [0]
>     detect: 1s
>     drain: 0s
>     patch: 0s
>     warm: 0s
>     rejoin: 0s
>     spares: 0
>     slots: 0
>     host_backup: no
>     host_rate: 0Bps
>     restart: 0s
>     load_rate: 0Bps
$ epsim config dump configs/machines/cloudmatrix384.yaml | grep -c source:
> 86

# What is dumped reads back: the dump of a dump is the dump.
$ for f in configs/*/*.yaml; do epsim config dump $f >$TMP/a.yaml && epsim config dump $TMP/a.yaml >$TMP/b.yaml && cmp $TMP/a.yaml $TMP/b.yaml || echo $f; done
> epsim: configs/shapes/published.yaml:4: unknown section 'shapes' (sections: machine, model, workload, routing, schedule, sweep, serving, plan, set)
> configs/shapes/published.yaml

# An empty list takes the schedule's one value.
$ echo 'sweep: {flow: [direct, relay2], ep: []}' >$TMP/c.yaml; epsim config check $TMP/c.yaml
> $TMP/c.yaml: good: sweep (2 schedules)

# The keys of a section.
$ epsim config fields schedule
> key                       unit                                            default     meaning
> schedule.flow             text                                            direct      dispatch and combine: see `epsim list flows`
> schedule.ep               count                                           64          ranks that share one copy of the experts
> schedule.tp               count                                           1           ranks that share an attention group
> schedule.dp               count                                           0           attention groups; 0: EP / TP
> schedule.pp               count                                           1           stages that the layers are split over, each of TP x DP ranks
> schedule.batch            count                                           64          decode: requests of an attention group
> schedule.chunk            count                                           4096        prefill: tokens of an attention group in one step
> schedule.micro_batches    count                                           1           2: communication of one under compute of the other
> schedule.streams          count                                           1           2: attention of one micro-batch computes beside experts of the other
> schedule.attention_cores  count                                           0           streams 2: cube cores of a die for attention, the rest for experts; 0: shared
> schedule.mtp              count                                           0           decode: tokens guessed for each sequence and step; serving.mtp.accept
> schedule.vector_cores     count                                           0           of a die, used by dispatch and combine; 0: all
> schedule.kernel           text                                            ""          dispatch and combine as the machine's calibration.kernels names them, without phase and op
> schedule.dispatch         bf16|int8|fp8|fp4                               int8        rows on the wire in dispatch
> schedule.weights          bf16|int8|fp8|fp4                               int8        all weights, and GEMM compute
> schedule.kv               bf16|int8|fp8|fp4                               bf16        KV cache
> schedule.completion       auto|barrier|flags                              auto        flow option: ranks learn that rows are there by barrier or flags
> schedule.addresses        auto|exchanged|cached                           auto        flow option: remote windows' addresses are exchanged or cached
> schedule.window           auto|worst|counts                               auto        flow option: windows hold the worst case or what counts tell
> schedule.quantise         auto|fused|separate                             auto        flow option: fused into dispatch, or a separate kernel before
> schedule.dedup            auto|none|rank|node                             auto        flow option: a token goes once to each expert (none), rank or node
> schedule.local            auto|staged|shortcut                            auto        flow option: a rank's rows to itself are staged, or take a shortcut
> schedule.round_tokens     count                                           0           flow option: tokens of a rank moved in one round; 0: the flow's own
> schedule.pipeline         count                                           0           flow option: parts that overlap inside the layer; 0: the flow's own
> schedule.placement        contiguous|round-robin|random|eplb|eplb-global  contiguous  which expert each slot of a rank holds: see `epsim list placements`
> schedule.replicas         count                                           0           slots of a layer beyond one for each routed expert
> schedule.shared_slots     count                                           0           slots of shared experts, on ranks of their own; 0: on every rank
> schedule.replica_choice   even|nearest                                    even        a rank's rows for an expert: over all replicas, or the nearest
$ epsim config fields sweep
> key                            unit                                                    default               meaning
> sweep.name                     text                                                    sweep                 names the output files
> sweep.flow                     list of text                                            relay3,relay2,direct  schedules of dispatch and combine
> sweep.ep                       list of count                                           []                    expert-parallel ranks
> sweep.tp                       list of count                                           []                    ranks of an attention group
> sweep.dp                       list of count                                           []                    attention groups; 0: EP / TP
> sweep.pp                       list of count                                           []                    stages that the layers are split over
> sweep.batch                    list of count                                           []                    decode requests of an attention group
> sweep.chunk                    list of count                                           []                    prefill tokens of an attention group in a step
> sweep.micro_batches            list of count                                           []                    2: overlap of communication and compute
> sweep.mtp                      list of count                                           []                    decode: tokens guessed in a step
> sweep.streams                  list of count                                           []                    2: attention computes beside experts
> sweep.attention_cores          list of count                                           []                    of them, cube cores for attention; 0: shared
> sweep.vector_cores             list of count                                           []                    vector cores for dispatch and combine; 0: all
> sweep.kernel                   list of text                                            []                    of dispatch and combine, as calibration.kernels names them
> sweep.dispatch                 list of bf16|int8|fp8|fp4                               []                    rows on the wire in dispatch
> sweep.weights                  list of bf16|int8|fp8|fp4                               []                    weights, and GEMM compute
> sweep.kv                       list of bf16|int8|fp8|fp4                               []                    KV cache
> sweep.completion               list of auto|barrier|flags                              []                    flow option, as all down to pipeline
> sweep.addresses                list of auto|exchanged|cached                           []                    of remote windows
> sweep.window                   list of auto|worst|counts                               []                    how windows are sized
> sweep.quantise                 list of auto|fused|separate                             []                    where rows are quantised
> sweep.dedup                    list of auto|none|rank|node                             []                    one row for each expert, rank or node of a token
> sweep.local                    list of auto|staged|shortcut                            []                    rows of a rank to itself
> sweep.round_tokens             list of count                                           []                    tokens of a rank that one round moves
> sweep.pipeline                 list of count                                           []                    parts that overlap with compute
> sweep.placement                list of contiguous|round-robin|random|eplb|eplb-global  []                    of experts in slots
> sweep.replicas                 list of count                                           []                    slots beyond one for each routed expert
> sweep.shared_slots             list of count                                           []                    slots of shared experts; 0: on every rank
> sweep.replica_choice           list of even|nearest                                    []                    which replica a row goes to
> sweep.prefill.flow             list of text                                            []                    schedules of dispatch and combine
> sweep.prefill.ep               list of count                                           []                    expert-parallel ranks
> sweep.prefill.tp               list of count                                           []                    ranks of an attention group
> sweep.prefill.dp               list of count                                           []                    attention groups; 0: EP / TP
> sweep.prefill.pp               list of count                                           []                    stages that the layers are split over
> sweep.prefill.chunk            list of count                                           []                    prefill tokens of an attention group in a step
> sweep.prefill.micro_batches    list of count                                           []                    2: overlap of communication and compute
> sweep.prefill.streams          list of count                                           []                    2: attention computes beside experts
> sweep.prefill.attention_cores  list of count                                           []                    of them, cube cores for attention; 0: shared
> sweep.prefill.vector_cores     list of count                                           []                    vector cores for dispatch and combine; 0: all
> sweep.prefill.kernel           list of text                                            []                    of dispatch and combine, as calibration.kernels names them
> sweep.prefill.dispatch         list of bf16|int8|fp8|fp4                               []                    rows on the wire in dispatch
> sweep.prefill.weights          list of bf16|int8|fp8|fp4                               []                    weights, and GEMM compute
> sweep.prefill.completion       list of auto|barrier|flags                              []                    flow option, as all down to pipeline
> sweep.prefill.addresses        list of auto|exchanged|cached                           []                    of remote windows
> sweep.prefill.window           list of auto|worst|counts                               []                    how windows are sized
> sweep.prefill.quantise         list of auto|fused|separate                             []                    where rows are quantised
> sweep.prefill.dedup            list of auto|none|rank|node                             []                    one row for each expert, rank or node of a token
> sweep.prefill.local            list of auto|staged|shortcut                            []                    rows of a rank to itself
> sweep.prefill.round_tokens     list of count                                           []                    tokens of a rank that one round moves
> sweep.prefill.pipeline         list of count                                           []                    parts that overlap with compute
> sweep.prefill.placement        list of contiguous|round-robin|random|eplb|eplb-global  []                    of experts in slots
> sweep.prefill.replicas         list of count                                           []                    slots beyond one for each routed expert
> sweep.prefill.shared_slots     list of count                                           []                    slots of shared experts; 0: on every rank
> sweep.prefill.replica_choice   list of even|nearest                                    []                    which replica a row goes to
> sweep.prefill.instances        list of count                                           []                    deployments; without any as many as balance the pools
> sweep.decode.flow              list of text                                            []                    schedules of dispatch and combine
> sweep.decode.ep                list of count                                           []                    expert-parallel ranks
> sweep.decode.tp                list of count                                           []                    ranks of an attention group
> sweep.decode.dp                list of count                                           []                    attention groups; 0: EP / TP
> sweep.decode.pp                list of count                                           []                    stages that the layers are split over
> sweep.decode.batch             list of count                                           []                    decode requests of an attention group
> sweep.decode.micro_batches     list of count                                           []                    2: overlap of communication and compute
> sweep.decode.mtp               list of count                                           []                    decode: tokens guessed in a step
> sweep.decode.streams           list of count                                           []                    2: attention computes beside experts
> sweep.decode.attention_cores   list of count                                           []                    of them, cube cores for attention; 0: shared
> sweep.decode.vector_cores      list of count                                           []                    vector cores for dispatch and combine; 0: all
> sweep.decode.kernel            list of text                                            []                    of dispatch and combine, as calibration.kernels names them
> sweep.decode.dispatch          list of bf16|int8|fp8|fp4                               []                    rows on the wire in dispatch
> sweep.decode.weights           list of bf16|int8|fp8|fp4                               []                    weights, and GEMM compute
> sweep.decode.completion        list of auto|barrier|flags                              []                    flow option, as all down to pipeline
> sweep.decode.addresses         list of auto|exchanged|cached                           []                    of remote windows
> sweep.decode.window            list of auto|worst|counts                               []                    how windows are sized
> sweep.decode.quantise          list of auto|fused|separate                             []                    where rows are quantised
> sweep.decode.dedup             list of auto|none|rank|node                             []                    one row for each expert, rank or node of a token
> sweep.decode.local             list of auto|staged|shortcut                            []                    rows of a rank to itself
> sweep.decode.round_tokens      list of count                                           []                    tokens of a rank that one round moves
> sweep.decode.pipeline          list of count                                           []                    parts that overlap with compute
> sweep.decode.placement         list of contiguous|round-robin|random|eplb|eplb-global  []                    of experts in slots
> sweep.decode.replicas          list of count                                           []                    slots beyond one for each routed expert
> sweep.decode.shared_slots      list of count                                           []                    slots of shared experts; 0: on every rank
> sweep.decode.replica_choice    list of even|nearest                                    []                    which replica a row goes to
> sweep.decode.instances         list of count                                           []                    deployments; without any as many as balance the pools
> sweep.machines                 list of text                                            []                    names; each is tried with each model and workload
> sweep.models                   list of text                                            []                    likewise
> sweep.workloads                list of text                                            []                    likewise
> sweep.constraints              list of text                                            []                    what must hold between knobs, such as tp * dp == ep
> sweep.router                   list of text                                            []                    of those that are served (--serve); see `epsim list policies`
> sweep.batching                 list of text                                            []                    likewise
> sweep.budget.ttft              time                                                    0s                    time to first token of the workload's prompt; 0: none
> sweep.budget.tpot              time                                                    0s                    time per output token; 0: none
> sweep.budget.npus              count                                                   0                     NPUs of a deployment, or of all instances; 0: any
> sweep.budget.memory            size                                                    0B                    of a rank's HBM; 0: all that is usable
> sweep.budget.ttft_p50          time                                                    0s                    of requests in queues (--serve); 0: none
> sweep.budget.ttft_p90          time                                                    0s                    likewise
> sweep.budget.ttft_p95          time                                                    0s                    likewise
> sweep.budget.ttft_p99          time                                                    0s                    likewise
> sweep.budget.tpot_p50          time                                                    0s                    likewise
> sweep.budget.tpot_p90          time                                                    0s                    likewise
> sweep.budget.tpot_p95          time                                                    0s                    likewise
> sweep.budget.tpot_p99          time                                                    0s                    likewise
> sweep.objective                throughput|ttft|tpot|npus|cost|energy                   throughput            what is best among those that meet the budgets
> sweep.engine                   text                                                    fluid                 see `epsim list engines`
$ epsim config fields | awk '{ sub(/\..*/, "", $1); print $1 }' | uniq
> key
> machine
> key
> model
> key
> workload
> key
> routing
> key
> schedule
> key
> sweep
> key
> serving
> key
> plan
