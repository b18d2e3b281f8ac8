#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Checks that a program built without fault injection holds no trace of it.

What can break connections or end the process on demand must not be in a release, not even switched off.  Symbols and
texts of each program are looked at, its debugging information is not.  The only texts that a release may have are the
refusals of the environment variables.

    traces.py NM STRIP WITHOUT... [--with PROGRAM]
        exit code 1, and what was found, when a program of WITHOUT has a trace; or when PROGRAM, which was built with
        fault injection, has none: then this looks for the wrong things
"""

import re
import subprocess
import sys
import tempfile

SYMBOL = re.compile(r"^faults?_|^crash_point|^TIMED_(FAULTS|CRASH)")
TEXT = re.compile(
    rb"[\x20-\x7e]*(?:close-before|close-after|blackhole|hold=|FAULT|[Ff]ault:|TIMED_CRASH|-before-|-after-)[\x20-\x7e]*"
)
ALLOWED = {
    b"TIMED_FAULTS",
    b"TIMED_FAULTS is set, and this timed was built without fault injection",
    b"TIMED_CRASH",
    b"TIMED_CRASH is set, and this timed was built without crash points",
}


def traces(nm, strip, program):
    """Every symbol and text of the program that has to do with fault injection."""
    with tempfile.TemporaryDirectory() as directory:
        stripped = directory + "/program"
        subprocess.run([strip, "--strip-debug", "-o", stripped, program], check=True)
        listing = subprocess.run([nm, "--format=posix", stripped], check=True, capture_output=True, text=True)
        with open(stripped, "rb") as file:
            texts = TEXT.findall(file.read())
    symbols = [line.split()[0] for line in listing.stdout.splitlines()]
    found = [f"symbol {symbol}" for symbol in symbols if SYMBOL.search(symbol)]
    return found + [f'text "{text.decode()}"' for text in texts if text not in ALLOWED]


def main():
    nm, strip, *programs = sys.argv[1:]
    control = None
    if "--with" in programs:
        *programs, _, control = programs
    bad = 0
    for program in programs:
        for trace in traces(nm, strip, program):
            print(f"{program}: {trace}")
            bad += 1
    if control:
        found = traces(nm, strip, control)
        for kind in ("symbol", "text"):
            if not any(trace.startswith(kind) for trace in found):
                print(f"{control}: has fault injection, and no {kind} shows it")
                bad += 1
    print(f"{len(programs)} programs without fault injection, {bad} findings")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
