// SPDX-License-Identifier: GPL-2.0-only
/*
 * The host's end of input, for tests only: in place of vsp_input it says yes to every contract,
 * answers queries, prints what comes back, and sends reports that a reader can foretell.  With
 * hostile=1 there are random events among them that no device of the contract may send; with
 * lengths=1 every other buffer is said to have another length than that of an event; loose=N has
 * so many events come in one report.  With liar=1 every answer is one that makes no sense; with
 * mute=1 none comes; with deaf=1 nothing that comes back is taken.
 */
#define pr_fmt(fmt) "input_host: " fmt

#include <linux/input.h>
#include <linux/minmax.h>
#include <linux/module.h>
#include <linux/prandom.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <uapi/linux/virtio_input.h>

#include "channel/host/host.h"
#include "vs_channel.h"
#include "vs_class.h"
#include "vs_input.h"
#include "vs_terms.h"
#include "vsp/class.h"
#include "vsp/contract.h"

#define EXTRA		6	/* hostile events of a report, at most */

static bool hostile, lengths, liar, mute, deaf;
module_param(hostile, bool, 0644);
MODULE_PARM_DESC(hostile, "send what the contract does not allow among the rest (N)");
module_param(lengths, bool, 0644);
MODULE_PARM_DESC(lengths, "say of every other buffer that it has another length (N)");
module_param(liar, bool, 0644);
MODULE_PARM_DESC(liar, "answer queries with what makes no sense (N)");
module_param(mute, bool, 0644);
MODULE_PARM_DESC(mute, "answer no query (N)");

static unsigned int seed = 1;
module_param(seed, uint, 0444);
MODULE_PARM_DESC(seed, "of what is random (1)");

/*
 * struct input_host - the one service
 * @lock: protects @queue
 * @queue: the data queues, once they were kicked
 * @terms: of the contract in force; @present: there is one
 * @sent: reports so far
 * @report: one that is being sent, from @at up to @count
 * @chain: of each queue: they have movers of their own
 */
struct input_host {
	spinlock_t lock;	/* queue */
	struct vsp_queue *queue[VS_INPUT_QUEUES];
	struct vs_terms terms;
	bool present;
	u32 sent;
	unsigned int at;
	unsigned int count;
	struct virtio_input_event report[EXTRA + 3];
	struct rnd_state random;
	struct vsp_chain chain[VS_INPUT_QUEUES];
};

static DEFINE_MUTEX(host_lock);		/* the_host */
static struct input_host *the_host;
static unsigned int until, loose;

static void host_wake(struct input_host *host)
{
	unsigned long irq;

	spin_lock_irqsave(&host->lock, irq);
	for (size_t i = 0; i < ARRAY_SIZE(host->queue); i++)
		if (host->queue[i])
			vsp_queue_wake(host->queue[i]);
	spin_unlock_irqrestore(&host->lock, irq);
}

static void host_wake_the_one(void)
{
	mutex_lock(&host_lock);
	if (the_host)
		host_wake(the_host);
	mutex_unlock(&host_lock);
}

static int until_set(const char *text, const struct kernel_param *param)
{
	int error = param_set_uint(text, param);

	if (!error)
		host_wake_the_one();
	return error;
}

static int deaf_set(const char *text, const struct kernel_param *param)
{
	int error = param_set_bool(text, param);

	if (!error)
		host_wake_the_one();
	return error;
}

static const struct kernel_param_ops until_ops = { .set = until_set, .get = param_get_uint };
static const struct kernel_param_ops deaf_ops = { .set = deaf_set, .get = param_get_bool };
module_param_cb(until, &until_ops, &until, 0644);
MODULE_PARM_DESC(until, "send reports until there were so many (0)");
module_param_cb(loose, &until_ops, &loose, 0644);
MODULE_PARM_DESC(loose, "events of one report that are still to be sent (0)");
module_param_cb(deaf, &deaf_ops, &deaf, 0644);
MODULE_PARM_DESC(deaf, "take nothing that comes back (N)");

