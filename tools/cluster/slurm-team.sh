#!/bin/sh
#SBATCH --job-name=epsim
#SBATCH --ntasks=64
#SBATCH --cpus-per-task=1
#SBATCH --no-kill
# usage: sbatch slurm-team.sh FILE STORE; the store lies on a file system that all nodes see
set -eu
srun --kill-on-bad-exit=0 epsim sweep "$1" --store "$2" --out "${2%.db}-report"
