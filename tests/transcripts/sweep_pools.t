# Pools that differ: prefill and decode with knobs of their own, one row for each pair.
$ printf '%s\n' 'machine: "node:8 die:4 fabric:100GBps latency:1us memory:5GB"' 'model: {name: tiny, layers: 8, hidden: 1024, vocab: 1024, expert_inter: 1024, experts: 16, top_k: 2, mtp_layers: 1, attention: {kind: gqa, heads: 8, kv_heads: 8, head_dim: 128}}' 'workload: {name: short, input: {mean: 100, p50: 80, p90: 200, p99: 400}, output: {mean: 50, p50: 40, p90: 100, p99: 200}}' 'schedule: {chunk: 128}' 'sweep:' '  name: pools' '  flow: direct' '  prefill: {ep: [2, 4], tp: [1, 2]}' '  decode: {ep: [4, 8, 16], batch: [16, 64], mtp: [0, 1, 2]}' '  constraints: [decode.ep >= 4 * prefill.ep]' '  budget: {ttft: 600us, tpot: 1ms}' >$TMP/a.yaml
$ epsim sweep $TMP/a.yaml
> pools: tiny on synthetic, workload short
> budgets: TTFT 600 us for a prompt of 200 tokens, TPOT 1 ms at context 125
> 36 schedules, 6 feasible (engine fluid, routing balanced)
>
> flow    schedules  feasible  no: shape  npus  memory  TTFT  TPOT  best tok/s/NPU  least TTFT  least TPOT
> direct         36         6          0     0       0    30     0           68706      598 us      127 us
>
> 2 of the feasible schedules are beaten by no other in TTFT, TPOT and tokens/s/NPU at once;
> 2 are shown, those with the same figures once
>
> flow      EP   TP  batch  chunk  dispatch  micro  cores  mtp  NPUs    TTFT    TPOT  tok/s/NPU  memory  buffers  batch max  gain  KV gain
> direct  4/16  2/1     64    128  int8          1      1    2    16  598 us  307 us      68706  0.4 GB  9.45 MB        962    +0       +0
> direct  4/16  2/1     16    128  int8          1      1    2    16  598 us  127 us      56600  0.1 GB  2.36 MB        962    +0       +0
>
> gain, KV gain: requests, and tokens of KV cache, that an attention group has room for beyond relay2's
> TTFT and TPOT are of idle pools: no waiting, no KV transfer between them
$ epsim sweep $TMP/a.yaml --dry-run
> pools: tiny on synthetic, workload short
> 72 combinations, 36 schedules after the constraints
> no: shape 0, npus 0, memory 0; 36 are left for the time budgets
> 16 prices of pools, 0 of them stored; 16 to make by engine fluid
$ epsim sweep $TMP/a.yaml --csv | cut -d, -f 1-20 | sed -n '1,4p;$p'
> flow,prefill_ep,decode_ep,prefill_tp,decode_tp,prefill_dp,decode_dp,batch,chunk_tokens,dispatch,weights,kv,micro_batches,vector_cores,mtp,npus,feasible,reason,why,pareto
> direct,2,8,1,1,2,8,16,128,int8,int8,bf16,1,1,0,8,0,ttft,"TTFT 751 us > 600 us",0
> direct,2,8,1,1,2,8,64,128,int8,int8,bf16,1,1,0,8,0,ttft,"TTFT 751 us > 600 us",0
> direct,2,8,1,1,2,8,16,128,int8,int8,bf16,1,1,1,8,0,ttft,"TTFT 751 us > 600 us",0
> direct,4,16,2,1,2,16,64,128,int8,int8,bf16,1,1,2,16,1,feasible,"",1
$ epsim sweep $TMP/a.yaml --json | grep -E 'prefill_ep|decode_ep|"mtp"|prefill_per_decode' | sed -n '1,4p'
>       "prefill_ep": 2,
>       "decode_ep": 8,
>       "mtp": 0,
>       "prefill_per_decode_deployment": 1.7820280963927373,
$ epsim sweep $TMP/a.yaml --explain 3
> pools: tiny on synthetic, workload short
> flow=direct,prefill.ep=2,decode.ep=8,tp=1,dp=0,weights=int8,kv=bf16,dispatch=int8,micro_batches=1,vector_cores=0,mtp=1,batch=16,chunk=128
>
> term                                               is  may be  good
> constraint                decode.ep >= 4 * prefill.ep          yes
> prefill shape                                possible          yes
> decode shape                                 possible          yes
> NPUs of a pool                                      8     any  yes
> prefill memory of a rank                     278.4 MB    5 GB  yes
> decode memory of a rank                      176.6 MB    5 GB  yes
> TTFT                                         751.4 us  600 us  NO
> TPOT                                         153.4 us    1 ms  yes
>
> prefill memory: weights 266.6 MB, buffers 787.7 kB, work 2.622 MB, KV cache 8.389 MB
> decode memory: weights 95.72 MB, buffers 1.576 MB, work 655.6 kB, KV cache 78.64 MB
> decode memory has room for a batch of 970
> TTFT: 2 chunks of 128 tokens for a prompt of 200
> a full chunk: attention 48.23 us, gate 6.554 us, dispatch 62.73 us, expert 218.1 us, combine 52.97 us, head 1.064 us
> a decode step (TPOT): attention 68.24 us, gate 1.219 us, dispatch 19.73 us, expert 36.21 us, combine 27.34 us, head 696.4 ns
> MTP: 1 guessed, 1.700 tokens of a sequence in a step; TPOT is of one
> pools: 2 NPUs a deployment for prefill, 8 for decode; 2.54 of prefill balance one of decode
> 63781.7 tokens/s/NPU: 50 output tokens for 0.0003044 NPU-seconds of prefill and 0.0004795 of decode
> epsim: not feasible: TTFT 751 us > 600 us
? 1
$ epsim sweep $TMP/a.yaml --explain prefill.ep=4,prefill.tp=2,decode.ep=4,mtp=2
> pools: tiny on synthetic, workload short
> flow=direct,ep=4,prefill.tp=2,decode.tp=1,dp=0,weights=int8,kv=bf16,dispatch=int8,micro_batches=1,vector_cores=0,mtp=2,batch=16,chunk=128
>
> term                                               is  may be  good
> constraint                decode.ep >= 4 * prefill.ep          NO
> prefill shape                                possible          yes
> decode shape                                 possible          yes
> NPUs of a pool                                      4     any  yes
> prefill memory of a rank                     139.4 MB    5 GB  yes
> decode memory of a rank                      233.1 MB    5 GB  yes
> TTFT                                         597.9 us  600 us  yes
> TPOT                                           167 us    1 ms  yes
>
> prefill memory: weights 133.5 MB, buffers 394.2 kB, work 1.311 MB, KV cache 4.194 MB
> decode memory: weights 152.3 MB, buffers 1.182 MB, work 983.3 kB, KV cache 78.64 MB
> decode memory has room for a batch of 959
> TTFT: 2 chunks of 128 tokens for a prompt of 200
> a full chunk: attention 24.64 us, exchange 36.97 us, gate 3.408 us, dispatch 74.01 us, expert 109.1 us, combine 63.73 us, head 534.8 ns
> a decode step (TPOT): attention 60.08 us, gate 1.506 us, dispatch 18.1 us, expert 61.43 us, combine 25.16 us, head 752.8 ns
> MTP: 2 guessed, 2.190 tokens of a sequence in a step; TPOT is of one
> pools: 4 NPUs a deployment for prefill, 4 for decode; 0.935 of prefill balance one of decode
> 49505.1 tokens/s/NPU: 50 output tokens for 0.000488 NPU-seconds of prefill and 0.000522 of decode
> epsim: the sweep leaves this schedule out: a constraint
? 1
$ epsim sweep $TMP/a.yaml --explain decode.eq=4
> epsim: --explain: no knob is called 'decode.eq'; did you mean 'decode.ep'?
? 2
$ for j in 1 3; do epsim sweep $TMP/a.yaml --csv --jobs $j | cksum; done | uniq | wc -l
> 1
$ for p in none budget; do epsim sweep $TMP/a.yaml --csv --prune $p | grep ,1,feasible, | cut -d, -f 1-20 | cksum; done | uniq | wc -l
> 1

