/* SPDX-License-Identifier: MIT
 *
 * The dialer thread; see dialer.h.
 */
#include "dialer.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net_impl.h"
#include "peer_table.h"
#include "timed/net/net.h"
#include "timed/util/clock.h"
#include "timed/util/log.h"
#include "timed/util/thread.h"

/* Without descriptors or threads a dial is tried again after this. */
#define EXHAUSTED_PAUSE_MS 5000
/* A banned address is looked at again after this. */
#define BANNED_PAUSE_MS 60000

struct dialer {
	struct net *net;
	struct thread thread;
	struct mutex lock; /* guards quit and woken */
	struct cond cond;
	bool quit, woken;
};

int dialer_create(struct dialer **out, struct net *net)
{
	struct dialer *d = calloc(1, sizeof(*d));

	if (!d)
		return -ENOMEM;
	d->net = net;
	mutex_init(&d->lock, "dialer", MUTEX_RANK_LEAF);
	cond_init(&d->cond);
	*out = d;
	return 0;
}

void dialer_free(struct dialer *d)
{
	if (!d)
		return;
	cond_destroy(&d->cond);
	mutex_destroy(&d->lock);
	free(d);
}

void dialer_wake(struct dialer *d)
{
	mutex_lock(&d->lock);
	d->woken = true;
	cond_signal(&d->cond);
	mutex_unlock(&d->lock);
}

/* A socket for a connection to `addr`, or a negative errno.  Bound to the listen IP when that is one address, so that
 * nodes on 127.0.0.1, 127.0.0.2, ... of one machine are different peers. */
static int open_socket(const struct net_params *p, const struct net_addr *addr)
{
	struct net_addr from = {.ip = p->listen.ip, .port = 0};
	struct sockaddr_storage sa, bind_sa;
	socklen_t bind_len = net_addr_to_sockaddr(&bind_sa, &from);
	int fd, r;

	(void)net_addr_to_sockaddr(&sa, addr);
	fd = socket(sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (!net_ip_is_unspecified(&from.ip) && bind_sa.ss_family == sa.ss_family &&
	    bind(fd, (struct sockaddr *)&bind_sa, bind_len)) {
		r = -errno;
		close(fd);
		return r;
	}
	return fd;
}

/* Ours is the want, not the peer's. */
static bool is_exhausted(int r)
{
	return r == -EMFILE || r == -ENFILE || r == -ENOBUFS || r == -ENOMEM || r == -EAGAIN;
}

static void put_back(struct net *net, const struct net_addr *addr, enum address_end end, int64_t pause_ms)
{
	(void)address_book_closed(net_addresses(net), &addr->ip, end, pause_ms, randombytes_random(), clock_mono_ms());
}

static void dial(struct net *net, const struct net_addr *addr)
{
	bool manual = address_book_is_manual(net_addresses(net), &addr->ip);
	char text[NET_ADDR_TEXT_SIZE];
	int r;

	if (ban_list_is_banned(net_bans(net), &addr->ip, clock_real_s())) {
		put_back(net, addr, ADDRESS_END_REFUSED, BANNED_PAUSE_MS);
		return;
	}
	r = open_socket(net_params(net), addr);
	if (r >= 0)
		r = net_start_peer(net, addr, PEER_OUTBOUND, r, manual);
	if (!r)
		return;
	if (r == -EEXIST || r == -EACCES) {
		put_back(net, addr, ADDRESS_END_REDUNDANT, 0);
	} else if (r == -ESHUTDOWN || is_exhausted(r)) {
		put_back(net, addr, ADDRESS_END_REFUSED, EXHAUSTED_PAUSE_MS);
	} else {
		net_addr_text(text, addr);
		log_debug(LOG_NET, "Connecting to %s failed: %s", text, strerrorname_np(-r));
		put_back(net, addr, ADDRESS_END_FAILED, 0);
	}
}

static void *dialer_run(void *arg)
{
	struct dialer *d = arg;
	bool quit = false;

	while (!quit) {
		struct net_addr addr;
		int64_t next_ms = INT64_MAX;

		while (net_is_active(d->net) &&
		       address_book_next(net_addresses(d->net), &addr, &next_ms,
					 !peer_table_has_regular_slot(net_table(d->net)), clock_mono_ms())) {
			dial(d->net, &addr);
			if (net_is_stopping(d->net))
				break;
		}
		mutex_lock(&d->lock);
		while (!d->quit && !d->woken) {
			if (next_ms == INT64_MAX)
				cond_wait(&d->cond, &d->lock);
			else if (cond_wait_until(&d->cond, &d->lock, next_ms))
				break;
		}
		d->woken = false;
		quit = d->quit;
		mutex_unlock(&d->lock);
	}
	return NULL;
}

int dialer_start(struct dialer *d)
{
	return thread_start(&d->thread, "dialer", dialer_run, d);
}

void dialer_stop(struct dialer *d)
{
	mutex_lock(&d->lock);
	d->quit = true;
	cond_signal(&d->cond);
	mutex_unlock(&d->lock);
	if (d->thread.started)
		thread_join(&d->thread);
	d->thread.started = false;
}
