# One line that says what is wrong, where, and what was meant. tests/wrong_*_test.c try many more.
$ epsim
> epsim: a verb is missing (see `epsim --help`)
? 2
$ epsim swep
> epsim: there is no verb 'swep'; did you mean 'sweep'? (see `epsim --help`)
? 2
$ epsim run --machine cloudmatrix38 --model deepseek-v3.1
> epsim: no machine is called 'cloudmatrix38'; did you mean 'cloudmatrix384'? (see `epsim list machines`)
? 2
$ epsim run --machine cloudmatrix384 --model deepseek-v3.1 --flow drect --ep 64
> epsim: no flow is called 'drect'; did you mean 'direct'? (see `epsim list flows`)
? 2
$ epsim run --machine cloudmatrix384 --model deepseek-v3.1 --set machine.fabric.rate=196
> epsim: --set machine.fabric.rate: '196' needs a unit of rate, such as GBps
? 2
$ printf 'machine: atlas-a2\nsweep:\n  budget: {tpot: 50}\n' >$TMP/a.yaml; epsim config check $TMP/a.yaml
> epsim: $TMP/a.yaml:3: budget.tpot: '50' needs a unit of time, such as us
? 2
$ printf 'schedule:\n\tep: 64\n' >$TMP/a.yaml; epsim config check $TMP/a.yaml
> epsim: $TMP/a.yaml:2: a tab where YAML allows none; use spaces
? 2

# Exit status 1: a plain no.
$ epsim run --machine atlas-a2 --model qwen3-235b-a22b --flow direct --ep 16
> epsim: this schedule cannot run: direct placement needs one address space: the fabric does not span EP
? 1
$ epsim run --machine atlas-a2 --model deepseek-v3.1 --ep 8 >$TMP/report
> epsim: it does not fit: a rank needs 117.8 GB of 57.6 GB
? 1

# Exit status 3: bad data.
$ printf 'ContextTokens,GeneratedTokens\n100,20\n100,many\n' >$TMP/t.csv; epsim run --machine die:8 --model qwen3-30b-a3b --ep 8 --trace $TMP/t.csv
> epsim: $TMP/t.csv:3: 'GeneratedTokens' is 'many'; a whole number of tokens, zero or more, is expected
? 3
