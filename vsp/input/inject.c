// SPDX-License-Identifier: GPL-2.0-only
/*
 * A service without a source: an input device of its own in the host.  What any program writes to
 * that is typed to the guest.
 *
 * The device is filtered, not grabbed: a grab would refuse what programs write (see
 * input_inject_event()).  A filter that is registered last is asked first, and lets nothing but
 * LEDs pass to the console and those who read the device.
 *
 * The host's SysRq is a filter, too, and is the last one again whenever it is switched on.  It
 * takes a device that has Alt, and acts when SysRq follows on the same device.  So the key SysRq
 * is on a second device, which has no other key.
 */
#include <linux/err.h>
#include <linux/input/mt.h>
#include <linux/slab.h>

#include "vsp/class.h"
#include "vsp/input/input.h"

#define INJECT_PHYS	"vsp/"	/* as packaging/60-vspinput.rules has it */
#define INJECT_MAX	32767	/* of a position */

static const struct input_device_id inject_ids[] = {
	{ .driver_info = 1 },	/* any */
	{ }
};

static bool inject_match(struct input_handler *handler, struct input_dev *dev)
{
	struct vsp_input_inject *inject = container_of(handler, struct vsp_input_inject, handler);

	return dev == inject->dev[VSP_INPUT_INJECT_ALL] ||
	       dev == inject->dev[VSP_INPUT_INJECT_SYSRQ];
}

static int inject_connect(struct input_handler *handler, struct input_dev *dev,
			  const struct input_device_id *id)
{
	struct vsp_input_inject *inject = container_of(handler, struct vsp_input_inject, handler);

	return PTR_ERR_OR_ZERO(vsp_input_device_open(&inject->feed, handler, dev));
}

static bool inject_filter(struct input_handle *handle, unsigned int type, unsigned int code,
			  int value)
{
	vsp_input_feed_event(handle->private, type, code, value);
	return type == EV_KEY || type == EV_REL || type == EV_ABS;
}

/* ---- The device ---- */

static void inject_set_range(struct input_dev *dev, unsigned int code)
{
	switch (code) {
	case ABS_TILT_X ... ABS_TILT_Y:
		input_set_abs_params(dev, code, -90, 90, 0, 0);
		break;
	case ABS_MT_TOOL_TYPE:
		input_set_abs_params(dev, code, 0, MT_TOOL_MAX, 0, 0);
		break;
	case ABS_MT_TRACKING_ID:
	case ABS_MT_SLOT:
	case ABS_MT_BLOB_ID:
		break;
	default:
		input_set_abs_params(dev, code, 0, INJECT_MAX, 0, 0);
		break;
	}
}

/* All that a contract may have; but of keys only those of the groups that the limits name. */
static int inject_set_all(struct input_dev *dev, u32 groups)
{
	struct vs_input_grant all = {
		.kinds = VS_INPUT_KEYBOARD | VS_INPUT_MOUSE | VS_INPUT_TABLET | VS_INPUT_TOUCH,
		.keys = groups, .buttons = VS_INPUT_BUTTONS_MAX, .wheels = U32_MAX,
		.axes = U32_MAX, .contacts = VS_INPUT_CONTACTS_MAX, .leds = U32_MAX,
	};
	unsigned int code;

	for (code = 1; code < KEY_CNT; code++)
		if (vs_input_allows(&all, EV_KEY, code) && code != KEY_SYSRQ)
			input_set_capability(dev, EV_KEY, code);
	for (code = 0; code < REL_CNT; code++)
		if (vs_input_allows(&all, EV_REL, code))
			input_set_capability(dev, EV_REL, code);
	for (code = 0; code < LED_CNT; code++)
		input_set_capability(dev, EV_LED, code);
	__set_bit(EV_REP, dev->evbit);
	for (code = 0; code < ABS_CNT; code++)
		if (vs_input_allows(&all, EV_ABS, code))
			inject_set_range(dev, code);
	return input_mt_init_slots(dev, VS_INPUT_CONTACTS_MAX, 0);
}

static int inject_set_sysrq(struct input_dev *dev, u32 groups)
{
	input_set_capability(dev, EV_KEY, KEY_SYSRQ);
	return 0;
}

