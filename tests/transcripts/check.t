# What the safety checker says: of a flow that is safe, of one without a wait, of flags nobody sets.
$ epsim check direct relay2 --ep 4
> direct, prefill: safe. 5 cases, 15908 accesses all in order; 20 runs on real rows, all right
> direct, decode: safe. 5 cases, 15908 accesses all in order; 20 runs on real rows, all right
> relay2, prefill: safe. 5 cases, 19040 accesses all in order; 20 runs on real rows, all right
> relay2, decode: safe. 5 cases, 18956 accesses all in order; 20 runs on real rows, all right
$ epsim check direct --phase decode --ep 4 --each
> direct, decode: safe. 5 cases, 15908 accesses all in order; 20 runs on real rows, all right
> without                  needed  what breaks                                                                  wrong runs
> dispatch.counts.flags    yes     read-write, counts: dispatch.counts of rank 0 and dispatch.put of rank 1     20 of 20
> dispatch.put.quiet       yes     read-write, expert window: dispatch.put of rank 0 and expert.gemm of rank 0  12 of 20
> dispatch.sync.cores      yes     read-write, expert window: dispatch.put of rank 0 and expert.gemm of rank 0  16 of 20
> dispatch.flags.flags     yes     read-write, expert window: dispatch.put of rank 0 and expert.gemm of rank 1  8 of 20
> combine.handshake.flags  yes     read-write, expert output: expert.gemm of rank 0 and combine.get of rank 1   20 of 20
> combine.get.arrival      yes     read-write, vector cores: combine.get of rank 0 and combine.get of rank 0    20 of 20
>
$ epsim check direct --phase prefill --ep 4 --skew even --drop combine.barrier.barrier#1
> direct, prefill: UNSAFE. 1 cases, 3620 accesses, 1 conflicts; of 4 runs on real rows 4 came out wrong, 0 hung
>   EP 4, even routing:
>     read-write: expert output, rank 0, rows 4 to 112 (294 rows of all ranks)
>     expert.gemm of rank 0 and combine.get of rank 1: no order between them
>     missing: expert.gemm of rank 0 -> combine.get of rank 1
> epsim: check: 1 of 1 are unsafe
? 1
$ epsim check direct --phase decode --ep 4 --skew even --unset dispatch.counts.flags --json
> {
>   "machine": "cloudmatrix384",
>   "model": "deepseek-v3.1",
>   "checks": [
>     {
>       "flow": "direct",
>       "phase": "decode",
>       "why_not": null,
>       "safe": false,
>       "cases_count": 1,
>       "accesses_count": 3620,
>       "conflicts_count": 1,
>       "runs_count": 4,
>       "wrong_runs_count": 0,
>       "stuck_runs_count": 4,
>       "conflicts": [
>         {
>           "kind": "deadlock",
>           "ep": 4,
>           "skew": "even",
>           "first": "dispatch.counts of rank 0",
>           "second": "dispatch.counts of rank 0",
>           "buffer": null,
>           "rank": 0,
>           "first_row": 0,
>           "last_row": 0
>         }
>       ],
>       "waits": [
>         "dispatch.counts.flags",
>         "dispatch.put.quiet",
>         "dispatch.sync.cores",
>         "dispatch.flags.flags",
>         "combine.handshake.flags",
>         "combine.get.arrival"
>       ]
>     }
>   ],
>   "safe": false
> }
> epsim: check: 1 of 1 are unsafe
? 1
$ epsim check direct --phase decode --drop combine.handshakes
> epsim: check: direct has no wait 'combine.handshakes' in decode; did you mean 'combine.handshake.flags'?; it has dispatch.counts.flags, dispatch.put.quiet, dispatch.sync.cores, dispatch.flags.flags, combine.handshake.flags, combine.get.arrival
? 2
$ epsim check --all direct
> epsim: check: 'direct' or --all, not both
? 2
$ epsim check relay4
> epsim: no flow is called 'relay4'; did you mean 'relay3'? (see `epsim list flows`)
? 2
# A wait that only one of the phases has: the other does not apply.
$ epsim check direct --ep 4 --skew even --drop dispatch.layout.flags
> direct, prefill: UNSAFE. 1 cases, 3620 accesses, 1 conflicts; of 4 runs on real rows 2 came out wrong, 0 hung
>   EP 4, even routing:
>     read-write: own counts, rank 0, row 0 (36 rows of all ranks)
>     dispatch.layout of rank 0 and dispatch.notify of rank 1: no order between them
>     missing: dispatch.layout of rank 0 -> dispatch.notify of rank 1
> direct, decode: does not apply: it has no wait of that name
> epsim: check: 1 of 1 are unsafe
? 1
$ epsim check direct --ep 4 --skew even --drop dispatch.layout.flagz
> direct, prefill: does not apply: it has no wait of that name
> direct, decode: does not apply: it has no wait of that name
> epsim: check: direct has no wait 'dispatch.layout.flagz' in prefill; did you mean 'dispatch.layout.flags'?; it has dispatch.layout.flags, dispatch.notify.cores#1, dispatch.notify.barrier, dispatch.notify.cores#2, dispatch.host.cores, dispatch.host.host, dispatch.put.quiet, dispatch.sync.cores, dispatch.barrier.barrier, combine.barrier.barrier#1, combine.get.arrival, combine.sync.cores, combine.barrier.barrier#2
? 2
$ epsim check direct relay2 --phase decode --ep 4 --skew even --runs 1 --each --json | grep -e '"flow"' -e '"wait"'
>       "flow": "direct",
>           "wait": "dispatch.counts.flags",
>           "wait": "dispatch.put.quiet",
>           "wait": "dispatch.sync.cores",
>           "wait": "dispatch.flags.flags",
>           "wait": "combine.handshake.flags",
>           "wait": "combine.get.arrival",
>       "flow": "relay2",
>           "wait": "dispatch.put.quiet",
>           "wait": "dispatch.sync.cores#1",
>           "wait": "dispatch.status.flags",
>           "wait": "dispatch.sync.cores#2",
>           "wait": "combine.put.flags",
>           "wait": "combine.wait.cores",
