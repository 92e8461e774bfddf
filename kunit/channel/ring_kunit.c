// SPDX-License-Identifier: GPL-2.0-only
/*
 * The device side of a split virtqueue, channel/host/ring.c, with the kernel's own
 * virtio_ring as the driver: thousands of chains cross.
 */
#include <kunit/test.h>
#include <linux/array_size.h>
#include <linux/io.h>
#include <linux/module.h>
#include <linux/prandom.h>
#include <linux/scatterlist.h>
#include <linux/virtio.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>

#include "channel/host/backing.c"
#include "channel/host/memory.c"
#include "channel/host/ring.c"

#define TOKENS	64	/* chains of the driver under way */
#define HALF	2048	/* bytes of a token's readable part, and of its writable one, at most */
#define PIECES	9	/* of each of the two, at most */

/*
 * struct token - a buffer of the driver
 * @bytes: readable half, then writable half
 * @out: bytes readable
 * @in: bytes writable
 * @written: bytes that the device says it has written
 * @busy: in the ring
 */
struct token {
	u8 *bytes;
	u32 out;
	u32 in;
	u32 written;
	bool busy;
};

/*
 * struct pair - a driver and a device over one ring
 * @asleep: the device has found nothing, and waits for a kick
 * @kicked: the driver has kicked
 * @waiting: the driver has found nothing, and waits to be called
 * @held: heads that the device has consumed and not completed; their token each
 */
struct pair {
	struct kunit *test;
	struct rnd_state random;
	struct virtio_device vdev;
	struct virtqueue *vq;
	struct vs_memory memory;
	struct vs_ring ring;
	struct vsp_chain chain;
	struct token token[TOKENS];
	bool asleep;
	bool kicked;
	bool waiting;
	unsigned int held;
	u16 held_head[TOKENS];
	struct token *held_token[TOKENS];
	unsigned int sent;
	unsigned int received;
};

static u32 below(struct pair *p, u32 limit)
{
	return prandom_u32_state(&p->random) % limit;
}

static void called(struct virtqueue *vq)
{
}

static bool notify(struct virtqueue *vq)
{
	return true;
}

static void free_ring(void *data)
{
	vring_del_virtqueue(data);
}

static void layout_of(const struct vring *vring, struct vs_ring_layout *layout)
{
	layout->desc = virt_to_phys(vring->desc);
	layout->avail = virt_to_phys(vring->avail);
	layout->used = virt_to_phys(vring->used);
	layout->size = vring->num;
}

static void make_driver(struct pair *p, unsigned int size, u64 features)
{
	struct kunit *test = p->test;
	void *pages = kunit_kzalloc(test, roundup_pow_of_two(vring_size(size, PAGE_SIZE)),
				    GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, pages);
	INIT_LIST_HEAD(&p->vdev.vqs);
	spin_lock_init(&p->vdev.vqs_list_lock);
	p->vdev.features = features | BIT_ULL(VIRTIO_F_VERSION_1);
	p->vq = vring_new_virtqueue(0, size, PAGE_SIZE, &p->vdev, true, false, pages, notify,
				    called, "test");
	KUNIT_ASSERT_NOT_NULL(test, p->vq);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, free_ring, p->vq), 0);
	__virtio_unbreak_device(&p->vdev);
}

static struct pair *make_pair(struct kunit *test, unsigned int size, u64 features)
{
	struct pair *p = kunit_kzalloc(test, sizeof(*p), GFP_KERNEL);
	struct vs_ring_layout layout = {
		.event_idx = features & BIT_ULL(VIRTIO_RING_F_EVENT_IDX),
		.indirect = features & BIT_ULL(VIRTIO_RING_F_INDIRECT_DESC),
	};

