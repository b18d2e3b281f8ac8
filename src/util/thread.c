// SPDX-License-Identifier: MIT
/* Wrappers of pthread.  Beside the checked calls this file holds the lock-order check: each thread keeps a short
 * stack of the mutexes it holds, and a mutex whose rank is not above the top one aborts with both names.  The log
 * hooks itself into check_failed() so that the lines before an abort are not lost. */
#include "timed/util/thread.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "timed/util/crash.h"
#include "timed/util/sanitizer.h"

#if SANITIZED
#define STACK_BYTES ((size_t)512 * 1024)
#else
#define STACK_BYTES ((size_t)128 * 1024)
#endif
#define NAME_BYTES 16 /* what the kernel keeps, with the terminator */

static void (*_Atomic check_hook)(const char *message);

void check_set_hook(void (*hook)(const char *message))
{
	atomic_store(&check_hook, hook);
}

void check_failed(const char *file, int line, const char *what)
{
	char message[512];
	int n = snprintf(message, sizeof(message), "%s:%d: check failed: %s\n", file, line, what);
	size_t len = n < (int)sizeof(message) ? (size_t)n : sizeof(message) - 1;
	/* Taken out first: a check that fails inside the hook must not come back here. */
	void (*hook)(const char *) = atomic_exchange(&check_hook, NULL);

	if (write(STDERR_FILENO, message, len) < 0) {
		/* Nothing is left to say it with; the abort below tells. */
	}
	if (hook)
		hook(message);
	abort();
}

#ifndef NDEBUG
#define HELD_MAX 8 /* more than there are ranks, so the order check fires first */

static _Thread_local struct {
	const struct mutex *mutex[HELD_MAX];
	int count;
} held;

_Noreturn static void order_failed(const struct mutex *m, const struct mutex *top)
{
	char what[160];

	snprintf(what, sizeof(what), "lock order: '%s' (rank %d) taken while '%s' (rank %d) is held", m->name,
		 (int)m->rank, top->name, (int)top->rank);
	check_failed(__FILE__, __LINE__, what);
}

static int held_index(const struct mutex *m)
{
	for (int i = held.count - 1; i >= 0; i--) {
		if (held.mutex[i] == m)
			return i;
	}
	return -1;
}

/* Before the lock is taken, so that a wrong order is reported even where it would deadlock. */
static void order_check(const struct mutex *m)
{
	for (int i = 0; i < held.count; i++) {
		if (held.mutex[i]->rank >= m->rank)
			order_failed(m, held.mutex[i]);
	}
}

static void held_push(struct mutex *m)
{
	CHECK(held.count < HELD_MAX);
	held.mutex[held.count++] = m;
	m->owner = pthread_self();
	m->held = true;
}

static void held_pop(struct mutex *m)
{
	int at = held_index(m);

	CHECK(at >= 0);
	memmove(&held.mutex[at], &held.mutex[at + 1], (size_t)(held.count - at - 1) * sizeof(held.mutex[0]));
	held.count--;
	m->held = false;
}
#else
static void order_check(const struct mutex *m)
{
	(void)m;
}

static void held_push(struct mutex *m)
{
	(void)m;
}

static void held_pop(struct mutex *m)
{
	(void)m;
}
#endif

void mutex_init(struct mutex *m, const char *name, enum mutex_rank rank)
{
	memset(m, 0, sizeof(*m));
	m->name = name;
	m->rank = rank;
	CHECK(pthread_mutex_init(&m->native, NULL) == 0);
}

void mutex_destroy(struct mutex *m)
{
	CHECK(pthread_mutex_destroy(&m->native) == 0);
}

NO_THREAD_SAFETY_ANALYSIS void mutex_lock(struct mutex *m)
{
	order_check(m);
	CHECK(pthread_mutex_lock(&m->native) == 0);
	held_push(m);
}

NO_THREAD_SAFETY_ANALYSIS void mutex_unlock(struct mutex *m)
{
	held_pop(m);
	CHECK(pthread_mutex_unlock(&m->native) == 0);
}

NO_THREAD_SAFETY_ANALYSIS void mutex_assert_held(const struct mutex *m)
{
#ifndef NDEBUG
	CHECK(held_index(m) >= 0);
#else
	(void)m;
#endif
}

