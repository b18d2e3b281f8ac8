// SPDX-License-Identifier: MIT
/* The methods of the wallet, over a wallet, a pool and a small chain in a real store, and a made-up node. */
#include <errno.h>
#include <stdarg.h>

#include "coins_fixture.h"
#include "rpc_call.h"
#include "run_suite.h"
#include "timed/rpc/raw_transaction.h"
#include "timeproto/base/hex.h"

static void setup_node(void)
{
	coins_setup();
	node_setup();
	node.store = chain;
	node.pool = pool;
	node.wallet = wallet;
	node.coins = coins;
}

static void teardown_node(void)
{
	node_teardown();
	coins_teardown();
}

/* ---- helpers */

/* Two places, so that one call may have two. */
static const char *args(const char *format, ...) __attribute__((format(printf, 1, 2)));
static const char *args(const char *format, ...)
{
	static char text[2][8192];
	static unsigned next;
	va_list list;

	next++;
	va_start(list, format);
	vsnprintf(text[next % 2], sizeof(text[0]), format, list);
	va_end(list);
	return text[next % 2];
}

static const char *hex_of(const struct wire_hash *hash)
{
	static char text[HASH_TEXT_SIZE];

	return hash_text(text, hash);
}

/* The answer is this, byte for byte. */
static void expect_result(const char *method, const char *params_text, const char *expected)
{
	char *text = call_text(method, params_text), whole[512];

	snprintf(whole, sizeof(whole), "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":%s}", expected);
	ck_assert_str_eq(text, whole);
	free(text);
}

static void expect_code(const char *method, const char *params_text, int code, const char *part)
{
	char *text = call_text(method, params_text);
	json_t *answer = json_loads(text, 0, NULL), *error = json_object_get(answer, "error");

	ck_assert_msg(error != NULL, "%s", text);
	ck_assert_msg(json_integer_value(json_object_get(error, "code")) == code, "%s", text);
	ck_assert_msg(strstr(json_string_value(json_object_get(error, "message")), part) != NULL, "%s", text);
	json_decref(answer);
	free(text);
}

/* The amount is printed so. */
static void expect_amount(const json_t *object, const char *key, const char *text)
{
	char *printed = json_dumps(json_object_get(object, key), JSON_ENCODE_ANY | JSON_REAL_PRECISION(17));
	double expected = strtod(text, NULL), got = strtod(printed, NULL);

	ck_assert_msg(expected == got, "%s: %s and not %s", key, printed, text);
	free(printed);
}

static struct wire_hash hash_in(const json_t *value)
{
	struct wire_hash hash;

	ck_assert(json_is_string(value));
	ck_assert_int_eq(hex_decode(hash.bytes, 32, json_string_value(value), json_string_length(value)), 0);
	return hash;
}

/* sendtoaddress to an owner of the fixture. */
static struct wire_hash must_pay(const char *amount)
{
	json_t *answer = call_with("sendtoaddress", args("[\"%s\",%s]", f->owners[7].address, amount));
	struct wire_hash txid = hash_in(answer);

	json_decref(answer);
	return txid;
}

static void must_finalize_id(const struct wire_hash *txid)
{
	struct pool_mark mark = {.txid = *txid, .votes = 3, .at_s = now_s};

	ck_assert_int_eq(pool_finalize(pool, &events, &mark, 1), 0);
	ck_assert_int_eq(mark.outcome, 0);
}

/* ---- getbalance */

START_TEST(balance_is_what_can_be_spent)
{
	struct wire_transaction tx = pay_key(1, 3);
	char stranger[64];
	struct coins_list list;
	struct wire_str address = text_of(f->owners[6].address);

	expect_result("getbalance", "[]", "0.00000000");
	mine_key(0, 2 * TIME + 1);
	expect_result("getbalance", "[]", "2.00000001");
	tx.outputs.items[0].value = 1000;
	must_insert(&tx);
	expect_result("getbalance", "[]", "2.00000001");
	must_finalize(&tx);
	expect_result("getbalance", "[]", "2.00001001");
	expect_result("getbalance", args("[\"%s\"]", address_of(1)), "0.00001000");
	expect_result("getbalance", args("{\"address\":\"%s\"}", address_of(2)), "0.00000000");
	/* anybody's */
	ck_assert_int_eq(coins_list(coins, &list, &coins_fault, &address, 1), 0);
	snprintf(stranger, sizeof(stranger), "%d.%08d", (int)(list.balance.spendable / TIME),
		 (int)(list.balance.spendable % TIME));
	coins_list_free(&list);
	expect_result("getbalance", args("[\"%s\"]", f->owners[6].address), stranger);
	expect_code("getbalance", "[\"TIME0x\"]", RPC_INVALID_ADDRESS_OR_KEY, "\"TIME0x\" is no address of testnet");
	expect_code("getbalance", "[1]", RPC_TYPE_ERROR, "address must be of type string");
}
END_TEST

