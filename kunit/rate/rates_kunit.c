// SPDX-License-Identifier: GPL-2.0-only
/*
 * Rates in the data path, vsp/rate/line.c and vsp/core/rates.c: which mover is woken, and when,
 * as contracts come and go.  The class is one whose mover looks as soon as it is woken.
 */
/* vsp.ko exports these; this module has a copy of the files, and what they call, below. */
#define vsp_rates_admit		copy_admit
#define vsp_rates_wait		copy_wait
#define vsp_rates_drop		copy_drop
#define vsp_rates_reset		copy_reset
#define vsp_rates_held		copy_held
#define vsp_rates_done		copy_done
#define vsp_rates_used		copy_used
#define vsp_rates_lock		copy_lock
#define vsp_rates_unlock	copy_unlock
#define vsp_rates_assert_held	copy_assert_held

#define VSP_TRACE_H

#include <linux/types.h>

static inline void trace_vsp_violation(const char *service, u64 contract, const char *term,
				       u64 floor, u64 served, u64 ns)
{
}

#include "vsp/rate/line.c"
#undef pr_fmt
#include "vsp/core/rates.c"

#include <kunit/test.h>
#include <linux/delay.h>
#include <linux/module.h>

#define CAPACITY	1000000

static const struct vs_term_spec terms[] = {
	{ .id = 1, .kind = VS_KIND_RATE, .name = "rate", .unit = "1/s", .lowest = 1,
	  .highest = CAPACITY, .step = 1 },
};

static const struct vs_class_spec spec = {
	.id = 1, .name = "test", .count = ARRAY_SIZE(terms), .term = terms, .queues = 1,
	.queue_size = 16, .flows = 1,
};

struct fixture {
	struct vsp_pool pool;
	struct vsp_service service;
	struct vs_terms terms;
	bool asks_again;	/* the mover still has its request when it looks */
	unsigned int wakes;
	unsigned int looks;	/* of these: not for nothing */
	unsigned int admitted;
};

/* Of more than the burst that a contract begins with. */
static const u64 cost[] = { CAPACITY };

/* The mover, at once: as on another processor that was only waiting for the lock. */
static void wake(struct vsp_service *service, u32 flow)
{
	struct fixture *f = container_of(service, struct fixture, service);

	f->wakes++;
	if (vsp_rates_held(service, flow))
		return;
	f->looks++;
	if (f->asks_again)
		f->admitted += vsp_rates_admit(service, flow, cost);
}

static const struct vsp_class class = { .spec = &spec, .wake = wake };

/* ---- What vsp/core/rates.c calls of other files ---- */

u64 vsp_pool_grantable(const struct vsp_pool *pool, u32 index)
{
	return pool->amounts.capacity[index];
}

void vsp_session_violated(struct vsp_service *service)
{
}

void vsp_session_source_slow(struct vsp_service *service)
{
}

static struct fixture *make(struct kunit *test)
{
	struct fixture *f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, f);
	f->pool.spec = &spec;
	f->pool.amounts.capacity[0] = CAPACITY;
	f->pool.settings.burst_ms = 10;
	mutex_init(&f->pool.lock);
	INIT_LIST_HEAD(&f->pool.services);
	vsp_rates_pool_init(&f->pool);
	f->service.spec = &spec;
	f->service.class = &class;
	f->service.pool = &f->pool;
	f->service.settings.weight = 100;
	vsp_rates_init(&f->service);
	mutex_lock(&f->pool.lock);
	vsp_rates_pool_changed(&f->pool);
	mutex_unlock(&f->pool.lock);
	return f;
}

static void set_contract(struct fixture *f, u64 ceiling)
{
	f->terms.count = 1;
	f->terms.term[0].high = ceiling;
	spin_lock_irq(&f->pool.rates.lock);
	vsp_rates_commit(&f->service, ceiling ? &f->terms : NULL);
	spin_unlock_irq(&f->pool.rates.lock);
}

static bool ask(struct fixture *f)
{
	bool admitted;

	spin_lock_irq(&f->pool.rates.lock);
	admitted = vsp_rates_admit(&f->service, 0, cost);
	spin_unlock_irq(&f->pool.rates.lock);
	return admitted;
}

