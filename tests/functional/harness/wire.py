# SPDX-License-Identifier: MIT
"""The 47 messages of the protocol: builders for those that tests send, and a check of what a daemon sent.

The check refuses what an existing node would refuse. Those count every such line as a violation and ban at the third,
so a single one from ours is a bug wherever it is seen.
"""
import json
import random
import time

MAGIC = [84, 73, 77, 69]
U64_MAX = 2**64 - 1


# --- what may stand where: each entry is a function value -> bool -------------------------------------------------

def _integer(low, high):
    return lambda v: isinstance(v, int) and not isinstance(v, bool) and low <= v <= high


_u8 = _integer(0, 255)
_u32 = _integer(0, 2**32 - 1)
_u64 = _integer(0, U64_MAX)
_i64 = _integer(-2**63, 2**63 - 1)


def _str(v):
    return isinstance(v, str)


def _bool(v):
    return isinstance(v, bool)


def _unit(v):
    return v is None


def _list(item):
    return lambda v: isinstance(v, list) and all(item(x) for x in v)


def _array(length):
    return lambda v: _list(_u8)(v) and len(v) == length


def _tuple(*items):
    return lambda v: isinstance(v, list) and len(v) == len(items) and all(i(x) for i, x in zip(items, v))


def _option(item):
    def check(v):
        return v is None or item(v)
    check.optional = True
    return check


def _struct(**fields):
    def check(v):
        if not isinstance(v, dict):
            return False
        return all(f(v[k]) if k in v else getattr(f, "optional", False) for k, f in fields.items())
    return check


def _enum(*units, **structs):
    def check(v):
        if isinstance(v, str):
            return v in units
        return isinstance(v, dict) and len(v) == 1 and all(k in structs and structs[k](x) for k, x in v.items())
    return check


_hash = _key = _array(32)
_sig = _array(64)
_bytes = _list(_u8)
_outpoint = _struct(txid=_hash, vout=_u32)
_input = _struct(previous_output=_outpoint, script_sig=_bytes, sequence=_u32)
_output = _struct(value=_u64, script_pubkey=_bytes)
_transaction = _struct(version=_u32, inputs=_list(_input), outputs=_list(_output), lock_time=_u32, timestamp=_i64)
_header = _struct(version=_u32, height=_u64, previous_hash=_hash, merkle_root=_hash, timestamp=_i64, block_reward=_u64)
_block = _struct(header=_header, transactions=_list(_transaction), masternode_rewards=_list(_tuple(_str, _u64)))
_utxo = _struct(outpoint=_outpoint, value=_u64, script_pubkey=_bytes, address=_str)
_tier = _enum("Free", "Bronze", "Silver", "Gold")
_state = _enum("Unspent", Locked=_struct(txid=_hash, locked_at=_i64),
               SpentPending=_struct(txid=_hash, votes=_u32, total_nodes=_u32, spent_at=_i64),
               SpentFinalized=_struct(txid=_hash, finalized_at=_i64, votes=_u32),
               Confirmed=_struct(txid=_hash, block_height=_u64, confirmed_at=_i64))
_masternode = _struct(address=_str, reward_address=_str, tier=_tier, public_key=_key)
_range = _struct(start_height=_u64, end_height=_u64)
_nonce = _struct(nonce=_u64, timestamp=_i64)

