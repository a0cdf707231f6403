# Two ranks of one run: each thing counts once, though several files tell it.
$ epsim trace summary tests/seeds/rank0_ascend_pt tests/seeds/rank1_ascend_pt
> 8 files read: kernel_details (2) communication_matrix (2) communication (2) step_trace_time (2)
> 2 ranks, 124 events; 16 kernels of collectives that are listed themselves left out
>
> ops; of ranks the mean
> op                       phase     flow    calls  total ms  least us      p10   median      p90     most  fastest rank  slowest rank
> hcom_alltoallv_          exchange  relay3     16     1.368    80.000   80.000   90.000   91.000   91.000        85.000        86.000
> MoeDistributeCombineV2   combine   relay2      8     1.000   120.500  120.500  128.500  129.500  129.500       121.000       129.000
> MoeDistributeDispatchV2  dispatch  relay2      8     0.846   100.250  100.250  110.250  111.250  111.250       100.750       110.750
> GroupedMatmul            expert    -          16     0.800    50.000   50.000   50.000   50.000   50.000        50.000        50.000
> MoeFinalizeRoutingV2     combine   relay3      8     0.320    40.000   40.000   40.000   40.000   40.000        40.000        40.000
> MoeInitRoutingV3         dispatch  relay3      8     0.240    30.000   30.000   30.000   30.000   30.000        30.000        30.000
> MoeGatingTopK            other     -           8     0.044     5.500    5.500    5.500    5.500    5.500         5.500         5.500
> Add                      other     -           0     0.000     0.000    0.000    0.000    0.000    0.000         0.000         0.000
>
> pieces of an MoE layer; least rank: the least over ranks of each call, median over calls
> flow    phase     op                       calls  median us  least rank  p90/p10  rank medians from       to
> -       expert    GroupedMatmul               16     50.000      50.000    1.000             50.000   50.000
> relay3  dispatch  hcom_alltoallv_              8     81.000      80.000    1.012             80.000   81.000
> relay3  dispatch  MoeInitRoutingV3             8     30.000      30.000    1.000             30.000   30.000
> relay3  combine   hcom_alltoallv_              8     91.000      90.000    1.011             90.000   91.000
> relay3  combine   MoeFinalizeRoutingV2         8     40.000      40.000    1.000             40.000   40.000
> relay2  dispatch  MoeDistributeDispatchV2      8    110.250     101.250    1.110            101.250  111.250
> relay2  combine   MoeDistributeCombineV2       8    128.500     121.500    1.075            121.500  129.500
>
> ms by rank
> rank  dispatch  combine  expert  attention  exchange  other
> 0        0.843    1.004   0.400      0.000     0.000  0.022
> 1        0.887    1.040   0.400      0.000     0.000  0.022
>
> ms by step, mean over ranks
> step  dispatch  combine  expert  attention  exchange  other
> 1        0.432    0.511   0.200      0.000     0.000  0.011
> 2        0.432    0.511   0.200      0.000     0.000  0.011
>
> parts of a step, as the profiler divides it
> part                                               mean ms
> Bubble                                               0.000
> Communication                                        0.200
> Communication(Not Overlapped and Exclude Receive)    0.200
> Communication(Not Overlapped)                        0.200
> Computing                                            0.701
> Free                                                 0.010
> Overlapped                                           0.000
> Preparing                                            0.002
> Stage                                                0.900
>
> of a collective, mean: moving bytes, and waiting for others
> collective       calls  transit us  wait us  wait share
> hcom_alltoallv_      4      60.000   20.000       0.250
>
> GB/s between ranks of group 77
> from  to 0  to 1
>    0     -    25
>    1    25     -
>
> bytes between ranks of a group, and what a link carried while it did
> group  from  to  link  calls  MB  GB/s
> 77        0   1  HCCS      -   3    25
> 77        1   0  HCCS      -   3    25
$ epsim trace summary tests/seeds/rank1_ascend_pt tests/seeds/rank0_ascend_pt tests/seeds/rank0_ascend_pt >$TMP/other; epsim trace summary tests/seeds/rank0_ascend_pt tests/seeds/rank1_ascend_pt | cmp - $TMP/other
$ epsim trace summary tests/seeds/rank?_ascend_pt --rows 2 | head -8
> 8 files read: kernel_details (2) communication_matrix (2) communication (2) step_trace_time (2)
> 2 ranks, 124 events; 16 kernels of collectives that are listed themselves left out
>
> ops; of ranks the mean
> op                      phase     flow    calls  total ms  least us      p10   median      p90     most  fastest rank  slowest rank
> hcom_alltoallv_         exchange  relay3     16     1.368    80.000   80.000   90.000   91.000   91.000        85.000        86.000
> MoeDistributeCombineV2  combine   relay2      8     1.000   120.500  120.500  128.500  129.500  129.500       121.000       129.000
> ... and 6 more (--rows 0 shows all)
$ epsim trace summary tests/seeds/nccl_alltoall.txt tests/seeds/hccl_test_alltoallv.txt tests/seeds/osu_alltoallv.txt tests/seeds/shmem.csv
> 4 files read: hccl_test (1) nccl-tests (1) OSU (1) shmem (1)
> 10 events
>
> benchmarks; GB/s is size over time, whatever the program printed
> benchmark                                      ranks     bytes        us      GB/s
> MPI All-to-Allv Personalized Exchange Latency      -         1     0.180  0.005556
> MPI All-to-Allv Personalized Exchange Latency      -     65536     6.450     10.16
> alltoall                                           2      1024    10.240       0.1
> alltoall                                           2      2048    12.000    0.1707
> alltoall in place                                  2      1024    12.800      0.08
> alltoall in place                                  2      2048    12.500    0.1638
> alltoallv                                          -      8192    40.000    0.2048
> alltoallv                                          -  67108864  2630.200     25.51
> comm_only                                          8  14680064   114.000     128.8
> full_op                                            8  14680064   150.500     97.54
$ epsim trace summary tests/seeds/record.csv --json
> {
>   "files": [
>     {
>       "path": "tests/seeds/record.csv",
>       "format": "recorder",
>       "rank": null,
>       "counted": true
>     }
>   ],
>   "other_files": 0,
>   "events": 3,
>   "twins": 0,
>   "ops": [
>     {
>       "op": "combine.kernel",
>       "phase": "combine",
>       "flow": "direct",
>       "count": 1,
>       "total_us": 15.5,
>       "min_us": 15.5,
>       "p10_us": 15.5,
>       "median_us": 15.5,
>       "p90_us": 15.5,
>       "p99_us": 15.5,
>       "max_us": 15.5,
>       "untimed_count": 0,
>       "ranks": [
>         {
>           "rank": 0,
>           "device": null,
>           "count": 1,
>           "total_us": 15.5,
>           "min_us": 15.5,
>           "max_us": 15.5
>         }
>       ]
>     },
>     {
>       "op": "dispatch.kernel",
>       "phase": "dispatch",
>       "flow": "direct",
>       "count": 1,
>       "total_us": 12.25,
>       "min_us": 12.25,
>       "p10_us": 12.25,
>       "median_us": 12.25,
>       "p90_us": 12.25,
>       "p99_us": 12.25,
>       "max_us": 12.25,
>       "untimed_count": 0,
>       "ranks": [
>         {
>           "rank": 0,
>           "device": null,
>           "count": 1,
>           "total_us": 12.25,
>           "min_us": 12.25,
>           "max_us": 12.25
>         }
>       ]
>     }
>   ],
>   "pieces": [
>     {
>       "flow": "direct",
>       "phase": "dispatch",
>       "op": "dispatch.kernel",
>       "count": 1,
>       "total_us": 12.25,
>       "min_us": 12.25,
>       "p10_us": 12.25,
>       "median_us": 12.25,
>       "p90_us": 12.25,
>       "p99_us": 12.25,
>       "max_us": 12.25,
>       "least_rank_us": 12.25,
>       "rank_median_min_us": 12.25,
>       "rank_median_max_us": 12.25
>     },
>     {
>       "flow": "direct",
>       "phase": "combine",
>       "op": "combine.kernel",
>       "count": 1,
>       "total_us": 15.5,
>       "min_us": 15.5,
>       "p10_us": 15.5,
>       "median_us": 15.5,
>       "p90_us": 15.5,
>       "p99_us": 15.5,
>       "max_us": 15.5,
>       "least_rank_us": 15.5,
>       "rank_median_min_us": 15.5,
>       "rank_median_max_us": 15.5
>     }
>   ],
>   "statistics": [
>
>   ],
>   "ranks": [
>     {
>       "rank": 0,
>       "device": null,
>       "phase_us": {
>         "dispatch": 12.25,
>         "combine": 15.5,
>         "expert": 0,
>         "attention": 0,
>         "exchange": 0,
>         "other": 0
>       }
>     }
>   ],
>   "steps": [
>     {
>       "step": 1,
>       "rank": 0,
>       "device": null,
>       "phase_us": {
>         "dispatch": 12.25,
>         "combine": 15.5,
>         "expert": 0,
>         "attention": 0,
>         "exchange": 0,
>         "other": 0
>       }
>     }
>   ],
>   "steps_complete": true,
>   "waits": [
>
>   ],
>   "parts": [
>
>   ],
>   "links": [
>     {
>       "group": "",
>       "from": 0,
>       "to": 1,
>       "link": "HCCS",
>       "count": 1,
>       "bytes": 4096,
>       "time_us": 2,
>       "GBps": 2.048,
>       "call_min_GBps": 2.048,
>       "call_max_GBps": 2.048
>     }
>   ],
>   "points": [
>
>   ]
> }

