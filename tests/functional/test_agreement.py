# SPDX-License-Identifier: MIT
"""Validators agree on blocks: PROTOCOL.md §9 "With validators"."""


def test_four_validators_make_blocks(validators):
    with validators(4) as net:
        net.wait_height(5)
