# How a sweep is written: ranges, constraints, budgets, cases.
$ printf '%s\n' 'machine: "die:4 fabric:100GBps latency:1us memory:5GB"' 'model: {name: tiny, layers: 2, hidden: 1024, vocab: 1024, expert_inter: 1024, experts: 4, top_k: 2, attention: {kind: gqa, heads: 8, kv_heads: 8, head_dim: 128}}' 'workload: {name: short, input: {mean: 100, p50: 80, p90: 200, p99: 400}, output: {mean: 50, p50: 40, p90: 100, p99: 200}}' 'schedule: {chunk: 128}' 'sweep:' '  name: tiny' '  flow: [relay2, direct]' '  ep: 1..4 *2' '  tp: [1, 2]' '  batch: [16..256 *4, 300..400 step 50]' '  constraints:' '    - tp * dp == ep' '    - batch <= 512 / tp' '    - "flow == direct or batch != 300"' '  budget: {ttft: 150us, tpot: 1ms}' >$TMP/a.yaml
$ epsim sweep $TMP/a.yaml --dry-run
> tiny: tiny on synthetic, workload short
> 72 combinations, 51 schedules after the constraints
> no: shape 6, npus 0, memory 0; 45 are left for the time budgets
> 63 prices of pools, 0 of them stored; 55 to make by engine fluid
$ epsim sweep $TMP/a.yaml --csv | cut -d, -f 1-3,5,13-16 | sed -n '1,12p;$p'
> flow,ep,tp,batch,feasible,reason,why,pareto
> relay2,1,1,16,1,feasible,"",0
> relay2,1,1,64,1,feasible,"",0
> relay2,1,1,256,1,feasible,"",0
> relay2,1,1,350,1,feasible,"",0
> relay2,1,1,400,1,feasible,"",0
> relay2,1,2,16,0,shape,"TP does not divide EP",0
> relay2,1,2,64,0,shape,"TP does not divide EP",0
> relay2,1,2,256,0,shape,"TP does not divide EP",0
> relay2,2,1,16,1,feasible,"",0
> relay2,2,1,64,1,feasible,"",0
> relay2,2,1,256,1,feasible,"",0
> direct,4,2,256,1,feasible,"",0
$ epsim sweep $TMP/a.yaml --rows 2 --set sweep.objective=tpot --set sweep.budget.memory=60MB
> tiny: tiny on synthetic, workload short
> budgets: TTFT 150 us for a prompt of 200 tokens, TPOT 1 ms at context 125, 60 MB a rank
> 51 schedules, 12 feasible (engine fluid, routing balanced)
>
> flow    schedules  feasible  no: shape  npus  memory  TTFT  TPOT  best tok/s/NPU  least TTFT  least TPOT
> relay2         24         5          3     0      16     0     0          289492     87.9 us     31.7 us
> direct         27         7          3     0      17     0     0          245995     92.1 us     39.4 us
>
> 4 of the feasible schedules are beaten by no other in TTFT, TPOT and tokens/s/NPU at once;
> 2 are shown, those with the same figures once
>
> flow    EP  TP  batch  chunk  dispatch  micro  cores  NPUs     TTFT     TPOT  tok/s/NPU  memory  buffers  batch max  gain  KV gain
> relay2   4   2     16    128  int8          1      1     4  87.9 us  31.7 us     183187  0.0 GB  4.42 MB       7799    +0       +0
> relay2   4   1     16    128  int8          1      1     4   101 us  41.3 us     289492  0.0 GB  4.65 MB       3896    +0       +0
>
> least tpot on the front: relay2, EP 4, TP 2, batch 16, chunk 128
>
> gain, KV gain: requests, and tokens of KV cache, that an attention group has room for beyond relay2's
> TTFT and TPOT are of idle pools: no waiting, no KV transfer between them

