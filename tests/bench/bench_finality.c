// SPDX-License-Identifier: MIT
/* Votes on transactions: the machine and the file `votes`, and under them what every vote costs anyway.
 *
 *	bench_finality [--json]
 *
 * One of four masternodes: 10,000 transactions come, it votes on each, writes its votes into the file with one sync for
 * a turn of 64 transactions, and takes the votes of the others, until all are final.  The floor is libsodium's
 * verification of as many votes of others, and signing its own, on one core: what no implementation can leave out. */
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench_common.h"
#include "timed/consensus/finality.h"
#include "timeproto/chain/digest.h"
#include "votes_file.h"

#define COUNT 10000
#define TURN 64
#define VOTERS 4
#define ROUNDS 5
#define NOW_S 1770000000

static uint8_t secrets[VOTERS][64];
static struct wire_key keys[VOTERS];
static const struct wire_str address = {"192.0.2.1", 9};
static struct wire_hash txids[COUNT];
static struct wire_transaction_vote theirs[COUNT]; /* of one voter: the others' are as dear */
static int64_t signing_ns;

static int no_bft(void *user, const struct bft_record *record, const struct bft_certificate *polka)
{
	(void)user;
	(void)record;
	(void)polka;
	return -1;
}

static int no_block(void *user, uint64_t height, const struct wire_hash *hash, const struct wire_block *block)
{
	(void)user;
	(void)height;
	(void)hash;
	(void)block;
	return -1;
}

static int no_finality(void *user, const struct votes_finality *entry)
{
	(void)user;
	(void)entry;
	return -1;
}

static void sign_own(void *user, struct finality_vote *vote)
{
	struct wire_transaction_vote wire = {
		.txid = vote->txid, .voter = address, .approve = vote->approve, .timestamp = vote->timestamp};
	int64_t begun = bench_ns();

	(void)user;
	digest_sign_transaction_vote(&wire, secrets[0]);
	vote->signature = wire.signature;
	signing_ns += bench_ns() - begun;
}

static void make_votes(void)
{
	for (int i = 0; i < VOTERS; i++)
		crypto_sign_keypair(keys[i].bytes, secrets[i]);
	for (int i = 0; i < COUNT; i++) {
		randombytes_buf(txids[i].bytes, sizeof(txids[i].bytes));
		theirs[i] = (struct wire_transaction_vote){
			.txid = txids[i], .voter = address, .approve = true, .timestamp = NOW_S};
		digest_sign_transaction_vote(&theirs[i], secrets[1]);
	}
}

/* What the machine wants done: returns how many have become final. */
static int act(struct finality *finality, struct votes_file *votes)
{
	struct finality_action action;
	int final = 0;

	while (finality_next(finality, &action, NOW_S)) {
		struct votes_finality entry = {action.record, action.outpoints, action.outpoint_count};

		if (action.kind == FINALITY_FINAL)
			final++;
		else if (action.kind != FINALITY_SEND_VOTE || votes_add_finality(votes, &entry))
			bench_die("a vote that is none");
	}
	return final;
}

static int turn(struct finality *finality, struct votes_file *votes, int from, int to)
{
	int final;

	for (int i = from; i < to; i++) {
		struct wire_outpoint outpoint = {txids[i], 7};

		if (finality_add(finality, &txids[i], &outpoint, 1, NOW_S))
			bench_die("a transaction is not taken");
	}
	final = act(finality, votes);
	if (votes_sync(votes))
		bench_die("the file cannot be written");
	for (uint32_t voter = 1; voter < VOTERS; voter++) {
		for (int i = from; i < to; i++) {
			struct finality_vote vote = {.txid = txids[i],
						     .voter = voter,
						     .approve = true,
						     .timestamp = NOW_S,
						     .signature = theirs[i].signature};

			if (finality_vote(finality, &vote, NOW_S))
				bench_die("a vote is not taken");
		}
	}
	return final + act(finality, votes);
}

/* Nanoseconds, without those of signing. */
static int64_t votes_ns(const char *path)
{
	struct votes_reader reader = {no_bft, no_block, no_finality, NULL};
	struct finality_params params;
	struct finality *finality;
	struct votes_file *votes;
	struct wire_hash genesis = {.bytes = {1}};
	char text[VOTES_TEXT_SIZE];
	int64_t begun;
	int final = 0;

	finality_params_init(&params);
	randombytes_buf(params.seed, sizeof(params.seed));
	params.sign = sign_own;
	if (finality_new(&finality, &params) || finality_set_voters(finality, keys, VOTERS, 0))
		bench_die("out of memory");
	if (votes_open(&votes, text, path, &genesis, &keys[0], &reader) || votes_size(votes) > 0)
		bench_die("%s", text);
	finality_set_signing(finality, true);
	signing_ns = 0;
	begun = bench_ns();
	for (int i = 0; i < COUNT; i += TURN)
		final += turn(finality, votes, i, i + TURN < COUNT ? i + TURN : COUNT);
	begun = bench_ns() - begun - signing_ns;
	if (final != COUNT)
		bench_die("%d of %d are final", final, COUNT);
	votes_close(votes);
	finality_free(finality);
	unlink(path);
	return begun;
}

static int64_t verify_ns(void)
{
	int64_t begun = bench_ns();

	for (int i = 0; i < COUNT; i++) {
		if (!digest_verify_transaction_vote(&theirs[i], &keys[1]))
			bench_die("a vote does not verify");
	}
	return (bench_ns() - begun) * (VOTERS - 1);
}

static double rate(int64_t ns)
{
	return (double)COUNT * VOTERS * 1e9 / (double)ns;
}

int main(int argc, char *argv[])
{
	bool json = bench_take_json(&argc, argv);
	char dir[] = "/tmp/bench_finality.XXXXXX", path[64];
	int64_t took[ROUNDS], floors[ROUNDS];
	double votes, floor;

	if (argc != 1 || sodium_init() < 0)
		bench_die("usage: bench_finality [--json]");
	if (!mkdtemp(dir))
		bench_die("no directory for the file");
	snprintf(path, sizeof(path), "%s/votes", dir);
	make_votes();
	for (int i = 0; i < ROUNDS; i++) {
		took[i] = votes_ns(path);
		floors[i] = verify_ns() + signing_ns;
	}
	rmdir(dir);
	/* the best round, since others use the machine */
	votes = rate(bench_percentile(took, ROUNDS, 0));
	floor = rate(bench_percentile(floors, ROUNDS, 0));
	if (json)
		printf("{\"name\": \"finality\", \"votes_per_s\": %.0f, \"floor_votes_per_s\": %.0f, \"ratio\": "
		       "%.2f}\n",
		       votes, floor, votes / floor);
	else
		printf("finality: %.0f votes/s in the machine and the file, floor (signatures, one core) %.0f votes/s, "
		       "ratio %.1f\n",
		       votes, floor, votes / floor);
	return 0;
}