/* With a contract, and a request that waits for it: seconds, or hours. */
static void let_wait(struct kunit *test, struct fixture *f)
{
	set_contract(f, 100);
	for (int i = 0; i < 2 && ask(f); i++)
		vsp_rates_done(&f->service, 0, cost);
	KUNIT_EXPECT_TRUE(test, vsp_rates_held(&f->service, 0));
	f->wakes = 0;
	f->looks = 0;
}

static void end(struct fixture *f)
{
	f->asks_again = false;
	set_contract(f, 0);
	vsp_rates_pool_stop(&f->pool);
}

static void who_waits_is_woken_once_its_contract_has_ended(struct kunit *test)
{
	struct fixture *f = make(test);

	let_wait(test, f);
	set_contract(f, 0);
	KUNIT_EXPECT_FALSE(test, vsp_rates_held(&f->service, 0));
	/* Woken before that, it would have found itself held, and slept on. */
	KUNIT_EXPECT_GE(test, f->looks, 1);
	end(f);
}

static void who_waits_is_judged_anew_by_another_contract(struct kunit *test)
{
	struct fixture *f = make(test);

	let_wait(test, f);
	set_contract(f, 1);
	KUNIT_EXPECT_FALSE(test, vsp_rates_held(&f->service, 0));
	KUNIT_EXPECT_GE(test, f->looks, 1);
	end(f);
}

static void who_waits_goes_on_waiting_if_it_still_may_not_pass(struct kunit *test)
{
	struct fixture *f = make(test);

	let_wait(test, f);
	f->asks_again = true;
	set_contract(f, 50);
	KUNIT_EXPECT_EQ(test, f->admitted, 0);
	KUNIT_EXPECT_TRUE(test, vsp_rates_held(&f->service, 0));
	/* For as long as it has waited in all. */
	KUNIT_EXPECT_EQ(test, f->service.rates[0].waits, 1);
	KUNIT_EXPECT_NE(test, f->service.rates[0].held_since_ns, 0);
	end(f);
}

static void put_into_line(struct fixture *f, const u64 *of)
{
	f->wakes = 0;
	spin_lock_irq(&f->pool.rates.lock);
	vsp_rates_wait(&f->service, 0, of);
	spin_unlock_irq(&f->pool.rates.lock);
}

/* Of a flow whose mover does not run: it is told when to, and rates alone count as waiting. */
static void a_head_waits_for_its_rates_without_its_mover(struct kunit *test)
{
	static const u64 small[] = { 1 };
	struct fixture *f = make(test);
	struct vsp_rates *rates = &f->service.rates[0];

	put_into_line(f, small);
	KUNIT_EXPECT_EQ(test, f->wakes, 1);
	set_contract(f, CAPACITY);
	/* Longer than the burst: nobody begins with one. */
	msleep(2 * 10);
	put_into_line(f, small);
	KUNIT_EXPECT_EQ(test, f->wakes, 1);
	KUNIT_EXPECT_FALSE(test, vsp_rates_held(&f->service, 0));
	KUNIT_EXPECT_EQ(test, rates->waits, 0);
	KUNIT_EXPECT_EQ(test, rates->held_since_ns, 0);
	let_wait(test, f);
	put_into_line(f, cost);
	KUNIT_EXPECT_EQ(test, f->wakes, 0);
	KUNIT_EXPECT_TRUE(test, vsp_rates_held(&f->service, 0));
	KUNIT_EXPECT_EQ(test, rates->waits, 1);
	KUNIT_EXPECT_NE(test, rates->held_since_ns, 0);
	end(f);
}

/* What looking at a window finds in which @count requests of @each were at the source. */
static enum vsp_line_verdict judge_busy(struct kunit *test, unsigned int count, u64 each)
{
	struct fixture *f = make(test);
	struct vsp_contract *contract = kunit_kzalloc(test, sizeof(*contract), GFP_KERNEL);
	u64 now = ktime_get_ns();
	enum vsp_line_verdict verdict;