# Numbers of deployments: the slower pool sets the pace, and NPUs are those of all.
$ epsim sweep $TMP/a.yaml --rows 3 --set sweep.prefill.instances=1..8 --set sweep.decode.instances=1,2 --set sweep.budget.npus=32 | grep -A 5 -E '^flow  *EP'
> flow      EP   TP  batch  chunk  dispatch  micro  cores  mtp  instances  NPUs    TTFT    TPOT  tok/s/NPU  memory  buffers  batch max  gain  KV gain
> direct  4/16  2/1     16    128  int8          1      1    2        4/1    32  598 us  127 us      51226  0.1 GB  2.36 MB        962    +0       +0
>
> gain, KV gain: requests, and tokens of KV cache, that an attention group has room for beyond relay2's
> TTFT and TPOT are of idle pools: no waiting, no KV transfer between them
$ epsim sweep $TMP/a.yaml --set sweep.prefill.instances=2
> epsim: $TMP/a.yaml:6 and --set sweep.prefill.instances: sweep.prefill.instances: the other pool needs its number, too; without both the pools are as many as balance each other
? 2
$ epsim sweep $TMP/a.yaml --set sweep.tp=2,4 --set sweep.decode.tp=1
> epsim: $TMP/a.yaml:6 and --set sweep.decode.tp: sweep.tp goes unheard: the pools have values of their own
? 2

