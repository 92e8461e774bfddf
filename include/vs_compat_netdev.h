/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What differs between kernels, of the locks of network devices: see vs_compat.h.
 */
#ifndef VS_COMPAT_NETDEV_H
#define VS_COMPAT_NETDEV_H

#include <linux/netdevice.h>
#include <linux/rtnetlink.h>

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

#endif
