// SPDX-License-Identifier: MIT
/* A block to damage: see sample.h. */
#include "sample.h"

#include <stdio.h>
#include <string.h>

#include <check.h>
#include <sodium.h>

#include "timeproto/chain/hash.h"
#include "timeproto/chain/sign.h"

#define HEIGHT 42

static void *sample_alloc(struct sample *sample, size_t size)
{
	void *p = arena_alloc(&sample->arena, size);

	ck_assert_ptr_nonnull(p);
	memset(p, 0, size);
	return p;
}

/* `count` items of `size` bytes, and a zeroed one behind them. */
static void *sample_grown(struct sample *sample, const void *items, size_t count, size_t size)
{
	uint8_t *grown = sample_alloc(sample, (count + 1) * size);

	if (count > 0)
		memcpy(grown, items, count * size);
	return grown;
}

struct wire_outpoint sample_coin(unsigned number)
{
	return (struct wire_outpoint){.txid = {{0xc0, (uint8_t)number}}, .vout = number};
}

struct wire_transaction *sample_tx(struct sample *sample, size_t position)
{
	return &sample->block.transactions.items[position];
}

void sample_pay(struct sample *sample, struct wire_tx_output *output, int key)
{
	output->script_pubkey =
		(struct wire_bytes){(const uint8_t *)sample->addresses[key], strlen(sample->addresses[key])};
}

struct wire_transaction *sample_append(struct sample *sample, size_t inputs, size_t outputs)
{
	struct wire_transaction_list *list = &sample->block.transactions;
	struct wire_transaction *transaction;

	if (list->len == sample->transaction_room) {
		struct wire_transaction *old = list->items;

		sample->transaction_room = 2 * list->len + 8;
		list->items = sample_alloc(sample, sample->transaction_room * sizeof(list->items[0]));
		if (old)
			memcpy(list->items, old, list->len * sizeof(list->items[0]));
	}
	transaction = &list->items[list->len++];
	*transaction = (struct wire_transaction){
		.version = 1,
		.inputs = {sample_alloc(sample, inputs * sizeof(struct wire_tx_input)), inputs},
		.outputs = {sample_alloc(sample, outputs * sizeof(struct wire_tx_output)), outputs},
		.timestamp = sample->block.header.timestamp - 100,
	};
	for (size_t i = 0; i < outputs; i++)
		sample_pay(sample, &transaction->outputs.items[i], 0);
	return transaction;
}

void sample_remove(struct sample *sample, size_t position)
{
	struct wire_transaction_list *list = &sample->block.transactions;

	list->len--;
	for (size_t i = position; i < list->len; i++)
		list->items[i] = list->items[i + 1];
}

void sample_flip(struct sample *sample, struct wire_bytes *bytes, size_t at)
{
	uint8_t *copy = sample_alloc(sample, bytes->len);

	ck_assert_uint_lt(at, bytes->len);
	memcpy(copy, bytes->ptr, bytes->len);
	copy[at] ^= 0x10;
	bytes->ptr = copy;
}

void sample_add_input(struct sample *sample, struct wire_transaction *transaction)
{
	struct wire_tx_input_list *list = &transaction->inputs;

	list->items = sample_grown(sample, list->items, list->len, sizeof(list->items[0]));
	if (list->len > 0)
		list->items[list->len] = list->items[list->len - 1];
	list->len++;
}

void sample_add_output(struct sample *sample, struct wire_transaction *transaction)
{
	struct wire_tx_output_list *list = &transaction->outputs;

	list->items = sample_grown(sample, list->items, list->len, sizeof(list->items[0]));
	if (list->len > 0)
		list->items[list->len] = list->items[list->len - 1];
	list->len++;
}

void sample_add_reward(struct sample *sample)
{
	struct wire_reward_list *list = &sample->block.masternode_rewards;

	list->items = sample_grown(sample, list->items, list->len, sizeof(list->items[0]));
	if (list->len > 0)
		list->items[list->len] = list->items[list->len - 1];
	list->len++;
}

/* The key whose address owns the output, in the chain or in the block; 0 when there is none. */
static int sample_owner(struct sample *sample, const struct wire_outpoint *outpoint)
{
	const struct ledger_entry *entry = ledger_find(&sample->ledger, outpoint);
	const struct wire_bytes *script = entry ? &entry->coin.script : NULL;

	for (size_t i = 0; i < sample->block.transactions.len && !script; i++) {
		struct wire_hash txid;

		hash_txid(&txid, sample_tx(sample, i));
		if (hash_equal(&txid, &outpoint->txid) && outpoint->vout < sample_tx(sample, i)->outputs.len)
			script = &sample_tx(sample, i)->outputs.items[outpoint->vout].script_pubkey;
	}
	for (int key = 0; key < SAMPLE_KEYS && script; key++) {
		if (script->len == strlen(sample->addresses[key]) &&
		    memcmp(script->ptr, sample->addresses[key], script->len) == 0)
			return key;
	}
	return 0;
}

