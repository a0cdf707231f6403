# Pictures of a sweep: tables and scripts beside them, so that `gnuplot ttft_tpot.gp` there redraws.
$ epsim sweep configs/sweeps/qwen3-235b-a2.yaml --jobs 1 --rows 0 --out $TMP/one | tail -n 9
> written to $TMP/one: points.csv, config.yaml, summary.txt
> $TMP/one/ttft_tpot.svg
> $TMP/one/ttft_tpot.png
> $TMP/one/phases_same.svg
> $TMP/one/phases_same.png
> $TMP/one/phases_best.svg
> $TMP/one/phases_best.png
> $TMP/one/throughput_tpot.svg
> $TMP/one/throughput_tpot.png
$ cd $TMP/one && ls
> config.yaml
> phases_best.gp
> phases_best.png
> phases_best.svg
> phases_best.tsv
> phases_same.gp
> phases_same.png
> phases_same.svg
> phases_same.tsv
> points.csv
> summary.txt
> throughput_tpot.gp
> throughput_tpot.png
> throughput_tpot.svg
> throughput_tpot.tsv
> throughput_tpot_front.tsv
> ttft_tpot.gp
> ttft_tpot.png
> ttft_tpot.svg
> ttft_tpot.tsv
> ttft_tpot_region.tsv

# PNG of 1280 x 800, and SVG that is whole, on white, with sans-serif letters.
$ cd $TMP/one && for f in *.png; do od -An -c -N8 $f; od -An -tx1 -j16 -N8 $f; done | sort -u
>  00 00 05 00 00 00 03 20
>  211   P   N   G  \r  \n 032  \n
$ cd $TMP/one && for f in *.svg; do head -n 1 $f; tail -n 2 $f; grep -o '<rect[^>]*fill="#ffffff"' $f | wc -l; grep -o 'font-family="[^"]*"' $f | sort -u; done | sort | uniq -c | sed 's/^ *//'
> 4 
> 4 1
> 4 </svg>
> 4 <?xml version="1.0" encoding="utf-8"  standalone="no"?>
> 4 font-family="sans-serif"
$ cd $TMP/one && for f in *.svg; do awk '{o += gsub(/<g[ >]/, ""); c += gsub(/<\/g>/, "")} END {print (o > 9 && o == c)}' $f; done | sort -u
> 1

# A table says what its columns are. Schedules that miss a budget or do not fit are no part of a region.
$ cd $TMP/one && grep -h '^# columns' *.tsv
> # columns: flow_number	flow	tokens	attention_ms	exchange_ms	gate_ms	dispatch_ms	expert_ms	combine_ms	dense_ms	head_ms
> # columns: flow_number	flow	tokens	attention_ms	exchange_ms	gate_ms	dispatch_ms	expert_ms	combine_ms	dense_ms	head_ms
> # columns: tpot_ms	tokens_per_s_per_npu	flow_number	points	flow
> # columns: tpot_ms	tokens_per_s_per_npu
> # columns: ttft_s	tpot_ms	flow_number	points	flow
> # columns: ttft_s	tpot_ms
$ cd $TMP/one && awk -F '\t' '/^[0-9]/ && ($1 > 2.000001 || $2 > 50.00001)' ttft_tpot_region.tsv

# The number of threads changes nothing, nor does drawing again.
$ epsim sweep configs/sweeps/qwen3-235b-a2.yaml --jobs 2 --rows 0 --out $TMP/two >$TMP/log && cd $TMP/two && for f in *.tsv *.gp *.svg *.png; do cmp $f ../one/$f; done
$ cd $TMP/two && for f in *.gp; do gnuplot $f && gnuplot -e "term='png'" $f; done 2>/dev/null; for f in *.svg *.png; do cmp $f ../one/$f; done
$ cd $TMP/two && gnuplot -e "term='pdf'" ttft_tpot.gp
> "ttft_tpot.gp" line 6: term is svg or png
>
? 1

# Nothing feasible, and nothing possible.
$ epsim sweep configs/sweeps/qwen3-235b-a2.yaml --set sweep.budget.tpot=1ms --rows 0 --out $TMP/none >$TMP/log 2>&1
? 1
$ cd $TMP/none && ls *.png | wc -l; grep -c '^[0-9]' ttft_tpot_region.tsv; grep -h ^subtitle phases_*.gp
> 4
> 0
> subtitle = "No schedule is feasible: each flow with its own schedule of least TPOT"
> subtitle = "The same schedule under every flow: none is feasible, this has the least TPOT:"
$ epsim sweep configs/sweeps/qwen3-235b-a2.yaml --set sweep.flow=direct --set sweep.ep=16 --rows 0 --out $TMP/none >$TMP/log 2>/dev/null; tail -n 1 $TMP/log; ls $TMP/none
> no pictures: no schedule could be priced
> config.yaml
> points.csv
> summary.txt

# A name is a name, whatever it holds.
$ epsim sweep configs/sweeps/qwen3-235b-a2.yaml --set sweep.ep=8 --set sweep.tp=1 --set 'model.name="; system("touch pwned"); "`touch pwned`@term' --set "machine.name='.system('touch pwned').'\\042 <b>&" --set 'workload.name=${x}%s \n\' --rows 0 --out $TMP/hostile | tail -n 1
> $TMP/hostile/throughput_tpot.png
$ cd $TMP/hostile && ls | grep -c pwned; grep -h '^title =' ttft_tpot.gp; grep -aoh '<text>&*[^<]*system.*</text>' ttft_tpot.svg
> 0
> title = "\0042; system(\0042touch pwned\0042); \0042\140touc\342\200\246 on \0047.system(\0047touch pwned\0047).\0047\134042 <b\342\200\246, workload \0044\173x\175\0045s \134n\134"
> <text>"; system("touch pwned"); "`touc… on '.system('touch pwned').'\042 &lt;b…, workload ${x}%s \n\</text>

# Without gnuplot there are tables and scripts; a gnuplot that fails is an error in its own words.
$ PATH=${PATH%%:*} epsim sweep configs/sweeps/qwen3-235b-a2.yaml --set sweep.ep=8 --rows 0 --out $TMP/none >$TMP/log; tail -n 1 $TMP/log; ls $TMP/none
> no pictures: gnuplot is not in PATH; tables and scripts are there: cd $TMP/none && gnuplot ttft_tpot.gp
> config.yaml
> phases_best.gp
> phases_best.tsv
> phases_same.gp
> phases_same.tsv
> points.csv
> summary.txt
> throughput_tpot.gp
> throughput_tpot.tsv
> throughput_tpot_front.tsv
> ttft_tpot.gp
> ttft_tpot.tsv
> ttft_tpot_region.tsv
$ mkdir $TMP/bin && printf '#!/bin/sh\necho "line 7:\nno such terminal" >&2\nexit 3\n' >$TMP/bin/gnuplot && chmod +x $TMP/bin/gnuplot
$ PATH=$TMP/bin:$PATH epsim sweep configs/sweeps/qwen3-235b-a2.yaml --set sweep.ep=8 --rows 0 --out $TMP/none >$TMP/log
> epsim: gnuplot failed: line 7: no such terminal
? 4
