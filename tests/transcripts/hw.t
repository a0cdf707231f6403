# The flows on memory of this host. Times differ from run to run, so none are shown.
$ epsim hw --help | head -n 3
>   epsim hw run --flow all --ranks 2 --tokens 256 --json
>   epsim hw bench --ranks 2 --observations links.csv
>   epsim hw loop --ranks 2 --tokens 64,256,1024
$ epsim hw run --ranks 3 --tokens 4 --hidden 100 --repeats 0 | tail -n +3
> hidden 100, top-k 8, dispatch bf16, even load; 2 layers checked, median of 0, slowest rank
>
> phase    flow    ranks  tokens  result  rows  dispatch  its work  combine  its work
> prefill  relay3      3       4  equal    192         -         -        -         -
> prefill  relay2      3       4  equal    192         -         -        -         -
> prefill  direct      3       4  equal    192         -         -        -         -
> decode   relay3      3       4  equal    192         -         -        -         -
> decode   relay2      3       4  equal    192         -         -        -         -
> decode   direct      3       4  equal    192         -         -        -         -
$ epsim hw run --ranks 2 --tokens 9 --hidden 64 --top-k 4 --dispatch int8 --load ragged --repeats 0 --backend threads | tail -n +3
> hidden 64, top-k 4, dispatch int8, ragged load; 2 layers checked, median of 0, slowest rank
>
> phase    flow    ranks  tokens  result  rows  dispatch  its work  combine  its work
> prefill  relay3      2       9  equal     92         -         -        -         -
> prefill  relay2      2       9  equal     92         -         -        -         -
> prefill  direct      2       9  equal     92         -         -        -         -
> decode   relay3      2       9  equal     92         -         -        -         -
> decode   relay2      2       9  equal     92         -         -        -         -
> decode   direct      2       9  equal     92         -         -        -         -
# A rehearsal of the Ascend backend, host program and kernels, over a twin of CANN
$ epsim hw run --backend ascend-twin --ranks 2 --tokens 5 --hidden 64 --cores 2 --repeats 0 | sed '/^backend/s/host: .*/host: .../'
> backend ascend-twin: a twin on processors of a host, no NPU, 4 vector cores each; host: ...
> a twin of CANN on processors of this host: times mean nothing, no result of NPUs
> hidden 64, top-k 8, dispatch bf16, even load; 2 layers checked, median of 0, slowest rank
>
> phase    flow    ranks  tokens  result  rows  dispatch  its work  combine  its work
> prefill  relay3      2       5  equal    160         -         -        -         -
> prefill  relay2      2       5  equal    160         -         -        -         -
> prefill  direct      2       5  equal    160         -         -        -         -
> decode   relay3      2       5  equal    160         -         -        -         -
> decode   relay2      2       5  equal    160         -         -        -         -
> decode   direct      2       5  equal    160         -         -        -         -
$ epsim hw bench --backend ascend-twin --ranks 2 --sizes 4096 --cores 1,2 --repeats 1 --json | grep -cE '"(rate_Bps|time_s)": [0-9]'
> 10
# What a program reads: is each result equal, and how long did each step take?
$ epsim hw run --flow all --ranks 2 --tokens 16 --hidden 64 --repeats 3 --json | grep -c '"equal": true'
> 7
$ epsim hw run --flow direct --phase decode --ranks 2 --tokens 16 --hidden 64 --repeats 3 --json | grep -E '"(flow|phase|equal|step)"|backend|caution'
>   "backend": "host",
>   "caution": "measured on memory that processes of one host share: no result of NPUs or of a fabric",
>       "flow": "direct",
>       "phase": "decode",
>       "equal": true,
>             "step": "dispatch.counts",
>             "step": "dispatch.put",
>             "step": "dispatch.flags",
>             "step": "combine.handshake",
>             "step": "combine.get",
>   "equal": true
# Files
$ epsim hw run --flow direct --phase decode --ranks 2 --tokens 2 --hidden 64 --repeats 2 --record $TMP/record.csv --timeline $TMP/t.json --observations $TMP/o.csv >/dev/null; cut -d, -f1-5 $TMP/record.csv; sed 's/,"[^"]*"//g' $TMP/o.csv | cut -d, -f1-4,6-14
> rank,step,op,phase,flow
> 0,1,dispatch.counts,dispatch,direct
> 0,1,dispatch.put,dispatch,direct
> 0,1,dispatch.flags,dispatch,direct
> 0,1,combine.handshake,combine,direct
> 0,1,combine.get,combine,direct
> 0,2,dispatch.counts,dispatch,direct
> 0,2,dispatch.put,dispatch,direct
> 0,2,dispatch.flags,dispatch,direct
> 0,2,combine.handshake,combine,direct
> 0,2,combine.get,combine,direct
> 1,1,dispatch.counts,dispatch,direct
> 1,1,dispatch.put,dispatch,direct
> 1,1,dispatch.flags,dispatch,direct
> 1,1,combine.handshake,combine,direct
> 1,1,combine.get,combine,direct
> 1,2,dispatch.counts,dispatch,direct
> 1,2,dispatch.put,dispatch,direct
> 1,2,dispatch.flags,dispatch,direct
> 1,2,combine.handshake,combine,direct
> 1,2,combine.get,combine,direct
> machine,flow,source,source_ref,impl,op,phase,ep,tokens_per_rank,hidden,topk,experts,dtype_dispatch
> host,direct,epsim hw,backend=host,dispatch,decode,2,2,64,8,16,bf16,bf16
> host,direct,epsim hw,backend=host,combine,decode,2,2,64,8,16,bf16,bf16
$ json_pp <$TMP/t.json | grep -c '"X"'
> 20
# Wrong words
$ epsim hw
> epsim: hw: name one of run, bench, loop
? 2
$ epsim hw lop
> epsim: hw: 'lop' is not run, bench or loop; did you mean 'loop'?
? 2
$ epsim hw run --flow relay4
> epsim: --flow: there is no 'relay4'; did you mean 'relay3'?
? 2
$ epsim hw run --ranks 3 --experts 16
> epsim: experts: 16 is no multiple of 3 ranks up to 4096
? 2
$ epsim hw run --tokens 9000
> epsim: tokens: 0 to 8192, not 9000
? 2
$ epsim hw run --tokens 4,many
> epsim: --tokens: 'many' does not start with a number such as 12 or 0.5
? 2
$ epsim hw run --backend hots
> epsim: there is no backend 'hots'; did you mean 'host'?
? 2
$ epsim hw loop --tokens 0
> epsim: hw loop: --tokens and --repeats from 1
? 2
$ epsim hw run --load all
> epsim: --load: one name, not 'all'
? 2
$ epsim hw bench --sizes 1
> epsim: --sizes: 1 is below 64
? 2
