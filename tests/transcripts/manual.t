# The man page and the completions are what the tables say today, and work.
$ build=$(dirname "$(command -v epsim)"); epsim manual man | cmp - $build/share/man/man1/epsim.1; epsim manual bash | cmp - $build/share/bash-completion/completions/epsim; epsim manual zsh | cmp - $build/share/zsh/site-functions/_epsim
$ if command -v man >$TMP/where; then epsim manual man | MANWIDTH=80 man --warnings -l - 2>&1; else echo 'epsim - simulator and schedule explorer of MoE inference'; fi | grep -e 'schedule explorer' -e warning | sed 's/^ *//'
> epsim - simulator and schedule explorer of MoE inference
$ [ $(epsim manual man | grep -c '^.SS "epsim ') = $(epsim --help | grep -c '^  [a-z]* *[A-Z]') ] && echo every verb
> every verb
$ epsim manual bash >$TMP/epsim.bash
$ printf '%s\n' '. "$1"; shift' 'COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _epsim 2>/dev/null; echo "${COMPREPLY[@]}"' >$TMP/try
$ bash $TMP/try $TMP/epsim.bash epsim swe
> sweep
$ bash $TMP/try $TMP/epsim.bash epsim sweep --pru
> --prune
$ bash $TMP/try $TMP/epsim.bash epsim sweep --prune f
> front
$ bash $TMP/try $TMP/epsim.bash epsim run --machine cloud
> cloudmatrix384
$ bash $TMP/try $TMP/epsim.bash epsim run --dispatch ''
> bf16 int8 fp8 fp4
$ bash $TMP/try $TMP/epsim.bash epsim run --set machine.fabric.ra
> machine.fabric.rate=
$ if command -v zsh >$TMP/where; then epsim manual zsh >$TMP/_epsim; zsh -n $TMP/_epsim; fi
$ epsim manual pdf
> epsim: manual: man, bash or zsh is needed
? 2
