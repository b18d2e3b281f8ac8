/* SPDX-License-Identifier: MIT
 *
 * The protocol's states of a connection; see session.h.  Lines come in from the worker, become messages, and are handed to
 * the node's message table once the connection is ready; before that only what a handshake needs is looked at.
 */
#include "session.h"

#include <errno.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "net_impl.h"
#include "peer_impl.h"
#include "peer_requests.h"
#include "peer_table.h"
#include "timed/net/handlers.h"
#include "timed/net/net.h"
#include "timed/util/clock.h"
#include "timeproto/wire/json.h"

static const uint8_t MAGIC[4] = {'T', 'I', 'M', 'E'};
static const char OLD_MAGIC[4] = {'~', 'W', '~', 'M'};
/* How often a challenger asks for its verdict. */
#define CHALLENGE_POLL_MS 50
/* An Ack that is owed, or owing, is waited for this long after the verdict. */
#define LINGER_MS 2000
/* No honest request is longer.  Lines that wait are not incomplete ones: nobody frees the budget of them. */
#define PARKED_LINE_BYTES ((size_t)262144)
/* A banned or refused peer is not dialled for this long. */
#define REFUSED_PAUSE_MS 300000

static const char *direction_of(const struct peer *peer)
{
	return peer_direction_name(peer->direction);
}

void session_init(struct peer *peer, int64_t now_ms)
{
	const struct net_params *p = net_params(peer->net);
	struct session *s = &peer->session;

	heartbeat_init(&s->heartbeat, &p->heartbeat, now_ms);
	s->phase = peer->direction == PEER_OUTBOUND ? SESSION_CONNECTING : SESSION_AWAIT_HANDSHAKE;
	s->deadline_ms = now_ms + (peer->direction == PEER_OUTBOUND ? p->connect_timeout_ms : p->handshake_timeout_ms);
	s->redial_due_ms = INT64_MAX;
	s->poke_due_ms = INT64_MAX;
	s->announce_due_ms = INT64_MAX;
}

static void free_parked(struct peer *peer, struct parked_line *line)
{
	mem_account_give(&peer->memory, line->len);
	free(line->bytes);
}

void session_free(struct peer *peer)
{
	for (int i = 0; i < peer->session.parked_count; i++)
		free_parked(peer, &peer->session.parked[i]);
	peer->session.parked_count = 0;
}

/* A greeting that finds no memory ends the connection: the peer would wait for it in vain. */
static void greet(struct peer *peer, const struct wire_message *message)
{
	if (!peer_send_own(peer, message, NULL))
		peer_ask_close(peer, PEER_CLOSE_MEMORY);
}

static void send_version(struct peer *peer)
{
	const struct net_params *p = net_params(peer->net);
	const struct net_ops *ops = net_get_ops(peer->net);
	char listen[NET_ADDR_TEXT_SIZE], node_id[33];
	struct wire_str node_id_text = {node_id, 32};
	struct wire_message m = {.type = WIRE_VERSION};
	struct wire_version *v = &m.u.version;
	struct net_addr bound;

	peer_table_get_bound(net_table(peer->net), peer, &bound);
	net_listen_text(peer->net, listen, &bound);
	sodium_bin2hex(node_id, sizeof(node_id), p->node_id, sizeof(p->node_id));
	v->protocol_version = NET_PROTOCOL_VERSION;
	v->network = (struct wire_str){p->network_name, strlen(p->network_name)};
	v->listen_addr = (struct wire_str){listen, strlen(listen)};
	v->timestamp = clock_real_s();
	v->node_id = &node_id_text;
	ops->version(ops->user, v);
	greet(peer, &m);
}

static void send_ack(struct peer *peer)
{
	struct wire_message ack = {.type = WIRE_ACK, .u.ack.message_type = {"Handshake", 9}};

	greet(peer, &ack);
}

