/* SPDX-License-Identifier: MIT
 *
 * Contradicting certificates; see halt.h.
 */
#include "halt.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "node_impl.h"
#include "timed/node/data_dir.h"
#include "timed/util/file.h"
#include "timed/util/log.h"

#define HALT_FILE "halted"
#define PATH_SIZE 4096

int halt_check(const char *data_dir, char error[NODE_ERROR_SIZE])
{
	char path[PATH_SIZE], *text = NULL;
	size_t len;
	int r;

	snprintf(path, sizeof(path), "%s/" HALT_FILE, data_dir);
	r = file_read(&text, &len, path, NODE_ERROR_SIZE - 1);
	if (r == -ENOENT)
		return 0;
	if (r)
		snprintf(error, NODE_ERROR_SIZE, "The file %.512s forbids to start, and cannot be read: %s", path,
			 strerror(-r));
	else
		snprintf(error, NODE_ERROR_SIZE, "%.*s", (int)strcspn(text, "\n"), text);
	free(text);
	return EXIT_CONFLICT;
}

/* Our hash at `height`, where it contradicts the other one. */
static bool is_conflict(struct node *node, struct wire_hash *ours, uint64_t height, const struct wire_hash *hash)
{
	struct chain_view *view;
	bool conflict;

	if (!block_needs_certificate(&node->chain_params, height))
		return false;
	view = node_chain_view(node);
	conflict = height <= chain_view_summary(view)->tip.height && chain_view_hash(view, ours, height) == 0 &&
		   !hash_equal(ours, hash);
	chain_view_unref(view);
	return conflict;
}

bool halt_if_conflicting(struct node *node, uint64_t height, const struct wire_hash *hash)
{
	const char *dir = node->config->storage.data_dir;
	char text[NODE_ERROR_SIZE], path[PATH_SIZE], a[HASH_TEXT_SIZE], b[HASH_TEXT_SIZE];
	struct wire_hash ours;
	int r;

	if (!is_conflict(node, &ours, height, hash))
		return false;
	if (data_dir_database(path, sizeof(path), dir))
		snprintf(path, sizeof(path), "the database in %.256s", dir);
	snprintf(text, sizeof(text),
		 "TWO CERTIFICATES AT HEIGHT %" PRIu64
		 ": our chain has block %s, another certificate is for block %s.  A third "
		 "of the validators have signed both, or their keys are in other hands.  Find out with the other "
		 "operators "
		 "which block counts; if it is not ours, remove %.270s; then remove %.256s/" HALT_FILE
		 " and start again",
		 height, hash_text(a, &ours), hash_text(b, hash), path, dir);
	snprintf(path, sizeof(path), "%s/" HALT_FILE, dir);
	if (atomic_exchange(&node->halted, true))
		return true;
	r = file_write_atomic(path, text, strlen(text), 0600);
	node_request_stop(node, EXIT_CONFLICT, text);
	if (r)
		log_error(LOG_NODE, "%s cannot be written, so nothing keeps the node from starting again: %s", path,
			  strerror(-r));
	return true;
}
