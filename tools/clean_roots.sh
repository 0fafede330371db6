#!/usr/bin/env bash
# Tries README's first commands where nobody has prepared anything: makes a root folder of each
# Debian release with debootstrap, copies a clone of the last commit into it, runs ./dev demo there,
# and compiles everything, tests and benchmarks too, with the g++ and the clang of that release.
# Prints a table (cpu_s are seconds of processors, whatever else the machine does beside it; load is
# that at the end); exit code 1 where something failed or a compiler warned.
#
#   tools/clean_roots.sh [--tests] [--keep] [RELEASE...]      (default: bookworm trixie)
#
# --tests runs ./dev test, too. The root folders, build/clean-roots/RELEASE, are removed at the end
# unless --keep is given; the logs beside them stay. Needs root and debootstrap. Where packages come
# from (mirror, proxies, certificates, pip's settings) is taken from this machine.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

work=$PWD/build/clean-roots
table=$work/table

say() { printf '%s\n' "hexcore: $*" >&2; }
die() { say "$*"; exit 1; }

# The repository of Debian that apt uses here.
mirror() {
    # shellcheck disable=SC2016 # apt's own placeholders
    apt-get indextargets --format '$(REPO_URI)' 'Origin: Debian' 'Label: Debian' | head -n 1
}

# Settings of this machine's network: proxies and certificates by environment, and pip's.
network_settings() {
    env | grep -iE '^(https?_proxy|no_proxy|ftp_proxy|all_proxy|PIP_[A-Z_]+)=' || true
    # Inside, the package ca-certificates writes the usual file anew.
    if [ -f /etc/ssl/certs/ca-certificates.crt ]; then
        printf '%s=/etc/machine-certificates.crt\n' PIP_CERT SSL_CERT_FILE REQUESTS_CA_BUNDLE
    fi
}

# What is mounted within is mounted in namespaces that have ended by then.
remove_root() { rm -rf --one-file-system "$1"; }

# make_root RELEASE FOLDER
make_root() {
    local release=$1 root=$2 source file
    source=$(mirror)
    [ -n "$source" ] || die "apt knows no repository of Debian here"
    remove_root "$root"
    mkdir -p "$root"
    # In namespaces of its own, so that nothing stays mounted where it is stopped.
    unshare --mount --pid --fork --kill-child -- \
        debootstrap --variant=minbase "$release" "$root" "$source" >"$root.debootstrap.log" 2>&1 ||
        die "debootstrap could not make $root; see $root.debootstrap.log"
    apt-config dump Acquire | grep -E '::(Proxy|Check-Valid-Until|Check-Date)' \
        >"$root/etc/apt/apt.conf.d/machine" || true
    cp -L /etc/resolv.conf /etc/hosts "$root/etc/"
    cp /etc/ssl/certs/ca-certificates.crt "$root/etc/machine-certificates.crt" 2>/dev/null || true
    for file in /etc/pip.conf "$HOME/.config/pip/pip.conf" "$HOME/.pip/pip.conf"; do
        if [ -f "$file" ]; then install -D "$file" "$root$file"; fi
    done
    git clone --quiet --no-local . "$root/srv/hexcore"
}

# inside ROOT COMMAND: runs a shell command in the clone, in namespaces that end with it.
inside() {
    local root=$1 command=$2 settings=()
    mapfile -t settings < <(network_settings)
    # shellcheck disable=SC2016 # for the shell within
    unshare --mount --pid --fork --kill-child -- bash -c '
        set -e
        mount --make-rprivate /
        mount --rbind /dev "$1/dev"
        mount --rbind /sys "$1/sys"
        mount -t proc proc "$1/proc"
        root=$1 command=$2
        shift 2
        exec chroot "$root" env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 \
            "$@" bash -c "cd /srv/hexcore && $command"' \
        inside "$root" "$command" "${settings[@]}" </dev/null
}

# step RELEASE NAME COMMAND: runs it in the release's root folder, and adds a line to the table.
step() {
    local release=$1 name=$2 command=$3 begin=$SECONDS result=ok warnings load TIMEFORMAT='%U %S'
    local log=$work/$release.${name//[^a-z]/_}.log
    say "$release: $name"
    { time inside "$work/$release" "$command" >"$log" 2>&1 || result=FAILED; } 2>"$log.time"
    warnings=$(grep -cE 'warning:' "$log" || true)
    read -r _ load _ </proc/loadavg
    [ "$result" = ok ] && [ "$warnings" = 0 ] || failed=1
    printf '%-10s %-24s %-8s %8s %8.0f %8s %8s\n' "$release" "$name" "$result" \
        "$((SECONDS - begin))" "$(awk '{ print $1 + $2 }' "$log.time")" "$warnings" "$load" \
        >>"$table"
}

try_release() {
    local release=$1 all="-DHEXCORE_TESTS=ON -DHEXCORE_BENCH=ON" packages
    say "$release: making its root folder"
    make_root "$release" "$work/$release"
    step "$release" "./dev demo" "./dev demo"
    packages=". cmake/cache.sh; . tools/dev-setup.sh; ensure_packages check"
    step "$release" "packages of ./dev check" "bash -c '$packages'"
    step "$release" "everything with g++" "cmake --preset release $all && ninja -C build/release"
    step "$release" "everything with clang" "cmake -G Ninja -B build/clang \
        -DCMAKE_C_COMPILER=clang -DCMAKE_CXX_COMPILER=clang++ $all && ninja -C build/clang"
    if [ "$with_tests" = 1 ]; then step "$release" "./dev test" "./dev test"; fi
}

with_tests=0 keep=0 failed=0 root=
while [[ ${1:-} == --* ]]; do
    case $1 in
        --tests) with_tests=1 ;;
        --keep) keep=1 ;;
        *) die "$1 is unknown; the head of $0 says what there is" ;;
    esac
    shift
done
[ "$(id -u)" = 0 ] || die "a root folder can be made and entered only as root"
command -v debootstrap >/dev/null || die "debootstrap is missing; apt-get install debootstrap"
[ $# -gt 0 ] || set -- bookworm trixie
mkdir -p "$work"
printf '%-10s %-24s %-8s %8s %8s %8s %8s\n' \
    release step result seconds cpu_s warnings load >"$table"
if [ $keep = 0 ]; then trap '[ -z "$root" ] || remove_root "$root"' EXIT; fi
for release in "$@"; do
    root=$work/$release
    try_release "$release"
    [ $keep = 1 ] || remove_root "$root"
done
cat "$table"
exit $failed
