// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the guest's disk measures, and shows in counters/ of its session:
 *
 *	bytes_read, bytes_written	of requests that went well; write-zeroes count as
 *					written, as the provider's rate has it
 *	operations			requests that went well
 *	errors				requests that failed
 *	requests_waited			requests that a renegotiation made wait
 *	longest_gap_us			longest time without a completion while there was a
 *					request; 0 may be written to it and starts over
 */
#include <linux/blk-mq.h>
#include <linux/device.h>
#include <linux/kstrtox.h>
#include <linux/ktime.h>
#include <linux/rcupdate.h>
#include <linux/sysfs.h>

#include "vs_class.h"
#include "vs_window.h"
#include "vsc.h"
#include "storage.h"

#define BANDWIDTH	VS_STORAGE_INDEX(VS_STORAGE_BANDWIDTH)
#define IOPS		VS_STORAGE_INDEX(VS_STORAGE_IOPS)

/* Closes the seconds that have passed. */
static void roll(struct vsc_storage_counters *counters, u64 now)
{
	u64 passed = now - counters->second_ns;

	if (passed < NSEC_PER_SEC)
		return;
	if (passed < 2 * NSEC_PER_SEC) {
		counters->bytes_rate = counters->second_bytes;
		counters->operations_rate = counters->second_operations;
		counters->second_ns += NSEC_PER_SEC;
	} else {
		/* Nothing ended in the last full second. */
		counters->bytes_rate = 0;
		counters->operations_rate = 0;
		counters->second_ns = now;
	}
	counters->second_bytes = 0;
	counters->second_operations = 0;
}

static void begin_sample(struct vsc_storage *storage, u64 now)
{
	lockdep_assert_held(&storage->lock);
	vs_window_begin(&storage->sample.seen, now, !storage->charged);
	storage->sample.idle_ns = 0;
}

/* Closes the time without a request that is charged, up to now. */
static void close_idle(struct vsc_storage *storage, u64 now)
{
	u64 start = max(storage->uncharged_ns, storage->sample.seen.start_ns);

	lockdep_assert_held(&storage->lock);
	if (now > start)
		storage->sample.idle_ns += now - start;
}

/* There is something to do, after there was nothing. */
static void begin_charged(struct vsc_storage *storage, u64 now)
{
	lockdep_assert_held(&storage->lock);
	storage->largest = 0;
	if (storage->watched) {
		close_idle(storage, now);
		return;
	}
	storage->watched = true;
	begin_sample(storage, now);
	vsc_session_busy(storage->session);
}

static void end_charged(struct vsc_storage *storage, const struct vsc_storage_request *request,
			u64 now)
{
	lockdep_assert_held(&storage->lock);
	if (!request->bytes || --storage->charged)
		return;
	storage->sample.seen.idle = true;
	storage->uncharged_ns = now;
}

/**
 * vsc_storage_counters_begin() - a request was taken in
 * @storage: the disk
 * @request: its bytes are known
 *
 * Context: any; vsc_storage.lock held.
 */
void vsc_storage_counters_begin(struct vsc_storage *storage,
				const struct vsc_storage_request *request)
{
	lockdep_assert_held(&storage->lock);
	if (!storage->outstanding++)
		storage->counters.gap_start_ns = ktime_get_ns();
	if (!request->bytes)
		return;
	if (!storage->charged++)
		begin_charged(storage, ktime_get_ns());
	storage->largest = max(storage->largest, request->bytes);
}

/**
 * vsc_storage_counters_drop() - a request will come again
 * @storage: the disk
 * @request: what vsc_storage_counters_begin() was called for
 * @now: ktime_get_ns()
 *
 * Context: any; vsc_storage.lock held.
 */
void vsc_storage_counters_drop(struct vsc_storage *storage,
			       const struct vsc_storage_request *request, u64 now)
{
	lockdep_assert_held(&storage->lock);
	storage->outstanding--;
	end_charged(storage, request, now);
}

