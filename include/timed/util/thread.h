/* SPDX-License-Identifier: MIT
 *
 * Mutexes, condition variables and threads: the only place that calls pthread.
 *
 * Every pthread call is checked; a failure that means a broken invariant aborts.  In builds with
 * assertions (NDEBUG unset) each mutex knows its owner and its rank, and taking a mutex of a rank not
 * greater than one already held by the thread aborts naming both.
 *
 * Thread safety: all functions may be called from any thread unless they say otherwise.
 */
#ifndef TIMED_UTIL_THREAD_H
#define TIMED_UTIL_THREAD_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__clang__)
#define THREAD_ANNOTATION(x) __attribute__((x))
#else
#define THREAD_ANNOTATION(x)
#endif
#define CAPABILITY(name) THREAD_ANNOTATION(capability(name))
#define REQUIRES(...) THREAD_ANNOTATION(requires_capability(__VA_ARGS__))
#define EXCLUDES(...) THREAD_ANNOTATION(locks_excluded(__VA_ARGS__))
#define ACQUIRE(...) THREAD_ANNOTATION(acquire_capability(__VA_ARGS__))
#define RELEASE(...) THREAD_ANNOTATION(release_capability(__VA_ARGS__))
#define NO_THREAD_SAFETY_ANALYSIS THREAD_ANNOTATION(no_thread_safety_analysis)

/* Lock order, outermost first.  A thread may only take a mutex of a greater rank than any it holds;
 * all leaves share one rank, so no leaf is taken under another leaf. */
enum mutex_rank {
	MUTEX_RANK_SYNC = 1,
	MUTEX_RANK_PEER_TABLE = 2,
	MUTEX_RANK_PEER_OUT = 3,
	MUTEX_RANK_LEAF = 4,	  /* chain_view, registry, pool, address_book, bans, ... */
	MUTEX_RANK_LOG_LIMIT = 5, /* log_limited(): may be taken under anything but the next */
	MUTEX_RANK_LOG = 6,	  /* the ring of log lines: may be taken under anything */
};

struct CAPABILITY("mutex") mutex {
	pthread_mutex_t native; /* the lock itself */
	const char *name;	/* for messages and gdb; static string */
	enum mutex_rank rank;	/* place in the lock order */
	pthread_t owner;	/* holder; meaningful while held is true */
	bool held;		/* for gdb: written by the holder only, read by no code */
};

/* For a mutex with static storage that is never destroyed. */
#define MUTEX_INITIALIZER(mutex_name, mutex_rank)                                                                      \
	{                                                                                                              \
		.native = PTHREAD_MUTEX_INITIALIZER, .name = (mutex_name), .rank = (mutex_rank)                        \
	}
/* `name` must outlive the mutex (a literal). */
void mutex_init(struct mutex *m, const char *name, enum mutex_rank rank);
void mutex_destroy(struct mutex *m);
void mutex_lock(struct mutex *m) ACQUIRE(*m);
void mutex_unlock(struct mutex *m) RELEASE(*m);
/* Aborts unless the calling thread holds `m` (checked in builds with assertions only). */
void mutex_assert_held(const struct mutex *m) THREAD_ANNOTATION(assert_capability(*m));

/* A condition variable on CLOCK_MONOTONIC. */
struct cond {
	pthread_cond_t native;
};
void cond_init(struct cond *c);
void cond_destroy(struct cond *c);
/* Waits for a signal; may wake spuriously. */
void cond_wait(struct cond *c, struct mutex *m) REQUIRES(*m);
/* The same, until `deadline_ms` of CLOCK_MONOTONIC.  True: the deadline has passed. */
bool cond_wait_until(struct cond *c, struct mutex *m, int64_t deadline_ms) REQUIRES(*m);
void cond_signal(struct cond *c);
void cond_broadcast(struct cond *c);

struct thread {
	pthread_t native;
	bool started; /* a started thread must be joined exactly once */
};

/* Starts a thread named `name` (cut to 15 bytes) with the stack size that the design allots (128 KiB; 512 KiB
 * under sanitizers) and all signals blocked but those of its own faults (SIGSEGV, SIGABRT and the like).  0, or a
 * negative errno: nothing was started.  `*t` must stay valid until joined, and whatever `arg` points to belongs to the
 * new thread only if the caller says so. */
int thread_start(struct thread *t, const char *name, void *(*run)(void *), void *arg)
	__attribute__((warn_unused_result));
/* Waits for the end of a started thread.  Must not be called by the thread itself. */
void thread_join(struct thread *t);
/* Renames the calling thread (15 bytes are kept). */
void thread_set_name(const char *name);

/* Aborts with file, line and the expression: for broken invariants, never for bad input.  Survives NDEBUG. */
#define CHECK(x) ((x) ? (void)0 : check_failed(__FILE__, __LINE__, #x))
_Noreturn void check_failed(const char *file, int line, const char *what);
/* Called with the message before the abort, once; NULL for none.  The log saves what it can there. */
void check_set_hook(void (*hook)(const char *message));

#endif