/* ---- listunspent */

START_TEST(unspent_coins_and_their_fields)
{
	struct wire_transaction mined = mine_key(2, 5 * TIME), tx = pay_key(3, 4 * TIME);
	struct wire_hash txid = txid_of(&mined);
	json_t *list, *entry;

	tip = fixture_extend(f, tip, 2, 0);
	must_connect_up_to(tip);
	must_update();
	must_insert(&tx);
	list = call("listunspent");
	ck_assert_uint_eq(json_array_size(list), 1);
	entry = json_array_get(list, 0);
	expect_keys(entry, "txid vout address scriptPubKey amount confirmations state spendable solvable safe");
	expect_text(entry, "txid", hex_of(&txid));
	expect_integer(entry, "vout", 0);
	expect_text(entry, "address", address_of(2));
	expect_amount(entry, "amount", "5.00000000");
	expect_integer(entry, "confirmations", 3);
	expect_text(entry, "state", "confirmed");
	ck_assert(json_is_true(json_object_get(entry, "spendable")));
	ck_assert(json_is_true(json_object_get(entry, "solvable")));
	ck_assert(json_is_true(json_object_get(entry, "safe")));
	json_decref(list);

	list = call_with("listunspent", "[0,0]");
	ck_assert_uint_eq(json_array_size(list), 1);
	entry = json_array_get(list, 0);
	expect_text(entry, "state", "incoming");
	expect_integer(entry, "confirmations", 0);
	ck_assert(json_is_false(json_object_get(entry, "spendable")));
	ck_assert(json_is_true(json_object_get(entry, "solvable")));
	ck_assert(json_is_false(json_object_get(entry, "safe")));
	json_decref(list);
	must_finalize(&tx);
	list = call_with("listunspent", "[0,0]");
	expect_text(json_array_get(list, 0), "state", "finalised");
	ck_assert(json_is_true(json_object_get(json_array_get(list, 0), "spendable")));
	json_decref(list);
}
END_TEST

static void expect_unspent(const char *params_text, size_t count)
{
	json_t *list = call_with("listunspent", params_text);

	ck_assert_msg(json_array_size(list) == count, "%s: %d", params_text, (int)json_array_size(list));
	json_decref(list);
}

START_TEST(unspent_coins_that_are_asked_for)
{
	mine_key(1, TIME);
	mine_key(2, TIME);
	mine_key(2, TIME); /* confirmations 3, 2, 1 */
	expect_unspent("[]", 3);
	expect_unspent("[2]", 2);
	expect_unspent("[2,2]", 1);
	expect_unspent("[4]", 0);
	expect_unspent(args("[1,9,[\"%s\"]]", address_of(2)), 2);
	expect_unspent(args("[1,9,[\"%s\",\"%s\"]]", address_of(2), address_of(1)), 3);
	expect_unspent(args("{\"addresses\":[\"%s\"]}", address_of(9)), 0);
	/* what is being spent is not listed */
	(void)must_pay("2.5");
	expect_unspent("[]", 0);
	expect_code("listunspent", "[2,1]", RPC_INVALID_PARAMETER, "minconf must not be more than maxconf");
	expect_code("listunspent", "[-1]", RPC_INVALID_PARAMETER, "minconf must be between 0");
	expect_code("listunspent", "[1,2,[5]]", RPC_TYPE_ERROR, "an address must be of type string");
	expect_code("listunspent", "[1,2,[\"x\"]]", RPC_INVALID_ADDRESS_OR_KEY, "\"x\" is no address");
}
END_TEST

START_TEST(unspent_coins_of_strangers)
{
	json_t *list = call_with("listunspent", args("[1,9999,[\"%s\"]]", f->owners[6].address)), *entry;

	ck_assert_uint_gt(json_array_size(list), 0);
	entry = json_array_get(list, 0);
	ck_assert(json_is_false(json_object_get(entry, "spendable")));
	ck_assert(json_is_false(json_object_get(entry, "solvable")));
	ck_assert(json_is_true(json_object_get(entry, "safe")));
	json_decref(list);
}
END_TEST

