// SPDX-License-Identifier: MIT
/* See describe.h. */
#include "timed/rpc/describe.h"

#include "timed/rpc/builder.h"
#include "timed/rpc/value.h"
#include "timeproto/chain/address.h"
#include "timeproto/wire/bincode.h"

/* Adds "address" if the bytes are one of this network; then they are letters and digits. */
static void add_address(struct builder *b, const char *text, size_t len, enum chain_network network)
{
	if (address_decode(NULL, text, len, network) == 0)
		builder_add(b, "address", json_stringn(text, len));
}

/* Appends to a list that is NULL once memory was refused, and takes `item` over. */
static void append(json_t **list, json_t *item)
{
	if (json_array_append_new(*list, item)) {
		json_decref(*list);
		*list = NULL;
	}
}

json_t *describe_script(const struct wire_bytes *script, enum chain_network network)
{
	struct builder b;

	builder_init(&b);
	builder_add_hex(&b, "hex", script->ptr, script->len);
	add_address(&b, (const char *)script->ptr, script->len, network);
	return builder_take(&b);
}

static json_t *describe_script_sig(const struct wire_bytes *script)
{
	struct builder b;

	builder_init(&b);
	builder_add_hex(&b, "hex", script->ptr, script->len);
	return builder_take(&b);
}

static json_t *describe_inputs(const struct wire_tx_input_list *inputs)
{
	json_t *list = json_array();

	for (size_t i = 0; i < inputs->len && list; i++) {
		const struct wire_tx_input *input = &inputs->items[i];
		struct builder b;

		builder_init(&b);
		builder_add_hash(&b, "txid", &input->previous_output.txid);
		builder_add_u64(&b, "vout", input->previous_output.vout);
		builder_add(&b, "scriptSig", describe_script_sig(&input->script_sig));
		builder_add_u64(&b, "sequence", input->sequence);
		append(&list, builder_take(&b));
	}
	return list;
}

static json_t *describe_outputs(const struct wire_tx_output_list *outputs, enum chain_network network)
{
	json_t *list = json_array();

	for (size_t i = 0; i < outputs->len && list; i++) {
		const struct wire_tx_output *output = &outputs->items[i];
		struct builder b;

		builder_init(&b);
		builder_add_amount(&b, "value", output->value);
		builder_add_u64(&b, "n", i);
		builder_add(&b, "scriptPubKey", describe_script(&output->script_pubkey, network));
		append(&list, builder_take(&b));
	}
	return list;
}

json_t *describe_transaction(const struct wire_transaction *transaction, const struct wire_hash *txid,
			     enum chain_network network)
{
	struct builder b;

	builder_init(&b);
	builder_add_hash(&b, "txid", txid);
	builder_add_u64(&b, "version", transaction->version);
	builder_add_u64(&b, "size", wire_bincode_size_value(&wire_desc_transaction, transaction));
	builder_add_integer(&b, "timestamp", transaction->timestamp);
	builder_add_u64(&b, "locktime", transaction->lock_time);
	builder_add(&b, "vin", describe_inputs(&transaction->inputs));
	builder_add(&b, "vout", describe_outputs(&transaction->outputs, network));
	return builder_take(&b);
}

json_t *describe_rewards(const struct wire_reward_list *rewards, enum chain_network network)
{
	json_t *list = json_array();

	for (size_t i = 0; i < rewards->len && list; i++) {
		const struct wire_str *address = &rewards->items[i].address;
		struct builder b;

		builder_init(&b);
		builder_add_hex(&b, "script", (const uint8_t *)address->ptr, address->len);
		add_address(&b, address->ptr, address->len, network);
		builder_add_amount(&b, "amount", rewards->items[i].amount);
		append(&list, builder_take(&b));
	}
	return list;
}

/* The certificate was checked before it was taken: the voters are validators that the operator has configured. */
static json_t *describe_commit_signatures(const struct wire_commit_signature_list *signatures)
{
	json_t *list = json_array();

	for (size_t i = 0; i < signatures->len && list; i++) {
		const struct wire_commit_signature *signature = &signatures->items[i];
		struct builder b;

		builder_init(&b);
		builder_add_text(&b, "voter", signature->voter.ptr);
		builder_add_hex(&b, "signature", signature->signature.ptr, signature->signature.len);
		append(&list, builder_take(&b));
	}
	return list;
}

json_t *describe_commit(const struct wire_commit *commit)
{
	struct builder b;

	builder_init(&b);
	builder_add_u64(&b, "round", commit->round);
	builder_add(&b, "signatures", describe_commit_signatures(&commit->signatures));
	return builder_take(&b);
}
