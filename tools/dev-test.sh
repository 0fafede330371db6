# shellcheck shell=bash
# Sourced by ./dev: builds and runs the tests, and closes with the counts over all of them.

# The preset to test: with ggml's CUDA backend where it can be built and there is a GPU to run it.
test_preset() {
    if command -v nvcc >/dev/null && [ -e /dev/nvidia0 ]; then echo cuda; else echo release; fi
}

# run_pytest FOLDER RESULTS: what it finds goes to RESULTS/NAME.xml.
run_pytest() {
    [ -n "$(find "$1" -name '*_test.py' -o -name 'test_*.py')" ] || return 0
    "$PYTHON" -m pytest -q "$1" -p no:cacheprovider --junit-xml "$2/$(basename "$1").xml" </dev/null
}

# run_tests [MODULE]
run_tests() {
    local module=${1:-} folder failed=0 preset results tools=
    preset=$(test_preset)
    results=build/$preset/test-results
    if [ ! -d "tests/${module:-e2e}" ]; then
        say "there is no tests/$module; there are:" tests/*/
        exit 2
    fi
    ensure_packages test
    ensure_python test
    if [ -z "$module" ] || [ "$module" = pages ]; then ensure_browser; fi
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
    # Those of the tools have to do with nothing else, and run beside the others.
    if [ -z "$module" ] || [ "$module" = tools ]; then
        run_pytest tests/tools "$results" >"$results/tools.log" 2>&1 &
        tools=$!
    fi
    for folder in tests/e2e tests/reference_case tests/pages; do
        if [ -z "$module" ] || [ "tests/$module" = "$folder" ]; then
            run_pytest "$folder" "$results" || failed=1
        fi
    done
    if [ -n "$tools" ]; then
        wait "$tools" || failed=1
        cat "$results/tools.log"
    fi
    "$PYTHON" tools/count_tests.py "$results"/*.xml || failed=1
    return $failed
}
