// SPDX-License-Identifier: MIT
/* Chains for tests: see chain_fixture.h. */
#include "chain_fixture.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "timed/util/thread.h"
#include "timeproto/chain/digest.h"
#include "timeproto/chain/hash.h"
#include "timeproto/chain/rewards.h"
#include "timeproto/chain/sign.h"
#include "timeproto/chain/utxo_hash.h"

static void *make(struct chain_fixture *f, size_t count, size_t size)
{
	void *p = arena_alloc(&f->arena, count * size);

	CHECK(p != NULL);
	memset(p, 0, count * size);
	return p;
}

static void *copy(struct chain_fixture *f, const void *items, size_t count, size_t size)
{
	void *p = make(f, count, size);

	if (count > 0)
		memcpy(p, items, count * size);
	return p;
}

static void make_owner(struct fixture_owner *owner, uint8_t number, enum chain_network network)
{
	uint8_t seed[crypto_sign_SEEDBYTES] = {'o', 'w', 'n', 'e', 'r', number};

	CHECK(crypto_sign_seed_keypair(owner->key.bytes, owner->secret, seed) == 0);
	address_from_key(owner->address, &owner->key, network);
}

struct chain_fixture *chain_fixture_new(void)
{
	struct chain_fixture *f = calloc(1, sizeof(*f));

	CHECK(f != NULL && sodium_init() >= 0);
	arena_init(&f->arena, SIZE_MAX, NULL);
	chain_params_init(&f->params, CHAIN_TESTNET);
	genesis_make_for(&f->genesis, &f->params);
	for (int i = 0; i < FIXTURE_OWNERS; i++)
		make_owner(&f->owners[i], (uint8_t)i, f->params.network);
	f->root = make(f, 1, sizeof(*f->root));
	f->root->block = f->genesis.block;
	CHECK(block_identify(&f->root->ids, &f->arena, &f->root->block) == 0);
	f->random = 1;
	return f;
}

void chain_fixture_free(struct chain_fixture *f)
{
	if (!f)
		return;
	arena_free(&f->arena);
	free(f);
}

/* ---- validators ---- */

void fixture_validators(struct chain_fixture *f, uint64_t from)
{
	static const char *const addresses[FIXTURE_VALIDATORS] = {"10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4"};
	struct validator items[FIXTURE_VALIDATORS];
	struct validator_list list = {.from_height = from, .items = items, .count = FIXTURE_VALIDATORS};
	struct validators_fault fault;

	for (int i = 0; i < FIXTURE_VALIDATORS; i++)
		items[i] = (struct validator){
			.address = {addresses[i], strlen(addresses[i])},
			.public_key = f->owners[i].key,
			.tier = (enum wire_tier)i,
			.reward_address = {f->owners[i].address, strlen(f->owners[i].address)},
		};
	CHECK(validators_make(&f->validators, &fault, &f->arena, &list, 1) == 0);
	f->params.validators = &f->validators;
	f->params.bft_from = from;
}

void fixture_certify(struct chain_fixture *f, struct fixture_block *block)
{
	const struct validator_list *list = validators_at(&f->validators, block->block.header.height);
	size_t quorum = validators_quorum(list->count);
	struct wire_commit *commit = make(f, 1, sizeof(*commit));
	struct wire_sig *signatures = make(f, quorum, sizeof(*signatures));
	struct wire_hash digest;

	commit->round = FIXTURE_ROUND;
	commit->signatures.items = make(f, quorum, sizeof(commit->signatures.items[0]));
	commit->signatures.len = quorum;
	digest_vote(&digest, &f->genesis.hash, block->block.header.height, FIXTURE_ROUND, WIRE_PHASE_PRECOMMIT,
		    &block->ids.hash);
	for (size_t i = 0; i < quorum; i++) {
		digest_sign(&signatures[i], &digest, f->owners[i].secret);
		commit->signatures.items[i].voter = list->addresses[i];
		commit->signatures.items[i].signature = (struct wire_bytes){signatures[i].bytes, 64};
	}
	block->block.commit = commit;
}

