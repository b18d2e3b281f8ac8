/* SPDX-License-Identifier: MIT
 *
 * A number that holds any sum of 64-bit amounts that fits into memory, and the product of an amount and a weight.
 */
#ifndef TIMEPROTO_CHAIN_WIDE_H
#define TIMEPROTO_CHAIN_WIDE_H

__extension__ typedef unsigned __int128 wide_uint;

#endif
