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
 *	renegotiation_gap_us		the longest such time that the last negotiation had a
 *					part in
 */
#include <linux/blk-mq.h>
#include <linux/device.h>
#include <linux/kstrtox.h>
#include <linux/ktime.h>
#include <linux/rcupdate.h>
#include <linux/sysfs.h>

#include "vs_counter.h"
#include "vsc/class.h"
#include "vsc/storage/storage.h"

#define BANDWIDTH	VS_STORAGE_INDEX(VS_STORAGE_BANDWIDTH)
#define IOPS		VS_STORAGE_INDEX(VS_STORAGE_IOPS)

/**
 * vsc_storage_counters_begin() - a request was taken in
 * @storage: the disk
 * @request: not sent yet
 *
 * Context: any; vsc_storage_queue.lock held.
 */
void vsc_storage_counters_begin(struct vsc_storage *storage, struct vsc_storage_request *request)
{
	lockdep_assert_held(&storage->queue.lock);
	request->metered = false;
	if (storage->queue.outstanding++)
		return;
	storage->queue.counters.gap_start_ns = ktime_get_ns();
	if (storage->queue.counters.negotiation == VSC_STORAGE_LAST_GAP)
		storage->queue.counters.negotiation = VSC_STORAGE_NEGOTIATED;
}

/**
 * vsc_storage_counters_send() - a request is in the ring: from here on the provider has it
 * @storage: the disk
 * @request: what vsc_storage_counters_begin() was called for
 *
 * Context: any; vsc_storage_queue.lock held.
 */
void vsc_storage_counters_send(struct vsc_storage *storage, struct vsc_storage_request *request)
{
	struct vsc_meter *meter = &storage->queue.meter;

	lockdep_assert_held(&storage->queue.lock);
	if (!request->bytes)
		return;
	request->metered = true;
	if (vsc_meter_begin(meter, meter->outstanding ? 0 : ktime_get_ns()))
		vsc_session_busy(storage->session);
	vsc_meter_expect(meter, BANDWIDTH, request->bytes);
	vsc_meter_expect(meter, IOPS, 1);
}

/**
 * vsc_storage_counters_hold() - requests wait for this side, or have done so
 * @storage: the disk
 *
 * Of a sample with such a moment the provider has no floor to keep.
 *
 * Context: any; vsc_storage_queue.lock held.
 */
void vsc_storage_counters_hold(struct vsc_storage *storage)
{
	lockdep_assert_held(&storage->queue.lock);
	storage->queue.meter.sample.seen.idle = true;
}

/**
 * vsc_storage_counters_drop() - a request will come again
 * @storage: the disk
 * @request: what vsc_storage_counters_begin() was called for
 * @now: ktime_get_ns()
 *
 * Context: any; vsc_storage_queue.lock held.
 */
void vsc_storage_counters_drop(struct vsc_storage *storage,
			       const struct vsc_storage_request *request, u64 now)
{
	lockdep_assert_held(&storage->queue.lock);
	storage->queue.outstanding--;
	vsc_meter_end(&storage->queue.meter, request->metered ? 1 : 0, now);
}

/**
 * vsc_storage_counters_end() - a request is over
 * @storage: the disk
 * @request: what vsc_storage_counters_begin() was called for
 * @write: its data goes to the device
 * @ok: it went well
 * @now: ktime_get_ns()
 *
 * Context: any; vsc_storage_queue.lock held.
 */
void vsc_storage_counters_end(struct vsc_storage *storage,
			      const struct vsc_storage_request *request, bool write, bool ok,
			      u64 now)
{
	struct vsc_storage_counters *counters = &storage->queue.counters;

	lockdep_assert_held(&storage->queue.lock);
	vsc_storage_counters_drop(storage, request, now);
	if (!ok) {
		counters->errors++;
		counters->no_space += request->status == VS_STORAGE_S_NOSPC;
		return;
	}
	vsc_meter_serve(&storage->queue.meter, BANDWIDTH, request->bytes, request->bytes, now);
	vsc_meter_serve(&storage->queue.meter, IOPS, 1, 1, now);
	counters->operations++;
	if (write)
		counters->bytes_written += request->bytes;
	else
		counters->bytes_read += request->bytes;
}

