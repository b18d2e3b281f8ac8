// SPDX-License-Identifier: MIT
/*
 * What the node holds in memory, gathered from where each part counts it: the kernel, malloc, the budget of the peers,
 * the pool, the database.
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "node_impl.h"
#include "timed/node/pool_query.h"
#include "timed/util/clock.h"

/* Lines of /proc/self/status, in KiB there; a line that is missing leaves 0. */
static void read_status(struct node_memory *out)
{
	const struct {
		const char *name;
		uint64_t *bytes;
	} wanted[] = {{"VmRSS:", &out->resident}, {"VmHWM:", &out->resident_peak}, {"VmLck:", &out->locked}};
	FILE *file = fopen("/proc/self/status", "re");
	char line[256];

	while (file && fgets(line, sizeof(line), file)) {
		for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
			size_t len = strlen(wanted[i].name);

			if (strncmp(line, wanted[i].name, len) == 0)
				*wanted[i].bytes = strtoull(line + len, NULL, 10) * 1024;
		}
	}
	if (file)
		fclose(file);
}

void node_get_memory(struct node *node, struct node_memory *out)
{
	const struct mem_budget *budget = net_budget(node->net);
	struct mallinfo2 heap = mallinfo2();
	struct pool_summary pool;
	struct rlimit limit;

	memset(out, 0, sizeof(*out));
	read_status(out);
	out->locked_limit = UINT64_MAX;
	if (getrlimit(RLIMIT_MEMLOCK, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY)
		out->locked_limit = limit.rlim_cur;
	out->heap_used = heap.uordblks + heap.hblkhd;
	out->heap_free = heap.fordblks;
	out->budget_used = atomic_load(&budget->used);
	out->budget_limit = budget->limit;
	for (int i = 0; i < MEM_USER_COUNT; i++)
		out->budget_users[i] = atomic_load(&budget->users[i]);
	pool_summarize(node->pool, &pool, clock_real_s());
	out->pool_used = pool.usage_bytes;
	out->pool_limit = pool.max_bytes;
	store_get_memory(node->store, &out->store);
}
