// SPDX-License-Identifier: GPL-2.0-only
/*
 * The storage class, the provider's side: contracts over a disk.
 *
 * The size of a disk is KEPT: the bytes of its source that hold, or may hold, its
 * client's data.  It grows with a contract, and shrinks only with one that its
 * client has started itself while it held a larger one; no fallback, no withdrawal
 * and no new driver takes data away.
 */
#define pr_fmt(fmt) "vsp_storage: " fmt

#include <linux/device.h>
#include <linux/ktime.h>
#include <linux/minmax.h>
#include <linux/module.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/sysfs.h>

#include "vs_class.h"
#include "vs_counter.h"
#include "vs_terms.h"
#include "vsp/contract.h"
#include "vsp/storage/storage.h"

static const struct vs_term *storage_term(const struct vs_terms *terms, enum vs_storage_term id)
{
	return &terms->term[VS_STORAGE_INDEX(id)];
}

static u64 contract_size(const struct vsp_contract *contract)
{
	return storage_term(&contract->terms, VS_STORAGE_SIZE)->high;
}

/* ---- Size ---- */

/* What was allocated for a contract that did not come, or was shrunk away, goes. */
static void trim_work(struct work_struct *work)
{
	struct vsp_storage *storage = container_of(work, struct vsp_storage, trim);
	unsigned int noio = memalloc_noio_save();
	u64 size;

	mutex_lock(&storage->resize);
	spin_lock_irq(&storage->lock);
	size = max(storage->keep, storage->prepared);
	spin_unlock_irq(&storage->lock);
	vsp_storage_source_trim(storage->service, &storage->source, size);
	storage->room = min(storage->room, size);
	mutex_unlock(&storage->resize);
	memalloc_noio_restore(noio);
}

static void set_prepared(struct vsp_storage *storage, u64 id, u64 size)
{
	spin_lock_irq(&storage->lock);
	storage->prepared_id = id;
	storage->prepared = size;
	spin_unlock_irq(&storage->lock);
}

static int grow_source(struct vsp_storage *storage, u64 size)
{
	struct vsp_storage_source *source = &storage->source;
	int error = 0;

	lockdep_assert_held(&storage->resize);
	if (!vsp_storage_source_begin(source))
		return -ENODEV;
	if (source->device)
		error = vsp_storage_device_own(source->device, vsp_service_uuid(storage->service));
	if (!error)
		error = vsp_storage_source_grow(storage->service, source, storage->room, size);
	if (!error)
		storage->room = max(storage->room, size);
	vsp_storage_source_end(source);
	return error;
}

static int make_room(struct vsp_storage *storage, u64 size)
{
	unsigned int noio = memalloc_noio_save();
	int error;

	mutex_lock(&storage->resize);
	error = grow_source(storage, size);
	mutex_unlock(&storage->resize);
	memalloc_noio_restore(noio);
	return error;
}

static int storage_contract_prepare(struct vsp_service *service, const struct vsp_contract *next,
				    u16 *denied)
{
	struct vsp_storage *storage = vsp_service_data(service);
	int error;

	/* Set first, so that no trim takes away what is being allocated. */
	set_prepared(storage, next->id, contract_size(next));
	error = make_room(storage, contract_size(next));
	if (error) {
		vsp_warn_limited(service, "service %s: no room for %llu bytes (%d)\n",
				 vsp_service_name(service), contract_size(next), error);
		set_prepared(storage, 0, 0);
		queue_work(storage->slow, &storage->trim);
	}
	return error;
}

static void storage_contract_abort(struct vsp_service *service, const struct vsp_contract *next)
{
	struct vsp_storage *storage = vsp_service_data(service);

	set_prepared(storage, 0, 0);
	queue_work(storage->slow, &storage->trim);
}

/* Only what its client has started, and knew to be less, is a shrink. */
static void commit_size(struct vsp_storage *storage, const struct vsp_contract *next)
{
	bool agreed = storage->prepared_id == next->id;
	u64 size = contract_size(next);

	lockdep_assert_held(&storage->lock);
	if (agreed && storage->terms.present && size < storage->terms.size)
		storage->keep = size;
	else
		storage->keep = max(storage->keep, size);
	storage->terms.size = size;
	if (agreed) {
		storage->prepared_id = 0;
		storage->prepared = 0;
	}
}

/* ---- Contracts ---- */

static void storage_commit_terms(struct vsp_storage *storage, const struct vsp_contract *next)
{
	struct vsp_storage_terms *terms = &storage->terms;

	commit_size(storage, next);
	terms->access = storage_term(&next->terms, VS_STORAGE_ACCESS)->high;
	terms->cache = storage_term(&next->terms, VS_STORAGE_CACHE)->high;
	terms->block_size = storage_term(&next->terms, VS_STORAGE_BLOCK_SIZE)->high;
	WRITE_ONCE(terms->queues, storage_term(&next->terms, VS_STORAGE_QUEUES)->high);
	terms->present = true;
}