void session_connected(struct peer *peer, int64_t now_ms)
{
	const struct net_params *p = net_params(peer->net);
	struct wire_message m = {.type = WIRE_HANDSHAKE};
	uint64_t nonce;

	/* From here on the connection counts in a tie-break; before, it gives way to one that has spoken. */
	if (!peer_table_begin_handshake(net_table(peer->net), peer))
		return;
	memcpy(m.u.handshake.magic, MAGIC, sizeof(MAGIC));
	m.u.handshake.protocol_version = NET_PROTOCOL_VERSION;
	m.u.handshake.network = (struct wire_str){p->network_name, strlen(p->network_name)};
	greet(peer, &m);
	log_info(LOG_NET, "🤝 [%s] Sent handshake to %s", direction_of(peer), peer->ip_text);
	send_version(peer);
	(void)session_send_ordered_ping(peer, &nonce, now_ms);
	peer->session.phase = SESSION_AWAIT_ACK;
	peer->session.deadline_ms = now_ms + p->handshake_timeout_ms;
}

static bool uses_kept_slot(struct peer *peer)
{
	const struct net_ops *ops = net_get_ops(peer->net);

	return peer->manual || address_book_is_configured(net_addresses(peer->net), &peer->addr.ip) ||
	       ops->is_masternode(ops->user, &peer->addr.ip);
}

static bool dispatch_line(struct peer *peer, const uint8_t *line, size_t len, bool waited, int64_t now_ms);

/* Handles the lines that waited, in order; what still cannot be handled waits again. */
static void unpark(struct peer *peer, int64_t now_ms)
{
	struct session *s = &peer->session;
	struct parked_line lines[PEER_MAX_PARKED];
	int count = s->parked_count;

	memcpy(lines, s->parked, sizeof(lines));
	s->parked_count = 0;
	for (int i = 0; i < count; i++) {
		if (!dispatch_line(peer, lines[i].bytes, lines[i].len, true, now_ms))
			peer_ask_close(peer, PEER_CLOSE_MEMORY);
		peer_end_message(peer);
		free_parked(peer, &lines[i]);
	}
}

static void enter_ready(struct peer *peer, int64_t now_ms)
{
	const struct net_params *p = net_params(peer->net);
	const struct net_ops *ops = net_get_ops(peer->net);
	struct address_book *book = net_addresses(peer->net);
	struct session *s = &peer->session;

	if (uses_kept_slot(peer))
		peer_table_set_kept(net_table(peer->net), peer);
	if (!peer_table_make_ready(net_table(peer->net), peer, now_ms))
		return;
	s->phase = SESSION_READY;
	s->deadline_ms = INT64_MAX;
	if (peer->direction == PEER_INBOUND) {
		send_ack(peer);
		send_version(peer);
	}
	atomic_store_explicit(&peer->open, true, memory_order_release);
	address_book_ready(book, &peer->addr.ip, peer->direction == PEER_OUTBOUND, clock_real_s(), now_ms);
	if (peer->direction == PEER_OUTBOUND && address_book_turnaround_second(book, &peer->addr.ip))
		s->redial_due_ms = now_ms + p->turnaround_redial_ms;
	s->announce_due_ms = now_ms + p->announce_delay_ms;
	log_info(LOG_NET, "✓ Connected to peer: %s", peer->ip_text);
	log_info(LOG_NET, "🔄 [%s] Starting message loop for %s (port: %u)", direction_of(peer), peer->ip_text,
		 (unsigned)peer->addr.port);
	ops->ready(ops->user, peer);
	peer_fence(peer);
	unpark(peer, now_ms);
}

