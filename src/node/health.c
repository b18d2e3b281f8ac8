/* SPDX-License-Identifier: MIT
 *
 * The verdict on the node; see health.h.  Its facts are collected in health_facts.c.
 */
#include "timed/node/health.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

/* Less is left than a compaction of the database may need, or than a person should be told of. */
#define DISK_FULL_BYTES ((uint64_t)512 << 20)
#define DISK_LOW_BYTES ((uint64_t)4 << 30)
/* So many rounds are more than one dead leader. */
#define MANY_ROUNDS 5
/* Part of the memory budget. */
#define MEMORY_HIGH_PERCENT 90

static const char *const names[HEALTH_CODE_COUNT] = {
	[HEALTH_HALTED] = "halted",
	[HEALTH_STOPPING] = "stopping",
	[HEALTH_STORE_FAILED] = "store-failed",
	[HEALTH_CHAIN_STUCK] = "chain-stuck",
	[HEALTH_ACCEPTOR_STUCK] = "acceptor-stuck",
	[HEALTH_CONSENSUS_STUCK] = "consensus-stuck",
	[HEALTH_KEEPER_STUCK] = "keeper-stuck",
	[HEALTH_DISK_NEARLY_FULL] = "disk-nearly-full",
	[HEALTH_NO_PEERS] = "no-peers",
	[HEALTH_SYNCING] = "syncing",
	[HEALTH_TIP_OLD] = "tip-old",
	[HEALTH_DISK_LOW] = "disk-low",
	[HEALTH_CLOCK_SKEW] = "clock-skew",
	[HEALTH_NETWORK_OFF] = "network-off",
	[HEALTH_OBSERVING] = "observing",
	[HEALTH_MANY_ROUNDS] = "many-rounds",
	[HEALTH_EQUIVOCATION] = "equivocation",
	[HEALTH_MASTERNODE_OFFLINE] = "masternode-offline",
	[HEALTH_MEMORY_HIGH] = "memory-high",
	[HEALTH_LOG_DROPPED] = "log-dropped",
};

const char *health_code_name(enum health_code code)
{
	return (unsigned)code < HEALTH_CODE_COUNT ? names[code] : NULL;
}

bool health_code_is_failure(enum health_code code)
{
	return code <= HEALTH_TIP_OLD;
}

__attribute__((format(printf, 3, 4))) static void add(struct health *health, enum health_code code, const char *format,
						      ...)
{
	struct health_finding *finding = &health->items[health->count++];
	va_list list;

	finding->code = code;
	va_start(list, format);
	vsnprintf(finding->text, sizeof(finding->text), format, list);
	va_end(list);
	if (health_code_is_failure(code))
		health->ok = false;
}

static void judge_thread(struct health *h, enum watched which, const struct watchdog_thread *thread)
{
	if (thread->hung)
		add(h, HEALTH_CHAIN_STUCK + which, "The thread %s has made no progress for %" PRId64 " s (%s)",
		    thread->name, thread->silent_ms / 1000, thread->doing);
}

static void judge_process(struct health *h, const struct health_facts *f)
{
	if (f->halted)
		add(h, HEALTH_HALTED,
		    "Two certificates for one height were seen: the node has halted until people have "
		    "decided; the log and the file halted in the data directory say more");
	if (f->stopping)
		add(h, HEALTH_STOPPING, "The node is stopping");
	if (f->store_failure[0])
		add(h, HEALTH_STORE_FAILED, "The database has failed: %s", f->store_failure);
	for (int i = 0; i < WATCHED_COUNT; i++)
		judge_thread(h, (enum watched)i, &f->watchdog.thread[i]);
	if (f->disk_known && f->disk_free_bytes < DISK_FULL_BYTES)
		add(h, HEALTH_DISK_NEARLY_FULL, "Only %" PRIu64 " MiB are free where the data directory is",
		    f->disk_free_bytes >> 20);
}

static void judge_network(struct health *h, const struct health_facts *f)
{
	if (f->peers == 0)
		add(h, HEALTH_NO_PEERS, "No peer is connected");
	if (f->tip_age_s <= f->tip_max_age_s)
		return;
	if (f->syncing && f->target > f->height)
		add(h, HEALTH_SYNCING, "Fetching blocks: %" PRIu64 " of %" PRIu64, f->height, f->target);
	else
		add(h, HEALTH_TIP_OLD, "The best block, %" PRIu64 ", is %" PRId64 " s old: more than %" PRId64 " s",
		    f->height, f->tip_age_s, f->tip_max_age_s);
}

static void warn_machine(struct health *h, const struct health_facts *f)
{
	bool skewed = f->clock_offset_s > f->clock_max_offset_s || f->clock_offset_s < -f->clock_max_offset_s;

	if (f->disk_known && f->disk_free_bytes >= DISK_FULL_BYTES && f->disk_free_bytes < DISK_LOW_BYTES)
		add(h, HEALTH_DISK_LOW, "%" PRIu64 " MiB are free where the data directory is",
		    f->disk_free_bytes >> 20);
	if (f->clock_known && skewed)
		add(h, HEALTH_CLOCK_SKEW, "The clock of this machine is %" PRId64 " s %s that of its peers",
		    f->clock_offset_s > 0 ? f->clock_offset_s : -f->clock_offset_s,
		    f->clock_offset_s > 0 ? "behind" : "ahead of");
}

static void warn_node(struct health *h, const struct health_facts *f)
{
	if (f->network_off)
		add(h, HEALTH_NETWORK_OFF, "The network was switched off (setnetworkactive)");
	if (f->observing)
		add(h, HEALTH_OBSERVING, "This masternode signs nothing yet, since its file votes is missing");
	if (f->round >= MANY_ROUNDS)
		add(h, HEALTH_MANY_ROUNDS, "Agreement on the next block is in round %" PRIu64, f->round);
	if (f->equivocations > 0)
		add(h, HEALTH_EQUIVOCATION,
		    "Validators have contradicted themselves %" PRIu64 " times since the start: see getconsensusinfo",
		    f->equivocations);
	if (f->is_masternode && !f->masternode_active)
		add(h, HEALTH_MASTERNODE_OFFLINE, "Our masternode is not active");
	if (f->memory_limit_bytes > 0 && f->memory_used_bytes > f->memory_limit_bytes / 100 * MEMORY_HIGH_PERCENT)
		add(h, HEALTH_MEMORY_HIGH, "Peers use %" PRIu64 " of %" PRIu64 " MiB of their memory",
		    f->memory_used_bytes >> 20, f->memory_limit_bytes >> 20);
	if (f->log_dropped > 0)
		add(h, HEALTH_LOG_DROPPED, "%" PRIu64 " lines of the log were lost: its disk is full or too slow",
		    f->log_dropped);
}

void health_judge(struct health *out, const struct health_facts *facts)
{
	out->ok = true;
	out->count = 0;
	judge_process(out, facts);
	judge_network(out, facts);
	warn_machine(out, facts);
	warn_node(out, facts);
}

const struct health_finding *health_find(const struct health *health, enum health_code code)
{
	for (size_t i = 0; i < health->count; i++) {
		if (health->items[i].code == code)
			return &health->items[i];
	}
	return NULL;
}