/* ---- addresses */

START_TEST(new_addresses)
{
	node.new_address = "TIME0new";
	expect_result("getnewaddress", "[]", "\"TIME0new\"");
	node.new_address_result = WALLET_E_LOCKED;
	expect_code("getnewaddress", "[]", RPC_WALLET_KEYPOOL_RAN_OUT, "walletpassphrase");
	node.new_address_result = WALLET_E_KEYS;
	expect_code("getnewaddress", "[]", RPC_WALLET_KEYPOOL_RAN_OUT, "last address");
	node.new_address_result = -EIO;
	expect_code("getnewaddress", "[]", RPC_WALLET_ERROR, "cannot be read or written");
	node.new_address_result = -ENOMEM;
	expect_code("getnewaddress", "[]", RPC_OUT_OF_MEMORY, "out of memory");
	expect_code("getnewaddress", "[\"label\"]", RPC_INVALID_PARAMS, "at most 0 parameters");
}
END_TEST

START_TEST(valid_addresses)
{
	json_t *object = call_with("validateaddress", args("[\"%s\"]", address_of(4)));
	char foreign[ADDRESS_TEXT_SIZE], hex[2 * ADDRESS_TEXT_SIZE + 1];

	expect_keys(object, "isvalid address scriptPubKey ismine iswatchonly isscript iswitness");
	ck_assert(json_is_true(json_object_get(object, "isvalid")));
	ck_assert(json_is_true(json_object_get(object, "ismine")));
	expect_text(object, "address", address_of(4));
	hex_encode(hex, (const uint8_t *)address_of(4), strlen(address_of(4)));
	expect_text(object, "scriptPubKey", hex);
	json_decref(object);
	object = call_with("validateaddress", args("[\"%s\"]", f->owners[0].address));
	ck_assert(json_is_true(json_object_get(object, "isvalid")));
	ck_assert(json_is_false(json_object_get(object, "ismine")));
	json_decref(object);
	object = call_with("validateaddress", "[\"x\"]");
	expect_keys(object, "isvalid address scriptPubKey ismine iswatchonly isscript iswitness error");
	ck_assert(json_is_false(json_object_get(object, "isvalid")));
	expect_text(object, "scriptPubKey", "");
	json_decref(object);
	address_from_key(foreign, &f->owners[0].key, CHAIN_MAINNET);
	object = call_with("validateaddress", args("[\"%s\"]", foreign));
	ck_assert(json_is_false(json_object_get(object, "isvalid")));
	ck_assert_ptr_nonnull(strstr(json_string_value(json_object_get(object, "error")), "network"));
	json_decref(object);
}
END_TEST

/* ---- payments */

START_TEST(a_payment_and_what_it_is_refused_for)
{
	const char *to = f->owners[7].address;
	struct wire_transaction tx;
	struct wire_hash txid;
	bool paid = false;

	expect_code("sendtoaddress", args("[\"%s\",1]", to), RPC_WALLET_INSUFFICIENT_FUNDS, "insufficient funds");
	mine_key(1, 10 * TIME);
	expect_code("sendtoaddress", args("[\"%s\",10]", to), RPC_WALLET_INSUFFICIENT_FUNDS, "insufficient funds");
	expect_code("sendtoaddress", "[\"x\",1]", RPC_INVALID_ADDRESS_OR_KEY, "\"x\" is no address");
	expect_code("sendtoaddress", args("[\"%s\",0]", to), RPC_INVALID_PARAMETER, "nothing");
	expect_code("sendtoaddress", args("[\"%s\",0.00000545]", to), RPC_INVALID_PARAMETER, "dust");
	expect_code("sendtoaddress", args("[\"%s\",0.000000001]", to), RPC_TYPE_ERROR, "at most 8 decimals");
	expect_code("sendtoaddress", args("[\"%s\",-1]", to), RPC_TYPE_ERROR, "not negative");
	expect_code("sendtoaddress", args("[\"%s\",1e30]", to), RPC_TYPE_ERROR, "out of range");
	expect_code("sendtoaddress", args("[\"%s\",true]", to), RPC_TYPE_ERROR, "number or string");
	expect_code("sendtoaddress", args("[\"%s\"]", to), RPC_INVALID_PARAMS, "amount");
	ck_assert_int_eq(submitted, 0);
	refuse_with = POOL_E_FULL;
	expect_code("sendtoaddress", args("[\"%s\",1]", to), RPC_VERIFY_REJECTED, "the pool does not take");
	refuse_with = 0;
	txid = must_pay("\"0.29\"");
	tx = pooled(&txid);
	for (size_t i = 0; i < tx.outputs.len; i++)
		paid |= tx.outputs.items[i].value == 29000000;
	ck_assert(paid);
}
END_TEST

