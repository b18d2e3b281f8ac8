/* SPDX-License-Identifier: MIT
 *
 * Names for the value descriptions of the schema: what the `_value` functions of json.h and bincode.h take.  The
 * comment beside each names the C type that `out` or `value` must point to.  The tables themselves are in
 * src/wire/schema.c.
 *
 * Thread safety: constants.
 */
#ifndef TIMEPROTO_WIRE_SCHEMA_H
#define TIMEPROTO_WIRE_SCHEMA_H

#include <stddef.h>

#include "timeproto/wire/message.h"

struct wire_desc;

extern const struct wire_desc wire_desc_hash;		  /* struct wire_hash */
extern const struct wire_desc wire_desc_outpoint;	  /* struct wire_outpoint */
extern const struct wire_desc wire_desc_tx_input;	  /* struct wire_tx_input */
extern const struct wire_desc wire_desc_tx_output;	  /* struct wire_tx_output */
extern const struct wire_desc wire_desc_tx_output_list;	  /* struct wire_tx_output_list */
extern const struct wire_desc wire_desc_transaction;	  /* struct wire_transaction */
extern const struct wire_desc wire_desc_transaction_list; /* struct wire_transaction_list */
extern const struct wire_desc wire_desc_block_header;	  /* struct wire_block_header */
extern const struct wire_desc wire_desc_block;		  /* struct wire_block */
extern const struct wire_desc wire_desc_block_list;	  /* struct wire_block_list */
extern const struct wire_desc wire_desc_commit;		  /* struct wire_commit */
extern const struct wire_desc wire_desc_utxo;		  /* struct wire_utxo */
extern const struct wire_desc wire_desc_utxo_list;	  /* struct wire_utxo_list */
extern const struct wire_desc wire_desc_utxo_state;	  /* struct wire_utxo_state */
extern const struct wire_desc wire_desc_masternode;	  /* struct wire_masternode */
extern const struct wire_desc wire_desc_peer_list;	  /* struct wire_str_list, cut at WIRE_MAX_PEERS */

/* "GetPeers" …; NULL when out of range. */
const char *wire_type_name(enum wire_type type);
/* The type of that name, or WIRE_TYPE_COUNT when there is none. */
enum wire_type wire_type_from_name(const char *name, size_t len);
/* "Free" …; NULL when out of range. */
const char *wire_tier_name(enum wire_tier tier);

#endif
