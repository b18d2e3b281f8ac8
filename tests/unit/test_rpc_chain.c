// SPDX-License-Identifier: MIT
/* The methods of the chain, over a small chain in a real store and a made-up node.
 *
 * The chain is genesis and three blocks: the first pays a reward to text that is no address, the second holds a
 * transaction with all kinds of scripts and has a certificate, the third has nothing but rewards.  A method that kept a
 * view would be found by the closing of the store, which aborts. */
#include "chain_test.h"
#include "rpc_call.h"
#include "run_suite.h"
#include "timed/rpc/describe.h"
#include "timed/rpc/value.h"
#include "timeproto/base/hex.h"
#include "timeproto/wire/bincode.h"

/* Valid UTF-8, as the store demands, and all that can go wrong beyond: controls, a quote, a NUL. */
static const char odd_address[] = "TIME0x\x01\"\xc3\xa9\0\x7f";
/* No UTF-8 at all. */
static const uint8_t odd_script[] = {0xff, 0x00, '"', '\\', 0xc0};
#define FEE 1236 /* shared without rest */
#define TOP 3	 /* height of the best block */

static struct fixture_block *blocks[TOP + 1];
static struct wire_transaction payment; /* in block 2: spends reward 1 of block 1 */
static char foreign_address[ADDRESS_TEXT_SIZE];

static struct wire_bytes text_script(const char *text)
{
	return (struct wire_bytes){(const uint8_t *)text, strlen(text)};
}

static void make_payment(void)
{
	struct fixture_coin coin = fixture_reward(f, blocks[1], 1);
	int to[4] = {2, 2, 2, 2};
	uint64_t values[4] = {coin.value - FEE - 3, 1, 2, 0};

	payment = fixture_transaction(f, &coin, 1, to, values, 4);
	address_from_key(foreign_address, &f->owners[2].key, CHAIN_MAINNET);
	payment.outputs.items[1].script_pubkey = (struct wire_bytes){odd_script, sizeof(odd_script)};
	payment.outputs.items[2].script_pubkey = text_script(foreign_address);
	payment.outputs.items[3].script_pubkey = (struct wire_bytes){NULL, 0};
	payment.version = 7;
	payment.lock_time = 8;
	payment.timestamp = -9;
	fixture_sign(f, &payment, &coin);
}

static void setup_chain(void)
{
	chain_setup();
	node_setup();
	blocks[0] = f->root;
	blocks[1] = fixture_block(f, blocks[0], NULL, 0, 1);
	blocks[1]->block.masternode_rewards.items[0].address = (struct wire_str){odd_address, sizeof(odd_address) - 1};
	fixture_repay(f, blocks[1]);
	fixture_seal(f, blocks[1]);
	make_payment();
	blocks[2] = fixture_block(f, blocks[1], &payment, 1, 1);
	fixture_validators(f, TOP);
	blocks[3] = fixture_extend(f, blocks[2], 1, 1);
	must_open_chain();
	must_connect_up_to(blocks[TOP]);
	must_flush();
	node.store = chain;
}

static void teardown_chain(void)
{
	chain_teardown();
	node_teardown();
}

/* ---- helpers */

static const char *hex_of(const struct wire_hash *hash)
{
	static char text[4][HASH_TEXT_SIZE];
	static unsigned next;

	return hash_text(text[next++ % 4], hash);
}

static const char *hash_of_block(uint64_t height)
{
	return hex_of(&blocks[height]->ids.hash);
}

/* ["HEX",rest] */
static const char *params_of(const char *hash, const char *rest)
{
	static char text[2][256];
	static unsigned next;
	char *out = text[next++ % 2];

	snprintf(out, sizeof(text[0]), "[\"%s\"%s%s]", hash, rest[0] ? "," : "", rest);
	return out;
}

/* The number as it is printed, exactly. */
static void expect_number(const json_t *object, const char *key, const char *text)
{
	char *printed = json_dumps(json_object_get(object, key), JSON_ENCODE_ANY | JSON_REAL_PRECISION(10));

	ck_assert_str_eq(printed, text);
	free(printed);
}

/* The answer holds the text, byte for byte. */
static void expect_in_answer(const char *method, const char *args, const char *text)
{
	char *answer = call_text(method, args);

	ck_assert_msg(strstr(answer, text) != NULL, "%s is not in %s", text, answer);
	free(answer);
}