/* Asks the table for the verdict about this inbound connection, and obeys. */
static void challenge(struct peer *peer, int64_t now_ms)
{
	struct net_addr bound;
	struct net_ip own;

	peer_table_get_bound(net_table(peer->net), peer, &bound);
	net_own_ip(peer->net, &own, &bound);
	switch (peer_table_challenge(net_table(peer->net), peer, &own, now_ms)) {
	case TABLE_PROCEED:
		enter_ready(peer, now_ms);
		break;
	case TABLE_WAIT:
		break;
	case TABLE_DUPLICATE:
		log_limited(&peer->log_limit, LOG_NET, LOG_LEVEL_INFO,
			    "Refusing a second connection from %s: the first one is alive", peer->ip_text);
		peer_ask_close(peer, PEER_CLOSE_DUPLICATE);
		break;
	case TABLE_TIE_LOST:
		send_ack(peer);
		peer_ask_close(peer, PEER_CLOSE_TIE_BREAK);
		break;
	case TABLE_SELF:
		address_book_mark_own(net_addresses(peer->net), &peer->addr.ip);
		peer_ask_close(peer, PEER_CLOSE_SELF);
		break;
	}
}

static void reject(struct peer *peer, enum peer_close_reason reason, const char *what)
{
	log_info(LOG_NET, "🚫 Rejecting %s - %s", peer->ip_text, what);
	peer_ask_close(peer, reason);
	peer_violation(peer, what);
}

static void first_line(struct peer *peer, const uint8_t *line, size_t len, int64_t now_ms)
{
	struct session *s = &peer->session;
	struct wire_message m;
	struct wire_error error;
	const struct wire_handshake *h = &m.u.handshake;
	char what[96];

	if (len >= sizeof(OLD_MAGIC) && memcmp(line, OLD_MAGIC, sizeof(OLD_MAGIC)) == 0) {
		reject(peer, PEER_CLOSE_OLD_PROTOCOL, "old protocol detected (~W~M magic bytes)");
		return;
	}
	if (wire_json_decode(&m, &peer->arena, line, len, &error) || m.type != WIRE_HANDSHAKE) {
		log_info(LOG_NET, "🚫 Rejecting %s - first message is not a handshake", peer->ip_text);
		peer_ask_close(peer, PEER_CLOSE_NOT_HANDSHAKE);
		return;
	}
	peer_take_message(peer, m.type, len + 1, false);
	atomic_store(&peer->stats.protocol_version, h->protocol_version);
	if (memcmp(h->magic, MAGIC, sizeof(MAGIC)) != 0) {
		snprintf(what, sizeof(what), "invalid magic bytes: [%u, %u, %u, %u]", h->magic[0], h->magic[1],
			 h->magic[2], h->magic[3]);
		reject(peer, PEER_CLOSE_WRONG_MAGIC, what);
		return;
	}
	if (h->protocol_version != NET_PROTOCOL_VERSION) {
		snprintf(what, sizeof(what), "unsupported protocol version: %" PRIu32, h->protocol_version);
		reject(peer, PEER_CLOSE_WRONG_VERSION, what);
		return;
	}
	log_info(LOG_NET, "✅ Handshake accepted from %s (network: %.*s)", peer->ip_text,
		 (int)(h->network.len > 64 ? 64 : h->network.len), h->network.ptr);
	s->phase = SESSION_CHALLENGING;
	s->deadline_ms = INT64_MAX;
	peer->reader.limit = net_params(peer->net)->max_frame_bytes;
	challenge(peer, now_ms);
}

/* False, and counted: there is no room. */
static bool park(struct peer *peer, const uint8_t *line, size_t len)
{
	struct session *s = &peer->session;
	bool room = s->parked_count < PEER_MAX_PARKED && len <= PARKED_LINE_BYTES &&
		    mem_account_take(&peer->memory, len);
	uint8_t *copy = room ? malloc(len) : NULL;

	if (!copy) {
		if (room)
			mem_account_give(&peer->memory, len);
		atomic_fetch_add_explicit(&peer->stats.rate_limited, 1, memory_order_relaxed);
		return false;
	}
	memcpy(copy, line, len);
	s->parked[s->parked_count++] = (struct parked_line){copy, len};
	return true;
}

