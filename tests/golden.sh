#!/bin/sh
# Runs each "$ command" of transcripts and compares what it prints.
# usage: [EPSIM_BIN=build] tests/golden.sh [--bless] FILE.t...
#
#     # any other line is a remark
#     $ epsim list engines       run by sh at the top of the source, without input
#     > its output               standard output and error together
#     ? 2                        its exit status, when that is not 0
#
# The epsim of the folder EPSIM_BIN comes first on PATH. $TMP is an empty folder that the commands
# of one transcript share; where output names it, the transcript says $TMP. --bless writes what the
# commands print now into FILE.t. Exit status 1 when a transcript differs.
set -eu
export LC_ALL=C TZ=UTC NO_COLOR=1

bless=no
[ "${1-}" != --bless ] || { bless=yes; shift; }
[ $# -gt 0 ] || { sed -n '3s/# //p' "$0" >&2; exit 2; }
top=$(cd "$(dirname "$0")/.." && pwd)
bin=$(cd "${EPSIM_BIN:-$top/build}" && pwd)
[ -x "$bin/epsim" ] || { echo "golden.sh: no epsim in $bin; EPSIM_BIN names its folder" >&2; exit 2; }
PATH=$bin:$PATH
EPSIM_CONFIGS=${EPSIM_CONFIGS:-$top/configs}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
TMP=$work/tmp
export PATH EPSIM_CONFIGS TMP

run() { # COMMAND
	status=0
	(cd "$top" && exec sh -c "$1") >"$work/out" 2>&1 </dev/null || status=$?
	awk -v tmp="$TMP" '{
		while (i = index($0, tmp))
			$0 = substr($0, 1, i - 1) "$TMP" substr($0, i + length(tmp))
		print $0 == "" ? ">" : "> " $0
	}' "$work/out"
	[ $status = 0 ] || printf '? %s\n' $status
}

# Prints the transcript as it would be written today.
play() { # FILE.t
	rm -rf "$TMP"
	mkdir "$TMP"
	while IFS= read -r line || [ -n "$line" ]; do
		case $line in
		'$ '*) printf '%s\n' "$line"; run "${line#??}" ;;
		'>' | '> '* | '? '*) ;;
		*) printf '%s\n' "$line" ;;
		esac
	done <"$1"
}

differs=0
for file; do
	play "$file" >"$work/new"
	if [ $bless = yes ]; then
		cmp -s "$work/new" "$file" || cat "$work/new" >"$file"
	else
		diff -u "$file" "$work/new" || differs=1
	fi
done
exit $differs
