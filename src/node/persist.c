/* SPDX-License-Identifier: MIT
 *
 * What survives a restart besides the chain: bans, addresses, masternodes and the node id.  All of it but the id can be
 * learnt again, so what is damaged is dropped with a warning.
 */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "node_impl.h"
#include "timed/util/clock.h"
#include "timed/util/log.h"

static const char NODE_ID_KEY[] = "node_id";

struct loading {
	struct node *node;
	enum store_family family;
	size_t loaded, damaged;
};

/* Keys are the text of an IP, as we write it: what is read under another one would never be written or deleted again. */
static bool key_ip(struct net_ip *out, const uint8_t *key, size_t key_len)
{
	char text[NET_IP_TEXT_SIZE];
	struct net_addr addr;

	if (net_addr_parse(&addr, (const char *)key, key_len, 1))
		return false;
	net_ip_text(text, &addr.ip);
	*out = addr.ip;
	return strlen(text) == key_len && memcmp(text, key, key_len) == 0;
}

static void delete_entry(const struct loading *l, const uint8_t *key, size_t key_len)
{
	/* A failure is reported by the store, and stops the node. */
	if (store_delete(l->node->store, l->family, key, key_len, false))
		log_debug(LOG_NODE, "An unusable entry of %s is not deleted", store_family_name(l->family));
}

/* It would be met again at each start. */
static void drop_damaged(struct loading *l, const uint8_t *key, size_t key_len)
{
	l->damaged++;
	delete_entry(l, key, key_len);
}

static bool load_ban(void *user, const uint8_t *key, size_t key_len, const uint8_t *value, size_t value_len)
{
	struct loading *l = user;
	struct ban_record record;
	struct net_ip ip;

	if (!key_ip(&ip, key, key_len) || ban_record_decode(&record, &ip, value, value_len)) {
		drop_damaged(l, key, key_len);
		return true;
	}
	ban_list_restore(net_bans(l->node->net), &record, clock_real_s());
	l->loaded++;
	return true;
}

static bool load_address(void *user, const uint8_t *key, size_t key_len, const uint8_t *value, size_t value_len)
{
	struct loading *l = user;
	struct address_record record;
	struct net_ip ip;

	if (!key_ip(&ip, key, key_len) || address_record_decode(&record, &ip, value, value_len)) {
		drop_damaged(l, key, key_len);
		return true;
	}
	address_book_restore(net_addresses(l->node->net), &record, clock_mono_ms());
	l->loaded++;
	return true;
}

static bool load_masternode(void *user, const uint8_t *key, size_t key_len, const uint8_t *value, size_t value_len)
{
	struct loading *l = user;
	int r;

	mutex_lock(&l->node->registry_lock);
	r = registry_load(l->node->registry, (const char *)key, key_len, value, value_len, clock_mono_ms(),
			  clock_real_s());
	mutex_unlock(&l->node->registry_lock);
	l->loaded += r == 0;
	if (r == 0)
		node_mark_masternode(l->node, (const char *)key, key_len, true);
	if (r == REGISTRY_E_INVALID)
		drop_damaged(l, key, key_len);
	else if (r == REGISTRY_E_STALE)
		delete_entry(l, key, key_len);
	return true;
}

static void load_family(struct node *node, enum store_family family,
			bool (*visit)(void *user, const uint8_t *key, size_t key_len, const uint8_t *value,
				      size_t value_len))
{
	struct loading l = {.node = node, .family = family};
	const char *name = store_family_name(family);
	int r = store_scan(node->store, family, NULL, 0, visit, &l);

	if (r || l.damaged > 0)
		log_warn(LOG_NODE, "Saved %s are damaged (%zu entries unusable%s): starting anew with the %zu good ones", name,
			 l.damaged, r ? ", the rest unreadable" : "", l.loaded);
	if (r && store_clear(node->store, family))
		log_error(LOG_NODE, "Saved %s cannot be cleared", name);
	log_debug(LOG_NODE, "Loaded %zu %s", l.loaded, name);
}

void persist_load(struct node *node)
{
	load_family(node, STORE_BANS, load_ban);
	load_family(node, STORE_ADDRESSES, load_address);
	load_family(node, STORE_MASTERNODES, load_masternode);
}

static void save_bans(struct node *node, struct store_batch *batch)
{
	struct ban_record *records;
	size_t n = ban_list_take_changed(net_bans(node->net), &records, clock_real_s());

	for (size_t i = 0; i < n; i++) {
		uint8_t value[BAN_RECORD_SIZE];
		char key[NET_IP_TEXT_SIZE];

		net_ip_text(key, &records[i].ip);
		ban_record_encode(value, &records[i]);
		if (records[i].level == BAN_NONE && records[i].violations == 0)
			store_batch_delete(node->store, batch, STORE_BANS, key, strlen(key));
		else
			store_batch_put(node->store, batch, STORE_BANS, key, strlen(key), value, sizeof(value));
	}
	free(records);
}

