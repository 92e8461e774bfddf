/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What differs between kernels, of network devices: see vs_compat.h.
 */
#ifndef VS_COMPAT_NET_H
#define VS_COMPAT_NET_H

#include <linux/netdevice.h>
#include <linux/virtio_net.h>

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

#endif
