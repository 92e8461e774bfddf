/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What differs between kernels, of network devices: see vs_compat.h.
 */
#ifndef VS_COMPAT_NET_H
#define VS_COMPAT_NET_H

#include <linux/netdevice.h>
#include <linux/rtnetlink.h>
#include <linux/virtio_net.h>

/*
 * Newer kernels call what a netdev can do under a lock of its own, where the netdev requests it or
 * has shapers, beside rtnl or instead of it. Our netdevs always request it. In older kernels rtnl
 * is all there is, and these functions do nothing.
 */
#ifdef VS_HAVE_NETDEV_OPS_LOCK
#include <net/netdev_lock.h>
#define vs_netdev_request_lock(netdev) ((netdev)->request_ops_lock = true)
#define vs_netdev_lock(netdev) netdev_lock(netdev)
#define vs_netdev_trylock(netdev) netdev_trylock(netdev)
#define vs_netdev_unlock(netdev) netdev_unlock(netdev)
#define vs_netdev_assert_locked(netdev) netdev_assert_locked(netdev)
#define vs_netdev_set_mtu(netdev, mtu) netif_set_mtu(netdev, mtu)
#define vs_napi_enable(napi) napi_enable_locked(napi)
#define vs_napi_disable(napi) napi_disable_locked(napi)
#else
#define vs_netdev_request_lock(netdev) ((void)(netdev))
#define vs_netdev_lock(netdev) ((void)(netdev))
#define vs_netdev_trylock(netdev) ((void)(netdev), true)
#define vs_netdev_unlock(netdev) ((void)(netdev))
#define vs_netdev_assert_locked(netdev) ASSERT_RTNL()
#define vs_netdev_set_mtu(netdev, mtu) dev_set_mtu(netdev, mtu)
#define vs_napi_enable(napi) napi_enable(napi)
#define vs_napi_disable(napi) napi_disable(napi)
#endif

/*
 * Every frame that the other side sends passes; without the function the stack refuses addresses
 * to listen to. Of a netdev with that lock it may sleep, and has another name.
 */
#ifdef VS_HAVE_SET_RX_MODE_ASYNC
#define VS_NDO_SET_RX_MODE ndo_set_rx_mode_async
static inline int vs_set_rx_mode(struct net_device *netdev, struct netdev_hw_addr_list *unicast,
				 struct netdev_hw_addr_list *multicast)
{
	return 0;
}
#else
#define VS_NDO_SET_RX_MODE ndo_set_rx_mode
static inline void vs_set_rx_mode(struct net_device *netdev)
{
}
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

#endif