MESSAGES = {
    "Handshake": _struct(magic=_array(4), protocol_version=_u32, network=_str),
    "Ack": _struct(message_type=_str),
    "Version": _struct(version=_str, commit_date=_str, commit_count=_str, protocol_version=_u32, network=_str,
                       listen_addr=_str, timestamp=_i64, capabilities=_list(_str), wallet_address=_option(_str),
                       genesis_hash=_option(_str)),
    "Ping": _nonce, "Pong": _nonce,
    "GetPeers": _unit, "PeersResponse": _list(_str),
    "GetGenesisHash": _unit, "GenesisHashResponse": _hash,
    "GetBlockHeight": _unit, "BlockHeightResponse": _u64,
    "GetBlocks": _tuple(_u64, _u64), "BlocksResponse": _list(_block),
    "GetBlockRange": _range, "BlockRangeResponse": _list(_block),
    "BlockRequest": _u64, "BlockResponse": _block, "BlockAnnouncement": _block,
    "GetBlockHash": _u64, "BlockHashResponse": _struct(height=_u64, hash=_option(_hash)),
    "ConsensusQuery": _struct(height=_u64, block_hash=_hash),
    "ConsensusQueryResponse": _struct(agrees=_bool, height=_u64, their_hash=_hash),
    "GetUTXOSet": _unit, "UTXOSetResponse": _list(_utxo),
    "GetUTXOStateHash": _unit, "UTXOStateHashResponse": _struct(hash=_hash, height=_u64, utxo_count=_u64),
    "UTXOStateQuery": _list(_outpoint), "UTXOStateResponse": _list(_tuple(_outpoint, _state)),
    "UTXOStateNotification": _struct(outpoint=_outpoint, new_state=_state, timestamp=_i64),
    "UTXOStateUpdate": _struct(outpoint=_outpoint, state=_state),
    "Subscribe": _struct(id=_str, addresses=_list(_str), outpoints=_list(_outpoint)), "Unsubscribe": _str,
    "TransactionBroadcast": _transaction, "TransactionVoteRequest": _hash,
    "TransactionVote": _struct(txid=_hash, voter=_str, approve=_bool, timestamp=_i64, signature=_sig),
    "TransactionFinalized": _struct(txid=_hash, votes=_u32), "TransactionRejected": _struct(txid=_hash, reason=_str),
    "GetPendingTransactions": _unit, "PendingTransactionsResponse": _list(_transaction),
    "MasternodeAnnouncement": _masternode, "GetMasternodes": _unit, "MasternodesResponse": _list(_masternode),
    "HeartbeatBroadcast": _struct(masternode_address=_str, sequence_number=_u64, timestamp=_i64,
                                  masternode_pubkey=_key, signature=_sig),
    "HeartbeatAttestation": _struct(heartbeat_hash=_hash, witness_address=_str, witness_pubkey=_key,
                                    witness_timestamp=_i64, signature=_sig),
    "BlockProposal": _struct(block=_block, proposer=_str, signature=_bytes, round=_u64),
    "BlockVote": _struct(block_hash=_hash, height=_u64, voter=_str, signature=_bytes, approve=_bool),
    "BlockCommit": _struct(block_hash=_hash, height=_u64, signatures=_list(_tuple(_str, _bytes))),
}


class Unparsable(Exception):
    """An existing node would refuse this line."""


def encode(message):
    """A message (a name, or {name: payload}) or ready bytes as one line."""
    if isinstance(message, bytes):
        return message if message.endswith(b"\n") else message + b"\n"
    return json.dumps(message, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"


def decode(line):
    """A received line as (name, payload); raises Unparsable."""
    try:
        value = json.loads(line.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise Unparsable(f"{error}: {line[:200]!r}") from error
    if isinstance(value, str):
        name, payload = value, None
    elif isinstance(value, dict) and len(value) == 1:
        name, payload = next(iter(value.items()))
    else:
        raise Unparsable(f"not one variant: {line[:200]!r}")
    if name not in MESSAGES:
        raise Unparsable(f"unknown message: {line[:200]!r}")
    if not MESSAGES[name](payload):
        raise Unparsable(f"wrong payload: {line[:400]!r}")
    return name, payload


# --- builders -----------------------------------------------------------------------------------------------------

def now():
    return int(time.time())


def handshake(magic=None, protocol_version=1, network="devnet"):
    return {"Handshake": {"magic": magic or MAGIC, "protocol_version": protocol_version, "network": network}}


def ack():
    return {"Ack": {"message_type": "Handshake"}}


def version(node_id=None, network="devnet", **extra):
    body = {"version": "0.1.0", "commit_date": "", "commit_count": "0", "protocol_version": 1, "network": network,
            "listen_addr": "", "timestamp": now(), "capabilities": [], "wallet_address": None, "genesis_hash": None,
            "node_id": node_id or f"{random.getrandbits(128):032x}", "height": 0}
    body.update(extra)
    return {"Version": body}


def ping(nonce=None):
    return {"Ping": {"nonce": random.getrandbits(64) if nonce is None else nonce, "timestamp": now()}}


def pong(nonce):
    return {"Pong": {"nonce": nonce, "timestamp": now()}}


def announcement(address, key=None, tier="Free"):
    return {"MasternodeAnnouncement": {"address": address, "reward_address": "TIME0", "tier": tier,
                                       "public_key": list(key or random.randbytes(32))}}


def padded_ping(size, nonce=1):
    """A line of exactly `size` bytes (newline not counted) that holds a valid ping and blanks."""
    text = encode(ping(nonce))[:-1]
    return text + b" " * (size - len(text)) + b"\n"