int64_t fixture_now(void)
{
	return INT64_MAX;
}

uint64_t fixture_random(struct chain_fixture *f, uint64_t bound)
{
	/* splitmix64 */
	uint64_t x = f->random += UINT64_C(0x9e3779b97f4a7c15);

	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return (x ^ x >> 31) % bound;
}

/* ---- transactions ---- */

static struct wire_bytes script_of(const struct chain_fixture *f, int owner)
{
	const char *address = f->owners[owner].address;

	return (struct wire_bytes){(const uint8_t *)address, strlen(address)};
}

void fixture_sign(struct chain_fixture *f, struct wire_transaction *transaction, const struct fixture_coin *coins)
{
	struct sign_base base;

	sign_base_make(&base, transaction);
	for (size_t i = 0; i < transaction->inputs.len; i++) {
		uint8_t *script_sig = make(f, 1, SIGN_SCRIPT_SIG_BYTES);

		sign_input(script_sig, &base, (uint32_t)i, f->owners[coins[i].owner].secret);
		transaction->inputs.items[i].script_sig = (struct wire_bytes){script_sig, SIGN_SCRIPT_SIG_BYTES};
	}
}

struct wire_transaction fixture_transaction(struct chain_fixture *f, const struct fixture_coin *coins, size_t count,
					    const int *to, const uint64_t *values, size_t outs)
{
	struct wire_transaction tx = {.version = 1, .timestamp = f->params.genesis_timestamp};

	tx.inputs.items = make(f, count, sizeof(tx.inputs.items[0]));
	tx.inputs.len = count;
	tx.outputs.items = make(f, outs, sizeof(tx.outputs.items[0]));
	tx.outputs.len = outs;
	for (size_t i = 0; i < count; i++) {
		tx.inputs.items[i].previous_output = coins[i].outpoint;
		tx.inputs.items[i].sequence = UINT32_MAX;
	}
	for (size_t i = 0; i < outs; i++) {
		tx.outputs.items[i].value = values[i];
		tx.outputs.items[i].script_pubkey = script_of(f, to[i]);
	}
	fixture_sign(f, &tx, coins);
	return tx;
}

struct wire_transaction fixture_pay(struct chain_fixture *f, const struct fixture_coin *coins, size_t count, int to,
				    uint64_t fee)
{
	uint64_t value = 0;

	for (size_t i = 0; i < count; i++)
		value += coins[i].value;
	CHECK(value >= fee);
	value -= fee;
	return fixture_transaction(f, coins, count, &to, &value, 1);
}

/* ---- blocks ---- */

void fixture_seal(struct chain_fixture *f, struct fixture_block *block)
{
	const struct wire_transaction_list *list = &block->block.transactions;

	CHECK(block_identify(&block->ids, &f->arena, &block->block) == 0);
	hash_merkle_root(&block->block.header.merkle_root, block->ids.txids, list->len);
	hash_block(&block->ids.hash, &block->block.header);
	if (block_needs_certificate(&f->params, block->block.header.height))
		fixture_certify(f, block);
}

void fixture_repay(struct chain_fixture *f, struct fixture_block *block)
{
	const struct wire_reward_list *rewards = &block->block.masternode_rewards;
	struct wire_transaction *coinbase = &block->block.transactions.items[0];

	*coinbase = (struct wire_transaction){.version = 1, .timestamp = block->block.header.timestamp};
	coinbase->outputs.items = make(f, rewards->len, sizeof(coinbase->outputs.items[0]));
	coinbase->outputs.len = rewards->len;
	for (size_t i = 0; i < rewards->len; i++) {
		const struct wire_str *address = &rewards->items[i].address;

		coinbase->outputs.items[i].value = rewards->items[i].amount;
		coinbase->outputs.items[i].script_pubkey =
			(struct wire_bytes){(const uint8_t *)address->ptr, address->len};
	}
}