	KUNIT_ASSERT_NOT_NULL(test, contract);
	f->terms.term[0].low = CAPACITY / 10;
	set_contract(f, CAPACITY);
	contract->terms = f->terms;
	rcu_assign_pointer(f->service.in_force, contract);
	spin_lock_irq(&f->pool.rates.lock);
	/* What vsp_rates_admit() does once it lets one pass: the shaper is not the matter here. */
	for (unsigned int i = 0; i < count; i++)
		begin_request(&f->service.rates[0], 1, now, &each);
	vsp_line_judge(line_of(&f->service, 0), &f->service.rates[0], &contract->terms, now);
	verdict = vsp_line_judge(line_of(&f->service, 0), &f->service.rates[0], &contract->terms,
				 now + 2 * NSEC_PER_SEC);
	spin_unlock_irq(&f->pool.rates.lock);
	KUNIT_EXPECT_EQ(test, f->service.rates[0].violations, verdict > VSP_LINE_KEPT);
	while (count--)
		vsp_rates_done(&f->service, 0, &each);
	end(f);
	return verdict;
}

/* A floor of 100000 is 1000 in 10 ms. */
static void few_small_requests_do_not_make_a_source_slow(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, judge_busy(test, 2, 100), VSP_LINE_KEPT);
	KUNIT_EXPECT_EQ(test, judge_busy(test, 9, 100), VSP_LINE_KEPT);
	KUNIT_EXPECT_EQ(test, judge_busy(test, 20, 100), VSP_LINE_TOO_SLOW);
	KUNIT_EXPECT_EQ(test, judge_busy(test, 2, 1000), VSP_LINE_TOO_SLOW);
}

/* How often in an hour a source becomes slow that is so for @slow looks, and not for @well. */
static unsigned int times_slow(struct fixture *f, unsigned int slow, unsigned int well)
{
	unsigned int times = 0;

	for (unsigned int i = 0; i < 3600; i++)
		times += vsp_line_judge_source(&f->pool.rates, i % (slow + well) < slow ?
					       VSP_LINE_TOO_SLOW : VSP_LINE_KEPT) &&
			 f->pool.rates.slow;
	return times;
}

static void a_load_that_comes_and_goes_is_told_of_more_and_more_seldom(struct kunit *test)
{
	struct fixture *f = make(test);

	KUNIT_EXPECT_EQ(test, times_slow(f, 2, 8), 0);
	KUNIT_EXPECT_LE(test, times_slow(f, 3, 10), 2);
	vsp_rates_pool_stop(&f->pool);
	KUNIT_EXPECT_LE(test, times_slow(f, 3, 100), 6);
	/* Long enough, and all is well. */
	times_slow(f, 0, 3600);
	KUNIT_EXPECT_FALSE(test, f->pool.rates.slow);
	/* With another capacity it begins anew. */
	f->pool.amounts.capacity[0] /= 2;
	mutex_lock(&f->pool.lock);
	vsp_rates_pool_changed(&f->pool);
	mutex_unlock(&f->pool.lock);
	KUNIT_EXPECT_EQ(test, times_slow(f, 3, 3), 1);
	KUNIT_EXPECT_EQ(test, f->pool.rates.well_after, WELL_AFTER);
}

static struct kunit_case rates_cases[] = {
	KUNIT_CASE(who_waits_is_woken_once_its_contract_has_ended),
	KUNIT_CASE(who_waits_is_judged_anew_by_another_contract),
	KUNIT_CASE(who_waits_goes_on_waiting_if_it_still_may_not_pass),
	KUNIT_CASE(a_head_waits_for_its_rates_without_its_mover),
	KUNIT_CASE(few_small_requests_do_not_make_a_source_slow),
	KUNIT_CASE(a_load_that_comes_and_goes_is_told_of_more_and_more_seldom),
	{}
};

static struct kunit_suite rates_suite = {
	.name = "vsp_rates",
	.test_cases = rates_cases,
};
kunit_test_suite(rates_suite);

MODULE_AUTHOR("VSP/VSC developers");
MODULE_DESCRIPTION("KUnit: rates in the data path");
MODULE_LICENSE("GPL");
VS_MODULE_IMPORT_KUNIT;