# One point, term by term: a row of the CSV, or knobs.
$ epsim sweep $TMP/a.yaml --explain 12
> tiny: tiny on synthetic, workload short
> flow=relay2,ep=2,tp=1,dp=0,weights=int8,kv=bf16,dispatch=int8,micro_batches=1,vector_cores=0,batch=350,chunk=128
>
> term                                                  is  may be  good
> constraint                                 tp * dp == ep          yes
> constraint                             batch <= 512 / tp          yes
> constraint                flow == direct or batch != 300          yes
> prefill shape                                   possible          yes
> decode shape                                    possible          yes
> NPUs of a pool                                         2     any  yes
> prefill memory of a rank                        29.66 MB    5 GB  yes
> decode memory of a rank                         474.6 MB    5 GB  yes
> TTFT                                            107.7 us  150 us  yes
> TPOT                                            452.6 us    1 ms  yes
>
> prefill memory: weights 23.09 MB, buffers 1.855 MB, work 2.622 MB, KV cache 2.097 MB
> decode memory: weights 23.09 MB, buffers 14.25 MB, work 7.17 MB, KV cache 430.1 MB
> decode memory has room for a batch of 3890
> TTFT: 2 chunks of 128 tokens for a prompt of 200
> a full chunk: attention 12.06 us, gate 1.589 us, dispatch 17.77 us, expert 16.78 us, combine 8.898 us, head 1.064 us
> a decode step (TPOT): attention 376.8 us, gate 4.317 us, dispatch 21.2 us, expert 24.05 us, combine 20.86 us, head 5.349 us
> 454164.3 tokens/s/NPU: 50 output tokens for 4.543e-05 NPU-seconds of prefill and 6.466e-05 of decode
$ epsim sweep $TMP/a.yaml --explain flow=relay2,ep=4,batch=300
> tiny: tiny on synthetic, workload short
> flow=relay2,ep=4,tp=1,dp=0,weights=int8,kv=bf16,dispatch=int8,micro_batches=1,vector_cores=0,batch=300,chunk=128
>
> term                                                  is  may be  good
> constraint                                 tp * dp == ep          yes
> constraint                             batch <= 512 / tp          yes
> constraint                flow == direct or batch != 300          NO
> prefill shape                                   possible          yes
> decode shape                                    possible          yes
> NPUs of a pool                                         4     any  yes
> prefill memory of a rank                        22.32 MB    5 GB  yes
> decode memory of a rank                         403.3 MB    5 GB  yes
> TTFT                                            101.3 us  150 us  yes
> TPOT                                            397.2 us    1 ms  yes
>
> prefill memory: weights 15.75 MB, buffers 1.855 MB, work 2.622 MB, KV cache 2.097 MB
> decode memory: weights 15.75 MB, buffers 12.82 MB, work 6.146 MB, KV cache 368.6 MB
> decode memory has room for a batch of 3896
> TTFT: 2 chunks of 128 tokens for a prompt of 200
> a full chunk: attention 12.06 us, gate 1.589 us, dispatch 19.74 us, expert 10.49 us, combine 11.56 us, head 545.3 ns
> a decode step (TPOT): attention 324.2 us, gate 3.703 us, dispatch 23.36 us, expert 16.12 us, combine 24.41 us, head 5.439 us
> 454823.0 tokens/s/NPU: 50 output tokens for 4.373e-05 NPU-seconds of prefill and 6.62e-05 of decode
> epsim: the sweep leaves this schedule out: a constraint
? 1
$ epsim sweep $TMP/a.yaml --explain flow=relay2,ep=3 | grep NO
> epsim: not feasible: EP does not divide the number of experts
> prefill shape   EP does not divide the number of experts          NO
> decode shape    EP does not divide the number of experts          NO
$ epsim sweep $TMP/a.yaml --explain 100
> epsim: --explain: there is no row 100; the sweep has 51
? 2
$ epsim sweep $TMP/a.yaml --explain floww=direct
> epsim: --explain: no knob is called 'floww'; did you mean 'flow'?
? 2
$ epsim sweep $TMP/a.yaml --explain flow
> epsim: --explain flow: a row of points.csv is needed, or knobs such as flow=direct,ep=64
? 2

