# Prices are kept, found again, made in parts, merged, and made by several processes at once.
$ printf '%s\n' 'machine: "die:4 fabric:100GBps latency:1us memory:5GB"' 'model: {name: tiny, layers: 2, hidden: 1024, vocab: 1024, expert_inter: 1024, experts: 4, top_k: 2, attention: {kind: gqa, heads: 8, kv_heads: 8, head_dim: 128}}' 'workload: {name: short, input: {mean: 100, p50: 80, p90: 200, p99: 400}, output: {mean: 50, p50: 40, p90: 100, p99: 200}}' 'schedule: {chunk: 128}' 'sweep: {name: tiny, flow: [relay2, direct], ep: [1, 2, 4], batch: 16..256 *2, chunk: [64, 128]}' >$TMP/a.yaml
$ epsim sweep $TMP/a.yaml >$TMP/alone
$ epsim sweep $TMP/a.yaml --store $TMP/a.db | cmp - $TMP/alone
> epsim: sweep: 0 of 42 prices of pools were in $TMP/a.db
$ epsim sweep $TMP/a.yaml --store $TMP/a.db | cmp - $TMP/alone
> epsim: sweep: 42 of 42 prices of pools were in $TMP/a.db
$ epsim sweep $TMP/a.yaml --store $TMP/a.db --set sweep.batch=32,48 --set sweep.budget.tpot=1ms --rows 0 | sed -n 3p
> epsim: sweep: 18 of 24 prices of pools were in $TMP/a.db
> 24 schedules, 24 feasible (engine fluid, routing balanced)
$ epsim sweep $TMP/a.yaml --store $TMP/a.db --set machine.hbm.rate=2TBps --dry-run | tail -n 1
> 42 prices of pools, 0 of them stored; 42 to make by engine fluid

# Shards, as job arrays make them.
$ for i in 1 2 3; do epsim sweep $TMP/a.yaml --store $TMP/shard-$i.db --shard $i/3; done
> shard 1/3: 14 prices made, in $TMP/shard-1.db
> shard 2/3: 14 prices made, in $TMP/shard-2.db
> shard 3/3: 14 prices made, in $TMP/shard-3.db
$ epsim merge $TMP/all.db $TMP/shard-1.db $TMP/shard-2.db $TMP/shard-3.db
> $TMP/all.db: 42 prices, 42 of them new
$ epsim merge $TMP/all.db $TMP/shard-1.db
> $TMP/all.db: 42 prices, 0 of them new
$ epsim sweep $TMP/a.yaml --store $TMP/all.db --resume 2>&1 >$TMP/out; cmp $TMP/out $TMP/alone
> epsim: sweep: 42 of 42 prices of pools were in $TMP/all.db

# A team: whoever comes takes what nobody has. mpirun tells the processes who they are.
$ (epsim sweep $TMP/a.yaml --store $TMP/team.db --team 2/2 & epsim sweep $TMP/a.yaml --store $TMP/team.db --team 1/2 2>&1 >$TMP/out; wait); cmp $TMP/out $TMP/alone; ls $TMP | grep -c part
> epsim: sweep: 42 of 42 prices of pools were in $TMP/team.db
> 0
? 1
$ OMPI_COMM_WORLD_RANK=1 OMPI_COMM_WORLD_SIZE=2 epsim sweep $TMP/a.yaml --store $TMP/env.db; OMPI_COMM_WORLD_RANK=0 OMPI_COMM_WORLD_SIZE=2 epsim sweep $TMP/a.yaml --store $TMP/env.db | cmp - $TMP/alone
> epsim: sweep: 42 of 42 prices of pools were in $TMP/env.db
$ if command -v mpirun >$TMP/where; then OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1 tools/cluster/mpirun.sh 2 $TMP/a.yaml $TMP/mpi.db 2>$TMP/err; else cat $TMP/alone; fi | cmp - $TMP/alone

# The examples of tools/cluster with two ranks.
$ mkdir $TMP/array; for i in 1 2; do SLURM_ARRAY_TASK_ID=$i SLURM_ARRAY_TASK_COUNT=2 tools/cluster/slurm-array.sh $TMP/a.yaml $TMP/array; done
> shard 1/2: 21 prices made, in $TMP/array/shard-1.db
> shard 2/2: 21 prices made, in $TMP/array/shard-2.db
$ epsim merge $TMP/array/all.db $TMP/array/shard-*.db
> $TMP/array/all.db: 42 prices, 42 of them new
$ mkdir $TMP/pods; for i in 0 1; do SHARDS=2 SWEEP=$TMP/a.yaml STORES=$TMP/pods JOB_COMPLETION_INDEX=$i sh -c "$(sed -n '/>-/,/SHARDS"$/p' tools/cluster/kubernetes-indexed.yaml | sed 1d | tr '\n' ' ')"; done
> shard 1/2: 21 prices made, in $TMP/pods/shard-0.db
> shard 2/2: 21 prices made, in $TMP/pods/shard-1.db
$ tools/cluster/parallel.sh 2 $TMP/a.yaml $TMP/parallel 2>$TMP/err | cmp - $TMP/alone; sort $TMP/err
> $TMP/parallel/all.db: 42 prices, 42 of them new
> epsim: sweep: 42 of 42 prices of pools were in $TMP/parallel/all.db
> shard 1/2: 21 prices made, in $TMP/parallel/shard-1.db
> shard 2/2: 21 prices made, in $TMP/parallel/shard-2.db
$ mkdir $TMP/bin; printf '%s\n' '#!/bin/sh' 'shift; (SLURM_PROCID=1 SLURM_STEP_NUM_TASKS=2 "$@" & SLURM_PROCID=0 SLURM_STEP_NUM_TASKS=2 "$@"; wait)' >$TMP/bin/srun; chmod +x $TMP/bin/srun; PATH=$TMP/bin:$PATH tools/cluster/slurm-team.sh $TMP/a.yaml $TMP/slurm.db 2>$TMP/err >$TMP/out; head -n 23 $TMP/out | cmp - $TMP/alone; ls $TMP/slurm-report | grep -c csv
> 1

# What is wrong.
$ epsim sweep $TMP/a.yaml --resume
> epsim: sweep: --resume goes on from a --store FILE
? 2
$ epsim sweep $TMP/a.yaml --store $TMP/none.db --resume
> epsim: $TMP/none.db: there is no such store to go on from
? 2
$ epsim sweep $TMP/a.yaml --shard 1/2
> epsim: sweep: a --shard keeps its prices in a --store FILE
? 2
$ epsim sweep $TMP/a.yaml --shard 3/2 --store $TMP/x.db
> epsim: --shard 3/2: I/N is needed, with I from 1 to N, such as 3/8
? 2
$ epsim sweep $TMP/a.yaml --team 1/2
> epsim: sweep: 2 processes were started together; they share the work through a --store FILE
? 2
$ epsim sweep $TMP/a.yaml --store README.md
> epsim: README.md: it is no store of sweeps, or damaged: file is not a database
? 3
$ epsim sweep $TMP/a.yaml --store $TMP/x.db --shard 1/2 --prune front
> epsim: pruning by the front needs all prices at once; shards and teams can prune by budget
? 2
$ epsim merge $TMP/all.db
> epsim: merge: OUT and the stores to merge are needed, such as all.db shard-1.db shard-2.db
? 2
$ epsim merge $TMP/all.db $TMP/none.db
> epsim: $TMP/none.db: there is no such store to merge
? 2
$ epsim merge $TMP/all.db README.md
> epsim: merging README.md: $TMP/all.db: it is no store of sweeps, or damaged: file is not a database
? 3