/**
 * vsc_storage_counters_end() - a request is over
 * @storage: the disk
 * @request: what vsc_storage_counters_begin() was called for
 * @write: its data goes to the device
 * @ok: it went well
 * @now: ktime_get_ns()
 *
 * Context: any; vsc_storage.lock held.
 */
void vsc_storage_counters_end(struct vsc_storage *storage,
			      const struct vsc_storage_request *request, bool write, bool ok,
			      u64 now)
{
	struct vsc_storage_counters *counters = &storage->counters;

	lockdep_assert_held(&storage->lock);
	vsc_storage_counters_drop(storage, request, now);
	if (!ok) {
		counters->errors++;
		return;
	}
	vs_window_count(&storage->sample.seen, BANDWIDTH, request->bytes);
	vs_window_count(&storage->sample.seen, IOPS, 1);
	roll(counters, now);
	counters->operations++;
	counters->second_operations++;
	counters->second_bytes += request->bytes;
	if (write)
		counters->bytes_written += request->bytes;
	else
		counters->bytes_read += request->bytes;
}

/**
 * vsc_storage_counters_gap() - requests have just been completed
 * @storage: the disk
 * @now: ktime_get_ns()
 *
 * Context: any; vsc_storage.lock held.
 */
void vsc_storage_counters_gap(struct vsc_storage *storage, u64 now)
{
	struct vsc_storage_counters *counters = &storage->counters;

	lockdep_assert_held(&storage->lock);
	if (now > counters->gap_start_ns)
		counters->gap_ns = max(counters->gap_ns, now - counters->gap_start_ns);
	counters->gap_start_ns = now;
}

/**
 * vsc_storage_counters_used() - what the disk uses of a term now
 * @storage: the disk
 * @index: of the term in the class's table
 *
 * Of a rate: what the last full second saw. Context: any; takes vsc_storage.lock.
 *
 * Return: in the term's unit; 0 for what is not known.
 */
u64 vsc_storage_counters_used(struct vsc_storage *storage, u32 index)
{
	unsigned long flags;
	u64 used = 0;

	spin_lock_irqsave(&storage->lock, flags);
	roll(&storage->counters, ktime_get_ns());
	switch (index) {
	case VS_STORAGE_INDEX(VS_STORAGE_SIZE):
		used = storage->size;
		break;
	case BANDWIDTH:
		used = storage->counters.bytes_rate;
		break;
	case IOPS:
		used = storage->counters.operations_rate;
		break;
	case VS_STORAGE_INDEX(VS_STORAGE_ACCESS):
		used = storage->granted;
		break;
	case VS_STORAGE_INDEX(VS_STORAGE_CACHE):
		used = min(storage->dirty, storage->cache);
		break;
	case VS_STORAGE_INDEX(VS_STORAGE_BLOCK_SIZE):
		used = storage->block_size;
		break;
	}
	spin_unlock_irqrestore(&storage->lock, flags);
	return used;
}

/**
 * vsc_storage_counters_sample() - what was done since the last sample
 * @storage: the disk
 * @sample: filled; a request that is under way counts among the largest, too
 *
 * Context: any; takes vsc_storage.lock.
 *
 * Return: false: nothing was, and nothing is to be done. The next request that is charged
 * tells the session.
 */
bool vsc_storage_counters_sample(struct vsc_storage *storage, struct vsc_sample *sample)
{
	u64 now = ktime_get_ns();
	bool active;

	spin_lock_irq(&storage->lock);
	if (!storage->charged)
		close_idle(storage, now);
	*sample = storage->sample;
	if (storage->charged) {
		vs_window_expect(&sample->seen, BANDWIDTH, storage->largest);
		vs_window_expect(&sample->seen, IOPS, 1);
	}
	active = storage->charged || sample->seen.served[IOPS];
	storage->watched = active;
	begin_sample(storage, now);
	spin_unlock_irq(&storage->lock);
	return active;
}

