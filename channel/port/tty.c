// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest's end of a console: a terminal, ttyVSC<N>, that a login can be served on.  It hangs up
 * when the host closes its end, unless it is set to CLOCAL, and when its channel goes.
 *
 * A work gives data that have come to the line discipline, as far as that takes them.
 */
#include <linux/err.h>
#include <linux/idr.h>
#include <linux/module.h>
#include <linux/serial.h>
#include <linux/slab.h>
#include <linux/tty.h>
#include <linux/tty_driver.h>
#include <linux/tty_flip.h>
#include <linux/workqueue.h>

#include "channel/port/port.h"
#include "vs_compat_tty.h"

#define TTY_LINES	256
#define TTY_AGAIN	(HZ / 50 ?: 1)	/* when the flip buffer was full */

static struct tty_driver *port_tty_driver;
static struct workqueue_struct *port_tty_queue;
static DEFINE_IDA(port_tty_lines);

/* By line. A port stays for as long as it is in this table, and as a tty of it is open. */
static struct vs_port *port_tty_ports[TTY_LINES];
static DEFINE_MUTEX(port_tty_lock);	/* port_tty_ports */

static struct vs_port *port_tty_to_port(struct tty_port *tty)
{
	return container_of(tty, struct vs_port, tty.port);
}

/* ---- Operations ---- */

static void port_tty_give_size(struct tty_struct *tty, const struct vs_port_size *size)
{
	struct winsize window = { .ws_row = size->rows, .ws_col = size->columns };

	tty_do_resize(tty, &window);
}

static int port_tty_activate(struct tty_port *tty_port, struct tty_struct *tty)
{
	struct vs_port *port = port_tty_to_port(tty_port);
	struct vs_port_size size;
	int error = vs_port_open(port);

	if (error)
		return error;
	vs_port_new_size(port, &size);
	port_tty_give_size(tty, &size);
	return 0;
}

static void port_tty_shutdown(struct tty_port *tty_port)
{
	vs_port_close(port_tty_to_port(tty_port));
}

/* The port goes by its device's last reference. */
static void port_tty_destruct(struct tty_port *tty_port)
{
}

static const struct tty_port_operations tty_port_ops = {
	.activate = port_tty_activate,
	.shutdown = port_tty_shutdown,
	.destruct = port_tty_destruct,
};

static int port_tty_install(struct tty_driver *driver, struct tty_struct *tty)
{
	struct vs_port *port;
	int error = -ENODEV;

	mutex_lock(&port_tty_lock);
	port = port_tty_ports[tty->index];
	if (port)
		get_device(&port->dev);
	mutex_unlock(&port_tty_lock);
	if (!port)
		return error;
	error = tty_port_install(&port->tty.port, driver, tty);
	if (error)
		put_device(&port->dev);
	else
		tty->driver_data = port;
	return error;
}

static void port_tty_cleanup(struct tty_struct *tty)
{
	struct vs_port *port = tty->driver_data;

	if (port)
		put_device(&port->dev);
}

static int port_tty_open_port(struct tty_struct *tty, struct file *file)
{
	return tty_port_open(tty->port, tty, file);
}

static void port_tty_close_port(struct tty_struct *tty, struct file *file)
{
	/* A tty that could not be installed has no port. */
	if (tty->driver_data)
		tty_port_close(tty->port, tty, file);
}

static void port_tty_hang_up(struct tty_struct *tty)
{
	tty_port_hangup(tty->port);
}

static vs_tty_written port_tty_write(struct tty_struct *tty, const unsigned char *bytes,
				     vs_tty_count count)
{
	return vs_port_write(tty->driver_data, bytes, count);
}

static unsigned int port_tty_write_room(struct tty_struct *tty)
{
	return vs_port_room(tty->driver_data);
}

/* What tcdrain() and TCSADRAIN wait for: until it is 0, which port_tty_work() tells. */
static unsigned int port_tty_unsent(struct tty_struct *tty)
{
	return vs_port_unsent(tty->driver_data);
}

