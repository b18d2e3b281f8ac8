// SPDX-License-Identifier: MIT
/* The chain of a data directory that no node runs on: see offline.h. */
#include "timed/node/offline.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include "timed/node/data_dir.h"
#include "timed/util/file.h"

#define PATH_SIZE 4096
#define BRANCH_BYTES ((size_t)256 << 20)
#define OVERLAY_BYTES ((size_t)64 << 20)
/* PROTOCOL.md §6 */
#define MAX_REORG_DEPTH 1000
#define WARN_REORG_DEPTH 100

struct offline {
	int lock_fd; /* negative: none */
	struct chain_params params;
	struct genesis genesis;
	struct chain_store_params chain_params;
	struct store *store;
	struct chain_store *chain;
};

/* Not inlined: two paths would be on the stack at once. */
__attribute__((noinline)) static bool holds_database(const char *data_dir)
{
	static const char current[] = "/CURRENT";
	char path[PATH_SIZE];

	if (data_dir_database(path, sizeof(path) - sizeof(current), data_dir))
		return false;
	strcat(path, current);
	return access(path, F_OK) == 0;
}

static int open_directory(struct offline *offline, char text[OFFLINE_TEXT_SIZE], const struct offline_params *params)
{
	char path[PATH_SIZE];
	pid_t holder = 0;
	int r = 0;

	if (!params->create && !holds_database(params->data_dir)) {
		snprintf(text, OFFLINE_TEXT_SIZE, "data directory %s holds no database: %s", params->data_dir,
			 strerror(errno));
		return STORE_E_NOT_FOUND;
	}
	if (params->create)
		r = file_make_directories(params->data_dir, 0700);
	if (!r) {
		snprintf(path, sizeof(path), "%s/.lock", params->data_dir);
		offline->lock_fd = file_lock(path, &holder);
		r = offline->lock_fd < 0 ? offline->lock_fd : 0;
	}
	if (r == -EWOULDBLOCK) {
		snprintf(text, OFFLINE_TEXT_SIZE, "data directory %s is in use by process %d: stop it first",
			 params->data_dir, (int)holder);
		return STORE_E_LOCKED;
	}
	if (r)
		snprintf(text, OFFLINE_TEXT_SIZE, "data directory %s: %s", params->data_dir, strerror(-r));
	return r ? STORE_E_IO : 0;
}

static int open_chain(struct offline *offline, char text[OFFLINE_TEXT_SIZE], const struct offline_params *params)
{
	char dir[PATH_SIZE];
	struct store_failure failure;
	const struct store_params store_params = {
		.dir = dir,
		.memory = params->memory,
		.recover_wal = params->recover_wal,
		.network = offline->params.name,
		.genesis_hash = offline->params.genesis_hash,
		.cache_bytes = params->cache_bytes,
	};
	int r = data_dir_database(dir, sizeof(dir), params->data_dir);

	if (r) {
		snprintf(text, OFFLINE_TEXT_SIZE, "data directory %s: %s", params->data_dir, strerror(-r));
		return STORE_E_IO;
	}
	offline->chain_params = (struct chain_store_params){
		.chain = &offline->params,
		.genesis = &offline->genesis,
		.max_reorg_depth = MAX_REORG_DEPTH,
		.warn_reorg_depth = WARN_REORG_DEPTH,
		.branch_bytes = BRANCH_BYTES,
		.overlay_bytes = OVERLAY_BYTES,
		.reindex = params->reindex,
		.progress = params->progress,
		.user = params->user,
	};
	r = store_open(&offline->store, &failure, &store_params);
	if (!r)
		r = chain_store_open(&offline->chain, &failure, offline->store, &offline->chain_params);
	if (r)
		snprintf(text, OFFLINE_TEXT_SIZE, "%s", r > 0 ? failure.text : strerror(-r));
	return r;
}

int offline_open(struct offline **out, char text[OFFLINE_TEXT_SIZE], const struct offline_params *params)
{
	struct offline *offline = calloc(1, sizeof(*offline));
	int r;

	if (!offline) {
		snprintf(text, OFFLINE_TEXT_SIZE, "out of memory");
		return STORE_E_IO;
	}
	offline->lock_fd = -1;
	offline->params = *params->chain;
	genesis_make_for(&offline->genesis, &offline->params);
	r = open_directory(offline, text, params);
	if (!r)
		r = open_chain(offline, text, params);
	if (r) {
		offline_close(offline);
		return r;
	}
	*out = offline;
	return 0;
}

void offline_close(struct offline *offline)
{
	if (!offline)
		return;
	chain_store_close(offline->chain);
	if (offline->store)
		store_close(offline->store);
	if (offline->lock_fd >= 0)
		close(offline->lock_fd);
	free(offline);
}

struct chain_store *offline_chain(struct offline *offline)
{
	return offline->chain;
}

const struct chain_params *offline_chain_params(const struct offline *offline)
{
	return &offline->params;
}

const struct genesis *offline_genesis(const struct offline *offline)
{
	return &offline->genesis;
}