# Observations: what the trace lacks is in the sidecar.
$ printf 'source: a run\nphase: decode\nmachine: cloudmatrix384\nep: 2\ntokens_per_rank: 16\nhidden: 7168\ntop_k: 8\ndispatch: bf16\ncombine: bf16\n' >$TMP/sidecar.yaml
$ epsim trace convert tests/seeds/rank?_ascend_pt --workload $TMP/sidecar.yaml
> machine,flow,source,source_ref,hardware,impl,op,phase,ep,tokens_per_rank,hidden,topk,experts,dtype_dispatch,dtype_combine,latency_us,bandwidth_GBps,status,notes
> cloudmatrix384,relay3,a run,,,hcom_alltoallv_+MoeInitRoutingV3,dispatch,decode,2,16,7168,8,,bf16,bf16,110.000,,measured,least_rank of 8 calls; median 111.000 us; p90/p10 1.01
> cloudmatrix384,relay3,a run,,,hcom_alltoallv_+MoeFinalizeRoutingV2,combine,decode,2,16,7168,8,,bf16,bf16,130.000,,measured,least_rank of 8 calls; median 131.000 us; p90/p10 1.01
> cloudmatrix384,relay2,a run,,,MoeDistributeDispatchV2,dispatch,decode,2,16,7168,8,,bf16,bf16,101.250,,measured,least_rank of 8 calls; median 110.250 us; p90/p10 1.11; kernel time includes waiting for peers
> cloudmatrix384,relay2,a run,,,MoeDistributeCombineV2,combine,decode,2,16,7168,8,,bf16,bf16,121.500,,measured,least_rank of 8 calls; median 128.500 us; p90/p10 1.07; kernel time includes waiting for peers
$ epsim trace convert tests/seeds/rank?_ascend_pt --workload $TMP/sidecar.yaml -o $TMP/observations.csv && wc -l <$TMP/observations.csv
> $TMP/observations.csv: 4 observations
> 5
$ epsim trace convert tests/seeds/op_summary_1.csv --workload $TMP/sidecar.yaml --out $TMP/observations.csv
> epsim: the trace holds none of the ops that the sidecar asks for
? 1
$ epsim trace fields
> key                      unit                                       default           meaning
> sidecar.source           text                                       required          who measured: a short name for the rows
> sidecar.source_ref       text                                       ""                where that is written, or which run it was
> sidecar.machine          text                                       ""                of configs/machines, when it has one
> sidecar.hardware         text                                       ""                what it ran on
> sidecar.impl             text                                       ""                library or kernels; empty: the names of the ops
> sidecar.phase            prefill|decode                             required          prefill or decode
> sidecar.ep               count                                      0                 ranks that share the experts; 0: not known
> sidecar.tokens_per_rank  count                                      0                 tokens of a rank in a call; 0: not known
> sidecar.hidden           count                                      0                 elements of a row; 0: not known
> sidecar.top_k            count                                      0                 experts of a token; 0: not known
> sidecar.experts          count                                      0                 of a layer; 0: not known
> sidecar.dispatch         text                                       ""                element type of rows sent: bf16, int8, fp8
> sidecar.combine          text                                       ""                element type of rows that come back
> sidecar.routing          text                                       ""                how tokens chose experts: balanced, real, ...
> sidecar.quantile         least_rank|p10|median                      least_rank        least_rank (of each call the least over ranks, then the median), p10, median
> sidecar.first_step       count                                      0                 steps before it are warm-up and left out
> sidecar.ops              list of dispatch|combine|expert|attention  dispatch,combine  which rows: dispatch, combine, expert, attention
$ epsim trace formats
> format                names of files
> kernel_details        kernel_details*.csv
> op_summary            op_summary*.csv
> communication_matrix  communication_matrix.json, cluster_communication_matrix.json
> profiler database     ascend_pytorch_profiler*.db, msprof_*.db
> Chrome trace          trace_view*.json, msprof_*.json, *.trace.json
> communication         communication.json, cluster_communication.json
> op_statistic          op_statistic*.csv, communication_statistic*.csv
> step_trace_time       step_trace_time*.csv, cluster_step_trace_time*.csv
> recorder              record*.csv
> hccl_test             hccl_test*.txt, hccl_test*.log
> nccl-tests            nccl*.txt, nccl*.log, *_perf.txt
> OSU                   osu_*.txt, osu_*.log
> perftest              perftest*.txt, ib_*.txt, ib_*.log
> shmem                 shmem*.csv, moe_perf*.csv
> msmodeling comm       hcom_*.csv
> msmodeling op         by content