	KUNIT_ASSERT_NOT_NULL(test, p);
	p->test = test;
	prandom_seed_state(&p->random, size + features);
	make_driver(p, size, features);
	for (int i = 0; i < TOKENS; i++) {
		p->token[i].bytes = kunit_kzalloc(test, 2 * HALF, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, p->token[i].bytes);
	}
	vs_memory_init(&p->memory, "test", true);
	layout_of(virtqueue_get_vring(p->vq), &layout);
	vs_ring_setup(&p->ring, &p->memory, &layout);
	KUNIT_ASSERT_EQ(test, vs_ring_start(&p->ring), 0);
	return p;
}

/* Cuts @bytes into up to PIECES segments, and says how many bytes they have. */
static unsigned int cut(struct pair *p, u8 *bytes, struct scatterlist *list, u32 *total)
{
	unsigned int count = 1 + below(p, PIECES);

	*total = 0;
	sg_init_table(list, count);
	for (unsigned int i = 0; i < count; i++) {
		u32 length = 1 + below(p, HALF / PIECES);

		sg_set_buf(&list[i], bytes + *total, length);
		*total += length;
	}
	return count;
}

/* Puts one chain into the ring: readable, writable or both. False: there is no room. */
static bool driver_adds(struct pair *p, unsigned int limit)
{
	struct scatterlist out[PIECES], in[PIECES], *lists[] = { out, in };
	struct token *token = &p->token[below(p, TOKENS)];
	unsigned int parts = below(p, 3), readable, writable;

	if (token->busy)
		return true;
	readable = cut(p, token->bytes, out, &token->out);
	writable = cut(p, token->bytes + HALF, in, &token->in);
	if (parts == 0)
		token->in = 0;
	if (parts == 1)
		token->out = 0;
	if ((token->out ? readable : 0) + (token->in ? writable : 0) > limit)
		return true;
	for (u32 i = 0; i < token->out; i++)
		token->bytes[i] = prandom_u32_state(&p->random);
	memset(token->bytes + HALF, 0, HALF);
	if (virtqueue_add_sgs(p->vq, token->out ? lists : lists + 1, !!token->out, !!token->in,
			      token, GFP_KERNEL))
		return false;
	token->busy = true;
	p->sent++;
	return true;
}

static struct token *token_of(struct pair *p)
{
	u64 addr = p->chain.segment[0].addr;

	for (int i = 0; i < TOKENS; i++) {
		u64 first = virt_to_phys(p->token[i].bytes);

		if (addr == first || addr == first + HALF)
			return &p->token[i];
	}
	return NULL;
}

/* Checks the chain against what the driver has put in, and takes it. */
static void device_takes(struct pair *p)
{
	struct token *token = token_of(p);
	u64 at[2];

	KUNIT_ASSERT_NOT_NULL(p->test, token);
	KUNIT_ASSERT_TRUE(p->test, token->busy);
	at[0] = virt_to_phys(token->bytes);
	at[1] = at[0] + HALF;
	KUNIT_ASSERT_EQ(p->test, p->chain.readable_bytes, token->out);
	KUNIT_ASSERT_EQ(p->test, p->chain.writable_bytes, token->in);
	for (int i = 0; i < p->chain.readable + p->chain.writable; i++) {
		u64 *expected = &at[i >= p->chain.readable];

		KUNIT_ASSERT_EQ(p->test, p->chain.segment[i].addr, *expected);
		*expected += p->chain.segment[i].length;
	}
	vs_ring_consume(&p->ring);
	p->held_head[p->held] = p->chain.head;
	p->held_token[p->held++] = token;
}

/* Completes one of those it has, in any order. */
static void device_completes(struct pair *p)
{
	unsigned int which = below(p, p->held);
	struct token *token = p->held_token[which];

	token->written = token->in ? below(p, token->in + 1) : 0;
	KUNIT_ASSERT_EQ(p->test, vs_memory_write(&p->memory, virt_to_phys(token->bytes + HALF),
						 token->bytes, min(token->written, token->out)), 0);
	vs_ring_complete(&p->ring, p->held_head[which], token->written);
	p->held--;
	p->held_head[which] = p->held_head[p->held];
	p->held_token[which] = p->held_token[p->held];
}

