# shellcheck shell=bash
# Sourced by ./dev: brings what is missing (packages, a Python environment) and builds.

HEXCORE_CACHE=$(hexcore_cache)
export HEXCORE_CACHE
mkdir -p "$HEXCORE_CACHE" 2>/dev/null || true
[ -w "$HEXCORE_CACHE" ] || {
    printf '%s\n' "hexcore: cannot write to $HEXCORE_CACHE; set HEXCORE_CACHE to another folder" >&2
    exit 5
}

# What the program needs, what its tests need besides, and so on. Debian 12 and 13 have them by
# these names, and by its index Ubuntu 24.04, too (partly in universe), where nothing was tried.
BASE_PACKAGES="g++ cmake ninja-build git pkg-config ca-certificates python3 python3-pip
    python3-venv libfmt-dev libcli11-dev nlohmann-json3-dev libexpected-dev libsmartcols-dev
    libpugixml-dev libxxhash-dev libzstd-dev libedit-dev libncurses-dev libdw-dev
    libsqlite3-dev libtomlplusplus-dev libgomp1 libjs-dygraphs node-d3-hierarchy"
PACKAGING_PACKAGES="$BASE_PACKAGES dpkg-dev file"
# Pages are tested in Chromium. Ubuntu has it only as a snap: ensure_browser brings another.
# shellcheck source=/dev/null
BROWSER_PACKAGE=$(. /etc/os-release 2>/dev/null && [ "${ID:-}" != ubuntu ] && echo chromium) || true
TEST_PACKAGES="$PACKAGING_PACKAGES libgtest-dev libgmock-dev catch2 $BROWSER_PACKAGE"
BENCH_PACKAGES="$BASE_PACKAGES libbenchmark-dev libgtest-dev catch2"
CHECK_PACKAGES="$TEST_PACKAGES libbenchmark-dev clang clang-tidy shellcheck"
# Taken where the distribution has them. Where it has no libclang-rt-dev, clang brings its runtime.
OPTIONAL_PACKAGES="ccache"
OPTIONAL_CHECK_PACKAGES="$OPTIONAL_PACKAGES libclang-rt-dev"

say() { printf '%s\n' "hexcore: $*" >&2; }
die() { say "$*"; exit 1; }

not_installed() {
    local installed
    installed=$(dpkg-query -W -f='${Package} ${db:Status-Status}\n' "$@" 2>/dev/null |
        sed -n 's/ installed$//p') || true
    comm -23 <(printf '%s\n' "$@" | sort -u) <(sort -u <<<"$installed")
}

install_with() {
    # Package lists may be missing (a container) or out of date.
    "$@" apt-get update >&2 || say "apt-get update failed; trying with the lists that are there"
    local offered=() package
    for package in $missing_optional; do
        if apt-cache show "$package" >/dev/null 2>&1; then offered+=("$package"); fi
    done
    # shellcheck disable=SC2086 # a list of words
    "$@" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
        $missing ${offered[@]+"${offered[@]}"} >&2 </dev/null ||
        { say "apt-get could not install: $missing"; exit 5; }
}

# ensure_packages base|package|test|bench|check: installs what is missing, as root or through sudo
# after asking.
# dpkg is asked again only when the list, or what is installed, has changed.
ensure_packages() {
    local wanted optional=$OPTIONAL_PACKAGES
    case $1 in
        base) wanted=$BASE_PACKAGES ;;
        package) wanted=$PACKAGING_PACKAGES ;;
        test) wanted=$TEST_PACKAGES ;;
        bench) wanted=$BENCH_PACKAGES ;;
        check) wanted=$CHECK_PACKAGES optional=$OPTIONAL_CHECK_PACKAGES ;;
    esac
    # Another distribution: CMake names what it does not find.
    command -v apt-get >/dev/null || return 0
    local stamp missing missing_optional answer
    stamp=$HEXCORE_CACHE/packages-$(cksum <<<"$wanted $optional" | cut -d' ' -f1)
    [ "$stamp" -nt /var/lib/dpkg/status ] && return
    # shellcheck disable=SC2086 # lists of words
    missing=$(not_installed $wanted | xargs) missing_optional=$(not_installed $optional | xargs)
    if [ -n "$missing" ]; then
        local line="apt-get install $missing"
        if [ "$(id -u)" = 0 ]; then
            say "installing $missing"
            install_with env
        elif command -v sudo >/dev/null && [ -t 0 ]; then
            say "these packages are missing: $missing"
            read -r -p "Install them with sudo $line? [y/N] " answer
            case $answer in [yY]*) install_with sudo ;; *) exit 5 ;; esac
        else
            say "packages are missing; please run:"
            echo "sudo $line" >&2
            exit 5
        fi
    fi
    touch "$stamp"
}

