# Operators alone: predicted, compared with a table, fitted to it.
$ epsim compute predict gemm 1000 3000 2000 --machine "flops:100TFLOPS hbm:1TBps"
> 120 us: 0 s of launch and what nothing hides, then the longer of 120 us of cube and 16 us of HBM
$ epsim compute predict gemm 64 7168 2048 --type int8 --machine atlas-a2 --json | head -n 3
> {
>   "time_s": 0.000035010532350411866,
>   "wait_s": 0.000025753572350411866,
$ epsim compute predict decode 64 4096 64 8 128 --machine "flops:100TFLOPS hbm:1TBps"
> 1.074 ms: 0 s of launch and what nothing hides, then the longer of 85.9 us of cube and 1.074 ms of HBM
$ epsim compute predict grouped 8 256 4096 7168 --type fp8 --machine atlas-a2
> epsim: machine atlas-a2 does not compute in fp8
? 1
$ epsim compute predict gem 64 7168 2048 --machine atlas-a2
> epsim: compute predict: gemm, grouped, prefill or decode is needed, not 'gem'; did you mean 'gemm'?
? 2
$ epsim compute predict gemm 64 7168 --machine atlas-a2
> epsim: compute predict gemm: 3 sizes are needed: M N K
? 2
$ epsim compute predict gemm 64 7168 0 --machine atlas-a2
> epsim: compute predict gemm: '0' is no whole number above zero
? 2
$ epsim compute fits
> epsim: compute: validate, fit or predict is needed, not 'fits'; did you mean 'fit'?
? 2
$ epsim compute fit --machine atlas-a2
> epsim: compute fit: a FILE of measured operators is needed
? 2

# Rows made by hand for a machine of 100 TFLOPS and 1 TB/s, then one that is twice as long.
$ { echo quant,m,k,n,latency_us; for m in 1000 2000 3000 4000 5000; do echo bf16,$m,2000,3000,$((m * 12 / 100)); done; echo bf16,6000,2000,3000,1440; } > $TMP/made.csv
$ epsim compute validate $TMP/made.csv --machine "flops:100TFLOPS hbm:1TBps" --rows
> table     line  operator  predicted  measured    error
> made.csv     2  gemm         120 us    120 us   +0.0 %
> made.csv     3  gemm         240 us    240 us   +0.0 %
> made.csv     4  gemm         360 us    360 us   +0.0 %
> made.csv     5  gemm         480 us    480 us   +0.0 %
> made.csv     6  gemm         600 us    600 us   +0.0 %
> made.csv     7  gemm         720 us   1.44 ms  -50.0 %
>
> table     hardware  operator  type  rows  median |error|  mean |error|  median error  worst
> made.csv            gemm      bf16     6           0.0 %         8.3 %        +0.0 %  -50 %
> all                                    6           0.0 %         8.3 %        +0.0 %  -50 %
$ epsim compute validate $TMP/made.csv --machine "flops:100TFLOPS hbm:1TBps" --max-median 1% --json | tail -n 8
>   "summary": {
>     "rows_count": 6,
>     "median_ape": 0,
>     "mape": 0.08333333333333333,
>     "median_error": 0,
>     "worst_error": -0.5
>   }
> }
$ epsim compute validate $TMP/made.csv --machine "flops:100TFLOPS hbm:1TBps" --max-mape 5% | tail -n 1
> epsim: the mean absolute error is 8.33 %, above --max-mape 5%
> all                                    6           0.0 %         8.3 %        +0.0 %  -50 %
$ epsim compute fit $TMP/made.csv --machine "flops:100TFLOPS hbm:1TBps"
> epsim: machine.gemm has no number above zero that is marked 'fit'
? 1
$ echo machine: {name: half, nodes: 1, packages_per_node: 1, hbm: {capacity: 1GB, rate: 1TBps}, cube: {bf16: 200TFLOPS}, gemm: {peak: {value: 90%, fit: yes}}, vector: {cores: 1, put_core: 1GBps, get_core: 1GBps, copy_core: 1GBps}, fabric: {rate: 1GBps, put: 1GBps, get: 1GBps}} > $TMP/half.yaml
$ epsim compute fit $TMP/made.csv --machine $TMP/half.yaml --out $TMP/fitted.yaml
> parameter  start  estimate     sd  remark
> gemm.peak    0.9    0.4996  2.3 %
>
> law   rows  fitted  median |error|  mean |error|  one half  held out  the other  held out
> gemm     6       1           0.1 %         8.4 %     0.0 %     0.0 %      0.2 %     0.2 %
$ grep -o 'fitted: .*error [0-9.]* %' $TMP/fitted.yaml
> fitted: 6 rows of tables with digest 45c18d8da1f82fbb, median error 0.1 %
$ epsim compute validate $TMP/made.csv --machine $TMP/fitted.yaml --max-median 1% | tail -n 1
> all                                    6           0.1 %         8.4 %        +0.1 %  -50 %