static u64 gap_since(const struct vsc_storage_counters *counters, u64 now, bool negotiation)
{
	u64 start = negotiation ? counters->gap_start_ns :
		    max(counters->gap_start_ns, counters->gap_reset_ns);

	return now > start ? now - start : 0;
}

/**
 * vsc_storage_counters_gap() - requests have just been completed
 * @storage: the disk
 * @now: ktime_get_ns()
 *
 * Context: any; vsc_storage_queue.lock held.
 */
void vsc_storage_counters_gap(struct vsc_storage *storage, u64 now)
{
	struct vsc_storage_counters *counters = &storage->queue.counters;

	lockdep_assert_held(&storage->queue.lock);
	counters->gap_ns = max(counters->gap_ns, gap_since(counters, now, false));
	if (counters->negotiation != VSC_STORAGE_NEGOTIATED)
		counters->negotiation_gap_ns = max(counters->negotiation_gap_ns,
						   gap_since(counters, now, true));
	if (counters->negotiation == VSC_STORAGE_LAST_GAP)
		counters->negotiation = VSC_STORAGE_NEGOTIATED;
	counters->gap_start_ns = now;
}

/**
 * vsc_storage_counters_negotiates() - a negotiation begins, or has ended in RUNNING
 * @storage: the disk
 * @begins: which of these
 *
 * Context: the session's work; takes vsc_storage_queue.lock.
 */
void vsc_storage_counters_negotiates(struct vsc_storage *storage, bool begins)
{
	struct vsc_storage_counters *counters = &storage->queue.counters;

	spin_lock_irq(&storage->queue.lock);
	if (begins) {
		counters->negotiation_gap_ns = 0;
		counters->negotiation = VSC_STORAGE_NEGOTIATES;
	} else {
		counters->negotiation = storage->queue.outstanding ? VSC_STORAGE_LAST_GAP :
							       VSC_STORAGE_NEGOTIATED;
	}
	spin_unlock_irq(&storage->queue.lock);
}

/**
 * vsc_storage_counters_used() - what the disk uses of a term now
 * @storage: the disk
 * @index: of the term in the class's table
 *
 * Of a rate: what the last full second saw. Context: any; takes vsc_storage_queue.lock.
 *
 * Return: in the term's unit; 0 for what is not known.
 */
u64 vsc_storage_counters_used(struct vsc_storage *storage, u32 index)
{
	unsigned long flags;
	u64 used = 0;

	spin_lock_irqsave(&storage->queue.lock, flags);
	switch (index) {
	case VS_STORAGE_INDEX(VS_STORAGE_SIZE):
		used = storage->size;
		break;
	case BANDWIDTH:
	case IOPS:
		used = vsc_meter_rate(&storage->queue.meter, index, ktime_get_ns());
		break;
	case VS_STORAGE_INDEX(VS_STORAGE_ACCESS):
		used = storage->queue.granted;
		break;
	case VS_STORAGE_INDEX(VS_STORAGE_CACHE):
		used = min(storage->queue.dirty, storage->cache);
		break;
	case VS_STORAGE_INDEX(VS_STORAGE_BLOCK_SIZE):
		used = storage->block_size;
		break;
	case VS_STORAGE_INDEX(VS_STORAGE_QUEUES):
		used = storage->queue.rings;
		break;
	}
	spin_unlock_irqrestore(&storage->queue.lock, flags);
	return used;
}

/**
 * vsc_storage_counters_sample() - what was done since the last sample
 * @storage: the disk
 * @sample: filled; a request that is under way counts among the largest, too
 *
 * Context: any; takes vsc_storage_queue.lock.
 *
 * Return: false: nothing was, and nothing is to be done. The next request that is charged
 * tells the session.
 */