static void expect_result_text(const char *method, const char *args, const char *text)
{
	json_t *result = call_with(method, args);

	ck_assert_str_eq(json_string_value(result), text);
	json_decref(result);
}

static void expect_null(const char *method, const char *args)
{
	json_t *result = call_with(method, args);

	ck_assert(json_is_null(result));
	json_decref(result);
}

static void expect_same(const char *method, const char *one, const char *other)
{
	char *a = call_text(method, one), *b = call_text(method, other);

	ck_assert_str_eq(a, b);
	free(a);
	free(b);
}

/* Bincode of a value in hex; free(). */
static char *bincode_hex(const struct wire_desc *desc, const void *value)
{
	struct buf bytes = BUF_INIT;
	char *text;

	ck_assert_int_eq(wire_bincode_encode_value(&bytes, desc, value), 0);
	text = malloc(2 * bytes.len + 1);
	hex_encode(text, bytes.data, bytes.len);
	buf_free(&bytes);
	return text;
}

static char *script_hex(const struct wire_bytes *script)
{
	char *text = malloc(2 * script->len + 1);

	hex_encode(text, script->ptr, script->len);
	return text;
}

/* {hex, address}: the script, and its address (NULL: it is none). */
static void expect_script(const json_t *found, const char *hex_key, const struct wire_bytes *script,
			  const char *address)
{
	char *hex = script_hex(script);

	ck_assert_str_eq(json_string_value(json_object_get(found, hex_key)), hex);
	free(hex);
	if (address)
		expect_text(found, "address", address);
	else
		ck_assert_ptr_null(json_object_get(found, "address"));
}

/* Puts `value` in place of an entry, and has the next view show it. */
static void damage(enum store_family family, const void *key, size_t key_len)
{
	ck_assert_int_eq(store_put(store, family, key, key_len, "x", 1, true), 0);
	must_connect(fixture_extend(f, blocks[TOP], 1, 2));
	must_flush();
}

static void damage_block(uint8_t height)
{
	const uint8_t key[8] = {[7] = height};

	damage(STORE_BLOCKS, key, sizeof(key));
}

/* ---- the tip */

START_TEST(count_and_best_hash)
{
	json_t *count = call("getblockcount");

	ck_assert_int_eq(json_integer_value(count), TOP);
	json_decref(count);
	expect_result_text("getbestblockhash", "[]", hash_of_block(TOP));
}
END_TEST

START_TEST(hash_by_height)
{
	char height[32];

	for (int i = 0; i <= TOP; i++) {
		snprintf(height, sizeof(height), "[%d]", i);
		expect_result_text("getblockhash", height, hash_of_block((uint64_t)i));
	}
	expect_error("getblockhash", "[4]", RPC_INVALID_PARAMETER,
		     "there is no block at height 4: the heights are 0 to 3");
	expect_error("getblockhash", "[-1]", RPC_INVALID_PARAMETER,
		     "there is no block at height -1: the heights are 0 to 3");
	expect_error("getblockhash", "[9223372036854775807]", RPC_INVALID_PARAMETER,
		     "there is no block at height 9223372036854775807: the heights are 0 to 3");
	expect_error("getblockhash", "[18446744073709551615]", RPC_TYPE_ERROR,
		     "height must be of type integer, not 18446744073709551615");
	expect_error("getblockhash", "[\"1\"]", RPC_TYPE_ERROR, "height must be of type integer, not string");
	expect_error("getblockhash", "[]", RPC_INVALID_PARAMS, "getblockhash needs the parameter height");
}
END_TEST

/* ---- headers */

#define HEADER_KEYS "hash confirmations height version merkleroot time previousblockhash block_reward"

static void expect_header(const json_t *found, uint64_t height)
{
	const struct wire_block_header *header = &blocks[height]->block.header;

	expect_text(found, "hash", hash_of_block(height));
	expect_integer(found, "confirmations", (int)(TOP - height + 1));
	expect_integer(found, "height", (int)height);
	expect_integer(found, "version", height == 0 ? 2 : 1);
	expect_text(found, "merkleroot", hex_of(&header->merkle_root));
	expect_integer(found, "time", header->timestamp);
	expect_text(found, "previousblockhash", hex_of(&header->previous_hash));
	if (height < TOP)
		expect_text(found, "nextblockhash", hash_of_block(height + 1));
}

