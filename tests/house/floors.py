#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Checks that includes point downward only, and that each library is used only where it belongs.

The floors, lowest first, are those of the README's map.  A file may include headers of its own floor and of those
beneath it.  Above that:
  - timeproto and consensus are pure: no threads, sockets, clock or files, so of the system they may include only what
    PURE_HEADERS lists, and consensus has no other project headers than timeproto's and its own;
  - a header of LIBRARIES is included only in the rooms named there.

    floors.py ROOT         check a checkout; prints each violation as file:line: text, exit code 1 if there is any
    floors.py --self-test  check that violations are found
"""

import pathlib
import re
import sys
import tempfile

# Lowest first.  The programs stand on the roof.
FLOORS = ["base", "wire", "chain", "util", "consensus", "store", "net", "node", "rpc", "main"]
TIMEPROTO = ("base", "wire", "chain")
MAINS = ("timed", "time-cli", "timed-inspect", "manual")
# What makes the manual pages reads tables that are private to these rooms.
PRIVATE_TABLES = {"manual": ("node", "time-cli", "timed-inspect")}

PURE_HEADERS = {
    "assert.h", "ctype.h", "endian.h", "errno.h", "inttypes.h", "limits.h", "stdalign.h", "stdarg.h", "stdbool.h",
    "stddef.h", "stdint.h", "stdio.h", "stdlib.h", "stdnoreturn.h", "string.h", "strings.h",
}
# Prefix of a library's header -> the rooms that may include it.
LIBRARIES = {
    "rocksdb/": {"store"},
    "pthread.h": {"util"},
    "threads.h": set(),
    "jansson.h": {"rpc", "time-cli", "timed-inspect"},
    "microhttpd.h": {"rpc"},
    "curl/": {"node", "time-cli"},
    "systemd/": {"node"},
    "openssl/": {"base", "wire", "chain"},
    "sodium": {"base", "wire", "chain", "net", "node", "rpc"},
}
# Arenas poison their free bytes in builds with AddressSanitizer.
PURE_LIBRARIES = ("openssl/", "sodium", "sanitizer/")

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


def room_of(path):
    """The room (area) that a source file lives in, or None when it is not part of the house proper (tests)."""
    parts = path.parts
    if parts[:2] == ("subprojects", "timeproto"):
        if parts[2:4] == ("include", "timeproto") and len(parts) > 5:
            return parts[4]
        if parts[2] == "src" and len(parts) > 4:
            return parts[3]
        return None
    if parts[:2] == ("include", "timed") and len(parts) > 3:
        return parts[2]
    if parts[0] == "src" and len(parts) > 2:
        return parts[1]
    return None


def floor_of(room):
    return FLOORS.index("main" if room in MAINS else room)


def included_room(header):
    """The room of a project header as it is written in an include line; None for any other header."""
    parts = header.split("/")
    if parts[0] in ("timed", "timeproto") and len(parts) >= 3:
        return parts[1]
    return None


def check_system_header(room, header):
    for prefix, rooms in LIBRARIES.items():
        if header.startswith(prefix) and room not in rooms:
            return f"<{header}> does not belong in {room}"
    pure = room in TIMEPROTO or room == "consensus"
    if pure and header not in PURE_HEADERS and not header.startswith(PURE_LIBRARIES):
        return f"{room} is pure and may not include <{header}>"
    return None


def check_project_header(room, header, path, root):
    target = included_room(header)
    if target is None:
        beside = root / path.parent / header
        if "/" not in header and (beside.is_file() or beside.with_suffix(".h.in").is_file()):
            return None  # a private header beside the file, perhaps one that meson makes
        if any((root / "src" / other / header).is_file() for other in PRIVATE_TABLES.get(room, ())):
            return None
        return f'"{header}" is neither a header of the house nor a private one beside the file'
    if room in TIMEPROTO and not header.startswith("timeproto/"):
        return f'timeproto stands alone and may not include "{header}"'
    if header.startswith("timeproto/") != (target in TIMEPROTO) or target not in FLOORS:
        return f'"{header}" names no floor'
    if floor_of(target) > floor_of(room):
        return f'"{header}" is above: {room} may not look up at {target}'
    if room == "consensus" and target not in TIMEPROTO + ("consensus",):
        return f'consensus is pure and may not include "{header}"'
    return None


def check_tree(root):
    """Every violation below root as "file:line: text", and the number of files looked at."""
    problems, count = [], 0
    for top in ("src", "include", "subprojects/timeproto"):
        for path in sorted((root / top).rglob("*.[ch]")):
            relative = path.relative_to(root)
            room = room_of(relative)
            if room is None:
                if not set(relative.parts) & {"tests", "fuzz"}:
                    problems.append(f"{relative}:1: belongs to no room")
                continue
            count += 1
            if room not in FLOORS and room not in MAINS:
                problems.append(f"{relative}:1: {room} is not a floor")
                continue
            for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
                match = INCLUDE.match(line)
                if not match:
                    continue
                quote, header = match.groups()
                if quote == "<":
                    problem = check_system_header(room, header)
                else:
                    problem = check_project_header(room, header, relative, root)
                if problem:
                    problems.append(f"{relative}:{number}: {problem}")
    return problems, count


# (file, include line, what must be said about it; None: nothing)
EXAMPLES = [
    ("src/net/a.c", '#include "timed/util/log.h"', None),
    ("src/net/a.c", '#include "timed/net/a.h"', None),
    ("src/net/a.c", '#include "timed/node/sync.h"', "above"),
    ("src/util/a.c", '#include "timed/net/peer.h"', "above"),
    ("src/util/a.c", "#include <pthread.h>", None),
    ("src/net/a.c", "#include <pthread.h>", "does not belong"),
    ("include/timed/net/a.h", "# include <pthread.h>", "does not belong"),
    ("src/store/a.c", "#include <rocksdb/c.h>", None),
    ("src/node/a.c", "#include <rocksdb/c.h>", "does not belong"),
    ("src/node/a.c", "#include <jansson.h>", "does not belong"),
    ("src/time-cli/main.c", "#include <jansson.h>", None),
    ("src/consensus/a.c", '#include "timeproto/chain/block.h"', None),
    ("src/consensus/a.c", '#include "timed/consensus/bft.h"', None),
    ("src/consensus/a.c", '#include "timed/util/clock.h"', "consensus is pure"),
    ("src/consensus/a.c", "#include <time.h>", "pure"),
    ("subprojects/timeproto/src/wire/a.c", '#include "timeproto/base/buf.h"', None),
    ("subprojects/timeproto/src/wire/a.c", '#include "timeproto/chain/block.h"', "above"),
    ("subprojects/timeproto/src/chain/a.c", '#include "timed/util/log.h"', "stands alone"),
    ("subprojects/timeproto/include/timeproto/base/a.h", "#include <sys/socket.h>", "pure"),
    ("subprojects/timeproto/src/base/a.c", "#include <openssl/sha.h>", None),
    ("subprojects/timeproto/tests/a.c", "#include <jansson.h>", None),
    ("src/net/a.c", '#include "nowhere.h"', "neither"),
    ("src/net/a.c", '#include "../node/sync.h"', "neither"),
    ("src/net/a.c", '#include "timed/net2/a.h"', "names no floor"),
    ("src/gui/a.c", "#include <stdio.h>", "not a floor"),
    ("src/timed/main.c", '#include "timed/rpc/server.h"', None),
]


def self_test():
    for file, line, expected in EXAMPLES:
        with tempfile.TemporaryDirectory() as directory:
            path = pathlib.Path(directory, file)
            path.parent.mkdir(parents=True)
            path.write_text(f"/* head */\n{line}\n", encoding="utf-8")
            problems, _ = check_tree(pathlib.Path(directory))
        if expected is None and problems or expected is not None and (len(problems) != 1 or expected not in problems[0]):
            print(f"{file}: {line}: expected {expected!r}, found {problems}")
            return 1
    print(f"{len(EXAMPLES)} examples judged as expected")
    return 0


def main():
    if sys.argv[1:] == ["--self-test"]:
        return self_test()
    problems, count = check_tree(pathlib.Path(sys.argv[1]))
    print("\n".join(problems) or f"{count} files, every include points downward")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
