/* SPDX-License-Identifier: MIT
 *
 * The memory account; see mem_budget.h.
 */
#include "timed/net/mem_budget.h"

#include "timed/util/thread.h"

void mem_budget_init(struct mem_budget *b, size_t limit_bytes)
{
	atomic_init(&b->used, 0);
	for (int i = 0; i < MEM_USER_COUNT; i++)
		atomic_init(&b->users[i], 0);
	b->limit = limit_bytes;
	atomic_init(&b->refused, false);
}

bool mem_budget_take(struct mem_budget *b, enum mem_user user, size_t bytes)
{
	size_t limit = user == MEM_CONNECTIONS ? b->limit - b->limit / 8 : b->limit;
	size_t used = atomic_load_explicit(&b->used, memory_order_relaxed);

	do {
		if (bytes > limit || used > limit - bytes) {
			if (user != MEM_CONNECTIONS)
				atomic_store_explicit(&b->refused, true, memory_order_relaxed);
			return false;
		}
	} while (!atomic_compare_exchange_weak_explicit(&b->used, &used, used + bytes, memory_order_relaxed,
							memory_order_relaxed));
	atomic_fetch_add_explicit(&b->users[user], bytes, memory_order_relaxed);
	return true;
}

void mem_budget_give(struct mem_budget *b, enum mem_user user, size_t bytes)
{
	size_t of_user = atomic_fetch_sub_explicit(&b->users[user], bytes, memory_order_relaxed);
	size_t before = atomic_fetch_sub_explicit(&b->used, bytes, memory_order_relaxed);

	CHECK(before >= bytes && of_user >= bytes);
}

static size_t reserved(size_t held)
{
	return held > MEM_ACCOUNT_FREE_BYTES ? held - MEM_ACCOUNT_FREE_BYTES : 0;
}

bool mem_account_take(struct mem_account *a, size_t bytes)
{
	size_t more = reserved(a->held + bytes) - reserved(a->held);

	if (more > 0 && !mem_budget_take(a->budget, MEM_CONNECTIONS, more))
		return false;
	a->held += bytes;
	return true;
}

void mem_account_give(struct mem_account *a, size_t bytes)
{
	size_t less;

	CHECK(a->held >= bytes);
	less = reserved(a->held) - reserved(a->held - bytes);
	if (less > 0)
		mem_budget_give(a->budget, MEM_CONNECTIONS, less);
	a->held -= bytes;
}
