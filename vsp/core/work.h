/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The provider's workqueues.
 */
#ifndef VSP_WORK_H
#define VSP_WORK_H

struct delayed_work;
struct work_struct;

int vsp_work_start(void);
void vsp_work_stop(void);
void vsp_work_queue(struct delayed_work *work, unsigned int ms);
void vsp_work_queue_session(struct work_struct *work);
void vsp_work_queue_preparation(struct work_struct *work);
void vsp_work_queue_removal(struct work_struct *work);

#endif
