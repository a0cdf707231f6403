# Machines calibrated together: parameters that are one number in all of them.
$ printf 'machine,flow,source,impl,op,phase,ep,tokens_per_rank,hidden,topk,experts,dtype_dispatch,latency_us,bandwidth_GBps\ncloudmatrix384,relay2,lab,k1,dispatch,decode,16,128,7168,8,256,int8,150,\ncloudmatrix384,relay2,lab,k1,dispatch,decode,16,128,7168,8,256,bf16,152,\ncloudmatrix384,relay2,lab,k1,dispatch,prefill,8,4096,7168,8,256,int8,3300,\ncloudmatrix384,relay2,lab,k1,combine,decode,8,128,7168,8,256,bf16,125,\natlas-a2,relay2,lab,k1,dispatch,decode,8,256,7168,8,256,int8,290,\natlas-a2,relay2,lab,k1,combine,decode,8,256,7168,8,256,bf16,390,\n' >$TMP/lab.csv
$ epsim calibrate $TMP/lab.csv --starts 2 --prior sources --share vector,fabric,sync.kernel | sed -n '1,/^machine c/p'
> 2 machines together: 6 rows, 4 parameters fitted and 5 kernel ratios, of which the data determine 5.7
> rest 4.1 % of rows fitted, 4.1 % of rows left out, spread of kernels 23.1 % (sd of log time, of all rows)
> 2 of 2 starts ended alike; data 5777a45b5aa636ea
>
> shared parameter        prior   sd    estimate     sd    moved  of                        remark
> vector.quantise_core  12 GBps  60%  5.355 GBps  16.1%  -1.3 sd  cloudmatrix384, atlas-a2
> fabric.contention        0.05  60%     0.04944  56.3%  -0.0 sd  cloudmatrix384, atlas-a2
>
> to be shared, but hardly told by all rows: vector.put_core, vector.get_core, vector.sharpness, vector.message, vector.scan, sync.kernel
> to be shared, but no row depends on them: vector.copy_core
> left apart: fabric.rate, free (fit: yes, with an sd) in atlas-a2 alone
> left apart: fabric.put, unlike priors: 137 GBps in atlas-a2, 138 GBps in cloudmatrix384
> left apart: fabric.get, unlike priors: 137 GBps in atlas-a2, 166.5 GBps in cloudmatrix384
>
> rows left out, group by group of each machine
> machine         rows  median error  mean error  in 90 % interval
> cloudmatrix384     4         7.07%       7.34%              100%
> atlas-a2           2        17.92%      17.92%              100%
> all                6         7.07%      10.87%              100%
>
> machine cloudmatrix384: 4 rows, 3 parameters fitted (2 shared) and 3 kernel ratios, of which these rows determine 3.7
$ epsim calibrate $TMP/lab.csv --starts 2 --prior sources --share vector.quantise_core --holdout none --json | sed -n '1,/"left_apart"/p' | grep -v '[0-9]\.[0-9]'
> {
>   "joint": {
>     "data": "5777a45b5aa636ea",
>     "rows_count": 6,
>     "fitted_parameters": 3,
>     "kernel_ratios": 5,
>     "shared": [
>       {
>         "path": "vector.quantise_core",
>         "state": "told",
>         "machines": [
>           "cloudmatrix384",
>           "atlas-a2"
>         ],
>         "prior": 12000000000,
>         "at_bound": false
>       }
>     ],
>     "left_apart": [
# Without --share each machine is fitted as if it were alone.
$ epsim calibrate $TMP/lab.csv --starts 2 >$TMP/both; for m in cloudmatrix384 atlas-a2; do epsim calibrate $TMP/lab.csv --starts 2 --machine $m | sed '$d'; done >$TMP/each; sed '$d' $TMP/both | diff - $TMP/each && echo same
> same
# A file each into a folder, which reads back and predicts what the fit said.
$ epsim calibrate $TMP/lab.csv --starts 2 --prior sources --share vector,sync --holdout none --json --out $TMP/new/folder/ >$TMP/fit.json; ls $TMP/new/folder; grep -h -e command: -e " rows:" $TMP/new/folder/*
> atlas-a2.yaml
> cloudmatrix384.yaml
>     command: "epsim calibrate lab.csv --starts 2 --prior sources --share vector,sync --holdout none"
>     rows: {value: 2, source: "derived: this machine's rows of that data, which has 6"}
>     command: "epsim calibrate lab.csv --starts 2 --prior sources --share vector,sync --holdout none"
>     rows: {value: 4, source: "derived: this machine's rows of that data, which has 6"}
$ epsim config check $TMP/new/folder/atlas-a2.yaml
> $TMP/new/folder/atlas-a2.yaml: good: machine
$ epsim calibrate $TMP/lab.csv --starts 1 --holdout none --out $TMP/new >/dev/null; ls $TMP/new
> atlas-a2.yaml
> cloudmatrix384.yaml
> folder
$ sed -e "s|^cloudmatrix384|$TMP/new/folder/cloudmatrix384.yaml|" -e "s|^atlas-a2|$TMP/new/folder/atlas-a2.yaml|" $TMP/lab.csv >$TMP/back.csv; epsim validate $TMP/back.csv --json >$TMP/back.json; for key in predicted_s low_s high_s; do for f in fit back; do grep "\"$key\"" $TMP/$f.json >$TMP/$f.$key; done; paste $TMP/fit.$key $TMP/back.$key | awk -v key=$key '{ d = $2 / $4 - 1; if (d < 0) d = -d; if (d > most) most = d } END { print key, NR, most < 0.001 ? "alike" : most }'; done
> predicted_s 6 alike
> low_s 6 alike
> high_s 6 alike
# Errors.
$ epsim calibrate $TMP/lab.csv --share vector.scn
> epsim: --share: 'vector.scn' is no uncertain parameter of these machines and no group of them; did you mean 'vector.scan'?
? 2
$ epsim calibrate $TMP/lab.csv --share fabric.put --prior sources
> epsim: --share: fabric.put cannot be shared: unlike priors: 137 GBps in atlas-a2, 138 GBps in cloudmatrix384
? 2
$ epsim calibrate $TMP/lab.csv --share vector.scan
> epsim: --share: vector.scan cannot be shared: unlike priors: 50 ns in atlas-a2, 91.858 ns in cloudmatrix384; --prior sources starts before their calibrations
? 2
$ epsim calibrate $TMP/lab.csv --share rdma.rate
> epsim: --share: rdma.rate cannot be shared: free (fit: yes, with an sd) in atlas-a2 alone
? 2
$ epsim calibrate $TMP/lab.csv --share vector --machine atlas-a2
> epsim: --share: rows of one machine, atlas-a2; sharing takes two or more
? 2
$ epsim calibrate $TMP/lab.csv --out $TMP/mine.yaml
> epsim: --out: rows of 2 machines; choose one with --machine, such as cloudmatrix384, or name a folder for all, such as machines/
? 2
$ epsim calibrate $TMP/back.csv $TMP/lab.csv --out $TMP/
> epsim: --out: $TMP/new/folder/cloudmatrix384.yaml and cloudmatrix384 would both be written to cloudmatrix384.yaml
? 2