/* ---- Reports ---- */

static void host_put(struct input_host *host, u16 type, u16 code, s32 value)
{
	host->report[host->count++] = (struct virtio_input_event){
		cpu_to_le16(type), cpu_to_le16(code), cpu_to_le32(value)
	};
}

/* What no contract of the tests allows: they grant letters and a mouse. */
static void host_put_hostile(struct input_host *host)
{
	u32 value = prandom_u32_state(&host->random);

	switch (value % 6) {
	case 0:
		host_put(host, EV_KEY, 0x160 + value % 0xfea0, value >> 31);
		break;
	case 1:
		host_put(host, EV_KEY, KEY_Q, 2 + value % 100);
		break;
	case 2:
		/* SYN_DROPPED is none of these: it is to be believed. */
		host_put(host, EV_SYN, 4 + value % 0xfffc, value);
		break;
	case 3:
		host_put(host, EV_ABS, value >> 16, value);
		break;
	case 4:
		host_put(host, EV_REL, 16 + value % 0xfff0, value);
		break;
	case 5:
		host_put(host, 4 + value % 0xfffc, value >> 16, value);
		break;
	}
}

static void host_put_some(struct input_host *host)
{
	u32 count = hostile ? prandom_u32_state(&host->random) % (EXTRA / 2 + 1) : 0;

	while (count--)
		host_put_hostile(host);
}

/* Report n moves by 1 + n % 100 and, each second time, presses or releases a key. */
static void host_make_report(struct input_host *host)
{
	u32 n = host->sent++;

	host->at = 0;
	host->count = 0;
	host_put_some(host);
	if (n % 2)
		host_put(host, EV_KEY, KEY_Q + n / 4 % 10, n / 2 % 2 ? 0 : 1);
	else
		host_put(host, EV_REL, REL_X, 1 + n % 100);
	host_put_some(host);
	host_put(host, EV_SYN, SYN_REPORT, 0);
}

/* Some of a report that has far more than any may have. */
static void host_make_loose(struct input_host *host)
{
	unsigned int left = READ_ONCE(loose), count = min(left, EXTRA);

	host->at = 0;
	host->count = 0;
	for (unsigned int i = 0; i < count; i++)
		host_put(host, EV_REL, REL_X, 1);
	if (left == count)
		host_put(host, EV_SYN, SYN_REPORT, 0);
	WRITE_ONCE(loose, left - count);
}

static bool host_has_event(struct input_host *host)
{
	if (!host->present)
		return false;
	if (host->at == host->count && READ_ONCE(loose))
		host_make_loose(host);
	else if (host->at == host->count && host->sent < READ_ONCE(until))
		host_make_report(host);
	return host->at < host->count;
}

/* None is that of an event. */
static u32 host_wrong_length(struct input_host *host)
{
	static const u32 wrong[] = {
		0, 1, sizeof(struct virtio_input_event) - 1,
		sizeof(struct virtio_input_event) + 1, PAGE_SIZE, U32_MAX,
	};

	return wrong[prandom_u32_state(&host->random) % ARRAY_SIZE(wrong)];
}

/* A good host's ring never says more than the buffer has. */
static void host_complete(struct vsp_queue *queue, u16 head, u32 length)
{
	queue->ring.room[head] = U32_MAX;
	vsp_queue_complete(queue, head, length);
}

static void host_kick_events(struct input_host *host, struct vsp_queue *queue)
{
	struct vsp_chain *chain = &host->chain[VS_INPUT_QUEUE_EVENTS];

	while (host_has_event(host) && !vsp_queue_peek(queue, chain)) {
		bool wrong = READ_ONCE(lengths) && prandom_u32_state(&host->random) % 2;

		if (vsp_queue_write(queue, chain, 0, &host->report[host->at],
				    sizeof(host->report[0])))
			return;
		vsp_queue_consume(queue);
		host_complete(queue, chain->head, wrong ? host_wrong_length(host) :
							  sizeof(host->report[0]));
		/* What had a wrong length does not count: it comes again. */
		host->at += !wrong;
	}
}

