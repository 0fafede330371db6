# Nearest to the plan of mixtral-8x7b (llama), policy alternate.
# llama.cpp places whole tensors: 124 of 256 experts (about 11.44 GiB) land on another device than
# planned.
# cuda:0: 72 go, 52 come; about 10.87 GiB instead of 12.72 GiB planned.
# cuda:1: 52 go, 72 come; about 14.04 GiB instead of 12.20 GiB planned.
llama-completion \
    -m m.gguf \
    -dev CUDA0,CUDA1 \
    -ngl 999 \
    -sm layer \
    -ts 14,19 \
    -c 4096 \
    -ub 512 \
    -fit off
