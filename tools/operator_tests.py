"""Runs ggml's own operator tests on a capped host device, through the plugin.

    tools/operator_tests.py --program bin/test-backend-ops --plugin build/release/libggml-hexcore.so

Each test compares an operation with ggml's reference code. What passes on ggml's CPU backend, in
the same program, must pass on the device too. Prints the counts; exit code 1 where one does not.
Without --all only small tests of the families that Hexcore has a hand in, and the CPU backend is
asked about those alone that did not pass on the device.
"""

import argparse
import os
import re
import sqlite3
import subprocess
import sys
import time

# Products, which are rewritten for experts, and everything that moves bytes in and out of buffers.
FAMILIES = "MUL_MAT,MUL_MAT_ID,ADD_ID,CPY,CONT,DUP,GET_ROWS,SET_ROWS,CONCAT"
# Of products, those of fewer than 600 rows, 20 columns and 300 terms, in a fraction of the time of
# all. Matched against parameters such as "type_a=q4_0,type_b=f32,m=16,n=1,k=256".
SMALL = r"^(?!.*,(m=([6-9]\d\d|\d{4,})|n=([2-9]\d|\d{3,})|k=([3-9]\d\d|\d{4,})))"
ROW = re.compile(r"^(CREATE TABLE[^;]*;|INSERT INTO .*\);)$", re.MULTILINE)


def run(options, device, tests):
    """Runs the small ones of `tests` (test-backend-ops -o) on a device; None: all of all.

    Gives {(operation, parameters): "passed", "failed" or "not supported"}, and the seconds taken.
    """
    begin = time.monotonic()
    command = [options.program, "test", "-b", device, "--output", "sql", "-j", str(options.jobs)]
    if tests is not None:
        command += ["-o", tests, "-p", SMALL]
    environment = os.environ | {"GGML_BACKEND_PATH": options.plugin, "HEXCORE_DEVICES": "2GiB",
                                "OMP_WAIT_POLICY": "passive"}
    output = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True,
                            errors="replace", check=False).stdout
    database = sqlite3.connect(":memory:")
    for row in ROW.findall(output):
        database.execute(row)
    results = {}
    try:
        rows = database.execute(
            "SELECT op_name, op_params, supported, passed FROM test_backend_ops")
    except sqlite3.OperationalError:
        rows = []
    for name, parameters, supported, passed in rows:
        outcome = "passed" if int(passed) else "failed" if int(supported) else "not supported"
        # Some tests are there twice; the worse outcome counts, which is the first by the alphabet.
        results[name, parameters] = min(outcome, results.get((name, parameters), outcome))
    return results, time.monotonic() - begin


def summary(device, results, seconds):
    counts = {outcome: list(results.values()).count(outcome)
              for outcome in ("passed", "failed", "not supported")}
    text = ", ".join(f"{count} {outcome}" for outcome, count in counts.items())
    print(f"   {device}: {text}; {seconds:.0f} s", flush=True)
    return counts


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", required=True, help="llama.cpp's test-backend-ops")
    parser.add_argument("--plugin", required=True, help="libggml-hexcore.so")
    parser.add_argument("--all", action="store_true", help="every family, not only ours")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)))
    options = parser.parse_args()
    options.plugin = os.path.abspath(options.plugin)

    ours, seconds = run(options, "host0", None if options.all else FAMILIES)
    if not summary("host0", ours, seconds)["passed"]:
        print("   the device was not tested; is the plugin there?")
        return 1
    others = [f"{name}({parameters})" for (name, parameters), outcome in ours.items()
              if outcome != "passed"]
    if options.all or others:
        print("   on the CPU backend,", "all:" if options.all else "the others:")
        cpu, seconds = run(options, "CPU", None if options.all else ",".join(others))
        summary("CPU", cpu, seconds)
    else:
        cpu = {}
    worse = [test for test, outcome in cpu.items()
             if outcome == "passed" and ours.get(test, "missing") != "passed"]
    for name, parameters in worse[:20]:
        print(f"   {name}({parameters}): {ours.get((name, parameters), 'missing')} on host0")
    print(f"   {len(worse)} that pass on the CPU do not pass on the device")
    return 1 if worse else 0


if __name__ == "__main__":
    sys.exit(main())
