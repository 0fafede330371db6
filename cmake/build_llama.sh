#!/usr/bin/env bash
# Makes sure that llama.cpp is there and that the given targets of it are built; prints where:
#
#   cmake/build_llama.sh ggml llama llama-bench
#   source ~/.cache/hexcore/llama/source-0.3.36
#   build ~/.cache/hexcore/llama/build-0.3.36-1f0c9a7be2d4
#   llama-bench ~/.cache/hexcore/llama/build-0.3.36-1f0c9a7be2d4/bin/llama-bench
#
# The target `chat` is what chats and a server need beside the libraries (cmake/chat), as libraries
# to link in; printed is their folder. The target `python` is no program but the Python package
# beside it in the archive, llama_cpp, as it is in the source: `python` is then the folder to put on
# PYTHONPATH.
#
# Everything lives in the user's cache, so that a second clone finds it built. What a step makes
# gets its final name or its stamp only once it is complete: an interrupted step is done again.
# Environment:
#   HEXCORE_CACHE           the cache folder (default: $XDG_CACHE_HOME/hexcore, ~/.cache/hexcore)
#   HEXCORE_LLAMA_ARCHIVE   a local copy of the pinned archive, for a machine without a network
#   HEXCORE_LLAMA_SOURCE    a checkout of llama.cpp to build instead of the pinned one
#   HEXCORE_LLAMA_BUILD     with HEXCORE_LLAMA_SOURCE: its build folder, used as it is; what the
#                           target `chat` is of that source is built in the cache
# The target ggml-cuda needs the CUDA toolkit.
set -euo pipefail

# One build serves every preset, whatever compiler that one uses: only C interfaces and the
# standard library's types are between them.
unset CC CXX CFLAGS CXXFLAGS LDFLAGS

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=cmake/cache.sh
. "$here/cache.sh"
cache=$(hexcore_cache)/llama

