/* SPDX-License-Identifier: MIT
 *
 * What this process takes of the machine, as /proc tells.
 *
 * Thread safety: any thread.
 */
#ifndef TIMED_UTIL_PROCESS_H
#define TIMED_UTIL_PROCESS_H

#include <stdint.h>

struct process_usage {
	double cpu_s;		 /* processor time, all threads */
	uint64_t threads;
	uint64_t open_files, max_files; /* descriptors, and their limit */
};

/* What cannot be read is 0. */
void process_usage(struct process_usage *out);

#endif