START_TEST(header_of_any_block)
{
	json_t *header;

	for (uint64_t height = 0; height <= TOP; height++) {
		header = call_with("getblockheader", params_of(hash_of_block(height), ""));
		expect_keys(header, height < TOP ? HEADER_KEYS " nextblockhash" : HEADER_KEYS);
		expect_header(header, height);
		json_decref(header);
	}
	expect_same("getblockheader", params_of(hash_of_block(2), ""), "[2]");
	expect_same("getblockheader", "[0]", "{\"blockhash\":0,\"verbose\":true}");
	expect_in_answer("getblockheader", "[2]", "\"block_reward\":100.00001236}");
	expect_in_answer("getblockheader", "[0]",
			 "\"previousblockhash\":\"0000000000000000000000000000000000000000000000000000000000000000\"");
}
END_TEST

START_TEST(header_as_bytes)
{
	char *hex = bincode_hex(&wire_desc_block_header, &blocks[1]->block.header);

	ck_assert_uint_eq(strlen(hex), 2 * 92);
	expect_result_text("getblockheader", "[1,false]", hex);
	free(hex);
}
END_TEST

/* A block is named by a height of the chain, or the 64 digits of a hash in it. */
START_TEST(blocks_that_are_not_there)
{
	static const char *const names[] = {"getblockheader", "getblock"};
	const char *nowhere = "00000000000000000000000000000000000000000000000000000000000000ff";
	char bad[65];

	strcpy(bad, hash_of_block(1));
	bad[63] = 'g';
	for (size_t i = 0; i < 2; i++) {
		char text[256];

		expect_error(names[i], params_of(nowhere, ""), RPC_INVALID_ADDRESS_OR_KEY,
			     "there is no block 00000000000000000000000000000000000000000000000000000000000000ff in "
			     "the chain");
		expect_error(names[i], "[4]", RPC_INVALID_PARAMETER,
			     "there is no block at height 4: the heights are 0 to 3");
		expect_error(names[i], "[\"1\"]", RPC_INVALID_PARAMETER,
			     "blockhash must be a hash, 64 hex digits, not the 1 bytes \"1\"");
		snprintf(text, sizeof(text), "blockhash must be a hash, 64 hex digits, not the 64 bytes \"%s\"", bad);
		expect_error(names[i], params_of(bad, ""), RPC_INVALID_PARAMETER, text);
		expect_error(names[i], "[true]", RPC_TYPE_ERROR,
			     "blockhash must be of type integer or string, not boolean");
		expect_error(names[i], "[1.5]", RPC_TYPE_ERROR, "blockhash must be of type integer or string, not 1.5");
	}
}
END_TEST

/* Hex of either case is read. */
START_TEST(hashes_in_capitals)
{
	char capitals[65];

	strcpy(capitals, hash_of_block(1));
	for (char *c = capitals; *c; c++)
		*c = *c >= 'a' ? (char)(*c - 'a' + 'A') : *c;
	expect_same("getblock", params_of(capitals, ""), "[1]");
}
END_TEST

/* A block of another branch is not part of the chain. */
START_TEST(block_of_a_branch)
{
	const struct fixture_block *other = fixture_extend(f, blocks[1], 1, 3);
	char text[160];

	ck_assert_int_eq(chain_store_keep(chain, &other->block, &other->ids), 0);
	snprintf(text, sizeof(text), "there is no block %s in the chain", hex_of(&other->ids.hash));
	expect_error("getblock", params_of(hex_of(&other->ids.hash), ""), RPC_INVALID_ADDRESS_OR_KEY, text);
}
END_TEST

/* ---- blocks */

#define BLOCK_KEYS HEADER_KEYS " size nTx masternode_rewards tx"

START_TEST(block_with_ids)
{
	static const char *const keys[TOP + 1] = {BLOCK_KEYS " nextblockhash", BLOCK_KEYS " nextblockhash",
						  BLOCK_KEYS " nextblockhash", BLOCK_KEYS " commit"};

	for (uint64_t height = 0; height <= TOP; height++) {
		const struct wire_block *block = &blocks[height]->block;
		json_t *found = call_with("getblock", params_of(hash_of_block(height), "")), *ids;

		expect_keys(found, keys[height]);
		expect_header(found, height);
		expect_integer(found, "size", (int)wire_bincode_size_value(&wire_desc_block, block));
		expect_integer(found, "nTx", (int)block->transactions.len);
		ids = json_object_get(found, "tx");
		ck_assert_uint_eq(json_array_size(ids), block->transactions.len);
		for (size_t i = 0; i < block->transactions.len; i++)
			ck_assert_str_eq(json_string_value(json_array_get(ids, i)),
					 hex_of(&blocks[height]->ids.txids[i]));
		json_decref(found);
	}
	expect_same("getblock", "[2]", params_of(hash_of_block(2), "1"));
	expect_same("getblock", "[2]", "[2,true]");
	expect_in_answer("getblock", "[2]", "\"block_reward\":100.00001236,");
}
END_TEST

