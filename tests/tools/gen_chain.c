// SPDX-License-Identifier: MIT
/* The growing chain: see gen_chain.h. */
#include "gen_chain.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "timeproto/chain/digest.h"
#include "timeproto/chain/hash.h"
#include "timeproto/chain/rewards.h"
#include "timeproto/chain/sign.h"

/* No output is smaller, and no transaction moves so little that it could not pay two such: above dust (PROTOCOL.md §6).
 */
#define MIN_OUTPUT 1000
#define MIN_FEE 1000
/* How often coins are looked for that together suffice for a transaction. */
#define MAX_TRIES 16

static void check(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "chaingen: the generator contradicts itself: %s\n", what);
	abort();
}

static void *take(struct arena *arena, size_t size)
{
	void *memory = arena_alloc(arena, size);

	check(memory, "out of memory");
	return memory;
}

static size_t wallet_count(const struct gen_chain_params *params)
{
	return params->masternodes + params->wallets;
}

static uint64_t fork_seed(const struct gen_chain_params *params)
{
	return params->seed ^ params->fork_seed * UINT64_C(0x9e3779b97f4a7c15);
}

/* The purse may hold what no transaction could spend: then it waits for company. */
static void put_into_purse(struct gen_chain *chain, const struct gen_coin *coin)
{
	if (chain->purse_count == chain->purse_room) {
		chain->purse_room = chain->purse_room ? 2 * chain->purse_room : 1024;
		chain->purse = realloc(chain->purse, chain->purse_room * sizeof(*chain->purse));
		check(chain->purse, "out of memory");
	}
	chain->purse[chain->purse_count++] = *coin;
}

static struct gen_coin take_from_purse(struct gen_chain *chain)
{
	size_t i = (size_t)gen_random_below(&chain->random, chain->purse_count);
	struct gen_coin coin = chain->purse[i];

	chain->purse[i] = chain->purse[--chain->purse_count];
	return coin;
}

void gen_masternode_keys(struct gen_key *out, const struct gen_chain_params *params)
{
	gen_keys_make(out, params->masternodes, params->seed, "masternode", params->chain->network);
}

void gen_chain_init(struct gen_chain *chain, const struct gen_chain_params *params, const struct genesis *genesis)
{
	enum chain_network network = params->chain->network;
	size_t n = params->masternodes;
	struct gen_coin coin = {.owner = GEN_OWNER_GENESIS, .value = genesis->output.value};

	memset(chain, 0, sizeof(*chain));
	chain->params = params;
	chain->genesis = genesis;
	chain->keys = calloc(2 * n + params->wallets, sizeof(*chain->keys));
	check(chain->keys, "out of memory");
	gen_keys_make(chain->keys, n, fork_seed(params), "fork masternode", network);
	gen_masternode_keys(chain->keys + n, params);
	gen_keys_make(chain->keys + 2 * n, params->wallets, params->seed, "wallet", network);
	chain->first_masternode = n;
	gen_random_init(&chain->random, params->seed, "chain");
	gen_coins_init(&chain->coins);
	arena_init(&chain->arena, SIZE_MAX, NULL);

	hash_txid(&coin.outpoint.txid, &genesis->coinbase);
	gen_coins_add(&chain->coins, &coin);
	gen_coins_add_txid(&chain->coins, &coin.outpoint.txid);
	chain->tip = (struct chain_point){.hash = genesis->hash, .timestamp = genesis->block.header.timestamp};
	chain->transactions = 1;
	chain->block = genesis->block;
}

void gen_chain_fork(struct gen_chain *out, const struct gen_chain *chain)
{
	*out = *chain;
	gen_coins_copy(&out->coins, &chain->coins);
	out->purse = malloc(chain->purse_room * sizeof(*chain->purse));
	check(out->purse || chain->purse_room == 0, "out of memory");
	if (chain->purse_count > 0)
		memcpy(out->purse, chain->purse, chain->purse_count * sizeof(*chain->purse));
	arena_init(&out->arena, SIZE_MAX, NULL);
	memset(&out->block, 0, sizeof(out->block));
	out->is_fork = true;
	if (!out->params->validators)
		out->first_masternode = 0;
	gen_random_init(&out->random, fork_seed(out->params), "fork");
}

