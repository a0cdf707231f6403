#!/bin/sh
# A sweep by all ranks of mpirun. usage: mpirun.sh RANKS FILE STORE [option of the sweep...]
# Open MPI ends all ranks when one is lost, unless told to go on; then the others do its part. Where
# it ended, the same command goes on.
set -eu
ranks=$1 file=$2 store=$3
shift 3
exec mpirun --enable-recovery -np "$ranks" epsim sweep "$file" --store "$store" "$@"
