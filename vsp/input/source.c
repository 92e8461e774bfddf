// SPDX-License-Identifier: GPL-2.0-only
/*
 * A pool's source: input devices of the host, by path, name or phys.  A handler of ours for each
 * finds it whenever it comes.
 *
 * A device may be there before its node is, which evdev makes, and before a link to that, which
 * udev makes.  So nodes and links are looked for whenever the pool looks at its source, too: if
 * one leads to a device that the feed has not, the handler is registered again and finds it.
 */
#define pr_fmt(fmt) "vsp_input: " fmt

#include <linux/dcache.h>
#include <linux/device.h>
#include <linux/fs.h>
#include <linux/kdev_t.h>
#include <linux/namei.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "vsp/class.h"
#include "vsp/input/feed.h"

#define SOURCE_NODES	"/dev/input/"

static const struct input_device_id source_ids[] = {
	{ .driver_info = 1 },	/* any */
	{ }
};

static struct vsp_input_source *source_of(struct input_handler *handler)
{
	return container_of(handler, struct vsp_input_source, handler);
}

static bool source_is_path(const struct vsp_input_source *source)
{
	return !strncmp(source->name, SOURCE_NODES, strlen(SOURCE_NODES));
}

static bool source_has_number(struct input_dev *dev, dev_t number)
{
	struct device *node = number ? class_find_device_by_devt(&input_class, number) : NULL;
	bool has = node && node->parent == &dev->dev;

	put_device(node);
	return has;
}

static bool source_has_node(struct input_dev *dev, const struct vsp_input_source *source)
{
	struct device *node;

	if (!source_is_path(source))
		return false;
	node = device_find_child_by_name(&dev->dev, source->name + strlen(SOURCE_NODES));
	put_device(node);
	return node || source_has_number(dev, READ_ONCE(source->number));
}

/* Is this one device, of all those that may have the same name? */
static bool source_is_at(struct input_dev *dev, const struct vsp_input_source *source)
{
	return (dev->phys && !strcmp(dev->phys, source->name)) || source_has_node(dev, source);
}

static bool source_is(struct input_dev *dev, const struct vsp_input_source *source)
{
	return (dev->name && !strcmp(dev->name, source->name)) || source_is_at(dev, source);
}

static bool source_is_client(const struct input_dev *dev)
{
	return dev->phys && !strncmp(dev->phys, VS_INPUT_PHYS, strlen(VS_INPUT_PHYS));
}

/* A device that is named twice is one device. */
static bool source_is_taken(struct vsp_input_pool *input, const struct input_dev *dev)
{
	const struct vsp_input_device *device;
	bool taken = false;

	mutex_lock(&input->feed.devices_lock);
	list_for_each_entry(device, &input->feed.devices, entry)
		taken |= device->handle.dev == dev;
	mutex_unlock(&input->feed.devices_lock);
	return taken;
}

static bool source_match(struct input_handler *handler, struct input_dev *dev)
{
	struct vsp_input_source *source = source_of(handler);
	struct vsp_input_pool *input = source->input;

	if (!source_is_client(dev))
		return source_is(dev, source) && !source_is_taken(input, dev);
	/* A client's device has the name of its source, and is not meant by that. */
	if (!source_is_at(dev, source))
		return false;
	input->refused = true;
	pr_err("pool %s: source: %s is the device of a client of this host: its events would go round; name another one\n",
	       vsp_pool_name(input->pool), dev->name ?: dev->phys);
	return false;
}

