#!/usr/bin/env bash
# Tries Catch2 3, of which Debian 12 has no package: makes a clean root folder of Debian 13 with
# its packages, compiles there the test programs that use Catch2 and integrations/cpp, and runs the
# tests of Catch2 here over them. The programs are linked statically, so that they run on both.
#
#   tools/try_catch2_3.sh [FOLDER]      (default: build/catch2-3; kept, and used again)
#
# Needs root, mmdebstrap, and a build with tests in build/release. Exits with 77 where the root
# folder cannot be made, as without a network.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

folder=$(realpath -m "${1:-build/catch2-3}")
root=$folder/root
build=${HEXCORE_BUILD:-$PWD/build/release}
say() { printf '%s\n' "hexcore: $*" >&2; }

skip() { say "$*"; exit 77; }

command -v mmdebstrap >/dev/null || skip "mmdebstrap is missing; apt-get install mmdebstrap"
mkdir -p "$folder"
if [ ! -e "$folder/made" ]; then
    # shellcheck disable=SC2016 # apt's own placeholders
    source=$(apt-get indextargets --format '$(REPO_URI)' 'Origin: Debian' 'Label: Debian' |
        head -n 1)
    rm -rf --one-file-system "$root"
    mmdebstrap --variant=apt --include=g++,catch2 trixie "$root" \
        "deb $source trixie main" >"$folder/root.log" 2>&1 ||
        skip "the root folder cannot be made; see $folder/root.log"
    touch "$folder/made"
fi
rm -rf "$root/srv/hexcore"
mkdir -p "$root/srv/hexcore/tests/hostile"
cp -r integrations "$root/srv/hexcore/"
cp -r tests/isolate tests/hostile "$root/srv/hexcore/tests/"
# shellcheck disable=SC2016 # for the shell within
chroot "$root" env -i PATH=/usr/bin:/bin LANG=C.UTF-8 bash -euc '
    cd /srv/hexcore
    compile="g++ -std=c++20 -O1 -w -static -DHEXCORE_SAMPLE_CATCH2_3 -I tests -I integrations/cpp"
    $compile tests/isolate/programs/catch2_sample.cpp -o tests/isolate/catch2_sample \
        -lCatch2Main -lCatch2
    $compile tests/hostile/hostile_catch2.cpp tests/hostile/bad_*.cpp \
        -o tests/hostile/hostile_catch2 \
        -lCatch2 -pthread'
say "$("$root/srv/hexcore/tests/isolate/catch2_sample" --libidentify | tr -s '\n ' ' ')"
HEXCORE_CATCH2_SAMPLE=$root/srv/hexcore/tests/isolate/catch2_sample \
    "$build/tests/isolate/test_isolate" --gtest_filter='Catch2*' --gtest_brief=1
HEXCORE_HOSTILE_CATCH2=$root/srv/hexcore/tests/hostile/hostile_catch2 HEXCORE_BUILD=$build \
    HEXCORE_BIN=$build/hexcore "${HEXCORE_PYTHON:-python3}" -m pytest -q -p no:cacheprovider \
    tests/e2e/hostile_tests_test.py -k catch2