# Layers over stages: a rank holds less, the stages overlap.
$ epsim sweep $TMP/a.yaml --rows 4 --set sweep.prefill.pp=1,2,4 --set sweep.decode.mtp=0 | grep -A 5 -E '^flow  *EP'
> flow      EP   TP  batch  chunk  dispatch  micro  cores   pp  mtp  NPUs    TTFT    TPOT  tok/s/NPU  memory  buffers  batch max  gain  KV gain
> direct  4/16  1/1     64    128  int8          1      1  2/1    0    16  491 us  429 us      83541  0.4 GB  3.15 MB        989    +0       +0
> direct  4/16  1/1     64    128  int8          1      1  4/1    0    16  423 us  429 us      83422  0.4 GB  3.15 MB        989    +0       +0
> direct  4/16  2/1     64    128  int8          1      1  4/1    0    16  391 us  429 us      60537  0.4 GB  3.15 MB        989    +0       +0
> direct  4/16  1/1     16    128  int8          1      1  2/1    0    16  491 us  194 us      57504  0.1 GB   790 kB        989    +0       +0
>
$ epsim sweep $TMP/a.yaml --explain prefill.ep=2,prefill.pp=4,decode.ep=8,decode.pp=2
> pools: tiny on synthetic, workload short
> flow=direct,prefill.ep=2,decode.ep=8,tp=1,dp=0,weights=int8,kv=bf16,dispatch=int8,micro_batches=1,vector_cores=0,prefill.pp=4,decode.pp=2,mtp=0,batch=16,chunk=128
>
> term                                               is  may be  good
> constraint                decode.ep >= 4 * prefill.ep          yes
> prefill shape                                possible          yes
> decode shape                                 possible          yes
> NPUs of a pool                                     16     any  yes
> prefill memory of a rank                     94.73 MB    5 GB  yes
> decode memory of a rank                         93 MB    5 GB  yes
> TTFT                                         491.7 us  600 us  yes
> TPOT                                         181.9 us    1 ms  yes
>
> prefill memory: weights 89.23 MB, buffers 787.7 kB, work 2.622 MB, KV cache 2.097 MB
> decode memory: weights 53.12 MB, buffers 394.8 kB, work 163.9 kB, KV cache 39.32 MB
> decode memory has room for a batch of 1984
> TTFT: 2 chunks of 128 tokens for a prompt of 200
> a full chunk: attention 48.23 us, exchange 10.86 us, gate 6.554 us, dispatch 62.73 us, expert 218.1 us, combine 52.97 us, head 1.064 us
> a decode step (TPOT): attention 67.24 us, exchange 2.164 us, gate 655.4 ns, dispatch 25.47 us, expert 51.38 us, combine 34.29 us, head 655.4 ns
> PP: 4 stages of 2 NPUs for prefill, 2 of 8 for decode
> pools: 8 NPUs a deployment for prefill, 16 for decode; 0.54 of prefill balance one of decode
> 34637.8 tokens/s/NPU: 50 output tokens for 0.0003069 NPU-seconds of prefill and 0.001137 of decode
$ epsim sweep $TMP/a.yaml --explain prefill.pp=16 | grep NO
> epsim: the sweep leaves this schedule out: a constraint
> constraint       decode.ep >= 4 * prefill.ep          NO
> prefill shape   more stages (PP) than layers          NO

# Energy needs the machine's power.
$ epsim sweep $TMP/a.yaml --set sweep.objective=energy
> epsim: $TMP/a.yaml:6: sweep.objective energy: machine.power.busy of synthetic is unknown; set it, with its source
? 2
$ epsim sweep $TMP/a.yaml --set sweep.objective=energy --set machine.power.busy=400W --rows 1 | grep energy
> least energy on the front: direct, EP 4/16, TP 2/1, batch 64, chunk 128: 0.00582 J for an output token

# Cost needs a price.
$ epsim sweep $TMP/a.yaml --set sweep.objective=cost
> epsim: $TMP/a.yaml:6: sweep.objective cost: machine.extra.npu_hour of synthetic is not given; set it to what an NPU costs an hour
? 2
$ epsim sweep $TMP/a.yaml --set sweep.objective=cost --set machine.extra.npu_hour=2 --rows 1 | grep cost
> least cost on the front: direct, EP 4/16, TP 2/1, batch 64, chunk 128: 0.00809 for a million output tokens

