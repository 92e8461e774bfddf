/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A contract, as the provider's core makes it and a class reads it.
 */
#ifndef VSP_CONTRACT_H
#define VSP_CONTRACT_H

#include <linux/types.h>

#include "vs_terms.h"

/**
 * struct vsp_contract - what was agreed; never changed once it is published
 * @rcu: freed by kfree_rcu()
 * @id: never 0, never used twice by a service
 * @terms: a complete set, as granted
 */
struct vsp_contract {
	struct rcu_head rcu;
	u64 id;
	struct vs_terms terms;
};

#endif
