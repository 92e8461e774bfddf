// SPDX-License-Identifier: GPL-2.0-only
/*
 * The input class, the provider's side: contracts over keyboards, mice, tablets, touch screens.
 *
 * A pool's source is one or more devices of the host; without one, each service has a device of
 * its own in the host.
 */
#define pr_fmt(fmt) "vsp_input: " fmt

#include <linux/device.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/sysfs.h>

#include "vs_class.h"
#include "vs_counter.h"
#include "vs_terms.h"
#include "vsp/class.h"
#include "vsp/contract.h"
#include "vsp/input/input.h"

/* ---- Pools ---- */

static int input_read_chord(struct vsp_pool *pool, struct vsp_input_chord *chord)
{
	const char *text = vsp_pool_text(pool, VS_INPUT_CHORD);
	char *copy;
	int error;

	if (text[0] && !vsp_pool_source(pool)[0]) {
		pr_err("pool %s: chord: without a source there is nothing to move: write an empty line, or name a source\n",
		       vsp_pool_name(pool));
		return -EINVAL;
	}
	copy = kstrdup(text, GFP_KERNEL);
	if (!copy)
		return -ENOMEM;
	error = vsp_input_chord_parse(chord, copy);
	kfree(copy);
	if (error)
		pr_err("pool %s: chord: \"%s\" is not 1..%u keys with + between them, as leftctrl+rightctrl or 29+97: keys have names as in input-event-codes.h, or numbers\n",
		       vsp_pool_name(pool), text, VSP_INPUT_CHORD_MAX);
	return error;
}

static int input_pool_open(struct vsp_pool *pool)
{
	struct vsp_input_pool *input = kzalloc(sizeof(*input), GFP_KERNEL);
	int error;

	if (!input)
		return -ENOMEM;
	vsp_input_feed_init(&input->feed);
	vsp_pool_fill_capacity(pool, VS_INPUT_INDEX(VS_INPUT_EVENTS), VSP_INPUT_CAPACITY);
	error = input_read_chord(pool, &input->feed.chord);
	if (!error && vsp_pool_source(pool)[0])
		error = vsp_input_source_open(input, pool);
	if (error) {
		kfree(input);
		return error;
	}
	vsp_pool_set_data(pool, input);
	return 0;
}

static void input_pool_close(struct vsp_pool *pool)
{
	struct vsp_input_pool *input = vsp_pool_data(pool);

	if (vsp_pool_source(pool)[0])
		vsp_input_source_close(input);
	vsp_pool_set_data(pool, NULL);
	kfree(input);
}

static void input_pool_poll(struct vsp_pool *pool)
{
	struct vsp_input_pool *input = vsp_pool_data(pool);

	if (!vsp_pool_source(pool)[0])
		return;
	vsp_input_source_look(input);
	mutex_lock(&input->feed.devices_lock);
	vsp_input_feed_caps(&input->feed);
	mutex_unlock(&input->feed.devices_lock);
	vsp_input_seat_update(&input->feed);
}

/* ---- Services ---- */

static int input_service_open(struct vsp_service *service)
{
	struct vsp_pool *pool = vsp_service_pool(service);
	struct vsp_input *input = kvzalloc(sizeof(*input), GFP_KERNEL);
	struct vsp_input_pool *shared = vsp_pool_data(pool);
	int error = 0;

	if (!input)
		return -ENOMEM;
	input->service = service;
	if (vsp_pool_source(pool)[0])
		vsp_input_feed_join(&shared->feed, input);
	else
		error = vsp_input_inject_open(input);
	if (error) {
		kvfree(input);
		return error;
	}
	vsp_service_set_data(service, input);
	if (vsp_service_switch(service, VS_INPUT_HOLD))
		vsp_input_feed_hold(input, true);
	return 0;
}

static void input_service_close(struct vsp_service *service)
{
	struct vsp_input *input = vsp_service_data(service);

	vsp_service_set_data(service, NULL);
	if (input->inject) {
		vsp_input_inject_close(input);
	} else {
		vsp_input_feed_leave(input);
		vsp_watch_look(vsp_service_pool(service));
	}
	kvfree(input);
}