START_TEST(block_as_bytes)
{
	for (int i = 0; i <= TOP; i++) {
		char *hex = bincode_hex(&wire_desc_block, &blocks[i]->block), height[32];

		snprintf(height, sizeof(height), "[%d,0]", i);
		expect_result_text("getblock", height, hex);
		free(hex);
	}
	expect_same("getblock", "[2,0]", "[2,false]");
}
END_TEST

START_TEST(verbosities_that_there_are_not)
{
	expect_error("getblock", "[1,3]", RPC_INVALID_PARAMETER, "verbosity must be between 0 and 2");
	expect_error("getblock", "[1,-1]", RPC_INVALID_PARAMETER, "verbosity must be between 0 and 2");
	expect_error("getblock", "[1,\"2\"]", RPC_TYPE_ERROR,
		     "verbosity must be of type boolean or integer, not string");
	expect_error("getblockheader", "[1,1]", RPC_TYPE_ERROR, "verbose must be of type boolean, not integer");
}
END_TEST

/* Whatever bytes a reward address consists of, they come out as hex, and as an address only if they are one. */
START_TEST(rewards_of_any_bytes)
{
	const struct wire_reward_list *rewards = &blocks[1]->block.masternode_rewards;
	json_t *found = call_with("getblock", "[1]"), *list = json_object_get(found, "masternode_rewards");

	ck_assert_uint_eq(json_array_size(list), FIXTURE_REWARDS);
	for (size_t i = 0; i < FIXTURE_REWARDS; i++) {
		const struct wire_str *address = &rewards->items[i].address;
		const struct wire_bytes bytes = {(const uint8_t *)address->ptr, address->len};
		json_t *reward = json_array_get(list, i);

		expect_keys(reward, i == 0 ? "script amount" : "script address amount");
		expect_script(reward, "script", &bytes, i == 0 ? NULL : address->ptr);
	}
	json_decref(found);
	expect_in_answer("getblock", "[1]", "{\"script\":\"54494d4530780122c3a9007f\",\"amount\":25.00000000}");
}
END_TEST

START_TEST(certificate_of_a_block)
{
	json_t *found = call_with("getblock", "[3]"), *commit = json_object_get(found, "commit"), *one;
	const struct wire_commit *real = blocks[TOP]->block.commit;
	char signature[2 * 64 + 1];

	expect_keys(commit, "round signatures");
	expect_integer(commit, "round", FIXTURE_ROUND);
	ck_assert_uint_eq(json_array_size(json_object_get(commit, "signatures")), real->signatures.len);
	one = json_array_get(json_object_get(commit, "signatures"), 1);
	expect_keys(one, "voter signature");
	expect_text(one, "voter", "10.0.0.2");
	hex_encode(signature, real->signatures.items[1].signature.ptr, 64);
	expect_text(one, "signature", signature);
	json_decref(found);
}
END_TEST

static void expect_input(const json_t *found)
{
	const struct wire_tx_input *input = &payment.inputs.items[0];

	expect_keys((json_t *)(uintptr_t)found, "txid vout scriptSig sequence");
	expect_text(found, "txid", hex_of(&blocks[1]->ids.txids[0]));
	expect_integer(found, "vout", 1);
	expect_integer(found, "sequence", 4294967295);
	expect_script(json_object_get(found, "scriptSig"), "hex", &input->script_sig, NULL);
}

static void expect_outputs(const json_t *list)
{
	const char *addresses[4] = {f->owners[2].address};

	ck_assert_uint_eq(json_array_size(list), 4);
	for (size_t i = 0; i < 4; i++) {
		json_t *output = json_array_get(list, i), *script = json_object_get(output, "scriptPubKey");

		expect_keys(output, "value n scriptPubKey");
		expect_integer(output, "n", (int)i);
		expect_keys(script, i == 0 ? "hex address" : "hex");
		expect_script(script, "hex", &payment.outputs.items[i].script_pubkey, addresses[i]);
	}
}