/* ---- What comes back ---- */

static void host_kick_status(struct input_host *host, struct vsp_queue *queue)
{
	struct vsp_chain *chain = &host->chain[VS_INPUT_QUEUE_STATUS];
	struct virtio_input_event event;

	while (!READ_ONCE(deaf) && !vsp_queue_peek(queue, chain)) {
		if (vsp_queue_read(queue, chain, 0, &event, sizeof(event)))
			return;
		pr_info("status %u %u %u\n", le16_to_cpu(event.type), le16_to_cpu(event.code),
			le32_to_cpu(event.value));
		vsp_queue_consume(queue);
		vsp_queue_complete(queue, chain->head, 0);
	}
}

/* ---- Queries ---- */

/* All that the contract allows, and more: the client cuts it once more. */
static void host_answer_bits(struct input_host *host, struct virtio_input_config *answer)
{
	struct vs_input_grant grant;

	vs_input_grant_of(&host->terms, &grant);
	for (unsigned int bit = 0; bit < KEY_CNT; bit++)
		if (answer->subsel != EV_KEY || vs_input_allows(&grant, EV_KEY, bit))
			answer->u.bitmap[bit / 8] |= BIT(bit % 8);
	answer->size = KEY_CNT / 8;
}

static void host_answer(struct input_host *host, struct virtio_input_config *answer)
{
	switch (answer->select) {
	case VIRTIO_INPUT_CFG_ID_NAME:
		strscpy(answer->u.string, "a device of the tests");
		answer->size = strlen(answer->u.string);
		break;
	case VIRTIO_INPUT_CFG_ID_DEVIDS:
		answer->u.ids = (struct virtio_input_devids){
			cpu_to_le16(BUS_USB), cpu_to_le16(0x1234), cpu_to_le16(0x5678),
			cpu_to_le16(0x9a),
		};
		answer->size = sizeof(answer->u.ids);
		break;
	case VIRTIO_INPUT_CFG_EV_BITS:
		host_answer_bits(host, answer);
		break;
	case VIRTIO_INPUT_CFG_ABS_INFO:
		answer->u.abs.max = cpu_to_le32(4095);
		answer->size = sizeof(answer->u.abs);
		break;
	}
}

/* Each way is wrong for sure. Return: the length that is said. */
static u32 host_lie(struct input_host *host, struct virtio_input_config *answer)
{
	u32 way = prandom_u32_state(&host->random) % 6, value = prandom_u32_state(&host->random);
	struct virtio_input_config truth = *answer;

	prandom_bytes_state(&host->random, answer, sizeof(*answer));
	answer->select = truth.select + (way == 0);
	answer->subsel = truth.subsel + (way == 1);
	answer->size = value % sizeof(answer->u);
	switch (way) {
	case 2:		/* more than an answer has room for */
		answer->size = sizeof(answer->u) + 1 + value % 100;
		break;
	case 3:		/* more than was written */
		answer->size++;
		return offsetof(struct virtio_input_config, u) + answer->size - 1;
	case 4:		/* no answer at all */
		return value % offsetof(struct virtio_input_config, u);
	case 5:		/* more than the buffer has */
		return sizeof(*answer) + 1 + (value >> 8);
	}
	return sizeof(*answer);
}

static void host_kick_query(struct input_host *host, struct vsp_queue *queue)
{
	struct vsp_chain *chain = &host->chain[VS_INPUT_QUEUE_QUERY];
	struct vs_input_query query;
	struct virtio_input_config answer;
	u32 length;

	while (!READ_ONCE(mute) && !vsp_queue_peek(queue, chain)) {
		if (vsp_queue_read(queue, chain, 0, &query, sizeof(query)))
			return;
		memset(&answer, 0, sizeof(answer));
		answer.select = query.select;
		answer.subsel = query.subsel;
		host_answer(host, &answer);
		length = READ_ONCE(liar) ? host_lie(host, &answer) : sizeof(answer);
		if (vsp_queue_write(queue, chain, 0, &answer, sizeof(answer)))
			return;
		vsp_queue_consume(queue);
		host_complete(queue, chain->head, length);
	}
}

