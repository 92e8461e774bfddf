// SPDX-License-Identifier: GPL-2.0-only
/*
 * The input class in the guest: an input_dev that can just what its contract says.
 *
 * It appears when the first contract starts, and goes with the last one.  It stays while the
 * machine sleeps, and while a broken ring is reset.  Its parent is the session's device.
 *
 * What changes when.  Before START: events wait in the ring, if the next contract is about
 * another device than this one.  After it the host is asked what the device can, and if that
 * is something else than before, another input_dev takes its place; then events pass again. A
 * contract that changes only the rate, the layout or who has the source to himself stops
 * nothing.
 */
#include <linux/errno.h>
#include <linux/input.h>
#include <linux/module.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>

#include "vs_channel.h"
#include "vs_class.h"
#include "vs_input.h"
#include "vs_terms.h"
#include "vsc/class.h"
#include "vsc/input/input.h"

/* Of a grant: one value, both ends are equal; of a RATE the ceiling. */
static u64 input_granted(const struct vs_terms *terms, enum vs_input_term term)
{
	return terms->term[VS_INPUT_INDEX(term)].high;
}

/* Sets the codes of a type that the contract grants. */
static void input_read_bits(const struct vs_input_grant *grant, unsigned int type,
			    unsigned long *bits, unsigned int count)
{
	for (unsigned int code = 0; code < count; code++)
		if (vs_input_allows(grant, type, code))
			__set_bit(code, bits);
}

/* What the contract grants; the host says which of it there is. */
static void input_read_terms(const struct vs_terms *terms, struct vsc_input_caps *caps)
{
	struct vs_input_grant grant;

	memset(caps, 0, sizeof(*caps));
	vs_input_grant_of(terms, &grant);
	input_read_bits(&grant, EV_KEY, caps->key, KEY_CNT);
	input_read_bits(&grant, EV_REL, caps->rel, REL_CNT);
	input_read_bits(&grant, EV_ABS, caps->abs, ABS_CNT);
	input_read_bits(&grant, EV_LED, caps->led, LED_CNT);
	caps->contacts = grant.contacts;
	caps->repeat = vs_input_allows(&grant, EV_REP, REP_DELAY);
}

/* Terms that say what the device can. */
static bool input_is_of_device(u32 index)
{
	return index != VS_INPUT_INDEX(VS_INPUT_LAYOUT) &&
	       index != VS_INPUT_INDEX(VS_INPUT_EVENTS) && index != VS_INPUT_INDEX(VS_INPUT_GRAB);
}

static bool input_same_device(const struct vs_terms *one, const struct vs_terms *other)
{
	for (u32 i = 0; i < vs_class_input.count; i++)
		if (input_is_of_device(i) && one->term[i].high != other->term[i].high)
			return false;
	return true;
}

/* ---- The class: all in the session's work, but for input_data() ---- */

static int input_attach(struct vsc_session *session)
{
	struct vsc_input *input = kzalloc(sizeof(*input), GFP_KERNEL);
	int error;

	if (!input)
		return -ENOMEM;
	input->session = session;
	input->channel = vsc_session_channel(session);
	vsc_flow_init(&input->flow, session, VS_INPUT_INDEX(VS_INPUT_EVENTS));
	vsc_input_device_init(input);
	error = vsc_input_queue_init(input);
	if (error) {
		vsc_input_queue_exit(input);
		kfree(input);
		return error;
	}
	/* Readers under RCU must find it complete. */
	vsc_session_set_data(session, input);
	return 0;
}

/* The channel is stopped last: what is held is released while the device is still there. */
static void input_detach(struct vsc_session *session, bool broken)
{
	struct vsc_input *input = vsc_session_data(session);

	if (!input)
		return;
	vsc_input_device_remove(input);
	vsc_input_queue_sleep(input);
	vsc_session_set_data(session, NULL);
	synchronize_rcu();
	vsc_input_queue_exit(input);
	kfree(input);
}

/* Any device that the contract can name can be shown. */
static int input_session_prepare(struct vsc_session *session,
				 const struct vs_terms *current_terms,
				 const struct vs_terms *next)
{
	return 0;
}

