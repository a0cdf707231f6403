# Two ranks, two experts, top-2: each rank's 64 tokens send 64 rows to themselves and 64 to the
# other. A BF16 row has 2 x 1024 bytes, so 131072 bytes cross the fabric in 1 us, and come back in
# another. Control messages have 36 bytes. HBM: 128 rows read and 128 written in dispatch, 128 read
# and 64 tokens written in combine, 448 x 2048 = 917504 bytes.
# Weights: 2 layers x (32 heads of 128 x 1024 + 3 x 1024 x 1024) in int8, a table of 1024 x 1024 in
# BF16, 2 gates. KV: 64 x 4097 tokens x 2 layers x 2 x 1024 in BF16.
$ echo 'model: {name: tiny, layers: 2, hidden: 1024, vocab: 1024, expert_inter: 1024, experts: 2, top_k: 2, attention: {kind: gqa, heads: 8, kv_heads: 8, head_dim: 128}}' >$TMP/tiny.yaml
$ epsim run $TMP/tiny.yaml --machine 'die:2 fabric:131.072GBps' --ep 2 --dispatch bf16 --scope exchange
> tiny on synthetic: direct, decode
> EP 2, TP 1, 2 NPUs; 64 new tokens an attention group, context 4096
> dispatch bf16, weights int8, KV bf16; 1 micro-batch, 1 vector cores; engine fluid
>
> dispatch and combine  2 us
>
> phase                  time   share
> dispatch.counts  0.06104 ns   0.0 %
> dispatch.put           1 us  50.0 %
> dispatch.flags    0.2441 ns   0.0 %
> combine.get            1 us  50.0 %
>
> resources of the exchange, mean of all and busiest
>
> resource           moved     busy  busiest
> hbm             917.5 kB   45.9 %   45.9 %
> fabric.egress   262.2 kB  100.0 %  100.0 %
> fabric.ingress  262.2 kB  100.0 %  100.0 %
> vector.put      131.1 kB   50.0 %   50.0 %
> vector.get      131.1 kB   50.0 %   50.0 %
> vector.copy     655.4 kB    0.0 %    0.0 %
>
> memory  2.167 GB of 1 TB usable; up to 29769 requests of this context an attention group
>
> memory              where           held       a rank
> weights             HBM             always   16.79 MB
> KV cache            HBM             request  2.148 GB
> activations         HBM             step     1.311 MB
> expert window       symmetric heap  layer    262.1 kB
> expert output       symmetric heap  layer    262.1 kB
> counts and offsets  symmetric heap  layer        32 B
> domain state        symmetric heap  domain        0 B

# Through relay windows, HBM and vector cores nearly free: slots of 2560 bytes take 1.25 us, rows
# come back in 1 us, and their flags, 64 x 32 bytes, in 1/64 us.
$ epsim run $TMP/tiny.yaml --machine 'die:2 fabric:131.072GBps hbm:1000TBps' --ep 2 --dispatch bf16 --scope exchange --flow relay2 | sed -n 5p
> dispatch and combine  2.267 us

# A latency of 1 us: counts and a flag; rows; flags and a flag; a flag and a handshake there and
# back; a read there and back.
$ epsim run $TMP/tiny.yaml --machine 'die:2 fabric:131.072GBps latency:1us' --ep 2 --dispatch bf16 --scope exchange | sed -n '5,12p'
> dispatch and combine  9 us
>
> phase              time   share
> dispatch.counts    1 us  11.1 %
> dispatch.put       2 us  22.2 %
> dispatch.flags     1 us  11.1 %
> combine.handshake  2 us  22.2 %
> combine.get        3 us  33.3 %