START_TEST(block_with_transactions)
{
	json_t *found = call_with("getblock", "[2,2]"), *list = json_object_get(found, "tx"), *tx;

	ck_assert_uint_eq(json_array_size(list), 2);
	tx = json_array_get(list, 0);
	expect_keys(tx, "txid version size timestamp locktime vin vout");
	ck_assert_uint_eq(json_array_size(json_object_get(tx, "vin")), 0);
	ck_assert_uint_eq(json_array_size(json_object_get(tx, "vout")), FIXTURE_REWARDS);
	tx = json_array_get(list, 1);
	expect_text(tx, "txid", hex_of(&blocks[2]->ids.txids[1]));
	expect_integer(tx, "version", 7);
	expect_integer(tx, "locktime", 8);
	expect_integer(tx, "timestamp", -9);
	expect_integer(tx, "size", (int)wire_bincode_size_value(&wire_desc_transaction, &payment));
	ck_assert_uint_eq(json_array_size(json_object_get(tx, "vin")), 1);
	expect_input(json_array_get(json_object_get(tx, "vin"), 0));
	expect_outputs(json_object_get(tx, "vout"));
	json_decref(found);
	expect_in_answer("getblock", "[2,2]", "{\"value\":24.99998761,\"n\":0,\"scriptPubKey\":{\"hex\":");
	expect_in_answer("getblock", "[2,2]",
			 "{\"value\":0.00000001,\"n\":1,\"scriptPubKey\":{\"hex\":\"ff00225cc0\"}}");
	expect_in_answer("getblock", "[2,2]", "{\"value\":0.00000000,\"n\":3,\"scriptPubKey\":{\"hex\":\"\"}}");
}
END_TEST

/* An amount uses all 64 bits. */
START_TEST(largest_amount)
{
	struct wire_tx_output output = {.value = UINT64_MAX};
	const struct wire_transaction tx = {.outputs = {&output, 1}};
	const struct wire_hash txid = {{0}};
	json_t *found = describe_transaction(&tx, &txid, CHAIN_TESTNET);
	struct buf text = BUF_INIT;

	value_print(&text, found);
	buf_append_byte(&text, 0);
	ck_assert_ptr_nonnull(strstr((char *)text.data, "\"value\":184467440737.09551615,"));
	buf_free(&text);
	json_decref(found);
}
END_TEST

/* ---- unspent outputs */

static void expect_coin(const char *args, uint64_t height, bool coinbase, const struct wire_bytes *script,
			const char *address)
{
	json_t *found = call_with("gettxout", args);

	expect_keys(found, "bestblock confirmations height value scriptPubKey coinbase");
	expect_text(found, "bestblock", hash_of_block(TOP));
	expect_integer(found, "confirmations", (int)(TOP - height + 1));
	expect_integer(found, "height", (int)height);
	ck_assert(json_is_true(json_object_get(found, "coinbase")) == coinbase);
	expect_script(json_object_get(found, "scriptPubKey"), "hex", script, address);
	json_decref(found);
}

START_TEST(outputs_that_are_unspent)
{
	const struct wire_tx_output *outputs = payment.outputs.items;
	const struct wire_bytes odd = {(const uint8_t *)odd_address, sizeof(odd_address) - 1};
	const struct wire_bytes genesis = text_script("genesis");
	char paid[HASH_TEXT_SIZE], reward[HASH_TEXT_SIZE], first[HASH_TEXT_SIZE];

	hash_text(paid, &blocks[2]->ids.txids[1]);
	hash_text(reward, &blocks[1]->ids.txids[0]);
	hash_text(first, &blocks[0]->ids.txids[0]);
	expect_coin(params_of(paid, "0"), 2, false, &outputs[0].script_pubkey, f->owners[2].address);
	expect_coin(params_of(paid, "1"), 2, false, &outputs[1].script_pubkey, NULL);
	expect_coin(params_of(paid, "2"), 2, false, &outputs[2].script_pubkey, NULL);
	expect_coin(params_of(paid, "3"), 2, false, &outputs[3].script_pubkey, NULL);
	expect_coin(params_of(reward, "0"), 1, true, &odd, NULL);
	expect_coin(params_of(first, "0"), 0, true, &genesis, NULL);
	expect_in_answer("gettxout", params_of(paid, "0"), "\"value\":24.99998761,");
	expect_in_answer("gettxout", params_of(first, "0"), "\"value\":100.00000000,");
}
END_TEST