static int source_connect(struct input_handler *handler, struct input_dev *dev,
			  const struct input_device_id *id)
{
	struct vsp_input_pool *input = source_of(handler)->input;
	struct vsp_input_device *device;

	device = vsp_input_device_open(&input->feed, handler, dev);
	if (IS_ERR(device))
		return PTR_ERR(device);
	/* If a program has grabbed the device, it gets all events and the pool none. */
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
	struct vsp_input_pool *input = source_of(handle->handler)->input;

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

/* ---- Registering, again where a node or link has come ---- */

/* Return: the number of the node that a path leads to; 0: there is none. */
static dev_t source_number(const struct vsp_input_source *source)
{
	struct inode *inode;
	dev_t number = 0;
	struct path path;

	if (!source_is_path(source) || kern_path(source->name, LOOKUP_FOLLOW, &path))
		return 0;
	inode = d_backing_inode(path.dentry);
	if (S_ISCHR(inode->i_mode))
		number = inode->i_rdev;
	path_put(&path);
	return number;
}

static int source_register(struct vsp_input_source *source)
{
	int error = input_register_handler(&source->handler);

	source->registered = !error;
	return error;
}

static void source_unregister(struct vsp_input_source *source)
{
	if (source->registered)
		input_unregister_handler(&source->handler);
	source->registered = false;
}

/* Is there a device with this node, which nobody has and which may be had? */
static bool source_is_new(struct vsp_input_pool *input, dev_t number)
{
	struct device *node = class_find_device_by_devt(&input_class, number);
	bool is_new = false;

	/* /dev/input/mice is of no device alone. */
	if (node && node->parent) {
		struct input_dev *dev = to_input_dev(node->parent);

		is_new = !source_is_client(dev) && !source_is_taken(input, dev);
	}
	put_device(node);
	return is_new;
}

/* A number is given again when its device has gone, so it counts only while it is looked for. */
static void source_look(struct vsp_input_source *source)
{
	dev_t number = source_number(source);

	if (!number || !source_is_new(source->input, number))
		return;
	WRITE_ONCE(source->number, number);
	source_unregister(source);
	if (source_register(source))
		pr_err("pool %s: source: %s cannot be opened: trying again\n",
		       vsp_pool_name(source->input->pool), source->name);
	WRITE_ONCE(source->number, 0);
}

/**
 * vsp_input_source_look() - take devices whose node, or the link to it, has come after them
 * @input: open
 *
 * Context: pool_poll of the class.
 */
void vsp_input_source_look(struct vsp_input_pool *input)
{
	for (unsigned int i = 0; i < input->sources; i++)
		source_look(&input->source[i]);
}

/* ---- Opening ---- */

static void source_init(struct vsp_input_source *source, struct vsp_input_pool *input,
			const char *name)
{
	source->input = input;
	source->name = name;
	source->number = source_number(source);
	source->handler.events = source_events;
	source->handler.match = source_match;
	source->handler.connect = source_connect;
	source->handler.disconnect = source_disconnect;
	source->handler.id_table = source_ids;
	source->handler.name = input->label;
}

static int source_parse(struct vsp_input_pool *input)
{
	char *text, *name;

	input->label = kasprintf(GFP_KERNEL, "pool %s", vsp_pool_name(input->pool));
	input->text = kstrdup(vsp_pool_source(input->pool), GFP_KERNEL);
	if (!input->label || !input->text)
		return -ENOMEM;
	text = input->text;
	while ((name = strsep(&text, ","))) {
		name = strim(name);
		if (!name[0] || input->sources == VSP_INPUT_NAMES_MAX) {
			pr_err("pool %s: source: \"%s\" is no list of 1..%u devices with commas between them\n",
			       vsp_pool_name(input->pool), vsp_pool_source(input->pool),
			       VSP_INPUT_NAMES_MAX);
			return -EINVAL;
		}
		source_init(&input->source[input->sources++], input, name);
	}
	return 0;
}

static bool source_is_there(struct vsp_input_pool *input, const struct vsp_input_source *source)
{
	const struct vsp_input_device *device;

	list_for_each_entry(device, &input->feed.devices, entry)
		if (source_is(device->handle.dev, source))
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
	for (unsigned int i = 0; i < input->sources && !error; i++) {
		if (source_is_there(input, &input->source[i]))
			continue;
		pr_err("pool %s: source: the host has no input device %s: write a path as /dev/input/event0, a name, or a phys\n",
		       vsp_pool_name(input->pool), input->source[i].name);
		error = -ENODEV;
	}
	if (!error && source_is_busy(input))
		error = -EBUSY;
	mutex_unlock(&input->feed.devices_lock);
	return error;
}

static int source_register_all(struct vsp_input_pool *input)
{
	int error = 0;

	for (unsigned int i = 0; i < input->sources && !error; i++)
		error = source_register(&input->source[i]);
	error = error ?: source_check(input);
	for (unsigned int i = 0; i < input->sources; i++)
		WRITE_ONCE(input->source[i].number, 0);
	return error;
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
	error = source_parse(input);
	if (!error)
		error = source_register_all(input);
	if (error)
		vsp_input_source_close(input);
	return error;
}

/**
 * vsp_input_source_close() - undo vsp_input_source_open()
 * @input: open, or half of it; nobody has its feed
 *
 * Context: the administrator's process.
 */
void vsp_input_source_close(struct vsp_input_pool *input)
{
	for (unsigned int i = 0; i < input->sources; i++)
		source_unregister(&input->source[i]);
	vsp_input_feed_stop(&input->feed);
	kfree(input->label);
	kfree(input->text);
}
