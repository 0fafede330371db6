# The plan of tiny (llama), policy balanced, expert by expert and within its budgets.
# plan.json is what the same hexcore command prints with --format json in place of --format
# llama.cpp. HEXCORE_REPORT=FILE writes what was planned, accounted and measured.

GGML_BACKEND_PATH=lib/libggml-hexcore.so \
HEXCORE_PLAN=plan.json \
LLAMA_ARG_DEVICE=host0,host2 \
LLAMA_ARG_FIT=off \
llama-completion \
    -m 'a model.gguf' \
    -ts 1,4 \
    -c 4096 \
    -ub 512

GGML_BACKEND_PATH=lib/libggml-hexcore.so \
HEXCORE_PLAN=plan.json \
LLAMA_ARG_DEVICE=host0,host2 \
LLAMA_ARG_FIT=off \
llama-server \
    -m 'a model.gguf' \
    -ts 1,4 \
    -c 4096 \
    -ub 512 \
    -np 1 \
    --no-kv-unified

# llama-bench makes contexts as long as its tests (-p, -n, -d), not as the plan's.
GGML_BACKEND_PATH=lib/libggml-hexcore.so \
HEXCORE_PLAN=plan.json \
llama-bench \
    -m 'a model.gguf' \
    -ts 1/0/4 \
    -ub 512
