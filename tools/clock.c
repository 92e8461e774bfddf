// SPDX-License-Identifier: GPL-2.0-only
/*
 * Time that only goes forward, in microseconds.
 */
#include <time.h>

#include "vspctl.h"

int64_t clock_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000LL + now.tv_nsec / 1000;
}

/* When --wait is over; without it, never */
int64_t clock_end(void)
{
	return options.wait < 0 ? INT64_MAX : clock_now() + (int64_t)(options.wait * 1000000);
}
