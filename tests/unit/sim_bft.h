/* SPDX-License-Identifier: MIT
 *
 * A deterministic simulation of validators that run consensus/bft over a bad network: everything follows from a seed.
 *
 * A seed picks 4 to 10 validators (and perhaps an observer), up to a third of liars (sim_bft_liar.c), delays, loss,
 * duplication, reordering, partitions, crashes between any two actions that keep only what was written to `votes`, lost
 * files, clocks that differ.  After a while of that the network heals, everybody is started again, and the liars go on.
 * No Ed25519: a signature says what it signs.
 *
 * Checked all the time: no two committed blocks at one height; no honest validator shows two values for one height,
 * round and phase; what is committed is valid, continues the block before it and has a true certificate; nothing is
 * sent or committed whose block is not held.  And at the end: after the network has healed, with fewer than a third of
 * liars, everybody goes on.
 */
#ifndef TIMED_TESTS_SIM_BFT_H
#define TIMED_TESTS_SIM_BFT_H

#include <stdbool.h>
#include <stdint.h>

struct sim_report {
	char failure[512]; /* empty: all is well */
	int validators;
	int liars;
	int crashes;
	int lost_files;
	int evidence;	  /* contradictions that honest nodes found */
	uint64_t heights; /* committed */
	uint64_t rounds;  /* begun by honest nodes beyond round 0 */
	uint64_t events;
	int64_t heal_ms; /* from healing to the end */
};

/* Runs one seed; `trace` prints what happens.  False: report->failure says what went wrong. */
bool sim_bft_run(uint64_t seed, bool trace, struct sim_report *report);

#endif
