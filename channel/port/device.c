// SPDX-License-Identifier: GPL-2.0-only
/*
 * Character devices of ports: /dev/vsp/SERVICE/N in the host, /dev/vsc/SERVICE/N in the guest.
 * How a user finds them to behave is in vs_port_device.h.
 *
 * A device may be open when its port goes, and when the module of its class does: an open file
 * holds a reference of the port and of this module.
 */
#include <linux/export.h>
#include <linux/fs.h>
#include <linux/idr.h>
#include <linux/minmax.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/sysfs.h>
#include <linux/termios.h>
#include <linux/uaccess.h>
#include <linux/uio.h>

#include "channel/port/port.h"
#include "vs_compat.h"

#define DEVICES_MAX	4096	/* ports of this machine that are no tty, both sides */

static dev_t device_base;
static DEFINE_IDA(device_minors);

static struct vs_port *device_to_port(const struct device *dev)
{
	return container_of((struct device *)dev, struct vs_port, dev);
}

/* ---- Files ---- */

static int device_open_port(struct inode *inode, struct file *file)
{
	struct vs_port *port = container_of(inode->i_cdev, struct vs_port, cdev);

	file->private_data = port;
	return vs_port_open(port) ?: stream_open(inode, file);
}

static int device_release(struct inode *inode, struct file *file)
{
	vs_port_close(file->private_data);
	return 0;
}

/* Return: bytes; 0: there are none now; -EFAULT. */
static ssize_t device_read_piece(struct vs_port *port, struct iov_iter *to)
{
	struct vs_port_piece *piece = vs_port_begin_read(port);
	size_t want, got;

	if (!piece)
		return 0;
	want = min_t(size_t, piece->length, iov_iter_count(to));
	got = copy_to_iter(piece->data + piece->offset, want, to);
	/* The part of a datagram that the reader has no room for is lost, as with any socket. */
	if (port->kind == VS_PORT_DATAGRAM && got == want) {
		piece->length = 0;
	} else if (port->kind != VS_PORT_DATAGRAM) {
		piece->offset += got;
		piece->length -= got;
	}
	vs_port_end_read(port, piece);
	return got == want || (got && port->kind != VS_PORT_DATAGRAM) ? got : -EFAULT;
}

static ssize_t device_read_some(struct vs_port *port, struct iov_iter *to)
{
	ssize_t part, done = 0;

	do {
		part = device_read_piece(port, to);
		if (part > 0)
			done += part;
	} while (part > 0 && iov_iter_count(to) && port->kind != VS_PORT_DATAGRAM);
	return done ?: part;
}

static bool device_is_blocking(const struct kiocb *call)
{
	return !(call->ki_filp->f_flags & O_NONBLOCK) && !(call->ki_flags & IOCB_NOWAIT);
}

static ssize_t device_read(struct kiocb *call, struct iov_iter *to)
{
	struct vs_port *port = call->ki_filp->private_data;
	__poll_t events;
	ssize_t done;

	if (!iov_iter_count(to))
		return 0;
	for (;;) {
		/* Before it reads, so that data which came before a hang-up are read first. */
		events = vs_port_poll(port);
		if (mutex_lock_interruptible(&port->reading))
			return -ERESTARTSYS;
		done = device_read_some(port, to);
		mutex_unlock(&port->reading);
		if (done || events & EPOLLHUP)
			return done;
		if (!device_is_blocking(call))
			return -EAGAIN;
		if (wait_event_interruptible(port->wait, vs_port_poll(port) & EPOLLIN))
			return -ERESTARTSYS;
	}
}

