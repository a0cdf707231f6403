# A sweep small enough to read: three flows, two sizes, two batches.
$ printf '%s\n' 'machine: "die:4 fabric:100GBps latency:1us memory:5GB"' 'model: {name: tiny, layers: 2, hidden: 1024, vocab: 1024, expert_inter: 1024, experts: 4, top_k: 2, attention: {kind: gqa, heads: 8, kv_heads: 8, head_dim: 128}}' 'workload: {name: short, input: {mean: 100, p50: 80, p90: 200, p99: 400}, output: {mean: 50, p50: 40, p90: 100, p99: 200}}' 'schedule: {chunk: 128}' 'sweep: {name: tiny, ep: [2, 4, 8], batch: {from: 16, to: 4096, factor: 16}, budget: {ttft: 150us, tpot: 1ms}}' >$TMP/tiny.yaml
$ epsim config check $TMP/tiny.yaml
> $TMP/tiny.yaml: good: machine model workload schedule sweep (27 schedules)
$ epsim sweep $TMP/tiny.yaml
> tiny: tiny on synthetic, workload short
> budgets: TTFT 150 us for a prompt of 200 tokens, TPOT 1 ms at context 125
> 27 schedules, 12 feasible (engine fluid, routing balanced)
>
> flow    schedules  feasible  no: shape  npus  memory  TTFT  TPOT  best tok/s/NPU  least TTFT  least TPOT
> relay3          9         4          3     0       2     0     0          458940     94.6 us     45.3 us
> relay2          9         4          3     0       2     0     0          452322      101 us     41.3 us
> direct          9         4          3     0       2     0     0          441608      114 us     48.7 us
>
> 6 of the feasible schedules are beaten by no other in TTFT, TPOT and tokens/s/NPU at once;
> 6 are shown, those with the same figures once
>
> flow    EP  TP  batch  chunk  dispatch  micro  cores  NPUs     TTFT     TPOT  tok/s/NPU  memory  buffers  batch max  gain  KV gain
> relay3   4   1    256    128  int8          1      1     4  94.6 us   347 us     458940  0.3 GB  8.39 MB       3887    -9     +386
> relay2   4   1    256    128  int8          1      1     4   101 us   342 us     452322  0.3 GB  11.6 MB       3896    +0       +0
> relay2   2   1    256    128  int8          1      1     2   108 us   339 us     448177  0.4 GB  11.6 MB       3890    +0       +0
> direct   2   1    256    128  int8          1      1     2   114 us   338 us     441608  0.3 GB  3.15 MB       3944   +54    +1025
> relay2   4   1     16    128  int8          1      1     4   101 us  41.3 us     289492  0.0 GB  4.65 MB       3896    +0       +0
> relay3   4   1     16    128  int8          1      1     4  94.6 us  45.3 us     273469  0.0 GB   525 kB       3887    -9     +504
>
> gain, KV gain: requests, and tokens of KV cache, that an attention group has room for beyond relay2's
> TTFT and TPOT are of idle pools: no waiting, no KV transfer between them
$ epsim sweep $TMP/tiny.yaml --csv | cut -d, -f 1-3,5,13-16
> flow,ep,tp,batch,feasible,reason,why,pareto
> relay3,2,1,16,1,feasible,"",0
> relay3,2,1,256,1,feasible,"",0
> relay3,2,1,4096,0,memory,"memory: decode needs 5.27 GB of 5 GB",0
> relay3,4,1,16,1,feasible,"",1
> relay3,4,1,256,1,feasible,"",1
> relay3,4,1,4096,0,memory,"memory: decode needs 5.27 GB of 5 GB",0
> relay3,8,1,16,0,shape,"EP does not divide the number of experts",0
> relay3,8,1,256,0,shape,"EP does not divide the number of experts",0
> relay3,8,1,4096,0,shape,"EP does not divide the number of experts",0
> relay2,2,1,16,1,feasible,"",0
> relay2,2,1,256,1,feasible,"",1
> relay2,2,1,4096,0,memory,"memory: decode needs 5.26 GB of 5 GB",0
> relay2,4,1,16,1,feasible,"",1
> relay2,4,1,256,1,feasible,"",1
> relay2,4,1,4096,0,memory,"memory: decode needs 5.25 GB of 5 GB",0
> relay2,8,1,16,0,shape,"EP does not divide the number of experts",0
> relay2,8,1,256,0,shape,"EP does not divide the number of experts",0
> relay2,8,1,4096,0,shape,"EP does not divide the number of experts",0
> direct,2,1,16,1,feasible,"",0
> direct,2,1,256,1,feasible,"",1
> direct,2,1,4096,0,memory,"memory: decode needs 5.19 GB of 5 GB",0
> direct,4,1,16,1,feasible,"",0
> direct,4,1,256,1,feasible,"",0
> direct,4,1,4096,0,memory,"memory: decode needs 5.18 GB of 5 GB",0
> direct,8,1,16,0,shape,"EP does not divide the number of experts",0
> direct,8,1,256,0,shape,"EP does not divide the number of experts",0
> direct,8,1,4096,0,shape,"EP does not divide the number of experts",0
$ epsim sweep $TMP/tiny.yaml --rows 1 --set sweep.flow=direct --set sweep.budget.ttft=0s | tail -n 5
> flow    EP  TP  batch  chunk  dispatch  micro  cores  NPUs    TTFT    TPOT  tok/s/NPU  memory  buffers  batch max  gain  KV gain
> direct   2   1    256    128  int8          1      1     2  114 us  338 us     441608  0.3 GB  3.15 MB       3944    +0       +0
>
> gain, KV gain: requests, and tokens of KV cache, that an attention group has room for beyond relay2's
> TTFT and TPOT are of idle pools: no waiting, no KV transfer between them

