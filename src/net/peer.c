/* SPDX-License-Identifier: MIT
 *
 * A connection as others see it: counting, sending, closing, describing; see peer.h.  No sender ever waits for a socket:
 * what does not leave at once is queued, and the worker is woken.
 */
#include "timed/net/peer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sodium.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "faults.h"
#include "net_impl.h"
#include "peer_impl.h"
#include "peer_record.h"
#include "peer_table.h"
#include "traffic.h"
#include "timed/net/frame.h"
#include "timed/net/net.h"
#include "timed/util/clock.h"
#include "timed/util/crash.h"
#include "timed/util/probe.h"
#include "timeproto/wire/json.h"

/* A frame no longer than this may be sent by the thread that made it. */
#define DIRECT_SEND_BYTES 16384
/* What the scratch buffer begins with: most messages fit, and growing by steps would leave each step in the thread's
 * malloc cache. */
#define SCRATCH_FIRST_BYTES 512
/* Pongs that wait behind answers; those of a peer that pings without reading are dropped. */
#define MAX_PONGS_BEHIND_ANSWERS 64
/* What the scratch buffer keeps between messages. */
#define SCRATCH_KEEP_BYTES 1024
/* Addresses a peer may tell us unasked: this many at once, refilled at this rate. */
#define ADDRESS_BURST 1000
#define ADDRESS_PER_MINUTE 60

const char *peer_direction_name(enum peer_direction direction)
{
	return direction == PEER_INBOUND ? "Inbound" : "Outbound";
}

const char *peer_state_name(enum peer_state state)
{
	static const char *const names[] = {
		[PEER_CONNECTING] = "connecting",
		[PEER_HANDSHAKE] = "handshake",
		[PEER_READY] = "ready",
		[PEER_CLOSING] = "closing",
	};

	return names[state];
}

const char *peer_close_reason_name(enum peer_close_reason reason)
{
	static const char *const names[PEER_CLOSE_COUNT] = {
		[PEER_CLOSE_NONE] = "none",
		[PEER_CLOSE_TIMEOUT] = "timeout",
		[PEER_CLOSE_HANDSHAKE_TIMEOUT] = "handshake timeout",
		[PEER_CLOSE_CONNECT_FAILED] = "connect failed",
		[PEER_CLOSE_EOF] = "eof",
		[PEER_CLOSE_RESET] = "reset",
		[PEER_CLOSE_WRONG_MAGIC] = "wrong magic",
		[PEER_CLOSE_WRONG_VERSION] = "wrong version",
		[PEER_CLOSE_OLD_PROTOCOL] = "old protocol",
		[PEER_CLOSE_NOT_HANDSHAKE] = "not a handshake",
		[PEER_CLOSE_DUPLICATE] = "duplicate",
		[PEER_CLOSE_TIE_BREAK] = "tie-break",
		[PEER_CLOSE_REPLACED] = "replaced",
		[PEER_CLOSE_YIELDED] = "yielded",
		[PEER_CLOSE_SELF] = "self",
		[PEER_CLOSE_WRONG_CHAIN] = "wrong chain",
		[PEER_CLOSE_BANNED] = "banned",
		[PEER_CLOSE_MALFORMED] = "malformed",
		[PEER_CLOSE_LINE_TOO_LONG] = "line too long",
		[PEER_CLOSE_SLOW_CONSUMER] = "slow consumer",
		[PEER_CLOSE_TURNAROUND] = "turnaround",
		[PEER_CLOSE_FULL] = "full",
		[PEER_CLOSE_EVICTED] = "evicted",
		[PEER_CLOSE_MEMORY] = "memory",
		[PEER_CLOSE_SHUTDOWN] = "shutdown",
		[PEER_CLOSE_OPERATOR] = "operator",
		[PEER_CLOSE_NETWORK_OFF] = "network off",
	};

	return names[reason];
}

static bool arena_take(void *user, size_t bytes)
{
	struct peer *peer = user;

	return mem_account_take(&peer->memory, bytes);
}

static void arena_give(void *user, size_t bytes)
{
	struct peer *peer = user;

	mem_account_give(&peer->memory, bytes);
}

struct peer *peer_new(struct net *net, const struct net_addr *addr, enum peer_direction direction, int fd, bool manual)
{
	struct peer *peer = calloc(1, sizeof(*peer));
	int wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	size_t first_line_bytes = net_params(net)->max_frame_bytes;