static void driver_reaps(struct pair *p)
{
	struct token *token;
	unsigned int length;

	virtqueue_disable_cb(p->vq);
	p->waiting = false;
	do {
		while ((token = virtqueue_get_buf(p->vq, &length))) {
			KUNIT_ASSERT_TRUE(p->test, token->busy);
			KUNIT_ASSERT_EQ(p->test, length, token->written);
			KUNIT_ASSERT_MEMEQ(p->test, token->bytes, token->bytes + HALF,
					   min(token->written, token->out));
			token->busy = false;
			p->received++;
		}
	} while (!virtqueue_enable_cb(p->vq));
	p->waiting = true;
}

static void device_flushes(struct pair *p)
{
	bool shows = p->ring.shown_used != p->ring.next_used;
	bool calls = vs_ring_flush(&p->ring);

	if (calls)
		vring_interrupt(0, p->vq);
	/* Who waits, and has something now, must be called. */
	if (shows && p->waiting)
		KUNIT_ASSERT_TRUE(p->test, calls);
	if (calls)
		driver_reaps(p);
}

static void device_works(struct pair *p)
{
	int error = 0;

	if (p->asleep && !p->kicked)
		return;
	p->kicked = false;
	for (u32 budget = 1 + below(p, 8); budget && !error; budget--) {
		error = vs_ring_peek(&p->ring, &p->chain);
		/* A second look sees the same. */
		if (!error && !below(p, 4))
			error = vs_ring_peek(&p->ring, &p->chain);
		if (!error)
			device_takes(p);
	}
	KUNIT_ASSERT_TRUE_MSG(p->test, !error || error == -EAGAIN, "%s", p->ring.reason ?: "?");
	p->asleep = error == -EAGAIN;
}

static void exchange(struct pair *p, unsigned int total)
{
	unsigned int limit = p->ring.layout.size;
	unsigned long steps = 0;

	while (p->received < total) {
		KUNIT_ASSERT_LT_MSG(p->test, ++steps, 200UL * total, "no more progress");
		if (p->sent < total && below(p, 2)) {
			driver_adds(p, limit);
			if (virtqueue_kick_prepare(p->vq))
				p->kicked = true;
		}
		if (below(p, 2))
			device_works(p);
		if (p->held && below(p, 2))
			device_completes(p);
		if (!below(p, 3))
			device_flushes(p);
		if (!below(p, 16))
			driver_reaps(p);
	}
	KUNIT_EXPECT_EQ(p->test, p->sent, total);
	KUNIT_EXPECT_NULL(p->test, p->ring.reason);
	KUNIT_EXPECT_TRUE(p->test, bitmap_empty(p->ring.in_flight, VS_RING_SIZE_MAX));
}

/*
 * struct variant - of an exchange
 * @name: what it is
 * @size: entries
 * @features: VIRTIO_RING_F_*
 * @total: chains
 */
struct variant {
	const char *name;
	unsigned int size;
	u64 features;
	unsigned int total;
};

#define EVENT		BIT_ULL(VIRTIO_RING_F_EVENT_IDX)
#define INDIRECT	BIT_ULL(VIRTIO_RING_F_INDIRECT_DESC)

static const struct variant variants[] = {
	{ "small, plain", 4, 0, 3000 },
	{ "small, events", 4, EVENT, 3000 },
	{ "messages, indirect", 16, INDIRECT, 3000 },
	{ "messages, events, indirect", 16, EVENT | INDIRECT, 3000 },
	{ "data, plain", 256, 0, 5000 },
	{ "data, events", 256, EVENT, 5000 },
	{ "data, indirect", 256, INDIRECT, 5000 },
	{ "data, events, indirect", 256, EVENT | INDIRECT, 5000 },
	{ "largest, events, indirect", 1024, EVENT | INDIRECT, 5000 },
};

