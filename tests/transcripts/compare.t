# The same work under several flows, on a machine whose figures can be followed by hand.
$ epsim compare direct relay2 relay3 --machine "node:2 die:8 fabric:100GBps latency:2us hbm:1TBps flops:100TFLOPS kernel:5us" --model qwen3-30b-a3b --ep 16 --batch 32 --weights bf16 --kv fp8
> qwen3-30b-a3b on synthetic, decode: EP 16, TP 1, 32 new tokens an attention group, context 4096, dispatch int8 (engine fluid)
>
>                        direct    relay2    relay3
> step                  14.2 ms  13.99 ms  14.71 ms
> attention            8.289 ms  8.289 ms  8.289 ms
> gate                 44.04 us  44.04 us  44.04 us
> dispatch             818.6 us  835.7 us  1.131 ms
> expert                3.75 ms   3.75 ms   3.75 ms
> combine              1.096 ms  868.2 us  1.301 ms
> head                 199.7 us  199.7 us  199.7 us
> one exchange, alone  39.89 us   35.5 us  50.66 us
> work                  15.8 us  19.38 us  20.66 us
> contention                  -   76.8 ns         -
> latency                 18 us     14 us     24 us
> synchronisation      6.082 us  2.038 us  6.005 us
> waits of a rank             4         4         4
> hbm                  2.754 MB   6.16 MB  9.049 MB
> fabric.egress        1.484 MB  1.609 MB  1.476 MB
> fabric.ingress       1.484 MB  1.609 MB  1.476 MB
> vector.put           492.5 kB  1.597 MB  1.476 MB
> vector.get             983 kB         -         -
> vector.copy          1.278 MB  4.563 MB  7.574 MB
> buffers of a rank     25.2 MB  62.98 MB  59.79 MB
> memory of a rank     12.09 GB  12.13 GB  12.12 GB
> batch that fits          4917      4892      4891
>
> direct takes 14.2 ms a step, 1.5 % more than relay2 (13.99 ms): -17.07 us dispatch, +227.7 us combine.
> One exchange alone takes 39.89 us against 35.5 us: -3.578 us moving rows, -76.8 ns contention, +4 us fixed costs, +4.043 us synchronisation.
> Its buffers are 37.78 MB smaller; 25 more requests an attention group fit.
>
> direct takes 14.2 ms a step, 3.5 % less than relay3 (14.71 ms): -312 us dispatch, -205.3 us combine.
> One exchange alone takes 39.89 us against 50.66 us: -4.853 us moving rows, -6 us fixed costs, +76.8 ns synchronisation.
> Its buffers are 34.59 MB smaller; 26 more requests an attention group fit.

# A flow that cannot run stays, with its reason; when none can, the answer is no.
$ epsim compare relay2 direct --machine "node:2 die:8 fabric:100GBps rdma:25GBps" --model qwen3-30b-a3b --ep 16 --phase prefill --chunk 512
> qwen3-30b-a3b on synthetic, prefill: EP 16, TP 1, 512 new tokens an attention group, context 0, dispatch int8 (engine fluid)
>
>                        relay2  direct
> step                 33.56 ms       -
> attention            1.362 ms       -
> gate                 327.2 us       -
> dispatch             11.38 ms       -
> expert               3.272 ms       -
> combine              17.14 ms       -
> head                 77.84 us       -
> one exchange, alone  594.1 us       -
> work                 591.4 us       -
> contention           2.621 us       -
> synchronisation      84.48 ns       -
> waits of a rank             6       -
> hbm                  98.63 MB       -
> fabric.egress        11.99 MB       -
> fabric.ingress       11.99 MB       -
> nic.out               13.7 MB       -
> nic.in                13.7 MB       -
> vector.put           15.73 MB       -
> vector.get            9.83 MB       -
> vector.copy          73.07 MB       -
> buffers of a rank    59.05 MB       -
> memory of a rank     3.035 GB       -
>
> direct: this schedule cannot run: direct placement needs one address space: the fabric does not span EP
$ epsim compare relay2 direct --machine "node:2 die:8" --model qwen3-30b-a3b --ep 24
> epsim: none of the flows can run: this schedule cannot run: EP does not divide the number of experts
? 1
$ epsim compare direct --machine "node:2 die:8" --model qwen3-30b-a3b
> epsim: compare: two or more flows are needed, such as direct relay2 (see `epsim list flows`)
? 2
$ epsim compare direct relay --machine "node:2 die:8" --model qwen3-30b-a3b
> epsim: no flow is called 'relay'; did you mean 'relay3'? (see `epsim list flows`)
? 2
$ epsim compare direct relay2 --machine "node:2 die:8" --model qwen3-30b-a3b --ep 8 --json | grep -e flow -e possible -e waits
>   "flows": [
>       "flow": "direct",
>       "possible": true,
>       "waits_count": 4,
>       "flow": "relay2",
>       "possible": true,
>       "waits_count": 4,
# A flow against itself; then what does not fit memory is said so; then one that hides its exchange.
$ epsim compare direct direct --machine "node:2 die:8" --model qwen3-30b-a3b --ep 8 | tail -n 3
> direct takes as long as direct: 32.11 ms a step.
> One exchange alone takes 29.68 us against 29.68 us: nothing differs.
> Its buffers are as large; as many requests fit.
$ epsim compare direct relay2 --machine "node:2 die:8 hbm:1TBps" --model qwen3-30b-a3b --ep 8 --batch 90000 | grep -A 2 'does not fit'
> direct does not fit: a rank needs 36.29 TB of 1 TB.
> relay2 does not fit: a rank needs 36.34 TB of 1 TB.
>
> direct takes 39.05 s a step, 1.2 % less than relay2 (39.53 s): -312.9 ms dispatch, -168.9 ms combine.
$ epsim compare direct fused --machine "node:2 die:8 fabric:20GBps" --model qwen3-30b-a3b --ep 8 --phase prefill | tail -n 4
> direct takes 469.8 ms a step, 2.5 % more than fused (458.1 ms): -3.222 ms dispatch, +22.09 ms expert, -7.248 ms combine.
> One exchange alone takes 8.948 ms against 9.099 ms: -151 us moving rows.
> fused overlaps it with compute, so that a step need not wait for all.
> Its buffers are 134.2 MB smaller.