	if (!peer || wake_fd < 0) {
		if (wake_fd >= 0)
			close(wake_fd);
		close(fd);
		free(peer);
		return NULL;
	}
	peer->net = net;
	peer->id = net_next_peer_id(net);
	peer->addr = *addr;
	net_ip_text(peer->ip_text, &addr->ip);
	peer->direction = direction;
	peer->manual = manual;
	peer->started_ms = clock_mono_ms();
	peer->started_s = clock_real_s();
	atomic_init(&peer->refs, 1);
	atomic_init(&peer->state, direction == PEER_OUTBOUND ? PEER_CONNECTING : PEER_HANDSHAKE);
	atomic_init(&peer->kept, manual);
	atomic_init(&peer->stats.ping_us, -1);
	atomic_init(&peer->stats.min_ping_us, -1);
	atomic_init(&peer->stats.ping_since_ms, -1);
	mutex_init(&peer->out, "peer.out", MUTEX_RANK_PEER_OUT);
	peer->fd = fd;
	peer->wake_fd = wake_fd;
	peer->progress_ms = peer->started_ms;
	if (direction == PEER_INBOUND && first_line_bytes > PEER_FIRST_LINE_BYTES)
		first_line_bytes = PEER_FIRST_LINE_BYTES;
	line_reader_init(&peer->reader, first_line_bytes);
	peer->memory.budget = net_budget(net);
	peer->arena_budget = (struct arena_budget){arena_take, arena_give, peer};
	arena_init(&peer->arena, net_params(net)->memory_budget_bytes, &peer->arena_budget);
	return peer;
}

struct peer *peer_ref(struct peer *peer)
{
	atomic_fetch_add_explicit(&peer->refs, 1, memory_order_relaxed);
	return peer;
}

void peer_unref(struct peer *peer)
{
	if (!peer || atomic_fetch_sub_explicit(&peer->refs, 1, memory_order_acq_rel) != 1)
		return;
	CHECK(peer->fd < 0);
	mutex_destroy(&peer->out);
	free(peer);
}

void peer_close_fds(struct peer *peer)
{
	int fd, wake_fd;

	mutex_lock(&peer->out);
	fd = peer->fd;
	wake_fd = peer->wake_fd;
	peer->fd = peer->wake_fd = -1;
	out_queue_free(&peer->queue);
	mutex_unlock(&peer->out);
	close(fd);
	close(wake_fd);
}

struct net *peer_net(const struct peer *peer)
{
	return peer->net;
}

void *peer_user(const struct peer *peer)
{
	return net_user(peer->net);
}

bool peer_time_offset(const struct peer *peer, int64_t *offset_s)
{
	if (!atomic_load(&peer->stats.has_time_offset))
		return false;
	*offset_s = atomic_load(&peer->stats.time_offset_s);
	return true;
}

uint64_t peer_id(const struct peer *peer)
{
	return peer->id;
}

const struct net_ip *peer_ip(const struct peer *peer)
{
	return &peer->addr.ip;
}

const char *peer_ip_text(const struct peer *peer)
{
	return peer->ip_text;
}

struct log_limit *peer_log_limit(struct peer *peer)
{
	return &peer->log_limit;
}

enum peer_direction peer_direction(const struct peer *peer)
{
	return peer->direction;
}

enum peer_state peer_get_state(const struct peer *peer)
{
	return (enum peer_state)atomic_load_explicit(&peer->state, memory_order_acquire);
}

static void wake_locked(struct peer *peer) REQUIRES(peer->out)
{
	uint64_t one = 1;

	/* A full counter wakes as well as one: nothing to do about a short write. */
	if (peer->wake_fd >= 0 && write(peer->wake_fd, &one, sizeof(one)) < 0)
		CHECK(errno == EAGAIN);
}

void peer_wake(struct peer *peer)
{
	mutex_lock(&peer->out);
	wake_locked(peer);
	mutex_unlock(&peer->out);
}

size_t peer_queue_bytes(struct peer *peer)
{
	size_t bytes;

	mutex_lock(&peer->out);
	bytes = out_queue_bytes(&peer->queue);
	mutex_unlock(&peer->out);
	return bytes;
}

static void count_sent(struct peer *peer, enum wire_type type, size_t bytes)
{
	PROBE_MESSAGE_OUT(peer->ip_text, wire_type_name(type), bytes, peer->id);
	atomic_fetch_add_explicit(&peer->stats.sent_per_type[type], bytes, memory_order_relaxed);
	traffic_message(net_traffic(peer->net), peer->id, TRAFFIC_SENT, type, bytes);
}