static void describe_variant(const struct variant *variant, char *text)
{
	strscpy(text, variant->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(variant, variants, describe_variant);

static void chains_cross_unharmed_and_no_wakeup_is_lost(struct kunit *test)
{
	const struct variant *variant = test->param_value;

	exchange(make_pair(test, variant->size, variant->features), variant->total);
}

static void a_stopped_ring_goes_on_where_it_was(struct kunit *test)
{
	struct pair *p = make_pair(test, 16, EVENT | INDIRECT);
	struct vs_ring_layout layout = p->ring.layout;
	unsigned int total = 0;

	for (int round = 0; round < 20; round++) {
		total += 100;
		exchange(p, total);
		layout.avail_index = p->ring.next_avail;
		memset(&p->ring, 0xff, sizeof(p->ring));
		vs_ring_setup(&p->ring, &p->memory, &layout);
		KUNIT_ASSERT_EQ(test, vs_ring_start(&p->ring), 0);
		KUNIT_EXPECT_EQ(test, p->ring.next_used, layout.avail_index);
		p->asleep = false;
	}
}

/* Their 16 bits run over with the 65536th chain. */
static void the_indices_run_over(struct kunit *test)
{
	struct pair *p = make_pair(test, 16, EVENT | INDIRECT);
	unsigned int length, done = 0;
	struct scatterlist sg;

	sg_init_one(&sg, p->token[0].bytes, 1);
	for (unsigned int i = 0; i < 66000; i++) {
		KUNIT_ASSERT_EQ(test, virtqueue_add_outbuf(p->vq, &sg, 1, p, GFP_KERNEL), 0);
		if (i % 5)
			continue;
		while (!vs_ring_peek(&p->ring, &p->chain)) {
			vs_ring_consume(&p->ring);
			vs_ring_complete(&p->ring, p->chain.head, 0);
			done++;
		}
		vs_ring_flush(&p->ring);
		KUNIT_ASSERT_NULL(test, p->ring.reason);
		while (virtqueue_get_buf(p->vq, &length))
			done--;
		KUNIT_ASSERT_EQ(test, done, 0);
	}
	KUNIT_EXPECT_LT(test, p->ring.next_used, 16 * 1024);
}

/* What the device does between two looks for more. */
static void take_all(struct pair *p)
{
	unsigned int length;

	while (!vs_ring_peek(&p->ring, &p->chain)) {
		vs_ring_consume(&p->ring);
		vs_ring_complete(&p->ring, p->chain.head, 0);
	}
	vs_ring_flush(&p->ring);
	KUNIT_ASSERT_NULL(p->test, p->ring.reason);
	while (virtqueue_get_buf(p->vq, &length))
		p->received++;
	KUNIT_ASSERT_EQ(p->test, p->received, p->sent);
}

static void add_some(struct pair *p, unsigned int count)
{
	struct scatterlist sg;

	sg_init_one(&sg, p->token[0].bytes, 1);
	while (count--) {
		KUNIT_ASSERT_EQ(p->test, virtqueue_add_outbuf(p->vq, &sg, 1, p, GFP_KERNEL), 0);
		p->sent++;
	}
}

/* Whoever waits for so many is told of the next one, again and again until they are there. */
static void who_has_too_few_is_kicked_for_the_next_one(struct kunit *test)
{
	const struct variant *variant = test->param_value;
	struct pair *p = make_pair(test, variant->size, variant->features);

	for (unsigned int round = 0; round < variant->total / 16; round++) {
		unsigned int want = 1 + below(p, variant->size), there = 0, more;

		while (there < want) {
			KUNIT_ASSERT_FALSE(test, vs_ring_has(&p->ring, want));
			KUNIT_ASSERT_NULL(test, p->ring.reason);
			more = 1 + below(p, variant->size - there);
			add_some(p, more);
			there += more;
			KUNIT_ASSERT_TRUE(test, virtqueue_kick_prepare(p->vq));
		}
		KUNIT_ASSERT_TRUE(test, vs_ring_has(&p->ring, want));
		KUNIT_ASSERT_TRUE(test, vs_ring_has(&p->ring, there));
		/* A look takes nothing. */
		KUNIT_ASSERT_EQ(test, (u16)(p->ring.seen_avail - p->ring.next_avail), there);
		take_all(p);
	}
}

/* None is missing, so no kick is asked for: with events that shows. */
static void who_has_enough_is_not_kicked(struct kunit *test)
{
	struct pair *p = make_pair(test, 16, EVENT);

	for (unsigned int round = 0; round < 100; round++) {
		KUNIT_ASSERT_FALSE(test, vs_ring_has(&p->ring, 4));
		add_some(p, 4);
		KUNIT_ASSERT_TRUE(test, virtqueue_kick_prepare(p->vq));
		KUNIT_ASSERT_TRUE(test, vs_ring_has(&p->ring, 4));
		add_some(p, 4);
		KUNIT_ASSERT_FALSE(test, virtqueue_kick_prepare(p->vq));
		take_all(p);
	}
}

/* While its owner looks again and again; at the end of that it is kicked for the next one. */
static void who_polls_is_not_kicked_and_misses_nothing(struct kunit *test)
{
	const struct variant *variant = test->param_value;
	struct pair *p = make_pair(test, variant->size, variant->features);

	for (unsigned int round = 0; round < variant->total / 16; round++) {
		KUNIT_ASSERT_FALSE(test, vs_ring_has(&p->ring, 1));
		add_some(p, 1);
		KUNIT_ASSERT_TRUE(test, virtqueue_kick_prepare(p->vq));
		p->ring.polled = true;
		take_all(p);
		for (unsigned int polls = below(p, 4); polls; polls--) {
			KUNIT_ASSERT_FALSE(test, vs_ring_poll(&p->ring));
			add_some(p, 1 + below(p, variant->size));
			KUNIT_ASSERT_FALSE(test, virtqueue_kick_prepare(p->vq));
			KUNIT_ASSERT_TRUE(test, vs_ring_poll(&p->ring));
			take_all(p);
		}
		p->ring.polled = false;
	}
}

static void a_bad_ring_has_nothing(struct kunit *test)
{
	struct pair *p = make_pair(test, 16, EVENT);
	struct vring_avail *avail = virtqueue_get_vring(p->vq)->avail;

	add_some(p, 4);
	KUNIT_EXPECT_TRUE(test, vs_ring_has(&p->ring, 4));
	avail->idx = cpu_to_virtio16(&p->vdev, 17);
	KUNIT_EXPECT_FALSE(test, vs_ring_has(&p->ring, 4));
	KUNIT_EXPECT_NOT_NULL(test, p->ring.reason);
	avail->idx = cpu_to_virtio16(&p->vdev, 4);
	KUNIT_EXPECT_FALSE(test, vs_ring_has(&p->ring, 1));
	KUNIT_EXPECT_FALSE(test, vs_ring_poll(&p->ring));
}

static struct kunit_case ring_cases[] = {
	KUNIT_CASE_PARAM_ATTR(chains_cross_unharmed_and_no_wakeup_is_lost, variant_gen_params,
			      { .speed = KUNIT_SPEED_SLOW }),
	KUNIT_CASE(a_stopped_ring_goes_on_where_it_was),
	KUNIT_CASE_SLOW(the_indices_run_over),
	KUNIT_CASE_PARAM_ATTR(who_has_too_few_is_kicked_for_the_next_one, variant_gen_params,
			      { .speed = KUNIT_SPEED_SLOW }),
	KUNIT_CASE(who_has_enough_is_not_kicked),
	KUNIT_CASE_PARAM_ATTR(who_polls_is_not_kicked_and_misses_nothing, variant_gen_params,
			      { .speed = KUNIT_SPEED_SLOW }),
	KUNIT_CASE(a_bad_ring_has_nothing),
	{}
};

static struct kunit_suite ring_suite = {
	.name = "vsp_ring",
	.test_cases = ring_cases,
};
kunit_test_suite(ring_suite);

MODULE_AUTHOR("VSP/VSC developers");
MODULE_DESCRIPTION("KUnit: a virtqueue's device side against virtio_ring");
MODULE_LICENSE("GPL");
