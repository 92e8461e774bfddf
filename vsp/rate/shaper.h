/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The clock of a rate, a ceiling or a floor, over a clock that the caller gives: pure.
 *
 * The generic cell rate algorithm: every unit moves the arrival time ahead by the
 * time that it takes at the rate; what is charged may run ahead of the clock by the
 * burst, and no further.  So in any window that both its ends are in, no more than
 *
 *	rate x window + rate x burst + largest request
 *
 * units pass, and a client that always has something to send gets all of the rate, also
 * if whoever lets it pass is late, up to the burst.  A request above the burst waits
 * until nothing is owed, and passes whole.
 */
#ifndef VSP_SHAPER_H
#define VSP_SHAPER_H

#include <linux/bits.h>
#include <linux/types.h>

/* The longest wait there is, about 146 years: what would be longer is this long. */
#define VSP_SHAPER_FOREVER_NS	BIT_ULL(62)

/**
 * struct vsp_shaper - one rate; the caller serialises
 * @rate: units a second; 0: not started, nothing passes
 * @burst_ns: how far @arrival_ns of what passes may be ahead of the clock
 * @arrival_ns: when all that was charged would have passed at exactly the rate
 */
struct vsp_shaper {
	u64 rate;
	u64 burst_ns;
	u64 arrival_ns;
};

void vsp_shaper_start(struct vsp_shaper *shaper, u64 now_ns, u64 rate, u64 burst_ns);
void vsp_shaper_set_rate(struct vsp_shaper *shaper, u64 now_ns, u64 rate, u64 burst_ns);
u64 vsp_shaper_takes(const struct vsp_shaper *shaper, u64 cost);
u64 vsp_shaper_opens(const struct vsp_shaper *shaper, u64 takes);
void vsp_shaper_charge(struct vsp_shaper *shaper, u64 now_ns, u64 since_ns, u64 takes);

#endif