void peer_take_message(struct peer *peer, enum wire_type type, size_t bytes, bool again)
{
	const char *name = wire_type_name(type);

	crash_set_message(name, bytes);
	if (!again) {
		PROBE_MESSAGE_IN(peer->ip_text, name, bytes, peer->id);
		atomic_fetch_add_explicit(&peer->stats.received_per_type[type], bytes, memory_order_relaxed);
		traffic_message(net_traffic(peer->net), peer->id, TRAFFIC_RECEIVED, type, bytes);
	}
	faults_handled(peer);
}

void peer_end_message(struct peer *peer)
{
	arena_reset(&peer->arena);
	crash_set_message(NULL, 0);
}

static void progress_locked(struct peer *peer, size_t bytes) REQUIRES(peer->out)
{
	peer->progress_ms = clock_mono_ms();
	atomic_fetch_add_explicit(&peer->stats.bytes_sent, bytes, memory_order_relaxed);
	traffic_bytes(net_traffic(peer->net), peer->id, TRAFFIC_SENT, bytes);
	atomic_store_explicit(&peer->stats.last_send_s, clock_real_s(), memory_order_relaxed);
}

/* One frame alone, as most are, needs less of the kernel. */
static ssize_t send_iov(int fd, struct iovec *iov, size_t count)
{
	const struct msghdr msg = {.msg_iov = iov, .msg_iovlen = count};

	if (count == 1)
		return send(fd, iov->iov_base, iov->iov_len, MSG_DONTWAIT | MSG_NOSIGNAL);
	return sendmsg(fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
}

int peer_flush(struct peer *peer)
{
	struct iovec iov[OUT_QUEUE_IOV];
	int r = 0;

	mutex_lock(&peer->out);
	for (;;) {
		int count = out_queue_iov(&peer->queue, iov);
		ssize_t n;

		if (count == 0 || peer->fd < 0)
			break;
		n = send_iov(peer->fd, iov, (size_t)count);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			r = errno == EWOULDBLOCK ? -EAGAIN : -errno;
			break;
		}
		peer_record_sent(peer, iov, (size_t)n, out_queue_mid_line(&peer->queue));
		out_queue_consume(&peer->queue, (size_t)n);
		progress_locked(peer, (size_t)n);
	}
	mutex_unlock(&peer->out);
	return r;
}

/* Queues the frame; the no-progress clock starts when the queue stops being empty. */
static bool queue_locked(struct peer *peer, struct frame *frame, bool answer) REQUIRES(peer->out)
{
	if (out_queue_bytes(&peer->queue) == 0)
		peer->progress_ms = clock_mono_ms();
	return out_queue_push(&peer->queue, frame, answer) == 0;
}

/* Sends what the socket takes of a frame at once; the rest is queued.  True: nothing is left to be queued. */
static bool send_directly_locked(struct peer *peer, struct frame *frame) REQUIRES(peer->out)
{
	ssize_t n = send(peer->fd, frame->bytes, frame->len, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n <= 0)
		return false; /* the worker will see what is wrong with the socket */
	progress_locked(peer, (size_t)n);
	peer_record_sent(peer, &(struct iovec){frame->bytes, frame->len}, (size_t)n, false);
	if ((size_t)n == frame->len)
		return true;
	/* Half a line must not be followed by another: without memory for the rest the connection ends. */
	if (queue_locked(peer, frame, false))
		out_queue_consume(&peer->queue, (size_t)n);
	else
		(void)shutdown(peer->fd, SHUT_RDWR);
	wake_locked(peer);
	return true;
}