# What is wrong.
$ epsim trace
> epsim: trace: summary, convert, formats or fields is needed, not ''
? 2
$ epsim trace sumary tests/seeds
> epsim: trace: summary, convert, formats or fields is needed, not 'sumary'; did you mean 'summary'?
? 2
$ epsim trace summary
> epsim: trace summary: a FILE or a folder is needed
? 2
$ epsim trace summary no/such/folder
> epsim: no/such/folder: No such file or directory
? 3
$ epsim trace summary README.md
> epsim: README.md:1: no trace known here; the formats are kernel_details, op_summary, communication_matrix, profiler database, Chrome trace, communication, op_statistic, step_trace_time, recorder, hccl_test, nccl-tests, OSU, perftest, shmem, msmodeling comm, msmodeling op
? 3
$ epsim trace summary tools/pictures
> epsim: tools/pictures: no trace file in it (4 other files; `epsim trace formats` tells what is read)
? 3
$ epsim trace convert tests/seeds/record.csv
> epsim: trace convert: --workload SIDECAR.yaml is needed: what the trace does not tell (`epsim trace fields`)
? 2
$ epsim trace summary tests/seeds/record.csv --workload $TMP/sidecar.yaml
> epsim: trace summary: --workload goes with convert
? 2
$ printf 'source: a\nphase: decode\nhiden: 3\n' >$TMP/slip.yaml; epsim trace convert tests/seeds/record.csv --workload $TMP/slip.yaml
> epsim: $TMP/slip.yaml:3: unknown key 'hiden'; did you mean 'hidden'?
? 2
$ head -c 500 tests/seeds/rank0_ascend_pt/kernel_details.csv >$TMP/kernel_details.csv; epsim trace summary $TMP/kernel_details.csv
> epsim: $TMP/kernel_details.csv:4: the row has 6 cells, the header 15
? 3
$ head -c 500 tests/seeds/trace_view.json >$TMP/trace_view.json; epsim trace summary $TMP/trace_view.json
> epsim: $TMP/trace_view.json:1: this is not JSON, or it is cut (byte 501): parse error: premature EOF
? 3
$ printf 'Name,Type,Start Time(us),Duration (us)\n' >$TMP/kernel_details.csv; epsim trace summary $TMP/kernel_details.csv
> epsim: $TMP/kernel_details.csv:1: the header has no column 'Duration(us)'; did you mean 'Duration (us)'?
? 3
$ printf 'version https://git-lfs.github.com/spec/v1\noid sha256:0\n' >$TMP/hcom_alltoallv_.lfs; epsim trace summary $TMP/hcom_alltoallv_.lfs
> epsim: $TMP/hcom_alltoallv_.lfs:1: a pointer of Git LFS, not the data: `git lfs pull`
? 3
$ gzip -nc tests/seeds/trace_view.json >$TMP/trace_view.json.gz; epsim trace summary $TMP/trace_view.json.gz
> epsim: $TMP/trace_view.json.gz:1: packed by gzip: unpack it first
? 3
