# Relay buffers against direct placement.
# ctest: plain 600
$ epsim plan configs/plans/relay-against-direct.yaml
> How many NPUs does direct placement save against relay buffers?
>
> deepseek-v3.1 on cloudmatrix384, 500 requests/s of azure-conv; TTFT 2 s and TPOT 50 ms for 90 % of requests
>
> case         NPUs  more  prefill  decode  machines   within  with
> flow=relay3   672    +0      288     384         1   99.4 %  18 x relay3 EP 16 TP 4 chunk 16384; 3 x relay3 EP 128 TP 1 batch 16
> flow=relay2   544  -128      288     256         1  100.0 %  18 x relay2 EP 16 TP 4 chunk 16384; 2 x relay2 EP 128 TP 1 batch 24
> flow=direct   528  -144      272     256         1   99.3 %  17 x direct EP 16 TP 4 chunk 16384; 2 x direct EP 128 TP 1 batch 24
>
> where the difference from 'flow=relay3' comes from, in whole deployments: its schedules in the other case,
> the schedules that the case rather has, what queues add
> case         more NPUs  same schedules  chosen anew  queues  the same schedules
> flow=relay2       -128             -16         -128     +16  meet the budgets
> flow=direct       -144             -16         -128      +0  meet the budgets
>
> the same schedules in each case: NPUs by throughput before rounding; decode (relay3 EP 128 TP 1 batch 16), then prefill (relay3 EP 16 TP 4 chunk 16384), idle;
> exchange: dispatch and combine of a step, of a chunk; batch most: what memory allows
> case          NPUs      TPOT  exchange   buffers  batch most      TTFT  exchange   buffers
> flow=relay3  640.3  44.22 ms  10.63 ms  519.4 MB         331  308.7 ms  476.1 ms  2.426 GB
> flow=relay2  594.0  39.75 ms  6.168 ms  309.8 MB         334  297.3 ms  422.5 ms  1.959 GB
> flow=direct  575.3  38.41 ms  4.824 ms  188.4 MB         358  305.3 ms  379.3 ms  804.8 MB
>
> 'flow=direct' saves 144 NPUs of 672, 21 %, against 'flow=relay3'.
> 'flow=direct' saves 16 NPUs of 544, 3 %, against 'flow=relay2'.
> Before rounding to deployments the same schedules take 594.0 NPUs in 'flow=relay2' and 640.3 in 'flow=relay3', 7.2 % less.
> Before rounding to deployments the same schedules take 575.3 NPUs in 'flow=direct' and 640.3 in 'flow=relay3', 10.1 % less.
