# Published shapes against ours.
$ epsim shapes
> TensorRT-LLM one-sided
>   holds     1.27   small batches cost a floor: dispatch of 64 tokens over 1, EP 8
>                    published: 22.3 us over 18.9 us: 1.18; passes 1 to 1.3
>   explained 1.02   the floor of combine over that of dispatch
>                    published: 31 us over 18.9 us: 1.64; passes 1.3 to 2
>                    why not: both kernels have the same fixed costs here: one launch, one barrier. What makes combine's longer is not published; the machine's calibration keeps it as a ratio of that kernel, which shapes leave out
>   holds     2      then a straight line: from 1024 to 2048 tokens over from 512 to 1024
>                    published: 145.5 us over 76.8 us: 1.89; passes 1.85 to 2.1
>   holds     1.85   BF16 over FP8 stays below its 1.94 times the bytes, 2048 tokens
>                    published: 311.8 us over 172.2 us: 1.81; passes 1.6 to 1.94
>
> DeepEP low latency
>   holds     2.51   dispatch rises from EP 8 to EP 64
>                    published: 173 us over 77 us: 2.25; passes 1.8 to 2.7
>   holds     1.09   and then saturates: EP 256 over EP 64
>                    published: 194 us over 173 us: 1.12; passes 1 to 1.25
>   holds     1.87   combine over dispatch, EP 64
>                    published: 314 us over 173 us: 1.82 (bytes 1.94); passes 1.5 to 1.95
>
> FUSCO
>   holds     1.32   pack, all-to-all, unpack (NCCL) over DeepEP, 64 GPUs, 16384 tokens
>                    published: 143.6 ms over 116.1 ms: 1.24 on real routing, 1.84 in one node; passes 1.05 to 2
>   holds     1.39   pack, all-to-all, unpack (NCCL) over FUSCO, ordinary routing
>                    published: 143.6 ms over 86.8 ms: 1.65 (1.60 to 1.65 from 4096 to 32768 tokens); passes 1.33 to 2.3
>   explained 1.05   DeepEP over FUSCO, ordinary routing
>                    published: 116.1 ms over 86.8 ms: 1.34 (1.13 to 1.34); passes 1.17 to 1.68
>                    why not: what FUSCO saves is permuting rows around the exchange, 2.6 ms of DeepEP's 54 ms here, where copies run at HBM speed. With copies at a seventh of it (machine.vector.copy_core 3.08GBps) this is 1.33, NCCL over FUSCO 1.65 and NCCL over DeepEP 1.24, all as published. What permutes in the published runs is not said
>   holds     2.59   each token's experts in one node: NCCL over FUSCO
>                    published: 150.1 ms over 41.0 ms: 3.66 (3.49 to 3.84); passes 2.33 to 6.3
>   explained 0.852  each token's experts in one node: DeepEP over FUSCO
>                    published: 81.8 ms over 41.0 ms: 2.00 (1.96 to 2.02); passes 1.5 to 3
>                    why not: in the node FUSCO's rows are taken to go once for each expert, so that they land in its order, DeepEP's go once for each rank and are copied; over H800's links that costs more than the copies, which run at HBM speed here. With copies at a seventh of it (machine.vector.copy_core 3.08GBps) this is 1.44, with H100's links of 450 GB/s besides 2.02
>   explained 3.04   each token's experts in one node: NCCL over DeepEP
>                    published: 150.1 ms over 81.8 ms: 1.84 (1.78 to 1.91); passes 1.42 to 2.68
>                    why not: what DeepEP needs beside the wire are copies, which run at HBM speed here; on the wire alone it sends 0.9 rows a token between nodes where NCCL sends 7. With copies at a seventh of HBM speed (machine.vector.copy_core 3.08GBps), for both, this is 2.31
>   explained 1.03   skewed routing, busiest rank 2.36 of the mean: DeepEP over FUSCO
>                    published: 216.2 ms over 151.3 ms: 1.43 (1.29 to 1.43); passes 1.21 to 1.86
>                    why not: as on ordinary routing: DeepEP's permutations cost next to nothing at HBM speed. With copies at a seventh of it (machine.vector.copy_core 3.08GBps) this is 1.56. Forwarding by load gains nothing, since every rank's tokens are drawn alike here
>   holds     2.11   skewed routing, busiest rank 2.36 of the mean: NCCL over DeepEP
>                    published: 339.3 ms over 216.2 ms: 1.57 (1.54 to 1.57); passes 1.28 to 2.14
>   holds     2      linear in tokens: FUSCO's time from 16384 to 32768 over that from 8192 to 16384
>                    published: 77.6 ms over 36.7 ms: 2.11 (all three systems and routings: 1.63 to 2.12); passes 1.8 to 2.2
>
> Tutel
>   holds     0.607  few ranks: one all-to-all is faster than two (2DH); 16 ranks, 8 tokens
>                    published: 2DH loses at small scale; passes 0.3 to 1
>   holds     1.62   many ranks: it is slower; 128 ranks, 8 tokens
>                    published: 2DH wins at large scale; passes 1 to 10
>   holds     1      few tokens: no pipelining is best; parts, at 128 tokens
>                    published: 1; passes 1 to 1
>   holds     8      many tokens: more parts are; at 4096 tokens
>                    published: more than 1; passes 2 to 16
>
> all-to-all against all-gather
>   holds     1      the group from which rows by all-to-all are faster, over top-k
>                    published: about 1; passes 0.5 to 2
>
> ZeRO-Prefill
>   holds     0.097  few tokens: gathering weights loses; gain at 1024 a GPU
>                    published: 0.14, by a model of 8 H100 whose links are 2.8 times as fast; passes 0 to 0.5
>   holds     1.38   tokens a GPU from which it gains, over 8192
>                    published: 0.5 to 1 on H100; times 2.8 for H800's links: 1.4 to 2.8; passes 1 to 3
>   holds     1.46   gain at 32768 tokens a GPU
>                    published: 1.30 to 1.59; passes 1.25 to 1.65
>   holds     1.05   the gain grows with prompts, ranks at unlike places: of 4 chunks over of one
>                    published: 1.30 for short and mid, 1.52 for long prompts: 1.17; passes 1.05 to 1.4
>   holds     0.78   it falls with all ranks at the same place: none waits in a layer
>                    published: 1.15 at 65536 tokens over 1.48 at 2048, by the same model: 0.78; passes 0.6 to 1
>
> relay against direct
>   holds     0.802  direct is never slower in decode: worst of 1 to 256 tokens, direct over relay2
>                    published: faster at each size; passes 0.3 to 1
>   holds     17.5   the gap in prefill grows with tokens: 16384 over 1024
>                    published: grows; passes 1 to 100
>   holds     0.903  direct needs less memory at every size: the most it needs of relay2's, EP 64
>                    published: less at every size; passes 0 to 1
$ epsim shapes nothing
> epsim: shapes: no file of claims is called 'nothing'
? 2
# sim/SHAPES.md has this table.
$ epsim shapes --markdown >$TMP/table; grep '^|' sim/SHAPES.md | cmp - $TMP/table