/* Also before a hang-up, which would wait for who waits in TCSETSW. */
static void port_tty_flush(struct tty_struct *tty)
{
	vs_port_flush(tty->driver_data);
}

static void port_tty_unthrottle_port(struct tty_struct *tty)
{
	vs_port_tty_look(tty->driver_data);
}

static const struct tty_operations port_tty_operations = {
	.install = port_tty_install,
	.cleanup = port_tty_cleanup,
	.open = port_tty_open_port,
	.close = port_tty_close_port,
	.hangup = port_tty_hang_up,
	.write = port_tty_write,
	.write_room = port_tty_write_room,
	.chars_in_buffer = port_tty_unsent,
	.flush_buffer = port_tty_flush,
	.unthrottle = port_tty_unthrottle_port,
};

/* ---- Data that have come, and the size ---- */

static void port_tty_give_piece(struct vs_port *port, struct vs_port_piece *piece)
{
	size_t taken;

	taken = tty_insert_flip_string(&port->tty.port, piece->data + piece->offset, piece->length);
	piece->offset += taken;
	piece->length -= taken;
	tty_flip_buffer_push(&port->tty.port);
}

static bool port_tty_is_throttled(struct vs_port *port)
{
	struct tty_struct *tty = tty_port_tty_get(&port->tty.port);
	bool throttled = tty && tty_throttled(tty);

	tty_kref_put(tty);
	return throttled;
}

/* A terminal that nobody has open gets its size when it is opened. */
static void port_tty_take_size(struct vs_port *port)
{
	struct vs_port_size size;
	struct tty_struct *tty;

	if (!vs_port_new_size(port, &size))
		return;
	vs_port_size_told(port, &size);
	tty = tty_port_tty_get(&port->tty.port);
	if (tty)
		port_tty_give_size(tty, &size);
	tty_kref_put(tty);
}

static void port_tty_work(struct work_struct *work)
{
	struct vs_port *port = container_of(to_delayed_work(work), struct vs_port, tty.work);
	struct vs_port_piece *piece;
	bool whole = true;

	port_tty_take_size(port);
	tty_port_tty_wakeup(&port->tty.port);
	while (whole && !port_tty_is_throttled(port) && (piece = vs_port_begin_read(port))) {
		port_tty_give_piece(port, piece);
		whole = !vs_port_end_read(port, piece);
	}
	/* The tty layer does not tell when its buffer has room again. */
	if (!whole && queue_delayed_work(port_tty_queue, &port->tty.work, TTY_AGAIN))
		return;
	put_device(&port->dev);
}

/**
 * vs_port_tty_look() - have the terminal's work look at its port
 * @port: a tty
 *
 * Context: any.
 */
void vs_port_tty_look(struct vs_port *port)
{
	get_device(&port->dev);
	/* A work that waits for the buffer is left as it is: it runs within TTY_AGAIN. */
	if (!queue_delayed_work(port_tty_queue, &port->tty.work, 0))
		put_device(&port->dev);
}

/**
 * vs_port_tty_carrier_lost() - hang up, because the host has closed its end
 * @port: a tty
 *
 * Context: any.
 */
void vs_port_tty_carrier_lost(struct vs_port *port)
{
	tty_port_tty_hangup(&port->tty.port, true);
}

/* ---- Start and end ---- */

/**
 * vs_port_tty_prepare() - make a port a tty
 * @port: new
 *
 * Context: process.
 */
void vs_port_tty_prepare(struct vs_port *port)
{
	tty_port_init(&port->tty.port);
	port->tty.port.ops = &tty_port_ops;
	/* Data that were written are sent after the close; the close does not wait for that. */
	port->tty.port.closing_wait = ASYNC_CLOSING_WAIT_NONE;
	port->tty.line = -1;
	INIT_DELAYED_WORK(&port->tty.work, port_tty_work);
}

