// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a device does of one flow, over a clock of the test's own.
 */
#include <kunit/test.h>
#include <linux/module.h>
#include <linux/time64.h>

#include "vs_class.h"
#include "vs_storage.h"
#include "vsc/demand/meter.h"

#define BANDWIDTH	VS_STORAGE_INDEX(VS_STORAGE_BANDWIDTH)
#define IOPS		VS_STORAGE_INDEX(VS_STORAGE_IOPS)
#define SECOND		((u64)NSEC_PER_SEC)
#define START		(100 * SECOND)	/* the machine has run for a while */

static bool begin(struct vsc_meter *meter, u64 bytes, u64 now_ns)
{
	bool busy = vsc_meter_begin(meter, now_ns);

	vsc_meter_expect(meter, BANDWIDTH, bytes);
	vsc_meter_expect(meter, IOPS, 1);
	return busy;
}

static void end(struct vsc_meter *meter, u64 bytes, u64 now_ns)
{
	vsc_meter_serve(meter, BANDWIDTH, bytes, bytes, now_ns);
	vsc_meter_serve(meter, IOPS, 1, 1, now_ns);
	vsc_meter_end(meter, 1, now_ns);
}

static void a_rate_is_of_the_last_full_second(struct kunit *test)
{
	struct vsc_meter meter = { };

	for (u64 i = 0; i < 5; i++) {
		begin(&meter, 512, START + i * SECOND / 2);
		end(&meter, 512, START + i * SECOND / 2);
		KUNIT_EXPECT_EQ(test, vsc_meter_rate(&meter, IOPS, START + i * SECOND / 2),
				i < 2 ? 0 : 2);
	}
	KUNIT_EXPECT_EQ(test, vsc_meter_rate(&meter, BANDWIDTH, START + 3 * SECOND - 1), 1024);
	KUNIT_EXPECT_EQ(test, vsc_meter_rate(&meter, BANDWIDTH, START + 3 * SECOND), 512);
	KUNIT_EXPECT_EQ(test, vsc_meter_rate(&meter, BANDWIDTH, START + 5 * SECOND), 0);
}

static void the_session_is_told_once_when_there_is_something_after_nothing(struct kunit *test)
{
	struct vsc_meter meter = { };
	struct vsc_sample sample;

	KUNIT_EXPECT_FALSE(test, vsc_meter_sample(&meter, &sample, START));
	KUNIT_EXPECT_TRUE(test, begin(&meter, 512, START + 10));
	end(&meter, 512, START + 20);
	KUNIT_EXPECT_FALSE(test, begin(&meter, 512, START + 30));
	KUNIT_EXPECT_TRUE(test, vsc_meter_sample(&meter, &sample, START + 100));
	KUNIT_EXPECT_EQ(test, sample.seen.start_ns, START + 10);
	KUNIT_EXPECT_EQ(test, sample.seen.served[BANDWIDTH], 512);
	/* What is only under way is something, too, and so is what has just ended. */
	KUNIT_EXPECT_TRUE(test, vsc_meter_sample(&meter, &sample, START + 200));
	end(&meter, 512, START + 210);
	KUNIT_EXPECT_TRUE(test, vsc_meter_sample(&meter, &sample, START + 300));
	KUNIT_EXPECT_FALSE(test, vsc_meter_sample(&meter, &sample, START + 400));
	KUNIT_EXPECT_TRUE(test, begin(&meter, 512, START + 410));
}

static void a_sample_knows_how_long_there_was_nothing_and_what_is_outstanding(struct kunit *test)
{
	struct vsc_meter meter = { };
	struct vsc_sample sample;

	begin(&meter, 4096, START);
	begin(&meter, 512, 0);
	end(&meter, 512, START + 10);
	vsc_meter_sample(&meter, &sample, START + 20);
	KUNIT_EXPECT_FALSE(test, sample.seen.idle);
	KUNIT_EXPECT_EQ(test, sample.idle_ns, 0);
	KUNIT_EXPECT_EQ(test, sample.seen.largest[BANDWIDTH], 4096);
	/* The largest is lost. Nothing from 30 to 35, and from 90 on into the next sample. */
	vsc_meter_end(&meter, 1, START + 30);
	vsc_meter_end(&meter, 0, START + 33);
	begin(&meter, 512, START + 35);
	end(&meter, 512, START + 90);
	vsc_meter_sample(&meter, &sample, START + 100);
	KUNIT_EXPECT_TRUE(test, sample.seen.idle);
	KUNIT_EXPECT_EQ(test, sample.idle_ns, 15);
	KUNIT_EXPECT_EQ(test, sample.seen.largest[BANDWIDTH], 512);
	begin(&meter, 256, START + 107);
	vsc_meter_sample(&meter, &sample, START + 200);
	KUNIT_EXPECT_TRUE(test, sample.seen.idle);
	KUNIT_EXPECT_EQ(test, sample.idle_ns, 7);
	KUNIT_EXPECT_EQ(test, sample.seen.largest[BANDWIDTH], 256);
}

static void a_sample_knows_how_many_were_outstanding_for_how_long(struct kunit *test)
{
	struct vsc_meter meter = { };
	struct vsc_sample sample;

	begin(&meter, 512, START);
	begin(&meter, 512, 0);
	end(&meter, 512, START + 10);
	end(&meter, 512, START + 30);
	/* Nothing from 30 to 50. */
	begin(&meter, 512, START + 50);
	begin(&meter, 512, 0);
	begin(&meter, 512, 0);
	vsc_meter_sample(&meter, &sample, START + 100);
	KUNIT_EXPECT_EQ(test, sample.seen.depth_ns, 2 * 10 + 20 + 3 * 50);
	KUNIT_EXPECT_EQ(test, sample.seen.requests, 2);
	vsc_meter_end(&meter, 3, START + 150);
	vsc_meter_sample(&meter, &sample, START + 200);
	KUNIT_EXPECT_EQ(test, sample.seen.depth_ns, 3 * 50);
	KUNIT_EXPECT_EQ(test, sample.seen.requests, 3);
	vsc_meter_sample(&meter, &sample, START + 300);
	KUNIT_EXPECT_EQ(test, sample.seen.depth_ns, 0);
}

static struct kunit_case meter_cases[] = {
	KUNIT_CASE(a_rate_is_of_the_last_full_second),
	KUNIT_CASE(the_session_is_told_once_when_there_is_something_after_nothing),
	KUNIT_CASE(a_sample_knows_how_long_there_was_nothing_and_what_is_outstanding),
	KUNIT_CASE(a_sample_knows_how_many_were_outstanding_for_how_long),
	{}
};

static struct kunit_suite meter_suite = {
	.name = "vsc_meter",
	.test_cases = meter_cases,
};

kunit_test_suite(meter_suite);

MODULE_AUTHOR("VSP/VSC developers");
MODULE_DESCRIPTION("KUnit: what a device does of one flow");
MODULE_LICENSE("GPL");
