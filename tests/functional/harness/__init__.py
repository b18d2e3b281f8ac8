# SPDX-License-Identifier: MIT
"""What the functional tests share.

net          address ranges, deadlines, round counts
config       a dictionary becomes a config.toml
daemon       one real `timed` process, its RPC and its log
service      the service manager's end of the notify protocol, and the stopping of one thread
wire         the messages of the protocol: builders and a check of what came in
peer         a scripted peer over a real socket, and a listener for those that are dialled
rust_peer    a peer that behaves like the existing Rust node
chain        a model of the chain: hashes, signatures, unspent outputs, valid blocks, forks, validation
alterations  blocks that are wrong in one place, and the rule that each breaks
chain_peer   a scripted peer that serves a chain, as the Rust node, as one of ours, or badly
sync         what the tests of the chain share: short timers, chains with payments, blame
mesh         several daemons that know each other, and the rule of one connection per pair
relay        a wire between two daemons that delays, holds or cuts
cable        network namespaces joined by a cable that delays, loses or is cut (root)
web          what can be read with GET, and the text of metrics taken apart
browser      a headless Chromium, steered over a pipe
"""