/* ---- The class ---- */

static int host_pool_open(struct vsp_pool *pool)
{
	return 0;
}

static void host_pool_close(struct vsp_pool *pool)
{
}

static int host_service_open(struct vsp_service *service)
{
	struct input_host *host = kzalloc(sizeof(*host), GFP_KERNEL);

	if (!host)
		return -ENOMEM;
	spin_lock_init(&host->lock);
	prandom_seed_state(&host->random, seed);
	pr_info("seed %u\n", seed);
	vsp_service_set_data(service, host);
	mutex_lock(&host_lock);
	the_host = host;
	mutex_unlock(&host_lock);
	return 0;
}

static void host_service_close(struct vsp_service *service)
{
	struct input_host *host = vsp_service_data(service);

	mutex_lock(&host_lock);
	the_host = NULL;
	mutex_unlock(&host_lock);
	vsp_service_set_data(service, NULL);
	kfree(host);
}

static void host_limits(struct vsp_service *service, struct vs_terms *limits)
{
}

static int host_prepare(struct vsp_service *service, const struct vsp_contract *next, u16 *denied)
{
	return 0;
}

static void host_commit(struct vsp_service *service, const struct vsp_contract *next)
{
	struct input_host *host = vsp_service_data(service);

	host->present = next;
	if (next)
		host->terms = next->terms;
	host_wake(host);
}

static void host_abort(struct vsp_service *service, const struct vsp_contract *next)
{
}

static void host_kick(struct vsp_service *service, struct vsp_queue *queue)
{
	struct input_host *host = vsp_service_data(service);
	unsigned int number = vsp_queue_number(queue);

	spin_lock_irq(&host->lock);
	host->queue[number] = queue;
	spin_unlock_irq(&host->lock);
	switch (number) {
	case VS_INPUT_QUEUE_EVENTS:
		host_kick_events(host, queue);
		break;
	case VS_INPUT_QUEUE_STATUS:
		host_kick_status(host, queue);
		break;
	case VS_INPUT_QUEUE_QUERY:
		host_kick_query(host, queue);
		break;
	}
	vsp_queue_flush(queue);
}

/* Everything is completed where it is consumed. */
static void host_reap(struct vsp_service *service, struct vsp_queue *queue)
{
}

static void host_reset(struct vsp_service *service)
{
	struct input_host *host = vsp_service_data(service);

	spin_lock_irq(&host->lock);
	memset(host->queue, 0, sizeof(host->queue));
	spin_unlock_irq(&host->lock);
}

static void host_go_on(struct vsp_service *service, u32 flow)
{
}

static const struct vsp_class host_class = {
	.spec = &vs_class_input,
	.abi = VS_CLASS_ABI,
	.owner = THIS_MODULE,
	.pool_open = host_pool_open,
	.pool_close = host_pool_close,
	.service_open = host_service_open,
	.service_close = host_service_close,
	.limits = host_limits,
	.prepare = host_prepare,
	.commit = host_commit,
	.abort = host_abort,
	.queue_kick = host_kick,
	.queue_reap = host_reap,
	.queue_reset = host_reset,
	.wake = host_go_on,
};

static int __init input_host_init(void)
{
	return vsp_class_register(&host_class);
}

static void __exit input_host_exit(void)
{
	vsp_class_unregister(&host_class);
}

module_init(input_host_init);
module_exit(input_host_exit);
MODULE_AUTHOR("VSP/VSC developers");
MODULE_DESCRIPTION("A host of an input device, for tests");
MODULE_LICENSE("GPL");