void gen_chain_free(struct gen_chain *chain)
{
	/* A fork shares the keys of its chain. */
	if (!chain->is_fork)
		free(chain->keys);
	free(chain->purse);
	gen_coins_free(&chain->coins);
	arena_free(&chain->arena);
	memset(chain, 0, sizeof(*chain));
}

/* Coins for one transaction: together they pay the fee and two outputs.  Their number, 0 when none were found. */
static size_t choose_coins(struct gen_chain *chain, struct gen_coin *coins, uint64_t *sum)
{
	const struct gen_chain_params *params = chain->params;

	for (int tries = 0; tries < MAX_TRIES && chain->purse_count > 0; tries++) {
		/* One input each while coins are few, so that there are soon enough of them. */
		size_t wanted = chain->purse_count < 2 * params->transactions
					? 1
					: 1 + (size_t)gen_random_below(&chain->random, params->max_inputs);
		size_t n = 0;

		*sum = 0;
		while (chain->purse_count > 0 &&
		       (n < wanted || (*sum < MIN_FEE + 2 * MIN_OUTPUT && n < params->max_inputs))) {
			coins[n] = take_from_purse(chain);
			*sum += coins[n++].value;
		}
		if (*sum >= MIN_FEE + 2 * MIN_OUTPUT)
			return n;
		while (n > 0)
			put_into_purse(chain, &coins[--n]);
	}
	return 0;
}

static void sign_inputs(const struct gen_chain *chain, struct arena *arena, struct wire_transaction *transaction,
			const struct gen_coin *coins)
{
	struct sign_base base;

	sign_base_make(&base, transaction);
	for (size_t i = 0; i < transaction->inputs.len; i++) {
		uint8_t *script_sig = take(arena, SIGN_SCRIPT_SIG_BYTES);

		sign_input(script_sig, &base, (uint32_t)i, chain->keys[coins[i].owner].secret);
		transaction->inputs.items[i].script_sig = (struct wire_bytes){script_sig, SIGN_SCRIPT_SIG_BYTES};
	}
}

/* Pays `sum` minus a fee that the pool takes to some wallet and back to the owner of the first coin, and puts both new
 * coins into the purse, so that a later transaction of the same block may spend them.  Returns the fee. */
static uint64_t make_transaction(struct gen_chain *chain, struct wire_transaction *out, int64_t timestamp,
				 const struct gen_coin *coins, size_t n, uint64_t sum)
{
	uint64_t fee = sum / 1001 + 1 > MIN_FEE ? sum / 1001 + 1 : MIN_FEE, left = sum - fee;
	uint64_t paid = MIN_OUTPUT + gen_random_below(&chain->random, left - 2 * MIN_OUTPUT + 1);
	/* Any wallet of this branch: its masternodes, or one of the wallets proper, which follow all masternodes. */
	size_t i = (size_t)gen_random_below(&chain->random, wallet_count(chain->params));
	uint32_t payee = (uint32_t)(i < chain->params->masternodes ? chain->first_masternode + i
								   : i + chain->params->masternodes);
	struct gen_coin made[2] = {{.owner = payee, .value = paid}, {.owner = coins[0].owner, .value = left - paid}};
	struct wire_tx_input *inputs = take(&chain->arena, n * sizeof(*inputs));
	struct wire_tx_output *outputs = take(&chain->arena, 2 * sizeof(*outputs));

	for (size_t k = 0; k < n; k++)
		inputs[k] = (struct wire_tx_input){.previous_output = coins[k].outpoint, .sequence = UINT32_MAX};
	for (size_t k = 0; k < 2; k++)
		outputs[k] = (struct wire_tx_output){made[k].value, gen_key_script(&chain->keys[made[k].owner])};
	*out = (struct wire_transaction){
		.version = 1, .inputs = {inputs, n}, .outputs = {outputs, 2}, .timestamp = timestamp};
	sign_inputs(chain, &chain->arena, out, coins);
	for (uint32_t k = 0; k < 2; k++) {
		hash_txid(&made[k].outpoint.txid, out);
		made[k].outpoint.vout = k;
		put_into_purse(chain, &made[k]);
	}
	return fee;
}

