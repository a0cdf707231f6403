# What a faster tier costs, and which machine takes the fewest NPUs.
# ctest: full plain 600
$ epsim plan configs/plans/tpot-tiers.yaml | sed -n '/^case  *NPUs  more/,/^$/p;/^'"'"'/p'
> case                     NPUs  more  prefill  decode  machines   within  with
> sweep.budget.tpot=100ms    96    +0       64      32         1  100.0 %  4 x direct EP 16 TP 4 chunk 16384; 1 x direct EP 32 TP 1 batch 48 MTP 1
> sweep.budget.tpot=50ms     96    +0       64      32         1  100.0 %  4 x direct EP 16 TP 4 chunk 16384; 1 x direct EP 32 TP 1 batch 48 MTP 1
> sweep.budget.tpot=35ms    128   +32       64      64         1   99.7 %  4 x direct EP 16 TP 4 chunk 16384; 1 x direct EP 64 TP 2 batch 24 MTP 1
> sweep.budget.tpot=20ms    320  +224       64     256         1   97.0 %  4 x direct EP 16 TP 4 chunk 16384; 2 x direct EP 128 TP 4 batch 8 MTP 1
>
> 'sweep.budget.tpot=50ms' needs as many NPUs as 'sweep.budget.tpot=100ms': 96.
> 'sweep.budget.tpot=100ms' saves 32 NPUs of 128, 25 %, against 'sweep.budget.tpot=35ms'.
> 'sweep.budget.tpot=100ms' saves 224 NPUs of 320, 70 %, against 'sweep.budget.tpot=20ms'.
$ epsim plan configs/plans/which-machine.yaml | sed -n '/^case  *NPUs  more/,/^$/p;/^'"'"'/p'
> case                    NPUs  more  prefill  decode  machines   within  with
> machine=atlas-a2          80    +0       32      48         1  100.0 %  4 x direct EP 8 TP 1 chunk 8192; 3 x relay2 EP 16 TP 1 batch 16
> machine=cloudmatrix384    56   -24       24      32         1  100.0 %  3 x relay2 EP 8 TP 4 chunk 8192; 1 x direct EP 32 TP 4 batch 96
> machine=ascend-950        32   -48       16      16         1   99.9 %  2 x relay2 EP 8 TP 2 chunk 8192; 1 x direct EP 16 TP 1 batch 64
>
> 'machine=ascend-950' saves 48 NPUs of 80, 60 %, against 'machine=atlas-a2'.
> 'machine=ascend-950' saves 24 NPUs of 56, 43 %, against 'machine=cloudmatrix384'.
