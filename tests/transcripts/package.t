# ctest: full plain 600
# A Debian package is built, extracted into an empty root, and works there.
$ tools/package $TMP/package | grep -v -e '^building' -e '^\$TMP' -e deb: | sed 's/[0-9.]*$//'
> in an empty root: epsim 
> machines there: 
> man page: epsim - simulator and schedule explorer of MoE inference
> completions: bash-completion/completions/epsim zsh/site-functions/_epsim