static void input_narrow(struct vsc_session *session, const struct vs_terms *current_terms,
			 const struct vs_terms *next)
{
	struct vsc_input *input = vsc_session_data(session);

	if (!current_terms || !input_same_device(current_terms, next))
		vsc_input_queue_pause(input);
}

static void input_undo(struct vsc_session *session, const struct vs_terms *current_terms)
{
	vsc_input_queue_resume(vsc_session_data(session));
}

/* Where the host does not say what there is, what was shown before stays. */
static int input_apply(struct vsc_session *session, const struct vs_terms *next)
{
	struct vsc_input *input = vsc_session_data(session);
	struct vsc_input_caps *caps = &input->device.next;
	int error;

	vsc_input_device_stay(input);
	vsc_flow_set_ceiling(&input->flow, input_granted(next, VS_INPUT_EVENTS));
	vsc_input_device_layout(input, &next->term[VS_INPUT_INDEX(VS_INPUT_LAYOUT)]);
	input_read_terms(next, caps);
	error = vsc_input_query_caps(input, caps);
	if (!error)
		error = vsc_input_device_follow(input);
	vsc_input_queue_resume(input);
	return error;
}

static void input_lost(struct vsc_session *session)
{
	struct vsc_input *input = vsc_session_data(session);

	vsc_input_queue_resume(input);
	vsc_input_device_linger(input);
}

static void input_sleep(struct vsc_session *session)
{
	struct vsc_input *input = vsc_session_data(session);

	vsc_input_device_stay(input);
	vsc_input_queue_sleep(input);
}

/* The channel has started, with all queues of the class: nothing can fail. */
static void input_wake(struct vsc_session *session)
{
	vsc_input_queue_wake(vsc_session_data(session));
}

static void input_data_of(struct vsc_input *input, unsigned int index)
{
	switch (index) {
	case VS_INPUT_QUEUE_EVENTS:
		vsc_input_queue_events_data(input);
		break;
	case VS_INPUT_QUEUE_STATUS:
		vsc_input_queue_status_data(input);
		break;
	case VS_INPUT_QUEUE_QUERY:
		vsc_input_query_data(input);
		break;
	}
}

static void input_data(struct vsc_session *session, unsigned int index)
{
	struct vsc_input *input;

	rcu_read_lock();
	input = vsc_session_data(session);
	if (input)
		input_data_of(input, index);
	rcu_read_unlock();
}

static u64 input_session_used(struct vsc_session *session, u32 index)
{
	struct vsc_input *input = vsc_session_data(session);

	return index == VS_INPUT_INDEX(VS_INPUT_EVENTS) ? vsc_flow_rate(&input->flow) : 0;
}

static bool input_sample(struct vsc_session *session, u32 flow, struct vsc_sample *sample)
{
	struct vsc_input *input = vsc_session_data(session);

	return vsc_flow_sample_arrived(&input->flow, sample);
}

static u64 input_session_count(struct vsc_session *session, unsigned int counter)
{
	struct vsc_input *input = vsc_session_data(session);

	return atomic64_read(&input->counter[counter]);
}

static const struct vsc_class vsc_input_class = {
	.spec = &vs_class_input,
	.abi = VS_CLASS_ABI,
	.owner = THIS_MODULE,
	.attach = input_attach,
	.detach = input_detach,
	.prepare = input_session_prepare,
	.narrow = input_narrow,
	.undo = input_undo,
	.apply = input_apply,
	.lost = input_lost,
	.sleep = input_sleep,
	.wake = input_wake,
	.data = input_data,
	.used = input_session_used,
	.sample = input_sample,
	.count = input_session_count,
	.counters = &vsc_input_counters_group,
};

static int __init vsc_input_init(void)
{
	return vsc_class_register(&vsc_input_class);
}

static void __exit vsc_input_exit(void)
{
	vsc_class_unregister(&vsc_input_class);
}

module_init(vsc_input_init);
module_exit(vsc_input_exit);

MODULE_ALIAS("vsc-class-input");
MODULE_AUTHOR("VSP/VSC developers");
MODULE_DESCRIPTION("Virtual service client: input, a negotiated keyboard, mouse or touch device");
MODULE_LICENSE("GPL");
MODULE_VERSION("0.1");