void sample_sign(struct sample *sample, struct wire_transaction *transaction, int key)
{
	struct sign_base base;

	sign_base_make(&base, transaction);
	for (size_t i = 0; i < transaction->inputs.len; i++) {
		struct wire_tx_input *input = &transaction->inputs.items[i];
		int signer = key >= 0 ? key : sample_owner(sample, &input->previous_output);
		uint8_t *script_sig = sample_alloc(sample, SIGN_SCRIPT_SIG_BYTES);

		sign_input(script_sig, &base, (uint32_t)i, sample->secrets[signer]);
		input->script_sig = (struct wire_bytes){script_sig, SIGN_SCRIPT_SIG_BYTES};
	}
}

void sample_sign_all(struct sample *sample)
{
	for (size_t i = 1; i < sample->block.transactions.len; i++) {
		if (i == 2)
			hash_txid(&sample_tx(sample, 2)->inputs.items[0].previous_output.txid, sample_tx(sample, 1));
		sample_sign(sample, sample_tx(sample, i), -1);
	}
}

void sample_seal(struct sample *sample)
{
	struct arena arena;
	struct block_ids ids;

	arena_init(&arena, SIZE_MAX, NULL);
	ck_assert_int_eq(block_identify(&ids, &arena, &sample->block), 0);
	hash_merkle_root(&sample->block.header.merkle_root, ids.txids, sample->block.transactions.len);
	arena_free(&arena);
}

void sample_reward(struct sample *sample, const uint64_t *amounts)
{
	struct wire_reward_list *rewards = &sample->block.masternode_rewards;
	struct wire_tx_output_list *outputs = &sample_tx(sample, 0)->outputs;

	while (outputs->len < rewards->len)
		sample_add_output(sample, sample_tx(sample, 0));
	outputs->len = rewards->len;
	for (size_t i = 0; i < rewards->len; i++) {
		rewards->items[i].amount = amounts[i];
		outputs->items[i].value = amounts[i];
		outputs->items[i].script_pubkey = (struct wire_bytes){(const uint8_t *)rewards->items[i].address.ptr,
								      rewards->items[i].address.len};
	}
	sample_seal(sample);
}

static void sample_make_keys(struct sample *sample)
{
	for (int key = 0; key < SAMPLE_KEYS; key++) {
		uint8_t seed[crypto_sign_SEEDBYTES] = {(uint8_t)(key + 1)};
		struct wire_key public;

		ck_assert_int_eq(crypto_sign_seed_keypair(public.bytes, sample->secrets[key], seed), 0);
		address_from_key(sample->addresses[key], &public, sample->params.network);
	}
}

static void sample_make_chain(struct sample *sample)
{
	static const struct {
		int owner;
		uint64_t coins;
	} coins[] = {{0, 50}, {1, 20}, {0, 7}, {3, 9}, {1, 5}};

	ledger_init(&sample->ledger);
	for (unsigned i = 0; i < sizeof(coins) / sizeof(coins[0]); i++) {
		const char *address = sample->addresses[coins[i].owner];
		struct wire_outpoint outpoint = sample_coin(i);

		ledger_add_coin(&sample->ledger, &outpoint, coins[i].coins * CHAIN_COIN, address, strlen(address));
		ledger_add_txid(&sample->ledger, &outpoint.txid);
	}
	sample->ledger.tip = (struct chain_point){.height = HEIGHT - 1,
						  .hash = {{7, 7, 7}},
						  .timestamp = sample->params.genesis_timestamp + 600 * (HEIGHT - 1)};
}

static void sample_make_rewards(struct sample *sample)
{
	/* What stands in existing chains is unchecked text. */
	static const struct wire_reward rewards[] = {
		{.address = {"TIME0GHRpXgMz33gnSxH7HxKbbVmeyn1yJeB7B", 38}},
		{.address = {"no address\n\x1b[31m", 16}},
		{.address = {"", 0}},
	};
	static const enum wire_tier tiers[] = {WIRE_TIER_GOLD, WIRE_TIER_SILVER, WIRE_TIER_FREE};
	struct wire_reward_list *list = &sample->block.masternode_rewards;
	uint64_t amounts[3];

	for (size_t i = 0; i < 3; i++) {
		list->items = sample_grown(sample, list->items, list->len, sizeof(list->items[0]));
		list->items[list->len++] = rewards[i];
	}
	rewards_share(amounts, tiers, 3, sample->block.header.block_reward);
	sample_reward(sample, amounts);
}