bool peer_send(struct peer *peer, struct frame *frame, enum send_class class)
{
	const struct net_params *p = net_params(peer->net);
	bool sent = false, too_slow = false;
	size_t queued;

	if (!atomic_load_explicit(&peer->open, memory_order_acquire) || peer_get_state(peer) != PEER_READY)
		return false;
	mutex_lock(&peer->out);
	queued = out_queue_bytes(&peer->queue);
	if (peer->fd < 0) {
		sent = false;
	} else if (faults_output_locked(peer, frame, class == SEND_ANSWER)) {
		sent = true;
	} else if (class == SEND_GOSSIP && queued + frame->len > p->output_soft_bytes && queued > 0) {
		atomic_fetch_add_explicit(&peer->stats.gossip_dropped, 1, memory_order_relaxed);
	} else if (queued + frame->len > p->output_hard_bytes && queued > 0) {
		too_slow = true;
	} else if (queued == 0 && frame->len <= DIRECT_SEND_BYTES && send_directly_locked(peer, frame)) {
		sent = true;
	} else if (queue_locked(peer, frame, class == SEND_ANSWER)) {
		wake_locked(peer);
		sent = true;
	}
	mutex_unlock(&peer->out);
	if (sent)
		count_sent(peer, frame->type, frame->len);
	if (too_slow)
		peer_ask_close(peer, PEER_CLOSE_SLOW_CONSUMER);
	return sent;
}

/* Encodes into the scratch buffer, newline included. */
static bool encode_scratch(struct peer *peer, const struct wire_message *message)
{
	buf_reset(&peer->scratch);
	if (!buf_reserve(&peer->scratch, SCRATCH_FIRST_BYTES))
		return false;
	if (wire_json_encode(&peer->scratch, message))
		return false;
	buf_append_byte(&peer->scratch, '\n');
	return !peer->scratch.error;
}

bool peer_send_control(struct peer *peer, const struct wire_message *message, bool after_answers, struct out_mark *mark)
{
	bool ok = false, in_order;

	if (!encode_scratch(peer, message))
		return false;
	mutex_lock(&peer->out);
	in_order = after_answers && peer->queue.answers > 0;
	/* Five of an honest peer's pings are outstanding at most, and each lost pong would count against the connection. */
	if (in_order && peer->queue.pongs >= MAX_PONGS_BEHIND_ANSWERS) {
		mutex_unlock(&peer->out);
		return false;
	}
	if (!in_order) {
		if (out_queue_bytes(&peer->queue) == 0)
			peer->progress_ms = clock_mono_ms();
		ok = faults_control_locked(peer, message->type, peer->scratch.data, peer->scratch.len) ||
		     out_queue_push_control(&peer->queue, peer->scratch.data, peer->scratch.len) == 0;
		if (mark)
			*mark = (struct out_mark){true, peer->queue.control_in};
	}
	mutex_unlock(&peer->out);
	if (in_order)
		return peer_send_own(peer, message, mark);
	if (ok)
		count_sent(peer, message->type, peer->scratch.len);
	return ok;
}

bool peer_send_own(struct peer *peer, const struct wire_message *message, struct out_mark *mark)
{
	const struct net_params *p = net_params(peer->net);
	struct frame *frame;
	bool ok = false, too_slow;

	if (!encode_scratch(peer, message) ||
	    frame_from_line(&frame, net_budget(peer->net), message->type, peer->scratch.data, peer->scratch.len - 1))
		return false;
	if (peer->scratch.capacity > SCRATCH_KEEP_BYTES)
		buf_free(&peer->scratch);
	mutex_lock(&peer->out);
	too_slow = out_queue_bytes(&peer->queue) > 0 &&
		   out_queue_bytes(&peer->queue) + frame->len > p->output_hard_bytes;
	if (!too_slow && peer->fd >= 0)
		ok = faults_output_locked(peer, frame, true) || queue_locked(peer, frame, true);
	if (mark)
		*mark = (struct out_mark){false, peer->queue.frames_in};
	mutex_unlock(&peer->out);
	if (ok)
		count_sent(peer, message->type, frame->len);
	frame_unref(frame);
	if (too_slow)
		peer_ask_close(peer, PEER_CLOSE_SLOW_CONSUMER);
	return ok;
}

bool peer_reply(struct peer *peer, const struct wire_message *message)
{
	return peer_send_own(peer, message, NULL);
}

void peer_ask_close(struct peer *peer, enum peer_close_reason reason)
{
	peer_table_ask_close(net_table(peer->net), peer, reason);
}

void peer_violation(struct peer *peer, const char *what)
{
	if (net_violation(peer->net, &peer->addr.ip, what))
		peer_ask_close(peer, PEER_CLOSE_BANNED);
}

void peer_wrong_chain(struct peer *peer)
{
	peer_ask_close(peer, PEER_CLOSE_WRONG_CHAIN);
}

void peer_set_masternode(struct peer *peer)
{
	address_book_set_masternode(net_addresses(peer->net), &peer->addr.ip, true);
	peer_table_set_kept(net_table(peer->net), peer);
}

