// SPDX-License-Identifier: GPL-2.0-only
/*
 * MAC addresses of services.
 *
 * A pool gives every service an address that follows from the service's UUID: one of the pool's
 * range, or without a range a locally administered one.  Addresses given out of a range are
 * remembered while this module is loaded, so that a service that comes back has the same one.  A
 * client may ask for another address of the range; without a range it may not.
 *
 * An address that another service of this host has, in any pool, or a network device of the
 * host, is neither given nor granted.  A service has an address from the grant on, until another
 * one is in force for it or it is disabled.  So no other service gets the address while a lease
 * runs, nor right after it, when neighbours still have it in their caches.
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
#include <linux/netdevice.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <net/net_namespace.h>

#include "vsp/class.h"
#include "vsp/network/network.h"
#include "vsp/network/uplink.h"

#define MAC_TEXT	(3 * ETH_ALEN - 1)
/* Services that are remembered: more than any host has. */
#define MEMORIES_MAX	4096

/* Whose an address of a range was when it was last enabled. */
struct memory {
	struct list_head entry;
	uuid_t uuid;
	u64 mac;
};

/* Protects the addresses of all services, and what is remembered. */
static DEFINE_MUTEX(mac_lock);
static LIST_HEAD(services);	/* enabled, of all pools */
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

/* Does another service of this host have it, or is to have it? */
static bool is_service(const struct vsp_network *asker, u64 mac)
{
	const struct vsp_network *other;

	lockdep_assert_held(&mac_lock);
	list_for_each_entry(other, &services, entry) {
		u64 next;

		if (other == asker)
			continue;
		/* claim_mac() puts an address in force first, and then clears next. */
		next = smp_load_acquire(&other->next);
		if (other->given == mac || next == mac || READ_ONCE(other->terms.mac) == mac)
			return true;
	}
	return false;
}

static bool is_device_of(struct net *net, const u8 *address)
{
	const struct net_device *dev;

	for_each_netdev_rcu(net, dev)
		if (dev->addr_len == ETH_ALEN &&
		    (ether_addr_equal_unaligned(dev->dev_addr, address) ||
		     ether_addr_equal_unaligned(dev->perm_addr, address)))
			return true;
	return false;
}

/* Does a network device of the host have it, or go back to it, in whichever namespace? */
static bool is_device(u64 mac)
{
	u8 address[ETH_ALEN];
	bool found = false;
	struct net *net;

	u64_to_ether_addr(mac, address);
	rcu_read_lock();
	for_each_net_rcu(net)
		found = found || is_device_of(net, address);
	rcu_read_unlock();
	return found;
}

/* A local client's netdev, and devices stacked on it, may have an address that is the service's. */
static bool is_own(const struct vsp_network *network, u64 mac)
{
	return mac == network->given || mac == network->next ||
	       mac == READ_ONCE(network->terms.mac);
}

static bool is_taken(const struct vsp_network *asker, u64 mac)
{
	return is_service(asker, mac) || (!is_own(asker, mac) && is_device(mac));
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

static u64 hash_uuid(const uuid_t *uuid)
{
	return (u64)jhash(uuid, sizeof(*uuid), 1) << 32 | jhash(uuid, sizeof(*uuid), 2);
}

/* Locally administered, and of one device. */
static u64 from_uuid(const struct vsp_network *network)
{
	u64 mac = hash_uuid(vsp_service_uuid(network->service));

	do {
		mac = (mac & ~(0xffffULL << 48 | 3ULL << 40)) | 2ULL << 40;
		if (!is_taken(network, mac))
			return mac;
		mac++;
	} while (true);
}

/* Return: a free address of the range; 0: all are taken. */
static u64 from_range(const struct vsp_network_pool *pool, const struct vsp_network *network)
{
	const struct memory *memory = find_memory(vsp_service_uuid(network->service));
	u64 size = pool->last - pool->first + 1, at, free = 0;

	if (memory && memory->mac >= pool->first && memory->mac <= pool->last &&
	    !is_taken(network, memory->mac))
		return memory->mac;
	div64_u64_rem(hash_uuid(vsp_service_uuid(network->service)), size, &at);
	/* There are fewer services than addresses that are looked at here. */
	for (u64 i = 0; i < min(size, MEMORIES_MAX); i++, at = at + 1 < size ? at + 1 : 0) {
		u64 mac = pool->first + at;

		if (is_taken(network, mac))
			continue;
		if (!is_remembered(mac))
			return mac;
		free = free ?: mac;
	}
	return free;
}

/* The address is this service's from here on; one that had it before has to take another. */
static void remember_mac(struct memory **spare, const uuid_t *uuid, u64 mac)
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
	network->given = pool->first ? from_range(pool, network) : from_uuid(network);
	if (network->given) {
		list_add_tail(&network->entry, &services);
		if (pool->first)
			remember_mac(&spare, vsp_service_uuid(network->service), network->given);
	}
	mutex_unlock(&mac_lock);
	kfree(spare);
	if (network->given)
		return 0;
	pr_err("service %s: mac: pool %s has no address left in %s: widen its mac_range\n",
	       vsp_service_name(network->service),
	       vsp_pool_name(vsp_service_pool(network->service)),
	       vsp_pool_text(vsp_service_pool(network->service), VS_NETWORK_MAC_RANGE));
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

/* @named: by the administrator, for this service */
static int may_take_mac(const struct vsp_network *network, u64 mac, bool named)
{
	const struct vsp_network_pool *pool = vsp_network_pool_of(network->service);
	bool allowed = pool->first ? mac >= pool->first && mac <= pool->last : named;

	lockdep_assert_held(&mac_lock);
	if (mac != network->given && !allowed)
		return -EPERM;
	return is_taken(network, mac) ? -EADDRINUSE : 0;
}

/**
 * vsp_network_mac_prepare() - keep an address for a contract that is granted
 * @network: whose
 * @mac: the address; 0: there is no such contract any more
 * @named: it is the one that the administrator has written for this service
 *
 * Context: may sleep.
 * Return: 0; -EADDRINUSE: another service, or a device of the host, has it; -EPERM: it is not
 *	one of the pool's.
 */
int vsp_network_mac_prepare(struct vsp_network *network, u64 mac, bool named)
{
	int error;

	mutex_lock(&mac_lock);
	error = mac ? may_take_mac(network, mac, named) : 0;
	if (!error)
		WRITE_ONCE(network->next, mac);
	mutex_unlock(&mac_lock);
	return error;
}

/**
 * vsp_network_mac_claim() - look at the address that a fallback has brought
 * @network: enabled
 *
 * A fallback has the address that the administrator has written, which nobody has looked at
 * yet. Where another service or a device of the host has it, the guest may not send from it.
 *
 * Context: may sleep; takes vsp_rates_lock().
 */
void vsp_network_mac_claim(struct vsp_network *network)
{
	unsigned long irq;
	int error;
	u64 mac;

	mutex_lock(&mac_lock);
	mac = READ_ONCE(network->claim);
	error = mac ? may_take_mac(network, mac, true) : 0;
	irq = vsp_rates_lock(network->service);
	if (mac && network->claim == mac) {
		network->claim = 0;
		if (!error)
			WRITE_ONCE(network->terms.mac, mac);
	}
	vsp_rates_unlock(network->service, irq);
	mutex_unlock(&mac_lock);
	if (error)
		vsp_warn_limited(network->service,
				 "service %s: mac: %012llx cannot be its address (%s): its frames are dropped: write another one, and renegotiate\n",
				 vsp_service_name(network->service), mac, error == -EPERM ?
				 "not in the pool's mac_range" :
				 "another service or a device of the host has it");
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
