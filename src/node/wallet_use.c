// SPDX-License-Identifier: MIT
/* The keys of an open wallet and the use of its secret: see wallet.h. */
#include "wallet_impl.h"

#include <errno.h>
#include <string.h>

#include <sodium.h>

#include "timed/util/clock.h"
#include "timed/util/log.h"

void wallet_wipe_locked(struct wallet *w)
{
	CHECK(w->users == 0);
	sodium_free(w->secret);
	w->secret = NULL;
	w->until_ms = 0;
}

bool wallet_is_locked_locked(struct wallet *w)
{
	if (!w->secret)
		return true;
	if (w->until_ms == WALLET_FOR_EVER || clock_mono_ms() < w->until_ms)
		return false;
	if (w->users == 0)
		wallet_wipe_locked(w);
	return true;
}

static int begin_locked(struct wallet *w) REQUIRES(w->lock)
{
	if (wallet_is_locked_locked(w))
		return WALLET_E_LOCKED;
	if (w->users++ == 0)
		sodium_mprotect_readonly(w->secret);
	return 0;
}

static void end_locked(struct wallet *w) REQUIRES(w->lock)
{
	CHECK(w->users > 0);
	if (--w->users > 0)
		return;
	sodium_mprotect_noaccess(w->secret);
	/* Whoever would lock it waits for this; what is overdue goes at once. */
	(void)wallet_is_locked_locked(w);
	cond_broadcast(&w->changed);
}

int wallet_signing_begin(struct wallet *w)
{
	int r;

	mutex_lock(&w->lock);
	r = begin_locked(w);
	mutex_unlock(&w->lock);
	return r;
}

void wallet_signing_end(struct wallet *w)
{
	mutex_lock(&w->lock);
	end_locked(w);
	mutex_unlock(&w->lock);
}

/* No lock: the secret stays where it is until the last user has ended. */
void wallet_signing_pair(const struct wallet *w, uint8_t pair[WALLET_PAIR_BYTES], uint32_t index)
{
	wallet_keys_pair(pair, w->secret, index);
}

int wallet_extend_locked(struct wallet *w, uint32_t count)
{
	int r;

	if (count > WALLET_MAX_KEYS)
		count = WALLET_MAX_KEYS;
	if (w->keys.count >= count || begin_locked(w))
		return 0;
	r = wallet_keys_extend(&w->keys, w->secret, count);
	end_locked(w);
	return r;
}

static uint32_t watched_locked(const struct wallet *w) REQUIRES(w->lock)
{
	uint32_t wanted = w->next + WALLET_GAP;

	return wanted < w->keys.count ? wanted : w->keys.count;
}

void wallet_get_state(struct wallet *w, struct wallet_state *out)
{
	mutex_lock(&w->lock);
	*out = (struct wallet_state){
		.encrypted = w->container != NULL,
		.locked = wallet_is_locked_locked(w),
		.next = w->next,
		.watched = watched_locked(w),
		.known = w->keys.count,
	};
	if (!out->locked && w->until_ms == WALLET_FOR_EVER) {
		out->unlocked_ms = WALLET_FOR_EVER;
	} else if (!out->locked) {
		out->unlocked_ms = w->until_ms - clock_mono_ms();
		out->locked = out->unlocked_ms <= 0;
	}
	if (w->container)
		out->kdf = w->container->kdf;
	mutex_unlock(&w->lock);
}

int wallet_key_address(struct wallet *w, char out[ADDRESS_TEXT_SIZE], uint32_t index)
{
	int r = WALLET_E_KEYS;

	mutex_lock(&w->lock);
	if (index < w->keys.count) {
		memcpy(out, w->keys.items[index].address, ADDRESS_TEXT_SIZE);
		r = 0;
	}
	mutex_unlock(&w->lock);
	return r;
}

bool wallet_find(struct wallet *w, uint32_t *index, const uint8_t *script, size_t len)
{
	uint32_t found = 0;
	bool ours;

	mutex_lock(&w->lock);
	/* Not every key that a container knows in advance: a wallet restored from a copy must find the same. */
	ours = wallet_keys_find(&w->keys, &found, script, len) && found < watched_locked(w);
	mutex_unlock(&w->lock);
	if (ours)
		*index = found;
	return ours;
}

int wallet_new_key(struct wallet *w, uint32_t *index)
{
	uint32_t unused;
	int r;

	mutex_lock(&w->lock);
	r = w->next < WALLET_MAX_KEYS ? wallet_extend_locked(w, w->next + 1 + WALLET_GAP) : WALLET_E_KEYS;
	if (!r && w->next >= w->keys.count)
		r = WALLET_E_LOCKED;
	if (!r)
		*index = w->next++;
	unused = w->next - w->used;
	mutex_unlock(&w->lock);
	if (!r && unused == WALLET_GAP + 1)
		log_warn(
			LOG_NODE,
			"More than %d addresses of the wallet are handed out and not paid to: a wallet restored from a "
			"copy looks no further than that",
			WALLET_GAP);
	return r;
}

void wallet_return_key(struct wallet *w, uint32_t index)
{
	mutex_lock(&w->lock);
	if (index > 0 && w->next == index + 1 && w->used <= index)
		w->next = index;
	mutex_unlock(&w->lock);
}

/* Keys below `next` are out.  Without memory for those to look for, the next tick tries again. */
static void raise_next(struct wallet *w, uint32_t next) REQUIRES(w->lock)
{
	if (next <= w->next)
		return;
	w->next = next;
	if (wallet_extend_locked(w, w->next + WALLET_GAP))
		log_warn(LOG_NODE, "Wallet: out of memory for keys");
}

void wallet_use_key(struct wallet *w, uint32_t index)
{
	if (index >= WALLET_MAX_KEYS)
		return;
	mutex_lock(&w->lock);
	if (index >= w->used)
		w->used = index + 1;
	raise_next(w, w->used);
	mutex_unlock(&w->lock);
}

void wallet_set_next_key(struct wallet *w, uint32_t next)
{
	mutex_lock(&w->lock);
	raise_next(w, next < WALLET_MAX_KEYS ? next : WALLET_MAX_KEYS);
	mutex_unlock(&w->lock);
}