static void share_rewards(struct chain_fixture *f, struct wire_block *block, uint32_t salt)
{
	struct wire_reward_list *rewards = &block->masternode_rewards;

	if (block_needs_certificate(&f->params, block->header.height)) {
		CHECK(validators_rewards(rewards, &f->arena, validators_at(&f->validators, block->header.height),
					 block->header.block_reward) == 0);
		return;
	}
	rewards->items = make(f, FIXTURE_REWARDS, sizeof(rewards->items[0]));
	rewards->len = FIXTURE_REWARDS;
	for (size_t i = 0; i < FIXTURE_REWARDS; i++) {
		const char *address = f->owners[(block->header.height + salt + i) % FIXTURE_OWNERS].address;

		rewards->items[i].address = (struct wire_str){address, strlen(address)};
		rewards->items[i].amount = block->header.block_reward / FIXTURE_REWARDS;
	}
}

struct fixture_block *fixture_block_with_fees(struct chain_fixture *f, const struct fixture_block *parent,
					      const struct wire_transaction *transactions, size_t count, uint64_t fees,
					      uint32_t salt)
{
	struct fixture_block *made = make(f, 1, sizeof(*made));
	struct wire_block *block = &made->block;

	made->parent = parent;
	block->header = (struct wire_block_header){
		.version = CHAIN_BLOCK_VERSION,
		.height = parent->block.header.height + 1,
		.previous_hash = parent->ids.hash,
		.block_reward = CHAIN_BLOCK_SUBSIDY + fees,
	};
	block->header.timestamp = validators_block_time(&f->params, block->header.height);
	if (!block_needs_certificate(&f->params, block->header.height))
		block->header.timestamp += (int64_t)salt;
	share_rewards(f, block, salt);
	block->transactions.items = make(f, count + 1, sizeof(block->transactions.items[0]));
	block->transactions.len = count + 1;
	if (count > 0)
		memcpy(block->transactions.items + 1, transactions, count * sizeof(transactions[0]));
	fixture_repay(f, made);
	fixture_seal(f, made);
	return made;
}

struct fixture_block *fixture_copy(struct chain_fixture *f, const struct fixture_block *block)
{
	struct fixture_block *made = copy(f, block, 1, sizeof(*block));
	struct wire_transaction_list *list = &made->block.transactions;
	struct wire_reward_list *rewards = &made->block.masternode_rewards;

	list->items = copy(f, list->items, list->len, sizeof(list->items[0]));
	rewards->items = copy(f, rewards->items, rewards->len, sizeof(rewards->items[0]));
	for (size_t i = 0; i < list->len; i++) {
		struct wire_transaction *tx = &list->items[i];

		tx->inputs.items = copy(f, tx->inputs.items, tx->inputs.len, sizeof(tx->inputs.items[0]));
		tx->outputs.items = copy(f, tx->outputs.items, tx->outputs.len, sizeof(tx->outputs.items[0]));
	}
	fixture_seal(f, made);
	return made;
}

struct fixture_block *fixture_extend(struct chain_fixture *f, const struct fixture_block *parent, size_t count,
				     uint32_t salt)
{
	struct fixture_block *block = NULL;

	CHECK(count > 0);
	for (size_t i = 0; i < count; i++) {
		block = fixture_block_with_fees(f, parent, NULL, 0, 0, salt);
		parent = block;
	}
	return block;
}

struct fixture_coin fixture_output(const struct chain_fixture *f, const struct fixture_block *block, size_t transaction,
				   uint32_t vout)
{
	const struct wire_tx_output *output = &block->block.transactions.items[transaction].outputs.items[vout];
	struct fixture_coin coin = {.outpoint = {block->ids.txids[transaction], vout}, .value = output->value, -1};

	for (int i = 0; i < FIXTURE_OWNERS; i++) {
		struct wire_bytes script = script_of(f, i);

		if (script.len == output->script_pubkey.len &&
		    memcmp(script.ptr, output->script_pubkey.ptr, script.len) == 0)
			coin.owner = i;
	}
	return coin;
}

struct fixture_coin fixture_reward(const struct chain_fixture *f, const struct fixture_block *block, uint32_t i)
{
	return fixture_output(f, block, 0, i);
}

