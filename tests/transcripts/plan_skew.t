# The EP degree when routing skew doubles.
# ctest: full plain 600
$ epsim plan configs/plans/ep-when-skew-doubles.yaml | cut -c1-150
> What should the EP degree be when routing skew doubles?
>
> deepseek-v3.1 on cloudmatrix384, 400 requests/s of azure-conv; TTFT 2 s and TPOT 50 ms for 90 % of requests
>
> NPUs; *: the fewest of a column
> case    routing.max_mean=2  routing.max_mean=4
> ep=16                   no                  no
> ep=32                  640               * 672
> ep=64                * 576                 704
> ep=128                 768                 896
>
> case                        NPUs  more  prefill  decode  machines   within  with
> routing.max_mean=2; ep=16      -     -        -       -         -        -  no schedule meets the budgets, however many NPUs: TPOT is at least 55.1 ms
> routing.max_mean=2; ep=32    640    +0      320     320         1   98.9 %  10 x direct EP 32 TP 2 chunk 16384; 10 x direct EP 32 TP 2 batch 32
> routing.max_mean=2; ep=64    576   -64      384     192         1   98.7 %  6 x direct EP 64 TP 2 chunk 16384; 3 x direct EP 64 TP 2 batch 64
> routing.max_mean=2; ep=128   768  +128      512     256         1  100.0 %  4 x direct EP 128 TP 2 chunk 16384; 2 x direct EP 128 TP 2 batch 48
> routing.max_mean=4; ep=16      -     -        -       -         -        -  no schedule meets the budgets, however many NPUs: TPOT is at least 55.1 ms
> routing.max_mean=4; ep=32    672   +32      352     320         1   99.6 %  11 x direct EP 32 TP 2 chunk 16384; 10 x direct EP 32 TP 2 batch 32
> routing.max_mean=4; ep=64    704   +64      448     256         1   99.7 %  7 x direct EP 64 TP 2 chunk 16384; 4 x direct EP 64 TP 2 batch 48
> routing.max_mean=4; ep=128   896  +256      640     256         2  100.0 %  5 x direct EP 128 TP 2 chunk 16384; 2 x direct EP 128 TP 2 batch 48
>
> routing.max_mean=2: ep=64 is best, 576 NPUs.
> routing.max_mean=4: ep=32 is best, 672 NPUs.
