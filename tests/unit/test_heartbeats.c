// SPDX-License-Identifier: MIT
/* node/heartbeats: signatures, the registry and the attestations of heartbeats, without the network (adversarial 49).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <check.h>
#include <sodium.h>

#include "heartbeats.h"
#include "net_fixture.h"
#include "node_impl.h"
#include "run_suite.h"
#include "timed/util/clock.h"
#include "timed/util/log.h"
#include "timeproto/chain/digest.h"

#define OWN_IP "10.0.0.9"

/* Somebody who signs. */
struct signer {
	const char *ip;
	struct wire_key key;
	uint8_t secret[64];
};

static struct config config;
static struct node node;
static struct signer a, b, c, stranger;
static struct registry_event event;
static char dir[32], wallet_file[64];
static int64_t offset_ms;

static struct wire_str text(const char *string)
{
	return (struct wire_str){string, strlen(string)};
}

static struct signer make_signer(const char *ip)
{
	struct signer s = {.ip = ip};

	crypto_sign_keypair(s.key.bytes, s.secret);
	return s;
}

static struct wire_masternode masternode_of(const struct signer *s)
{
	return (struct wire_masternode){.address = text(s->ip), .reward_address = text("TIME0"), .public_key = s->key};
}

/* As over its own connection. */
static void announce(const struct signer *s)
{
	struct wire_masternode m = masternode_of(s);

	mutex_lock(&node.registry_lock);
	ck_assert_int_eq(registry_announce(node.registry, &event, s->ip, &m, clock_mono_ms()), 0);
	mutex_unlock(&node.registry_lock);
}

static void become_masternode(void)
{
	char error[WALLET_TEXT_SIZE];
	struct wire_masternode own = {.address = text(OWN_IP)};

	ck_assert_int_eq(wallet_open_or_create(&node.wallet, error, wallet_file, CHAIN_TESTNET), 0);
	ck_assert_int_eq(wallet_keep_node_key(node.wallet), 0);
	own.public_key = *wallet_public_key(node.wallet);
	snprintf(node.own_ip, sizeof(node.own_ip), OWN_IP);
	node.is_masternode = true;
	mutex_lock(&node.registry_lock);
	ck_assert_int_eq(registry_set_own(node.registry, &event, OWN_IP, &own), 0);
	mutex_unlock(&node.registry_lock);
}

static void setup(void)
{
	static const char template[] = "/tmp/test_heartbeats.XXXXXX";
	const struct registry_params params = REGISTRY_PARAMS_DEFAULT;
	const struct net_params net = net_fixture_params("127.81.0.1");
	const struct net_ops ops = {.rules = fixture_rules};

	ck_assert_int_ge(sodium_init(), 0);
	for (int category = 0; category < LOG_CATEGORY_COUNT; category++)
		log_set_level((enum log_category)category, LOG_LEVEL_ERROR);
	memcpy(dir, template, sizeof(template));
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(wallet_file, sizeof(wallet_file), "%s/wallet", dir);
	memset(&node, 0, sizeof(node));
	config.limits.masternodes = 100;
	config.timers.announce_delay_ms = 5000;
	config.timers.announce_interval_ms = 60000;
	config.timers.heartbeat_window_ms = 180000;
	config.timers.masternode_forget_ms = 3600000;
	node.config = &config;
	mutex_init(&node.registry_lock, "registry", MUTEX_RANK_LEAF);
	ck_assert_int_eq(net_create(&node.net, &net, &ops), 0);
	ck_assert_int_eq(registry_new(&node.registry, &params, clock_mono_ms()), 0);
	ck_assert_int_eq(heartbeats_new(&node.heartbeats, &node), 0);
	a = make_signer("10.0.0.1");
	b = make_signer("10.0.0.2");
	c = make_signer("10.0.0.3");
	stranger = make_signer("10.0.0.66");
	offset_ms = 0;
}

static void teardown(void)
{
	clock_set_offset_ms(0, 0);
	heartbeats_free(node.heartbeats);
	registry_free(node.registry);
	net_free(node.net);
	free(node.changed);
	wallet_close(node.wallet);
	mutex_destroy(&node.registry_lock);
	(void)unlink(wallet_file);
	ck_assert_int_eq(rmdir(dir), 0);
}

/* Some seconds later; the next heartbeat of everybody is due after 15. */
static void later(int64_t seconds)
{
	offset_ms += seconds * 1000;
	clock_set_offset_ms(offset_ms, offset_ms);
}

