// SPDX-License-Identifier: GPL-2.0-only
/*
 * A client that negotiates as fast as it can: takes all that it is offered, gives it back at
 * once, and asks again, whatever the denial says of when to.
 */
#include "vmm.h"

void changes(struct device *device, unsigned int seconds)
{
	u64 end = now_ms() + seconds * 1000ULL;

	device_run(device);
	while (now_ms() < end) {
		message_contract(device);
		message_release(device);
	}
	printf("%llu messages, %llu contracts, %llu denied\n", (unsigned long long)counts->messages,
	       (unsigned long long)counts->contracts, (unsigned long long)counts->denied);
	device_stop(device);
}
