/* SPDX-License-Identifier: MIT
 *
 * The discovery service (PROTOCOL.md §4 "Peer sources"): an HTTPS URL that answers with a JSON array of "ip:port" strings,
 * asked at start and every hour on a thread of its own.  A failure is a warning and nothing else.
 */
#include <curl/curl.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "node_impl.h"
#include "timed/util/clock.h"
#include "timed/util/log.h"
#include "timeproto/wire/json.h"

/* A list of addresses is no longer than this. */
#define ANSWER_BYTES 262144
#define WAIT_MS 60000

struct discovery {
	struct node *node;
	struct thread thread;
	CURLM *multi;	  /* waited on, woken by discovery_stop */
	atomic_bool quit;
};

static size_t take_bytes(char *bytes, size_t size, size_t count, void *user)
{
	struct buf *answer = user;

	if (answer->len + size * count > ANSWER_BYTES)
		return 0; /* curl: the transfer failed */
	buf_append(answer, bytes, size * count);
	return answer->error ? 0 : size * count;
}

static void learn(struct node *node, const struct buf *answer)
{
	struct wire_str_list list;
	struct wire_error error;
	struct arena arena;
	size_t added = 0;

	arena_init(&arena, 4 * ANSWER_BYTES, NULL);
	if (wire_json_decode_value(&list, &wire_desc_peer_list, &arena, answer->data, answer->len, &error)) {
		log_warn(LOG_NET, "The discovery service's answer is no JSON array of strings (byte %zu: %s)",
			 error.offset, error.text);
		list.len = 0;
	}
	for (size_t i = 0; i < list.len; i++) {
		struct net_addr addr;

		if (!net_addr_parse(&addr, list.items[i].ptr, list.items[i].len, node->chain_params.p2p_port))
			added += address_book_add(net_addresses(node->net), &addr, ADDR_SOURCE_DISCOVERY,
						  clock_mono_ms()) == ADDRESS_ADDED;
	}
	log_info(LOG_NET, "The discovery service names %zu addresses, %zu of them new", list.len, added);
	arena_free(&arena);
	if (added > 0)
		net_wake_dialer(node->net);
}

/* Drives the one transfer to its end, or until we are to quit. */
static CURLcode perform(struct discovery *d)
{
	int running = 1, left;

	while (running && !atomic_load(&d->quit)) {
		if (curl_multi_perform(d->multi, &running) != CURLM_OK)
			return CURLE_FAILED_INIT;
		if (running && curl_multi_poll(d->multi, NULL, 0, WAIT_MS, NULL) != CURLM_OK)
			return CURLE_FAILED_INIT;
	}
	for (;;) {
		CURLMsg *msg = curl_multi_info_read(d->multi, &left);

		if (!msg)
			return CURLE_ABORTED_BY_CALLBACK;
		if (msg->msg == CURLMSG_DONE)
			return msg->data.result;
	}
}

static void ask(struct discovery *d)
{
	const struct config *c = d->node->config;
	struct buf answer = BUF_INIT;
	CURL *easy = curl_easy_init();
	CURLcode result = CURLE_FAILED_INIT;

	if (!easy)
		return;
	curl_easy_setopt(easy, CURLOPT_URL, c->network.discovery_url);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)c->timers.discovery_timeout_ms);
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 1L);
	curl_easy_setopt(easy, CURLOPT_FAILONERROR, 1L);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	/* Neither a stop nor the timeout waits for a name server that does not answer. */
	curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_bytes);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, &answer);
	if (curl_multi_add_handle(d->multi, easy) == CURLM_OK) {
		result = perform(d);
		curl_multi_remove_handle(d->multi, easy);
	}
	if (result == CURLE_OK)
		learn(d->node, &answer);
	else if (!atomic_load(&d->quit))
		log_warn(LOG_NET, "The discovery service %s gave no answer: %s", c->network.discovery_url,
			 curl_easy_strerror(result));
	curl_easy_cleanup(easy);
	buf_free(&answer);
}

static void *discovery_run(void *arg)
{
	struct discovery *d = arg;

	while (!atomic_load(&d->quit)) {
		int64_t next_ms = clock_mono_ms() + d->node->config->timers.discovery_interval_ms;

		if (net_is_active(d->node->net))
			ask(d);
		while (!atomic_load(&d->quit) && clock_mono_ms() < next_ms) {
			int64_t wait_ms = next_ms - clock_mono_ms();

			if (curl_multi_poll(d->multi, NULL, 0, (int)(wait_ms < WAIT_MS ? wait_ms : WAIT_MS), NULL))
				return NULL;
		}
	}
	return NULL;
}

int discovery_start(struct discovery **out, struct node *node)
{
	struct discovery *d = calloc(1, sizeof(*d));
	int r = -ENOMEM;

	if (!d)
		return -ENOMEM;
	d->node = node;
	if (curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK)
		d->multi = curl_multi_init();
	if (d->multi) {
		*out = d;
		r = thread_start(&d->thread, "discovery", discovery_run, d);
	}
	if (r) {
		*out = NULL;
		discovery_stop(d);
	}
	return r;
}

void discovery_stop(struct discovery *d)
{
	if (!d)
		return;
	atomic_store(&d->quit, true);
	if (d->thread.started) {
		curl_multi_wakeup(d->multi);
		thread_join(&d->thread);
	}
	if (d->multi)
		curl_multi_cleanup(d->multi);
	curl_global_cleanup();
	free(d);
}