static struct wire_heartbeat sign_heartbeat(const struct signer *s, const char *ip, uint64_t sequence,
					    int64_t timestamp)
{
	struct wire_heartbeat heartbeat = {.masternode_address = text(ip),
					   .sequence_number = sequence,
					   .timestamp = timestamp,
					   .masternode_pubkey = s->key};
	struct wire_hash digest;

	digest_heartbeat(&digest, &heartbeat);
	digest_sign(&heartbeat.signature, &digest, s->secret);
	return heartbeat;
}

static struct wire_heartbeat beat(const struct signer *s, uint64_t sequence)
{
	return sign_heartbeat(s, s->ip, sequence, clock_real_s());
}

static int take(const struct wire_heartbeat *heartbeat, bool own_connection)
{
	return heartbeats_take(node.heartbeats, heartbeat, own_connection);
}

static struct wire_attestation sign_attestation(const struct signer *s, const char *ip,
						const struct wire_heartbeat *heartbeat, int64_t timestamp)
{
	struct wire_attestation witness = {
		.witness_address = text(ip), .witness_pubkey = s->key, .witness_timestamp = timestamp};
	struct wire_hash digest;

	digest_heartbeat_hash(&witness.heartbeat_hash, heartbeat);
	digest_attestation(&digest, &witness);
	digest_sign(&witness.signature, &digest, s->secret);
	return witness;
}

static int attest(const struct signer *s, const struct wire_heartbeat *heartbeat)
{
	struct wire_attestation witness = sign_attestation(s, s->ip, heartbeat, clock_real_s());

	return heartbeats_witness(node.heartbeats, &witness);
}

static struct node_heartbeat_stats stats(void)
{
	struct node_heartbeat_stats out;

	node_heartbeat_stats(&node, &out);
	return out;
}

static struct attestation_status last(const char *ip)
{
	struct attestation_status status;
	struct attestation_past past;

	(void)node_heartbeat_history(&node, &status, &past, 1, ip);
	return status;
}

static size_t known(void)
{
	size_t n;

	mutex_lock(&node.registry_lock);
	n = registry_known(node.registry);
	mutex_unlock(&node.registry_lock);
	return n;
}

START_TEST(a_heartbeat_by_the_announced_key_is_taken_once)
{
	struct wire_heartbeat heartbeat = beat(&a, 1);

	announce(&a);
	ck_assert_int_eq(take(&heartbeat, false), 0);
	ck_assert_int_eq(take(&heartbeat, false), ATTESTATION_E_SEQUENCE);
	ck_assert_uint_eq(last(a.ip).sequence, 1);
	ck_assert_uint_eq(stats().of_all.heartbeats, 1);
	ck_assert_uint_eq(stats().of_all.refused[ATTESTATION_E_SEQUENCE], 1);
	ck_assert_uint_eq(stats().bad_signatures, 0);
}
END_TEST

START_TEST(adversarial_49_a_forged_heartbeat_is_not_counted)
{
	struct wire_heartbeat heartbeat = beat(&a, 1);
	size_t tries = 0;

	announce(&a);
	/* Any bit of the signature, and each of the fields. */
	for (size_t i = 0; i < sizeof(heartbeat.signature.bytes); i++, tries++) {
		heartbeat.signature.bytes[i] ^= 0x20;
		ck_assert_int_eq(take(&heartbeat, true), HEARTBEATS_E_SIGNATURE);
		heartbeat.signature.bytes[i] ^= 0x20;
	}
	heartbeat.sequence_number++;
	ck_assert_int_eq(take(&heartbeat, true), HEARTBEATS_E_SIGNATURE);
	heartbeat.sequence_number--;
	heartbeat.timestamp--;
	ck_assert_int_eq(take(&heartbeat, true), HEARTBEATS_E_SIGNATURE);
	heartbeat.timestamp++;
	announce(&b);
	heartbeat.masternode_address = text(b.ip);
	ck_assert_int_eq(take(&heartbeat, true), HEARTBEATS_E_SIGNATURE);
	/* Signed well, with another key. */
	heartbeat = sign_heartbeat(&stranger, a.ip, 1, clock_real_s());
	ck_assert_int_eq(take(&heartbeat, false), ATTESTATION_E_KEY);
	ck_assert_uint_eq(stats().of_all.heartbeats, 0);
	ck_assert_uint_eq(stats().bad_signatures, tries + 3);
	/* None of it stands in the way of the good one. */
	heartbeat = beat(&a, 1);
	ck_assert_int_eq(take(&heartbeat, false), 0);
}
END_TEST