/* As many transactions as are wanted and there are coins for, from the second of the block on.  Their fees. */
static uint64_t make_transactions(struct gen_chain *chain, struct wire_transaction_list *list, int64_t timestamp)
{
	const struct gen_chain_params *params = chain->params;
	size_t wanted = chain->purse_count < params->transactions ? chain->purse_count : params->transactions;
	struct gen_coin *coins = take(&chain->arena, params->max_inputs * sizeof(*coins));
	uint64_t fees = 0;

	list->items = take(&chain->arena, (wanted + 1) * sizeof(list->items[0]));
	for (list->len = 1; list->len <= wanted; list->len++) {
		uint64_t sum;
		size_t n = choose_coins(chain, coins, &sum);

		if (n == 0)
			break;
		fees += make_transaction(chain, &list->items[list->len], timestamp, coins, n, sum);
	}
	return fees;
}

/* The rewards, and the coinbase that pays them. */
static void make_coinbase(struct gen_chain *chain, struct wire_block *block)
{
	size_t n = chain->params->masternodes;
	struct wire_reward *rewards = take(&chain->arena, n * sizeof(*rewards));
	struct wire_tx_output *outputs = take(&chain->arena, n * sizeof(*outputs));
	uint64_t *amounts = take(&chain->arena, n * sizeof(*amounts));

	rewards_share(amounts, chain->params->tiers, n, block->header.block_reward);
	for (size_t i = 0; i < n; i++) {
		const struct gen_key *key = &chain->keys[chain->first_masternode + i];

		rewards[i] = (struct wire_reward){gen_key_address(key), amounts[i]};
		outputs[i] = (struct wire_tx_output){amounts[i], gen_key_script(key)};
	}
	block->masternode_rewards = (struct wire_reward_list){rewards, n};
	block->transactions.items[0] =
		(struct wire_transaction){.version = 1, .outputs = {outputs, n}, .timestamp = block->header.timestamp};
}

/* Precommits of a quorum, which is another one at each height. */
static void certify(struct gen_chain *chain, struct wire_block *block, const struct block_ids *ids)
{
	const struct validator_list *list = chain->params->validators;
	size_t quorum = validators_quorum(list->count);
	struct wire_commit *commit = take(&chain->arena, sizeof(*commit));
	struct wire_sig *signatures = take(&chain->arena, quorum * sizeof(*signatures));
	struct wire_hash digest;

	*commit = (struct wire_commit){.round = 0};
	commit->signatures.items = take(&chain->arena, quorum * sizeof(commit->signatures.items[0]));
	commit->signatures.len = quorum;
	digest_vote(&digest, &chain->genesis->hash, block->header.height, commit->round, WIRE_PHASE_PRECOMMIT,
		    &ids->hash);
	for (size_t i = 0; i < quorum; i++) {
		size_t voter = (block->header.height + i) % list->count;

		digest_sign(&signatures[i], &digest, chain->keys[chain->first_masternode + voter].secret);
		commit->signatures.items[i].voter = list->addresses[voter];
		commit->signatures.items[i].signature = (struct wire_bytes){signatures[i].bytes, sizeof(signatures[i])};
	}
	block->commit = commit;
}

static void make_block(struct gen_chain *chain, struct block_ids *ids)
{
	struct wire_block *block = &chain->block;
	struct wire_block_header *header = &block->header;

	memset(block, 0, sizeof(*block));
	*header = (struct wire_block_header){
		.version = CHAIN_BLOCK_VERSION,
		.height = chain->tip.height + 1,
		.previous_hash = chain->tip.hash,
	};
	header->timestamp =
		chain->genesis->block.header.timestamp + (int64_t)(chain->params->interval_s * header->height);
	header->block_reward = CHAIN_BLOCK_SUBSIDY + make_transactions(chain, &block->transactions, header->timestamp);
	make_coinbase(chain, block);
	check(block_identify(ids, &chain->arena, block) == 0, "out of memory");
	hash_merkle_root(&header->merkle_root, ids->txids, block->transactions.len);
	hash_block(&ids->hash, header);
	if (chain->params->validators)
		certify(chain, block, ids);
}