/* Return: bytes; -EAGAIN; -EPIPE; -EFAULT. */
static ssize_t device_write_piece(struct vs_port *port, struct iov_iter *from)
{
	struct vs_port_piece *piece;
	size_t want, got;
	int error;

	error = vs_port_begin_write(port, &piece);
	if (error)
		return error;
	want = min_t(size_t, iov_iter_count(from),
		     VS_PORT_BYTES - piece->offset - piece->length);
	got = copy_from_iter(piece->data + piece->offset + piece->length, want, from);
	/* A datagram is sent as a whole. */
	if (got < want && port->kind == VS_PORT_DATAGRAM)
		got = 0;
	piece->length += got;
	error = vs_port_end_write(port, piece);
	if (error)
		return error;
	return got ?: -EFAULT;
}

static ssize_t device_write_some(struct vs_port *port, struct iov_iter *from)
{
	ssize_t part, done = 0;

	do {
		part = device_write_piece(port, from);
		if (part > 0)
			done += part;
	} while (part > 0 && iov_iter_count(from));
	return done ?: part;
}

static ssize_t device_write(struct kiocb *call, struct iov_iter *from)
{
	struct vs_port *port = call->ki_filp->private_data;
	ssize_t part, done = 0;

	if (port->kind == VS_PORT_DATAGRAM && iov_iter_count(from) > VS_PORT_BYTES)
		return -EMSGSIZE;
	while (iov_iter_count(from)) {
		if (mutex_lock_interruptible(&port->writing))
			return done ?: -ERESTARTSYS;
		part = device_write_some(port, from);
		mutex_unlock(&port->writing);
		if (part > 0)
			done += part;
		else if (part != -EAGAIN || !device_is_blocking(call))
			return done ?: part;
		else if (wait_event_interruptible(port->wait, vs_port_poll(port) & EPOLLOUT))
			return done ?: -ERESTARTSYS;
	}
	return done;
}

static __poll_t device_poll_port(struct file *file, struct poll_table_struct *table)
{
	struct vs_port *port = file->private_data;

	poll_wait(file, &port->wait, table);
	return vs_port_poll(port);
}

/* ---- The size of a console's terminal: of the host's end, since the guest's is a tty ---- */

static int device_set_size(struct vs_port *port, unsigned int rows, unsigned int columns)
{
	const struct vs_port_size size = { .columns = columns, .rows = rows };
	int error;

	if (columns > VS_PORT_SIZE_MAX || rows > VS_PORT_SIZE_MAX)
		return -EINVAL;
	error = vs_port_set_size(port, &size);
	if (!error)
		vs_port_kick(port);
	return error;
}

static long device_ioctl(struct file *file, unsigned int command, unsigned long argument)
{
	struct winsize __user *user = (struct winsize __user *)argument;
	struct vs_port *port = file->private_data;
	struct winsize window = { };
	struct vs_port_size size;

	if (port->kind != VS_PORT_CONSOLE)
		return -ENOTTY;
	switch (command) {
	case TIOCGWINSZ:
		vs_port_new_size(port, &size);
		window.ws_row = size.rows;
		window.ws_col = size.columns;
		return copy_to_user(user, &window, sizeof(window)) ? -EFAULT : 0;
	case TIOCSWINSZ:
		if (copy_from_user(&window, user, sizeof(window)))
			return -EFAULT;
		return device_set_size(port, window.ws_row, window.ws_col);
	default:
		return -ENOTTY;
	}
}

static const struct file_operations device_operations = {
	.owner = THIS_MODULE,
	.open = device_open_port,
	.release = device_release,
	.read_iter = device_read,
	.write_iter = device_write,
	.poll = device_poll_port,
	.unlocked_ioctl = device_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};

/* ---- Attributes ---- */

static const char * const device_kinds[] = {
	[VS_PORT_CONSOLE] = "console",
	[VS_PORT_STREAM] = "stream",
	[VS_PORT_DATAGRAM] = "datagram",
};

static ssize_t kind_show(struct device *dev, struct device_attribute *attribute, char *page)
{
	const struct vs_port *port = dev_get_drvdata(dev);

	return sysfs_emit(page, "%s\n", device_kinds[port->kind]);
}
static DEVICE_ATTR_RO(kind);

