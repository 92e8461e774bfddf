/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The rates of pools and services, joined with vsp/rate/; see vsp/class.h for what classes
 * call.
 */
#ifndef VSP_RATES_H
#define VSP_RATES_H

struct vs_terms;
struct vsp_pool;
struct vsp_service;

/* vsp/core/rates.c */
void vsp_rates_pool_init(struct vsp_pool *pool);
void vsp_rates_pool_changed(struct vsp_pool *pool);
void vsp_rates_pool_stop(struct vsp_pool *pool);
void vsp_rates_init(struct vsp_service *service);
void vsp_rates_commit(struct vsp_service *service, const struct vs_terms *terms);

#endif
