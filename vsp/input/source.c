// SPDX-License-Identifier: GPL-2.0-only
/*
 * A pool's source: input devices of the host, by path, name or phys.  A handler of ours finds them
 * whenever they come.
 */
#define pr_fmt(fmt) "vsp_input: " fmt

#include <linux/device.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "vsp/input/input.h"

#define SOURCE_NODES	"/dev/input/"

static const struct input_device_id source_ids[] = {
	{ .driver_info = 1 },	/* any */
	{ }
};

static struct vsp_input_pool *source_of(struct input_handler *handler)
{
	return container_of(handler, struct vsp_input_pool, handler);
}

static bool source_has_node(struct input_dev *dev, const char *name)
{
	struct device *node;

	if (strncmp(name, SOURCE_NODES, strlen(SOURCE_NODES)))
		return false;
	node = device_find_child_by_name(&dev->dev, name + strlen(SOURCE_NODES));
	put_device(node);
	return node;
}

/* Is this one device, of all those that may have the same name? */
static bool source_is_at(struct input_dev *dev, const char *name)
{
	return (dev->phys && !strcmp(dev->phys, name)) || source_has_node(dev, name);
}

static bool source_is(struct input_dev *dev, const char *name)
{
	return (dev->name && !strcmp(dev->name, name)) || source_is_at(dev, name);
}

static bool source_is_named(const struct vsp_input_pool *input, struct input_dev *dev,
			    bool (*is)(struct input_dev *dev, const char *name))
{
	for (unsigned int i = 0; i < input->names; i++)
		if (is(dev, input->name[i]))
			return true;
	return false;
}

static bool source_is_client(const struct input_dev *dev)
{
	return dev->phys && !strncmp(dev->phys, VS_INPUT_PHYS, strlen(VS_INPUT_PHYS));
}

static bool source_match(struct input_handler *handler, struct input_dev *dev)
{
	struct vsp_input_pool *input = source_of(handler);

	if (!source_is_client(dev))
		return source_is_named(input, dev, source_is);
	/* A client's device has the name of its source, and is not meant by that. */
	if (!source_is_named(input, dev, source_is_at))
		return false;
	input->refused = true;
	pr_err("pool %s: source: %s is the device of a client of this host: its events would go round; name another one\n",
	       vsp_pool_name(input->pool), dev->name ?: dev->phys);
	return false;
}

static int source_connect(struct input_handler *handler, struct input_dev *dev,
			  const struct input_device_id *id)
{
	struct vsp_input_pool *input = source_of(handler);
	struct vsp_input_device *device;

	device = vsp_input_device_open(&input->feed, handler, dev);
	if (IS_ERR(device))
		return PTR_ERR(device);
	/* Who has grabbed it has its events, and we would have none. */
	device->busy = input_grab_device(&device->handle) == -EBUSY;
	if (device->busy)
		pr_err("pool %s: source: %s is grabbed by another program: end that, or name another one\n",
		       vsp_pool_name(input->pool), dev->name ?: "a device");
	else
		input_release_device(&device->handle);
	vsp_watch_look(input->pool);
	return 0;
}

static void source_disconnect(struct input_handle *handle)
{
	struct vsp_input_pool *input = source_of(handle->handler);

	vsp_input_device_close(handle);
	vsp_watch_look(input->pool);
}

static unsigned int source_events(struct input_handle *handle, struct input_value *vals,
				  unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		vsp_input_feed_event(handle->private, vals[i].type, vals[i].code, vals[i].value);
	return count;
}

/* ---- Opening ---- */

static int source_parse(struct vsp_input_pool *input)
{
	char *text, *name;

	input->text = kstrdup(vsp_pool_source(input->pool), GFP_KERNEL);
	if (!input->text)
		return -ENOMEM;
	text = input->text;
	while ((name = strsep(&text, ","))) {
		name = strim(name);
		if (!name[0] || input->names == VSP_INPUT_NAMES_MAX) {
			pr_err("pool %s: source: \"%s\" is no list of 1..%u devices with commas between them\n",
			       vsp_pool_name(input->pool), vsp_pool_source(input->pool),
			       VSP_INPUT_NAMES_MAX);
			return -EINVAL;
		}
		input->name[input->names++] = name;
	}
	return 0;
}

static bool source_is_there(struct vsp_input_pool *input, const char *name)
{
	const struct vsp_input_device *device;

	list_for_each_entry(device, &input->feed.devices, entry)
		if (source_is(device->handle.dev, name))
			return true;
	return false;
}

static bool source_is_busy(struct vsp_input_pool *input)
{
	const struct vsp_input_device *device;

	list_for_each_entry(device, &input->feed.devices, entry)
		if (device->busy)
			return true;
	return false;
}

static int source_check(struct vsp_input_pool *input)
{
	int error = 0;

	if (input->refused)
		return -EINVAL;
	mutex_lock(&input->feed.devices_lock);
	for (unsigned int i = 0; i < input->names && !error; i++) {
		if (source_is_there(input, input->name[i]))
			continue;
		pr_err("pool %s: source: the host has no input device %s: write a path as /dev/input/event0, a name, or a phys\n",
		       vsp_pool_name(input->pool), input->name[i]);
		error = -ENODEV;
	}
	if (!error && source_is_busy(input))
		error = -EBUSY;
	mutex_unlock(&input->feed.devices_lock);
	return error;
}

static void source_free(struct vsp_input_pool *input)
{
	kfree(input->handler.name);
	kfree(input->text);
}

/**
 * vsp_input_source_open() - find the devices, and hear of them from here on
 * @input: zeroed
 * @pool: its source is their names
 *
 * Context: the administrator's process.
 * Return: 0; or, logged: -ENODEV, -EINVAL, -EBUSY; or -ENOMEM.
 */
int vsp_input_source_open(struct vsp_input_pool *input, struct vsp_pool *pool)
{
	int error;

	input->pool = pool;
	input->handler.events = source_events;
	input->handler.match = source_match;
	input->handler.connect = source_connect;
	input->handler.disconnect = source_disconnect;
	input->handler.id_table = source_ids;
	input->handler.name = kasprintf(GFP_KERNEL, "pool %s", vsp_pool_name(pool));
	error = input->handler.name ? source_parse(input) : -ENOMEM;
	if (!error)
		error = input_register_handler(&input->handler);
	if (error) {
		source_free(input);
		return error;
	}
	error = source_check(input);
	if (error)
		vsp_input_source_close(input);
	return error;
}

/**
 * vsp_input_source_close() - undo vsp_input_source_open()
 * @input: open; nobody has its feed
 *
 * Context: the administrator's process.
 */
void vsp_input_source_close(struct vsp_input_pool *input)
{
	input_unregister_handler(&input->handler);
	vsp_input_feed_stop(&input->feed);
	source_free(input);
}
