// SPDX-License-Identifier: MIT
/* See process.h. */
#include "timed/util/process.h"

#include <dirent.h>
#include <string.h>
#include <sys/resource.h>

static uint64_t entries_of(const char *path)
{
	DIR *dir = opendir(path);
	uint64_t count = 0;

	if (!dir)
		return 0;
	for (const struct dirent *entry; (entry = readdir(dir));)
		count += entry->d_name[0] != '.';
	closedir(dir);
	return count;
}

void process_usage(struct process_usage *out)
{
	struct rusage usage;
	struct rlimit files;

	memset(out, 0, sizeof(*out));
	if (getrusage(RUSAGE_SELF, &usage) == 0)
		out->cpu_s = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
			     (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
	if (getrlimit(RLIMIT_NOFILE, &files) == 0)
		out->max_files = files.rlim_cur;
	out->threads = entries_of("/proc/self/task");
	out->open_files = entries_of("/proc/self/fd");
	out->open_files -= out->open_files > 0; /* the one that was just used */
}
