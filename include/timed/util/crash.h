/* SPDX-License-Identifier: MIT
 *
 * The report of a crash.  SIGSEGV, SIGBUS, SIGFPE, SIGILL and SIGABRT (a failed CHECK too) are told to stderr and to
 * the log's output: signal and address, thread, version and build id, the peer and the message in hand, and the calls
 * that led there as module+offset, which addr2line and gdb turn into lines of the source.  Then the signal takes its
 * course, so that a core is left as without us.  Neither keys nor what a peer sent are printed: of a message its type
 * and length.
 *
 * A thread's stack may be what has run over, so each thread of thread.h has another one for the handler.  It is never
 * touched without a crash, and so costs address space and no memory.
 *
 * Nothing of this is in a build under AddressSanitizer or ThreadSanitizer, which have handlers of their own.
 *
 * Thread safety: crash_install() before there are other threads; the rest concerns the calling thread.
 */
#ifndef TIMED_UTIL_CRASH_H
#define TIMED_UTIL_CRASH_H

#include <stddef.h>
#include <stdint.h>

/* `version` says what is running, and must stay. */
void crash_install(const char *version);

/* The calling thread's stack for the handler, when one is installed; crash_stack_end() with what was returned, NULL
 * too, before the thread ends. */
void *crash_stack_begin(void);
void crash_stack_end(void *stack);

/* What the thread has in hand; the texts must stay until they are replaced.  NULL: none. */
void crash_set_peer(const char *ip);
/* `type` NULL and some bytes: a line that is not decoded yet.  NULL and 0: none. */
void crash_set_message(const char *type, size_t bytes);

/* For a debugger: what has been reported; the signal is 0 while nothing has.  See deploy/gdb/timed.py. */
struct crash_record {
	int signal;
	int tid;	 /* of the thread */
	int64_t mono_ms; /* when, of CLOCK_MONOTONIC */
};
extern struct crash_record crash_record;

#endif
