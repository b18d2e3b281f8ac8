/* SPDX-License-Identifier: MIT
 *
 * The acceptor thread; see acceptor.h.
 */
#include "acceptor.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net_impl.h"
#include "timed/net/net.h"
#include "timed/util/clock.h"
#include "timed/util/log.h"
#include "timed/util/progress.h"
#include "timed/util/thread.h"

#define BACKLOG 1024

struct acceptor {
	struct net *net;
	struct thread thread;
	int listener;	/* non-blocking */
	int quit_fd;	/* eventfd: written once */
	uint16_t port;	/* that the listener got */
	atomic_uint_fast64_t exhausted, refused_banned, refused_rate;
};

/* The connection is refused without a word: closing with unread data resets it, which is what is meant. */
static bool admissible(struct acceptor *a, const struct net_addr *addr, const char *text)
{
	struct ban_list *bans = net_bans(a->net);

	if (!net_is_active(a->net)) {
		log_debug(LOG_NET, "Refusing %s: the network is switched off", text);
		return false;
	}
	if (ban_list_is_banned(bans, &addr->ip, clock_real_s())) {
		atomic_fetch_add(&a->refused_banned, 1);
		log_debug(LOG_NET, "Refusing %s: banned", text);
		return false;
	}
	if (!ban_list_allow_connect(bans, &addr->ip, clock_mono_ms())) {
		atomic_fetch_add(&a->refused_rate, 1);
		log_debug(LOG_NET, "Refusing %s: connects too often", text);
		return false;
	}
	return true;
}

/* One connection of the backlog.  False: the backlog is empty, or accepting must pause (*pause). */
static bool accept_one(struct acceptor *a, bool *pause)
{
	struct sockaddr_storage sa;
	socklen_t len = sizeof(sa);
	char text[NET_ADDR_TEXT_SIZE];
	struct net_addr addr;
	int fd = accept4(a->listener, (struct sockaddr *)&sa, &len, SOCK_CLOEXEC);
	int r;

	if (fd < 0) {
		*pause = errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM;
		return errno == EINTR || errno == ECONNABORTED;
	}
	net_addr_from_sockaddr(&addr, (struct sockaddr *)&sa);
	net_addr_text(text, &addr);
	if (!admissible(a, &addr, text)) {
		close(fd);
		return true;
	}
	log_info(LOG_NET, "🔌 New peer connection from: %s", text);
	r = net_start_peer(a->net, &addr, PEER_INBOUND, fd, false);
	*pause = r && r != -ESHUTDOWN && r != -EACCES;
	return !*pause;
}

/* How long it may wait for a connection: for ever, where nobody watches. */
static int wait_ms(const struct progress *progress)
{
	int64_t due_ms = progress_due_ms(progress);

	return due_ms == INT64_MAX ? -1 : (int)(due_ms - clock_mono_ms());
}

static void *acceptor_run(void *arg)
{
	struct acceptor *a = arg;
	struct progress *progress = net_params(a->net)->accepting;
	struct pollfd fds[2] = {{.fd = a->quit_fd, .events = POLLIN}, {.fd = a->listener, .events = POLLIN}};
	int pause_ms = (int)net_params(a->net)->accept_wait_ms;
	bool paused = false;

	for (;;) {
		bool pause = false;

		/* Without descriptors the listener stays readable: look away from it for a while, do not spin. */
		progress_mark(progress, "waiting for connections");
		CHECK(poll(fds, paused ? 1 : 2, paused ? pause_ms : wait_ms(progress)) >= 0 || errno == EINTR);
		if (fds[0].revents)
			break;
		/* A backlog that never empties must not keep us from the quit pipe. */
		do
			progress_mark(progress, "accepting a connection");
		while (!net_is_stopping(a->net) && accept_one(a, &pause));
		if (pause) {
			if (atomic_fetch_add(&a->exhausted, 1) % 100 == 0)
				log_warn(LOG_NET, "Out of file descriptors or memory: accepting pauses");
		}
		paused = pause;
	}
	progress_end(progress);
	return NULL;
}

static int open_listener(struct acceptor *a)
{
	struct net_addr want = net_params(a->net)->listen;
	struct sockaddr_storage sa;
	socklen_t len = net_addr_to_sockaddr(&sa, &want);
	struct net_addr got;
	int on = 1, off = 0, r;

	a->listener = socket(sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (a->listener < 0)
		return -errno;
	(void)setsockopt(a->listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (sa.ss_family == AF_INET6)
		(void)setsockopt(a->listener, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	if (bind(a->listener, (struct sockaddr *)&sa, len) || listen(a->listener, BACKLOG) ||
	    getsockname(a->listener, (struct sockaddr *)&sa, &len)) {
		r = -errno;
		close(a->listener);
		a->listener = -1;
		return r;
	}
	net_addr_from_sockaddr(&got, (struct sockaddr *)&sa);
	a->port = got.port;
	return 0;
}

int acceptor_start(struct acceptor **out, struct net *net)
{
	struct acceptor *a = calloc(1, sizeof(*a));
	int r = -ENOMEM;

	if (!a)
		return -ENOMEM;
	a->net = net;
	a->listener = -1;
	a->quit_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (a->quit_fd < 0)
		r = -errno;
	else
		r = open_listener(a);
	if (!r) {
		*out = a;
		r = thread_start(&a->thread, "acceptor", acceptor_run, a);
	}
	if (r) {
		*out = NULL;
		acceptor_stop(a);
		acceptor_free(a);
	}
	return r;
}

void acceptor_stop(struct acceptor *a)
{
	uint64_t one = 1;

	if (!a)
		return;
	if (a->thread.started) {
		CHECK(write(a->quit_fd, &one, sizeof(one)) == sizeof(one));
		thread_join(&a->thread);
	}
	if (a->listener >= 0)
		close(a->listener);
	if (a->quit_fd >= 0)
		close(a->quit_fd);
	a->listener = a->quit_fd = -1;
}

void acceptor_free(struct acceptor *a)
{
	free(a);
}

uint16_t acceptor_port(const struct acceptor *a)
{
	return a->port;
}

uint64_t acceptor_exhausted(const struct acceptor *a)
{
	return atomic_load(&a->exhausted);
}

uint64_t acceptor_refused_banned(const struct acceptor *a)
{
	return atomic_load(&a->refused_banned);
}

uint64_t acceptor_refused_rate(const struct acceptor *a)
{
	return atomic_load(&a->refused_rate);
}