static void unparsable(struct peer *peer, const struct wire_error *error)
{
	struct session *s = &peer->session;
	const struct net_params *p = net_params(peer->net);
	char what[WIRE_ERROR_PATH_MAX + 128];

	snprintf(what, sizeof(what), "%s at byte %zu%s%s: %s", wire_error_name(error->code), error->offset,
		 error->path[0] ? ", " : "", error->path, error->text);
	log_limited(&peer->log_limit, LOG_WIRE, LOG_LEVEL_WARN, "Unusable message from %s: %s", peer->ip_text, what);
	if (error->code == WIRE_E_LIMIT) {
		peer_violation(peer, what);
	} else if (++s->unparsable >= p->max_unparsable_lines) {
		peer_ask_close(peer, PEER_CLOSE_MALFORMED);
		peer_violation(peer, "too many unparsable lines");
	}
}

static void handle_ready(struct peer *peer, const struct wire_message *m, const uint8_t *line, size_t len,
			 int64_t now_ms)
{
	const struct message_rule *rule = &net_get_ops(peer->net)->rules[m->type];
	const struct net_params *p = net_params(peer->net);
	struct session *s = &peer->session;

	s->answering = rule->answers != REQUEST_NONE &&
		       requests_outstanding(&s->requests, rule->answers, &s->answering_key) &&
		       (!rule->matches || rule->matches(m, s->answering_key)) &&
		       requests_answer(&s->requests, rule->answers, &s->answering_key);
	if (s->answering)
		atomic_store_explicit(&peer->stats.answers, true, memory_order_relaxed);
	if (!rule->handle)
		return;
	if (!s->answering && !rate_limit_allows(&s->rates, &p->rates, rule->rate, now_ms)) {
		atomic_fetch_add_explicit(&peer->stats.rate_limited, 1, memory_order_relaxed);
		return;
	}
	/* Requests are answered in order: none overtakes one that waits, nor does the pong that would say "no answer". */
	if ((rule->request && peer_queue_bytes(peer) > p->output_soft_bytes) ||
	    ((rule->request || m->type == WIRE_PING) && s->parked_count > 0)) {
		/* Without room a request is dropped and a ping is not: lost pongs would end a healthy connection. */
		if (park(peer, line, len) || m->type != WIRE_PING)
			return;
	}
	if (rule->handle(peer, m) == MESSAGE_USELESS && !s->answering)
		rate_limit_charge(&s->rates, &p->rates, rule->rate, now_ms);
}

/* `waited`: the line was parked, and counted then. */
static bool dispatch_line(struct peer *peer, const uint8_t *line, size_t len, bool waited, int64_t now_ms)
{
	struct wire_error error;
	struct wire_message m;
	int r = wire_json_decode(&m, &peer->arena, line, len, &error);

	if (r < 0)
		return false;
	if (r) {
		unparsable(peer, &error);
		return true;
	}
	peer_take_message(peer, m.type, len + 1, waited);
	switch (peer->session.phase) {
	case SESSION_CONNECTING:
	case SESSION_AWAIT_HANDSHAKE:
		break;
	case SESSION_AWAIT_ACK:
		/* The acceptor answers first; a ping is answered in any case, the rest is too early. */
		if (m.type == WIRE_ACK)
			(void)peer_on_ack(peer, &m);
		else if (m.type == WIRE_PING)
			(void)peer_on_ping(peer, &m);
		else if (m.type == WIRE_VERSION)
			(void)peer_on_version(peer, &m);
		break;
	case SESSION_CHALLENGING:
		if (m.type == WIRE_VERSION)
			(void)peer_on_version(peer, &m);
		else
			(void)park(peer, line, len);
		break;
	case SESSION_READY:
		handle_ready(peer, &m, line, len, now_ms);
		break;
	case SESSION_LINGER:
		if (m.type == WIRE_ACK)
			peer->session.deadline_ms = now_ms;
		break;
	}
	return true;
}

bool session_line(struct peer *peer, const uint8_t *line, size_t len, int64_t now_ms)
{
	bool handled = true;

	if (peer->session.phase == SESSION_AWAIT_HANDSHAKE)
		first_line(peer, line, len, now_ms);
	else
		handled = dispatch_line(peer, line, len, false, now_ms);
	peer_end_message(peer);
	return handled;
}

