# How many NPUs serve a load.
$ printf '%s\n' 'machine: "node:4 die:4 fabric:100GBps latency:1us memory:5GB rdma:100GBps"' 'model: {name: tiny, layers: 2, hidden: 1024, vocab: 1024, expert_inter: 1024, experts: 4, top_k: 2, attention: {kind: gqa, heads: 8, kv_heads: 8, head_dim: 128}}' 'workload: {name: short, input: {mean: 100, p50: 80, p90: 200, p99: 400}, output: {mean: 50, p50: 40, p90: 100, p99: 200}}' 'sweep: {name: tiny, flow: [relay2, direct], ep: [1, 2, 4], batch: 16..256 *2, chunk: [64, 128, 256], budget: {ttft: 1ms, tpot: 500us}}' >$TMP/a.yaml
$ epsim plan $TMP/a.yaml --rate 20000
> 3 NPUs of synthetic serve tiny at 20000 requests/s of short within TTFT 1 ms and TPOT 500 us:
> 1 x 1 for prefill (direct EP 1 TP 1 chunk 256) and 2 x 1 for decode (direct EP 1 TP 1 batch 128).
> 100.0 % of requests are within both budgets, and 90 % must be.
> That is 18.8 % of one machine of 16: 1 of its 4 nodes.
> What a million tokens cost needs the price of an NPU-hour: --set machine.extra.npu_hour=N.
>
> headroom: these pools carry up to 28344 requests/s, 42 % more; first to give way: decode throughput at this batch
> limit                            requests/s  x load  then
> decode throughput at this batch       28344    1.42  a larger batch, more decode deployments
> queues: TPOT of decode                29531    1.48  more decode deployments
> KV memory of decode                   34401    1.72  more decode deployments
> prefill throughput                    42061    2.10  more prefill deployments
> room on one machine                  134595    6.73  a second machine
>
> as the load grows, each planned anew:
> load  requests/s  NPUs  machines  prefill  decode   within  with
>   x1       20000     3         1        1       2  100.0 %  direct EP 1 TP 1 chunk 256; direct EP 1 TP 1 batch 128
>   x2       40000     6         1        2       4  100.0 %  direct EP 1 TP 1 chunk 256; relay2 EP 4 TP 1 batch 64
>   x4       80000    10         1        3       7  100.0 %  direct EP 1 TP 1 chunk 256; direct EP 1 TP 1 batch 256
>  x10      200000    22         2        6      16  100.0 %  direct EP 1 TP 1 chunk 256; direct EP 1 TP 1 batch 256
>
> these pools at other loads (2600 requests, lengths drawn from the workload's quantiles, arrivals poisson):
> requests/s  x load   within  TTFT p90  TPOT p90  tok/s/NPU
>       5000    0.25  100.0 %  91.39 us  52.33 us    80536.5
>      10000    0.50  100.0 %  105.4 us  65.81 us   157477.7
>      15000    0.75  100.0 %    122 us  86.28 us   231230.4
>      18000    0.90  100.0 %  135.4 us  104.1 us   273202.9
>      20000    1.00  100.0 %  146.1 us  120.6 us   296442.4
>      22000    1.10  100.0 %  157.6 us  142.8 us   319239.4
>      25000    1.25  100.0 %  185.6 us  187.3 us   347450.2
>      29531    1.48   90.6 %  237.4 us  481.6 us   369514.2
>      30000    1.50   86.9 %    246 us  563.7 us   366713.7
>      40000    2.00   37.2 %  1.274 ms  1.918 ms   360352.6
> goodput, by bisection: 29531 requests/s within both for 90 %
>
> again: epsim serve $TMP/a.yaml --flow direct --ep 1 --max-tokens 256 --max-seqs 128 --instances 1 --decode-instances 2 --decode-ep 1 --decode-tp 1 --decode-flow direct --transfer rdma --arrivals poisson --rate 20000 --lengths drawn --requests 2600 --warmup 520 --slo ttft=1ms,tpot=500us
$ epsim plan $TMP/a.yaml --rate 20000 --set plan.growth.factors=1 --set plan.curve=1 --json
> {
>   "question": null,
>   "machine": "synthetic",
>   "model": "tiny",
>   "workload": "short",
>   "machine_npus": 16,
>   "ttft_budget_s": 0.001,
>   "tpot_budget_s": 0.0005,
>   "wanted_within_ratio": 0.9,
>   "planned_load_ratio": 0.8,
>   "requests_per_s": 20000,
>   "npus": 3,
>   "npus_by_throughput": 3,
>   "machines": 1,
>   "within_budgets_ratio": 1,
>   "prefill": {
>     "npus": 1,
>     "deployments": 1,
>     "flow": "direct",
>     "ep": 1,
>     "tp": 1,
>     "chunk_tokens": 256,
>     "idle_ttft_s": 0.000055342208,
>     "most_requests_per_s": 42060.91766827732
>   },
>   "decode": {
>     "npus": 2,
>     "deployments": 2,
>     "flow": "direct",
>     "ep": 1,
>     "tp": 1,
>     "batch": 128,
>     "idle_tpot_s": 0.00018063564799999994,
>     "most_requests_per_s": 28344.34983730344
>   },
>   "million_tokens_cost": null,
>   "goodput_requests_per_s": 29531.25,
>   "requests_served": 2600,
>   "limits": [
>     {
>       "limit": "decode throughput at this batch",
>       "requests_per_s": 28344.34983730344,
>       "of_load_ratio": 1.417217491865172
>     },
>     {
>       "limit": "queues: TPOT of decode",
>       "requests_per_s": 29531.25,
>       "of_load_ratio": 1.4765625
>     },
>     {
>       "limit": "KV memory of decode",
>       "requests_per_s": 34401.208728000805,
>       "of_load_ratio": 1.7200604364000402
>     },
>     {
>       "limit": "prefill throughput",
>       "requests_per_s": 42060.91766827732,
>       "of_load_ratio": 2.103045883413866
>     },
>     {
>       "limit": "room on one machine",
>       "requests_per_s": 134594.93653848732,
>       "of_load_ratio": 6.729746826924366
>     }
>   ],
>   "growth": [
>     {
>       "load_ratio": 1,
>       "requests_per_s": 20000,
>       "npus": 3,
>       "npus_by_throughput": 3,
>       "machines": 1,
>       "within_budgets_ratio": 1,
>       "prefill": {
>         "npus": 1,
>         "deployments": 1,
>         "flow": "direct",
>         "ep": 1,
>         "tp": 1,
>         "chunk_tokens": 256,
>         "idle_ttft_s": 0.000055342208,
>         "most_requests_per_s": 42060.91766827732
>       },
>       "decode": {
>         "npus": 2,
>         "deployments": 2,
>         "flow": "direct",
>         "ep": 1,
>         "tp": 1,
>         "batch": 128,
>         "idle_tpot_s": 0.00018063564799999994,
>         "most_requests_per_s": 28344.34983730344
>       },
>       "million_tokens_cost": null
>     }
>   ],
>   "curve": [
>     {
>       "requests_per_s": 20000,
>       "within_budgets_ratio": 1,
>       "ttft_p90_s": 0.00014612568144045798,
>       "tpot_p90_s": 0.00012064367568802463,
>       "tokens_per_s_per_npu": 296442.44592855586
>     },
>     {
>       "requests_per_s": 29531.25,
>       "within_budgets_ratio": 0.90625,
>       "ttft_p90_s": 0.0002374040618269666,
>       "tpot_p90_s": 0.0004815821872296405,
>       "tokens_per_s_per_npu": 369514.22118742485
>     }
>   ],
>   "npus_before_rounding": 2.58986,
>   "tornado": [
>
>   ],
>   "again": "epsim serve $TMP/a.yaml --set 'plan.growth.factors=1' --set 'plan.curve=1' --flow direct --ep 1 --max-tokens 256 --max-seqs 128 --instances 1 --decode-instances 2 --decode-ep 1 --decode-tp 1 --decode-flow direct --transfer rdma --arrivals poisson --rate 20000 --lengths drawn --requests 2600 --warmup 520 --slo ttft=1ms,tpot=500us"
> }
$ for j in 1 2; do epsim plan $TMP/a.yaml --rate 20000 --jobs $j | cksum; done | uniq | wc -l
> 1

# What serve makes of the same requests is what the plan says of them.
$ epsim plan $TMP/a.yaml --rate 30000 >$TMP/plan; sed -n '2,3p' $TMP/plan; grep ' 1.00 ' $TMP/plan
> 1 x 1 for prefill (direct EP 1 TP 1 chunk 256) and 3 x 1 for decode (direct EP 1 TP 1 batch 128).
> 100.0 % of requests are within both budgets, and 90 % must be.
>      30000    1.00  100.0 %  231.6 us  115.6 us   337164.2
$ eval "$(sed -n 's/^again: //p' $TMP/plan)" | grep -E 'TTFT|TPOT|^output'
> TTFT        129.2 us  106.9 us  231.6 us  290.2 us  410.3 us
> TPOT        99.68 us  99.19 us  115.6 us  121.3 us  133.8 us
> within TTFT 1 ms TPOT 500 us  100.0 % of requests
> output        1.349e+06 tokens/s, 3.372e+05 a NPU; prompts 2.866e+06 tokens/s
$ epsim plan $TMP/a.yaml --rate 30000 --arrivals gamma --cv 3 >$TMP/plan; sed -n '2,3p' $TMP/plan
> 1 x 1 for prefill (direct EP 1 TP 1 chunk 256) and 3 x 1 for decode (direct EP 1 TP 1 batch 128).
> 94.3 % of requests are within both budgets, and 90 % must be.
$ eval "$(sed -n 's/^again: //p' $TMP/plan)" | grep '^within'
> within TTFT 1 ms TPOT 500 us  94.3 % of requests

# Prices, months, several machines.
$ epsim plan $TMP/a.yaml --rate 30000 --set machine.extra.npu_hour=2 | grep million
> A million output tokens cost 0.00148, at 2 an NPU-hour.
$ epsim plan $TMP/a.yaml --rate 30000 --lengths mean --set plan.growth.monthly=50% --set plan.growth.months=6 | sed -n '/each planned anew/,/^$/p'
> as the load grows, each planned anew:
> month   load  requests/s  NPUs  machines  prefill  decode   within  with
>     0     x1       30000     4         1        1       3  100.0 %  direct EP 1 TP 1 chunk 256; direct EP 1 TP 1 batch 128
>     1   x1.5       45000     6         1        2       4  100.0 %  direct EP 1 TP 1 chunk 256; direct EP 1 TP 1 batch 128
>     2  x2.25       67500     9         1        3       6  100.0 %  direct EP 1 TP 1 chunk 256; direct EP 1 TP 1 batch 128
>     3  x3.38      101250    13         1        4       9  100.0 %  direct EP 1 TP 1 chunk 256; direct EP 1 TP 1 batch 128
>     4  x5.06      151875    18         2        5      13  100.0 %  direct EP 1 TP 1 chunk 256; direct EP 1 TP 1 batch 256
>     5  x7.59      227812    26         2        7      19  100.0 %  direct EP 1 TP 1 chunk 256; direct EP 1 TP 1 batch 256
>     6  x11.4      341719    39         3       11      28  100.0 %  direct EP 1 TP 1 chunk 256; direct EP 1 TP 1 batch 256
>
$ epsim plan $TMP/a.yaml --rate 200000 | sed -n '1,4p'
> 22 NPUs of synthetic serve tiny at 200000 requests/s of short within TTFT 1 ms and TPOT 500 us:
> 6 x 1 for prefill (direct EP 1 TP 1 chunk 256) and 16 x 1 for decode (direct EP 1 TP 1 batch 256).
> 100.0 % of requests are within both budgets, and 90 % must be.
> A machine has 16: 2 machines are needed. No deployment spans two; KV goes between them by RDMA.
$ epsim plan $TMP/a.yaml --rate 200000 --machines 1
> epsim: 22 NPUs on 2 machines are needed, and there may be 1 (plan.machines); one has 16
? 1
$ epsim plan $TMP/a.yaml --rate 200000 --machine 'node:4 die:4 fabric:100GBps latency:1us memory:5GB'
> epsim: more than one machine of 16 NPUs is needed, and KV cannot go between machines: synthetic has no RDMA
? 1
$ epsim plan $TMP/a.yaml --rate 10 --set sweep.budget.tpot=1us
> epsim: no schedule meets the budgets, however many NPUs: TPOT is at least 41.3 us, and may be 1 us
? 1
$ epsim plan $TMP/a.yaml --rate 20000 --set sweep.budget.ttft=60us
> 6 NPUs of synthetic serve tiny at 20000 requests/s of short within TTFT 60 us and TPOT 500 us:
> 4 x 1 for prefill (direct EP 1 TP 1 chunk 256) and 2 x 1 for decode (direct EP 1 TP 1 batch 128).
> 92.4 % of requests are within both budgets, and 90 % must be; queues ask 3 NPUs more than throughput.
> That is 37.5 % of one machine of 16: 2 of its 4 nodes.
> What a million tokens cost needs the price of an NPU-hour: --set machine.extra.npu_hour=N.
>
> headroom: these pools carry up to 27500 requests/s, 38 % more; first to give way: queues: TTFT of prefill
> limit                            requests/s  x load  then
> queues: TTFT of prefill               27500    1.38  more prefill deployments
> decode throughput at this batch       28344    1.42  a larger batch, more decode deployments
> KV memory of decode                   34401    1.72  more decode deployments
> room on one machine                  134595    6.73  a second machine
> prefill throughput                   168244    8.41  more prefill deployments
>
> as the load grows, each planned anew:
> load  requests/s  NPUs  machines  prefill  decode  within  with
>   x1       20000     6         1        4       2  92.4 %  direct EP 1 TP 1 chunk 256; direct EP 1 TP 1 batch 128
>   x2       40000     9         1        5       4  90.8 %  direct EP 1 TP 1 chunk 256; relay2 EP 4 TP 1 batch 64
>   x4       80000    15         1        8       7  91.4 %  direct EP 1 TP 1 chunk 256; direct EP 1 TP 1 batch 256
>  x10      200000    31         2       15      16  90.7 %  direct EP 1 TP 1 chunk 256; direct EP 1 TP 1 batch 256
>
> these pools at other loads (2600 requests, lengths drawn from the workload's quantiles, arrivals poisson):
> requests/s  x load  within  TTFT p90  TPOT p90  tok/s/NPU
>       5000    0.25  93.0 %  55.56 us  52.61 us    40206.4
>      10000    0.50  92.9 %  55.93 us  65.36 us    79185.4
>      15000    0.75  92.5 %  56.63 us  85.81 us   115493.8
>      18000    0.90  92.4 %  56.92 us  104.2 us   136701.1
>      20000    1.00  92.4 %  56.93 us  121.6 us   148931.2
>      22000    1.10  92.0 %   57.6 us  142.9 us   160911.9
>      25000    1.25  91.4 %  58.29 us    188 us   175034.1
>      27500    1.38  90.1 %  59.09 us  241.8 us   181238.3
>      30000    1.50  78.2 %  60.29 us  565.8 us   184265.9
>      40000    2.00  44.6 %  76.17 us  1.989 ms   181510.8
> goodput, by bisection: 27500 requests/s within both for 90 %
>
> again: epsim serve $TMP/a.yaml --set 'sweep.budget.ttft=60us' --flow direct --ep 1 --max-tokens 256 --max-seqs 128 --instances 4 --decode-instances 2 --decode-ep 1 --decode-tp 1 --decode-flow direct --transfer rdma --arrivals poisson --rate 20000 --lengths drawn --requests 2600 --warmup 520 --slo ttft=60us,tpot=500us

# Cases side by side, and a grid of them. What a case saves is the difference of two plans.
$ cp $TMP/a.yaml $TMP/b.yaml && printf '%s\n' 'plan:' '  question: "Relay or direct?"' '  rate: 100000' '  compare:' '    - {flow: relay2, ep: [2, 4]}' '    - {flow: direct, ep: [2, 4]}' >>$TMP/b.yaml
$ epsim plan $TMP/b.yaml
> Relay or direct?
>
> tiny on synthetic, 100000 requests/s of short; TTFT 1 ms and TPOT 500 us for 90 % of requests
>
> case                 NPUs  more  prefill  decode  machines   within  with
> flow=relay2; ep=2,4    14    +0        4      10         1  100.0 %  2 x relay2 EP 2 TP 1 chunk 256; 5 x relay2 EP 2 TP 1 batch 128
> flow=direct; ep=2,4    14    +0        4      10         1  100.0 %  2 x direct EP 2 TP 1 chunk 256; 5 x direct EP 2 TP 1 batch 128
>
> where the difference from 'flow=relay2; ep=2,4' comes from, in whole deployments: its schedules in the other case,
> the schedules that the case rather has, what queues add
> case                 more NPUs  same schedules  chosen anew  queues  the same schedules
> flow=direct; ep=2,4         +0              +0           +0      +0  meet the budgets
>
> the same schedules in each case: NPUs by throughput before rounding; decode (relay2 EP 2 TP 1 batch 128), then prefill (relay2 EP 2 TP 1 chunk 256), idle;
> exchange: dispatch and combine of a step, of a chunk; batch most: what memory allows
> case                 NPUs      TPOT  exchange   buffers  batch most      TTFT  exchange   buffers
> flow=relay2; ep=2,4  12.9  183.3 us  19.19 us  7.873 MB        3890  70.58 us  39.33 us  3.711 MB
> flow=direct; ep=2,4  13.0    187 us  22.92 us  1.575 MB        3944  70.74 us  37.85 us  1.575 MB
>
> 'flow=direct; ep=2,4' needs as many NPUs as 'flow=relay2; ep=2,4': 14.
> Before rounding to deployments the same schedules take 13.0 NPUs in 'flow=direct; ep=2,4' and 12.9 in 'flow=relay2; ep=2,4', 0.9 % more.
$ for f in relay2 direct; do epsim plan $TMP/a.yaml --rate 100000 --set sweep.ep=2,4 --set sweep.flow=$f | sed -n 1p; done
> 14 NPUs of synthetic serve tiny at 100000 requests/s of short within TTFT 1 ms and TPOT 500 us:
> 14 NPUs of synthetic serve tiny at 100000 requests/s of short within TTFT 1 ms and TPOT 500 us:
$ epsim plan $TMP/b.yaml --set 'plan.by=batch=64,batch=256'
> Relay or direct?
>
> tiny on synthetic, 100000 requests/s of short; TTFT 1 ms and TPOT 500 us for 90 % of requests
>
> NPUs; *: the fewest of a column
> case       flow=relay2; ep=2,4  flow=direct; ep=2,4
> batch=64                    16                   16
> batch=256                 * 14                 * 14
>
> case                            NPUs  more  prefill  decode  machines   within  with
> flow=relay2; ep=2,4; batch=64     16    +0        4      12         1  100.0 %  2 x relay2 EP 2 TP 1 chunk 256; 3 x relay2 EP 4 TP 1 batch 64
> flow=relay2; ep=2,4; batch=256    14    -2        4      10         1  100.0 %  2 x relay2 EP 2 TP 1 chunk 256; 5 x relay2 EP 2 TP 1 batch 256
> flow=direct; ep=2,4; batch=64     16    +0        4      12         1  100.0 %  2 x direct EP 2 TP 1 chunk 256; 3 x direct EP 4 TP 1 batch 64
> flow=direct; ep=2,4; batch=256    14    -2        4      10         1  100.0 %  2 x direct EP 2 TP 1 chunk 256; 5 x direct EP 2 TP 1 batch 256
>
> flow=relay2; ep=2,4: batch=256 is best, 14 NPUs.
> flow=direct; ep=2,4: batch=256 is best, 14 NPUs.
$ epsim plan $TMP/b.yaml --json | grep -E '"(case|npus|npus_by_throughput|own_schedules_npus)"'
>       "case": "flow=relay2; ep=2,4",
>       "npus": 14,
>       "npus_by_throughput": 14,
>         "npus": 4,
>         "npus": 10,
>         "own_schedules_npus": 14,
>       "case": "flow=direct; ep=2,4",
>       "npus": 14,
>       "npus_by_throughput": 14,
>         "npus": 4,
>         "npus": 10,
>         "own_schedules_npus": 14,
$ epsim plan $TMP/b.yaml --out $TMP/out >/dev/null && cat $TMP/out/cases.csv && ls $TMP/out && epsim config check $TMP/out/config.yaml
> case,prefill_npus,decode_npus,npus,machines,within_percent,npus_same_schedules,npus_own_schedules
> "flow=relay2; ep=2,4",4,10,14,1,100,12.8702313,12.8702313
> "flow=direct; ep=2,4",4,10,14,1,100,12.9800548,12.9800548
> cases.csv
> cases.gp
> cases.png
> cases.svg
> config.yaml
> plan.json
> summary.txt
> $TMP/out/config.yaml: good: machine model workload routing schedule sweep serving plan (90 schedules)
$ epsim plan $TMP/a.yaml --rate 20000 --out $TMP/one --set plan.growth.factors=1,2 --set plan.curve=0.5,1 >/dev/null && cat $TMP/one/growth.csv $TMP/one/goodput.csv $TMP/one/limits.csv $TMP/one/tornado.csv && ls $TMP/one
> step,load_ratio,requests_per_s,prefill_npus,decode_npus,npus,machines,within_percent
> 0,1,20000,1,2,3,1,100
> 1,2,40000,2,4,6,1,100
> requests_per_s,load_ratio,within_percent,ttft_p90_s,tpot_p90_ms,tokens_per_s_per_npu
> 10000,0.5,100,0.000105392745,0.0658119956,157477.667
> 20000,1,100,0.000146125681,0.120643676,296442.446
> 29531.25,1.4765625,90.625,0.000237404062,0.481582187,369514.221
> limit,requests_per_s,load_ratio,then
> "decode throughput at this batch",28344.3498,1.41721749,"a larger batch, more decode deployments"
> "queues: TPOT of decode",29531.25,1.4765625,"more decode deployments"
> "KV memory of decode",34401.2087,1.72006044,"more decode deployments"
> "prefill throughput",42060.9177,2.10304588,"more prefill deployments"
> "room on one machine",134594.937,6.72974683,"a second machine"
> number,sd_percent,low_npus,npus,high_npus,low_rechosen,high_rechosen
> config.yaml
> goodput.csv
> goodput.gp
> goodput.png
> goodput.svg
> growth.csv
> growth.gp
> growth.png
> growth.svg
> limits.csv
> plan.json
> summary.txt
> tornado.csv

# What is wrong is told with its place.
$ epsim plan $TMP/a.yaml
> epsim: plan: --rate is needed, requests a second: workload short has none
? 2
$ epsim plan $TMP/a.yaml --rate 0
> epsim: --rate: 0 is not above 0
? 2
$ epsim plan --rate 3
> epsim: plan: one FILE is needed, such as configs/plans/deepseek-v3.1-cm384-azure10x.yaml
? 2
$ epsim plan $TMP/a.yaml --rate 5 --arrivals poison
> epsim: --arrivals: plan.arrivals: there is no 'poison'; did you mean 'poisson'?
? 2
$ epsim plan $TMP/a.yaml --rate 5 --arrivals replay
> epsim: plan.arrivals: replay needs a trace with times: --trace FILE
? 2
$ epsim plan $TMP/a.yaml --rate 5 --within 120%
> epsim: --within: '120%' is out of range; it must be from 0.01 to 1
? 2
$ epsim plan $TMP/a.yaml --rate 5 --set plan.growth.months=3
> epsim: --rate: plan.growth.months needs growth.monthly, such as 10%
? 2
$ epsim plan $TMP/a.yaml --rate 5 --set sweep.machines=atlas-a2
> epsim: plan: the sweep lists machines, models or workloads; as cases of a plan they stand in plan.compare
? 2
$ (cat $TMP/a.yaml; printf '%s\n' 'plan:' '  rate: 5' '  witin: 90%') >$TMP/c.yaml; epsim plan $TMP/c.yaml
> epsim: $TMP/c.yaml:7: unknown key 'witin'; did you mean 'within'?
? 2
$ (cat $TMP/a.yaml; printf '%s\n' 'plan:' '  rate: 5' '  compare:' '    - {flow: direct}' '    - {routing.max_maen: 2}') >$TMP/c.yaml; epsim plan $TMP/c.yaml
> epsim: $TMP/c.yaml:9: plan.compare: unknown key 'max_maen'; did you mean 'max_mean'?
? 2
$ (cat $TMP/a.yaml; printf '%s\n' 'plan:' '  rate: 5' '  compare: {flow: {a: b}}') >$TMP/c.yaml; epsim plan $TMP/c.yaml
> epsim: $TMP/c.yaml:7: plan: 'flow' of a case takes a value or a list of them
? 2
