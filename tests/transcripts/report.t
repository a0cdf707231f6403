# A page to decide on. Alone it is Markdown.
$ epsim report configs/sweeps/deepseek-v3.1-cm384.yaml --draws 0 | sed -n '1,/^## What the budgets/p'
> # deepseek-v3.1-cm384
>
> deepseek-v3.1 on cloudmatrix384, workload mooncake-conversation
>
> ## The answer
>
> **Yes.** 1,852 of 17,280 schedules meet all budgets. The best by throughput is direct, EP 64, TP 2, dispatch int8, micro batches 1, vector cores 48, batch 32, chunk 16384: 46.3 output tokens/s/NPU, first token after 3.08 s (38.5 % below its budget), each further one after 59.8 ms (0.3 % below its budget), with deployments of 64 NPUs.
>
> - Feasible schedules: 1,852 (of 17,280)
> - Throughput: 46.3 (output tokens/s/NPU)
> - TTFT: 3.08 s (38.5 % below its budget)
> - TPOT: 59.8 ms (0.3 % below its budget)
> - NPUs: 64 (of a deployment)
>
> Most tokens/s/NPU within the budgets with other flows: 39.5 with relay3 (-14.6 %), 44.9 with relay2 (-3.0 %).
>
> ## The question
>
> Which schedules serve deepseek-v3.1 on cloudmatrix384 (768 NPUs) for requests like those of mooncake-conversation (prompts of 12,035 tokens and answers of 343, on average) within these budgets: the first token of a prompt of 12,035 tokens within 5 s (TTFT); each further token within 60 ms (TPOT), at a context of 12,206 tokens? And which of these is best by throughput?
>
> What was tried: each value with each of the others
>
> | knob | values |
> |---|---|
> | flow | relay3, relay2, direct |
> | EP | 16, 32, 64, 128, 256 |
> | TP | 1, 2, 4 |
> | dispatch | bf16, int8 |
> | micro batches | 1, 2 |
> | vector cores | 16, 24, 48 |
> | batch | 8, 16, 32, 48, 64, 96, 128, 192 |
> | chunk | 2048, 4096, 8192, 16384 |
>
> The same in all: weights int8, KV bf16.
>
> ## What the budgets allow
$ epsim report configs/sweeps/deepseek-v3.1-cm384.yaml --draws 0 | grep '^#'
> # deepseek-v3.1-cm384
> ## The answer
> ## The question
> ## What the budgets allow
> ## What other budgets would buy
> ## The feasible set
> ## Why schedules are infeasible
> ## Where the time goes
> ## How sure this is
> ## Schedules
> ## Configuration, and how to make this page
> ### The whole configuration, with the source of each number
$ epsim report configs/sweeps/deepseek-v3.1-cm384.yaml --draws 0 | sed -n "/^## Why/,/^## Where/p" | cut -d "|" -f 1-5
> ## Why schedules are infeasible
>
> Infeasible schedules by the first reason, in the order of the columns
>
> | flow | does not fit memory | over the TTFT budget | over the TPOT budget 
> |---|--:|--:|--:
> | relay3 | 3,924 | 363 | 921 
> | relay2 | 3,888 | 363 | 861 
> | direct | 3,888 | 363 | 857 
>
> The nearest infeasible schedule of each flow and reason, and the budget that it misses most
>
> | flow | reason | misses most | by (%) 
> |---|---|---|--:
> | relay3 | does not fit memory | TPOT | 8.48 
> | relay3 | over the TTFT budget | TPOT | 4.70 
> | relay3 | over the TPOT budget | TPOT | 1.32 
> | relay2 | does not fit memory | memory of decode | 1.91 
> | relay2 | over the TTFT budget | TPOT | 4.18 
> | relay2 | over the TPOT budget | TPOT | 1.22 
> | direct | does not fit memory | memory of decode | 1.88 
> | direct | over the TTFT budget | TPOT | 4.20 
> | direct | over the TPOT budget | TPOT | 0.37 
>
> ## Where the time goes

