// SPDX-License-Identifier: GPL-2.0-only
/*
 * Rates in the data path, vsp/rates.c: who is woken, and when, as contracts come and go.
 * The class is one whose mover looks as soon as it is woken.
 */
/* vsp.ko exports these; this module has a copy of the file, and what that calls, below. */
#define vsp_rates_admit		copy_admit
#define vsp_rates_drop		copy_drop
#define vsp_rates_reset		copy_reset
#define vsp_rates_held		copy_held
#define vsp_rates_done		copy_done
#define vsp_rates_used		copy_used

#define VSP_TRACE_H

#include <linux/types.h>

static inline void trace_vsp_violation(const char *service, u64 contract, const char *term,
				       u64 floor, u64 served, u64 ns)
{
}

#include "../vsp/rates.c"

#include <kunit/test.h>
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

/* ---- What vsp/rates.c calls of other files ---- */

u64 vsp_pool_grantable(const struct vsp_pool *pool, u32 index)
{
	return pool->capacity[index];
}

void vsp_service_violated(struct vsp_service *service)
{
}

void vsp_service_source_slow(struct vsp_service *service)
{
}

static struct fixture *make(struct kunit *test)
{
	struct fixture *f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, f);
	f->pool.spec = &spec;
	f->pool.capacity[0] = CAPACITY;
	f->pool.burst_ms = 10;
	mutex_init(&f->pool.lock);
	INIT_LIST_HEAD(&f->pool.services);
	vsp_rates_pool_init(&f->pool);
	f->service.spec = &spec;
	f->service.class = &class;
	f->service.pool = &f->pool;
	f->service.weight = 100;
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

static struct kunit_case rates_cases[] = {
	KUNIT_CASE(who_waits_is_woken_once_its_contract_has_ended),
	KUNIT_CASE(who_waits_is_judged_anew_by_another_contract),
	KUNIT_CASE(who_waits_goes_on_waiting_if_it_still_may_not_pass),
	{}
};

static struct kunit_suite rates_suite = {
	.name = "vsp_rates",
	.test_cases = rates_cases,
};
kunit_test_suite(rates_suite);

MODULE_DESCRIPTION("KUnit: rates in the data path");
MODULE_LICENSE("GPL");
