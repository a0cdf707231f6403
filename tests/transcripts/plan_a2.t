# Qwen3-235B on Atlas A2 servers, over a year.
# ctest: full plain 600
$ epsim plan configs/plans/qwen3-235b-a2.yaml | sed -n '1,6p;/^headroom/p;/each planned/,/^$/p;/^what the answer/,/^$/p'
> How many Atlas A2 servers does Qwen3-235B need, this year?
>
> 80 NPUs of atlas-a2 serve qwen3-235b-a22b at 60 requests/s of azure-conv within TTFT 2 s and TPOT 50 ms:
> 4 x 8 for prefill (direct EP 8 TP 1 chunk 8192) and 3 x 16 for decode (relay2 EP 16 TP 1 batch 16).
> 100.0 % of requests are within both budgets, and 90 % must be; queues ask 8 NPUs more than throughput.
> That is 62.5 % of one machine of 128: 10 of its 16 nodes.
> headroom: these pools carry up to 76.88 requests/s, 28 % more; first to give way: queues: TTFT of prefill
> as the load grows, each planned anew:
> month   load  requests/s  NPUs  machines  prefill  decode   within  with
>     0     x1          60    80         1       32      48  100.0 %  direct EP 8 TP 1 chunk 8192; relay2 EP 16 TP 1 batch 16
>     1   x1.1          66    80         1       32      48   99.6 %  direct EP 8 TP 1 chunk 8192; relay2 EP 16 TP 1 batch 16
>     2  x1.21        72.6    96         1       32      64   98.6 %  direct EP 8 TP 1 chunk 8192; relay2 EP 32 TP 1 batch 16
>     3  x1.33       79.86   104         1       40      64  100.0 %  direct EP 8 TP 1 chunk 8192; relay2 EP 32 TP 1 batch 16
>     4  x1.46       87.85   104         1       40      64   99.2 %  direct EP 8 TP 1 chunk 8192; relay2 EP 32 TP 1 batch 16
>     5  x1.61       96.63   112         1       48      64  100.0 %  direct EP 8 TP 1 chunk 8192; relay2 EP 32 TP 4 batch 96
>     6  x1.77       106.3   112         1       48      64   99.5 %  direct EP 8 TP 1 chunk 8192; relay2 EP 32 TP 4 batch 96
>     7  x1.95       116.9   112         1       48      64   95.3 %  direct EP 8 TP 1 chunk 8192; relay2 EP 32 TP 4 batch 96
>     8  x2.14       128.6   152         2       56      96   99.5 %  direct EP 8 TP 1 chunk 8192; relay2 EP 32 TP 1 batch 16
>     9  x2.36       141.5   160         2       64      96  100.0 %  direct EP 8 TP 1 chunk 8192; relay2 EP 32 TP 4 batch 96
>    10  x2.59       155.6   160         2       64      96   95.7 %  direct EP 8 TP 1 chunk 8192; relay2 EP 32 TP 4 batch 96
>    11  x2.85       171.2   168         2       72      96   98.6 %  direct EP 8 TP 1 chunk 8192; relay2 EP 32 TP 4 batch 96
>    12  x3.14       188.3   208         2       80     128   99.5 %  direct EP 8 TP 1 chunk 8192; relay2 EP 32 TP 4 batch 96
>
> what the answer hangs on: 8 widest of 46 uncertain numbers that move it; NPUs by throughput before rounding, 63.0 as it is:
> number                          sd  NPUs at -sd  at +sd
> plan.rate                     20 %         52.5    75.5
> kernels of dispatch           26 %         61.0    65.5
> kernels of combine            26 %         61.3    65.1
> machine.fabric.get            30 %         64.3    62.0
> machine.sync.kernel           40 %         62.3    63.9
> machine.cube.launch           40 %         62.3    63.9
> machine.vector.quantise_core  57 %         63.9    62.4
> machine.fabric.put            21 %         63.7    62.4
>