size_t peer_take_address_tokens(struct peer *peer, size_t wanted, bool solicited)
{
	struct token_bucket *bucket = &peer->session.address_tokens;
	int64_t available = token_bucket_available(bucket, ADDRESS_PER_MINUTE, ADDRESS_BURST, clock_mono_ms());
	size_t taken = wanted;

	if (!solicited) {
		taken = (int64_t)wanted < available ? wanted : (size_t)available;
		token_bucket_spend(bucket, (int64_t)taken);
	}
	atomic_fetch_add_explicit(&peer->stats.addresses_processed, taken, memory_order_relaxed);
	atomic_fetch_add_explicit(&peer->stats.addresses_limited, wanted - taken, memory_order_relaxed);
	return taken;
}

/* A peer that makes two of its ranges fall together limits itself. */
static uint64_t range_key(enum wire_type type, uint64_t first, uint64_t last)
{
	uint64_t key = first * UINT64_C(0x9e3779b97f4a7c15) + last;

	key = (key ^ key >> 32) * UINT64_C(0xd6e8feb86659fd93) + (uint64_t)type;
	return key ? key : 1;
}

bool peer_may_ask_range(struct peer *peer, enum wire_type type, uint64_t first, uint64_t last)
{
	const struct net_params *p = net_params(peer->net);
	struct session *s = &peer->session;
	struct asked_ranges *asked = &s->ranges;
	int64_t now_ms = clock_mono_ms();
	uint64_t key = range_key(type, first, last);
	bool repeats = false;

	if (!p->rates.enabled)
		return true;
	for (int i = 0; i < PEER_RANGES && !repeats; i++)
		repeats = asked->key[i] == key && (uint32_t)now_ms - asked->asked_ms[i] < p->same_range_ms;
	if (repeats) {
		if (token_bucket_take(&s->range_tokens, p->same_range_per_minute, p->same_range_per_minute / 60,
				      now_ms))
			return true;
		atomic_fetch_add_explicit(&peer->stats.rate_limited, 1, memory_order_relaxed);
		return false;
	}
	asked->key[asked->next] = key;
	asked->asked_ms[asked->next] = (uint32_t)now_ms;
	asked->next = (asked->next + 1) % PEER_RANGES;
	return true;
}

bool peer_address_flood(struct peer *peer, bool asked)
{
	bool again = peer->session.address_flood && !asked;

	peer->session.address_flood = true;
	if (again)
		peer_violation(peer, "flood of addresses that nobody asked for");
	return again;
}

void peer_set_key_disputed(struct peer *peer, bool disputed)
{
	atomic_store_explicit(&peer->stats.key_disputed, disputed, memory_order_relaxed);
}

bool peer_is_key_disputed(const struct peer *peer)
{
	return atomic_load_explicit(&peer->stats.key_disputed, memory_order_relaxed);
}

int64_t peer_last_received_ms(const struct peer *peer)
{
	return atomic_load_explicit(&peer->stats.last_recv_ms, memory_order_relaxed);
}

void peer_set_height(struct peer *peer, uint64_t height)
{
	if (!atomic_load_explicit(&peer->stats.has_height, memory_order_relaxed))
		atomic_store_explicit(&peer->stats.starting_height, height, memory_order_relaxed);
	atomic_store_explicit(&peer->stats.height, height, memory_order_relaxed);
	atomic_store_explicit(&peer->stats.has_height, true, memory_order_release);
}

void peer_set_best(struct peer *peer, uint64_t height, const struct wire_hash *hash)
{
	if (!peer_is_below(peer, height + 1))
		return;
	peer_set_height(peer, height);
	peer_table_set_best(net_table(peer->net), peer, hash);
}

bool peer_best_is(struct peer *peer, const struct wire_hash *hash)
{
	return peer_table_best_is(net_table(peer->net), peer, hash);
}

bool peer_is_below(const struct peer *peer, uint64_t height)
{
	return !atomic_load_explicit(&peer->stats.has_height, memory_order_acquire) ||
	       atomic_load_explicit(&peer->stats.height, memory_order_relaxed) < height;
}

bool peer_has_version(const struct peer *peer)
{
	return atomic_load_explicit(&peer->stats.has_version, memory_order_relaxed);
}

void peer_set_synced(struct peer *peer, uint64_t height)
{
	atomic_store_explicit(&peer->stats.synced_blocks, height, memory_order_relaxed);
	atomic_store_explicit(&peer->stats.has_synced, true, memory_order_release);
}

