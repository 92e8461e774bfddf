/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What differs between the kernels that the modules are built for: written here in the words of
 * the newest of them.  Kbuild looks into the kernel's own headers for what it has (VS_HAVE_...);
 * no version is compared, since distributions carry changes back.  What only some files use is
 * in headers of their own: vs_compat_block.h, _file.h, _net.h, _netdev.h, _sha1.h, _sound.h,
 * _vdpa.h and _virtio.h.
 *
 * Macros are used where an inline function would need more headers than this file's users have.
 */
#ifndef VS_COMPAT_H
#define VS_COMPAT_H

#include <linux/hrtimer.h>
#include <linux/timer.h>

/* Older kernels have the function set by hand. */
#ifndef VS_HAVE_HRTIMER_SETUP
static inline void hrtimer_setup(struct hrtimer *timer,
				 enum hrtimer_restart (*function)(struct hrtimer *),
				 clockid_t clock, enum hrtimer_mode mode)
{
	hrtimer_init(timer, clock, mode);
	timer->function = function;
}
#endif

/* The same under its older name. */
#ifndef timer_container_of
#define timer_container_of from_timer
#endif

/*
 * Older kernels cannot keep a work from being queued again. Only the session's work queues those
 * that this is used for, and that is also who ends them.
 */
#ifndef VS_HAVE_DISABLE_WORK
#define disable_delayed_work_sync cancel_delayed_work_sync
#endif

/* A class of devices, and the device that its uevent is of, were not constant. */
#ifdef VS_HAVE_CONST_CLASS
#define VS_CONST_CLASS const
#else
#define VS_CONST_CLASS
#endif
#ifdef VS_HAVE_UEVENT_OF_CONST
#define VS_CONST_UEVENT const
#else
#define VS_CONST_UEVENT
#endif

#ifdef VS_HAVE_DEVNODE_OF_CONST
#define VS_CONST_DEVNODE const
#else
#define VS_CONST_DEVNODE
#endif

/* Older kernels do not say that they change nothing of the bus. */
#ifndef VS_HAVE_NOTIFIER_OF_CONST_BUS
#define bus_register_notifier(bus, block) bus_register_notifier((void *)(bus), block)
#define bus_unregister_notifier(bus, block) bus_unregister_notifier((void *)(bus), block)
#endif

/* Older kernels want to hear once more what a text of a tracepoint is assigned from. */
#ifdef VS_HAVE_ASSIGN_STR_OF_ONE
#define vs_assign_str(text) __assign_str(text)
#else
#define vs_assign_str(text) __assign_str(text, text)
#endif

/* The namespace of what is exported for KUnit alone was a word, and is a text now. */
#ifdef VS_HAVE_IMPORT_NS_OF_TEXT
#define VS_MODULE_IMPORT_KUNIT MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING")
#else
#define VS_MODULE_IMPORT_KUNIT MODULE_IMPORT_NS(EXPORTED_FOR_KUNIT_TESTING)
#endif

#endif
