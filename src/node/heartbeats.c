// SPDX-License-Identifier: MIT
/* Heartbeats and attestations of masternodes: see heartbeats.h. */
#include "heartbeats.h"

#include <errno.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "node_impl.h"
#include "timed/net/frame.h"
#include "timed/util/clock.h"
#include "timed/util/log.h"
#include "timeproto/chain/digest.h"

/* How often the silent are looked for. */
#define SWEEP_MS 60000
/* A masternode makes one an interval; this part of it, in seconds, has to lie between two. */
#define GAP_PART_MS 4000
/* A replay is of no use while its timestamp is out of the window: nobody is forgotten earlier. */
#define FORGET_WINDOWS 3

struct heartbeats {
	struct node *node;
	int64_t own_due_ms, sweep_due_ms; /* keeper only */
	/* Guarded by node->registry_lock. */
	struct attestation *attestation;
	uint64_t made;		 /* heartbeats of ours */
	uint64_t attested;	 /* attestations of ours */
	uint64_t bad_signatures; /* of both kinds */
};

int heartbeats_new(struct heartbeats **out, struct node *node)
{
	const struct config *c = node->config;
	struct heartbeats *h = calloc(1, sizeof(*h));
	struct attestation_params params;
	int64_t now_ms = clock_mono_ms(), least_s;

	if (!h)
		return -ENOMEM;
	attestation_params_init(&params);
	params.window_s = c->timers.heartbeat_window_ms / 1000;
	least_s = FORGET_WINDOWS * params.window_s;
	params.limit = c->limits.masternodes;
	params.gap_s = c->timers.announce_interval_ms / GAP_PART_MS;
	params.forget_s = c->timers.masternode_forget_ms / 1000;
	if (params.forget_s < least_s)
		params.forget_s = least_s;
	randombytes_buf(params.seed, sizeof(params.seed));
	if (attestation_new(&h->attestation, &params)) {
		free(h);
		return -ENOMEM;
	}
	h->node = node;
	/* As our announcement: whom we meet at the start has heard of us then. */
	h->own_due_ms = now_ms + c->timers.announce_delay_ms;
	h->sweep_due_ms = now_ms + SWEEP_MS;
	*out = h;
	return 0;
}

void heartbeats_free(struct heartbeats *h)
{
	if (!h)
		return;
	attestation_free(h->attestation);
	free(h);
}

void heartbeats_forget(struct heartbeats *h, const char *ip)
{
	const struct wire_str address = {ip, strlen(ip)};

	mutex_lock(&h->node->registry_lock);
	attestation_drop(h->attestation, &address);
	mutex_unlock(&h->node->registry_lock);
}

/* The registry knows a masternode by the text of its IP: no other spelling of it is one. */
static bool is_ip_text(char out[REGISTRY_IP_SIZE], const struct wire_str *address)
{
	struct net_addr addr;

	if (address->len >= REGISTRY_IP_SIZE || net_addr_parse(&addr, address->ptr, address->len, 0) || addr.port)
		return false;
	net_ip_text(out, &addr.ip);
	return strlen(out) == address->len && memcmp(out, address->ptr, address->len) == 0;
}

static const struct wire_key *key_of_locked(const struct heartbeats *h, const char *ip) REQUIRES(h->node->registry_lock)
{
	const struct registry_entry *entry = registry_find(h->node->registry, ip);

	return entry ? &entry->key : NULL;
}

/* A key that is not announced is right only over the connection of a masternode that is known. */
static int judge_locked(const struct heartbeats *h, const char *ip, const struct wire_heartbeat *heartbeat,
			bool own_connection) REQUIRES(h->node->registry_lock)
{
	const struct wire_key *announced = key_of_locked(h, ip);

	return attestation_expect_heartbeat(h->attestation, heartbeat, announced, own_connection && announced,
					    clock_real_s());
}

static int refuse_locked(struct heartbeats *h, int error) REQUIRES(h->node->registry_lock)
{
	if (error == HEARTBEATS_E_SIGNATURE)
		h->bad_signatures++;
	else
		attestation_refuse(h->attestation, error);
	return error;
}

static int refuse(struct heartbeats *h, int error)
{
	mutex_lock(&h->node->registry_lock);
	error = refuse_locked(h, error);
	mutex_unlock(&h->node->registry_lock);
	return error;
}