void session_line_too_long(struct peer *peer)
{
	const struct net_ops *ops = net_get_ops(peer->net);
	uint64_t first;

	if (peer->session.phase == SESSION_AWAIT_HANDSHAKE) {
		log_info(LOG_NET, "🚫 Rejecting %s - first message is not a handshake", peer->ip_text);
		peer_ask_close(peer, PEER_CLOSE_NOT_HANDSHAKE);
		return;
	}
	peer_ask_close(peer, PEER_CLOSE_LINE_TOO_LONG);
	if (requests_outstanding(&peer->session.requests, REQUEST_BLOCKS, &first))
		ops->overlong(ops->user, peer); /* we asked for too much */
	else
		peer_violation(peer, "line longer than the limit");
}

bool session_holds_lines(const struct peer *peer)
{
	return peer->session.phase == SESSION_CHALLENGING && peer->session.parked_count > 0;
}

enum message_verdict peer_on_handshake(struct peer *peer, const struct wire_message *message)
{
	(void)message;
	if (!peer->session.told_second_handshake)
		log_info(LOG_NET, "Ignoring another handshake from %s", peer->ip_text);
	peer->session.told_second_handshake = true;
	return MESSAGE_USELESS;
}

enum message_verdict peer_on_ack(struct peer *peer, const struct wire_message *message)
{
	const struct wire_str *of = &message->u.ack.message_type;

	if (peer->session.phase != SESSION_AWAIT_ACK || of->len != strlen("Handshake") ||
	    memcmp(of->ptr, "Handshake", of->len) != 0)
		return MESSAGE_USELESS;
	enter_ready(peer, clock_mono_ms());
	return MESSAGE_USEFUL;
}

/* 32 hex digits, or nothing that we know. */
static bool parse_node_id(uint8_t out[16], const struct wire_str *text)
{
	size_t len;

	return text && text->len == 32 &&
	       sodium_hex2bin(out, 16, text->ptr, text->len, NULL, &len, NULL) == 0 && len == 16;
}

enum message_verdict peer_on_version(struct peer *peer, const struct wire_message *message)
{
	const struct wire_version *v = &message->u.version;
	const struct net_params *p = net_params(peer->net);
	struct net_addr listen;
	uint8_t node_id[16];
	bool has_id = parse_node_id(node_id, v->node_id);

	if (peer->session.version_seen)
		return MESSAGE_USELESS; /* what it said first stands, and a flood of them is limited */
	peer->session.version_seen = true;
	atomic_store(&peer->stats.has_version, true);
	atomic_store(&peer->stats.protocol_version, v->protocol_version);
	session_note_clock(peer, v->timestamp);
	if (v->height)
		peer_set_height(peer, *v->height);
	peer_table_set_identity(net_table(peer->net), peer, has_id ? node_id : NULL, v->version.ptr);
	if (has_id && memcmp(node_id, p->node_id, sizeof(node_id)) == 0) {
		log_info(LOG_NET, "%s is ourselves: not dialled again", peer->ip_text);
		address_book_mark_own(net_addresses(peer->net), &peer->addr.ip);
		/* The dialling end knows the address that must not be dialled again: it has to see our Version too. */
		if (peer->direction == PEER_INBOUND && peer->session.phase == SESSION_CHALLENGING)
			send_version(peer);
		peer_ask_close(peer, PEER_CLOSE_SELF);
	} else if (net_addr_parse(&listen, v->listen_addr.ptr, v->listen_addr.len, 0) == 0) {
		address_book_learn_port(net_addresses(peer->net), &peer->addr.ip, listen.port);
	}
	return MESSAGE_USEFUL;
}

void session_received(struct peer *peer, int64_t now_ms)
{
	size_t incomplete = line_reader_partial(&peer->reader);

	atomic_store_explicit(&peer->incomplete, incomplete, memory_order_relaxed);
	heartbeat_received(&peer->session.heartbeat, incomplete, now_ms);
	if (incomplete >= net_params(peer->net)->heartbeat.progress_bytes)
		requests_progress(&peer->session.requests, now_ms, net_params(peer->net)->request_timeout_ms);
}