static void port_tty_forget_line(struct vs_port *port)
{
	mutex_lock(&port_tty_lock);
	port_tty_ports[port->tty.line] = NULL;
	mutex_unlock(&port_tty_lock);
}

/**
 * vs_port_tty_show() - register the tty, so that users find it
 * @port: of vs_port_tty_prepare(), complete
 * @groups: attributes of the device, whose driver data is @port
 *
 * Context: process.
 * Return: 0, or an errno.
 */
int vs_port_tty_show(struct vs_port *port, const struct attribute_group **groups)
{
	struct device *dev;

	port->tty.line = ida_alloc_max(&port_tty_lines, TTY_LINES - 1, GFP_KERNEL);
	if (port->tty.line < 0)
		return port->tty.line;
	mutex_lock(&port_tty_lock);
	port_tty_ports[port->tty.line] = port;
	mutex_unlock(&port_tty_lock);
	dev = tty_port_register_device_attr(&port->tty.port, port_tty_driver, port->tty.line,
					    port->dev.parent, port, groups);
	if (!IS_ERR(dev))
		return 0;
	port_tty_forget_line(port);
	return PTR_ERR(dev);
}

/**
 * vs_port_tty_hide() - undo vs_port_tty_show()
 * @port: gone
 *
 * Users who have it open are hung up, soon: that waits for a write() whose bytes are in a page that
 * its user, who may have a file system of his own, does not let come.
 *
 * Context: process; sleeps.
 */
void vs_port_tty_hide(struct vs_port *port)
{
	tty_unregister_device(port_tty_driver, port->tty.line);
	tty_port_tty_hangup(&port->tty.port, false);
	port_tty_forget_line(port);
	/* The work may wait for room in a buffer that nobody empties any more. */
	flush_delayed_work(&port->tty.work);
}

/**
 * vs_port_tty_free() - undo vs_port_tty_prepare()
 * @port: no reference is left, so no tty of its line is open any more
 *
 * Context: process.
 */
void vs_port_tty_free(struct vs_port *port)
{
	if (port->tty.line >= 0)
		ida_free(&port_tty_lines, port->tty.line);
	tty_port_destroy(&port->tty.port);
}

/**
 * vs_port_tty_init() - the driver
 *
 * Context: module init.
 * Return: 0, or an errno.
 */
int __init vs_port_tty_init(void)
{
	int error = -ENOMEM;

	/* The session's work flushes it, and is one that memory may wait for. */
	port_tty_queue = alloc_workqueue("vs-tty", WQ_HIGHPRI | WQ_UNBOUND | WQ_MEM_RECLAIM, 0);
	if (!port_tty_queue)
		return error;
	port_tty_driver = tty_alloc_driver(TTY_LINES, TTY_DRIVER_REAL_RAW | TTY_DRIVER_DYNAMIC_DEV);
	if (IS_ERR(port_tty_driver)) {
		error = PTR_ERR(port_tty_driver);
		goto destroy;
	}
	port_tty_driver->driver_name = "vs-channel";
	port_tty_driver->name = "ttyVSC";
	port_tty_driver->type = TTY_DRIVER_TYPE_SERIAL;
	port_tty_driver->subtype = SERIAL_TYPE_NORMAL;
	port_tty_driver->init_termios = tty_std_termios;
	tty_set_operations(port_tty_driver, &port_tty_operations);
	error = tty_register_driver(port_tty_driver);
	if (!error)
		return 0;
	tty_driver_kref_put(port_tty_driver);
destroy:
	destroy_workqueue(port_tty_queue);
	return error;
}

/**
 * vs_port_tty_exit() - undo vs_port_tty_init()
 *
 * Context: module exit; no port is left but in a work that ends.
 */
void vs_port_tty_exit(void)
{
	destroy_workqueue(port_tty_queue);
	tty_unregister_driver(port_tty_driver);
	tty_driver_kref_put(port_tty_driver);
	ida_destroy(&port_tty_lines);
}
