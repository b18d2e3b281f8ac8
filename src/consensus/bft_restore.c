// SPDX-License-Identifier: MIT
/* What comes back into the machine of bft.h from the file `votes`: our own messages of the height at which we stopped,
 * our lock and valid block, and the prevotes behind it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bft_impl.h"
#include "timeproto/chain/hash.h"

void bft_restored_free(struct bft_restored *restored)
{
	free(restored->records);
	free(restored->polka.entries);
	restored->records = NULL;
	restored->count = restored->capacity = 0;
	restored->polka = (struct bft_certificate){.count = 0};
}

/* What no validator writes. */
static bool bft_record_odd(const struct bft_record *record)
{
	int64_t round = (int64_t)record->round;

	if (record->round > BFT_ROUND_MAX || record->height == 0)
		return true;
	if (record->kind == BFT_RECORD_PROPOSAL &&
	    (record->proposal_round < -1 || record->proposal_round >= round || hash_is_zero(&record->hash)))
		return true;
	return record->locked_round < -1 || record->locked_round > record->valid_round || record->valid_round > round ||
	       (record->locked_round == -1) != hash_is_zero(&record->locked) ||
	       (record->valid_round == -1) != hash_is_zero(&record->valid);
}

static int bft_restore_polka(struct bft_restored *restored, const struct bft_certificate *polka)
{
	struct bft_signature *entries = malloc(polka->count * sizeof(entries[0]));

	if (!entries)
		return -ENOMEM;
	memcpy(entries, polka->entries, polka->count * sizeof(entries[0]));
	free(restored->polka.entries);
	restored->polka = *polka;
	restored->polka.entries = entries;
	return 0;
}

int bft_restore(struct bft *bft, const struct bft_record *record, const struct bft_certificate *polka)
{
	struct bft_restored *restored = &bft->restored;

	if (bft_record_odd(record) || record->height < restored->height)
		return BFT_E_FORM;
	if (record->height > restored->height)
		bft_restored_free(restored);
	restored->height = record->height;
	if (restored->count == restored->capacity) {
		size_t capacity = restored->capacity ? 2 * restored->capacity : 16;
		struct bft_record *records = realloc(restored->records, capacity * sizeof(records[0]));

		if (!records)
			return -ENOMEM;
		restored->records = records;
		restored->capacity = capacity;
	}
	restored->records[restored->count++] = *record;
	return polka && polka->count > 0 ? bft_restore_polka(restored, polka) : 0;
}

/* The prevotes that were stored with our lock. */
static void bft_restore_prevotes(struct bft_log *log, const struct bft_certificate *polka)
{
	struct bft_finding ignored;

	for (uint32_t i = 0; i < polka->count; i++) {
		struct bft_vote vote = {.height = log->terms.height,
					.round = polka->round,
					.phase = WIRE_PHASE_PREVOTE,
					.voter = polka->entries[i].voter,
					.hash = polka->hash,
					.signature = polka->entries[i].signature};

		if (vote.voter < log->terms.validators && (int64_t)vote.round <= log->ours)
			(void)bft_log_vote(log, &ignored, &vote, true);
	}
}

void bft_restore_log(struct bft *bft, struct bft_log *log)
{
	const struct bft_restored *restored = &bft->restored;
	struct bft_finding ignored;
	struct bft_message message;

	if (log->terms.height != restored->height || restored->count == 0)
		return;
	bft_log_advance(log, (int64_t)restored->records[restored->count - 1].round);
	log->protected[0] = restored->records[restored->count - 1].valid_round;
	bft_restore_prevotes(log, &restored->polka);
	for (size_t i = 0; i < restored->count && log->terms.own >= 0; i++) {
		const struct bft_record *record = &restored->records[i];

		if (record->kind == BFT_RECORD_STATE)
			continue;
		bft_make_message(bft, &message, record, (uint32_t)log->terms.own);
		if (message.kind == BFT_MESSAGE_PROPOSAL)
			(void)bft_log_proposal(log, &ignored, &message.u.proposal);
		else
			(void)bft_log_vote(log, &ignored, &message.u.vote, true);
	}
}

void bft_restore_state(struct bft *bft)
{
	const struct bft_restored *restored = &bft->restored;
	const struct bft_record *last;

	bft->step = BFT_STEP_PROPOSE;
	if (restored->count == 0)
		return;
	last = &restored->records[restored->count - 1];
	bft->round = (int64_t)last->round;
	bft->locked_round = last->locked_round;
	bft->locked = last->locked;
	bft->valid_round = last->valid_round;
	bft->valid = last->valid;
	for (size_t i = 0; i < restored->count; i++) {
		const struct bft_record *record = &restored->records[i];

		if (record->round != last->round)
			continue;
		if (record->kind == BFT_RECORD_PRECOMMIT)
			bft->step = BFT_STEP_PRECOMMIT;
		else if (record->kind == BFT_RECORD_PREVOTE && bft->step == BFT_STEP_PROPOSE)
			bft->step = BFT_STEP_PREVOTE;
	}
}