# A whole step, and a layer.
$ epsim run $TMP/tiny.yaml --machine die:2 --ep 2
> tiny on synthetic: direct, decode
> EP 2, TP 1, 2 NPUs; 64 new tokens an attention group, context 4096
> dispatch int8, weights int8, KV bf16; 1 micro-batch, 1 vector cores; engine fluid
>
> step  2.173 ms  (one MoE layer 1.086 ms)
>
> phase          time   share
> attention  2.158 ms  99.3 %
> gate       794.6 ns   0.0 %
> dispatch   1.841 us   0.1 %
> expert     8.389 us   0.4 %
> combine    2.621 us   0.1 %
> head       1.835 us   0.1 %
>
> resources of one MoE layer, mean of all and busiest
>
> resource              moved    busy  busiest
> hbm                1.084 GB  99.9 %   99.9 %
> fabric.egress      196.9 kB   0.2 %    0.2 %
> fabric.ingress     196.9 kB   0.2 %    0.2 %
> vector.put         65.79 kB   0.1 %    0.1 %
> vector.get         131.1 kB   0.1 %    0.1 %
> vector.copy        590.1 kB   0.0 %    0.0 %
> cube            2.416 Gflop   0.2 %    0.2 %
>
> memory  2.166 GB of 1 TB usable; up to 29770 requests of this context an attention group
>
> memory              where           held       a rank
> weights             HBM             always   16.79 MB
> KV cache            HBM             request  2.148 GB
> activations         HBM             step     1.311 MB
> expert window       symmetric heap  layer    131.6 kB
> expert output       symmetric heap  layer    262.1 kB
> counts and offsets  symmetric heap  layer        32 B
> domain state        symmetric heap  domain        0 B
$ epsim run $TMP/tiny.yaml --machine die:2 --ep 2 --scope layer --phase prefill --chunk 100 --routing uniform | sed -n '1,6p'
> tiny on synthetic: direct, prefill
> EP 2, TP 1, 2 NPUs; 100 new tokens an attention group, context 0
> dispatch int8, weights int8, KV bf16; 1 micro-batch, 1 vector cores; engine fluid
> hottest expert 1.00 times the mean, busiest rank 1.00 times
>
> one MoE layer  14.52 us

# JSON: what was asked, then what was found.
$ epsim run $TMP/tiny.yaml --machine die:2 --ep 2 --json | sed -n 's/^\( *\)"\([a-z_.A-Z]*\)":.*/\1\2/p' | awk '!seen[$0]++'
>   machine
>   model
>   flow
>   engine
>   phase
>   ep
>   tp
>   npus
>   dispatch
>   weights
>   kv
>   micro_batches
>   streams
>   attention_cores
>   vector_cores
>   query_tokens
>   context_tokens
>   context_spread_ratio
>   placement
>   replicas
>   shared_slots
>   seed
>   scope
>   time_s
>   layer_s
>   interval_s
>   expert_max_mean_ratio
>   rank_max_mean_ratio
>   phase_s
>     attention
>     exchange
>     gate
>     dispatch
>     expert
>     combine
>     dense
>     head
>   resources
>       kind
>       moved_bytes
>       busy_ratio
>       busiest_ratio
>       moved_flop
>   memory
>     usable_bytes
>     total_bytes
>     weights_bytes
>     kv_bytes
>     activation_bytes
>     buffers_bytes
>     batch_most
>     buffers
>         name
>         memory
>         held
>         bytes
$ epsim run $TMP/tiny.yaml --machine die:2 --ep 2 --json | sed -n '1,/scope/p'
> {
>   "machine": "synthetic",
>   "model": "tiny",
>   "flow": "direct",
>   "engine": "fluid",
>   "phase": "decode",
>   "ep": 2,
>   "tp": 1,
>   "npus": 2,
>   "dispatch": "int8",
>   "weights": "int8",
>   "kv": "bf16",
>   "micro_batches": 1,
>   "streams": 1,
>   "attention_cores": 0,
>   "vector_cores": 1,
>   "query_tokens": 64,
>   "context_tokens": 4096,
>   "context_spread_ratio": 0,
>   "placement": "contiguous",
>   "replicas": 0,
>   "shared_slots": 0,
>   "seed": 0,
>   "scope": "step",

# The answer is no.
$ epsim run $TMP/tiny.yaml --machine die:2 --ep 4
> epsim: this schedule cannot run: EP does not divide the number of experts
? 1
$ epsim run $TMP/tiny.yaml --machine 'die:2 memory:1GB' --ep 2 >$TMP/report
> epsim: it does not fit: a rank needs 2.2 GB of 1.0 GB
? 1

# Random routing: the same seed, the same figures; another seed, others.
$ for s in 1 2; do epsim run --machine die:8 --model qwen3-30b-a3b --ep 8 --routing uniform --seed $s --json | grep -v seed >$TMP/$s; done; epsim run --machine die:8 --model qwen3-30b-a3b --ep 8 --routing uniform --json --seed 1 | grep -v seed | cmp - $TMP/1 && cmp -s $TMP/1 $TMP/2 || echo differ
> differ
