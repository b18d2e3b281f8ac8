#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Counts the results of one part of the tests, for deploy/test.sh.

Reads meson's testlog.json or a JUnit file of pytest.  Prints the name of everything that failed, the name and the
reason of everything that was skipped, and as the last line three numbers: passed, failed, skipped.  A program of Check counts as many tests as it says it
ran; any other program counts as one.
"""

import json
import re
import sys
import xml.etree.ElementTree as ElementTree

CHECK_LINE = re.compile(r"^\d+%: Checks: (\d+), Failures: (\d+), Errors: (\d+)$", re.MULTILINE)


def tally_meson(path):
    passed = failed = skipped = 0
    with open(path, encoding="utf-8", errors="replace") as log:
        for line in log:
            test = json.loads(line)
            output = test.get("stdout") or ""
            if test["result"] == "SKIP":
                skipped += 1
                print(f"  skipped: {test['name']}: {last_line(output + (test.get('stderr') or ''))}")
                continue
            good = test["result"] in ("OK", "EXPECTEDFAIL")
            checks = [tuple(map(int, m)) for m in CHECK_LINE.findall(output)]
            ran = sum(c[0] for c in checks) or 1
            bad = sum(c[1] + c[2] for c in checks)
            if not good:
                bad = max(bad, 1)
                print(f"  failed: {test['name']} ({test['result'].lower()})")
            ran = max(ran, bad)
            passed += ran - bad
            failed += bad
    return passed, failed, skipped


def last_line(text):
    lines = text.strip().splitlines()
    return lines[-1] if lines else "no reason given"


def tally_junit(path):
    passed = failed = skipped = 0
    for case in ElementTree.parse(path).getroot().iter("testcase"):
        reason = case.find("skipped")
        if reason is not None:
            skipped += 1
            print(f"  skipped: {case.get('name')}: {reason.get('message')}")
        elif case.find("failure") is not None or case.find("error") is not None:
            failed += 1
            print(f"  failed: {case.get('classname')}::{case.get('name')}")
        else:
            passed += 1
    return passed, failed, skipped


def main():
    path = sys.argv[1]
    try:
        counts = tally_junit(path) if path.endswith(".xml") else tally_meson(path)
    except (OSError, ValueError, ElementTree.ParseError) as error:
        print(f"  no results: {error}")
        counts = (0, 0, 0)
    print(*counts)


if __name__ == "__main__":
    main()
