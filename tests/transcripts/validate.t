# Predictions beside measured times.
$ printf 'machine,flow,source,impl,op,phase,ep,tokens_per_rank,hidden,topk,experts,dtype_dispatch,latency_us,bandwidth_GBps\ncloudmatrix384,relay2,lab,k1,dispatch,decode,16,128,7168,8,256,int8,150,\ncloudmatrix384,relay2,lab,k2,combine,decode,16,128,7168,8,256,bf16,140,\ncloudmatrix384,direct,lab,k3,combine,decode,16,128,7168,8,256,bf16,,\n,relay2,lab,k1,dispatch,decode,16,128,7168,8,256,int8,150,\n' >$TMP/lab.csv; epsim validate $TMP/lab.csv
> row        machine         flow    op        phase   EP  tokens  hidden  type  measured  predicted       5 %      95 %  error  remarks
> lab.csv:2  cloudmatrix384  relay2  dispatch  decode  16     128    7168  int8    150 us   159.6 us  105.3 us  241.8 us  +6.4%  kernel not calibrated
> lab.csv:3  cloudmatrix384  relay2  combine   decode  16     128    7168  bf16    140 us   150.4 us  99.87 us  226.4 us  +7.4%  kernel not calibrated
> lab.csv:4  cloudmatrix384  direct  combine   decode  16     128    7168  bf16         -     116 us  76.06 us  176.8 us      -  flow direct not calibrated; kernel not calibrated
>
> group  rows  median error  mean error  in 90 % interval
> ep 16     2         6.90%       6.90%              100%
> all       2         6.90%       6.90%              100%
>
> passed over: 1 rows (no machine named)
$ epsim validate $TMP/lab.csv --op combine --flow relay2 --json | grep -A 4 '"summary"'
>   "summary": {
>     "rows_count": 1,
>     "median_ape": 0.07412367717866886,
>     "mape": 0.07412367717866886,
>     "coverage_90": 1,
$ epsim validate $TMP/lab.csv --max-mape 0.1% >/dev/null
> epsim: the mean absolute error of 6.903 % is above 0.1 %
? 1
$ epsim validate $TMP/lab.csv --flow relay3
> epsim: no row is left to compare (3: not what the options ask for; 1: no machine named)
? 3
$ epsim validate $TMP/lab.csv --machine cloudmatrix3844
> epsim: no machine is called 'cloudmatrix3844'; did you mean 'cloudmatrix384'? (see `epsim list machines`)
? 2
$ sed 's/dispatch,/disptach,/' $TMP/lab.csv >$TMP/bad.csv; epsim validate $TMP/bad.csv
> epsim: $TMP/bad.csv:2: column op: 'disptach' is no op: dispatch or combine
? 3
$ epsim validate
> epsim: validate: a FILE of observations is needed (traces/OBSERVATIONS.md describes it)
? 2
$ epsim calibrate $TMP/lab.csv --machine cloudmatrix384 --starts 2 --out $TMP/mine.yaml | head -3 | cut -d';' -f1
> machine cloudmatrix384: 2 rows, 0 parameters fitted and 2 kernel ratios, of which the data determine 1.9
> rest 4.7 % of rows fitted, 4.7 % of rows left out, spread of kernels 23.5 % (sd of log time)
> 2 of 2 starts ended alike
$ epsim config check $TMP/mine.yaml
> $TMP/mine.yaml: good: machine
$ epsim validate $TMP/lab.csv --machine $TMP/mine.yaml | grep -c 'kernel not calibrated'
> 1
# What was written predicts as the fit did.
$ epsim calibrate $TMP/lab.csv --machine cloudmatrix384 --starts 2 | sed -n '/^fitted rows/,/^$/p' | grep lab.csv >$TMP/fitted; epsim validate $TMP/lab.csv --machine $TMP/mine.yaml | grep 'lab.csv:[23] ' | cmp - $TMP/fitted && echo as fitted
> as fitted
# The same rows make the same machine of what they made.
$ epsim calibrate $TMP/lab.csv --machine $TMP/mine.yaml --starts 2 --out $TMP/again.yaml >/dev/null; grep -v command: $TMP/mine.yaml >$TMP/mine; grep -v command: $TMP/again.yaml | cmp - $TMP/mine && echo the same
> the same
# The same rows again start from the machine's sources, others where these led.
$ epsim calibrate $TMP/lab.csv --machine $TMP/mine.yaml --starts 2 | sed -n 3p | cut -d';' -f3
>  priors of the machine's sources, before its calibration
$ sed 's/,lab,/,another lab,/' $TMP/lab.csv >$TMP/other.csv; epsim calibrate $TMP/other.csv --machine $TMP/mine.yaml --starts 2 | sed -n 3p | cut -d';' -f3
>  priors are the machine's values, calibrated with other rows
# The page of predictions holds what the command says.
$ epsim validate configs/questions/direct-cm384.csv --json | sed -n 's/.*"predicted_s": \(.*\),/\1/p' | awk '{u = 1e6 * $1; printf(u < 99.95 ? "%.1f\n" : "%.0f\n", u)}' >$TMP/said; grep -cE . $TMP/said; sed -n '/^Decode:/,/^##/p' sim/CALIBRATION.md | awk -F ' *[|] *' '$2 ~ /^(dispatch|combine)$/ {print $6}' | cmp - $TMP/said && echo as said
> 72
> as said
$ epsim calibrate $TMP/lab.csv --prior vlaues
> epsim: --prior: 'vlaues' is no auto, sources or values; did you mean 'values'?
? 2
$ epsim calibrate $TMP/lab.csv --holdout grup
> epsim: --holdout: 'grup' is no group, source, kernel, row or none; did you mean 'group'?
? 2
# Rows that name no flow: passed over, or taken for a flow that the user names.
$ sed 's/relay2,lab/,lab/' $TMP/lab.csv | sed '4d' >$TMP/none.csv; epsim validate $TMP/none.csv
> epsim: no row is left to compare (2: no flow named: --as-flow NAME says which it is; 1: no machine named)
? 3
$ epsim validate $TMP/none.csv --as-flow relay2 | sed -n '2,3s/  */ /gp'
> none.csv:2 cloudmatrix384 relay2 dispatch decode 16 128 7168 int8 150 us 159.6 us 105.3 us 241.8 us +6.4% kernel not calibrated; assumed flow relay2
> none.csv:3 cloudmatrix384 relay2 combine decode 16 128 7168 bf16 140 us 150.4 us 99.87 us 226.4 us +7.4% kernel not calibrated; assumed flow relay2
$ epsim validate $TMP/none.csv --as-flow relay2 --json | grep '"assumed"'
>       "assumed": "flow relay2",
>       "assumed": "flow relay2",
$ epsim validate $TMP/none.csv --as-flow one-sided --flow relay2
> epsim: no row is left to compare (2: not what the options ask for; 1: no machine named)
? 3
$ sed 's/decode/prefill/' $TMP/none.csv | epsim validate /dev/stdin --as-flow ubep
> epsim: no row is left to compare (1: no machine named; 2: ubep cannot run: a slot for each row that may come is of decode)
? 3
$ epsim validate $TMP/none.csv --as-flow relay-2
> epsim: no flow is called 'relay-2'; did you mean 'relay2'? (see `epsim list flows`)
? 2
$ epsim calibrate $TMP/none.csv --as-flow relay2 --starts 2 --out $TMP/none.yaml | head -1; grep -E 'command|flows' $TMP/none.yaml
> machine cloudmatrix384: 2 rows, 0 parameters fitted and 2 kernel ratios, of which the data determine 1.9
>     command: "epsim calibrate none.csv --as-flow relay2 --starts 2"
>     flows: [relay2]
# A prediction beyond what a machine was calibrated with says so.
$ epsim validate configs/questions/ascend-950.csv --ep 16,32 | sed 's/  */ /g'
> row machine flow op phase EP tokens hidden type measured predicted 5 % 95 % error remarks
> ascend-950.csv:3 ascend-950 one-sided dispatch prefill 16 16384 7168 fp8 - 1.834 ms 1.353 ms 2.486 ms -
> ascend-950.csv:4 ascend-950 one-sided dispatch prefill 32 16384 7168 fp8 - 2.121 ms 1.513 ms 2.974 ms - EP 32 beyond 8-16
> ascend-950.csv:8 ascend-950 one-sided combine prefill 16 16384 7168 fp8 - 3.755 ms 2.781 ms 5.07 ms -
> ascend-950.csv:9 ascend-950 one-sided combine prefill 32 16384 7168 fp8 - 4.347 ms 3.109 ms 6.077 ms - EP 32 beyond 8-16
>
> nothing measured to compare with
# What an earlier calibration moved, and this one from the sources does not, is at its prior again:
# from whichever file one starts, the same rows make the same machine.
$ epsim calibrate $TMP/lab.csv --prior sources --starts 2 --out $TMP/mine.yaml >/dev/null; grep -o '[a-z_]*: .value: [^,]*, prior: [^,]*' $TMP/mine.yaml
> quantise_core: {value: 10.459GBps, prior: 12GBps
$ sed "s,^cloudmatrix384,$TMP/mine.yaml," $TMP/lab.csv >$TMP/next.csv; epsim calibrate $TMP/next.csv --prior sources --op combine --starts 2 --out $TMP/next.yaml >/dev/null; grep -c 'prior:' $TMP/next.yaml
> 0
? 1
$ sed "s,^cloudmatrix384,$TMP/next.yaml," $TMP/lab.csv >$TMP/last.csv; epsim calibrate $TMP/last.csv --prior sources --starts 2 --out $TMP/last.yaml >/dev/null
$ for f in mine last; do grep -v -e command: -e data: $TMP/$f.yaml >$TMP/$f.txt; done; diff $TMP/mine.txt $TMP/last.txt
