#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""embed_page.py PAGE.html OUT.c: the status page as C, and its Content-Security-Policy: nothing but what stands in the
page, by its hash, and requests to where it came from."""
import base64
import hashlib
import re
import sys


def digests(page: str, tag: str) -> str:
    """The sources of a policy that allow each inline element of this name."""
    bodies = re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
    if not bodies:
        sys.exit(f"the page has no <{tag}>")
    return " ".join(f"'sha256-{base64.b64encode(hashlib.sha256(body.encode()).digest()).decode()}'" for body in bodies)


def main() -> None:
    source, code = sys.argv[1:]
    with open(source, encoding="utf-8", newline="") as file:
        page = file.read()
    policy = "; ".join([
        "default-src 'none'",
        f"script-src {digests(page, 'script')}",
        f"style-src {digests(page, 'style')}",
        "img-src data:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    ])
    data = page.encode()
    rows = [", ".join(str(byte) for byte in data[i:i + 24]) for i in range(0, len(data), 24)]
    with open(code, "w", encoding="ascii") as file:
        file.write('// SPDX-License-Identifier: MIT\n#include "timed/rpc/page.h"\n\nconst unsigned char page_html[] = {\n')
        file.write(",\n".join(rows))
        file.write(f"}};\nconst size_t page_html_len = {len(data)};\nconst char page_policy[] = \"{policy}\";\n")


main()