bool vsc_storage_counters_sample(struct vsc_storage *storage, struct vsc_sample *sample)
{
	u64 now = ktime_get_ns();
	bool active;

	spin_lock_irq(&storage->queue.lock);
	if (!list_empty(&storage->queue.held))
		vsc_storage_counters_hold(storage);
	active = vsc_meter_sample(&storage->queue.meter, sample, now);
	spin_unlock_irq(&storage->queue.lock);
	return active;
}

/* The disk of a session's device; NULL while it has none. Under rcu_read_lock(). */
static struct vsc_storage *to_storage(struct device *dev)
{
	return vsc_session_data(vsc_session_of_device(dev));
}

/**
 * vsc_storage_counters_value() - what a file shows
 * @storage: the disk
 * @offset: in struct vsc_storage_counters, of a u64
 *
 * Context: process; takes vsc_storage_queue.lock.
 */
u64 vsc_storage_counters_value(struct vsc_storage *storage, unsigned int offset)
{
	u64 value;

	spin_lock_irq(&storage->queue.lock);
	value = *(u64 *)((u8 *)&storage->queue.counters + offset);
	spin_unlock_irq(&storage->queue.lock);
	return value;
}

#define OFFSET(name)	offsetof(struct vsc_storage_counters, name)

VSC_COUNTER(bytes_read, OFFSET(bytes_read));
VSC_COUNTER(bytes_written, OFFSET(bytes_written));
VSC_COUNTER(operations, OFFSET(operations));
VSC_COUNTER(errors, OFFSET(errors));
VSC_COUNTER(no_space, OFFSET(no_space));
VSC_COUNTER(requests_waited, OFFSET(requests_waited));

/* The gap that is open now counts too, if it is of those that are measured. */
static ssize_t show_gap(struct device *dev, char *text, bool negotiation)
{
	const struct vsc_storage_counters *counters;
	struct vsc_storage *storage;
	ssize_t length = -ENODEV;
	bool measured;
	u64 gap;

	rcu_read_lock();
	storage = to_storage(dev);
	if (storage) {
		counters = &storage->queue.counters;
		spin_lock_irq(&storage->queue.lock);
		gap = negotiation ? counters->negotiation_gap_ns : counters->gap_ns;
		measured = !negotiation || counters->negotiation != VSC_STORAGE_NEGOTIATED;
		if (measured && storage->queue.outstanding)
			gap = max(gap, gap_since(counters, ktime_get_ns(), negotiation));
		spin_unlock_irq(&storage->queue.lock);
		length = sysfs_emit(text, "%llu\n", div_u64(gap, NSEC_PER_USEC));
	}
	rcu_read_unlock();
	return length;
}

static ssize_t longest_gap_us_show(struct device *dev, struct device_attribute *attr, char *text)
{
	return show_gap(dev, text, false);
}

static ssize_t renegotiation_gap_us_show(struct device *dev, struct device_attribute *attr,
					 char *text)
{
	return show_gap(dev, text, true);
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
		spin_lock_irq(&storage->queue.lock);
		storage->queue.counters.gap_ns = 0;
		storage->queue.counters.gap_reset_ns = ktime_get_ns();
		spin_unlock_irq(&storage->queue.lock);
		result = length;
	}
	rcu_read_unlock();
	return result;
}

static DEVICE_ATTR_RW(longest_gap_us);
static DEVICE_ATTR_RO(renegotiation_gap_us);

static struct attribute *attributes[] = {
	&counter_bytes_read.attr.attr,
	&counter_bytes_written.attr.attr,
	&counter_operations.attr.attr,
	&counter_errors.attr.attr,
	&counter_no_space.attr.attr,
	&counter_requests_waited.attr.attr,
	&dev_attr_longest_gap_us.attr,
	&dev_attr_renegotiation_gap_us.attr,
	NULL
};

/* Joins the session's own counters. */
const struct attribute_group vsc_storage_counters_group = {
	.name = "counters",
	.attrs = attributes,
};
