"""Counts tests over JUnit files, CTest's and pytest's alike.

Says why each skipped test was skipped, names what failed, and closes with
`N passed, N failed, N skipped`. Exit code 1 if one failed or there was none.
"""

import re
import sys
import xml.etree.ElementTree as ElementTree


def outcome(case):
    """passed, failed or skipped, of a <testcase>."""
    if case.find("failure") is not None or case.find("error") is not None:
        return "failed"
    if case.find("skipped") is not None or case.get("status") in ("notrun", "disabled"):
        return "skipped"
    return "passed"


def skip_reason(case):
    """pytest gives it as the message; GoogleTest prints it on the line after `Skipped`."""
    output = case.findtext("system-out") or ""
    if match := re.search(r": Skipped\n(.+)", output):
        return match[1].strip()
    skipped = case.find("skipped")
    return skipped.get("message", "no reason given") if skipped is not None else "disabled"


def main(files):
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    for file in files:
        for case in ElementTree.parse(file).iter("testcase"):
            result = outcome(case)
            counts[result] += 1
            name = case.get("name")
            if result == "skipped":
                print(f"skipped: {name}: {skip_reason(case)}")
            elif result == "failed":
                print(f"failed: {name}")
    print(", ".join(f"{number} {result}" for result, number in counts.items()))
    return 1 if counts["failed"] or not sum(counts.values()) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
