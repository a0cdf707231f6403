# How many NPUs serve a load.
$ printf '%s\n' 'machine: "node:4 die:4 fabric:100GBps latency:1us memory:5GB"' 'model: {name: tiny, layers: 2, hidden: 1024, vocab: 1024, expert_inter: 1024, experts: 4, top_k: 2, attention: {kind: gqa, heads: 8, kv_heads: 8, head_dim: 128}}' 'workload: {name: short, input: {mean: 100, p50: 80, p90: 200, p99: 400}, output: {mean: 50, p50: 40, p90: 100, p99: 200}}' 'sweep: {name: tiny, flow: [relay2, direct], ep: [1, 2, 4], batch: 16..256 *2, chunk: [64, 128, 256], budget: {ttft: 1ms, tpot: 500us}}' >$TMP/a.yaml
$ epsim plan $TMP/a.yaml --rate 20000
> 3 NPUs of synthetic serve tiny at 20000 requests/s of short within TTFT 1 ms and TPOT 500 us:
> 1 x 1 for prefill (direct EP 1 TP 1 chunk 256) and 2 x 1 for decode (direct EP 1 TP 1 batch 128).
> 100.0 % of requests are within both budgets.
>
> headroom: prefill is planned for up to 3.365e+04 requests/s (x1.68), decode for 2.268e+04 (x1.13);
> the machine has room for 1.346e+05 (x6.73). First to give way: decode
>
> as the load grows, by throughput alone:
> requests/s  NPUs  prefill  decode  with
>      20000     3        1       2  direct EP 1 TP 1 chunk 256; direct EP 1 TP 1 batch 128
>      40000     6        2       4  direct EP 1 TP 1 chunk 256; relay2 EP 4 TP 1 batch 64
>      80000    10        3       7  direct EP 1 TP 1 chunk 256; direct EP 1 TP 1 batch 256
>     200000    22        6      16  direct EP 1 TP 1 chunk 256; direct EP 1 TP 1 batch 256
>
> served through queues, Poisson arrivals:
> requests/s   within  TTFT p90  TPOT p90  tok/s/NPU
>      10000  100.0 %  87.43 us  52.62 us   147925.7
>      16000  100.0 %  99.12 us  72.63 us   243163.9
>      20000  100.0 %  115.2 us  88.78 us   305482.6
>      22000  100.0 %  126.3 us  105.1 us   335513.8
>      25000  100.0 %  141.4 us  134.1 us   374136.2
>      30000  100.0 %  176.3 us  197.8 us   422285.4
$ epsim plan $TMP/a.yaml --rate 20000 --json
> {
>   "machine": "synthetic",
>   "model": "tiny",
>   "workload": "short",
>   "requests_per_s": 20000,
>   "npus": 3,
>   "npus_by_throughput": 3,
>   "machine_npus": 16,
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
>   "prefill_limit_requests_per_s": 33648.73413462185,
>   "decode_limit_requests_per_s": 22675.479869842755,
>   "machine_limit_requests_per_s": 134594.93653848732,
>   "million_tokens_cost": 0
> }
$ for j in 1 2; do epsim plan $TMP/a.yaml --rate 20000 --jobs $j | cksum; done | uniq | wc -l
> 1
$ epsim plan $TMP/a.yaml --rate 100000 | sed -n '2,3p'
> 3 x 1 for prefill (direct EP 1 TP 1 chunk 256) and 8 x 1 for decode (direct EP 1 TP 1 batch 256).
> 100.0 % of requests are within both budgets.
$ epsim plan $TMP/a.yaml --rate 10 --set sweep.budget.tpot=1us
> epsim: no schedule meets the budgets, however many NPUs
? 1
$ epsim plan $TMP/a.yaml
> epsim: plan: --rate is needed, requests a second
? 2
$ epsim plan $TMP/a.yaml --rate 0
> epsim: --rate: 0 is not above 0
? 2
$ epsim plan --rate 3
> epsim: plan: one FILE of a sweep is needed
? 2
