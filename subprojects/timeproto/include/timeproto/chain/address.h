/* SPDX-License-Identifier: MIT
 *
 * TIME addresses: `TIME`, a digit for the network, and base58 of 20 bytes of the key's hash and a checksum of 4
 * (PROTOCOL.md §6).
 *
 * Addresses in blocks and announcements of existing nodes are unchecked text and are kept as bytes; this module is for
 * addresses that we make, and for those that a person or a configuration gives us.
 *
 * Thread safety: pure functions.
 */
#ifndef TIMEPROTO_CHAIN_ADDRESS_H
#define TIMEPROTO_CHAIN_ADDRESS_H

#include <stddef.h>
#include <stdint.h>

#include "timeproto/chain/params.h"
#include "timeproto/wire/types.h"

#define ADDRESS_PAYLOAD_BYTES 20
/* Room for any address and its terminating zero. */
#define ADDRESS_TEXT_SIZE 40

enum address_error {
	ADDRESS_E_PREFIX = 1, /* does not begin with TIME */
	ADDRESS_E_DIGIT,      /* neither 0 nor 1 follows */
	ADDRESS_E_NETWORK,    /* an address of another network; all else about it is right */
	ADDRESS_E_CHARACTER,  /* a character outside base58 */
	ADDRESS_E_LENGTH,     /* does not decode to 24 bytes */
	ADDRESS_E_CHECKSUM,   /* mistyped */
};

/* The address that `key` owns on `network`. */
void address_from_key(char out[ADDRESS_TEXT_SIZE], const struct wire_key *key, enum chain_network network);
/* The address of a payload: what address_decode() gave. */
void address_from_payload(char out[ADDRESS_TEXT_SIZE], const uint8_t payload[ADDRESS_PAYLOAD_BYTES],
			  enum chain_network network);

/* Checks `len` characters as an address of `network`; `payload` (may be NULL) gets the 20 bytes.  What is accepted
 * re-encodes to the same text.  0 or an enum address_error. */
int address_decode(uint8_t payload[ADDRESS_PAYLOAD_BYTES], const char *text, size_t len, enum chain_network network)
	__attribute__((warn_unused_result));

/* Why an address was refused, for people: "wrong checksum: mistyped?" ...; static. */
const char *address_error_text(int error);

#endif