static void note_ping(struct peer_stats *s, uint32_t value)
{
	unsigned next = atomic_load_explicit(&s->ping_history_next, memory_order_relaxed);

	atomic_store_explicit(&s->ping_history[next % PEER_PING_HISTORY], value, memory_order_relaxed);
	atomic_store_explicit(&s->ping_history_next, next + 1, memory_order_release);
}

void peer_note_pong(struct peer *peer, int64_t rtt_us)
{
	struct peer_stats *s = &peer->stats;
	int64_t min_us = atomic_load(&s->min_ping_us);

	atomic_store(&s->ping_us, rtt_us);
	if (min_us < 0 || rtt_us < min_us)
		atomic_store(&s->min_ping_us, rtt_us);
	note_ping(s, rtt_us < PEER_PING_MISSED ? (uint32_t)rtt_us : PEER_PING_MISSED - 1);
}

void peer_note_missed_pong(struct peer *peer)
{
	net_count_missed_pong(peer->net);
	note_ping(&peer->stats, PEER_PING_MISSED);
}

static void get_ping_history(const struct peer_stats *s, struct peer_info *out)
{
	unsigned next = atomic_load_explicit(&s->ping_history_next, memory_order_acquire);
	unsigned from = next > PEER_PING_HISTORY ? next - PEER_PING_HISTORY : 0;

	for (unsigned i = from; i < next; i++)
		out->ping_history_us[out->ping_history_count++] =
			atomic_load_explicit(&s->ping_history[i % PEER_PING_HISTORY], memory_order_relaxed);
}

void peer_get_info(struct peer *peer, struct peer_info *out)
{
	const struct peer_stats *s = &peer->stats;
	int64_t now_ms = clock_mono_ms(), since_ms = atomic_load(&s->ping_since_ms);

	memset(out, 0, sizeof(*out));
	out->id = peer->id;
	out->addr = peer->addr;
	memcpy(out->ip, peer->ip_text, sizeof(out->ip));
	out->direction = peer->direction;
	out->manual = peer->manual;
	out->has_version = atomic_load(&s->has_version);
	out->answers = out->has_version || atomic_load(&s->answers);
	out->version = atomic_load(&s->protocol_version);
	out->state = peer_get_state(peer);
	out->connected_s = peer->started_s;
	out->ready_ms = atomic_load(&s->ready_ms);
	out->last_send_s = atomic_load(&s->last_send_s);
	out->last_recv_s = atomic_load(&s->last_recv_s);
	out->last_recv_ms = atomic_load(&s->last_recv_ms);
	out->bytes_sent = atomic_load(&s->bytes_sent);
	out->bytes_received = atomic_load(&s->bytes_received);
	for (int i = 0; i < WIRE_TYPE_COUNT; i++) {
		out->sent_per_type[i] = atomic_load_explicit(&s->sent_per_type[i], memory_order_relaxed);
		out->received_per_type[i] = atomic_load_explicit(&s->received_per_type[i], memory_order_relaxed);
	}
	out->ping_us = atomic_load(&s->ping_us);
	out->min_ping_us = atomic_load(&s->min_ping_us);
	get_ping_history(s, out);
	out->ping_wait_ms = since_ms < 0 ? -1 : now_ms - since_ms;
	out->time_offset_s = atomic_load(&s->time_offset_s);
	out->has_time_offset = atomic_load(&s->has_time_offset);
	out->starting_height = atomic_load(&s->starting_height);
	out->has_height = atomic_load_explicit(&s->has_height, memory_order_acquire);
	out->height = atomic_load(&s->height);
	out->has_synced = atomic_load_explicit(&s->has_synced, memory_order_acquire);
	out->synced_blocks = atomic_load(&s->synced_blocks);
	out->key_disputed = atomic_load(&s->key_disputed);
	out->missed_pongs = atomic_load(&s->missed_pongs);
	out->violations = ban_list_violations(net_bans(peer->net), &peer->addr.ip, clock_real_s());
	out->addresses_processed = atomic_load(&s->addresses_processed);
	out->addresses_limited = atomic_load(&s->addresses_limited);
	out->gossip_dropped = atomic_load(&s->gossip_dropped);
	out->rate_limited = atomic_load(&s->rate_limited);
	out->send_queue_bytes = peer_queue_bytes(peer);
	peer_table_describe(net_table(peer->net), peer, out);
}
