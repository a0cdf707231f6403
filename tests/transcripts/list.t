# What there is to choose from.
$ epsim list flows
> flows
> name           describes                                                                              options
> relay3         pack, library all-to-all, reorder (hcom alltoallv)                                     window, quantise
> relay2         one staging copy in a relay window and a reorder (default Ascend kernels)              window, quantise, local, round_tokens
> direct         rows straight into the destination's expert window; combine reads remote windows       completion, addresses, window, quantise
> one-sided      push one row to each rank that needs it, pull partial sums (TensorRT-LLM)              completion, window, quantise
> deepep-ll      rows pushed to a fixed slot for each expert, source and token (low latency)            -
> ubep           rows in 512-byte blocks that are their own flags, with half of the vector cores        quantise
> deepep-normal  one row to each node, to the GPU of the same place, which forwards it (DeepEP)         window, quantise, dedup, pipeline
> hierarchical   all-to-all in the node, then between nodes in larger messages (Tutel 2DH)              window, quantise
> two-phase      gather in the node, then one message for each pair of ranks or nodes (Janus)           window, quantise, dedup
> allgather      all tokens to all ranks, partial sums of all tokens back                               window
> pull-packed    destinations pull packed rows expert by expert; each computes when they are there      window, quantise, pipeline
> fused          dispatch, experts and combine in parts that overlap (Tutel's pipeline degree)          window, quantise, pipeline
> sdma-mte       large uneven segments by copy engines, all others by vector cores, at once             window, quantise
> weight-gather  tokens stay; the next layer's experts are gathered under compute (AsyncEP)             quantise
> fusco          one row to each node, to its least loaded GPU, from there into expert windows (FUSCO)  window, pipeline
$ epsim list engines | awk '{ print $1 }'
> engines
> name
> estimate
> fluid
> simgrid
$ epsim list machines
> machines
> name            describes
> ascend-950      Ascend 950DT nodes of 8 NPUs on one UB fabric; few public figures, four rows
> atlas-a2        Atlas A2, 16 nodes of 8 Ascend 910B (HCCS mesh) joined by 200 Gb/s RoCE
> cloudmatrix384  CloudMatrix384, 384 Ascend 910C packages (768 dies) on one two-level UB fabric
> gb200-nvl72     GB200 NVL72, 72 Blackwell GPUs on one NVLink fabric
> h800-node-rdma  H800 nodes of 8 GPUs on NVLink, ConnectX-7 400 Gb/s a GPU between nodes
> rtx-pro-6000    Node of 8 RTX PRO 6000 Blackwell (96 GB GDDR7) on PCIe 5.0
$ epsim list models
> models
> name             describes
> deepseek-v3.1    DeepSeek-V3, R1 and V3.1: 671B parameters, 37B active, MLA, 256 experts top-8
> deepseek-v3.2    DeepSeek-V3.2: V3.1 with sparse attention (DSA), whose indexer keeps 2048 tokens
> glm-4.5          GLM-4.5: 355B parameters, 32B active, GQA, 160 experts top-8 and a shared one
> glm-5            GLM-5: 744B parameters, 40B active, MLA with sparse attention (DSA), 256 experts top-8
> gpt-oss-120b     gpt-oss-120b: 117B parameters, 5.1B active, GQA, every other layer a 128-token window
> kimi-k2          Kimi-K2: 1.04T parameters, 32.6B active, MLA, 384 experts top-8
> llama-3.1-8b     Llama-3.1-8B: 8B parameters, dense, GQA
> longcat-flash    LongCat-Flash: 560B parameters, 27B active, two MLA blocks a layer, 512 experts and 256 zero ones top-12
> olmoe-1b-7b      OLMoE-1B-7B: 6.9B parameters, 1.3B active, 64 experts top-8
> qwen3-235b-a22b  Qwen3-235B-A22B: 235B parameters, 22B active, GQA, 128 experts top-8
> qwen3-30b-a3b    Qwen3-30B-A3B: 30.5B parameters, 3.3B active, GQA, 128 experts top-8
> qwen3-32b        Qwen3-32B: 32.8B parameters, dense, GQA
$ epsim list workloads
> workloads
> name                   describes
> arxiv-summarization    Summaries of arXiv papers: prompt and answer of at most 4,096 tokens together
> azure-code             Azure LLM inference trace 2023, code completion: long prompts, very short answers
> azure-conv             Azure LLM inference trace 2023, conversation: prompts of about 1,000 tokens
> mooncake-conversation  Mooncake (Kimi) conversation trace: long multi-turn prompts
> mooncake-synthetic     Mooncake synthetic trace: long-context tasks that share much of their prefix
> sharegpt               ShareGPT multi-turn chats, 300 requests, tokens of Qwen3
$ epsim list | awk 'NF == 1 { print $1 }'
> flows
> engines
> machines
> models
> workloads
> routings
> placements
> policies
$ epsim list flows --json
> {
>   "flows": [
>     {
>       "name": "relay3",
>       "describes": "pack, library all-to-all, reorder (hcom alltoallv)",
>       "options": [
>         "window",
>         "quantise"
>       ]
>     },
>     {
>       "name": "relay2",
>       "describes": "one staging copy in a relay window and a reorder (default Ascend kernels)",
>       "options": [
>         "window",
>         "quantise",
>         "local",
>         "round_tokens"
>       ]
>     },
>     {
>       "name": "direct",
>       "describes": "rows straight into the destination's expert window; combine reads remote windows",
>       "options": [
>         "completion",
>         "addresses",
>         "window",
>         "quantise"
>       ]
>     },
>     {
>       "name": "one-sided",
>       "describes": "push one row to each rank that needs it, pull partial sums (TensorRT-LLM)",
>       "options": [
>         "completion",
>         "window",
>         "quantise"
>       ]
>     },
>     {
>       "name": "deepep-ll",
>       "describes": "rows pushed to a fixed slot for each expert, source and token (low latency)",
>       "options": [
>
>       ]
>     },
>     {
>       "name": "ubep",
>       "describes": "rows in 512-byte blocks that are their own flags, with half of the vector cores",
>       "options": [
>         "quantise"
>       ]
>     },
>     {
>       "name": "deepep-normal",
>       "describes": "one row to each node, to the GPU of the same place, which forwards it (DeepEP)",
>       "options": [
>         "window",
>         "quantise",
>         "dedup",
>         "pipeline"
>       ]
>     },
>     {
>       "name": "hierarchical",
>       "describes": "all-to-all in the node, then between nodes in larger messages (Tutel 2DH)",
>       "options": [
>         "window",
>         "quantise"
>       ]
>     },
>     {
>       "name": "two-phase",
>       "describes": "gather in the node, then one message for each pair of ranks or nodes (Janus)",
>       "options": [
>         "window",
>         "quantise",
>         "dedup"
>       ]
>     },
>     {
>       "name": "allgather",
>       "describes": "all tokens to all ranks, partial sums of all tokens back",
>       "options": [
>         "window"
>       ]
>     },
>     {
>       "name": "pull-packed",
>       "describes": "destinations pull packed rows expert by expert; each computes when they are there",
>       "options": [
>         "window",
>         "quantise",
>         "pipeline"
>       ]
>     },
>     {
>       "name": "fused",
>       "describes": "dispatch, experts and combine in parts that overlap (Tutel's pipeline degree)",
>       "options": [
>         "window",
>         "quantise",
>         "pipeline"
>       ]
>     },
>     {
>       "name": "sdma-mte",
>       "describes": "large uneven segments by copy engines, all others by vector cores, at once",
>       "options": [
>         "window",
>         "quantise"
>       ]
>     },
>     {
>       "name": "weight-gather",
>       "describes": "tokens stay; the next layer's experts are gathered under compute (AsyncEP)",
>       "options": [
>         "quantise"
>       ]
>     },
>     {
>       "name": "fusco",
>       "describes": "one row to each node, to its least loaded GPU, from there into expert windows (FUSCO)",
>       "options": [
>         "window",
>         "pipeline"
>       ]
>     }
>   ]
> }

# A file of the user's that does not read is told and hides no other.
$ mkdir -p $TMP/machines && echo 'machine: {name: mine' >$TMP/machines/mine.yaml; EPSIM_CONFIGS=$TMP epsim list machines | sed -n '1,2p; /mine/p'
> machines
> name            describes
> mine            (cannot be read: $TMP/machines/mine.yaml:2: did not find expected ',' or '}' while parsing a flow mapping that starts on line 1)