/* That a key is handed out cannot be written down: nothing is sent. */
static void expect_failed_write(const char *method, const char *params_text)
{
	saving_fails = -EIO;
	expect_code(method, params_text, RPC_WALLET_ERROR, "");
	ck_assert_int_eq(submitted, 0);
	saving_fails = 0;
}

START_TEST(a_disk_that_fails)
{
	mine_key(1, 10 * TIME);
	mine_key(2, 10 * TIME);
	expect_failed_write("sendtoaddress", args("[\"%s\",1]", f->owners[7].address));
	expect_failed_write("mergeutxos", "[]");
}
END_TEST

START_TEST(a_merge)
{
	struct wire_hash txid;
	json_t *object;

	mine_key(1, TIME);
	expect_code("mergeutxos", "[]", RPC_INVALID_PARAMETER, "nothing to merge: 1 coins");
	mine_key(2, 2 * TIME);
	mine_key(2, 3 * TIME);
	mine_key(2, 4 * TIME);
	expect_code("mergeutxos", "[5]", RPC_INVALID_PARAMETER, "nothing to merge: 4 coins");
	expect_code("mergeutxos", "[3,2]", RPC_INVALID_PARAMETER, "min must not be more than max");
	expect_code("mergeutxos", "[1]", RPC_INVALID_PARAMETER, "min must be between 2 and 10000");
	expect_code("mergeutxos", "[2,5,\"x\"]", RPC_INVALID_ADDRESS_OR_KEY, "\"x\" is no address");
	object = call_with("mergeutxos", args("[2,2,\"%s\"]", address_of(2)));
	expect_keys(object, "txid merged_count total_value fee final_value");
	expect_integer(object, "merged_count", 2);
	expect_amount(object, "total_value", "5.00000000");
	expect_amount(object, "fee", "0.00499500");
	expect_amount(object, "final_value", "4.99500500");
	txid = hash_in(json_object_get(object, "txid"));
	json_decref(object);
	must_finalize_id(&txid);
	expect_result("getbalance", args("[\"%s\"]", address_of(2)), "8.99500500");
}
END_TEST

START_TEST(signing)
{
	struct fixture_coin ours = {.value = 10 * TIME, .owner = 0};
	struct wire_transaction tx = mine_key(1, 10 * TIME), built, back;
	char why[RAW_TRANSACTION_WHY_SIZE];
	json_t *hex, *object, *errors;
	struct arena arena;

	ours.outpoint.txid = txid_of(&tx);
	built = fixture_pay(f, &ours, 1, 1, OWNERS_FEE);
	built.inputs.items[0].script_sig.len = 0;
	hex = raw_transaction_encode(&built);
	object = call_with("signrawtransactionwithwallet", args("[\"%s\"]", json_string_value(hex)));
	expect_keys(object, "hex complete");
	ck_assert(json_is_true(json_object_get(object, "complete")));
	json_decref(hex);
	hex = json_incref(json_object_get(object, "hex"));
	json_decref(object);
	arena_init(&arena, RAW_TRANSACTION_ARENA_BYTES, NULL);
	ck_assert_int_eq(raw_transaction_decode(&back, why, &arena, json_string_value(hex), json_string_length(hex)),
			 0);
	must_insert(&back);
	arena_free(&arena);
	json_decref(hex);

	built.inputs.items[0].previous_output.vout = 9;
	hex = raw_transaction_encode(&built);
	object = call_with("signrawtransactionwithwallet", args("[\"%s\"]", json_string_value(hex)));
	expect_keys(object, "hex complete errors");
	ck_assert(json_is_false(json_object_get(object, "complete")));
	expect_text(object, "hex", json_string_value(hex));
	errors = json_object_get(object, "errors");
	ck_assert_uint_eq(json_array_size(errors), 1);
	expect_keys(json_array_get(errors, 0), "txid vout scriptSig sequence error");
	expect_integer(json_array_get(errors, 0), "vout", 9);
	json_decref(object);
	json_decref(hex);
	expect_code("signrawtransactionwithwallet", "[\"00\"]", RPC_DESERIALIZATION_ERROR,
		    "hexstring is no transaction");
}
END_TEST