/* Whether it would be taken, if its signature verified. */
static int expect_locked(struct heartbeats *h, const char *ip, const struct wire_heartbeat *heartbeat,
			 bool own_connection) REQUIRES(h->node->registry_lock)
{
	const struct registry_entry *own = registry_own(h->node->registry);
	int r;

	if (own && strcmp(own->ip, ip) == 0)
		return HEARTBEATS_E_OWN;
	r = judge_locked(h, ip, heartbeat, own_connection);
	/* Others have told us of it: the heartbeat proves it. */
	if (r == ATTESTATION_E_KEY && registry_is_hinted(h->node->registry, ip, &heartbeat->masternode_pubkey))
		return 0;
	return r ? refuse_locked(h, r) : 0;
}

static int take_locked(struct heartbeats *h, struct registry_event *event, const char *ip,
		       const struct wire_heartbeat *heartbeat, bool own_connection) REQUIRES(h->node->registry_lock)
{
	struct registry *registry = h->node->registry;
	int64_t now_ms = clock_mono_ms();
	const struct wire_key *announced;
	int r = judge_locked(h, ip, heartbeat, own_connection);

	if (r == ATTESTATION_E_KEY && registry_prove(registry, event, ip, &heartbeat->masternode_pubkey, now_ms) < 0)
		return -ENOMEM;
	announced = key_of_locked(h, ip);
	r = attestation_heartbeat(h->attestation, heartbeat, announced, own_connection && announced,
				  registry_known(registry), clock_real_s());
	if (!r && event->kind == REGISTRY_NOTHING)
		registry_heard(registry, event, ip, now_ms);
	return r;
}

int heartbeats_take(struct heartbeats *h, const struct wire_heartbeat *heartbeat, bool own_connection)
{
	struct registry_event event = {.kind = REGISTRY_NOTHING};
	char ip[REGISTRY_IP_SIZE];
	struct wire_hash digest;
	int r;

	if (!is_ip_text(ip, &heartbeat->masternode_address))
		return refuse(h, ATTESTATION_E_ADDRESS);
	mutex_lock(&h->node->registry_lock);
	r = expect_locked(h, ip, heartbeat, own_connection);
	mutex_unlock(&h->node->registry_lock);
	if (r)
		return r;
	digest_heartbeat(&digest, heartbeat);
	if (!digest_verify(&digest, &heartbeat->signature, &heartbeat->masternode_pubkey))
		return refuse(h, HEARTBEATS_E_SIGNATURE);
	mutex_lock(&h->node->registry_lock);
	r = take_locked(h, &event, ip, heartbeat, own_connection);
	mutex_unlock(&h->node->registry_lock);
	node_masternode_event(h->node, &event);
	return r;
}

int heartbeats_make(struct heartbeats *h, struct wire_heartbeat *out)
{
	struct node *node = h->node;
	struct wire_hash digest;
	int r;

	*out = (struct wire_heartbeat){
		.masternode_address = {node->own_ip, strlen(node->own_ip)},
		.timestamp = clock_real_s(),
		.masternode_pubkey = *wallet_public_key(node->wallet),
	};
	mutex_lock(&node->registry_lock);
	out->sequence_number = attestation_own_sequence(h->attestation, clock_real_ms());
	r = attestation_heartbeat(h->attestation, out, &out->masternode_pubkey, false, registry_known(node->registry),
				  out->timestamp);
	if (!r)
		h->made++;
	mutex_unlock(&node->registry_lock);
	if (r < 0)
		return r;
	digest_heartbeat(&digest, out);
	wallet_sign(node->wallet, &out->signature, digest.bytes, sizeof(digest.bytes));
	return 0;
}

bool heartbeats_attest(struct heartbeats *h, struct wire_attestation *out, const struct wire_heartbeat *heartbeat)
{
	struct node *node = h->node;
	struct wire_hash digest;
	int r;

	if (!node->is_masternode)
		return false;
	*out = (struct wire_attestation){
		.witness_address = {node->own_ip, strlen(node->own_ip)},
		.witness_pubkey = *wallet_public_key(node->wallet),
		.witness_timestamp = clock_real_s(),
	};
	digest_heartbeat_hash(&out->heartbeat_hash, heartbeat);
	mutex_lock(&node->registry_lock);
	r = attestation_expect_witness(h->attestation, out, &out->witness_pubkey, out->witness_timestamp);
	if (!r)
		r = attestation_witness(h->attestation, out, NULL, &out->witness_pubkey, registry_known(node->registry),
					out->witness_timestamp);
	if (!r)
		h->attested++;
	mutex_unlock(&node->registry_lock);
	if (r)
		return false;
	digest_attestation(&digest, out);
	wallet_sign(node->wallet, &out->signature, digest.bytes, sizeof(digest.bytes));
	return true;
}

