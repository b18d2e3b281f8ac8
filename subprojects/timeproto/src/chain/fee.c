// SPDX-License-Identifier: MIT
/* Fees and dust: see fee.h. */
#include "timeproto/chain/fee.h"

uint64_t fee_for_outputs(uint64_t outputs)
{
	uint64_t fee = outputs / FEE_DIVISOR;

	return fee > FEE_FLOOR ? fee : FEE_FLOOR;
}

bool fee_inputs_for(uint64_t *inputs, uint64_t outputs)
{
	uint64_t fee = fee_for_outputs(outputs);

	*inputs = outputs + fee;
	return *inputs >= fee;
}

/* Outputs of 1000 q + r with r < 1000 cost q, so inputs of 1001 q + r pay for them; inputs of 1001 q + 1000 pay for no
 * more than those of 1001 q + 999.  Below the floor's reach the fee is the floor. */
uint64_t fee_outputs_of(uint64_t inputs)
{
	uint64_t thousands = inputs / (FEE_DIVISOR + 1), rest = inputs % (FEE_DIVISOR + 1);

	if (thousands < FEE_FLOOR)
		return inputs > FEE_FLOOR ? inputs - FEE_FLOOR : 0;
	return thousands * FEE_DIVISOR + (rest < FEE_DIVISOR ? rest : FEE_DIVISOR - 1);
}

bool fee_is_dust(uint64_t value)
{
	return value > 0 && value <= FEE_DUST_MAX;
}