/* ---- gettransaction */

static json_t *transaction(const struct wire_hash *txid)
{
	return call_with("gettransaction", args("[\"%s\"]", hex_of(txid)));
}

#define POOLED "amount confirmations finalized txid time timereceived details hex"
#define MINED "amount confirmations finalized blockhash blockheight blockindex blocktime txid time details hex"

START_TEST(a_transaction_that_pays_us)
{
	struct wire_transaction tx = pay_key(1, 3 * TIME);
	struct wire_hash txid = txid_of(&tx);
	json_t *object, *details;

	must_insert(&tx);
	object = transaction(&txid);
	expect_keys(object, POOLED);
	expect_amount(object, "amount", "3.0");
	expect_integer(object, "confirmations", 0);
	ck_assert(json_is_false(json_object_get(object, "finalized")));
	expect_integer(object, "timereceived", now_s);
	details = json_object_get(object, "details");
	ck_assert_uint_eq(json_array_size(details), 1);
	expect_keys(json_array_get(details, 0), "address category amount vout");
	expect_text(json_array_get(details, 0), "address", address_of(1));
	expect_text(json_array_get(details, 0), "category", "receive");
	json_decref(object);
	mine_one(&tx);
	object = transaction(&txid);
	expect_keys(object, MINED);
	expect_amount(object, "amount", "3.0");
	expect_integer(object, "confirmations", 1);
	expect_text(object, "blockhash", hex_of(&tip->ids.hash));
	expect_integer(object, "blockheight", (int64_t)tip->block.header.height);
	expect_integer(object, "blockindex", 1);
	expect_integer(object, "blocktime", tip->block.header.timestamp);
	ck_assert(json_is_true(json_object_get(object, "finalized")));
	json_decref(object);
}
END_TEST

static void expect_payment(const json_t *object)
{
	json_t *details = json_object_get(object, "details");
	bool sent = false;

	expect_amount(object, "amount", "-4.0");
	expect_amount(object, "fee", "-0.00999001");
	ck_assert_uint_eq(json_array_size(details), 2);
	for (size_t i = 0; i < 2; i++) {
		json_t *detail = json_array_get(details, i);

		if (strcmp(json_string_value(json_object_get(detail, "category")), "send") == 0) {
			expect_text(detail, "address", f->owners[7].address);
			expect_amount(detail, "amount", "-4.0");
			sent = true;
		}
	}
	ck_assert(sent);
}

START_TEST(a_transaction_that_we_pay)
{
	struct wire_transaction tx;
	struct wire_hash txid;
	json_t *object;

	mine_key(1, 10 * TIME);
	txid = must_pay("4");
	object = transaction(&txid);
	expect_keys(object, POOLED " fee");
	expect_payment(object);
	json_decref(object);
	must_finalize_id(&txid);
	object = transaction(&txid);
	ck_assert(json_is_true(json_object_get(object, "finalized")));
	json_decref(object);
	tx = pooled(&txid);
	mine_one(&tx);
	object = transaction(&txid);
	expect_keys(object, MINED " fee");
	expect_payment(object);
	json_decref(object);
}
END_TEST

START_TEST(transactions_of_others)
{
	struct wire_hash none = {{9}};
	json_t *object = transaction(&tip->ids.txids[0]);

	expect_amount(object, "amount", "0.0");
	ck_assert_uint_eq(json_array_size(json_object_get(object, "details")), 0);
	json_decref(object);
	expect_code("gettransaction", args("[\"%s\"]", hex_of(&none)), RPC_INVALID_ADDRESS_OR_KEY,
		    "there is no transaction 09");
	expect_code("gettransaction", "[\"x\"]", RPC_INVALID_PARAMETER, "txid must be a hash");
}
END_TEST

START_TEST(a_coinbase_of_ours)
{
	struct fixture_block *block = fixture_copy(f, fixture_extend(f, tip, 1, 3));
	json_t *object, *detail;

	block->block.masternode_rewards.items[2].address = text_of(address_of(0));
	fixture_repay(f, block);
	fixture_seal(f, block);
	tip = block;
	must_connect_up_to(tip);
	must_update();
	object = transaction(&tip->ids.txids[0]);
	expect_amount(object, "amount", "25.0");
	ck_assert_uint_eq(json_array_size(json_object_get(object, "details")), 1);
	detail = json_array_get(json_object_get(object, "details"), 0);
	expect_text(detail, "category", "generate");
	expect_integer(detail, "vout", 2);
	json_decref(object);
}
END_TEST

