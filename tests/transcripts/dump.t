# ctest: 120
# What is dumped is the same run: each shipped sweep, and its dump, give the same points.
$ for f in configs/sweeps/*.yaml; do epsim sweep $f --csv >$TMP/a.csv && epsim config dump $f >$TMP/dump.yaml && epsim sweep $TMP/dump.yaml --csv | cmp - $TMP/a.csv || echo $f; done

# With what the command line sets, too.
$ set -- --set machine.fabric.rate=150GBps --set sweep.batch=16,64 --routing uniform --seed 7 --set sweep.ep=8 --set sweep.flow=direct; epsim config dump configs/sweeps/qwen3-235b-a2.yaml "$@" >$TMP/dump.yaml && epsim sweep configs/sweeps/qwen3-235b-a2.yaml "$@" --csv >$TMP/a.csv; epsim sweep $TMP/dump.yaml --csv | cmp - $TMP/a.csv && wc -l <$TMP/a.csv
> 25