int heartbeats_witness(struct heartbeats *h, const struct wire_attestation *witness)
{
	char ip[REGISTRY_IP_SIZE];
	struct wire_hash digest;
	int r;

	if (!is_ip_text(ip, &witness->witness_address))
		return refuse(h, ATTESTATION_E_ADDRESS);
	mutex_lock(&h->node->registry_lock);
	r = attestation_expect_witness(h->attestation, witness, key_of_locked(h, ip), clock_real_s());
	if (r)
		(void)refuse_locked(h, r);
	mutex_unlock(&h->node->registry_lock);
	if (r)
		return r;
	digest_attestation(&digest, witness);
	if (!digest_verify(&digest, &witness->signature, &witness->witness_pubkey))
		return refuse(h, HEARTBEATS_E_SIGNATURE);
	mutex_lock(&h->node->registry_lock);
	r = attestation_witness(h->attestation, witness, NULL, key_of_locked(h, ip), registry_known(h->node->registry),
				clock_real_s());
	mutex_unlock(&h->node->registry_lock);
	return r;
}

/* ---- The network ---- */

static void broadcast(struct heartbeats *h, const struct wire_message *message, const struct peer *except)
{
	struct frame *frame;

	if (frame_encode(&frame, net_budget(h->node->net), message))
		return; /* the next one is a minute away */
	(void)net_broadcast(h->node->net, frame, SEND_GOSSIP, except);
	frame_unref(frame);
}

enum message_verdict heartbeats_on_broadcast(struct peer *peer, const struct wire_message *message)
{
	const struct wire_heartbeat *heartbeat = &message->u.heartbeat_broadcast;
	struct node *node = peer_user(peer);
	struct heartbeats *h = node->heartbeats;
	struct wire_message attestation = {.type = WIRE_HEARTBEAT_ATTESTATION};
	const char *ip = peer_ip_text(peer);
	bool own = heartbeat->masternode_address.len == strlen(ip) &&
		   memcmp(heartbeat->masternode_address.ptr, ip, strlen(ip)) == 0;
	int r = heartbeats_take(h, heartbeat, own && !peer_is_key_disputed(peer));

	if (r) {
		log_debug(LOG_MASTERNODE, "Heartbeat from %s not taken (%d)", ip, r);
		return MESSAGE_USELESS;
	}
	broadcast(h, message, peer);
	if (heartbeats_attest(h, &attestation.u.heartbeat_attestation, heartbeat))
		broadcast(h, &attestation, NULL);
	return MESSAGE_USEFUL;
}

enum message_verdict heartbeats_on_attestation(struct peer *peer, const struct wire_message *message)
{
	struct node *node = peer_user(peer);

	if (heartbeats_witness(node->heartbeats, &message->u.heartbeat_attestation))
		return MESSAGE_USELESS;
	broadcast(node->heartbeats, message, peer);
	return MESSAGE_USEFUL;
}

static void send_own(struct heartbeats *h)
{
	struct wire_message m = {.type = WIRE_HEARTBEAT_BROADCAST};

	if (heartbeats_make(h, &m.u.heartbeat_broadcast)) {
		log_warn(LOG_MASTERNODE, "No memory for our heartbeat");
		return;
	}
	broadcast(h, &m, NULL);
	log_debug(LOG_MASTERNODE, "Sent our heartbeat %" PRIu64, m.u.heartbeat_broadcast.sequence_number);
}

void heartbeats_tick(struct heartbeats *h, int64_t now_ms)
{
	struct node *node = h->node;

	if (node->is_masternode && now_ms >= h->own_due_ms) {
		send_own(h);
		h->own_due_ms = now_ms + node->config->timers.announce_interval_ms;
	}
	if (now_ms >= h->sweep_due_ms) {
		mutex_lock(&node->registry_lock);
		attestation_sweep(h->attestation, clock_real_s());
		mutex_unlock(&node->registry_lock);
		h->sweep_due_ms = now_ms + SWEEP_MS;
	}
}

/* ---- For people ---- */

void node_heartbeat_stats(struct node *node, struct node_heartbeat_stats *out)
{
	struct heartbeats *h = node->heartbeats;

	mutex_lock(&node->registry_lock);
	attestation_stats(h->attestation, &out->of_all);
	out->made = h->made;
	out->attested = h->attested;
	out->bad_signatures = h->bad_signatures;
	mutex_unlock(&node->registry_lock);
}

size_t node_heartbeat_history(struct node *node, struct attestation_status *last, struct attestation_past *out,
			      size_t max, const char *address)
{
	struct heartbeats *h = node->heartbeats;
	struct wire_str name = {address, strlen(address)};
	size_t count = 0;

	mutex_lock(&node->registry_lock);
	if (attestation_status(h->attestation, last, &name))
		count = attestation_history(h->attestation, out, max, &name);
	else
		memset(last, 0, sizeof(*last));
	mutex_unlock(&node->registry_lock);
	return count;
}
