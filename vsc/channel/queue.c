// SPDX-License-Identifier: GPL-2.0-only
/*
 * The data of a port, between it and its two queues.
 */
#include <linux/device.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <linux/virtio.h>
#include <linux/wait.h>

#include "channel/guest/channel.h"
#include "vs_port_device.h"
#include "vsc/channel/ports.h"
#include "vsc/class.h"

/* ---- Under vsc_ports_slot.lock ---- */

static void queue_received(struct vsc_ports_slot *slot, struct vs_port_piece *piece, u32 length)
{
	slot->posted--;
	if (!slot->port) {
		kfree(piece);
	} else if (!length || length > VS_PORT_BYTES) {
		atomic64_inc(&slot->ports->counter[VSC_PORTS_REFUSED]);
		vs_port_give_room(slot->port, piece);
	} else {
		piece->offset = 0;
		piece->length = length;
		vs_port_receive(slot->port, piece);
		vsc_flow_arrive(&slot->ports->flow[VS_PORT_RX], length, length);
		atomic64_add(length, &slot->ports->counter[VSC_PORTS_RECEIVED]);
	}
}

/* Posts all pieces that are free. Return: whether there were any. */
static bool queue_post_room(struct vsc_ports_slot *slot)
{
	struct vs_port_piece *piece;
	struct scatterlist sg;
	bool posted = false;

	while (slot->port && slot->posted < VS_PORT_PIECES &&
	       (piece = vs_port_take_room(slot->port))) {
		sg_init_one(&sg, piece->data, VS_PORT_BYTES);
		if (virtqueue_add_inbuf(slot->rx, &sg, 1, piece, GFP_ATOMIC)) {
			vs_port_give_room(slot->port, piece);
			break;
		}
		slot->posted++;
		posted = true;
	}
	return posted;
}

/* Which piece is of which port does not matter: each port gets back as many as it has sent. */
static void queue_give_back(struct vsc_ports_slot *slot, struct vs_port_piece *piece)
{
	slot->sending--;
	if (slot->foreign) {
		slot->foreign--;
		kfree(piece);
	} else {
		vs_port_sent(slot->port, piece);
	}
}

static void queue_sent(struct vsc_ports_slot *slot, struct vs_port_piece *piece)
{
	u32 length = piece->length;

	queue_give_back(slot, piece);
	if (!slot->sending && wq_has_sleeper(&slot->ports->control.wait))
		wake_up(&slot->ports->control.wait);
	vsc_flow_serve(&slot->ports->flow[VS_PORT_TX], length, length, 1);
	atomic64_add(length, &slot->ports->counter[VSC_PORTS_SENT]);
}

static bool queue_send_out(struct vsc_ports_slot *slot)
{
	struct vs_port_piece *piece;
	struct scatterlist sg;
	bool added = false;

	while (slot->port && (piece = vs_port_take_out(slot->port))) {
		sg_init_one(&sg, piece->data + piece->offset, piece->length);
		if (virtqueue_add_outbuf(slot->tx, &sg, 1, piece, GFP_ATOMIC)) {
			vs_port_put_back(slot->port, piece);
			break;
		}
		slot->sending++;
		vsc_flow_queue(&slot->ports->flow[VS_PORT_TX], piece->length);
		added = true;
	}
	return added;
}

static void queue_pump_rx(struct vsc_ports_slot *slot)
{
	struct vs_port_piece *piece;
	unsigned int length;

	do {
		virtqueue_disable_cb(slot->rx);
		/* No more than were posted: none is posted until all are taken. */
		while ((piece = virtqueue_get_buf(slot->rx, &length)))
			queue_received(slot, piece, length);
	} while (!virtqueue_enable_cb(slot->rx) && !virtqueue_is_broken(slot->rx));
	if (queue_post_room(slot))
		virtqueue_kick(slot->rx);
}

static void queue_pump_tx(struct vsc_ports_slot *slot)
{
	struct vs_port_piece *piece;
	unsigned int length;

	do {
		virtqueue_disable_cb(slot->tx);
		/* No more than were sent: nothing is sent until all are taken. */
		while ((piece = virtqueue_get_buf(slot->tx, &length)))
			queue_sent(slot, piece);
	} while (!virtqueue_enable_cb(slot->tx) && !virtqueue_is_broken(slot->tx));
	if (queue_send_out(slot))
		virtqueue_kick(slot->tx);
}

/**
 * vsc_ports_queue_pump() - move all data that can be moved
 * @slot: of a port, or without one
 *
 * Context: any; no lock of a slot or port held.
 */
void vsc_ports_queue_pump(struct vsc_ports_slot *slot)
{
	unsigned long irq;

	spin_lock_irqsave(&slot->lock, irq);
	if (slot->rx) {
		queue_pump_rx(slot);
		queue_pump_tx(slot);
		if (virtqueue_is_broken(slot->rx) || virtqueue_is_broken(slot->tx))
			vsc_session_broken(slot->ports->session);
	}
	spin_unlock_irqrestore(&slot->lock, irq);
}

/* ---- Start and end ---- */

/**
 * vsc_ports_queue_take() - the slot has queues
 * @slot: has none
 *
 * Context: the session's work.
 */
void vsc_ports_queue_take(struct vsc_ports_slot *slot)
{
	unsigned int queue = vs_port_rx_queue(slot->number);

	spin_lock_irq(&slot->lock);
	slot->rx = vsc_channel_queue(slot->ports->channel, queue);
	slot->tx = vsc_channel_queue(slot->ports->channel, queue + 1);
	spin_unlock_irq(&slot->lock);
	vsc_ports_queue_pump(slot);
}

/**
 * vsc_ports_queue_empty() - the slot lets go of its queues
 * @slot: any; the channel is stopped
 *
 * Data in them are lost: the host has forgotten which ports are open.
 *
 * Context: the session's work, or in its place.
 */
void vsc_ports_queue_empty(struct vsc_ports_slot *slot)
{
	struct vs_port_piece *piece;

	spin_lock_irq(&slot->lock);
	while (slot->rx && (piece = virtqueue_detach_unused_buf(slot->rx))) {
		slot->posted--;
		if (slot->port)
			vs_port_give_room(slot->port, piece);
		else
			kfree(piece);
	}
	while (slot->tx && (piece = virtqueue_detach_unused_buf(slot->tx))) {
		vsc_flow_drop(&slot->ports->flow[VS_PORT_TX], 1);
		queue_give_back(slot, piece);
	}
	slot->rx = NULL;
	slot->tx = NULL;
	spin_unlock_irq(&slot->lock);
}

/**
 * vsc_ports_queue_init() - slots without ports and queues
 * @ports: zeroed
 */
void vsc_ports_queue_init(struct vsc_ports *ports)
{
	for (unsigned int i = 0; i < VS_PORT_MAX; i++) {
		ports->slot[i].ports = ports;
		ports->slot[i].number = i;
		spin_lock_init(&ports->slot[i].lock);
	}
}
