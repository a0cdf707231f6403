# Published shapes against ours.
$ epsim shapes
> system                         claim                                                                           published                                                              passes   ours  verdict
> TensorRT-LLM one-sided         small batches cost a floor: dispatch of 64 tokens over 1, EP 8                  22.3 us over 18.9 us: 1.18                                           1 to 1.3   1.27  holds
> TensorRT-LLM one-sided         the floor of combine over that of dispatch                                      31 us over 18.9 us: 1.64                                             1.3 to 2   1.02  explained
> TensorRT-LLM one-sided         then a straight line: from 1024 to 2048 tokens over from 512 to 1024            145.5 us over 76.8 us: 1.89                                       1.85 to 2.1      2  holds
> TensorRT-LLM one-sided         BF16 over FP8 stays below its 1.94 times the bytes, 2048 tokens                 311.8 us over 172.2 us: 1.81                                      1.6 to 1.94   1.85  holds
> DeepEP low latency             dispatch rises from EP 8 to EP 64                                               173 us over 77 us: 2.25                                            1.8 to 2.7   2.51  holds
> DeepEP low latency             and then saturates: EP 256 over EP 64                                           194 us over 173 us: 1.12                                            1 to 1.25   1.09  holds
> DeepEP low latency             combine over dispatch, EP 64                                                    314 us over 173 us: 1.82 (bytes 1.94)                             1.5 to 1.95   1.87  holds
> FUSCO                          pack, all-to-all, unpack (NCCL) over DeepEP, 64 GPUs, 16384 tokens              143.6 ms over 116.1 ms: 1.24 on real routing, 1.84 in one node      1.05 to 2   1.32  holds
> Tutel                          few ranks: one all-to-all is faster than two (2DH); 16 ranks, 8 tokens          2DH loses at small scale                                             0.3 to 1  0.607  holds
> Tutel                          many ranks: it is slower; 128 ranks, 8 tokens                                   2DH wins at large scale                                               1 to 10   1.62  holds
> Tutel                          few tokens: no pipelining is best; parts, at 128 tokens                         1                                                                      1 to 1      1  holds
> Tutel                          many tokens: more parts are; at 4096 tokens                                     more than 1                                                           2 to 16      8  holds
> all-to-all against all-gather  the group from which rows by all-to-all are faster, over top-k                  about 1                                                              0.5 to 2      1  holds
> ZeRO-Prefill                   few tokens: gathering weights loses; gain at 1024 a GPU                         0.14, by a model of 8 H100 whose links are 2.8 times as fast         0 to 0.5  0.097  holds
> ZeRO-Prefill                   tokens a GPU from which it gains, over 8192                                     0.5 to 1 on H100; times 2.8 for H800's links: 1.4 to 2.8               1 to 3   1.38  holds
> ZeRO-Prefill                   gain at 32768 tokens a GPU                                                      1.30 to 1.59                                                     1.25 to 1.65   1.46  holds
> ZeRO-Prefill                   the gain grows with prompts, ranks at unlike places: of 4 chunks over of one    1.30 for short and mid, 1.52 for long prompts: 1.17               1.05 to 1.4   1.05  holds
> ZeRO-Prefill                   it falls with all ranks at the same place: none waits in a layer                1.15 at 65536 tokens over 1.48 at 2048, by the same model: 0.78      0.6 to 1   0.78  holds
> relay against direct           direct is never slower in decode: worst of 1 to 256 tokens, direct over relay2  faster at each size                                                  0.3 to 1  0.822  holds
> relay against direct           the gap in prefill grows with tokens: 16384 over 1024                           grows                                                                1 to 100   17.5  holds
> relay against direct           direct needs less memory at every size: the most it needs of relay2's, EP 64    less at every size                                                     0 to 1  0.903  holds
>
> TensorRT-LLM one-sided, the floor of combine over that of dispatch: both kernels have the same fixed costs here: one launch, one barrier. What makes combine's longer is not published; the machine's calibration keeps it as a ratio of that kernel, which shapes leave out
$ epsim shapes nothing
> epsim: shapes: no file of claims is called 'nothing'
? 2
# sim/SHAPES.md has this table.
$ epsim shapes --markdown >$TMP/table; grep '^|' sim/SHAPES.md | cmp - $TMP/table
