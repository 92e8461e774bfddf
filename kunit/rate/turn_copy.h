/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * For a suite that includes vsp/core/turn.c, with rates of its own: vsp.ko exports these functions,
 * and the suite has a copy of them.
 */
#ifndef TURN_COPY_H
#define TURN_COPY_H

#define vsp_turn_init		copy_turn_init
#define vsp_turn_admit		copy_turn_admit
#define vsp_turn_drop		copy_turn_drop
#define vsp_turn_leave		copy_turn_leave
#define vsp_turn_held		copy_turn_held
#define vsp_turn_reset		copy_turn_reset

#endif