# How sure it is: the machine's calibration, what of the best schedule lies outside it, draws of its numbers.
$ epsim report configs/sweeps/deepseek-v3.1-cm384.yaml | grep '^But'
> But it meets them in only 37 % of 100 draws of the machine's uncertain numbers. The best of the front that does in at least 95 %: direct, EP 128, TP 2, dispatch int8, micro batches 1, vector cores 48, batch 16, chunk 16384, with 42.3 tokens/s/NPU, TTFT 3.13 s, TPOT 44.2 ms.
$ epsim report configs/sweeps/deepseek-v3.1-cm384.yaml | sed -n '/^## How sure/,/^## Sched/p'
> ## How sure this is
>
> TTFT and TPOT are of idle pools: no waiting for a place, no KV transfer between prefill and decode. Prices are by engine fluid with balanced routing.
>
> The machine cloudmatrix384 is calibrated with 36 measured times of dispatch and combine (data b0304e5fa19ad523). A measured time differs from the fit by 5.6 %, and kernels of different sources that do the same work differ by 23 % (standard deviations of log time).
>
> The best schedule lies outside what was calibrated (flow direct not calibrated): its figures are extrapolated, and no measured error stands for them.
>
> The best schedule beside what was calibrated
>
> | of an exchange | best schedule | calibrated |
> |---|---|---|
> | flow | direct | relay2 |
> | EP | 64 | 8 to 32 |
> | tokens of a rank, prefill | 8192 | 16 to 16384 |
> | tokens of a rank, decode | 16 | 16 to 16384 |
> | hidden size | 7168 | 4096 to 7168 |
>
> ### What the machine's uncertain numbers leave open
>
> The machine's numbers that have a standard deviation were drawn 100 times. The best schedule met all budgets in 37 % of the draws; the table of the front says it of the others.
>
> The best schedule, as far as the machine's numbers are uncertain: 90 of 100 draws lie between 5 % and 95 %
>
> | figure | expected | 5 % | median | 95 % |
> |---|--:|--:|--:|--:|
> | TTFT (s) | 3.08 | 2.89 | 3.08 | 3.43 |
> | TPOT (ms) | 59.8 | 57.7 | 60.7 | 65.6 |
> | throughput (tokens/s/NPU) | 46.3 | 42.0 | 45.8 | 48.9 |
>
> What the best schedule hangs on: numbers of the machine, each one standard deviation down and up, the 10 widest
>
> | number | sd (%) | tokens/s/NPU at -sd | at +sd | TPOT (ms) at -sd | at +sd | feasible at |
> |---|--:|--:|--:|--:|--:|---|
> | sync.collective | 50 | 46.4 | 46.1 | 58.9 | 61.3 | -sd alone |
> | hbm.rate | 3 | 46.2 | 46.5 | 60.8 | 58.8 | +sd alone |
> | cube.bf16 | 5 | 45.6 | 47.0 | 59.8 | 59.8 | both |
> | decode_attention.memory | 4 | 46.2 | 46.4 | 60.7 | 59.1 | +sd alone |
> | fabric.contention | 22 | 46.8 | 45.7 | 59.7 | 59.9 | both |
> | cube.int8 | 5 | 45.7 | 46.9 | 59.8 | 59.8 | both |
> | cube.launch | 40 | 46.4 | 46.2 | 59.3 | 60.6 | -sd alone |
> | sync.kernel | 32 | 46.4 | 46.2 | 59.4 | 60.4 | -sd alone |
> | fabric.get | 8 | 46.0 | 46.6 | 59.9 | 59.7 | both |
> | quantised_grouped.peak | 4 | 46.0 | 46.6 | 59.8 | 59.8 | both |
>
> ## Schedules

# The best by another objective, nothing feasible, and nothing that can run.
$ epsim report configs/sweeps/qwen3-235b-a2.yaml --draws 0 --set sweep.objective=tpot | grep '^\*\*'
> **Yes.** 96 of 480 schedules meet all budgets. The best by TPOT is relay2, EP 16, TP 4, dispatch int8, batch 16, chunk 8192: 83 output tokens/s/NPU, first token after 325 ms (83.8 % below its budget), each further one after 38.9 ms (22.2 % below its budget), with deployments of 16 NPUs.
$ epsim report configs/sweeps/qwen3-235b-a2.yaml --set sweep.budget.tpot=20ms | grep '^\*\*'
> epsim: no schedule meets the budgets
> **No.** None of 480 schedules meets all budgets. The nearest, relay2, EP 16, TP 4, dispatch int8, batch 16, chunk 4096, is over in TPOT by 94.4 %: TTFT 325 ms, TPOT 38.9 ms, 82 output tokens/s/NPU.
$ epsim report configs/sweeps/qwen3-235b-a2.yaml --set sweep.flow=direct --set sweep.ep=16 | grep '^\*\*'
> epsim: no schedule meets the budgets
> **No.** None of 60 schedules can run on this machine.

