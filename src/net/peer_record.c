// SPDX-License-Identifier: MIT
/* Between connections and the recorder: see peer_record.h, and timed/net/wire_record.h for on and off. */
#include "peer_record.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/uio.h>

#include "net_impl.h"
#include "peer_impl.h"
#include "peer_table.h"
#include "recorder.h"
#include "timed/net/wire_record.h"

static bool is_recorded(const struct peer *peer)
{
	return atomic_load_explicit(&peer->recorded, memory_order_relaxed);
}

static struct record_piece piece_of(const struct peer *peer, enum record_kind kind)
{
	return (struct record_piece){
		.kind = kind,
		.connection = peer->id,
		.direction = peer->direction,
		.addr = peer->addr,
	};
}

void peer_record_open(struct peer *peer)
{
	struct record_piece piece = piece_of(peer, RECORD_OPEN);

	if (!recorder_has(net_recorder(peer->net), &peer->addr.ip))
		return;
	recorder_put(net_recorder(peer->net), &piece);
	atomic_store_explicit(&peer->recorded, true, memory_order_relaxed);
}

void peer_record_received(struct peer *peer, const uint8_t *bytes, size_t len, bool mid_line)
{
	struct record_piece piece;

	if (!is_recorded(peer))
		return;
	piece = piece_of(peer, RECORD_BYTES);
	piece.side = RECORD_PEER;
	piece.mid_line = mid_line;
	piece.bytes = bytes;
	piece.len = len;
	recorder_put(net_recorder(peer->net), &piece);
}

void peer_record_sent(struct peer *peer, const struct iovec *iov, size_t len, bool mid_line)
{
	struct record_piece piece;

	if (!is_recorded(peer))
		return;
	piece = piece_of(peer, RECORD_BYTES);
	piece.side = RECORD_US;
	piece.mid_line = mid_line;
	for (; len > 0; iov++) {
		piece.bytes = iov->iov_base;
		piece.len = iov->iov_len < len ? iov->iov_len : len;
		len -= piece.len;
		recorder_put(net_recorder(peer->net), &piece);
		piece.mid_line = false;
	}
}

void peer_record_close(struct peer *peer)
{
	struct record_piece piece;

	if (!is_recorded(peer))
		return;
	piece = piece_of(peer, RECORD_CLOSE);
	piece.reason = (enum peer_close_reason)atomic_load(&peer->close_reason);
	recorder_put(net_recorder(peer->net), &piece);
}

/* Connections that are there already. */
static void set_recorded(struct net *net, const struct net_ip *ip, bool recorded)
{
	struct peer **peers;
	size_t n = peer_table_list(net_table(net), &peers, true);

	for (size_t i = 0; i < n; i++) {
		if (net_ip_equal(&peers[i]->addr.ip, ip))
			atomic_store_explicit(&peers[i]->recorded, recorded, memory_order_relaxed);
		peer_unref(peers[i]);
	}
	free(peers);
}

int net_record_on(struct net *net, const struct net_ip *ip, const char *directory, uint64_t max_bytes,
		  char path[WIRE_RECORD_PATH_SIZE])
{
	int r = max_bytes < WIRE_RECORD_MIN_BYTES ? -EINVAL
						  : recorder_start(net_recorder(net), ip, directory, max_bytes, path);

	if (!r)
		set_recorded(net, ip, true);
	return r;
}

int net_record_off(struct net *net, const struct net_ip *ip, int64_t wait_ms, struct wire_record_result *out)
{
	int r = recorder_stop(net_recorder(net), ip, wait_ms, out);

	if (!r && !recorder_has(net_recorder(net), ip))
		set_recorded(net, ip, false);
	return r;
}