static void input_limits(struct vsp_service *service, struct vs_terms *limits)
{
	struct vsp_input *input = vsp_service_data(service);
	struct vsp_input_feed *feed = input->feed;
	bool gone;

	spin_lock_irq(&feed->lock);
	vsp_input_caps_limit(&feed->caps, limits);
	gone = !feed->caps.name[0];
	spin_unlock_irq(&feed->lock);
	if (gone)
		limits->term[VS_INPUT_INDEX(VS_INPUT_EVENTS)].high = 0;
	if (!vsp_input_feed_holds(input))
		limits->term[VS_INPUT_INDEX(VS_INPUT_GRAB)].high = 0;
}

/* What the administrator moves the source with. */
static void input_switched(struct vsp_service *service, u32 index)
{
	vsp_input_feed_hold(vsp_service_data(service), vsp_service_switch(service, index));
	vsp_watch_look(vsp_service_pool(service));
}

/* ---- Contracts ---- */

static int input_contract_prepare(struct vsp_service *service, const struct vsp_contract *next,
				  u16 *denied)
{
	return 0;
}

static void input_contract_abort(struct vsp_service *service, const struct vsp_contract *next)
{
}

static void input_contract_commit(struct vsp_service *service, const struct vsp_contract *next)
{
	vsp_rates_assert_held(service);
	vsp_input_feed_commit(vsp_service_data(service), next ? &next->terms : NULL);
}

static u64 input_service_used(struct vsp_service *service, u32 index)
{
	return index == VS_INPUT_INDEX(VS_INPUT_EVENTS) ? vsp_rates_used(service, index) : 0;
}

/* ---- Counters ---- */

static u64 input_service_count(struct vsp_service *service, unsigned int counter)
{
	struct vsp_input *input = vsp_service_data(service);

	return atomic64_read(&input->counter[counter]);
}

VSP_COUNTER(reports_sent, VSP_INPUT_REPORTS);
VSP_COUNTER(events_sent, VSP_INPUT_SENT);
VSP_COUNTER(events_dropped, VSP_INPUT_DROPPED);
VSP_COUNTER(status_events, VSP_INPUT_STATUS);
VSP_COUNTER(malformed_requests, VSP_INPUT_MALFORMED);

static struct attribute *counter_attributes[] = {
	&counter_reports_sent.attr.attr,
	&counter_events_sent.attr.attr,
	&counter_events_dropped.attr.attr,
	&counter_status_events.attr.attr,
	&counter_malformed_requests.attr.attr,
	NULL
};

static const struct attribute_group counters = {
	.name = "counters",
	.attrs = counter_attributes,
};

static const struct vsp_class vsp_input_class = {
	.spec = &vs_class_input,
	.abi = VS_CLASS_ABI,
	.owner = THIS_MODULE,
	.finds_rates = true,
	.pool_open = input_pool_open,
	.pool_close = input_pool_close,
	.pool_poll = input_pool_poll,
	.service_open = input_service_open,
	.service_close = input_service_close,
	.limits = input_limits,
	.switched = input_switched,
	.prepare = input_contract_prepare,
	.commit = input_contract_commit,
	.abort = input_contract_abort,
	.queue_kick = vsp_input_queue_kick,
	.queue_reap = vsp_input_queue_reap,
	.queue_reset = vsp_input_queue_reset,
	.wake = vsp_input_queue_wake,
	.used = input_service_used,
	.count = input_service_count,
	.counters = &counters,
};

static int __init vsp_input_init(void)
{
	return vsp_class_register(&vsp_input_class);
}

static void __exit vsp_input_exit(void)
{
	vsp_class_unregister(&vsp_input_class);
}

module_init(vsp_input_init);
module_exit(vsp_input_exit);
MODULE_AUTHOR("VSP/VSC developers");
MODULE_DESCRIPTION("Input devices for virtual service clients");
MODULE_LICENSE("GPL");
MODULE_VERSION("0.1");
MODULE_ALIAS("vsp-class-input");