static void sample_make_transactions(struct sample *sample)
{
	struct wire_transaction *tx;

	tx = sample_append(sample, 2, 2);
	tx->inputs.items[0].previous_output = sample_coin(0);
	tx->inputs.items[1].previous_output = sample_coin(1);
	tx->outputs.items[0].value = 30 * CHAIN_COIN;
	tx->outputs.items[1].value = 39 * CHAIN_COIN;
	sample_pay(sample, &tx->outputs.items[0], 2);
	sample_pay(sample, &tx->outputs.items[1], 3);

	tx = sample_append(sample, 2, 2);
	tx->inputs.items[1].previous_output = sample_coin(2);
	tx->outputs.items[0].value = 36 * CHAIN_COIN;
	tx->outputs.items[1].value = CHAIN_COIN - 5000;
	sample_pay(sample, &tx->outputs.items[0], 1);

	tx = sample_append(sample, 1, 1);
	tx->inputs.items[0].previous_output = sample_coin(3);
	tx->outputs.items[0].value = 9 * CHAIN_COIN;
	sample_pay(sample, &tx->outputs.items[0], 2);
	sample_sign_all(sample);
}

void sample_init(struct sample *sample)
{
	struct wire_block_header *header = &sample->block.header;

	*sample = (struct sample){.now_s = 0};
	arena_init(&sample->arena, SIZE_MAX, NULL);
	arena_init(&sample->scratch, SIZE_MAX, NULL);
	chain_params_init(&sample->params, CHAIN_TESTNET);
	sample_make_keys(sample);
	sample_make_chain(sample);
	*header = (struct wire_block_header){.version = 1,
					     .height = HEIGHT,
					     .previous_hash = sample->ledger.tip.hash,
					     .timestamp = sample->params.genesis_timestamp + 600 * HEIGHT,
					     .block_reward = CHAIN_BLOCK_SUBSIDY + SAMPLE_FEES};
	sample->now_s = header->timestamp;
	sample_append(sample, 0, 0)->timestamp = header->timestamp;
	sample_make_transactions(sample);
	sample_make_rewards(sample);
}

void sample_free(struct sample *sample)
{
	ledger_free(&sample->ledger);
	arena_free(&sample->scratch);
	arena_free(&sample->arena);
}

static int sample_rules(struct sample *sample)
{
	struct chain_fault *fault = &sample->fault;
	struct arena *arena = &sample->scratch;
	int r;

	r = block_identify(&sample->ids, arena, &sample->block);
	if (!r)
		r = block_check_form(fault, arena, &sample->block, &sample->ids);
	if (!r)
		r = block_check_place(fault, &sample->block.header, &sample->ledger.tip, sample->now_s);
	for (size_t i = 0; i < sample->block.transactions.len && !r; i++)
		r = transaction_check_signatures(fault, sample_tx(sample, i), &sample->ids.txids[i], (int64_t)i);
	if (!r)
		r = block_check_spends(&sample->effects, fault, arena, &sample->params, &sample->block, &sample->ids,
				       &sample->ledger.source);
	return r;
}

int sample_verdict(struct sample *sample)
{
	int r;

	arena_reset(&sample->scratch);
	sample->fault = (struct chain_fault){.text = ""};
	r = sample_rules(sample);
	ck_assert_int_eq((int)sample->fault.error, r > 0 ? r : 0);
	ck_assert_int_eq(sample->fault.text[0] != '\0', r > 0);
	/* Nothing that a peer wrote, and nothing that was cut off. */
	for (const char *p = sample->fault.text; *p; p++)
		ck_assert_msg(*p >= ' ' && *p <= '~', "%s", sample->fault.text);
	ck_assert_uint_lt(strlen(sample->fault.text), sizeof(sample->fault.text) - 1);
	return r;
}

void sample_expect(struct sample *sample, int verdict)
{
	int r = sample_verdict(sample);

	ck_assert_msg(r == verdict, "%s (%d: %s), not %s (%d)", chain_error_name(r), r, sample->fault.text,
		      chain_error_name(verdict), verdict);
}

void sample_expect_text(struct sample *sample, int verdict, const char *part)
{
	sample_expect(sample, verdict);
	ck_assert_msg(strstr(sample->fault.text, part) != NULL, "\"%s\" is not in \"%s\"", part, sample->fault.text);
}