/* The disk of a session's device; NULL while it has none. Under rcu_read_lock(). */
static struct vsc_storage *to_storage(struct device *dev)
{
	return READ_ONCE(to_vsc_session(dev)->class_data);
}

struct counter {
	struct device_attribute attr;
	size_t offset;		/* in struct vsc_storage_counters, of a u64 */
};

static ssize_t counter_show(struct device *dev, struct device_attribute *attr, char *text)
{
	size_t offset = container_of(attr, struct counter, attr)->offset;
	struct vsc_storage *storage;
	ssize_t length = -ENODEV;
	u64 value;

	rcu_read_lock();
	storage = to_storage(dev);
	if (storage) {
		spin_lock_irq(&storage->lock);
		value = *(u64 *)((u8 *)&storage->counters + offset);
		spin_unlock_irq(&storage->lock);
		length = sysfs_emit(text, "%llu\n", value);
	}
	rcu_read_unlock();
	return length;
}

static struct counter bytes_read = {
	.attr = __ATTR(bytes_read, 0444, counter_show, NULL),
	.offset = offsetof(struct vsc_storage_counters, bytes_read),
};

static struct counter bytes_written = {
	.attr = __ATTR(bytes_written, 0444, counter_show, NULL),
	.offset = offsetof(struct vsc_storage_counters, bytes_written),
};

static struct counter operations = {
	.attr = __ATTR(operations, 0444, counter_show, NULL),
	.offset = offsetof(struct vsc_storage_counters, operations),
};

static struct counter errors = {
	.attr = __ATTR(errors, 0444, counter_show, NULL),
	.offset = offsetof(struct vsc_storage_counters, errors),
};

static struct counter requests_waited = {
	.attr = __ATTR(requests_waited, 0444, counter_show, NULL),
	.offset = offsetof(struct vsc_storage_counters, requests_waited),
};

/* The gap that is open now counts too. */
static ssize_t longest_gap_us_show(struct device *dev, struct device_attribute *attr, char *text)
{
	struct vsc_storage *storage;
	ssize_t length = -ENODEV;
	u64 gap, now;

	rcu_read_lock();
	storage = to_storage(dev);
	if (storage) {
		spin_lock_irq(&storage->lock);
		gap = storage->counters.gap_ns;
		now = ktime_get_ns();
		if (storage->outstanding && now > storage->counters.gap_start_ns)
			gap = max(gap, now - storage->counters.gap_start_ns);
		spin_unlock_irq(&storage->lock);
		length = sysfs_emit(text, "%llu\n", div_u64(gap, NSEC_PER_USEC));
	}
	rcu_read_unlock();
	return length;
}

static ssize_t longest_gap_us_store(struct device *dev, struct device_attribute *attr,
				    const char *text, size_t length)
{
	struct vsc_storage *storage;
	ssize_t result = -ENODEV;
	u64 value;
	int error;

	error = kstrtou64(text, 0, &value);
	if (!error && value)
		error = -EINVAL;
	if (error) {
		dev_err_ratelimited(dev, "longest_gap_us: only 0 can be written, to start over\n");
		return error;
	}
	rcu_read_lock();
	storage = to_storage(dev);
	if (storage) {
		spin_lock_irq(&storage->lock);
		storage->counters.gap_ns = 0;
		storage->counters.gap_start_ns = ktime_get_ns();
		spin_unlock_irq(&storage->lock);
		result = length;
	}
	rcu_read_unlock();
	return result;
}

static DEVICE_ATTR_RW(longest_gap_us);

static struct attribute *attributes[] = {
	&bytes_read.attr.attr,
	&bytes_written.attr.attr,
	&operations.attr.attr,
	&errors.attr.attr,
	&requests_waited.attr.attr,
	&dev_attr_longest_gap_us.attr,
	NULL
};

/* Joins the session's own counters. */
const struct attribute_group vsc_storage_counters_group = {
	.name = "counters",
	.attrs = attributes,
};