/* An inbound peer that shows no Version and answers nothing is a mute one: we dial it instead. */
static void tick_turnaround(struct peer *peer, int64_t now_ms)
{
	struct session *s = &peer->session;
	struct address_book *book = net_addresses(peer->net);

	if (now_ms >= s->redial_due_ms) {
		s->redial_due_ms = INT64_MAX;
		address_book_turnaround_redial(book, &peer->addr.ip, now_ms);
		peer_ask_close(peer, PEER_CLOSE_TURNAROUND);
		return;
	}
	if (peer->direction != PEER_INBOUND || s->turnaround_tried || s->version_seen || s->requests.answered > 0)
		return;
	if (now_ms - atomic_load(&peer->stats.ready_ms) < net_params(peer->net)->turnaround_after_ms)
		return;
	s->turnaround_tried = true;
	if (address_book_turnaround_begin(book, &peer->addr.ip, now_ms)) {
		log_info(LOG_NET, "%s answers nothing on a connection that it dialled: dialling it instead",
			 peer->ip_text);
		peer_ask_close(peer, PEER_CLOSE_TURNAROUND);
	}
}

static void tick_ready(struct peer *peer, int64_t now_ms)
{
	const struct net_params *p = net_params(peer->net);
	const struct net_ops *ops = net_get_ops(peer->net);
	struct session *s = &peer->session;

	session_heartbeat_tick(peer, now_ms);
	tick_turnaround(peer, now_ms);
	peer_requests_expire(peer, now_ms);
	if (atomic_exchange(&peer->poked, false) || now_ms >= s->poke_due_ms) {
		s->poke_due_ms = INT64_MAX;
		ops->poked(ops->user, peer);
	}
	if (now_ms >= s->announce_due_ms) {
		s->announce_due_ms = now_ms + p->announce_interval_ms;
		ops->announce(ops->user, peer);
	}
	if (s->parked_count > 0 && peer_queue_bytes(peer) <= p->output_soft_bytes)
		unpark(peer, now_ms);
}

