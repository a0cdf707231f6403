# Where the time of a layer goes, on a machine whose figures can be followed by hand.
$ epsim explain --machine "node:2 die:8 fabric:100GBps latency:2us hbm:1TBps flops:100TFLOPS" --model qwen3-30b-a3b --flow direct --ep 16 --batch 32 --weights bf16
> qwen3-30b-a3b on synthetic: direct, decode, EP 16, one MoE layer: 415.9 us (engine fluid)
>
> on the critical path      time      work  contention  latency      sync  busiest then    used  and             used
> attention.norm        262.1 ns  262.1 ns           -        -         -  hbm            100 %  -                  -
> attention.projection  38.14 us  38.14 us           -        -         -  hbm            100 %  cube            32 %
> attention.core        268.6 us  268.6 us           -        -         -  hbm            100 %  cube             8 %
> gate.norm             262.1 ns  262.1 ns           -        -         -  hbm            100 %  -                  -
> gate.router           655.4 ns  655.4 ns           -        -         -  hbm            100 %  cube            26 %
> dispatch.counts       2.077 us         -           -        -  2.077 us  fabric.egress    4 %  fabric.ingress   4 %
> dispatch.read         1.049 us  1.049 us           -        -         -  hbm            100 %  vector.copy      0 %
> dispatch.put          6.925 us  4.925 us           -     2 us         -  vector.put      71 %  fabric.egress   71 %
> dispatch.flags        2.005 us         -           -        -  2.005 us  fabric.egress    0 %  fabric.ingress   0 %
> expert.gemm           78.12 us  78.12 us           -        -         -  hbm            100 %  cube            31 %
> combine.handshake         4 us         -           -     2 us      2 us  -                  -  -                  -
> combine.get           13.83 us   9.83 us           -     4 us         -  vector.get      71 %  fabric.egress   71 %
>
> of all: work 401.8 us (97 %), contention 0 s (0 %), latency 8 us (2 %), synchronisation 6.082 us (1 %)
>
> 10 % faster        time   saved
> hbm            380.7 us  8.46 %
> whole network  414.5 us  0.32 %
> latency        414.6 us  0.31 %
>
> attention.core takes most of the path (65 %); a 10 % faster hbm would save most (8.5 %).
$ epsim explain --machine "node:2 die:8 fabric:100GBps latency:2us" --model qwen3-30b-a3b --ep 16 --scope step
> epsim: explain: --scope layer or exchange, not step
? 2

# The timeline is a JSON array of metadata (M), spans (X) and counters (C), and both runs write the same bytes.
$ epsim explain --machine "node:2 die:8 fabric:100GBps" --model qwen3-30b-a3b --ep 8 --routing uniform --scope exchange --timeline $TMP/a.json >$TMP/text && json_pp -t null <$TMP/a.json && echo valid
> valid
$ grep -o '"ph": "."' $TMP/a.json | sort | uniq | tr '\n' ' '
> "ph": "C" "ph": "M" "ph": "X" 
$ grep -c '"process_name"' $TMP/a.json
> 8
$ epsim explain --machine "node:2 die:8 fabric:100GBps" --model qwen3-30b-a3b --ep 8 --routing uniform --scope exchange --timeline $TMP/b.json >$TMP/text && cmp $TMP/a.json $TMP/b.json && echo same
> same
$ epsim run --machine "node:1 die:8" --model qwen3-30b-a3b --ep 8 --timeline /nowhere/t.json
> epsim: --timeline /nowhere/t.json: cannot be written: No such file or directory
? 2

# Benchmarks are named rows.
$ epsim bench estimate_step_ep256_s --json | grep -e name -e unit
>       "name": "estimate_step_ep256_s",
>       "unit": "s",
$ epsim bench estimate_step
> epsim: bench: there is no benchmark 'estimate_step'; did you mean 'estimate_step_ep256_s'?
? 2
