// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who has changed what of the configuration: a line in the log and a tracepoint for each change.
 */
#define pr_fmt(fmt) "vsp: " fmt

#include <linux/cred.h>
#include <linux/gfp.h>
#include <linux/minmax.h>
#include <linux/pid.h>
#include <linux/printk.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <linux/uidgid.h>

#include "vsp/admin/configfs.h"
#include "vsp/core/trace.h"

#define SHOWN	128	/* bytes of a value that the log has; the tracepoint has all of it */

/**
 * vsp_change_tell() - tell of a change that this process has made
 * @kind: "pool" or "service"
 * @name: of it, with its class
 * @file: that was written, or what else was done
 * @from: what the file said before; empty where there is nothing to say
 * @to: what it says now
 *
 * Context: process.
 */
void vsp_change_tell(const char *kind, const char *name, const char *file, const char *from,
		     const char *to)
{
	uid_t uid = from_kuid(&init_user_ns, current_uid());

	trace_vsp_change(kind, name, file, from, to, uid);
	pr_info("%s %s: %s: \"%*pE\" -> \"%*pE\", by %s[%d] of user %u\n", kind, name, file,
		(int)min_t(size_t, strlen(from), SHOWN), from,
		(int)min_t(size_t, strlen(to), SHOWN), to, current->comm,
		task_pid_nr(current), uid);
}

static char *show_now(const struct vsp_file *file, struct config_item *item)
{
	char *page = (char *)get_zeroed_page(GFP_KERNEL);

	if (!page)
		return NULL;
	/* A file that is only written, or cannot be read just now, says nothing. */
	if (!vsp_file_is_read(file) || vsp_file_show(file, item, page) <= 0)
		page[0] = 0;
	page[strcspn(page, "\n")] = 0;
	return page;
}

/**
 * vsp_change_store() - write a file, and tell what that has changed
 * @file: of the item's type
 * @item: pool or service
 * @page: what is written
 * @count: bytes of it
 *
 * A write that changes nothing is not told of, unless the file is only written, as "renegotiate"
 * is. Of two writers at the same time, one may be told of with what the other one has written.
 *
 * Context: process; a configfs store.
 * Return: as the file's own store, or -ENOMEM: then nothing is written.
 */
ssize_t vsp_change_store(const struct vsp_file *file, struct config_item *item, const char *page,
			 size_t count)
{
	char *from = show_now(file, item), *to = NULL;
	ssize_t result = -ENOMEM;

	if (from)
		result = vsp_file_store(file, item, page, count);
	if (result > 0)
		to = show_now(file, item);
	if (result > 0 && (!vsp_file_is_read(file) || !to || strcmp(from, to)))
		vsp_change_tell(file->owner, config_item_name(item), file->attribute.ca_name, from,
				vsp_file_is_read(file) && to ? to : "written");
	free_page((unsigned long)to);
	free_page((unsigned long)from);
	return result;
}