# The form follows the name; a folder gets all. What it says of itself makes it again.
$ epsim report configs/sweeps/qwen3-235b-a2.yaml --draws 0 --out $TMP/a.html
> $TMP/a.html
$ epsim report configs/sweeps/qwen3-235b-a2.yaml --draws 0 --out $TMP/all
> $TMP/all/report.html
> $TMP/all/report.md
> $TMP/all/report.csv
> $TMP/all/report.json
$ cmp $TMP/a.html $TMP/all/report.html; epsim report configs/sweeps/qwen3-235b-a2.yaml --draws 0 --jobs 1 --format html | cmp - $TMP/a.html
$ head -n 3 $TMP/all/report.csv
> machine,model,workload,row,flow,ep,tp,dispatch,batch,chunk,npus,ttft_s,tpot_s,tokens_per_s_per_npu,memory_bytes,feasible,pareto,reason,why
> atlas-a2,qwen3-235b-a22b,azure-conv,1,relay2,8,1,bf16,16,4096,8,0.8209917626048372,0.050331712571480454,213.26650852081943,39846722297.6,0,0,tpot,TPOT 50.3 ms > 50 ms
> atlas-a2,qwen3-235b-a22b,azure-conv,2,relay2,8,1,bf16,16,8192,8,0.8209917626048372,0.050331712571480454,214.13653317365205,42638284903.623795,0,0,tpot,TPOT 50.3 ms > 50 ms
$ json_pp <$TMP/all/report.json >$TMP/pretty; grep -c '"id"' $TMP/pretty; grep -A 1 '"answer"' $TMP/pretty | cut -c 1-100
> 10
>          "id" : "answer",
>          "says" : [
> --
>                "answer" : "96 of 480 schedules meet all budgets. The best by throughput is direct, E
>                "feasible" : true
$ epsim report configs/sweeps/qwen3-235b-a2.yaml --draws 0 --set 'sweep.name=what if?' --jobs 2 | sed -n '/^epsim report/p'
> epsim report configs/sweeps/qwen3-235b-a2.yaml --draws 0 --set 'sweep.name=what if?' --out report.html

# One file that asks for nothing; names are text wherever they stand.
$ grep -c -e 'src=' -e 'http://[^w]' -e '@import' $TMP/a.html
> 0
? 1
$ grep -o 'default-src [^;]*' $TMP/a.html
> default-src 'none'
$ epsim report configs/sweeps/qwen3-235b-a2.yaml --draws 0 --set 'sweep.name=</script><script>alert(1)</script>' --out $TMP/name >$TMP/log; grep -c 'alert' $TMP/name/report.html; grep -c '<script>alert' $TMP/name/report.html; head -n 1 $TMP/name/report.md
> 4
> 0
> # \</script\>\<script\>alert(1)\</script\>
$ epsim report configs/sweeps/qwen3-235b-a2.yaml --draws 0 --set 'machine.name=a,"b"' --format csv | sed -n 2p | cut -c 1-40
> "a,""b""",qwen3-235b-a22b,azure-conv,1,r

# Fewer schedules than there are: which ones is said.
$ epsim report configs/sweeps/qwen3-235b-a2.yaml --draws 0 --points 200 | sed -n '/^## Sched/,/^## Conf/p'
> ## Schedules
>
> Of 480 schedules 200 are here: of each kind as many as are named, evenly in the sweep's order. epsim sweep FILE --csv prints all.
>
> - 56 of 56 that none beats with as many NPUs
> - 72 of 79 feasible ones beside these
> - 72 of 149 that miss only a budget of time or NPUs
> - 0 of 196 that do not fit memory or cannot run
>
> They are in the forms html, csv and json.
>
> ## Configuration, and how to make this page

# Without gnuplot the page says so, and has all else.
$ PATH=${PATH%%:*} epsim report configs/sweeps/qwen3-235b-a2.yaml --draws 0 --out $TMP/plain.html
> epsim: report: gnuplot is not in PATH: the page has no pictures
> $TMP/plain.html
$ grep -c '<svg' $TMP/a.html $TMP/plain.html | sed 's/.*://'; grep -o 'The pictures are missing[^.]*' $TMP/plain.html
> 4
> 0
> The pictures are missing: gnuplot was not found where this page was made

# What is wrong is told.
$ epsim report
> epsim: report: one FILE of a sweep is needed, such as configs/sweeps/deepseek-v3.1-cm384.yaml
? 2
$ epsim report configs/sweeps/qwen3-235b-a2.yaml --format htm
> epsim: --format htm: html, markdown, csv or json is needed; did you mean 'html'?
? 2
$ epsim report configs/sweeps/qwen3-235b-a2.yaml --json --format csv
> epsim: report: --json and --format exclude each other
? 2
$ epsim report configs/sweeps/qwen3-235b-a2.yaml --draws 1000000
> epsim: report: --draws 1000000: at most 100000
? 2

# With a load: how many NPUs, what gives way first.
$ epsim report configs/sweeps/deepseek-v3.1-cm384.yaml --draws 0 --rate 20 | sed -n '/^## How many/,/^The load/p'
> ## How many NPUs the load takes
>
> 192 NPUs serve 20 requests/s, with pools that may differ in schedule and are used to 80 % of their throughput. This is by throughput alone; epsim plan serves the load through queues, which may ask for more.
>
> As the load grows, the decode pool gives way first, at 20.08 requests/s, 1.00 times the load. The machine (768 NPUs) has room for 80.31 requests/s of these schedules.
>
> The pools, and how far their load may grow
>
> | pool | deployments | NPUs | planned for up to (requests/s) | times the load | schedule |
> |---|--:|--:|--:|--:|---|
> | prefill | 10 | 160 | 20.6 | 1.03 | direct, EP 16, TP 4, chunk 16384 |
> | decode | 1 | 32 | 20.1 | 1.00 | direct, EP 32, TP 1, batch 16 |
>
> The load grown, each planned anew
$ epsim report configs/sweeps/deepseek-v3.1-cm384.yaml --rate 0
> epsim: --rate: 0 is not above 0
? 2

# A machine without calibration is said to be without; one without uncertain numbers holds in all draws.
$ epsim report configs/sweeps/qwen3-235b-a2.yaml --machine 'node:16 die:8' | grep -e 'not calibrated' -e 'Holds in'
> The machine synthetic is not calibrated: its numbers are those of data sheets and assumptions, each with its source in the configuration below. No error of its predictions is known.

# Several machines: a case each.
$ epsim report configs/sweeps/qwen3-235b-a2.yaml --set sweep.machines=atlas-a2,cloudmatrix384 --draws 0 | sed -n '1,/^## The question/p' | cut -c 1-150
> # qwen3-235b-a2
>
> 2 cases: machines, models or workloads
>
> ## Cases
>
> The best schedule of each case
>
> | case | machine | model | workload | feasible | best tokens/s/NPU | best schedule |
> |--:|---|---|---|--:|--:|---|
> | 1 | atlas-a2 | qwen3-235b-a22b | azure-conv | 96 | 233 | direct, EP 8, TP 1, dispatch int8, batch 16, chunk 8192 |
> | 2 | cloudmatrix384 | qwen3-235b-a22b | azure-conv | 258 | 376 | direct, EP 64, TP 1, dispatch int8, batch 32, chunk 8192 |
>
> ## The answer (case 1)
>
> qwen3-235b-a22b on atlas-a2, workload azure-conv:
>
> **Yes.** 96 of 480 schedules meet all budgets. The best by throughput is direct, EP 8, TP 1, dispatch int8, batch 16, chunk 8192: 233 output tokens/s/
>
> - Feasible schedules: 96 (of 480)
> - Throughput: 233 (output tokens/s/NPU)
> - TTFT: 714 ms (64.3 % below its budget)
> - TPOT: 48.4 ms (3.2 % below its budget)
> - NPUs: 8 (of a deployment)
>
> Most tokens/s/NPU within the budgets with other flows: 223 with relay2 (-4.2 %).
>
> ## The question (case 1)
# Measured times of rows that name no flow.
$ printf 'machine,flow,source,op,phase,ep,tokens_per_rank,hidden,topk,experts,dtype_dispatch,latency_us\natlas-a2,,lab,dispatch,decode,8,128,7168,8,256,int8,150\n' >$TMP/lab.csv; epsim report configs/sweeps/qwen3-235b-a2.yaml --draws 0 --observed $TMP/lab.csv --as-flow relay2 | sed -n '/^### Predicted/,/^## Sch/p'
> ### Predicted against measured
>
> Predicted against measured times of dispatch and combine on this machine
>
> | kernels | rows | median error (%) | mean error (%) | inside 90 % interval (%) |
> |---|--:|--:|--:|--:|
> | relay2, decode dispatch | 1 | 1.7 | 1.7 | 100 |
> | all | 1 | 1.7 | 1.7 | 100 |
>
> ## Schedules