START_TEST(outputs_that_are_not_unspent)
{
	char reward[HASH_TEXT_SIZE];

	hash_text(reward, &blocks[1]->ids.txids[0]);
	expect_null("gettxout", params_of(reward, "1")); /* spent */
	expect_null("gettxout", params_of(reward, "4")); /* has never been */
	expect_null("gettxout", params_of(reward, "4294967295"));
	expect_null("gettxout", params_of(hash_of_block(1), "0")); /* no transaction */
}
END_TEST

START_TEST(outpoints_that_are_none)
{
	char txid[HASH_TEXT_SIZE];

	hash_text(txid, &blocks[1]->ids.txids[0]);
	expect_error("gettxout", params_of(txid, "-1"), RPC_INVALID_PARAMETER, "n must be between 0 and 4294967295");
	expect_error("gettxout", params_of(txid, "4294967296"), RPC_INVALID_PARAMETER,
		     "n must be between 0 and 4294967295");
	expect_error("gettxout", params_of(txid, ""), RPC_INVALID_PARAMS, "gettxout needs the parameter n");
	expect_error("gettxout", "[\"xy\",0]", RPC_INVALID_PARAMETER,
		     "txid must be a hash, 64 hex digits, not the 2 bytes \"xy\"");
	expect_error("gettxout", "[\"\",0]", RPC_INVALID_PARAMETER,
		     "txid must be a hash, 64 hex digits, not the 0 bytes \"\"");
	expect_error("gettxout", "[7,0]", RPC_TYPE_ERROR, "txid must be of type string, not integer");
}
END_TEST

/* As of the block that is named. */
START_TEST(all_unspent_outputs)
{
	size_t count;
	struct fixture_coin *coins = fixture_unspent(f, blocks[TOP], &count);
	json_t *info = call("gettxoutsetinfo");
	struct wire_hash hash;

	view_state_hash(&hash);
	expect_keys(info, "height bestblock transactions txouts utxo_state_hash disk_size total_amount");
	expect_integer(info, "height", TOP);
	expect_text(info, "bestblock", hash_of_block(TOP));
	/* genesis and three coinbases, one reward of which is spent by a payment with four outputs */
	ck_assert_uint_eq(count, 1 + 3 * FIXTURE_REWARDS - 1 + 4);
	expect_integer(info, "txouts", (int)count);
	expect_integer(info, "transactions", 5);
	expect_text(info, "utxo_state_hash", hex_of(&hash));
	ck_assert_int_ge(json_integer_value(json_object_get(info, "disk_size")), (json_int_t)count * (44 + 68));
	json_decref(info);
	free(coins);
	/* genesis has 100 TIME, a block adds 100, and fees are paid out again */
	expect_in_answer("gettxoutsetinfo", "[]", "\"total_amount\":399.99999999}");
}
END_TEST

/* ---- damage */

/* What is damaged is said, and the rest still answered. */
START_TEST(damaged_block)
{
	const char *why = "cannot read the block from the database (STORE_E_CHAIN): the log tells more";

	damage_block(2);
	expect_error("getblockhash", "[2]", RPC_MISC_ERROR, why);
	expect_error("getblockheader", "[2]", RPC_MISC_ERROR, why);
	expect_error("getblock", "[2]", RPC_MISC_ERROR, why);
	expect_error("getblock", "[2,2]", RPC_MISC_ERROR, why);
	expect_result_text("getblock", "[2,0]", "78"); /* the bytes as they are */
	expect_error("getblockheader", "[1]", RPC_MISC_ERROR,
		     "cannot read the next block from the database (STORE_E_CHAIN): the log tells more");
	expect_result_text("getblockhash", "[3]", hash_of_block(3));
}
END_TEST

START_TEST(damaged_index_of_blocks)
{
	const struct wire_hash *hash = &blocks[1]->ids.hash;

	damage(STORE_BLOCK_INDEX, hash->bytes, sizeof(hash->bytes));
	expect_error("getblock", params_of(hex_of(hash), ""), RPC_MISC_ERROR,
		     "cannot read the index of blocks from the database (STORE_E_CHAIN): the log tells more");
	expect_result_text("getblockhash", "[1]", hex_of(hash));
}
END_TEST