static ssize_t service_show(struct device *dev, struct device_attribute *attribute, char *page)
{
	const struct vs_port *port = dev_get_drvdata(dev);

	return sysfs_emit(page, "%s\n", port->service);
}
static DEVICE_ATTR_RO(service);

static ssize_t channel_show(struct device *dev, struct device_attribute *attribute, char *page)
{
	const struct vs_port *port = dev_get_drvdata(dev);

	return sysfs_emit(page, "%u\n", port->number);
}
static DEVICE_ATTR_RO(channel);

static ssize_t size_show(struct device *dev, struct device_attribute *attribute, char *page)
{
	struct vs_port_size size;

	vs_port_new_size(dev_get_drvdata(dev), &size);
	return sysfs_emit(page, "%u %u\n", size.rows, size.columns);
}

static ssize_t size_store(struct device *dev, struct device_attribute *attribute,
			  const char *page, size_t count)
{
	int shown = min_t(size_t, strcspn(page, "\n"), 64);
	unsigned int rows, columns;
	char more;
	int error;

	error = sscanf(page, "%u %u %c", &rows, &columns, &more) == 2 ? 0 : -EINVAL;
	error = error ?: device_set_size(dev_get_drvdata(dev), rows, columns);
	if (error)
		dev_warn_ratelimited(dev, "size: \"%*pE\" refused, write ROWS COLUMNS, each 0..%u\n",
				     shown, page, VS_PORT_SIZE_MAX);
	return error ?: count;
}
static DEVICE_ATTR_RW(size);

static struct attribute *device_attributes[] = {
	&dev_attr_kind.attr,
	&dev_attr_service.attr,
	&dev_attr_channel.attr,
	&dev_attr_size.attr,
	NULL
};

/* A guest takes the size of its terminal from the host, or from stty. */
static umode_t device_is_visible(struct kobject *object, struct attribute *attribute, int index)
{
	const struct vs_port *port = dev_get_drvdata(kobj_to_dev(object));

	if (attribute == &dev_attr_size.attr &&
	    (port->kind != VS_PORT_CONSOLE || vs_port_is_tty(port)))
		return 0;
	return attribute->mode;
}

static const struct attribute_group device_group = {
	.attrs = device_attributes,
	.is_visible = device_is_visible,
};

static const struct attribute_group *device_groups[] = { &device_group, NULL };

static void device_free(struct device *dev)
{
	struct vs_port *port = device_to_port(dev);

	if (vs_port_is_tty(port))
		vs_port_tty_free(port);
	else
		ida_free(&device_minors, MINOR(dev->devt) - MINOR(device_base));
	vs_port_free(port);
	kfree(port);
}

static char *device_vsp_node(VS_CONST_DEVNODE struct device *dev, umode_t *mode)
{
	const struct vs_port *port = device_to_port(dev);

	return kasprintf(GFP_KERNEL, "vsp/%s/%u", port->service, port->number);
}

static char *device_vsc_node(VS_CONST_DEVNODE struct device *dev, umode_t *mode)
{
	const struct vs_port *port = device_to_port(dev);

	return kasprintf(GFP_KERNEL, "vsc/%s/%u", port->service, port->number);
}

static VS_CONST_CLASS struct class vsp_class = {
	.name = "vsp-channel",
	.devnode = device_vsp_node,
};

static VS_CONST_CLASS struct class vsc_class = {
	.name = "vsc-channel",
	.devnode = device_vsc_node,
};

/* ---- For a class ---- */

/* A name comes from the other side: it becomes one component of a path. */
static void device_take_name(struct vs_port *port, const char *name)
{
	strscpy(port->service, name, sizeof(port->service));
	for (char *c = port->service; *c; c++)
		if (*c == '/' || *c == '!' || (*c == '.' && c == port->service))
			*c = '_';
}