static int64_t min_ms(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int64_t ready_deadline(const struct peer *peer)
{
	const struct session *s = &peer->session;
	int64_t next = min_ms(heartbeat_deadline_ms(&s->heartbeat), s->announce_due_ms);

	next = min_ms(next, s->redial_due_ms);
	next = min_ms(next, s->poke_due_ms);
	if (peer->direction == PEER_INBOUND && !s->turnaround_tried && !s->version_seen && s->requests.answered == 0)
		next = min_ms(next, atomic_load(&peer->stats.ready_ms) +
					    net_params(peer->net)->turnaround_after_ms);
	for (int i = 0; i < REQUEST_KIND_COUNT; i++) {
		if (s->requests.kind[i].outstanding)
			next = min_ms(next, s->requests.kind[i].deadline_ms);
	}
	return next;
}

int64_t session_tick(struct peer *peer, int64_t now_ms)
{
	struct session *s = &peer->session;

	if (s->phase == SESSION_CHALLENGING)
		challenge(peer, now_ms);
	switch (s->phase) {
	case SESSION_CONNECTING:
		if (now_ms >= s->deadline_ms)
			peer_ask_close(peer, PEER_CLOSE_CONNECT_FAILED);
		return s->deadline_ms;
	case SESSION_AWAIT_HANDSHAKE:
	case SESSION_AWAIT_ACK:
		if (now_ms >= s->deadline_ms)
			peer_ask_close(peer, PEER_CLOSE_HANDSHAKE_TIMEOUT);
		return s->deadline_ms;
	case SESSION_CHALLENGING:
		return now_ms + CHALLENGE_POLL_MS;
	case SESSION_READY:
		tick_ready(peer, now_ms);
		return ready_deadline(peer);
	case SESSION_LINGER:
		return s->deadline_ms;
	}
	return now_ms;
}

bool session_begin_linger(struct peer *peer, int64_t now_ms)
{
	struct session *s = &peer->session;
	bool owes = peer->direction == PEER_INBOUND && s->phase == SESSION_CHALLENGING;
	bool is_owed = peer->direction == PEER_OUTBOUND && s->phase == SESSION_AWAIT_ACK;

	if (atomic_load(&peer->close_reason) != PEER_CLOSE_TIE_BREAK || (!owes && !is_owed))
		return false;
	s->phase = SESSION_LINGER;
	s->deadline_ms = now_ms + LINGER_MS;
	return true;
}

static enum address_end end_of(enum peer_close_reason reason, bool was_ready, int64_t *pause_ms,
			       const struct net_params *p)
{
	*pause_ms = REFUSED_PAUSE_MS;
	switch (reason) {
	case PEER_CLOSE_WRONG_CHAIN:
		*pause_ms = p->wrong_chain_ms;
		return ADDRESS_END_REFUSED;
	case PEER_CLOSE_BANNED:
	case PEER_CLOSE_MALFORMED:
	case PEER_CLOSE_WRONG_MAGIC:
	case PEER_CLOSE_WRONG_VERSION:
	case PEER_CLOSE_OLD_PROTOCOL:
	case PEER_CLOSE_FULL:
	case PEER_CLOSE_EVICTED:
	case PEER_CLOSE_OPERATOR:
		return ADDRESS_END_REFUSED;
	case PEER_CLOSE_DUPLICATE:
	case PEER_CLOSE_TIE_BREAK:
	case PEER_CLOSE_REPLACED:
	case PEER_CLOSE_YIELDED:
	case PEER_CLOSE_SELF:
	case PEER_CLOSE_TURNAROUND:
	case PEER_CLOSE_SHUTDOWN:
	case PEER_CLOSE_NETWORK_OFF:
		return ADDRESS_END_REDUNDANT;
	case PEER_CLOSE_NONE:
	case PEER_CLOSE_TIMEOUT:
	case PEER_CLOSE_HANDSHAKE_TIMEOUT:
	case PEER_CLOSE_CONNECT_FAILED:
	case PEER_CLOSE_EOF:
	case PEER_CLOSE_RESET:
	case PEER_CLOSE_NOT_HANDSHAKE:
	case PEER_CLOSE_SLOW_CONSUMER:
	case PEER_CLOSE_MEMORY:
	case PEER_CLOSE_LINE_TOO_LONG:
	case PEER_CLOSE_COUNT:
		break;
	}
	return was_ready ? ADDRESS_END_LOST : ADDRESS_END_FAILED;
}

void session_ended(struct peer *peer, int64_t now_ms)
{
	enum peer_close_reason reason = (enum peer_close_reason)atomic_load(&peer->close_reason);
	const struct net_ops *ops = net_get_ops(peer->net);
	bool was_ready = atomic_load(&peer->stats.ready_ms) != 0;
	int64_t pause_ms, delay_ms;
	enum address_end end = end_of(reason, was_ready, &pause_ms, net_params(peer->net));

	if (was_ready)
		ops->gone(ops->user, peer);
	log_limit_finish(&peer->log_limit, LOG_NET);
	log_info(LOG_NET, "🔌 [%s] Message loop ended for %s (reason: %s)", direction_of(peer), peer->ip_text,
		 peer_close_reason_name(reason));
	if (peer->direction == PEER_INBOUND && !was_ready)
		return;
	delay_ms = address_book_closed(net_addresses(peer->net), &peer->addr.ip, end, pause_ms,
				       randombytes_random(), now_ms);
	if (net_is_stopping(peer->net))
		return;
	if (delay_ms >= 0 && end != ADDRESS_END_REDUNDANT)
		log_info(LOG_NET, "%sReconnecting to %s in %" PRId64 "s...",
			 ops->is_masternode(ops->user, &peer->addr.ip) ? "[MASTERNODE] " : "", peer->ip_text,
			 (delay_ms + 999) / 1000);
	net_wake_dialer(peer->net);
}