# The same points whatever the number of threads, and in any form.
$ for j in 1 2 7; do epsim sweep $TMP/tiny.yaml --csv --jobs $j | cksum; done | uniq | wc -l
> 1
# Likewise with drawn routing, which threads share; another seed gives other figures.
$ for j in 1 2 7; do epsim sweep $TMP/tiny.yaml --routing uniform --csv --jobs $j | cksum; done | uniq | wc -l
> 1
$ for s in 1 2; do epsim sweep $TMP/tiny.yaml --routing uniform --csv --seed $s | cksum; done | uniq | wc -l
> 2
$ epsim sweep $TMP/tiny.yaml --json | grep -c '"feasible": true'
> 12
$ epsim sweep $TMP/tiny.yaml --json | sed -n 's/^\( *\)"\([a-z_.A-Z0-9]*\)":.*/\1\2/p' | awk '!seen[$0]++'
>   name
>   machine
>   model
>   workload
>   engine
>   routing
>   seed
>   budget_ttft_s
>   budget_tpot_s
>   prompt_tokens
>   context_tokens
>   points_total
>   points_feasible_total
>   points_feasible
>     relay3
>     relay2
>     direct
>   points_infeasible_by_reason
>       shape
>       npus
>       memory
>       ttft
>       tpot
>   sweep_seconds
>   jobs
>   steps_priced
>   points
>       flow
>       ep
>       tp
>       dp
>       batch
>       chunk_tokens
>       dispatch
>       weights
>       kv
>       micro_batches
>       vector_cores
>       feasible
>       reason
>       why
>       pareto
>       ttft_s
>       tpot_s
>       tokens_per_s_per_npu
>       prefill_memory_bytes
>       decode_memory_bytes
>       prefill_buffers_bytes
>       decode_buffers_bytes
>       batch_most
>       batch_gain
>       kv_gain_tokens
>       prefill_phase_s
>         attention
>         exchange
>         gate
>         dispatch
>         expert
>         combine
>         dense
>         head
>       decode_phase_s

# Beside the report, files.
$ epsim sweep $TMP/tiny.yaml --out $TMP/deep/er | sed -n 's/^written to //p'
> $TMP/deep/er: points.csv, config.yaml, summary.txt
$ epsim sweep $TMP/deep/er/config.yaml --csv | cmp - $TMP/deep/er/points.csv
$ epsim sweep $TMP/tiny.yaml | cmp - $TMP/deep/er/summary.txt

# No schedule will do: the table, then the answer.
$ epsim sweep $TMP/tiny.yaml --rows 0 --set sweep.budget.tpot=1us --set sweep.budget.npus=2
> tiny: tiny on synthetic, workload short
> budgets: TTFT 150 us for a prompt of 200 tokens, TPOT 1 us at context 125, 2 NPUs
> 27 schedules, 0 feasible (engine fluid, routing balanced)
>
> flow    schedules  feasible  no: shape  npus  memory  TTFT  TPOT  best tok/s/NPU  least TTFT  least TPOT
> relay3          9         0          3     3       1     0     2               -           -           -
> relay2          9         0          3     3       1     0     2               -           -           -
> direct          9         0          3     3       1     0     2               -           -           -
>
> TTFT and TPOT are of idle pools: no waiting, no KV transfer between them
> epsim: no schedule meets the budgets (shape 9, npus 9, memory 3, tpot 6)
? 1
# How surely each point is feasible, on draws of a machine whose numbers are uncertain.
$ epsim sweep configs/sweeps/qwen3-235b-a2.yaml --draws 4 --rows 2 | sed -n '/^feasible in/,$p'
> feasible in at least 95 %, 50 %, any of 4 draws of the machine's uncertain numbers
>
> flow    surely  probably  possibly
> relay2      50        74        96
> direct       8        16        22
>
> 13 of the feasible schedules are beaten by no other in TTFT, TPOT and tokens/s/NPU at once;
> 2 are shown, those with the same figures once
>
> flow    EP  TP  batch  chunk  dispatch  micro  cores  NPUs    TTFT     TPOT  tok/s/NPU   memory  buffers  batch max  gain  KV gain  feasible
> direct   8   1     16   8192  int8          1     48     8  714 ms  48.4 ms        233  39.8 GB   113 MB         83    +0     +109      75 %
> relay2  16   1     16   8192  int8          1     48    16  1.04 s  43.3 ms        214  25.7 GB   163 MB        135    +0       +0     100 %
>
> gain, KV gain: requests, and tokens of KV cache, that an attention group has room for beyond relay2's
> TTFT and TPOT are of idle pools: no waiting, no KV transfer between them
