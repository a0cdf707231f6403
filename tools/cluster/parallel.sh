#!/bin/sh
# A sweep in N shards by GNU parallel, or by xargs where there is none; then the report.
# usage: parallel.sh N FILE FOLDER [option of the report...]
set -eu
n=$1 file=$2 folder=$3
shift 3
mkdir -p "$folder"
one="epsim sweep '$file' --store '$folder'/shard-{}.db --jobs 1 --shard {}/$n"
if command -v parallel >/dev/null; then
	seq "$n" | parallel "$one" >&2
else
	seq "$n" | xargs -P "$n" -I '{}' sh -c "$one" >&2
fi
epsim merge "$folder/all.db" "$folder"/shard-*.db >&2
exec epsim sweep "$file" --store "$folder/all.db" --resume "$@"