/* ---- the tree ---- */

const struct fixture_block **fixture_path(const struct fixture_block *block, size_t *count)
{
	const struct fixture_block **path;

	*count = (size_t)block->block.header.height;
	path = calloc(*count + 1, sizeof(path[0]));
	CHECK(path != NULL);
	for (; block->parent; block = block->parent)
		path[block->block.header.height - 1] = block;
	return path;
}

const struct fixture_block *fixture_ancestor(const struct fixture_block *block, uint64_t height)
{
	while (block->block.header.height > height)
		block = block->parent;
	return block;
}

/* ---- the model ---- */

/* A sorted array: nothing to get wrong. */
struct model {
	struct fixture_coin *coins;
	size_t count, capacity;
};

/* txid, then vout as a number */
static int compare_outpoints(const struct wire_outpoint *a, const struct wire_outpoint *b)
{
	int order = memcmp(a->txid.bytes, b->txid.bytes, sizeof(a->txid.bytes));

	return order ? order : (a->vout > b->vout) - (a->vout < b->vout);
}

/* The first coin that is not less. */
static size_t model_place(const struct model *m, const struct wire_outpoint *outpoint)
{
	size_t low = 0, high = m->count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (compare_outpoints(&m->coins[middle].outpoint, outpoint) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool model_has(const struct model *m, size_t place, const struct wire_outpoint *outpoint)
{
	return place < m->count && compare_outpoints(&m->coins[place].outpoint, outpoint) == 0;
}

static void model_add(struct model *m, const struct fixture_coin *coin)
{
	size_t place = model_place(m, &coin->outpoint);

	if (m->count == m->capacity) {
		m->capacity = m->capacity ? 2 * m->capacity : 256;
		m->coins = reallocarray(m->coins, m->capacity, sizeof(m->coins[0]));
		CHECK(m->coins != NULL);
	}
	memmove(m->coins + place + 1, m->coins + place, (m->count - place) * sizeof(m->coins[0]));
	m->coins[place] = *coin;
	m->count++;
}

static void model_spend(struct model *m, const struct wire_outpoint *outpoint)
{
	size_t place = model_place(m, outpoint);

	CHECK(model_has(m, place, outpoint));
	m->count--;
	memmove(m->coins + place, m->coins + place + 1, (m->count - place) * sizeof(m->coins[0]));
}

static void model_apply(struct model *m, const struct chain_fixture *f, const struct fixture_block *block)
{
	for (size_t i = 0; i < block->block.transactions.len; i++) {
		const struct wire_transaction *tx = &block->block.transactions.items[i];

		for (size_t k = 0; k < tx->inputs.len; k++)
			model_spend(m, &tx->inputs.items[k].previous_output);
		for (size_t k = 0; k < tx->outputs.len; k++) {
			struct fixture_coin coin = fixture_output(f, block, i, (uint32_t)k);

			model_add(m, &coin);
		}
	}
}

static struct model model_at(const struct chain_fixture *f, const struct fixture_block *block)
{
	struct model m = {.coins = NULL};
	size_t count;
	const struct fixture_block **path = fixture_path(block, &count);

	model_apply(&m, f, f->root);
	for (size_t i = 0; i < count; i++)
		model_apply(&m, f, path[i]);
	free(path);
	return m;
}

struct fixture_coin *fixture_unspent(const struct chain_fixture *f, const struct fixture_block *block, size_t *count)
{
	struct model m = model_at(f, block);

	*count = m.count;
	return m.coins;
}

void fixture_state_hash(const struct chain_fixture *f, const struct fixture_block *block, struct wire_hash *out)
{
	static const struct wire_bytes genesis = {(const uint8_t *)"genesis", 7};
	struct model m = model_at(f, block);
	struct utxo_hash hash;

	utxo_hash_init(&hash);
	for (size_t i = 0; i < m.count; i++) {
		struct wire_bytes script = m.coins[i].owner < 0 ? genesis : script_of(f, m.coins[i].owner);

		utxo_hash_add(&hash, &m.coins[i].outpoint, m.coins[i].value, &script);
	}
	utxo_hash_final(&hash, out);
	free(m.coins);
}

/* ---- blocks that spend ---- */

/* What the transactions of a block leave over; they may spend each other's outputs. */
static uint64_t fees_of(const struct chain_fixture *f, struct model *m, const struct wire_transaction *transactions,
			size_t count)
{
	uint64_t fees = 0;

	for (size_t i = 0; i < count; i++) {
		const struct wire_transaction *tx = &transactions[i];
		struct fixture_block alone = {.block = {.transactions = {NULL, 1}}};
		struct wire_hash txid;

		for (size_t k = 0; k < tx->inputs.len; k++) {
			size_t place = model_place(m, &tx->inputs.items[k].previous_output);

			if (model_has(m, place, &tx->inputs.items[k].previous_output)) {
				fees += m->coins[place].value;
				model_spend(m, &tx->inputs.items[k].previous_output);
			}
		}
		hash_txid(&txid, tx);
		alone.ids.txids = &txid;
		alone.block.transactions.items = &(struct wire_transaction){.outputs = tx->outputs};
		for (size_t k = 0; k < tx->outputs.len; k++) {
			struct fixture_coin coin = fixture_output(f, &alone, 0, (uint32_t)k);

			fees -= tx->outputs.items[k].value;
			model_add(m, &coin);
		}
	}
	return fees;
}

struct fixture_block *fixture_block(struct chain_fixture *f, const struct fixture_block *parent,
				    const struct wire_transaction *transactions, size_t count, uint32_t salt)
{
	struct model m = {.coins = NULL};
	uint64_t fees = 0;

	if (count > 0) {
		m = model_at(f, parent);
		fees = fees_of(f, &m, transactions, count);
		free(m.coins);
	}
	return fixture_block_with_fees(f, parent, transactions, count, fees, salt);
}

/* Takes one or two coins of the model, pays one to three owners, and puts the new coins into the model. */
static bool random_transaction(struct chain_fixture *f, struct model *m, struct wire_transaction *out, uint64_t *fees)
{
	struct fixture_coin coins[2];
	size_t count = 1 + fixture_random(f, 2), outs = 1 + fixture_random(f, 3);
	uint64_t total = 0, values[3], fee = fixture_random(f, 5000);
	int to[3];

	for (size_t i = 0; i < count; i++) {
		coins[i] = m->coins[fixture_random(f, m->count)];
		if (coins[i].owner < 0 || coins[i].value < 100000 ||
		    (i == 1 && compare_outpoints(&coins[0].outpoint, &coins[1].outpoint) == 0))
			return false;
		total += coins[i].value;
	}
	for (size_t i = 0; i < outs; i++) {
		to[i] = (int)fixture_random(f, FIXTURE_OWNERS);
		values[i] = (total - fee) / outs;
		*fees -= values[i];
	}
	*fees += total;
	*out = fixture_transaction(f, coins, count, to, values, outs);
	for (size_t i = 0; i < count; i++)
		model_spend(m, &coins[i].outpoint);
	for (size_t i = 0; i < outs; i++) {
		struct fixture_coin coin = {.outpoint = {.vout = (uint32_t)i}, .value = values[i], .owner = to[i]};

		hash_txid(&coin.outpoint.txid, out);
		model_add(m, &coin);
	}
	return true;
}

struct fixture_block *fixture_random_block(struct chain_fixture *f, const struct fixture_block *parent, size_t most,
					   uint32_t salt)
{
	struct wire_transaction *transactions = make(f, most, sizeof(transactions[0]));
	struct model m = model_at(f, parent);
	size_t count = 0;
	uint64_t fees = 0;

	for (size_t tries = fixture_random(f, most + 1); tries > 0; tries--) {
		if (random_transaction(f, &m, &transactions[count], &fees))
			count++;
	}
	free(m.coins);
	return fixture_block_with_fees(f, parent, transactions, count, fees, salt);
}
