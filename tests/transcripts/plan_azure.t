# DeepSeek-V3.1 on CloudMatrix384 at ten times Azure's conversations, by the workload's figures.
# ctest: plain 600
$ epsim plan configs/plans/deepseek-v3.1-cm384-azure10x.yaml | sed -n '1,6p;/^headroom/,/^goodput/p'
> How many NPUs serve DeepSeek-V3.1 on CloudMatrix384 at 10x the Azure conversation trace?
>
> 112 NPUs of cloudmatrix384 serve deepseek-v3.1 at 55.3 requests/s of azure-conv within TTFT 2 s and TPOT 50 ms:
> 3 x 16 for prefill (relay2 EP 16 TP 4 chunk 16384) and 1 x 64 for decode (direct EP 64 TP 2 batch 24).
> 100.0 % of requests are within both budgets, and 90 % must be; queues ask 16 NPUs more than throughput.
> That is 14.6 % of one machine of 768: 7 of its 48 nodes.
> headroom: these pools carry up to 85.54 requests/s, 55 % more; first to give way: queues: TTFT of prefill
> limit                            requests/s  x load  then
> queues: TTFT of prefill               85.54    1.55  more prefill deployments
> decode throughput at this batch       90.94    1.64  a larger batch, more decode deployments
> prefill throughput                    112.7    2.04  more prefill deployments
> KV memory of decode                   438.7    7.93  more decode deployments
> room on one machine                   509.3    9.21  a second machine
>
> as the load grows, each planned anew:
> load  requests/s  NPUs  machines  prefill  decode   within  with
>   x1        55.3   112         1       48      64  100.0 %  relay2 EP 16 TP 4 chunk 16384; direct EP 64 TP 2 batch 24
>   x2       110.6   128         1       64      64   99.3 %  relay2 EP 16 TP 4 chunk 16384; direct EP 64 TP 1 batch 24
>   x4       221.2   256         1      128     128   99.8 %  relay2 EP 16 TP 4 chunk 16384; direct EP 128 TP 1 batch 24
>  x10         553   560         1      304     256   99.5 %  direct EP 16 TP 4 chunk 16384; direct EP 128 TP 1 batch 24
>
> these pools at other loads (3500 requests, lengths drawn from the workload's quantiles, arrivals poisson):
> requests/s  x load   within  TTFT p90  TPOT p90  tok/s/NPU
>      13.83    0.25  100.0 %  323.9 ms  36.47 ms       23.2
>      27.65    0.50  100.0 %  350.9 ms  37.28 ms       42.5
>      41.48    0.75  100.0 %  437.4 ms  38.11 ms       58.6
>      49.77    0.90  100.0 %  526.5 ms  38.61 ms       67.1
>       55.3    1.00  100.0 %  644.3 ms  38.94 ms       72.3
>      60.83    1.10  100.0 %  753.8 ms  39.29 ms       77.1
>      69.12    1.25  100.0 %  998.9 ms  39.77 ms       83.9
>      82.95    1.50   93.9 %   1.888 s  40.88 ms       92.8
>      85.54    1.55   91.7 %   1.952 s  40.94 ms       94.4
>      110.6    2.00    1.8 %   4.788 s  55.98 ms       95.9
> goodput, by bisection: 85.54 requests/s within both for 90 %
