# What a user reads first. Each verb's help starts with two examples.
$ epsim --help
> epsim predicts how long dispatch, expert compute and combine of a
> Mixture-of-Experts model take, and which serving schedules meet TTFT and
> TPOT budgets.
>
>   epsim run --machine cloudmatrix384 --model deepseek-v3.1 --flow direct --ep 64
>   epsim sweep configs/sweeps/deepseek-v3.1-cm384.yaml
>
> usage: epsim VERB ...    (epsim VERB --help tells more)
>
>   run       Predicts one step, one layer or one exchange in detail
>   sweep     Tries every combination of schedules against TTFT and TPOT budgets
>   report    Makes a page to decide on from a sweep: answer, front, what if, how sure
>   merge     Puts the stores of a sweep's shards into one
>   plan      Plans how many NPUs serve a load within TTFT and TPOT budgets
>   compare   Shows the same work under several flows, and where the difference comes from
>   check     Proves that a flow cannot corrupt data or wait for ever, or shows how it can
>   explain   Tells where the time of a layer goes and what would shorten it
>   serve     Serves requests of a trace or workload: TTFT, TPOT, goodput
>   hw        Runs the flows on real memory, measures it, and compares with predictions
>   trace     Reads profiles and benchmarks: sums them up, makes them observations
>   validate  Compares predictions with measured times of dispatch and combine
>   shapes    Compares published shapes (who wins, what saturates) with what is computed
>   calibrate Fits a machine's free parameters to measured times, with sd and held-out error
>   compute   Compares operators alone with measured tables, and fits a machine to them
>   bench     Measures the engines
>   list      Lists flows, engines, machines, models, workloads and policies
>   config    Checks a configuration, prints it in full, explains its fields
>
> exit status: 0 done, 1 the answer is no, 2 usage or configuration,
> 3 bad data, 4 internal
$ epsim run --help
>   epsim run --machine cloudmatrix384 --model deepseek-v3.1 --flow direct --ep 64
>   epsim run --machine cloudmatrix384 --model deepseek-v3.1 --flow relay2 --ep 32 --phase prefill --chunk 4096 --scope exchange --json
>
> usage: epsim run [FILE] [option...]
> Predicts one step, one layer or one exchange in detail.
>
> Exit status 1: the schedule cannot run on that machine, or does not fit its memory.
>
> options:
>   --scope SCOPE            step (all layers), layer (one MoE layer) or exchange (its dispatch and combine alone); default step
>   --draws N                price the step for N draws of the machine's uncertain numbers; shows the interval
>   --phase PHASE            prefill or decode; default decode
>   --context N              tokens of a sequence before the new ones; default: the workload's mean, 4096 without one, 0 in prefill
>   --context-spread SHARE   attention groups stand at contexts within the mean x (1 +- SHARE), such as 100%; default: the workload's, or 0
>   --engine NAME            estimate, fluid or simgrid; default fluid
>   --tolerance RATIO        merge events this close, relative to the makespan; default 0: exact
>   --timeline FILE          write the priced graph as a Chrome trace, for Perfetto
>   --json                   print JSON
>   --seed N                 of random routing; default 0
>   --help                   this text
>
> configuration:
>   --machine NAME           of configs/machines, a file, or a line ("node:4 die:16 fabric:196GBps")
>   --model NAME             of configs/models, or a file
>   --workload NAME          of configs/workloads, or a file
>   --trace FILE             request trace whose lengths replace the workload's
>   --routing KIND           balanced, uniform, skewed, grouped, file; or of configs/routings
>   --set KEY=VALUE          one value, such as machine.fabric.rate=150GBps; may be repeated
>
> schedule:
>   --flow NAME              dispatch and combine: see `epsim list flows`
>   --ep N                   ranks that share one copy of the experts
>   --tp N                   ranks that share an attention group
>   --dp N                   attention groups; 0: EP / TP
>   --pp N                   stages that the layers are split over, each of TP x DP ranks
>   --batch N                decode: requests of an attention group
>   --chunk N                prefill: tokens of an attention group in one step
>   --micro-batches N        2: communication of one under compute of the other
>   --streams N              2: attention of one micro-batch computes beside experts of the other
>   --attention-cores N      streams 2: cube cores of a die for attention, the rest for experts; 0: shared
>   --mtp N                  decode: tokens guessed for each sequence and step; serving.mtp.accept
>   --vector-cores N         of a die, used by dispatch and combine; 0: all
>   --kernel NAME            dispatch and combine as the machine's calibration.kernels names them, without phase and op
>   --dispatch NAME          rows on the wire in dispatch
>   --weights NAME           all weights, and GEMM compute
>   --kv NAME                KV cache
>   --completion NAME        flow option: ranks learn that rows are there by barrier or flags
>   --addresses NAME         flow option: remote windows' addresses are exchanged or cached
>   --window NAME            flow option: windows hold the worst case or what counts tell
>   --quantise NAME          flow option: fused into dispatch, or a separate kernel before
>   --dedup NAME             flow option: a token goes once to each expert (none), rank or node
>   --local NAME             flow option: a rank's rows to itself are staged, or take a shortcut
>   --round-tokens N         flow option: tokens of a rank moved in one round; 0: the flow's own
>   --pipeline N             flow option: parts that overlap inside the layer; 0: the flow's own
>   --placement NAME         which expert each slot of a rank holds: see `epsim list placements`
>   --replicas N             slots of a layer beyond one for each routed expert
>   --shared-slots N         slots of shared experts, on ranks of their own; 0: on every rank
>   --replica-choice NAME    a rank's rows for an expert: over all replicas, or the nearest
$ epsim sweep --help
>   epsim sweep configs/sweeps/deepseek-v3.1-cm384.yaml --out out/cm384
>   epsim sweep configs/sweeps/qwen3-235b-a2.yaml --set sweep.budget.tpot=40ms --json
>   mpirun -np 2 epsim sweep configs/sweeps/qwen3-235b-a2.yaml --store a2.db
>
> usage: epsim sweep FILE [option...]
> Tries every combination of schedules against TTFT and TPOT budgets.
>
> A knob that the file does not list takes the schedule's one value (--ep, --batch ...).
> Exit status 1: no schedule meets the budgets.
>
> options:
>   --out DIR                also write points, configuration and pictures there
>   --csv                    print all points as CSV
>   --rows N                 rows of the feasible front to print; default 20
>   --jobs N                 threads; default: all processors
>   --engine NAME            estimate, fluid or simgrid; default: the file's
>   --dry-run                only count schedules, and what there is to price
>   --explain POINT          why a point is feasible or not: its row, or flow=direct,ep=64,...
>   --prune KIND             none, budget, front or near: price less by lower bounds
>   --near SHARE             with --prune near: how far from the estimated front; default 5%
>   --draws N                sweep N draws of the machine's uncertain numbers, too: how surely each point is feasible
>   --finalists N            price the N best of the front by simgrid, too
>   --serve N                serve the N best of the front through queues: percentiles, goodput
>   --rate N                 with --serve: requests a second
>   --requests N             with --serve: how many; default: some lives of a request
>   --load SHARE             with --serve: of a pool's throughput that its deployments are for; default 80%
>   --store FILE             keep prices there, and take from it what an earlier sweep made
>   --resume                 go on with a sweep that was cut off: the store must be there
>   --shard I/N              only the I-th part of the prices, into the store; no report
>   --team I/N               share the work with N - 1 processes like this; mpirun implies it
>   --json                   print JSON
>   --seed N                 of random routing; default 0
>   --help                   this text
>
> configuration:
>   --machine NAME           of configs/machines, a file, or a line ("node:4 die:16 fabric:196GBps")
>   --model NAME             of configs/models, or a file
>   --workload NAME          of configs/workloads, or a file
>   --trace FILE             request trace whose lengths replace the workload's
>   --routing KIND           balanced, uniform, skewed, grouped, file; or of configs/routings
>   --set KEY=VALUE          one value, such as machine.fabric.rate=150GBps; may be repeated
>
> schedule:
>   --flow NAME              dispatch and combine: see `epsim list flows`
>   --ep N                   ranks that share one copy of the experts
>   --tp N                   ranks that share an attention group
>   --dp N                   attention groups; 0: EP / TP
>   --pp N                   stages that the layers are split over, each of TP x DP ranks
>   --batch N                decode: requests of an attention group
>   --chunk N                prefill: tokens of an attention group in one step
>   --micro-batches N        2: communication of one under compute of the other
>   --streams N              2: attention of one micro-batch computes beside experts of the other
>   --attention-cores N      streams 2: cube cores of a die for attention, the rest for experts; 0: shared
>   --mtp N                  decode: tokens guessed for each sequence and step; serving.mtp.accept
>   --vector-cores N         of a die, used by dispatch and combine; 0: all
>   --kernel NAME            dispatch and combine as the machine's calibration.kernels names them, without phase and op
>   --dispatch NAME          rows on the wire in dispatch
>   --weights NAME           all weights, and GEMM compute
>   --kv NAME                KV cache
>   --completion NAME        flow option: ranks learn that rows are there by barrier or flags
>   --addresses NAME         flow option: remote windows' addresses are exchanged or cached
>   --window NAME            flow option: windows hold the worst case or what counts tell
>   --quantise NAME          flow option: fused into dispatch, or a separate kernel before
>   --dedup NAME             flow option: a token goes once to each expert (none), rank or node
>   --local NAME             flow option: a rank's rows to itself are staged, or take a shortcut
>   --round-tokens N         flow option: tokens of a rank moved in one round; 0: the flow's own
>   --pipeline N             flow option: parts that overlap inside the layer; 0: the flow's own
>   --placement NAME         which expert each slot of a rank holds: see `epsim list placements`
>   --replicas N             slots of a layer beyond one for each routed expert
>   --shared-slots N         slots of shared experts, on ranks of their own; 0: on every rank
>   --replica-choice NAME    a rank's rows for an expert: over all replicas, or the nearest
$ epsim explain --help
>   epsim explain --machine cloudmatrix384 --model deepseek-v3.1 --flow relay2 --ep 64
>   epsim explain --machine cloudmatrix384 --model deepseek-v3.1 --flow direct --ep 16 --routing uniform --scope exchange --timeline layer.json
>
> usage: epsim explain [FILE] [option...]
> Tells where the time of a layer goes and what would shorten it.
>
> Parts of the critical path: work at the speed it would have alone, contention (what
> sharing resources adds), latency (fixed costs and wires), synchronisation (flags,
> barriers, host round trips).
>
> options:
>   --scope SCOPE            layer (one MoE layer) or exchange (its dispatch and combine alone); default layer
>   --phase PHASE            prefill or decode; default decode
>   --context N              tokens of a sequence before the new ones; default: the workload's mean, 4096 without one, 0 in prefill
>   --context-spread SHARE   attention groups stand at contexts within the mean x (1 +- SHARE), such as 100%; default: the workload's, or 0
>   --engine NAME            estimate, fluid or simgrid; default fluid
>   --tolerance RATIO        merge events this close, relative to the makespan; default 0: exact
>   --timeline FILE          write the priced graph as a Chrome trace, for Perfetto
>   --json                   print JSON
>   --seed N                 of random routing; default 0
>   --help                   this text
>
> configuration:
>   --machine NAME           of configs/machines, a file, or a line ("node:4 die:16 fabric:196GBps")
>   --model NAME             of configs/models, or a file
>   --workload NAME          of configs/workloads, or a file
>   --trace FILE             request trace whose lengths replace the workload's
>   --routing KIND           balanced, uniform, skewed, grouped, file; or of configs/routings
>   --set KEY=VALUE          one value, such as machine.fabric.rate=150GBps; may be repeated
>
> schedule:
>   --flow NAME              dispatch and combine: see `epsim list flows`
>   --ep N                   ranks that share one copy of the experts
>   --tp N                   ranks that share an attention group
>   --dp N                   attention groups; 0: EP / TP
>   --pp N                   stages that the layers are split over, each of TP x DP ranks
>   --batch N                decode: requests of an attention group
>   --chunk N                prefill: tokens of an attention group in one step
>   --micro-batches N        2: communication of one under compute of the other
>   --streams N              2: attention of one micro-batch computes beside experts of the other
>   --attention-cores N      streams 2: cube cores of a die for attention, the rest for experts; 0: shared
>   --mtp N                  decode: tokens guessed for each sequence and step; serving.mtp.accept
>   --vector-cores N         of a die, used by dispatch and combine; 0: all
>   --kernel NAME            dispatch and combine as the machine's calibration.kernels names them, without phase and op
>   --dispatch NAME          rows on the wire in dispatch
>   --weights NAME           all weights, and GEMM compute
>   --kv NAME                KV cache
>   --completion NAME        flow option: ranks learn that rows are there by barrier or flags
>   --addresses NAME         flow option: remote windows' addresses are exchanged or cached
>   --window NAME            flow option: windows hold the worst case or what counts tell
>   --quantise NAME          flow option: fused into dispatch, or a separate kernel before
>   --dedup NAME             flow option: a token goes once to each expert (none), rank or node
>   --local NAME             flow option: a rank's rows to itself are staged, or take a shortcut
>   --round-tokens N         flow option: tokens of a rank moved in one round; 0: the flow's own
>   --pipeline N             flow option: parts that overlap inside the layer; 0: the flow's own
>   --placement NAME         which expert each slot of a rank holds: see `epsim list placements`
>   --replicas N             slots of a layer beyond one for each routed expert
>   --shared-slots N         slots of shared experts, on ranks of their own; 0: on every rank
>   --replica-choice NAME    a rank's rows for an expert: over all replicas, or the nearest
$ epsim list --help
>   epsim list
>   epsim list machines --json
>
> usage: epsim list [flows|engines|machines|models|workloads|policies] [option...]
> Lists flows, engines, machines, models, workloads and policies.
>
> options:
>   --json                   print JSON
>   --seed N                 of random routing; default 0
>   --help                   this text
$ epsim config --help
>   epsim config check configs/sweeps/deepseek-v3.1-cm384.yaml
>   epsim config dump --machine cloudmatrix384 --set machine.fabric.rate=150GBps
>
> usage: epsim config check|dump [FILE] [option...], or fields [SECTION]
> Checks a configuration, prints it in full, explains its fields.
>
> What dump prints reads back to the same run.
> Exit status 1: --sources found numbers without a source.
>
> options:
>   --sources                check: list numbers without a source
>   --json                   print JSON
>   --seed N                 of random routing; default 0
>   --help                   this text
>
> configuration:
>   --machine NAME           of configs/machines, a file, or a line ("node:4 die:16 fabric:196GBps")
>   --model NAME             of configs/models, or a file
>   --workload NAME          of configs/workloads, or a file
>   --trace FILE             request trace whose lengths replace the workload's
>   --routing KIND           balanced, uniform, skewed, grouped, file; or of configs/routings
>   --set KEY=VALUE          one value, such as machine.fabric.rate=150GBps; may be repeated
>
> schedule:
>   --flow NAME              dispatch and combine: see `epsim list flows`
>   --ep N                   ranks that share one copy of the experts
>   --tp N                   ranks that share an attention group
>   --dp N                   attention groups; 0: EP / TP
>   --pp N                   stages that the layers are split over, each of TP x DP ranks
>   --batch N                decode: requests of an attention group
>   --chunk N                prefill: tokens of an attention group in one step
>   --micro-batches N        2: communication of one under compute of the other
>   --streams N              2: attention of one micro-batch computes beside experts of the other
>   --attention-cores N      streams 2: cube cores of a die for attention, the rest for experts; 0: shared
>   --mtp N                  decode: tokens guessed for each sequence and step; serving.mtp.accept
>   --vector-cores N         of a die, used by dispatch and combine; 0: all
>   --kernel NAME            dispatch and combine as the machine's calibration.kernels names them, without phase and op
>   --dispatch NAME          rows on the wire in dispatch
>   --weights NAME           all weights, and GEMM compute
>   --kv NAME                KV cache
>   --completion NAME        flow option: ranks learn that rows are there by barrier or flags
>   --addresses NAME         flow option: remote windows' addresses are exchanged or cached
>   --window NAME            flow option: windows hold the worst case or what counts tell
>   --quantise NAME          flow option: fused into dispatch, or a separate kernel before
>   --dedup NAME             flow option: a token goes once to each expert (none), rank or node
>   --local NAME             flow option: a rank's rows to itself are staged, or take a shortcut
>   --round-tokens N         flow option: tokens of a rank moved in one round; 0: the flow's own
>   --pipeline N             flow option: parts that overlap inside the layer; 0: the flow's own
>   --placement NAME         which expert each slot of a rank holds: see `epsim list placements`
>   --replicas N             slots of a layer beyond one for each routed expert
>   --shared-slots N         slots of shared experts, on ranks of their own; 0: on every rank
>   --replica-choice NAME    a rank's rows for an expert: over all replicas, or the nearest

# Every verb: examples that start a line, --json, --seed, --help.
$ epsim --help | sed -n 's/^  \([a-z]*\)  .*/\1/p' >$TMP/verbs; sort $TMP/verbs | tr '\n' ' '
> bench check compare compute config explain hw list merge plan report run serve shapes sweep trace validate 
$ for v in $(cat $TMP/verbs); do epsim $v --help | head -n 2 | grep -c "^  epsim $v"; done | uniq
> 2
$ for v in $(cat $TMP/verbs); do epsim $v --help | grep -cE '^  --(json|seed N|help)  '; done | uniq
> 3

# The examples work (those of sweep and bench take their time elsewhere).
$ for v in run explain list config; do epsim $v --help | head -n 2; done >$TMP/examples; cd $TMP && ln -s $EPSIM_CONFIGS configs && sh -e examples >/dev/null && echo all done
> all done

# No colour, no progress bar where there is no terminal.
$ epsim sweep configs/sweeps/qwen3-235b-a2.yaml 2>&1 >$TMP/out; grep -c "$(printf '\033')" $TMP/out
> 0
? 1
