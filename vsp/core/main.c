// SPDX-License-Identifier: GPL-2.0-only
/*
 * The module vsp.
 */
#include <linux/module.h>
#include <linux/rcupdate.h>

#include "vsp/admin/configfs.h"
#include "vsp/core/work.h"

static int __init vsp_init(void)
{
	int error = vsp_work_start();

	if (error)
		return error;
	error = vsp_configfs_init();
	if (error)
		vsp_work_stop();
	return error;
}

/* Every pool and service holds a reference on this module: none is left. */
static void __exit vsp_exit(void)
{
	vsp_configfs_exit();
	vsp_work_stop();
	/* channel_free() gives back the last of these, and has yet to return. */
	synchronize_rcu_tasks();
}

module_init(vsp_init);
module_exit(vsp_exit);

MODULE_AUTHOR("VSP/VSC developers");
MODULE_DESCRIPTION("Virtual service provider: resource contracts with guests");
MODULE_LICENSE("GPL");
MODULE_VERSION("0.1");