void cond_init(struct cond *c)
{
	pthread_condattr_t attr;

	CHECK(pthread_condattr_init(&attr) == 0);
	CHECK(pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) == 0);
	CHECK(pthread_cond_init(&c->native, &attr) == 0);
	CHECK(pthread_condattr_destroy(&attr) == 0);
}

void cond_destroy(struct cond *c)
{
	CHECK(pthread_cond_destroy(&c->native) == 0);
}

void cond_wait(struct cond *c, struct mutex *m)
{
	held_pop(m);
	order_check(m); /* waking takes the mutex again: nothing above it may be held meanwhile */
	CHECK(pthread_cond_wait(&c->native, &m->native) == 0);
	held_push(m);
}

bool cond_wait_until(struct cond *c, struct mutex *m, int64_t deadline_ms)
{
	int64_t at = deadline_ms > 0 ? deadline_ms : 0;
	struct timespec deadline = {.tv_sec = (time_t)(at / 1000), .tv_nsec = (long)(at % 1000) * 1000000};
	int r;

	held_pop(m);
	order_check(m);
	r = pthread_cond_timedwait(&c->native, &m->native, &deadline);
	held_push(m);
	CHECK(r == 0 || r == ETIMEDOUT);
	return r == ETIMEDOUT;
}

void cond_signal(struct cond *c)
{
	CHECK(pthread_cond_signal(&c->native) == 0);
}

void cond_broadcast(struct cond *c)
{
	CHECK(pthread_cond_broadcast(&c->native) == 0);
}

/* What a new thread needs before it is itself; freed by it. */
struct start {
	void *(*run)(void *);
	void *arg;
	char name[NAME_BYTES];
};

static void *thread_main(void *p)
{
	struct start start = *(struct start *)p;
	void *stack, *result;

	free(p);
	thread_set_name(start.name);
	stack = crash_stack_begin();
	result = start.run(start.arg);
	/* Until here `start` is in memory: a core file has the names of threads nowhere else. */
	__asm__ volatile("" : : "r"(&start) : "memory");
	crash_stack_end(stack);
	return result;
}

/* The new thread inherits the mask, so it never sees a signal that main waits for, not even in its first instruction.
 */
static int create_masked(pthread_t *native, const pthread_attr_t *attr, struct start *start)
{
	sigset_t mask, old;
	int r;

	CHECK(sigfillset(&mask) == 0);
	for (size_t i = 0; i < 6; i++) {
		static const int faults[6] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP};

		CHECK(sigdelset(&mask, faults[i]) == 0);
	}
	CHECK(pthread_sigmask(SIG_SETMASK, &mask, &old) == 0);
	r = pthread_create(native, attr, thread_main, start);
	CHECK(pthread_sigmask(SIG_SETMASK, &old, NULL) == 0);
	return r;
}

int thread_start(struct thread *t, const char *name, void *(*run)(void *), void *arg)
{
	struct start *start = malloc(sizeof(*start));
	pthread_attr_t attr;
	int r;

	if (!start)
		return -ENOMEM;
	start->run = run;
	start->arg = arg;
	snprintf(start->name, sizeof(start->name), "%.*s", NAME_BYTES - 1, name);

	CHECK(pthread_attr_init(&attr) == 0);
	CHECK(pthread_attr_setstacksize(&attr, STACK_BYTES) == 0);
	t->started = true;
	r = create_masked(&t->native, &attr, start);
	CHECK(pthread_attr_destroy(&attr) == 0);
	if (r) {
		t->started = false;
		free(start);
		return -r;
	}
	return 0;
}

void thread_join(struct thread *t)
{
	CHECK(t->started);
	CHECK(!pthread_equal(t->native, pthread_self()));
	CHECK(pthread_join(t->native, NULL) == 0);
	t->started = false;
}

void thread_set_name(const char *name)
{
	char cut[NAME_BYTES];

	snprintf(cut, sizeof(cut), "%.*s", NAME_BYTES - 1, name);
	CHECK(pthread_setname_np(pthread_self(), cut) == 0);
}
