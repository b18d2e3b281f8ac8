#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Checks that the pure libraries call nothing of the system that makes them impure.

timeproto and consensus take bytes, time and randomness as arguments.  floors.py keeps the headers out; this looks at
what the linker will see, so that a function that some harmless header declares too is found as well.

    purity.py NM LIBRARY...    exit code 1, and the calls, when a library calls what it may not
"""

import re
import subprocess
import sys

IMPURE = {
    "sockets": r"socket|socketpair|bind|listen|accept4?|connect|send(to|m?msg)?|recv(from|m?msg)?|[gs]etsockopt|shutdown"
               r"|getaddrinfo|p?poll|select|epoll_\w+|eventfd",
    "threads": r"pthread_\w+|thrd_\w+|mtx_\w+|cnd_\w+|sem_\w+|fork|vfork|exec[lv]\w*|system",
    "the clock": r"time|clock|clock_\w+|gettimeofday|timespec_get|nanosleep|usleep|sleep|localtime(_r)?|gmtime(_r)?",
    "files": r"open(at)?(64)?|creat|fopen(64)?|freopen|fdopen|read|pread(64)?|readv|write|pwrite(64)?|writev|close|mmap"
             r"|f?stat(at)?(64)?|lstat|unlink(at)?|rename(at)?|mkdir|fsync|fdatasync|getenv|opendir",
    "randomness": r"randombytes\w*|rand(_r)?|random|[dlm]rand48|getrandom|getentropy|RAND_\w+",
}


def undefined_symbols(nm, library):
    """(member, symbol) for everything that an object of the library takes from elsewhere."""
    listing = subprocess.run([nm, "--undefined-only", "--format=posix", "--print-file-name", library],
                             check=True, capture_output=True, text=True)
    for line in listing.stdout.splitlines():
        where, _, rest = line.partition(": ")
        yield where.rsplit("[", 1)[-1].rstrip("]"), rest.split()[0]


def main():
    nm, *libraries = sys.argv[1:]
    bad = 0
    for library in libraries:
        for member, symbol in undefined_symbols(nm, library):
            for kind, pattern in IMPURE.items():
                if re.fullmatch(pattern, symbol):
                    print(f"{library}: {member} calls {symbol}: {kind}")
                    bad += 1
    print(f"{len(libraries)} libraries, {bad} calls that do not belong there")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