# ensure_python base|test sets PYTHON and TOOLS (the folder of its programs): an environment in the
# cache with what the tools need, or the tests too, named after what it holds. It cannot be renamed
# once it is complete, since its programs know its path; so it gets a stamp.
ensure_python() {
    local list lists=(tools/requirements.txt) name=tools-python environment
    if [ "$1" = test ]; then
        lists+=(tests/requirements.txt tests/tools/requirements.txt) name=python
    fi
    environment=$HEXCORE_CACHE/$name-$({ python3 --version; cat "${lists[@]}"; } | sha256sum |
        cut -c1-12)
    # shellcheck disable=SC2034 # TOOLS is for the scripts that source this one
    PYTHON=$environment/bin/python TOOLS=$environment/bin
    [ -f "$environment/complete" ] && return
    (
        flock 9
        [ -f "$environment/complete" ] && exit
        say "making a Python environment in $environment"
        rm -rf "$environment"
        python3 -m venv "$environment" >&2 || die "python3 could not make $environment"
        # One by one: where a list has checksums, pip wants one for everything that it installs.
        for list in "${lists[@]}"; do
            "$PYTHON" -m pip install --quiet --disable-pip-version-check \
                --requirement "$list" >&2 ||
                die "pip could not install what $list asks for"
        done
        touch "$environment/complete"
    ) 9>"$HEXCORE_CACHE/python.lock" || exit 1
}

# Where there is no Chromium of the system's: playwright's own, in the cache. The libraries that it
# needs are those of a desktop; as root it brings them, too.
ensure_browser() {
    export PLAYWRIGHT_BROWSERS_PATH=$HEXCORE_CACHE/browsers
    command -v chromium >/dev/null && return
    local dependencies=()
    if [ "$(id -u)" = 0 ]; then dependencies=(--with-deps); fi
    "$TOOLS/playwright" install ${dependencies[@]+"${dependencies[@]}"} chromium-headless-shell \
        >&2 || die "there is no chromium, and playwright could not bring one"
}

# A build folder that was configured by hand with a llama.cpp of one's own keeps it.
adopt_llama_settings() {
    local name value
    for name in HEXCORE_LLAMA_SOURCE HEXCORE_LLAMA_BUILD HEXCORE_LLAMA_ARCHIVE; do
        value=$(sed -n "s/^$name:[A-Z]*=//p" "$1/CMakeCache.txt" 2>/dev/null) || true
        case $value in '' | OFF) ;; *) export "$name=$value" ;; esac
    done
}

# Whether a build folder is configured with all of these settings, each -DNAME=ON or -DNAME=OFF.
configured_with() {
    local folder=$1 setting
    shift
    for setting in "$@"; do
        setting=${setting#-D}
        grep -q "^${setting%=*}:BOOL=${setting#*=}$" "$folder/CMakeCache.txt" || return 1
    done
}

# build_preset PRESET [-DNAME=ON...] [TARGET...]: configures where that is needed, and builds. What
# was switched on once stays on in the folder, so that no command makes another compile again; but
# what is compiled with fewer optimisations is neither what users get nor what is measured.
build_preset() {
    local preset=$1 folder=build/$1 llama settings=()
    shift
    while [[ ${1:-} == -D* ]]; do
        settings+=("$1")
        shift
    done
    if [ "${HEXCORE_WERROR:-}" = ON ]; then settings+=(-DHEXCORE_WERROR=ON); fi
    settings+=("-DHEXCORE_QUICK=${HEXCORE_QUICK:-OFF}")
    if [ "${HEXCORE_UNITY:-}" = ON ] && [[ $preset == @(release|fuzz) ]]; then
        settings+=(-DHEXCORE_UNITY=ON)
    fi
    adopt_llama_settings "$folder"
    # shellcheck disable=SC2086 # a list of words
    [ -z "${HEXCORE_LLAMA_ALSO:-}" ] ||
        cmake/build_llama.sh ggml llama $HEXCORE_LLAMA_ALSO >/dev/null || exit 1
    llama=$(cmake/build_llama.sh ggml llama chat) || exit 1
    if [ ! -f "$folder/build.ninja" ] || [ "$llama" != "$(cat "$folder/llama.paths")" ] ||
        [ CMakePresets.json -nt "$folder/build.ninja" ] ||
        ! configured_with "$folder" ${settings[@]+"${settings[@]}"}; then
        mkdir -p "$folder"
        say "configuring $folder"
        cmake --preset "$preset" ${settings[@]+"${settings[@]}"} \
            >"$folder/configure.log" 2>&1 || {
            cat "$folder/configure.log" >&2
            die "$folder could not be configured"
        }
        touch "$folder/build.ninja"
    fi
    ninja -C "$folder" "$@" >&2 || die "$folder could not be built"
}

need_binary() {
    [ -x "build/$1/hexcore" ] || die "build/$1/hexcore was not built; is src/hexcore/cli there?"
}

demo_model() { "$PYTHON" tools/demo_model.py --cache "$HEXCORE_CACHE"; }

# Our own C++ files, also new ones that git does not know yet; separated by NUL.
our_sources() { git ls-files -z --cached --others --exclude-standard -- '*.cpp' '*.hpp' '*.h'; }