static void save_addresses(struct node *node, struct store_batch *batch)
{
	struct address_record *records;
	size_t n = address_book_take_changed(net_addresses(node->net), &records);

	for (size_t i = 0; i < n; i++) {
		uint8_t value[ADDRESS_RECORD_SIZE];
		char key[NET_IP_TEXT_SIZE];

		net_ip_text(key, &records[i].addr.ip);
		address_record_encode(value, &records[i]);
		if (records[i].deleted)
			store_batch_delete(node->store, batch, STORE_ADDRESSES, key, strlen(key));
		else
			store_batch_put(node->store, batch, STORE_ADDRESSES, key, strlen(key), value, sizeof(value));
	}
	free(records);
}

/* Room for so many more.  Without memory they are not saved now, and learnt again from their next announcement. */
static bool reserve_changed_locked(struct node *node, size_t more) REQUIRES(node->registry_lock)
{
	char(*grown)[REGISTRY_IP_SIZE] = realloc(node->changed, (node->changed_count + more) * sizeof(*grown));

	if (grown)
		node->changed = grown;
	return grown != NULL;
}

static void add_changed_locked(struct node *node, const char *ip) REQUIRES(node->registry_lock)
{
	snprintf(node->changed[node->changed_count++], REGISTRY_IP_SIZE, "%s", ip);
}

void persist_masternode(struct node *node, const char *ip)
{
	bool known = false;

	mutex_lock(&node->registry_lock);
	for (size_t i = 0; i < node->changed_count && !known; i++)
		known = strcmp(node->changed[i], ip) == 0;
	if (!known && reserve_changed_locked(node, 1))
		add_changed_locked(node, ip);
	mutex_unlock(&node->registry_lock);
}

void persist_masternodes(struct node *node)
{
	size_t count;

	mutex_lock(&node->registry_lock);
	count = registry_known(node->registry);
	/* One that is there already is written twice, which does no harm. */
	if (count > 0 && reserve_changed_locked(node, count)) {
		for (size_t i = 0; i < count; i++)
			add_changed_locked(node, registry_at(node->registry, i)->ip);
	}
	mutex_unlock(&node->registry_lock);
}

static void save_masternode(struct node *node, struct store_batch *batch, const char *ip)
{
	uint8_t value[REGISTRY_VALUE_MAX];
	const struct registry_entry *e;
	bool own = false;
	size_t len = 0;

	mutex_lock(&node->registry_lock);
	e = registry_find(node->registry, ip);
	if (e && e->source == REGISTRY_SOURCE_OWN)
		own = true;
	else if (e)
		len = registry_encode(value, e, clock_mono_ms(), clock_real_s());
	mutex_unlock(&node->registry_lock);
	if (len > 0)
		store_batch_put(node->store, batch, STORE_MASTERNODES, ip, strlen(ip), value, len);
	else if (!own)
		store_batch_delete(node->store, batch, STORE_MASTERNODES, ip, strlen(ip));
}

static void save_masternodes(struct node *node, struct store_batch *batch)
{
	char(*changed)[REGISTRY_IP_SIZE];
	size_t count;

	mutex_lock(&node->registry_lock);
	changed = node->changed;
	count = node->changed_count;
	node->changed = NULL;
	node->changed_count = 0;
	mutex_unlock(&node->registry_lock);
	for (size_t i = 0; i < count; i++)
		save_masternode(node, batch, changed[i]);
	free(changed);
}

void persist_save(struct node *node)
{
	struct store_batch *batch = store_batch_new();

	save_bans(node, batch);
	save_addresses(node, batch);
	save_masternodes(node, batch);
	/* A failure is reported by the store, once, and stops the node: nothing is to be put back. */
	if (store_batch_count(batch) > 0 && store_batch_commit(node->store, batch, false))
		log_debug(LOG_NODE, "Bans, addresses and masternodes are not saved");
	store_batch_free(batch);
}

int persist_node_id(struct node *node)
{
	struct store_value value;
	int r = store_get(node->store, &value, STORE_META, NODE_ID_KEY, strlen(NODE_ID_KEY));

	if (!r && value.len == sizeof(node->node_id)) {
		memcpy(node->node_id, value.data, sizeof(node->node_id));
		store_value_free(&value);
		return 0;
	}
	if (!r)
		store_value_free(&value);
	else if (r != STORE_E_NOT_FOUND)
		return r;
	randombytes_buf(node->node_id, sizeof(node->node_id));
	return store_put(node->store, STORE_META, NODE_ID_KEY, strlen(NODE_ID_KEY), node->node_id,
			 sizeof(node->node_id), true);
}