START_TEST(adversarial_49_a_heartbeat_out_of_the_window_is_not_counted)
{
	struct wire_heartbeat heartbeat;

	announce(&a);
	for (int i = 0; i < 2; i++) {
		heartbeat = sign_heartbeat(&a, a.ip, 1, clock_real_s() + (i ? 200 : -200));
		ck_assert_int_eq(take(&heartbeat, true), ATTESTATION_E_WINDOW);
	}
	heartbeat = beat(&a, 1);
	later(200);
	ck_assert_int_eq(take(&heartbeat, true), ATTESTATION_E_WINDOW);
	ck_assert_uint_eq(stats().of_all.refused[ATTESTATION_E_WINDOW], 3);
	ck_assert_uint_eq(stats().bad_signatures, 0);
}
END_TEST

START_TEST(addresses_are_spelt_in_one_way)
{
	static const char *const others[] = {"",	  "10.0.0.1:24100", "010.0.0.1", "::ffff:10.0.0.1",
					     "10.0.0.1 ", "a.example",	    "10.0.0"};
	struct wire_heartbeat heartbeat;

	announce(&a);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		heartbeat = sign_heartbeat(&a, others[i], 1, clock_real_s());
		ck_assert_int_eq(take(&heartbeat, true), ATTESTATION_E_ADDRESS);
	}
}
END_TEST

START_TEST(a_good_heartbeat_counts_as_heard)
{
	struct registry_event events[4];
	struct wire_heartbeat heartbeat;

	announce(&a);
	later(400);
	mutex_lock(&node.registry_lock);
	ck_assert_uint_eq(registry_sweep(node.registry, events, 4, clock_mono_ms()), 1);
	ck_assert(!registry_find(node.registry, a.ip)->active);
	mutex_unlock(&node.registry_lock);
	heartbeat = sign_heartbeat(&stranger, a.ip, 1, clock_real_s());
	ck_assert_int_eq(take(&heartbeat, false), ATTESTATION_E_KEY);
	ck_assert(!registry_find(node.registry, a.ip)->active);
	heartbeat = beat(&a, 1);
	ck_assert_int_eq(take(&heartbeat, false), 0);
	ck_assert(registry_find(node.registry, a.ip)->active);
}
END_TEST

/* Existing nodes sign with a key that they draw at each start. */
START_TEST(a_key_shown_over_the_own_connection)
{
	struct signer drawn = make_signer(a.ip);
	struct wire_heartbeat heartbeat = beat(&drawn, 1);

	/* Not of one that is no masternode. */
	ck_assert_int_eq(take(&heartbeat, true), ATTESTATION_E_KEY);
	announce(&a);
	ck_assert_int_eq(take(&heartbeat, false), ATTESTATION_E_KEY);
	ck_assert_int_eq(take(&heartbeat, true), 0);
	/* From now on others may pass it on. */
	later(20);
	heartbeat = beat(&drawn, 2);
	ck_assert_int_eq(take(&heartbeat, false), 0);
	ck_assert_uint_eq(last(a.ip).sequence, 2);
}
END_TEST

/* Whether the dialer has a slot for the only address when the others are taken. */
static bool is_kept(void)
{
	struct net_addr next;
	int64_t next_ms;

	(void)address_book_next(net_addresses(node.net), &next, &next_ms, true, clock_mono_ms());
	return next_ms < INT64_MAX;
}

START_TEST(a_hint_is_proved_by_a_heartbeat)
{
	struct wire_masternode m = masternode_of(&a);
	struct wire_heartbeat heartbeat = sign_heartbeat(&stranger, a.ip, 1, clock_real_s());
	const struct net_addr addr = {.ip = ip_of(a.ip), .port = 24200};

	ck_assert_int_eq(address_book_add(net_addresses(node.net), &addr, ADDR_SOURCE_GOSSIP, clock_mono_ms()),
			 ADDRESS_ADDED);
	mutex_lock(&node.registry_lock);
	ck_assert_int_eq(registry_hint(node.registry, a.ip, &m, clock_mono_ms()), 0);
	mutex_unlock(&node.registry_lock);
	ck_assert_int_eq(take(&heartbeat, false), ATTESTATION_E_KEY);
	heartbeat = beat(&a, 1);
	heartbeat.signature.bytes[0] ^= 1;
	ck_assert_int_eq(take(&heartbeat, false), HEARTBEATS_E_SIGNATURE);
	ck_assert_uint_eq(known(), 0);
	ck_assert(!is_kept());
	heartbeat = beat(&a, 1);
	ck_assert_int_eq(take(&heartbeat, false), 0);
	ck_assert_uint_eq(known(), 1);
	ck_assert(is_kept());
	ck_assert_uint_eq(stats().of_all.refused[ATTESTATION_E_KEY], 1);
	ck_assert_int_eq(take(&heartbeat, false), ATTESTATION_E_SEQUENCE);
}
END_TEST

