// SPDX-License-Identifier: MIT
#include "timed/util/stop_signal.h"

#include <time.h>

#include "timed/util/thread.h"

void stop_signal_set(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGINT);
}

bool stop_signal_taken(void)
{
	static const struct timespec at_once;
	sigset_t set;

	stop_signal_set(&set);
	if (sigtimedwait(&set, NULL, &at_once) < 0)
		return false;
	stop_signal_restore();
	return true;
}

void stop_signal_restore(void)
{
	sigset_t set;

	stop_signal_set(&set);
	CHECK(signal(SIGTERM, SIG_DFL) != SIG_ERR && signal(SIGINT, SIG_DFL) != SIG_ERR);
	CHECK(pthread_sigmask(SIG_UNBLOCK, &set, NULL) == 0);
}