static int inject_add_device(struct vsp_input_inject *inject, enum vsp_input_inject_part part,
			     u32 groups, int (*set_bits)(struct input_dev *dev, u32 groups))
{
	struct input_dev *dev = input_allocate_device();
	int error;

	if (!dev)
		return -ENOMEM;
	dev->name = inject->name[part];
	dev->phys = inject->phys[part];
	dev->uniq = inject->uniq;
	dev->id.bustype = BUS_VIRTUAL;
	error = set_bits(dev, groups);
	if (!error)
		error = input_register_device(dev);
	if (error)
		input_free_device(dev);
	else
		inject->dev[part] = dev;
	return error;
}

static void inject_remove_devices(struct vsp_input_inject *inject)
{
	for (unsigned int i = 0; i < VSP_INPUT_INJECT_PARTS; i++)
		if (inject->dev[i])
			input_unregister_device(inject->dev[i]);
}

static int inject_add_devices(struct vsp_input *input)
{
	u32 groups = vsp_service_staged_limit(input->service, VS_INPUT_INDEX(VS_INPUT_KEYS));
	int error = inject_add_device(input->inject, VSP_INPUT_INJECT_ALL, groups, inject_set_all);

	if (!error && groups & BIT(VS_INPUT_SYSTEM))
		error = inject_add_device(input->inject, VSP_INPUT_INJECT_SYSRQ, groups,
					  inject_set_sysrq);
	return error;
}

/* What was not connected would have its keys go to others. */
static bool inject_has_all(struct vsp_input_inject *inject)
{
	size_t wanted = !!inject->dev[VSP_INPUT_INJECT_ALL] +
			!!inject->dev[VSP_INPUT_INJECT_SYSRQ];

	return list_count_nodes(&inject->feed.devices) == wanted;
}

static int inject_register(struct vsp_input *input)
{
	struct vsp_input_inject *inject = input->inject;
	int error = inject_add_devices(input);

	if (error)
		goto remove;
	inject->handler.filter = inject_filter;
	inject->handler.match = inject_match;
	inject->handler.connect = inject_connect;
	inject->handler.disconnect = vsp_input_device_close;
	inject->handler.id_table = inject_ids;
	inject->handler.name = inject->name[VSP_INPUT_INJECT_ALL];
	error = input_register_handler(&inject->handler);
	if (error)
		goto remove;
	if (inject_has_all(inject))
		return 0;
	input_unregister_handler(&inject->handler);
	error = -ENODEV;
remove:
	inject_remove_devices(inject);
	return error;
}

static void inject_set_names(struct vsp_input_inject *inject, struct vsp_service *service)
{
	const char *name = vsp_service_name(service);

	snprintf(inject->uniq, sizeof(inject->uniq), "%pUb", vsp_service_uuid(service));
	for (unsigned int i = 0; i < VSP_INPUT_INJECT_PARTS; i++) {
		snprintf(inject->name[i], sizeof(inject->name[i]), "VSP %s%s", name,
			 i == VSP_INPUT_INJECT_SYSRQ ? " SysRq" : "");
		snprintf(inject->phys[i], sizeof(inject->phys[i]), INJECT_PHYS "%s/input%u", name,
			 i);
	}
}

/**
 * vsp_input_inject_open() - make the devices of a service
 * @input: its service is set
 *
 * Context: service_open of the class.
 * Return: 0, or an errno.
 */
int vsp_input_inject_open(struct vsp_input *input)
{
	struct vsp_input_inject *inject = kzalloc(sizeof(*inject), GFP_KERNEL);
	int error;

	if (!inject)
		return -ENOMEM;
	input->inject = inject;
	vsp_input_feed_init(&inject->feed);
	inject_set_names(inject, input->service);
	error = inject_register(input);
	if (!error) {
		vsp_input_feed_join(&inject->feed, input);
		return 0;
	}
	input->inject = NULL;
	kfree(inject);
	return error;
}

/**
 * vsp_input_inject_close() - undo vsp_input_inject_open()
 * @input: no mover has its queues
 *
 * Context: service_close of the class.
 */
void vsp_input_inject_close(struct vsp_input *input)
{
	struct vsp_input_inject *inject = input->inject;

	input_unregister_handler(&inject->handler);
	inject_remove_devices(inject);
	vsp_input_feed_leave(input);
	vsp_input_feed_stop(&inject->feed);
	input->inject = NULL;
	kfree(inject);
}
