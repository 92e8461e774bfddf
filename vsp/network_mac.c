// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who has which MAC address.
 *
 * A pool gives every service one: from its range, if it has one, else one that is locally
 * administered, in both cases by the service's UUID.  What was given out of a range is
 * remembered while this module is there, so that a service that comes back has it again.  A
 * client may ask for another address that no other service of the pool has.
 */
#define pr_fmt(fmt) "vsp_network: " fmt

#include <linux/ctype.h>
#include <linux/etherdevice.h>
#include <linux/hex.h>
#include <linux/jhash.h>
#include <linux/list.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "network.h"

#define MAC_TEXT	(3 * ETH_ALEN - 1)
/* Services that are remembered: more than any host has. */
#define MEMORIES_MAX	4096

/* Whose an address of a range was when it was last enabled. */
struct memory {
	struct list_head entry;
	uuid_t uuid;
	u64 mac;
};

/* Protects the addresses and the list of services of all pools, and what is remembered. */
static DEFINE_MUTEX(mac_lock);
static LIST_HEAD(memories);	/* the latest first */
static unsigned int memories_count;

/**
 * vsp_network_mac_parse() - an address out of its text
 * @text: six bytes in hexadecimal digits, with colons; need not end in a zero
 * @length: bytes of @text
 * @mac: set
 *
 * Context: any.
 * Return: 0, or -EINVAL: it is none that a device can have.
 */
int vsp_network_mac_parse(const char *text, size_t length, u64 *mac)
{
	u8 address[ETH_ALEN];

	if (length != MAC_TEXT)
		return -EINVAL;
	for (unsigned int i = 0; i < ETH_ALEN; i++) {
		int high = hex_to_bin(text[3 * i]), low = hex_to_bin(text[3 * i + 1]);

		if (high < 0 || low < 0 || (i + 1 < ETH_ALEN && text[3 * i + 2] != ':'))
			return -EINVAL;
		address[i] = high << 4 | low;
	}
	*mac = ether_addr_to_u64(address);
	return is_valid_ether_addr(address) ? 0 : -EINVAL;
}

/**
 * vsp_network_mac_range() - a range out of its text
 * @text: two addresses with a '-' between them
 * @first: set
 * @last: set
 *
 * Context: any.
 * Return: 0, or -EINVAL: it is none, or has addresses that no device can have.
 */
int vsp_network_mac_range(const char *text, u64 *first, u64 *last)
{
	if (strlen(text) != 2 * MAC_TEXT + 1 || text[MAC_TEXT] != '-' ||
	    vsp_network_mac_parse(text, MAC_TEXT, first) ||
	    vsp_network_mac_parse(text + MAC_TEXT + 1, MAC_TEXT, last))
		return -EINVAL;
	/* All of one kind: no address of a group is between. */
	return *first <= *last && *first >> 40 == *last >> 40 ? 0 : -EINVAL;
}

/* Does another service of the pool have it, or is to have it? */
static bool is_taken(const struct vsp_network_pool *pool, const struct vsp_network *asker, u64 mac)
{
	const struct vsp_network *other;

	lockdep_assert_held(&mac_lock);
	list_for_each_entry(other, &pool->services, entry) {
		u64 next;

		if (other == asker)
			continue;
		/* What comes into force is that before it is no longer next: commit_terms(). */
		next = smp_load_acquire(&other->next);
		if (other->given == mac || next == mac || READ_ONCE(other->terms.mac) == mac)
			return true;
	}
	return false;
}

static struct memory *find_memory(const uuid_t *uuid)
{
	struct memory *memory;

	list_for_each_entry(memory, &memories, entry)
		if (uuid_equal(&memory->uuid, uuid))
			return memory;
	return NULL;
}

static bool is_remembered(u64 mac)
{
	struct memory *memory;

	list_for_each_entry(memory, &memories, entry)
		if (memory->mac == mac)
			return true;
	return false;
}

static u64 hash(const uuid_t *uuid)
{
	return (u64)jhash(uuid, sizeof(*uuid), 1) << 32 | jhash(uuid, sizeof(*uuid), 2);
}

/* Locally administered, and of one device. */
static u64 from_uuid(const struct vsp_network_pool *pool, const struct vsp_network *network)
{
	u64 mac = hash(&network->service->uuid);

	do {
		mac = (mac & ~(0xffffULL << 48 | 3ULL << 40)) | 2ULL << 40;
		if (!is_taken(pool, network, mac))
			return mac;
		mac++;
	} while (true);
}

