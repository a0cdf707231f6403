# Four requests of 64 tokens in and 4 out: each needs a step for its prompt and three more. A step takes
# 10 ms and next to nothing, since the machine's rates are generous. Two fit in a batch: the second
# starts when the first step ends, the third when the first request is done.
$ echo 'model: {name: tiny, layers: 1, dense_layers: 1, hidden: 1024, vocab: 1024, dense_inter: 1024, attention: {kind: gqa, heads: 8, kv_heads: 8, head_dim: 128}}' >$TMP/tiny.yaml
$ { echo start_offset_ns,context_tokens,generated_tokens; for t in 0 1000000 2000000 500000000; do echo $t,64,4; done; } >$TMP/trace.csv
$ epsim serve $TMP/tiny.yaml --machine 'die:1 hbm:1TBps' --ep 1 --weights bf16 --trace $TMP/trace.csv --max-seqs 2 --set machine.serving.step=10ms --slo ttft=20ms,tpot=15ms --out $TMP/requests.csv
> tiny on synthetic: direct, vllm-v1, router least-loaded
> 1 instance of 1 NPU: EP 1, TP 1, 1 attention group with 244128849 tokens of KV each
> 4 requests of trace.csv, arrivals replay: 6 a second, served in 0.5401 s
>
>                 mean       P50       P90       P95       P99
> TTFT        21.79 ms  14.53 ms  39.38 ms  43.73 ms  47.22 ms
> TPOT        10.02 ms  10.02 ms  10.02 ms  10.02 ms  10.02 ms
> ITL         10.02 ms  10.02 ms  10.03 ms  10.03 ms  10.03 ms
> end to end  51.84 ms  44.58 ms  69.43 ms  73.79 ms  77.27 ms
> waiting     11.77 ms  4.509 ms  29.36 ms  33.71 ms   37.2 ms
>
> within TTFT 20 ms TPOT 15 ms  75.0 % of requests
> output        29.63 tokens/s, 29.63 a NPU; prompts 474 tokens/s
> busy          22.3 % of the time; 12 steps in 11 events
> waiting       0.08719 requests on average, 2 at most; running 0.2968, 2
> KV memory     0.0 % used on average, 0.0 % of a group at most
$ cut -d, -f1-9 $TMP/requests.csv
> request,arrival_s,scheduled_s,first_token_s,last_token_s,input_tokens,output_tokens,prefix_hit_tokens,preempted
> 0,0,0,0.0100187535,0.0400725934,64,4,0,0
> 1,0.001,0.0100187535,0.0200378102,0.0500916582,64,4,0,0
> 2,0.002,0.0400725934,0.0500916582,0.0801429115,64,4,0,0
> 3,0.5,0.5,0.510018754,0.540070007,64,4,0,0
$ epsim serve $TMP/tiny.yaml --machine 'die:1 hbm:1TBps' --ep 1 --weights bf16 --trace $TMP/trace.csv --max-seqs 2 --set machine.serving.step=10ms --timeline $TMP/t.json --json | grep -E '"(steps|events|done|offered_requests_per_s)"'
>   "done": 4,
>   "offered_requests_per_s": 6,
>   "steps": 12,
>   "events": 11,
$ grep -c '"ph": "X"' $TMP/t.json
> 7
# What cannot be served, and slips of the hand.
$ epsim serve $TMP/tiny.yaml --machine 'die:1 memory:1MB' --ep 1 --weights bf16 --trace $TMP/trace.csv
> epsim: no memory is left for KV cache: a rank holds 48.2 MB of 1 MB
? 1
$ epsim serve $TMP/tiny.yaml --machine 'die:1' --ep 1 --weights bf16 --trace $TMP/trace.csv --router flop
> epsim: serving.router: there is no 'flop'; did you mean 'flops'? (see `epsim list policies`)
? 2
$ epsim serve $TMP/tiny.yaml --machine 'die:1' --ep 1 --weights bf16 --trace $TMP/trace.csv --slo tfft=5s
> epsim: --slo: 'tfft=5s' is no limit; did you mean 'ttft'? (such as ttft=5s,tpot=60ms)
? 2
$ epsim serve $TMP/tiny.yaml --machine 'die:1' --ep 1 --weights bf16 --workload azure-conv
> epsim: serve: --rate is needed, requests a second
? 2
$ epsim serve $TMP/tiny.yaml --machine 'die:1' --ep 1 --weights bf16 --trace $TMP/trace.csv --arrivals poison --rate 3
> epsim: --arrivals: there is no 'poison'; did you mean 'poisson'? (replay, poisson, gamma, even)
? 2
$ epsim serve $TMP/tiny.yaml --machine 'die:1' --ep 1 --weights bf16 --trace $TMP/trace.csv --max-seqs 4096
> epsim: --max-seqs: serving.max_tokens 2048 is below the 4096 that max_seqs requests decode in a step
? 2
$ epsim serve $TMP/tiny.yaml --machine 'die:1' --ep 2 --weights bf16 --trace $TMP/trace.csv
> epsim: this schedule cannot prefill: more NPUs than the machine has
? 1
$ epsim serve $TMP/tiny.yaml --machine 'die:1' --ep 1 --weights bf16 --trace $TMP/trace.csv --timeline $TMP/t.json --instance 1
> epsim: --instance: there is no 1, they are 0 to 0
? 2
$ epsim serve $TMP/tiny.yaml --machine 'die:1' --ep 1 --weights bf16 --trace $TMP/trace.csv --warmup 2 --cooldown 2
> epsim: --cooldown: 2 of 2 requests leaves none
? 2
# The same with other arrivals: figures with intervals, and paired differences.
$ epsim serve $TMP/tiny.yaml --machine 'die:1 hbm:1TBps' --ep 1 --weights bf16 --trace $TMP/trace.csv --max-seqs 2 --set machine.serving.step=10ms --arrivals poisson --rate 20 --requests 2000 --seeds 5 --against machine.serving.step=11ms
> 5 seeds, the same arrivals for both; means and their 95 % intervals
>
>                                     here                against             difference
> TTFT mean           16.59 ms +- 722.2 us   19.48 ms +- 1.085 ms   2.895 ms +- 372.6 us  +17.5 %  more
> TTFT P90            30.18 ms +- 2.831 ms   37.59 ms +- 3.255 ms    7.417 ms +- 1.14 ms  +24.6 %  more
> TPOT mean           10.02 ms +- 9.183 ns    11.02 ms +- 13.4 ns       1 ms +- 5.733 ns  +10.0 %  more
> TPOT P90         10.02 ms +- 2.408e-9 ns  11.02 ms +- 0.7582 ns      1 ms +- 0.7582 ns  +10.0 %  more
> end to end mean     46.64 ms +- 722.2 us   52.53 ms +- 1.085 ms   5.895 ms +- 372.6 us  +12.6 %  more
> running at once        0.7957 +- 0.01717      0.8751 +- 0.01888    0.07939 +- 0.001712  +10.0 %  more
> output tokens/s           79.43 +- 1.714         79.42 +- 1.714  -0.003966 +- 0.002604   -0.0 %  less
$ epsim serve $TMP/tiny.yaml --machine 'die:1' --ep 1 --weights bf16 --trace $TMP/trace.csv --seeds 5
> epsim: --seeds: replayed arrivals are always the same; --arrivals poisson
? 2
$ epsim serve $TMP/tiny.yaml --machine 'die:1' --ep 1 --weights bf16 --trace $TMP/trace.csv --arrivals poisson --rate 5 --seeds 5 --out x.csv
> epsim: --seeds: not together with --out
? 2
$ epsim serve $TMP/tiny.yaml --machine 'die:1' --ep 1 --weights bf16 --trace $TMP/trace.csv --against schedule.tp=2
> epsim: --against: needs --seeds N
? 2
