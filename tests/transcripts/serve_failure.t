# Two ranks of decode die a second apart, while a request a second comes: pauses, fewer ranks, all back.
$ epsim serve configs/serving/eep.yaml --rate 1 --requests 120 --set serving.failure.at=60s,61.5s --json | sed -n '/"failures"/,/"retried"/p'
>   "failures": {
>     "failed_s": 60,
>     "resumed_s": 72.54951890455985,
>     "rejoined_s": 103.17777217587583,
>     "coverable": true,
>     "before_tokens_per_s": 2014.900749880453,
>     "fewer_tokens_per_s": 3756.7557978077634,
>     "back_after_s": 43.5,
>     "local_experts": 16,
>     "peer_bytes": 74075602944,
>     "host_bytes": 0,
>     "repair_s": 0.04951890455984338,
>     "warm_load_s": 1.1671007404811864,
>     "busiest_experts": 9,
>     "retried": 4,
$ epsim serve configs/serving/eep.yaml --rate 1 --requests 120 --set serving.failure.at=60s,61.5s --timeline $TMP/t.csv | sed -n '/ranks died/,$p' | grep -v '^output'
> ranks died at 60 s: a pause of 12.55 s, whole after 43.18 s
> time         after  ranks    instance  groups
> 60 s           0 s  suspect         1       1
> 61 s           1 s  out             1       1
> 61 s           1 s  warming         1       1
> 61.5 s       1.5 s  suspect         1       1
> 62.5 s       2.5 s  out             1       1
> 62.5 s       2.5 s  warming         1       1
> 72.5495 s  12.55 s  resumed         1      30
> 95.1671 s  35.17 s  ready           1       1
> 103.178 s  43.18 s  joined          1       2
> experts       of a layer: 16 with a living copy; 74.08 GB copied from peers, 0 B from host memory, in 49.52 ms of the pauses; a rank computes 9 at most
> started again 4 requests; lost 0
$ awk -F, '$7 != last { print $1, $7; last = $7 }' $TMP/t.csv
> time_s last_event
> 0 
> 60 suspect
> 61 warming
> 61.5 suspect
> 62.5 warming
> 73 resumed
> 95.5 ready
> 103.5 joined
# The Chrome trace of the decode instance has the same.
$ epsim serve configs/serving/eep.yaml --rate 1 --requests 120 --set serving.failure.at=60s --timeline $TMP/t.json --instance 1 >/dev/null; grep -B1 '"ph": "i"' $TMP/t.json | grep name
>       "name": "suspect",
>       "name": "out",
>       "name": "warming",
>       "name": "resumed",
>       "name": "ready",
>       "name": "joined",
# Nobody has a copy; host memory has, but there is no place for it; both, and no replica anywhere.
$ epsim serve --machine cloudmatrix384 --model deepseek-v3.1 --ep 64 --workload azure-conv --rate 10 --requests 50 --set serving.failure.at=1s | sed -n '/ranks died/,$p' | grep -v '^output'
> epsim: the failure is not coverable: no copy is left of some experts
> ranks died at 1 s; not coverable: no copy is left of some experts
> time  after  ranks          instance  groups
> 1 s     0 s  suspect               0       1
> 2 s     1 s  out                   0       1
> 2 s     1 s  not coverable         0      64
> started again 8 requests; lost 50
$ epsim serve --machine cloudmatrix384 --model deepseek-v3.1 --ep 64 --workload azure-conv --rate 10 --requests 50 --set serving.failure.at=1s --set serving.failure.host_backup=yes | tail -n 1
> epsim: the failure is not coverable: no expert slot is free on the living ranks
> started again 8 requests; lost 50
$ epsim serve --machine cloudmatrix384 --model deepseek-v3.1 --ep 64 --workload azure-conv --rate 10 --requests 50 --set serving.failure.at=1s --set serving.failure.host_backup=yes --set serving.failure.slots=1 --set serving.failure.patch=2s | sed -n '/ranks died/,$p' | grep -v '^output'
> ranks died at 1 s: a pause of 3.001 s
> time         after  ranks    instance  groups
> 1 s            0 s  suspect         0       1
> 2 s            1 s  out             0       1
> 4.00147 s  3.001 s  resumed         0      63
> experts       of a layer: 0 with a living copy; 0 B copied from peers, 10.22 GB from host memory, in 1.472 ms of the pauses; a rank computes 5 at most
> started again 1 requests; lost 0
# Slips of the hand.
$ epsim serve configs/serving/eep.yaml --rate 1 --set serving.failure.at=90s,60s
> epsim: configs/serving/eep.yaml:25 and --set serving.failure.at: serving.failure.at: times must be above zero and rise, but 60s comes after 90s
? 2
$ epsim serve configs/serving/eep.yaml --rate 1 --set serving.failure.pool=decoder
> epsim: --set serving.failure.pool: 'decoder' is not one of prefill, decode; did you mean 'decode'?
? 2
$ epsim serve configs/serving/eep.yaml --rate 1 --set serving.failure.instance=3
> epsim: serving.failure.instance: there is no instance 3, the pool has 1
? 2
$ epsim serve configs/serving/eep.yaml --rate 1 --set serving.failure.slots=4
> epsim: configs/serving/eep.yaml:25 and --set serving.failure.slots: serving.failure.slots 4 cannot hold 8 spares
? 2
$ epsim serve --machine 'die:8' --model deepseek-v3.1 --ep 8 --workload azure-conv --rate 1 --set machine.hbm.capacity=2TB --set serving.failure.at=9s --set serving.failure.host_backup=yes
> epsim: serving.failure.host_rate is needed: machine synthetic knows no rate from host memory
? 2
