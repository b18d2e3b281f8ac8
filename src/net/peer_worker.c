/* SPDX-License-Identifier: MIT
 *
 * The loop of a connection; see peer_worker.h.  It owns the socket, the line reader and the arena; what the lines mean is
 * session.c's affair.
 */
#include "peer_worker.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "faults.h"
#include "net_impl.h"
#include "peer_impl.h"
#include "peer_record.h"
#include "peer_table.h"
#include "session.h"
#include "timed/net/net.h"
#include "timed/util/clock.h"
#include "timed/util/crash.h"
#include "timed/util/probe.h"
#include "traffic.h"

/* Read per turn: a flood cannot starve the heartbeat or the output. */
#define TURN_BYTES ((size_t)262144)
/* A challenger's unread lines wait in the kernel beyond this. */
#define HELD_BYTES ((size_t)16384)
/* A connection that is quiet for this long gives its buffers back. */
#define QUIET_MS 2000
/* How often one that was refused memory asks again, and how long a lingering one looks away from the stop flag. */
#define RETRY_MS 100
#define MAX_POLL_MS 3600000

static bool closing(const struct peer *peer)
{
	return atomic_load_explicit(&peer->close_reason, memory_order_acquire) != PEER_CLOSE_NONE;
}

static void set_socket_options(struct peer *peer)
{
	const struct net_params *p = net_params(peer->net);
	struct sockaddr_storage sa;
	socklen_t len = sizeof(sa);
	struct net_addr bound;
	int on = 1;

	/* None of these can keep the connection from working: failures are of no interest. */
	(void)setsockopt(peer->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	(void)setsockopt(peer->fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	(void)setsockopt(peer->fd, IPPROTO_TCP, TCP_KEEPIDLE, &p->tcp_keepalive_idle_s, sizeof(int));
	(void)setsockopt(peer->fd, IPPROTO_TCP, TCP_KEEPINTVL, &p->tcp_keepalive_interval_s, sizeof(int));
	if (getsockname(peer->fd, (struct sockaddr *)&sa, &len) == 0) {
		net_addr_from_sockaddr(&bound, (struct sockaddr *)&sa);
		peer_table_set_bound(net_table(peer->net), peer, &bound);
	}
}

static void drain_wake(struct peer *peer)
{
	uint64_t count;

	/* The worker clears the counter first and looks at the queue afterwards: no wake-up is lost. */
	if (read(peer->wake_fd, &count, sizeof(count)) < 0)
		CHECK(errno == EAGAIN);
}

/* The non-blocking connect has come to an end, one way or the other. */
static void finish_connect(struct peer *peer, int64_t now_ms)
{
	int error = 0;
	socklen_t len = sizeof(error);
	int flags = fcntl(peer->fd, F_GETFL);

	if (getsockopt(peer->fd, SOL_SOCKET, SO_ERROR, &error, &len))
		error = errno;
	if (error || flags < 0 || fcntl(peer->fd, F_SETFL, flags & ~O_NONBLOCK)) {
		log_debug(LOG_NET, "Connecting to %s failed: %s", peer->ip_text, strerrorname_np(error ? error : errno));
		peer_ask_close(peer, PEER_CLOSE_CONNECT_FAILED);
		return;
	}
	set_socket_options(peer);
	session_connected(peer, now_ms);
}

static void set_starved(struct peer *peer, bool starved, int64_t now_ms)
{
	if (starved && !atomic_load_explicit(&peer->starved, memory_order_relaxed))
		atomic_store_explicit(&peer->starved_since_ms, now_ms, memory_order_relaxed);
	atomic_store_explicit(&peer->starved, starved, memory_order_relaxed);
}

/* Handles every complete line.  False: there was no memory for one; it stays in the reader. */
static bool handle_lines(struct peer *peer, int64_t now_ms)
{
	const uint8_t *line;
	size_t len;
	int r;

	while (!(closing(peer) && peer->session.phase != SESSION_LINGER) && !session_holds_lines(peer)) {
		r = line_reader_next(&peer->reader, &line, &len);
		if (r == LINE_E_AGAIN)
			return true;
		if (r) {
			session_line_too_long(peer);
			return true;
		}
		crash_set_message(NULL, len + 1);
		if (!faults_input(peer, line, len, now_ms) && !session_line(peer, line, len, now_ms)) {
			line_reader_unread(&peer->reader, line);
			set_starved(peer, true, now_ms);
			return false;
		}
	}
	return true;
}

/* Room to receive into, reserved of the memory budget.  0; -EAGAIN: refused for now; -ENODATA: the connection ends. */
static int get_space(struct peer *peer, uint8_t **space, size_t *len)
{
	size_t growth = line_reader_growth(&peer->reader);
	int r;

	if (growth > 0 && !mem_account_take(&peer->memory, growth))
		return -EAGAIN;
	r = line_reader_space(&peer->reader, space, len);
	if (r && growth > 0)
		mem_account_give(&peer->memory, growth);
	if (r == LINE_E_TOO_LONG) {
		session_line_too_long(peer);
		return -ENODATA;
	}
	return r ? -EAGAIN : 0;
}

static void note_received(struct peer *peer, size_t n, int64_t now_ms)
{
	atomic_fetch_add_explicit(&peer->stats.bytes_received, n, memory_order_relaxed);
	traffic_bytes(net_traffic(peer->net), peer->id, TRAFFIC_RECEIVED, n);
	atomic_store_explicit(&peer->stats.last_recv_ms, now_ms, memory_order_relaxed);
	peer->session.received_s = clock_real_s();
	atomic_store_explicit(&peer->stats.last_recv_s, peer->session.received_s, memory_order_relaxed);
}

/* Reads and handles up to TURN_BYTES. */
static void read_turn(struct peer *peer, int64_t now_ms)
{
	size_t taken = 0;

	while (taken < TURN_BYTES && !(closing(peer) && peer->session.phase != SESSION_LINGER) &&
	       !session_holds_lines(peer)) {
		uint8_t *space;
		size_t len;
		ssize_t n;
		int r = get_space(peer, &space, &len);

		set_starved(peer, r == -EAGAIN, now_ms);
		if (r)
			return;
		n = recv(peer->fd, space, len, MSG_DONTWAIT);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EWOULDBLOCK)
			return;
		if (n <= 0) {
			peer_ask_close(peer, n == 0 ? PEER_CLOSE_EOF : PEER_CLOSE_RESET);
			peer->session.deadline_ms = now_ms; /* nothing to linger for */
			return;
		}
		peer_record_received(peer, space, (size_t)n, line_reader_partial(&peer->reader) > 0);
		line_reader_commit(&peer->reader, (size_t)n);
		taken += (size_t)n;
		note_received(peer, (size_t)n, now_ms);
		if (!handle_lines(peer, now_ms))
			return;
		session_received(peer, now_ms);
		if ((size_t)n < len)
			return; /* the socket is empty for now */
	}
}

/* Gives the buffers of a quiet connection back. */
static void trim(struct peer *peer)
{
	size_t before = peer->reader.capacity;

	line_reader_shrink(&peer->reader);
	if (peer->reader.capacity < before)
		mem_account_give(&peer->memory, before - peer->reader.capacity);
	arena_free(&peer->arena);
	buf_free(&peer->scratch);
}

static bool holds_buffers(const struct peer *peer)
{
	return (peer->reader.capacity > 0 && line_reader_buffered(&peer->reader) == 0) || peer->arena.reserved > 0;
}

static void check_progress(struct peer *peer, int64_t now_ms)
{
	int64_t since_ms;
	bool waiting;

	mutex_lock(&peer->out);
	waiting = out_queue_bytes(&peer->queue) > 0;
	since_ms = peer->progress_ms;
	mutex_unlock(&peer->out);
	if (waiting && now_ms - since_ms >= net_params(peer->net)->no_progress_ms)
		peer_ask_close(peer, PEER_CLOSE_SLOW_CONSUMER);
}

/* Sends what is queued; true while more waits for the socket. */
static bool flush(struct peer *peer, int64_t now_ms)
{
	int64_t sent_us;
	int r;

	if (peer->session.phase == SESSION_CONNECTING)
		return false;
	sent_us = peer->session.unflushed_count > 0 ? clock_mono_us() : 0;
	r = peer_flush(peer);
	if (r && r != -EAGAIN) {
		peer_ask_close(peer, PEER_CLOSE_RESET);
		peer->session.deadline_ms = now_ms;
	}
	session_flushed(peer, now_ms, sent_us);
	if (r == -EAGAIN)
		check_progress(peer, now_ms);
	return r == -EAGAIN;
}

/* Requests that waited for output which has left meanwhile: nothing else may ever wake us for them. */
static bool can_unpark(struct peer *peer)
{
	return peer->session.phase == SESSION_READY && peer->session.parked_count > 0 &&
	       peer_queue_bytes(peer) <= net_params(peer->net)->output_soft_bytes;
}

static int poll_timeout(struct peer *peer, int64_t deadline_ms, int64_t now_ms, bool want_out)
{
	int64_t wait_ms = deadline_ms - now_ms;

	if (holds_buffers(peer) && wait_ms > QUIET_MS)
		wait_ms = QUIET_MS;
	if (want_out && wait_ms > QUIET_MS)
		wait_ms = QUIET_MS;
	if (want_out && wait_ms > net_params(peer->net)->no_progress_ms)
		wait_ms = net_params(peer->net)->no_progress_ms;
	if (atomic_load_explicit(&peer->starved, memory_order_relaxed) && wait_ms > RETRY_MS)
		wait_ms = RETRY_MS;
	if (peer->session.phase == SESSION_LINGER && wait_ms > RETRY_MS)
		wait_ms = RETRY_MS;
	if (wait_ms < 0 || can_unpark(peer))
		wait_ms = 0;
	return wait_ms > MAX_POLL_MS ? MAX_POLL_MS : (int)wait_ms;
}

static short wanted_events(const struct peer *peer, bool want_out)
{
	short events = POLLIN;

	if (peer->session.phase == SESSION_CONNECTING)
		return POLLOUT;
	if (atomic_load_explicit(&peer->starved, memory_order_relaxed))
		events = 0;
	if (session_holds_lines(peer))
		events = POLLRDHUP;
	if (want_out)
		events |= POLLOUT;
	return events;
}

/* One turn of the loop.  False: the connection is to end. */
static bool turn(struct peer *peer)
{
	struct pollfd fds[2] = {{.fd = peer->fd}, {.fd = peer->wake_fd, .events = POLLIN}};
	int64_t now_ms = clock_mono_ms(), deadline_ms;
	bool want_out;
	int timeout, n;

	deadline_ms = session_tick(peer, now_ms);
	/* Lines that waited for the verdict of the pair rule do not wait for more bytes. */
	if (peer->session.phase == SESSION_READY && line_reader_buffered(&peer->reader) > 0)
		(void)handle_lines(peer, now_ms);
	want_out = flush(peer, now_ms);
	faults_turn(peer, &fds[0], &deadline_ms, now_ms);
	if (closing(peer) && peer->session.phase != SESSION_LINGER)
		return false;
	fds[0].events = wanted_events(peer, want_out);
	timeout = poll_timeout(peer, deadline_ms, now_ms, want_out);
	n = poll(fds, 2, timeout);
	CHECK(n >= 0 || errno == EINTR);
	now_ms = clock_mono_ms();
	if (n == 0 && timeout >= QUIET_MS)
		trim(peer);
	if (n <= 0 && !atomic_load_explicit(&peer->starved, memory_order_relaxed))
		return true;
	if (n > 0 && fds[1].revents)
		drain_wake(peer);
	if (peer->session.phase == SESSION_CONNECTING) {
		if (fds[0].revents)
			finish_connect(peer, now_ms);
		return true;
	}
	if (session_holds_lines(peer)) {
		if (fds[0].revents & (POLLRDHUP | POLLHUP | POLLERR))
			peer_ask_close(peer, PEER_CLOSE_EOF);
		return true;
	}
	if (handle_lines(peer, now_ms) && ((fds[0].revents & (POLLIN | POLLHUP | POLLERR)) ||
					   atomic_load_explicit(&peer->starved, memory_order_relaxed)))
		read_turn(peer, now_ms);
	/* Nothing is read for want of memory: the end would be seen by nobody, and the poll return at once for ever. */
	if (atomic_load_explicit(&peer->starved, memory_order_relaxed) && (fds[0].revents & (POLLHUP | POLLERR))) {
		peer_ask_close(peer, PEER_CLOSE_RESET);
		peer->session.deadline_ms = now_ms;
	}
	return true;
}

/* After the verdict of a tie-break: what is owed leaves, then the other end is waited for. */
static void linger(struct peer *peer)
{
	bool shut = false;

	if (!session_begin_linger(peer, clock_mono_ms()))
		return;
	while (!net_is_stopping(peer->net) && clock_mono_ms() < peer->session.deadline_ms) {
		if (peer->direction == PEER_INBOUND && !shut && peer_queue_bytes(peer) == 0) {
			(void)shutdown(peer->fd, SHUT_WR);
			shut = true;
		}
		(void)turn(peer);
	}
}

static void end(struct peer *peer)
{
	(void)peer_flush(peer);
	peer_close_fds(peer);
	peer_record_close(peer);
	faults_free(peer);
	session_free(peer);
	mem_account_give(&peer->memory, peer->reader.capacity);
	line_reader_free(&peer->reader);
	arena_free(&peer->arena);
	buf_free(&peer->scratch);
	session_ended(peer, clock_mono_ms());
	PROBE_CONNECTION_CLOSE(peer->ip_text, peer->addr.port, peer->direction == PEER_OUTBOUND, peer->id,
			       peer_close_reason_name((enum peer_close_reason)atomic_load(&peer->close_reason)));
	crash_set_peer(NULL);
	peer_table_finished(net_table(peer->net), peer);
}

void *peer_worker(void *arg)
{
	struct peer *peer = arg;

	/* Until here the creator writes to the peer (its thread handle) under this lock. */
	mutex_lock(&peer->out);
	mutex_unlock(&peer->out);
	crash_set_peer(peer->ip_text);
	PROBE_CONNECTION_OPEN(peer->ip_text, peer->addr.port, peer->direction == PEER_OUTBOUND, peer->id);
	session_init(peer, clock_mono_ms());
	if (peer->direction == PEER_INBOUND)
		set_socket_options(peer);
	while (turn(peer))
		continue;
	linger(peer);
	end(peer);
	return NULL;
}