/* Return: 0: there is none left. */
static u64 from_range(const struct vsp_network_pool *pool, const struct vsp_network *network)
{
	const struct memory *memory = find_memory(&network->service->uuid);
	u64 size = pool->last - pool->first + 1, at, free = 0;

	if (memory && memory->mac >= pool->first && memory->mac <= pool->last &&
	    !is_taken(pool, network, memory->mac))
		return memory->mac;
	div64_u64_rem(hash(&network->service->uuid), size, &at);
	/* So many services there are not that more would have to be looked at. */
	for (u64 i = 0; i < min(size, MEMORIES_MAX); i++, at = at + 1 < size ? at + 1 : 0) {
		u64 mac = pool->first + at;

		if (is_taken(pool, network, mac))
			continue;
		if (!is_remembered(mac))
			return mac;
		free = free ?: mac;
	}
	return free;
}

/* From here on it is this service's: whoever had it before has to take another one. */
static void remember(struct memory **spare, const uuid_t *uuid, u64 mac)
{
	struct memory *memory = find_memory(uuid), *next;

	if (memory)
		list_move(&memory->entry, &memories);
	if (!memory && memories_count < MEMORIES_MAX) {
		memory = *spare;
		*spare = NULL;
		memories_count++;
		list_add(&memory->entry, &memories);
	} else if (!memory) {
		memory = list_last_entry(&memories, struct memory, entry);
		list_move(&memory->entry, &memories);
	}
	memory->uuid = *uuid;
	memory->mac = mac;
	list_for_each_entry_safe(memory, next, &memories, entry) {
		if (memory->mac != mac || uuid_equal(&memory->uuid, uuid))
			continue;
		list_del(&memory->entry);
		memories_count--;
		kfree(memory);
	}
}

/**
 * vsp_network_mac_add() - give a service its address
 * @network: of an open pool
 *
 * Context: the administrator's process; may sleep.
 * Return: 0; -ENOSPC: all of the range are taken, logged; -ENOMEM.
 */
int vsp_network_mac_add(struct vsp_network *network)
{
	struct vsp_network_pool *pool = vsp_network_pool_of(network->service);
	struct memory *spare = kzalloc(sizeof(*spare), GFP_KERNEL);

	if (!spare)
		return -ENOMEM;
	mutex_lock(&mac_lock);
	network->given = pool->first ? from_range(pool, network) : from_uuid(pool, network);
	if (network->given) {
		list_add_tail(&network->entry, &pool->services);
		if (pool->first)
			remember(&spare, &network->service->uuid, network->given);
	}
	mutex_unlock(&mac_lock);
	kfree(spare);
	if (network->given)
		return 0;
	pr_err("service %s: mac: pool %s has no address left in %s: widen its mac_range\n",
	       network->service->name, network->service->pool->name,
	       network->service->pool->text[VS_NETWORK_MAC_RANGE]);
	return -ENOSPC;
}

/**
 * vsp_network_mac_drop() - undo vsp_network_mac_add()
 * @network: has no contract
 *
 * Context: process.
 */
void vsp_network_mac_drop(struct vsp_network *network)
{
	mutex_lock(&mac_lock);
	list_del(&network->entry);
	mutex_unlock(&mac_lock);
}

/**
 * vsp_network_mac_prepare() - keep an address for a contract that is granted
 * @network: whose
 * @mac: the address; 0: there is no such contract any more
 *
 * Context: may sleep.
 * Return: 0; -EADDRINUSE: another service has it; -EPERM: it is none of the pool's.
 */
int vsp_network_mac_prepare(struct vsp_network *network, u64 mac)
{
	struct vsp_network_pool *pool = vsp_network_pool_of(network->service);
	int error = 0;

	mutex_lock(&mac_lock);
	if (mac && is_taken(pool, network, mac))
		error = -EADDRINUSE;
	else if (mac && mac != network->given && pool->first &&
		 (mac < pool->first || mac > pool->last))
		error = -EPERM;
	else
		WRITE_ONCE(network->next, mac);
	mutex_unlock(&mac_lock);
	return error;
}

/**
 * vsp_network_mac_exit() - forget all
 *
 * Context: the module's exit.
 */
void vsp_network_mac_exit(void)
{
	struct memory *memory, *next;

	list_for_each_entry_safe(memory, next, &memories, entry)
		kfree(memory);
	INIT_LIST_HEAD(&memories);
	memories_count = 0;
}
