/* SPDX-License-Identifier: MIT
 *
 * Static probes (USDT) of provider `timed`, for gdb, bpftrace, perf and SystemTap: the one list of them.  A probe is a
 * nop in the code and a note in the file that says where its arguments lie; with nobody attached the nop is all that
 * runs.  So the arguments are values that are at hand, or one look-up in a table of names: no text is made for a probe.
 *
 *	connection_open (ip, port, outbound, id)		it has its thread; outbound: we dialled
 *	connection_close (ip, port, outbound, id, reason)	its thread ends; reason as in the log
 *	message_in (ip, type, bytes, id)			decoded, and handled next
 *	message_out (ip, type, bytes, id)			sent, or queued to be sent
 *	block_connect (height, hash, us)			it is on the tip after so many microseconds
 *	vote_sent (ip, kind, height, round, hash)		ours, or one that we pass on; ip "": to all
 *	vote_received (ip, kind, height, round, hash)		properly signed, and new
 *
 * `ip`, `type`, `reason` and `kind` point to text; `hash` to 32 bytes in the order of the wire; the rest are integers.
 * `id` is the number of the connection in getpeerinfo, `bytes` the length of the line, `type` the name of the message.
 * `kind` is "prevote" or "precommit", with the hash of a block, zero for nil; or "approve" or "reject", with that of a
 * transaction, where height and round are 0.
 *
 * Thread safety: any thread, any lock.
 */
#ifndef TIMED_UTIL_PROBE_H
#define TIMED_UTIL_PROBE_H

#include <sys/sdt.h>

/* clang objects to the macros of that header, where they are used. */
#if defined(__clang__)
#define PROBE_BEGIN                                                                                                    \
	_Pragma("clang diagnostic push") _Pragma("clang diagnostic ignored \"-Wgnu-zero-variadic-macro-arguments\"")
#define PROBE_END _Pragma("clang diagnostic pop")
#else
#define PROBE_BEGIN
#define PROBE_END
#endif

#define PROBE3(name, a, b, c)                                                                                          \
	do {                                                                                                           \
		PROBE_BEGIN DTRACE_PROBE3(timed, name, a, b, c);                                                       \
		PROBE_END                                                                                              \
	} while (0)
#define PROBE4(name, a, b, c, d)                                                                                       \
	do {                                                                                                           \
		PROBE_BEGIN DTRACE_PROBE4(timed, name, a, b, c, d);                                                    \
		PROBE_END                                                                                              \
	} while (0)
#define PROBE5(name, a, b, c, d, e)                                                                                    \
	do {                                                                                                           \
		PROBE_BEGIN DTRACE_PROBE5(timed, name, a, b, c, d, e);                                                 \
		PROBE_END                                                                                              \
	} while (0)

#define PROBE_CONNECTION_OPEN(ip, port, outbound, id) PROBE4(connection_open, ip, port, outbound, id)
#define PROBE_CONNECTION_CLOSE(ip, port, outbound, id, reason) PROBE5(connection_close, ip, port, outbound, id, reason)
#define PROBE_MESSAGE_IN(ip, type, bytes, id) PROBE4(message_in, ip, type, bytes, id)
#define PROBE_MESSAGE_OUT(ip, type, bytes, id) PROBE4(message_out, ip, type, bytes, id)
#define PROBE_BLOCK_CONNECT(height, hash, us) PROBE3(block_connect, height, hash, us)
#define PROBE_VOTE_SENT(ip, kind, height, round, hash) PROBE5(vote_sent, ip, kind, height, round, hash)
#define PROBE_VOTE_RECEIVED(ip, kind, height, round, hash) PROBE5(vote_received, ip, kind, height, round, hash)

#endif