static int find_coin(void *user, struct coin *out, struct arena *arena, const struct wire_outpoint *outpoint)
{
	static const struct wire_bytes genesis_script = {(const uint8_t *)"genesis", 7};
	const struct gen_chain *chain = user;
	const struct gen_coin *coin = gen_coins_find(&chain->coins, outpoint);

	(void)arena;
	if (!coin)
		return 1;
	out->value = coin->value;
	out->script = coin->owner == GEN_OWNER_GENESIS ? genesis_script : gen_key_script(&chain->keys[coin->owner]);
	return 0;
}

static int has_transaction(void *user, const struct wire_hash *txid)
{
	const struct gen_chain *chain = user;

	return gen_coins_has_txid(&chain->coins, txid);
}

/* Every rule there is.  The clock stands at the block's own time: the chain may reach into the future. */
static int check_block(struct gen_chain *chain, struct block_effects *effects, struct chain_fault *fault,
		       const struct block_ids *ids)
{
	const struct coin_source source = {find_coin, has_transaction, chain};
	const struct wire_block *block = &chain->block;
	int r = block_check_form(fault, &chain->arena, block, ids);

	if (!r)
		r = block_check_place(fault, &block->header, &chain->tip, block->header.timestamp);
	for (size_t i = 0; !r && i < block->transactions.len; i++)
		r = transaction_check_signatures(fault, &block->transactions.items[i], &ids->txids[i], (int64_t)i);
	if (!r)
		r = block_check_spends(effects, fault, &chain->arena, chain->params->chain, block, ids, &source);
	if (!r)
		r = block_check_validators(fault, &chain->arena, chain->params->chain, block);
	if (!r)
		r = block_check_certificate(fault, chain->params->chain, block, ids);
	check(r >= 0, "out of memory");
	return r;
}

/* Scripts point into the key that owns them. */
static uint32_t owner_of(const struct gen_chain *chain, const struct wire_bytes *script)
{
	return (uint32_t)((size_t)((const char *)script->ptr - (const char *)chain->keys) / sizeof(chain->keys[0]));
}

static struct gen_coin coin_of(const struct gen_chain *chain, const struct block_ids *ids, uint32_t transaction,
			       uint32_t vout)
{
	const struct wire_tx_output *output = &chain->block.transactions.items[transaction].outputs.items[vout];

	return (struct gen_coin){
		.outpoint = {ids->txids[transaction], vout},
		.owner = owner_of(chain, &output->script_pubkey),
		.value = output->value,
	};
}

static void connect_block(struct gen_chain *chain, const struct block_effects *effects, const struct block_ids *ids)
{
	const struct wire_block *block = &chain->block;

	for (size_t i = 0; i < effects->spent_count; i++)
		check(gen_coins_remove(&chain->coins, &effects->spent[i].outpoint),
		      "a coin is spent that is not there");
	for (size_t i = 0; i < effects->created_count; i++) {
		struct gen_coin coin = coin_of(chain, ids, effects->created[i].transaction, effects->created[i].vout);

		gen_coins_add(&chain->coins, &coin);
	}
	for (size_t i = 0; i < block->transactions.len; i++)
		gen_coins_add_txid(&chain->coins, &ids->txids[i]);
	/* Nobody could know the coinbase's txid before the block was whole. */
	for (uint32_t i = 0; i < chain->params->masternodes; i++) {
		struct gen_coin coin = coin_of(chain, ids, 0, i);

		put_into_purse(chain, &coin);
	}
	check(block->header.block_reward == CHAIN_BLOCK_SUBSIDY + effects->fees, "the fees differ");
	/* All but the genesis output belongs to somebody. */
	check(chain->coins.count == chain->purse_count + 1, "the purse differs from the unspent outputs");
	chain->transactions += block->transactions.len;
	chain->tip = (struct chain_point){block->header.height, ids->hash, block->header.timestamp};
}

int gen_chain_next(struct gen_chain *chain, struct chain_fault *fault)
{
	struct block_effects effects;
	struct block_ids ids;
	int r;

	arena_reset(&chain->arena);
	make_block(chain, &ids);
	r = check_block(chain, &effects, fault, &ids);
	if (!r)
		connect_block(chain, &effects, &ids);
	return r;
}
