// SPDX-License-Identifier: MIT
/* The subcommands, in the order in which they are listed. */
#include "inspect.h"

const struct inspect_command *const inspect_commands[] = {
	&inspect_frame_command,	  &inspect_tx_command,	 &inspect_block_command,  &inspect_chain_command,
	&inspect_address_command, &inspect_hash_command, &inspect_wallet_command, &inspect_validator_key_command,
	&inspect_replay_command,
};
const size_t inspect_command_count = sizeof(inspect_commands) / sizeof(inspect_commands[0]);