static void storage_contract_commit(struct vsp_service *service, const struct vsp_contract *next)
{
	struct vsp_storage *storage = vsp_service_data(service);

	spin_lock(&storage->lock);
	if (next)
		storage_commit_terms(storage, next);
	else
		memset(&storage->terms, 0, sizeof(storage->terms));
	vsp_storage_done_wake_all(storage);
	spin_unlock(&storage->lock);
	queue_work(storage->slow, &storage->trim);
}

static void narrow_size(const struct vsp_storage *storage, struct vs_term *size)
{
	u64 there = vsp_storage_source_size(&storage->source);

	if (storage->source.owned)
		return;
	there = round_down(there, vs_class_storage.term[VS_STORAGE_INDEX(VS_STORAGE_SIZE)].step);
	/* All of a device, or of a file that is named, unless a limit was set. */
	size->high = size->high ? min(size->high, there) : there;
}

/*
 * One value: that of the source, or more if the administrator says so. Partitions are laid
 * out by it, so it must not depend on which client has asked for what.
 */
static void narrow_block_size(const struct vsp_storage *storage, struct vs_term *block)
{
	block->low = max_t(u64, block->low, storage->source.block_size);
	block->high = min(block->high, block->low);
}

static void storage_service_limits(struct vsp_service *service, struct vs_terms *limits)
{
	struct vsp_storage *storage = vsp_service_data(service);
	const struct vsp_storage_source *source = &storage->source;
	struct vs_term *size = &limits->term[VS_STORAGE_INDEX(VS_STORAGE_SIZE)];
	struct vs_term *access = &limits->term[VS_STORAGE_INDEX(VS_STORAGE_ACCESS)];
	struct vs_term *block = &limits->term[VS_STORAGE_INDEX(VS_STORAGE_BLOCK_SIZE)];

	if (!vsp_storage_source_begin(source)) {
		size->high = 0;
		return;
	}
	narrow_size(storage, size);
	if (!vsp_storage_source_writable(source))
		access->high &= ~(u64)VS_STORAGE_WRITE;
	if (!vsp_storage_source_discards(source))
		access->high &= ~(u64)VS_STORAGE_DISCARD;
	narrow_block_size(storage, block);
	vsp_storage_source_end(source);
}

static u64 storage_service_kept(struct vsp_service *service, u32 index)
{
	struct vsp_storage *storage = vsp_service_data(service);
	u64 keep;

	if (!storage || index != VS_STORAGE_INDEX(VS_STORAGE_SIZE))
		return 0;
	/* What the administrator has named is no part of the pool. */
	if (!storage->source.owned && !storage->source.pool)
		return 0;
	spin_lock_irq(&storage->lock);
	keep = storage->keep;
	spin_unlock_irq(&storage->lock);
	return keep;
}

static u64 storage_service_used(struct vsp_service *service, u32 index)
{
	struct vsp_storage *storage = vsp_service_data(service);
	u64 used = 0;

	if (!storage)
		return 0;
	if (vs_class_storage.term[index].kind == VS_KIND_RATE)
		return vsp_rates_used(service, index);
	spin_lock_irq(&storage->lock);
	switch (index) {
	case VS_STORAGE_INDEX(VS_STORAGE_SIZE):
		used = storage->keep;
		break;
	case VS_STORAGE_INDEX(VS_STORAGE_ACCESS):
		used = storage->terms.access;
		break;
	case VS_STORAGE_INDEX(VS_STORAGE_CACHE):
		used = READ_ONCE(storage->sync.unsynced);
		break;
	case VS_STORAGE_INDEX(VS_STORAGE_BLOCK_SIZE):
		used = storage->terms.block_size;
		break;
	case VS_STORAGE_INDEX(VS_STORAGE_QUEUES):
		used = storage->terms.queues;
		break;
	}
	spin_unlock_irq(&storage->lock);
	return used;
}

static bool storage_service_busy(struct vsp_service *service)
{
	struct vsp_storage *storage = vsp_service_data(service);

	return work_busy(&storage->trim) || work_busy(&storage->sync.job.work);
}

/* ---- Services ---- */

static void set_keep(struct vsp_storage *storage)
{
	storage->keep = vsp_storage_source_size(&storage->source);
	if (!storage->source.owned)
		storage->keep = round_down(storage->keep, vs_class_storage.term->step);
}