START_TEST(our_own_heartbeat_verifies)
{
	struct wire_heartbeat first, second;
	struct wire_hash digest;

	become_masternode();
	announce(&a);
	ck_assert_int_eq(heartbeats_make(node.heartbeats, &second), 0);
	later(60);
	ck_assert_int_eq(heartbeats_make(node.heartbeats, &first), 0);
	ck_assert_uint_gt(first.sequence_number, second.sequence_number);
	ck_assert_int_le(llabs((long long)first.sequence_number - clock_real_ms()), 10000);
	ck_assert_int_le(llabs(first.timestamp - clock_real_s()), 10);
	ck_assert_mem_eq(first.masternode_address.ptr, OWN_IP, sizeof(OWN_IP) - 1);
	ck_assert_mem_eq(&first.masternode_pubkey, wallet_public_key(node.wallet), sizeof(struct wire_key));
	digest_heartbeat(&digest, &second);
	ck_assert(digest_verify(&digest, &second.signature, &second.masternode_pubkey));
	ck_assert_uint_eq(stats().made, 2);
	/* It comes back, or somebody makes one for us. */
	ck_assert_int_eq(take(&second, false), HEARTBEATS_E_OWN);
	second = sign_heartbeat(&stranger, OWN_IP, UINT64_MAX, clock_real_s());
	ck_assert_int_eq(take(&second, true), HEARTBEATS_E_OWN);
	ck_assert_uint_eq(last(OWN_IP).sequence, first.sequence_number);
	/* Others attest it. */
	ck_assert_int_eq(attest(&a, &first), 0);
	ck_assert(last(OWN_IP).verified);
}
END_TEST

START_TEST(what_was_taken_is_attested_once)
{
	struct wire_heartbeat heartbeat = beat(&a, 1), own;
	struct wire_attestation witness;
	struct wire_hash digest, hash;

	announce(&a);
	announce(&b);
	ck_assert_int_eq(take(&heartbeat, false), 0);
	/* Nothing is attested by who is no masternode. */
	ck_assert(!heartbeats_attest(node.heartbeats, &witness, &heartbeat));
	become_masternode();
	ck_assert(heartbeats_attest(node.heartbeats, &witness, &heartbeat));
	digest_heartbeat_hash(&hash, &heartbeat);
	digest_attestation(&digest, &witness);
	ck_assert_mem_eq(&witness.heartbeat_hash, &hash, sizeof(hash));
	ck_assert_mem_eq(witness.witness_address.ptr, OWN_IP, sizeof(OWN_IP) - 1);
	ck_assert(digest_verify(&digest, &witness.signature, wallet_public_key(node.wallet)));
	ck_assert(!heartbeats_attest(node.heartbeats, &witness, &heartbeat));
	ck_assert_uint_eq(stats().attested, 1);
	ck_assert_uint_eq(last(a.ip).witnesses, 1);
	/* It comes back. */
	ck_assert_int_eq(heartbeats_witness(node.heartbeats, &witness), ATTESTATION_E_KNOWN);
	/* Never our own. */
	ck_assert_int_eq(heartbeats_make(node.heartbeats, &own), 0);
	ck_assert(!heartbeats_attest(node.heartbeats, &witness, &own));
	ck_assert_uint_eq(stats().attested, 1);
}
END_TEST