/* ---- passphrase; encryptwallet takes a second, so one test goes through all of it */

static int unlock_fails; /* result of wallet_unlock(); 0: its own */

int __real_wallet_unlock(struct wallet *w, char text[WALLET_TEXT_SIZE], const char *passphrase, size_t len,
			 int64_t for_ms);
int __wrap_wallet_unlock(struct wallet *w, char text[WALLET_TEXT_SIZE], const char *passphrase, size_t len,
			 int64_t for_ms);
int __wrap_wallet_unlock(struct wallet *w, char text[WALLET_TEXT_SIZE], const char *passphrase, size_t len,
			 int64_t for_ms)
{
	if (!unlock_fails)
		return __real_wallet_unlock(w, text, passphrase, len, for_ms);
	snprintf(text, WALLET_TEXT_SIZE, "it is damaged");
	return unlock_fails;
}

START_TEST(the_passphrase)
{
	const char *pay = args("[\"%s\",1]", f->owners[7].address);
	struct wallet_state state;
	json_t *answer;

	mine_key(1, 10 * TIME);
	expect_code("walletpassphrase", "[\"open\",60]", RPC_WALLET_WRONG_ENC_STATE, "");
	expect_code("walletlock", "[]", RPC_WALLET_WRONG_ENC_STATE, "no passphrase");
	expect_code("encryptwallet", "[\"\"]", RPC_INVALID_PARAMETER, "");
	answer = call_with("encryptwallet", "[\"open\"]");
	ck_assert_ptr_nonnull(strstr(json_string_value(answer), "locked until walletpassphrase"));
	json_decref(answer);
	expect_code("encryptwallet", "[\"open\"]", RPC_WALLET_WRONG_ENC_STATE, "");
	expect_code("sendtoaddress", pay, RPC_WALLET_UNLOCK_NEEDED, "walletpassphrase");
	expect_result("getbalance", "[]", "10.00000000");
	expect_code("walletpassphrase", "[\"opem\",60]", RPC_WALLET_PASSPHRASE_INCORRECT, "");
	expect_code("walletpassphrase", "[\"\",60]", RPC_WALLET_PASSPHRASE_INCORRECT, "");
	expect_code("walletpassphrase", "[\"open\",0]", RPC_INVALID_PARAMETER, "between 1 and 100000000");
	expect_code("walletpassphrase", "[\"open\"]", RPC_INVALID_PARAMS, "timeout");
	unlock_fails = WALLET_E_DAMAGED;
	expect_code("walletpassphrase", "[\"open\",60]", RPC_WALLET_ERROR, "it is damaged");
	unlock_fails = -ENOMEM;
	expect_code("walletpassphrase", "[\"open\",60]", RPC_OUT_OF_MEMORY, "out of memory");
	unlock_fails = 0;
	expect_result("walletpassphrase", "[\"open\",60]", "null");
	wallet_get_state(wallet, &state);
	ck_assert_int_gt(state.unlocked_ms, 50000);
	ck_assert_int_le(state.unlocked_ms, 60000);
	(void)must_pay("1");
	expect_result("walletlock", "[]", "null");
	wallet_get_state(wallet, &state);
	ck_assert(state.locked);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("rpc_wallet");
	TCase *c = tcase_create("rpc_wallet");

	tcase_add_checked_fixture(c, setup_node, teardown_node);
	tcase_set_timeout(c, 60);
	tcase_add_test(c, balance_is_what_can_be_spent);
	tcase_add_test(c, unspent_coins_and_their_fields);
	tcase_add_test(c, unspent_coins_that_are_asked_for);
	tcase_add_test(c, unspent_coins_of_strangers);
	tcase_add_test(c, new_addresses);
	tcase_add_test(c, valid_addresses);
	tcase_add_test(c, a_payment_and_what_it_is_refused_for);
	tcase_add_test(c, a_disk_that_fails);
	tcase_add_test(c, a_merge);
	tcase_add_test(c, signing);
	tcase_add_test(c, a_transaction_that_pays_us);
	tcase_add_test(c, a_transaction_that_we_pay);
	tcase_add_test(c, transactions_of_others);
	tcase_add_test(c, a_coinbase_of_ours);
	tcase_add_test(c, the_passphrase);
	suite_add_tcase(suite, c);
	return run_suite(suite);
}
