#!/bin/sh
#SBATCH --job-name=epsim
#SBATCH --array=1-64
#SBATCH --cpus-per-task=4
#SBATCH --requeue
# usage: sbatch slurm-array.sh FILE FOLDER; afterwards
#   epsim merge FOLDER/all.db FOLDER/shard-*.db && epsim sweep FILE --store FOLDER/all.db --resume
set -eu
exec epsim sweep "$1" --store "$2/shard-$SLURM_ARRAY_TASK_ID.db" --jobs "${SLURM_CPUS_PER_TASK:-1}" \
	--shard "$SLURM_ARRAY_TASK_ID/$SLURM_ARRAY_TASK_COUNT"
