/* SPDX-License-Identifier: MIT
 *
 * The handlers of the messages that the connection itself is about (PROTOCOL.md §4); the node's message table names them
 * beside its own.
 *
 * Thread safety: worker of the peer only.
 */
#ifndef TIMED_NET_HANDLERS_H
#define TIMED_NET_HANDLERS_H

#include "timed/net/net.h"

enum message_verdict peer_on_handshake(struct peer *peer, const struct wire_message *message);
enum message_verdict peer_on_ack(struct peer *peer, const struct wire_message *message);
enum message_verdict peer_on_version(struct peer *peer, const struct wire_message *message);
enum message_verdict peer_on_ping(struct peer *peer, const struct wire_message *message);
enum message_verdict peer_on_pong(struct peer *peer, const struct wire_message *message);

#endif