START_TEST(damaged_unspent_output)
{
	const struct wire_hash *txid = &blocks[1]->ids.txids[0];
	uint8_t key[36] = {0};

	memcpy(key, txid->bytes, sizeof(txid->bytes));
	damage(STORE_UTXO, key, sizeof(key));
	expect_error("gettxout", params_of(hex_of(txid), "0"), RPC_MISC_ERROR,
		     "cannot read the unspent output from the database (STORE_E_CHAIN): the log tells more");
	expect_error("gettxoutsetinfo", "[]", RPC_MISC_ERROR,
		     "cannot read the unspent outputs from the database (STORE_E_CHAIN): the log tells more");
}
END_TEST

START_TEST(damaged_index_of_transactions)
{
	const struct wire_hash *txid = &blocks[1]->ids.txids[0];

	damage(STORE_TX_INDEX, txid->bytes, sizeof(txid->bytes));
	expect_error("gettxout", params_of(hex_of(txid), "0"), RPC_MISC_ERROR,
		     "cannot read the place of its transaction from the database (STORE_E_CHAIN): the log tells more");
}
END_TEST

/* ---- getblockchaininfo */

#define INFO_KEYS                                                                                                      \
	"chain blocks headers bestblockhash time verificationprogress initialblockdownload syncing sync_phase "        \
	"target_height blocks_per_second peers_used size_on_disk pruned expected_height genesis_hash warnings "        \
	"mediantime chainwork difficulty consensus instant_finality finality_time"

static void set_height(uint64_t height, uint64_t target, uint64_t expected)
{
	node.summary.tip.height = height;
	node.sync.target = target;
	node.expected = expected;
}

START_TEST(info_of_a_node_at_rest)
{
	json_t *info;

	set_height(1499, 1499, 2999);
	node.summary.tip.timestamp = 1765446600;
	node.summary.block_bytes = 123456789012;
	memset(node.summary.tip.hash.bytes, 0xfe, 32);
	node.median_result = STORE_E_CHAIN;
	expect_error("getblockchaininfo", "[]", RPC_MISC_ERROR,
		     "cannot read the last blocks from the database (STORE_E_CHAIN): the log tells more");
	node.median_result = 0;
	node.median_time = 1765443600;
	info = call("getblockchaininfo");
	expect_keys(info, INFO_KEYS);
	expect_text(info, "chain", "test");
	expect_integer(info, "blocks", 1499);
	expect_integer(info, "headers", 1499);
	expect_text(info, "bestblockhash", "fefefefefefefefefefefefefefefefefefefefefefefefefefefefefefefefe");
	expect_integer(info, "time", 1765446600);
	expect_integer(info, "mediantime", 1765443600);
	expect_text(info, "chainwork", "00000000000000000000000000000000000000000000000000000000000005db");
	expect_text(info, "consensus", "slots");
	ck_assert(json_is_true(json_object_get(info, "instant_finality")));
	expect_number(info, "verificationprogress", "0.5");
	ck_assert(json_is_false(json_object_get(info, "initialblockdownload")));
	ck_assert(json_is_false(json_object_get(info, "syncing")));
	expect_text(info, "sync_phase", "idle");
	expect_integer(info, "target_height", 1499);
	expect_number(info, "blocks_per_second", "0.0");
	expect_integer(info, "peers_used", 0);
	expect_integer(info, "size_on_disk", 123456789012);
	ck_assert(json_is_false(json_object_get(info, "pruned")));
	expect_integer(info, "expected_height", 2999);
	expect_text(info, "genesis_hash", "8989898989898989898989898989898989898989898989898989898989898989");
	ck_assert_uint_eq(json_array_size(json_object_get(info, "warnings")), 1);
	ck_assert_str_eq(json_string_value(json_array_get(json_object_get(info, "warnings"), 0)),
			 "no-peers: No peer is connected");
	json_decref(info);
	chain_params_init(&node.chain, CHAIN_MAINNET);
	expect_in_answer("getblockchaininfo", "[]", "\"chain\":\"main\",");
	chain_params_init(&node.chain, CHAIN_DEVNET);
	expect_in_answer("getblockchaininfo", "[]", "\"chain\":\"dev\",");
}
END_TEST