static int device_take_number(struct vs_port *port)
{
	int minor = ida_alloc_max(&device_minors, DEVICES_MAX - 1, GFP_KERNEL);

	if (minor < 0)
		return minor;
	port->dev.devt = device_base + minor;
	return 0;
}

static int device_show_port(struct vs_port *port)
{
	int error;

	if (vs_port_is_tty(port)) {
		error = vs_port_tty_show(port, device_groups);
	} else {
		cdev_init(&port->cdev, &device_operations);
		port->cdev.owner = THIS_MODULE;
		error = cdev_device_add(&port->cdev, &port->dev);
	}
	port->shown = !error;
	return error;
}

static struct vs_port *device_new(const struct vs_port_config *config)
{
	struct vs_port *port = kzalloc(sizeof(*port), GFP_KERNEL);
	int error = 0;

	if (!port)
		return ERR_PTR(-ENOMEM);
	port->number = config->number;
	port->kind = config->kind;
	port->kick = config->kick;
	port->owner = config->owner;
	device_take_name(port, config->service);
	if (config->client && config->kind == VS_PORT_CONSOLE)
		vs_port_tty_prepare(port);
	else
		error = device_take_number(port);
	if (error) {
		kfree(port);
		return ERR_PTR(error);
	}
	device_initialize(&port->dev);
	port->dev.class = config->client ? &vsc_class : &vsp_class;
	port->dev.parent = config->parent;
	port->dev.groups = device_groups;
	port->dev.release = device_free;
	dev_set_drvdata(&port->dev, port);
	return port;
}

/**
 * vs_port_create() - make a port, and show it
 * @config: copied
 *
 * Context: process; sleeps. @kick may be called before it returns.
 * Return: to be ended by vs_port_hang_up(); or an ERR_PTR().
 */
struct vs_port *vs_port_create(const struct vs_port_config *config)
{
	struct vs_port *port = device_new(config);
	int error;

	if (IS_ERR(port))
		return port;
	error = vs_port_init(port);
	if (error)
		goto put;
	error = dev_set_name(&port->dev, "%s.%u", config->unique, config->number);
	if (!error)
		error = device_show_port(port);
	if (!error)
		return port;
	/* A user may have opened it by its number before its device was complete. */
	vs_port_end(port);
put:
	put_device(&port->dev);
	return ERR_PTR(error);
}
EXPORT_SYMBOL_GPL(vs_port_create);

/**
 * vs_port_hang_up() - end a port
 * @port: of vs_port_create(); the caller's reference goes, too
 *
 * A user who has it open reads the data that have come, and then an end of file.
 *
 * Context: process; sleeps.
 */
void vs_port_hang_up(struct vs_port *port)
{
	vs_port_end(port);
	if (vs_port_is_tty(port))
		vs_port_tty_hide(port);
	else
		cdev_device_del(&port->cdev, &port->dev);
	put_device(&port->dev);
}
EXPORT_SYMBOL_GPL(vs_port_hang_up);

/* ---- Of the module ---- */

static int __init device_module_init(void)
{
	int error;

	error = alloc_chrdev_region(&device_base, 0, DEVICES_MAX, "vs-channel");
	if (error)
		return error;
	error = class_register(&vsp_class);
	if (error)
		goto unregister_region;
	error = class_register(&vsc_class);
	if (error)
		goto unregister_vsp;
	error = vs_port_tty_init();
	if (!error)
		return 0;
	class_unregister(&vsc_class);
unregister_vsp:
	class_unregister(&vsp_class);
unregister_region:
	unregister_chrdev_region(device_base, DEVICES_MAX);
	return error;
}

static void __exit device_module_exit(void)
{
	vs_port_tty_exit();
	class_unregister(&vsc_class);
	class_unregister(&vsp_class);
	unregister_chrdev_region(device_base, DEVICES_MAX);
	ida_destroy(&device_minors);
}

module_init(device_module_init);
module_exit(device_module_exit);