static int storage_service_open(struct vsp_service *service)
{
	struct vsp_storage *storage = kvzalloc(sizeof(*storage), GFP_KERNEL);
	int error;

	if (!storage)
		return -ENOMEM;
	storage->service = service;
	mutex_init(&storage->resize);
	spin_lock_init(&storage->lock);
	INIT_WORK(&storage->trim, trim_work);
	vsp_storage_queue_init(storage);
	INIT_LIST_HEAD(&storage->sync.waiting);
	INIT_LIST_HEAD(&storage->sync.covered_list);
	error = vsp_storage_source_open(&storage->source, service);
	if (error)
		goto free;
	error = vsp_storage_io_open(storage);
	if (error)
		goto close;
	set_keep(storage);
	vsp_service_set_data(service, storage);
	return 0;

close:
	vsp_storage_io_close(storage);
	vsp_storage_source_close(&storage->source, service);
free:
	kvfree(storage);
	return error;
}

static void storage_service_close(struct vsp_service *service)
{
	struct vsp_storage *storage = vsp_service_data(service);

	vsp_service_set_data(service, NULL);
	vsp_storage_io_close(storage);
	vsp_storage_source_close(&storage->source, service);
	kvfree(storage);
}

static int storage_service_release(struct vsp_service *service)
{
	struct vsp_storage *storage = vsp_service_data(service);
	int error;

	error = vsp_storage_source_release(&storage->source, service);
	if (!error) {
		spin_lock_irq(&storage->lock);
		storage->keep = 0;
		spin_unlock_irq(&storage->lock);
	}
	return error;
}

/* ---- Counters ---- */

static u64 storage_service_count(struct vsp_service *service, unsigned int counter)
{
	struct vsp_storage *storage = vsp_service_data(service);

	return atomic64_read(&storage->counter[counter]);
}

VSP_COUNTER(bytes_read, VSP_STORAGE_BYTES_READ);
VSP_COUNTER(bytes_written, VSP_STORAGE_BYTES_WRITTEN);
VSP_COUNTER(operations, VSP_STORAGE_OPERATIONS);
VSP_COUNTER(errors, VSP_STORAGE_ERRORS);
VSP_COUNTER(denied, VSP_STORAGE_DENIED);
VSP_COUNTER(bounced, VSP_STORAGE_BOUNCED);
VSP_COUNTER(syncs, VSP_STORAGE_SYNCS);
VSP_COUNTER(no_space, VSP_STORAGE_NO_SPACE);

static struct attribute *counter_attributes[] = {
	&counter_bytes_read.attr.attr,
	&counter_bytes_written.attr.attr,
	&counter_operations.attr.attr,
	&counter_errors.attr.attr,
	&counter_denied.attr.attr,
	&counter_bounced.attr.attr,
	&counter_syncs.attr.attr,
	&counter_no_space.attr.attr,
	NULL
};

static const struct attribute_group counters = {
	.name = "counters",
	.attrs = counter_attributes,
};

static const struct vsp_class storage_class = {
	.spec = &vs_class_storage,
	.abi = VS_CLASS_ABI,
	.owner = THIS_MODULE,
	.workers = VSP_STORAGE_WORKERS,
	.pool_open = vsp_storage_pool_open,
	.pool_close = vsp_storage_pool_close,
	.pool_kept = vsp_storage_pool_kept,
	.pool_poll = vsp_storage_pool_poll,
	.service_open = storage_service_open,
	.service_close = storage_service_close,
	.limits = storage_service_limits,
	.kept = storage_service_kept,
	.release = storage_service_release,
	.prepare = storage_contract_prepare,
	.commit = storage_contract_commit,
	.abort = storage_contract_abort,
	.queue_kick = vsp_storage_queue_kick,
	.queue_reap = vsp_storage_queue_reap,
	.queue_reset = vsp_storage_queue_reset,
	.wake = vsp_storage_queue_go_on,
	.busy = storage_service_busy,
	.used = storage_service_used,
	.count = storage_service_count,
	.counters = &counters,
};

static int __init vsp_storage_init(void)
{
	int error = vsp_storage_memory_init();

	if (error)
		return error;
	error = vsp_class_register(&storage_class);
	if (error)
		vsp_storage_memory_exit();
	return error;
}

static void __exit vsp_storage_exit(void)
{
	vsp_class_unregister(&storage_class);
	vsp_storage_device_exit();
	vsp_storage_owner_exit();
	vsp_storage_memory_exit();
}

module_init(vsp_storage_init);
module_exit(vsp_storage_exit);
MODULE_AUTHOR("VSP/VSC developers");
MODULE_DESCRIPTION("Disks for virtual service clients");
MODULE_LICENSE("GPL");
MODULE_VERSION("0.1");
MODULE_ALIAS("vsp-class-storage");