START_TEST(adversarial_49_attestations_that_do_not_count)
{
	struct wire_heartbeat heartbeat = beat(&a, 1);
	struct wire_attestation witness;

	announce(&a);
	announce(&b);
	announce(&c);
	witness = sign_attestation(&b, b.ip, &heartbeat, clock_real_s());
	ck_assert_int_eq(heartbeats_witness(node.heartbeats, &witness), ATTESTATION_E_UNKNOWN);
	ck_assert_int_eq(take(&heartbeat, false), 0);
	/* By the masternode itself, by a stranger, in somebody else's name, late, and forged. */
	ck_assert_int_eq(attest(&a, &heartbeat), ATTESTATION_E_SELF);
	ck_assert_int_eq(attest(&stranger, &heartbeat), ATTESTATION_E_KEY);
	witness = sign_attestation(&stranger, b.ip, &heartbeat, clock_real_s());
	ck_assert_int_eq(heartbeats_witness(node.heartbeats, &witness), ATTESTATION_E_KEY);
	witness = sign_attestation(&b, b.ip, &heartbeat, clock_real_s() - 200);
	ck_assert_int_eq(heartbeats_witness(node.heartbeats, &witness), ATTESTATION_E_WINDOW);
	witness = sign_attestation(&b, "10.0.0.2:24100", &heartbeat, clock_real_s());
	ck_assert_int_eq(heartbeats_witness(node.heartbeats, &witness), ATTESTATION_E_ADDRESS);
	witness = sign_attestation(&b, b.ip, &heartbeat, clock_real_s());
	witness.signature.bytes[0] ^= 1;
	ck_assert_int_eq(heartbeats_witness(node.heartbeats, &witness), HEARTBEATS_E_SIGNATURE);
	ck_assert_uint_eq(stats().bad_signatures, 1);
	ck_assert_uint_eq(last(a.ip).witnesses, 0);
	/* One witness three times. */
	ck_assert_int_eq(attest(&b, &heartbeat), 0);
	ck_assert_int_eq(attest(&b, &heartbeat), ATTESTATION_E_KNOWN);
	ck_assert_int_eq(attest(&b, &heartbeat), ATTESTATION_E_KNOWN);
	ck_assert_uint_eq(last(a.ip).witnesses, 1);
	ck_assert(!last(a.ip).verified);
	/* Of three masternodes two can attest, and have to. */
	ck_assert_int_eq(attest(&c, &heartbeat), 0);
	ck_assert(last(a.ip).verified);
	ck_assert_uint_eq(stats().of_all.attestations, 2);
	ck_assert_uint_eq(stats().of_all.heartbeats_verified, 1);
}
END_TEST

START_TEST(history_of_a_masternode)
{
	struct attestation_past past[4];
	struct attestation_status status;
	struct wire_heartbeat heartbeat;

	announce(&a);
	announce(&b);
	ck_assert_uint_eq(node_heartbeat_history(&node, &status, past, 4, a.ip), 0);
	ck_assert_uint_eq(status.sequence, 0);
	for (uint64_t i = 1; i <= 3; i++) {
		heartbeat = beat(&a, i);
		ck_assert_int_eq(take(&heartbeat, false), 0);
		if (i == 2)
			ck_assert_int_eq(attest(&b, &heartbeat), 0);
		later(20);
	}
	ck_assert_uint_eq(node_heartbeat_history(&node, &status, past, 2, a.ip), 2);
	ck_assert_uint_eq(node_heartbeat_history(&node, &status, past, 4, a.ip), 3);
	ck_assert_uint_eq(status.sequence, 3);
	ck_assert_uint_eq(status.heartbeats_verified, 1);
	for (uint64_t i = 0; i < 3; i++) {
		ck_assert_uint_eq(past[i].sequence, 3 - i);
		ck_assert(past[i].verified == (i == 1));
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("heartbeats");
	TCase *tcase = tcase_create("heartbeats");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, a_heartbeat_by_the_announced_key_is_taken_once);
	tcase_add_test(tcase, adversarial_49_a_forged_heartbeat_is_not_counted);
	tcase_add_test(tcase, adversarial_49_a_heartbeat_out_of_the_window_is_not_counted);
	tcase_add_test(tcase, addresses_are_spelt_in_one_way);
	tcase_add_test(tcase, a_good_heartbeat_counts_as_heard);
	tcase_add_test(tcase, a_key_shown_over_the_own_connection);
	tcase_add_test(tcase, a_hint_is_proved_by_a_heartbeat);
	tcase_add_test(tcase, our_own_heartbeat_verifies);
	tcase_add_test(tcase, what_was_taken_is_attested_once);
	tcase_add_test(tcase, adversarial_49_attestations_that_do_not_count);
	tcase_add_test(tcase, history_of_a_masternode);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