# Percentiles are of requests in queues: the best are served.
$ epsim sweep $TMP/a.yaml --set sweep.budget.ttft_p90=600us
> epsim: $TMP/a.yaml:6: budgets on percentiles are of requests in queues: --serve N --rate R checks them for the N best of the front
? 2
$ epsim sweep $TMP/a.yaml --set sweep.budget.ttft_p90=600us --set sweep.budget.tpot_p99=1ms --rows 0 --serve 2 --rate 2000 --set sweep.router=round-robin,least-loaded | grep -A 9 ^served
> served at 2000 requests/s, Poisson arrivals, lengths of the workload's mean; pools: deployments of prefill/decode
>
> served                                          pools  NPUs  router        batching  TTFT p50     p90     p99  TPOT p50      p90      p99  within   goodput  tok/s/NPU  percentile budgets
> direct EP 4/16 TP 2/1 batch 64 chunk 128 mtp 2    1/1    20  round-robin   vllm-v1     178 us  354 us  547 us     77 us  78.4 us  78.7 us  99.2 %  4.75e+03       4570  kept
> direct EP 4/16 TP 2/1 batch 64 chunk 128 mtp 2    1/1    20  least-loaded  vllm-v1     178 us  354 us  600 us   76.9 us  78.4 us  78.7 us  99.0 %  4.38e+03       4570  kept
> direct EP 4/16 TP 2/1 batch 16 chunk 128 mtp 2    1/1    20  round-robin   vllm-v1     178 us  356 us  563 us     77 us  78.4 us  78.7 us  99.2 %  4.25e+03       4570  kept
> direct EP 4/16 TP 2/1 batch 16 chunk 128 mtp 2    1/1    20  least-loaded  vllm-v1     178 us  353 us  559 us   76.8 us  78.4 us  78.7 us  99.2 %  4.25e+03       4570  kept
$ epsim sweep $TMP/a.yaml --set sweep.budget.tpot_p99=10us --rows 0 --serve 1 --rate 2000 | tail -1
> epsim: none of the 1 served keeps the percentile budgets
> direct EP 4/16 TP 2/1 batch 64 chunk 128 mtp 2    1/1    20  least-loaded  vllm-v1     178 us  354 us  600 us   76.9 us  78.4 us  78.7 us  99.0 %  4.38e+03       4570  TPOT p99 78.7 us > 10 us
$ epsim sweep $TMP/a.yaml --rows 0 --serve 1 --rate 2000 --set sweep.decode.pp=2 --json | grep -A 9 '"served"'
>
> served at 2000 requests/s, Poisson arrivals, lengths of the workload's mean; pools: deployments of prefill/decode
>
> not served: direct EP 4/16 TP 2/1 batch 64 chunk 128 pp 1/2 mtp 1: serving of a pipeline (PP 2) is not modelled
>   "served": [
>     {
>       "row": 34,
>       "router": "least-loaded",
>       "batching": "vllm-v1",
>       "refused": "serving of a pipeline (PP 2) is not modelled"
>     }
>   ]
> }
$ epsim sweep $TMP/a.yaml --serve 2
> epsim: --serve: needs --rate, requests a second
? 2
$ epsim sweep $TMP/a.yaml --rate 2
> epsim: --rate: goes with --serve N
? 2
$ epsim sweep $TMP/a.yaml --set sweep.router=least-loded --serve 1 --rate 2
> epsim: $TMP/a.yaml:6: sweep.router: there is no 'least-loded'; did you mean 'least-loaded'? (see `epsim list policies`)
? 2

# Prices on disk: other pairs of the same pools are found; shards and a team come to the same.
$ epsim sweep $TMP/a.yaml >$TMP/alone; epsim sweep $TMP/a.yaml --store $TMP/a.db | cmp - $TMP/alone
> epsim: sweep: 0 of 16 prices of pools were in $TMP/a.db
$ epsim sweep $TMP/a.yaml --store $TMP/a.db --resume --rows 0 --set sweep.decode.ep=8 --set sweep.constraints= | sed -n 3p
> epsim: sweep: 10 of 10 prices of pools were in $TMP/a.db
> 24 schedules, 6 feasible (engine fluid, routing balanced)
$ for i in 1 2; do epsim sweep $TMP/a.yaml --store $TMP/shard-$i.db --shard $i/2; done; epsim merge $TMP/all.db $TMP/shard-1.db $TMP/shard-2.db
> shard 1/2: 8 prices made, in $TMP/shard-1.db
> shard 2/2: 8 prices made, in $TMP/shard-2.db
> $TMP/all.db: 16 prices, 16 of them new
$ epsim sweep $TMP/a.yaml --store $TMP/all.db --resume | cmp - $TMP/alone
> epsim: sweep: 16 of 16 prices of pools were in $TMP/all.db
$ (epsim sweep $TMP/a.yaml --store $TMP/team.db --team 2/2 & epsim sweep $TMP/a.yaml --store $TMP/team.db --team 1/2 2>/dev/null >$TMP/out; wait); cmp $TMP/out $TMP/alone
