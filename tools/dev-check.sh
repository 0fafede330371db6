# shellcheck shell=bash
# Sourced by ./dev: every check that is not a test. One failure does not hide the next.

FUZZ_SECONDS=${HEXCORE_FUZZ_SECONDS:-60}

# step NAME COMMAND...: runs it, and remembers when it failed.
step() {
    local name=$1 begin=$SECONDS
    shift
    printf '== %s\n' "$name"
    if "$@"; then
        printf '   ok, %s s\n' $((SECONDS - begin))
    else
        failed_steps+=("$name")
        printf '   FAILED\n'
    fi
}

check_format() { our_sources | xargs -0 -r "$TOOLS/clang-format" --dry-run -Werror; }

# It runs apart from the others because they need its result.
check_warnings() { (build_preset release -DHEXCORE_TESTS=ON -DHEXCORE_BENCH=ON); }

# A user's build compiles several files at a time, which must not get in each other's way.
check_user_build() {
    if [ "${HEXCORE_UNITY:-}" = ON ]; then
        echo "   is what the tests ran with"
        return
    fi
    cmake -S . -B build/user -G Ninja -DCMAKE_BUILD_TYPE=None -DHEXCORE_WERROR=ON >build/user.log ||
        return 1
    ninja -C build/user program >build/user.log || { tail -n 40 build/user.log; return 1; }
}

check_architecture() { python3 tests/architecture/architecture_test.py; }

check_docs() {
    HEXCORE_BIN=$PWD/build/release/hexcore python3 tests/architecture/docs_test.py
}

check_scripts() {
    if ! command -v shellcheck >/dev/null; then
        echo "   there is no shellcheck here"
        return
    fi
    git ls-files --cached --others --exclude-standard -- dev .ci/run '*.sh' ':!tests/golden' |
        xargs shellcheck -x
}

check_lint() { python3 tools/tidy.py build/release "$@"; }

# fuzz_target PROGRAM SECONDS. The corpus is copied, so that what the fuzzer finds does not become
# part of the project by itself.
fuzz_target() {
    local target=$1 seconds=$2 name=${1##*/} corpus work
    work=build/fuzz/work/$name corpus=tests/fuzz/corpus_${name#fuzz_}
    [ -d "$corpus" ] || corpus=tests/fuzz/corpus
    mkdir -p "$work/corpus"
    find "$corpus" -type f -exec cp -t "$work/corpus" {} + 2>/dev/null
    "$target" -max_total_time="$seconds" -print_final_stats=1 \
        -artifact_prefix="$work/" "$work/corpus" >"$work/log" 2>&1 || {
        tail -n 40 "$work/log"
        return 1
    }
    printf '   %s: ' "$name"
    grep -E 'number_of_executed_units|new_units_added' "$work/log" | tr -s ' \n' ' '
    echo
}

fuzz_plan() {
    printf '   fuzz_plan: '
    "$PYTHON" tests/fuzz/fuzz_plan.py --hexcore build/release/hexcore \
        --seconds "$1" --keep build/fuzz/plan
}

check_fuzz() {
    if [ ! -d tests/fuzz ]; then
        echo "   there are no fuzz targets"
        return
    fi
    (build_preset fuzz tests/fuzz/all) || return 1
    local target running=() failed=0 seconds=$((FUZZ_SECONDS / 2)) work=build/fuzz/work
    rm -rf "$work"
    mkdir -p "$work"
    # Each has one thread. All at once have two cores for half of the time.
    for target in build/fuzz/tests/fuzz/fuzz_*; do
        if [ -f "$target" ] && [ -x "$target" ]; then
            fuzz_target "$target" "$seconds" >"$work/${target##*/}.said" &
            running+=($!)
        fi
    done
    ((${#running[@]})) || { echo "   build/fuzz/tests/fuzz has no fuzz_* program"; return 1; }
    fuzz_plan "$seconds" >"$work/fuzz_plan.said" 2>&1 &
    running+=($!)
    for target in "${running[@]}"; do wait "$target" || failed=1; done
    cat "$work"/*.said
    return $failed
}

# The path of one of llama.cpp's own programs, built first if need be.
llama_program() { cmake/build_llama.sh "$1" | sed -n "s/^$1 //p"; }

check_operators() {
    local program
    program=$(llama_program test-backend-ops)
    [ -n "$program" ] || return 1
    "$PYTHON" tools/operator_tests.py --program "$program" \
        --plugin build/release/libggml-hexcore.so "$@"
}

check_mixtures() {
    HEXCORE_ALL_MIXTURE_CELLS=1 ctest --test-dir build/release -L '^mixtures$' --output-on-failure \
        -j2 --no-tests=error --quiet
}

check_sanitizer() {
    (build_preset "$1") || return 1
    ctest --test-dir "build/$1" --output-on-failure -j2 --no-tests=error --quiet
}

# run_checks [--all]
run_checks() {
    local all=${1:-} failed_steps=()
    case $all in '' | --all) ;; *)
        say "./dev check knows --all only"
        exit 2
        ;;
    esac
    ensure_packages check
    ensure_python test
    export HEXCORE_WERROR=ON
    step "format" check_format
    step "warnings are errors" check_warnings
    step "what a user builds" check_user_build
    step "architecture" check_architecture
    step "docs" check_docs
    step "scripts" check_scripts
    step "lint" check_lint ${all:+"$all"}
    step "fuzz, $FUZZ_SECONDS s" check_fuzz
    step "ggml's operator tests through the plugin" check_operators ${all:+"$all"}
    if [ -n "$all" ]; then
        step "every mixture architecture, in every combination" check_mixtures
        step "tests under AddressSanitizer" check_sanitizer asan
        step "tests under ThreadSanitizer" check_sanitizer tsan
    fi
    if ((${#failed_steps[@]})); then
        printf 'failed: %s\n' "${failed_steps[@]}"
        return 1
    fi
    echo "every check passed"
}
