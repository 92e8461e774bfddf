/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What differs between the kernels that the modules are built for: written here in the words of
 * the newest of them.  Kbuild looks into the kernel's own headers for what it has (VS_HAVE_...);
 * no version is compared, since distributions carry changes back.
 *
 * Macros are used where an inline function would need more headers than this file's users have.
 */
#ifndef VS_COMPAT_H
#define VS_COMPAT_H

#include <crypto/sha1.h>
#include <linux/hrtimer.h>
#include <linux/math.h>
#include <linux/string.h>
#include <linux/timer.h>
#include <linux/unaligned.h>
#include <linux/vdpa.h>
#include <linux/virtio_config.h>

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

/* Newer kernels merge the requests of every queue, and have no flag for it. */
#ifdef VS_HAVE_BLK_MQ_F_SHOULD_MERGE
#define VS_BLK_MQ_F_SHOULD_MERGE BLK_MQ_F_SHOULD_MERGE
#else
#define VS_BLK_MQ_F_SHOULD_MERGE 0
#endif

/* Older kernels want the queue as well, which the request knows. */
#ifdef VS_HAVE_BLK_RQ_MAP_SG_OF_QUEUE
#define vs_blk_rq_map_sg(queue, request, list) blk_rq_map_sg(queue, request, list)
#else
#define vs_blk_rq_map_sg(queue, request, list) blk_rq_map_sg(request, list)
#endif

/* The name was a text and its length, and is a struct qstr now. */
#ifdef VS_HAVE_LOOKUP_ONE_OF_QSTR
#define vs_lookup_one(idmap, name, base) lookup_one(idmap, &QSTR(name), base)
#else
#define vs_lookup_one(idmap, name, base) lookup_one(idmap, name, base, strlen(name))
#endif

/* The same under its older name. */
#ifndef VS_HAVE_FILE_KATTR
#define file_kattr fileattr
#endif

/* The address was a struct sockaddr, and is one for any length now. */
#ifdef VS_HAVE_SET_MAC_OF_STORAGE
#define vs_dev_set_mac_address_user(netdev, address) \
	dev_set_mac_address_user(netdev, address, NULL)
#else
#define vs_dev_set_mac_address_user(netdev, address) \
	dev_set_mac_address_user(netdev, (struct sockaddr *)(address), NULL)
#endif

/* In older kernels it shares a word with others, and cannot be read as a whole. */
#ifdef VS_HAVE_REG_STATE_OF_ITS_OWN
#define vs_netdev_reg_state(netdev) READ_ONCE((netdev)->reg_state)
#else
#define vs_netdev_reg_state(netdev) ((netdev)->reg_state)
#endif

/* Older kernels have one size for both versions of IP. */
#ifndef VS_HAVE_GSO_IPV4_MAX_SIZE
#define gso_ipv4_max_size gso_max_size
#endif

/* Older kernels know no header of a frame for UDP that is still to be segmented. */
#ifdef VS_HAVE_VIRTIO_USO
#define VS_VIRTIO_USO true
#else
#define VS_VIRTIO_USO false
#define VIRTIO_NET_HDR_GSO_UDP_L4 5
#endif

/* Newer kernels recycle a page without a lock where its pool's own NAPI frees it. */
#ifdef VS_HAVE_PAGE_POOL_NAPI
#define vs_page_pool_set_napi(parameters, owner) ((parameters)->napi = (owner))
#else
#define vs_page_pool_set_napi(parameters, owner) ((void)(owner))
#endif

/**
 * vs_sha1() - SHA-1 in one go
 * @input: has room for one block more than the @length bytes, which may be overwritten
 * @length: bytes
 * @digest: filled, SHA1_DIGEST_SIZE bytes
 *
 * Older kernels export the compression of a block alone.
 */
static inline void vs_sha1(u8 *input, size_t length, u8 *digest)
{
#ifdef VS_HAVE_SHA1
	sha1(input, length, digest);
#else
	u32 state[SHA1_DIGEST_WORDS], work[SHA1_WORKSPACE_WORDS];
	size_t end = round_up(length + 9, SHA1_BLOCK_SIZE);

	memset(input + length, 0, end - length);
	input[length] = 0x80;
	put_unaligned_be64(8 * length, input + end - 8);
	sha1_init(state);
	for (size_t at = 0; at < end; at += SHA1_BLOCK_SIZE)
		sha1_transform(state, input + at, work);
	for (unsigned int i = 0; i < SHA1_DIGEST_WORDS; i++)
		put_unaligned_be32(state[i], digest + 4 * i);
#endif
}

/* The namespace of what is exported for KUnit alone was a word, and is a text now. */
#ifdef VS_HAVE_IMPORT_NS_OF_TEXT
#define VS_MODULE_IMPORT_KUNIT MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING")
#else
#define VS_MODULE_IMPORT_KUNIT MODULE_IMPORT_NS(EXPORTED_FOR_KUNIT_TESTING)
#endif

/* Older kernels take what is wanted of each virtqueue from one array a property. */
#ifndef VS_HAVE_VIRTQUEUE_INFO
#define VS_VIRTQUEUES_MAX 16

struct virtqueue_info {
	const char *name;
	vq_callback_t *callback;
};

static inline int vs_virtio_find_vqs(struct virtio_device *vdev, unsigned int count,
				     struct virtqueue **vqs, struct virtqueue_info *info)
{
	vq_callback_t *callback[VS_VIRTQUEUES_MAX];
	const char *name[VS_VIRTQUEUES_MAX];

	if (WARN_ON_ONCE(count > VS_VIRTQUEUES_MAX))
		return -EINVAL;
	for (unsigned int i = 0; i < count; i++) {
		callback[i] = info[i].callback;
		name[i] = info[i].name;
	}
	return virtio_find_vqs(vdev, count, vqs, callback, name, NULL);
}
#else
#define vs_virtio_find_vqs(vdev, count, vqs, info) \
	virtio_find_vqs(vdev, count, vqs, info, NULL)
#endif

/* A vDPA device has, in newer kernels, a union of what maps its memory, and operations for that. */
#ifdef VS_HAVE_VIRTIO_MAP
#define vs_vdpa_alloc_device(type, member, ops, name) \
	vdpa_alloc_device(type, member, NULL, ops, NULL, 1, 1, name, true)
#define vs_vdpa_dma_dev(vdpa) ((vdpa)->vmap.dma_dev)
#else
#define vs_vdpa_alloc_device(type, member, ops, name) \
	vdpa_alloc_device(type, member, NULL, ops, 1, 1, name, true)
#define vs_vdpa_dma_dev(vdpa) ((vdpa)->dma_dev)
#endif

/*
 * 6.12.107 keeps the override of a vDPA device's driver in struct vdpa_device, 6.12.117 in
 * struct device.
 */
static inline int vs_vdpa_set_driver_override(struct vdpa_device *vdpa, const char *name)
{
#ifdef VS_HAVE_DEVICE_SET_DRIVER_OVERRIDE
	return device_set_driver_override(&vdpa->dev, name);
#else
	return driver_set_override(&vdpa->dev, &vdpa->driver_override, name, strlen(name));
#endif
}

#endif
