/* SPDX-License-Identifier: MIT
 *
 * The status page: src/rpc/page.html, put into the program by src/rpc/embed_page.py when it is built.
 *
 * Thread safety: constant.
 */
#ifndef TIMED_RPC_PAGE_H
#define TIMED_RPC_PAGE_H

#include <stddef.h>

extern const unsigned char page_html[];
extern const size_t page_html_len;
/* Its Content-Security-Policy: what stands in the page, and requests to where it came from. */
extern const char page_policy[];

#endif