START_TEST(info_of_a_node_that_syncs)
{
	json_t *info;

	node.sync = (struct node_sync){.syncing = true,
				       .phase = "extending",
				       .height = 249,
				       .blocks_per_s = 1234.56,
				       .seconds_left = 77,
				       .peers_used = 3};
	set_height(249, 999, 5000);
	info = call("getblockchaininfo");
	expect_keys(info, INFO_KEYS " seconds_left");
	ck_assert(json_is_true(json_object_get(info, "initialblockdownload")));
	ck_assert(json_is_true(json_object_get(info, "syncing")));
	expect_text(info, "sync_phase", "extending");
	expect_integer(info, "blocks", 249);
	expect_integer(info, "headers", 999);
	expect_integer(info, "target_height", 999);
	expect_number(info, "blocks_per_second", "1234.5");
	expect_integer(info, "seconds_left", 77);
	expect_integer(info, "peers_used", 3);
	expect_number(info, "verificationprogress", "0.25");
	json_decref(info);
}
END_TEST

/* Of what peers have shown while that is more than we have, though it be more than the clock says; else by the clock,
 * as when nobody was found yet; 1 only when all is there. */
START_TEST(progress)
{
	static const struct {
		uint64_t height, target, expected;
		const char *text;
	} cases[] = {
		{0, 0, 3, "0.250000"}, {0, 7, 3, "0.125000"},	       {4000, 4000, 3000, "1.000000"},
		{7, 7, 7, "1.000000"}, {998, 999, 0, "0.999000"},      {9999999, 10000000, 0, "0.999999"},
		{7, 5, 7, "1.000000"}, {0, UINT64_MAX, 0, "0.000000"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[64];

		set_height(cases[i].height, cases[i].target, cases[i].expected);
		snprintf(text, sizeof(text), "\"verificationprogress\":%s,", cases[i].text);
		expect_in_answer("getblockchaininfo", "[]", text);
	}
	set_height(10, 5, 10); /* the tip has moved meanwhile */
	expect_in_answer("getblockchaininfo", "[]", "\"headers\":10,");
	expect_in_answer("getblockchaininfo", "[]", "\"target_height\":10,");
}
END_TEST

/* The parts of the info that come from the store. */
START_TEST(info_of_a_real_chain)
{
	json_t *info = call("getblockchaininfo");
	size_t bytes = 0;

	for (int i = 0; i <= TOP; i++)
		bytes += wire_bincode_size_value(&wire_desc_block, &blocks[i]->block);
	expect_integer(info, "blocks", TOP);
	expect_text(info, "bestblockhash", hash_of_block(TOP));
	expect_integer(info, "size_on_disk", (int)bytes);
	json_decref(info);
}
END_TEST

static void add_chain_tests(Suite *suite)
{
	TCase *c = tcase_create("chain");

	tcase_add_checked_fixture(c, setup_chain, teardown_chain);
	tcase_add_test(c, count_and_best_hash);
	tcase_add_test(c, hash_by_height);
	tcase_add_test(c, header_of_any_block);
	tcase_add_test(c, header_as_bytes);
	tcase_add_test(c, blocks_that_are_not_there);
	tcase_add_test(c, hashes_in_capitals);
	tcase_add_test(c, block_of_a_branch);
	tcase_add_test(c, block_with_ids);
	tcase_add_test(c, block_as_bytes);
	tcase_add_test(c, verbosities_that_there_are_not);
	tcase_add_test(c, rewards_of_any_bytes);
	tcase_add_test(c, certificate_of_a_block);
	tcase_add_test(c, block_with_transactions);
	tcase_add_test(c, largest_amount);
	tcase_add_test(c, outputs_that_are_unspent);
	tcase_add_test(c, outputs_that_are_not_unspent);
	tcase_add_test(c, outpoints_that_are_none);
	tcase_add_test(c, all_unspent_outputs);
	tcase_add_test(c, damaged_block);
	tcase_add_test(c, damaged_index_of_blocks);
	tcase_add_test(c, damaged_unspent_output);
	tcase_add_test(c, damaged_index_of_transactions);
	tcase_add_test(c, info_of_a_real_chain);
	suite_add_tcase(suite, c);
}

static void add_info_tests(Suite *suite)
{
	TCase *c = tcase_create("info");

	tcase_add_checked_fixture(c, node_setup, node_teardown);
	tcase_add_test(c, info_of_a_node_at_rest);
	tcase_add_test(c, info_of_a_node_that_syncs);
	tcase_add_test(c, progress);
	suite_add_tcase(suite, c);
}

int main(void)
{
	Suite *suite = suite_create("rpc_chain");

	add_chain_tests(suite);
	add_info_tests(suite);
	return run_suite(suite);
}
