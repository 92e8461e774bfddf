// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a service's data are known by.
 *
 * The UUID follows from the service's class and name, and from the source of its pool,
 * unless the administrator writes one: who makes the same service again, after a restart
 * of the host for one, has the same data again.  For a class that keeps nothing it is
 * drawn: such a UUID should not be that of another host's service.
 */
#define pr_fmt(fmt) "vsp: " fmt

#include <crypto/sha1.h>
#include <linux/lockdep.h>
#include <linux/math.h>
#include <linux/printk.h>
#include <linux/string.h>

#include "vs_class.h"
#include "vs_compat_sha1.h"
#include "vsp/admin/uuid.h"
#include "vsp/core/service.h"
#include "vsp/pool/pool.h"

/* Bytes that are hashed: a UUID and a name, with what SHA-1 appends. */
#define INPUT_MAX	round_up(UUID_SIZE + VSP_PATH_MAX + 9, SHA1_BLOCK_SIZE)
#define VERSION		0x50	/* 5: of a name, by SHA-1 */
#define VARIANT		0x80	/* RFC 9562 */

/* The namespace of all sources: drawn once, for ever. */
static const uuid_t all_sources =
	UUID_INIT(0x0b92efa4, 0xcb58, 0x4430, 0x88, 0x60, 0x38, 0x8c, 0x11, 0x9a, 0x85, 0x84);

/* Protects @uuids, and vsp_service.uuid of those in it; taken under vsp_service.admin. */
static DEFINE_MUTEX(uuids_lock);
static LIST_HEAD(uuids);

/**
 * vsp_uuid_of_name() - a UUID of version 5 (RFC 9562, 5.5)
 * @space: in which @name is unique
 * @name: up to VSP_PATH_MAX - 1 bytes
 * @uuid: filled
 *
 * Context: any.
 */
void vsp_uuid_of_name(const uuid_t *space, const char *name, uuid_t *uuid)
{
	size_t length = strnlen(name, VSP_PATH_MAX - 1);
	u8 digest[SHA1_DIGEST_SIZE];
	u8 input[INPUT_MAX];

	export_uuid(input, space);
	memcpy(input + UUID_SIZE, name, length);
	vs_sha1(input, UUID_SIZE + length, digest);
	digest[6] = (digest[6] & 0x0f) | VERSION;
	digest[8] = (digest[8] & 0x3f) | VARIANT;
	import_uuid(uuid, digest);
}

/* However often a slash is written, it is the same path. */
static void space_of(struct vsp_pool *pool, uuid_t *space)
{
	char source[VSP_PATH_MAX];
	size_t length = 0;

	mutex_lock(&pool->lock);
	for (const char *from = pool->settings.source; *from; from++)
		if (*from != '/' || (from[1] && from[1] != '/'))
			source[length++] = *from;
	mutex_unlock(&pool->lock);
	source[length] = '\0';
	vsp_uuid_of_name(&all_sources, source, space);
}

static bool uuid_is_taken(const struct vsp_service *service, const uuid_t *uuid)
{
	const struct vsp_service *other;

	lockdep_assert_held(&uuids_lock);
	list_for_each_entry(other, &uuids, identity.entry)
		if (other != service && uuid_equal(&other->identity.uuid, uuid))
			return true;
	return false;
}

/**
 * vsp_uuid_set() - a service has this UUID from here on
 * @service: disabled, and never enabled before
 * @uuid: may be its own already
 *
 * Context: service->admin held.
 * Return: 0, or -EBUSY if another service has it
 */
int vsp_uuid_set(struct vsp_service *service, const uuid_t *uuid)
{
	int error = 0;

	lockdep_assert_held(&service->admin);
	mutex_lock(&uuids_lock);
	if (uuid_is_taken(service, uuid)) {
		error = -EBUSY;
	} else {
		service->identity.uuid = *uuid;
		list_del(&service->identity.entry);
		list_add(&service->identity.entry, &uuids);
	}
	mutex_unlock(&uuids_lock);
	return error;
}

/**
 * vsp_uuid_settle() - a service that is about to be used needs its UUID
 * @service: disabled; its pool is in use, its class pinned
 * @class: its class
 *
 * Nothing happens once it was written, or the service was enabled before.
 *
 * Context: service->admin held.
 * Return: 0, or -EBUSY if another service has it; logged
 */
int vsp_uuid_settle(struct vsp_service *service, const struct vsp_class *class)
{
	char name[2 * VSP_NAME_MAX];
	uuid_t space, uuid;
	int error;

	lockdep_assert_held(&service->admin);
	if (service->identity.fixed || service->identity.written)
		return 0;
	if (class->kept) {
		snprintf(name, sizeof(name), "%s.%s", service->spec->name, service->name);
		space_of(service->pool, &space);
		vsp_uuid_of_name(&space, name, &uuid);
	} else {
		uuid_gen(&uuid);
	}
	error = vsp_uuid_set(service, &uuid);
	if (error)
		pr_err("service %s: its name leads to UUID %pUb, which another service has: write another one to uuid\n",
		       service->name, &uuid);
	return error;
}

/**
 * vsp_uuid_drop() - a service is no more
 * @service: disabled
 *
 * Context: process.
 */
void vsp_uuid_drop(struct vsp_service *service)
{
	mutex_lock(&uuids_lock);
	list_del_init(&service->identity.entry);
	mutex_unlock(&uuids_lock);
}