# Several machines and models; what was set holds in each. The same points whatever the threads.
$ epsim sweep $TMP/a.yaml --rows 1 --set 'sweep.machines=atlas-a2,cloudmatrix384' --set sweep.flow=direct --set sweep.budget.ttft=0s --set sweep.budget.tpot=2ms --set machine.hbm.usable=50% | grep -E '^tiny|feasible \(|^direct'
> tiny: tiny on atlas-a2, workload short
> 27 schedules, 24 feasible (engine fluid, routing balanced)
> direct         27        24          3     0       0     0     0           48169     2.28 ms      479 us
> direct   1   1    400    128  int8          1     48     1  2.28 ms  1.04 ms      48169  0.6 GB   102 MB      25379    +0       +0
> tiny: tiny on cloudmatrix384, workload short
> 27 schedules, 24 feasible (engine fluid, routing balanced)
> direct         27        24          3     0       0     0     0           47374     2.32 ms      487 us
> direct   1   1    400    128  int8          1     48     1  2.32 ms  1.05 ms      47374  0.6 GB   102 MB      25379    +0       +0
$ for j in 1 3; do epsim sweep $TMP/a.yaml --set sweep.machines=atlas-a2,cloudmatrix384 --set sweep.budget.ttft=0s --csv --jobs $j | cksum; done | uniq | wc -l
> 1
$ epsim sweep $TMP/a.yaml --set sweep.machines=atlas-a2,cloudmatrix384 --set sweep.budget.ttft=0s --csv | cut -d, -f 1-6 | sed -n '1,2p;$p'
> machine,model,workload,flow,ep,tp
> atlas-a2,tiny,short,relay2,1,1
> cloudmatrix384,tiny,short,direct,4,2
$ epsim sweep $TMP/a.yaml --set 'sweep.machines=atlas-a2,cloudmatrixx' --dry-run
> epsim: $TMP/a.yaml:6: sweep.machines: no machine is called 'cloudmatrixx'; did you mean 'cloudmatrix384'? (see `epsim list machines`)
? 2

# Pruned by lower bounds: the same feasible schedules; or at least the same front.
$ for p in none budget; do epsim sweep $TMP/a.yaml --csv --prune $p | grep ,1,feasible, | cut -d, -f 1-16 | cksum; done | uniq | wc -l
> 1
$ for p in none front; do epsim sweep $TMP/a.yaml --prune $p --set sweep.budget.ttft=110us | grep -A 99 ' TP  batch'; done | sort | uniq -c | awk '$1 != 2'
$ epsim sweep $TMP/a.yaml --prune front --rows 0 --set sweep.budget.ttft=110us
> tiny: tiny on synthetic, workload short
> budgets: TTFT 110 us for a prompt of 200 tokens, TPOT 1 ms at context 125
> 51 schedules, 11 feasible (engine fluid, routing balanced)
> 41 of 63 prices of pools are left at a lower bound
>
> flow    schedules  feasible  no: shape  npus  memory  TTFT  TPOT  beaten  best tok/s/NPU  least TTFT  least TPOT
> relay2         24         5          3     0       0     0     0      16          406584     87.9 us     31.7 us
> direct         27         6          3     0       0    15     0       3          506102     92.1 us     53.8 us
>
> 11 of the feasible schedules are beaten by no other in TTFT, TPOT and tokens/s/NPU at once;
> 0 are shown, those with the same figures once
>
> flow  EP  TP  batch  chunk  dispatch  micro  cores  NPUs  TTFT  TPOT  tok/s/NPU  memory  buffers  batch max  gain  KV gain
>
> gain, KV gain: requests, and tokens of KV cache, that an attention group has room for beyond relay2's
> TTFT and TPOT are of idle pools: no waiting, no KV transfer between them
$ epsim sweep $TMP/a.yaml --prune frnt
> epsim: --prune frnt: none, budget, front or near is needed; did you mean 'front'?
? 2

# What is wrong, and where.
$ sed 's/tp \* dp == ep/tp * dp == eq/' $TMP/a.yaml >$TMP/b.yaml; epsim sweep $TMP/b.yaml --dry-run
> epsim: $TMP/b.yaml:12:18: constraint 'tp * dp == eq': no knob is called 'eq'
? 2
$ sed 's/batch <= 512/bacth <= 512/' $TMP/a.yaml >$TMP/b.yaml; epsim sweep $TMP/b.yaml --dry-run
> epsim: $TMP/b.yaml:13:7: constraint 'bacth <= 512 / tp': no knob is called 'bacth'; did you mean 'batch'?
? 2
$ epsim sweep $TMP/a.yaml --set 'sweep.constraints=flow < direct'
> epsim: --set sweep.constraints: constraint 'flow < direct', column 8: flow has words, which only == and != compare
? 2
$ epsim sweep $TMP/a.yaml --set 'sweep.constraints=tp == 3'
> epsim: $TMP/a.yaml:6: the constraints leave none of 72 points
? 2
$ epsim sweep $TMP/a.yaml --set 'sweep.batch=16..8'
> epsim: --set sweep.batch: a range must not go down: 'from' is above 'to'
? 2
$ epsim sweep $TMP/a.yaml --set 'sweep.batch=16..64 *1'
> epsim: --set sweep.batch: '1' is too small; it must be at least 2
? 2
$ epsim sweep $TMP/a.yaml --set 'sweep.batch=16..'
> epsim: --set sweep.batch: '' does not start with a number such as 12 or 0.5
? 2