requirement=$(grep '^llama-cpp-python==' "$here/llama-requirement.txt")
version=${requirement#*==} version=${version%% *}
checksum=${requirement##*sha256:}

say() { printf '%s\n' "hexcore: $*" >&2; }
die() { say "$*"; exit 1; }

hash_of() { sha256sum | cut -c1-12; }

# The ground on which a build stands: a cache folder may be on a disk that moves to another machine,
# and code made for one processor (-march=native) dies on another with an illegal instruction.
machine_facts() {
    uname -m
    grep -m1 -E '^(flags|Features)' /proc/cpuinfo || true
    c++ --version
}

# The same for the CUDA backend.
gpu_facts() {
    nvcc --version || true
    nvidia-smi --query-gpu=compute_cap --format=csv,noheader || true
}

fetch_archive() {
    if [ -n "${HEXCORE_LLAMA_ARCHIVE:-}" ]; then
        archive=$HEXCORE_LLAMA_ARCHIVE
        [ -f "$archive" ] || die "HEXCORE_LLAMA_ARCHIVE=$archive is not a file"
        return
    fi
    local partial=$cache/download.partial
    rm -rf "$partial"
    mkdir -p "$partial"
    say "downloading llama.cpp (77 MB)"
    python3 -m pip download --quiet --no-deps --dest "$partial" \
        --requirement "$here/llama-requirement.txt" >&2 ||
        die "could not download llama-cpp-python $version; on a machine without a network give a" \
            "local copy with -DHEXCORE_LLAMA_ARCHIVE=FILE"
    archive=$(echo "$partial"/*.tar.gz)
}

# extract FOLDER DEPTH PATH: makes FOLDER of what the archive has at PATH, DEPTH folders down.
extract() {
    local partial=$1.partial
    [ -d "$1" ] && return
    rm -rf "$partial"
    mkdir -p "$partial"
    tar -xzf "$archive" -C "$partial" --strip-components="$2" "llama_cpp_python-$version/$3"
    mv "$partial" "$1"
}

make_source() {
    [ -d "$source_dir" ] && [ -d "$1" ] && return
    local archive found
    fetch_archive
    found=$(sha256sum "$archive") found=${found%% *}
    [ "$found" = "$checksum" ] || die "$archive has the checksum $found, expected $checksum"
    extract "$source_dir" 3 vendor/llama.cpp
    extract "$python_dir" 1 llama_cpp
    rm -rf "$cache/download.partial"
}

# configure_project PROJECT FOLDER [OPTION...]
configure_project() {
    local folder=$2
    [ -f "$folder/configured" ] && return
    rm -rf "$folder"
    mkdir -p "$folder"
    say "configuring llama.cpp in $folder"
    cmake -S "$1" -B "$folder" -G Ninja -DCMAKE_BUILD_TYPE=Release \
        -DCMAKE_C_COMPILER=cc -DCMAKE_CXX_COMPILER=c++ "${@:3}" \
        >"$folder/configure.log" 2>&1 || {
        tail -n 40 "$folder/configure.log" >&2
        die "llama.cpp could not be configured"
    }
    touch "$folder/configured"
}

# configure FOLDER [OPTION...]
configure() {
    configure_project "$source_dir" "$1" \
        -DBUILD_SHARED_LIBS=ON -DLLAMA_BUILD_APP=OFF -DLLAMA_BUILD_TESTS=ON \
        -DLLAMA_BUILD_EXAMPLES=OFF -DLLAMA_BUILD_TOOLS=ON -DLLAMA_BUILD_SERVER=ON \
        -DLLAMA_BUILD_UI=OFF -DLLAMA_USE_PREBUILT_UI=OFF -DLLAMA_OPENSSL=OFF \
        -DGGML_RPC=ON -DGGML_CCACHE=OFF "${@:2}"
}

# Every tenth of the way a line: enough to see that it moves, and readable in a log.
show_progress() {
    local line percent next=10
    while IFS= read -r line; do
        percent=${line%%\%*} percent=${percent//[^0-9]/}
        if [[ $line == [\[]* && -n $percent ]] && ((10#$percent >= next)); then
            printf '%s ' "$percent%" >&2
            next=$((10#$percent / 10 * 10 + 10))
        fi
    done
    printf '\n' >&2
}

# build FOLDER TARGET...
build() {
    local folder=$1
    say "building llama.cpp: ${*:2} (once; the libraries take about two and a half minutes on two" \
        "cores)"
    NINJA_STATUS='[%p] ' ninja -C "$folder" "${@:2}" 2>&1 | tee "$folder/build.log" |
        show_progress || {
        grep -A 20 -E 'FAILED|error' "$folder/build.log" | head -n 60 >&2 || true
        die "llama.cpp could not be built; the whole output is in $folder/build.log"
    }
}

# The CUDA backend is built apart and put beside the other libraries, which do not know of it: it is
# opened at run time, so that one program runs with and without a driver.
build_cuda() {
    local folder
    folder=$build_dir/cuda-$(gpu_facts | hash_of)
    configure "$folder" -DGGML_CUDA=ON -DCMAKE_BUILD_RPATH_USE_ORIGIN=ON
    build "$folder" ggml-cuda
    cp -a "$folder"/bin/libggml-cuda.so* "$build_dir/bin/"
}

build_chat() {
    local known=OFF
    [ -n "${HEXCORE_LLAMA_SOURCE:-}" ] || known=ON
    configure_project "$here/chat" "$chat_dir" -DLLAMA_SOURCE="$source_dir" -DLLAMA_KNOWN=$known
    build "$chat_dir" llama-chat httplib
}

build_targets() {
    local target others=()
    for target in "$@"; do
        case $target in
            chat | ggml-cuda) ;;
            *) others+=("$target") ;;
        esac
    done
    ((${#others[@]} == 0)) || build "$build_dir" "${others[@]}"
    for target in "$@"; do
        case $target in
            chat) build_chat ;;
            ggml-cuda) build_cuda ;;
        esac
    done
}

print_paths() {
    echo "source $source_dir"
    echo "build $build_dir"
    local target
    for target in "$@"; do
        case $target in
            ggml | llama | ggml-cuda) ;;
            chat) echo "chat $chat_dir" ;;
            python) echo "python $python_dir" ;;
            *) echo "$target $build_dir/bin/$target" ;;
        esac
    done
}

stamp() {
    case $1 in
        chat) echo "$chat_dir/built" ;;
        ggml-cuda) echo "$build_dir/built-$1-$(gpu_facts | hash_of)" ;;
        *) echo "$build_dir/built-$1" ;;
    esac
}

# Two clones may differ in what they make of the same source.
chat_facts() { cat "$here"/chat/*; }

# What is missing of the targets is made, by one process at a time.
make_missing() {
    local target missing=() needed=$source_dir
    for target in "$@"; do
        if [ "$target" = python ]; then
            [ -z "$own" ] || die "a checkout of llama.cpp has no Python package beside it"
            needed=$python_dir
        # A checkout of one's own may have changed since; ninja knows.
        elif [ -n "$own" ] || [ ! -f "$(stamp "$target")" ]; then
            missing+=("$target")
        fi
    done
    if [ -d "$needed" ] && [ -d "$source_dir" ] && { [ -n "$built" ] ||
        [ -f "$build_dir/configured" ]; } && ((${#missing[@]} == 0)); then
        return
    fi
    mkdir -p "$cache" || die "cannot write to $cache; set HEXCORE_CACHE to another folder"
    exec 9>"$cache/lock"
    flock --nonblock 9 || { say "waiting for another build of llama.cpp"; flock 9; }
    [ -n "$own" ] || make_source "$needed"
    [ -n "$built" ] || configure "$build_dir"
    ((${#missing[@]} == 0)) || build_targets "${missing[@]}"
    for target in "${missing[@]}"; do touch "$(stamp "$target")"; done
}

main() {
    local target used=("$@")
    own=${HEXCORE_LLAMA_SOURCE:-} built=${HEXCORE_LLAMA_BUILD:-}
    source_dir=${own:-$cache/source-$version} python_dir=$cache/python-$version
    if [ -n "$built" ]; then
        [ -n "$own" ] || die "HEXCORE_LLAMA_BUILD needs HEXCORE_LLAMA_SOURCE beside it"
        build_dir=$built
        used=()
        for target in "$@"; do [ "$target" != chat ] || used=(chat); done
    elif [ -n "$own" ]; then
        [ -f "$own/ggml/src/ggml-backend-impl.h" ] || die "$own is not a checkout of llama.cpp"
        source_dir=$(cd "$own" && pwd)
        build_dir=$cache/build-own-$({ echo "$source_dir"; machine_facts; } | hash_of)
    else
        build_dir=$cache/build-$version-$({ echo "$checksum"; machine_facts; } | hash_of)
    fi
    chat_dir=$build_dir/chat-$(chat_facts | hash_of)
    [ -z "$built" ] ||
        chat_dir=$cache/chat-own-$({ echo "$source_dir"; machine_facts; chat_facts; } | hash_of)
    ((${#used[@]} == 0)) || make_missing "${used[@]}"
    print_paths "$@"
}

[ $# -gt 0 ] || die "usage: cmake/build_llama.sh TARGET..."
main "$@"
