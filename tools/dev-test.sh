# shellcheck shell=bash
# Sourced by ./dev: builds and runs the tests, and closes with the counts over all of them.

# The preset to test: with ggml's CUDA backend where it can be built and there is a GPU to run it.
test_preset() {
    if command -v nvcc >/dev/null && [ -e /dev/nvidia0 ]; then echo cuda; else echo release; fi
}

# What looks at the whole machine, or at how long something takes of it, runs by itself.
ALONE=(tests/e2e/devices_test.py tests/e2e/runs_beside_test.py tests/e2e/watch_live_test.py
    tests/reference_case)

# A minute and more each: they begin first, so that none is left to run by itself at the end.
LONGEST=(tests/e2e/soak_test.py tests/e2e/install_test.py tests/e2e/session_test.py
    tests/e2e/verify_test.py tests/e2e/serve_refusal_test.py tests/e2e/serve_full_test.py
    tests/e2e/rpc_test.py tests/pages tests/e2e/ask_test.py tests/tools tests/e2e/wait_test.py)

# run_pytest PATH RESULTS: what it finds goes to RESULTS/NAME.xml.
run_pytest() {
    "$PYTHON" -m pytest -q "$1" -p no:cacheprovider --junit-xml "$2/$(basename "$1" .py).xml" \
        </dev/null
}

# run_and_show PATH RESULTS: what pytest printed is shown in one piece, when it has ended.
run_and_show() {
    local log=$2/${1##*/}.log code=0
    run_pytest "$1" "$2" >"$log" 2>&1 || code=1
    flock "$2" cat "$log"
    return $code
}

# run_beside RESULTS PATH...: some at once, each with a pytest of its own. They wait more than they
# compute, so there is one more of them than cores.
run_beside() {
    local results=$1
    shift
    export PYTHON
    export -f run_pytest run_and_show
    # shellcheck disable=SC2016 # for the shell within
    printf '%s\n' "$@" | xargs -r -n 1 -P $(($(nproc) + 1)) \
        bash -c 'run_and_show "$1" "$0"' "$results"
}

# run_in_python RESULTS [MODULE]: the tests in Python.
run_in_python() {
    local results=$1 module=${2:-} path failed=0 beside=() alone=()
    for path in "${LONGEST[@]}" tests/e2e/*_test.py tests/reference_case; do
        [[ " ${beside[*]} " != *" $path "* ]] || continue
        [[ -z $module || $path == tests/$module || $path == tests/$module/* ]] || continue
        if [[ " ${ALONE[*]} " == *" $path "* ]]; then alone+=("$path"); else beside+=("$path"); fi
    done
    ((${#beside[@]} == 0)) || run_beside "$results" "${beside[@]}" || failed=1
    for path in ${alone[@]+"${alone[@]}"}; do run_pytest "$path" "$results" || failed=1; done
    return $failed
}

# run_tests [MODULE]
run_tests() {
    local module=${1:-} bringing failed=0 preset results
    preset=$(test_preset)
    results=build/$preset/test-results
    if [ ! -d "tests/${module:-e2e}" ]; then
        say "there is no tests/$module; there are:" tests/*/
        exit 2
    fi
    ensure_packages test
    ensure_python test & # It waits for the network, while what follows compiles.
    bringing=$!
    # A module's own tests need only what they link; those of the tools nothing that is compiled.
    if [ "$module" = e2e ]; then
        build_preset "$preset" program
    elif [ "$module" = reference_case ] || [ "$module" = pages ]; then
        build_preset "$preset" -DHEXCORE_TESTS=ON program "tests/$module/all"
    elif [ -n "$module" ] && [ -f "tests/$module/CMakeLists.txt" ]; then
        build_preset "$preset" -DHEXCORE_TESTS=ON "tests/$module/all"
    elif [ "$module" != tools ]; then
        build_preset "$preset" -DHEXCORE_TESTS=ON
    fi
    wait $bringing || true
    ensure_python test
    if [ -z "$module" ] || [ "$module" = pages ]; then ensure_browser; fi
    rm -rf "$results" build/release/tests/mixtures/results
    mkdir -p "$results"
    export HEXCORE_BIN=$PWD/build/$preset/hexcore HEXCORE_BUILD=$PWD/build/$preset
    if [ -z "$module" ] || [ "$module" = tools ]; then
        # The tests of the model makers let libllama and a program of its own read what was made.
        HEXCORE_LLAMA_BIN=$(cmake/build_llama.sh ggml llama llama-completion |
            sed -n 's/^build //p')/bin
        export HEXCORE_LLAMA_BIN
    fi

    if [ -z "$module" ] || { [ -f "tests/$module/CMakeLists.txt" ] &&
        [ "$module" != reference_case ] && [ "$module" != pages ]; }; then
        if [ -z "$module" ]; then
            # By Hexcore itself, each in a cage.
            "build/$preset/hexcore" test -j2 --junit "$results/ctest.xml" \
                -- ctest --test-dir "build/$preset" || failed=1
        else
            # What a module's tests link does not have the program.
            ctest --test-dir "build/$preset" --output-on-failure -j2 --no-tests=error \
                -L "^$module\$" --output-junit "$PWD/$results/ctest.xml" || failed=1
        fi
        if [ -z "$module" ] || [ "$module" = mixtures ]; then
            "$PYTHON" tools/architecture_table.py --check || failed=1
        fi
    fi
    run_in_python "$results" "$module" || failed=1
    "$PYTHON" tools/count_tests.py "$results"/*.xml || failed=1
    return $failed
}
