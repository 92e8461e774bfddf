// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the host says of the device that its contract is about: name, ids, which events it can
 * send, and the range of each axis.  It fits no term, and is asked for at every start of a
 * contract, one question after the other.
 *
 * A host that does not answer costs QUERY_MS in all.  A question that was left without an answer is
 * the host's until it comes, so the next one waits for that.
 */
#include <linux/bitmap.h>
#include <linux/completion.h>
#include <linux/input.h>
#include <linux/jiffies.h>
#include <linux/scatterlist.h>
#include <linux/string.h>
#include <linux/virtio.h>

#include "vsc/class.h"
#include "vsc/input/input.h"

/* How long all questions of one start may take: a good host answers each in microseconds. */
#define QUERY_MS	2000

/**
 * struct query_run - the questions of one start
 * @input: the device
 * @until: when the host has to have answered them all, jiffies
 * @answer: the last answer, a checked copy
 */
struct query_run {
	struct vsc_input *input;
	unsigned long until;
	struct virtio_input_config answer;
};

/* Return: 0; -EBUSY: the last one is still the host's; or what the ring says. */
static int query_send(struct vsc_input_query *query, const struct vs_input_query *request)
{
	struct scatterlist out, in;
	struct scatterlist *sgs[] = { &out, &in };
	int error = -ENODEV;

	spin_lock_irq(&query->lock);
	if (!query->vq)
		goto unlock;
	error = -EBUSY;
	if (query->busy)
		goto unlock;
	*query->request = *request;
	memset(query->answer, 0, sizeof(*query->answer));
	sg_init_one(&out, query->request, sizeof(*query->request));
	sg_init_one(&in, query->answer, sizeof(*query->answer));
	reinit_completion(&query->done);
	error = virtqueue_add_sgs(query->vq, sgs, 1, 1, query, GFP_ATOMIC);
	if (error)
		goto unlock;
	query->busy = true;
	virtqueue_kick(query->vq);
unlock:
	spin_unlock_irq(&query->lock);
	return error;
}

static int query_wait(struct query_run *run)
{
	unsigned long now = jiffies;

	if (time_after_eq(now, run->until) ||
	    !wait_for_completion_timeout(&run->input->query.done, run->until - now))
		return -ETIMEDOUT;
	return 0;
}

/* Return: 0: @run has the answer; -ETIMEDOUT, -EPROTO, or what the ring says. */
static int query_ask(struct query_run *run, u8 select, u8 subsel)
{
	struct vsc_input_query *query = &run->input->query;
	struct vs_input_query request = { .select = select, .subsel = subsel };
	int error = query_send(query, &request);

	if (error == -EBUSY) {
		error = query_wait(run);
		error = error ?: query_send(query, &request);
	}
	error = error ?: query_wait(run);
	if (error)
		return error;
	/* The device may go on writing: what is checked is a copy. */
	memcpy(&run->answer, query->answer, sizeof(run->answer));
	return vsc_input_answer_check(&run->answer, query->length, &request);
}

/* Cuts @bits to those that the host has. */
static int query_bits(struct query_run *run, u8 type, unsigned long *bits, unsigned int count)
{
	int error;

	if (bitmap_empty(bits, count))
		return 0;
	error = query_ask(run, VIRTIO_INPUT_CFG_EV_BITS, type);
	if (!error)
		vsc_input_answer_bits(&run->answer, bits, count);
	return error;
}

static int query_events(struct query_run *run, struct vsc_input_caps *caps)
{
	int error = query_bits(run, EV_KEY, caps->key, KEY_CNT);

	error = error ?: query_bits(run, EV_REL, caps->rel, REL_CNT);
	error = error ?: query_bits(run, EV_ABS, caps->abs, ABS_CNT);
	return error ?: query_bits(run, EV_LED, caps->led, LED_CNT);
}

/* An axis that makes no sense is none; the rest of the device is there. */
static int query_axes(struct query_run *run, struct vsc_input_caps *caps)
{
	unsigned int code;
	int error;

	for_each_set_bit(code, caps->abs, ABS_CNT) {
		error = query_ask(run, VIRTIO_INPUT_CFG_ABS_INFO, code);
		if (error)
			return error;
		if (!vsc_input_answer_axis(&run->answer, code, caps->contacts, &caps->axis[code]))
			continue;
		__clear_bit(code, caps->abs);
		memset(&caps->axis[code], 0, sizeof(caps->axis[code]));
		dev_warn_ratelimited(vsc_session_device(run->input->session),
				     "the range of axis %#x that the host says is none: the device has no such axis\n",
				     code);
	}
	if (!test_bit(ABS_MT_SLOT, caps->abs))
		caps->contacts = 0;
	return 0;
}

static int query_identity(struct query_run *run, struct vsc_input_caps *caps)
{
	int error = query_ask(run, VIRTIO_INPUT_CFG_ID_NAME, 0);

	if (error)
		return error;
	vsc_input_answer_name(&run->answer, caps->name);
	error = query_ask(run, VIRTIO_INPUT_CFG_ID_DEVIDS, 0);
	if (error)
		return error;
	vsc_input_answer_ids(&run->answer, &caps->id);
	/* Not bitmap_fill(): that sets whole words, and sysfs shows them. */
	bitmap_set(caps->props, 0, INPUT_PROP_CNT);
	error = query_ask(run, VIRTIO_INPUT_CFG_PROP_BITS, 0);
	if (!error)
		vsc_input_answer_bits(&run->answer, caps->props, INPUT_PROP_CNT);
	return error;
}

/**
 * vsc_input_query_caps() - cut what is granted to what the host's device has
 * @input: the device; has virtqueues
 * @caps: what the contract grants; gets name, ids, properties and ranges, too
 *
 * Context: the session's work; sleeps, QUERY_MS at the most.
 * Return: 0, or an errno, logged.
 */
int vsc_input_query_caps(struct vsc_input *input, struct vsc_input_caps *caps)
{
	struct query_run run = {
		.input = input,
		.until = jiffies + msecs_to_jiffies(QUERY_MS),
	};
	int error = query_identity(&run, caps);

	error = error ?: query_events(&run, caps);
	error = error ?: query_axes(&run, caps);
	if (error)
		dev_warn_ratelimited(vsc_session_device(input->session),
				     "the host does not say what its input device can (%d): none is shown yet\n",
				     error);
	return error;
}

/**
 * vsc_input_query_data() - the host has answered
 * @input: the device
 *
 * Context: any, interrupts too.
 */
void vsc_input_query_data(struct vsc_input *input)
{
	struct vsc_input_query *query = &input->query;
	unsigned long flags;
	unsigned int length;

	spin_lock_irqsave(&query->lock, flags);
	if (!query->vq)
		goto unlock;
	/* Also where none is expected: nothing else would show that the ring is broken. */
	if (virtqueue_get_buf(query->vq, &length)) {
		query->length = length;
		query->busy = false;
		complete(&query->done);
	}
	if (virtqueue_is_broken(query->vq))
		vsc_session_broken(input->session);
unlock:
	spin_unlock_irqrestore(&query->lock, flags);
}
