// SPDX-License-Identifier: GPL-2.0-only
/*
 * frames NETDEV ADDRESS SECONDS: prints the frames that arrive at NETDEV for an IPv4 ADDRESS, from
 * the first one on for so long, a line each as in fio's logs of latency: when in ms since 1970,
 * by the kernel's own stamp, and, in the last column, its bytes.  Says "ready" on stderr once
 * it listens, and fails if nothing comes for half a minute.
 */
#include <arpa/inet.h>
#include <err.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>

#define WAIT_SECONDS	30
#define BUFFER		(16 << 20)

static void set(int sock, int option, const void *value, socklen_t length)
{
	if (setsockopt(sock, SOL_SOCKET, option, value, length))
		err(1, "socket option %d", option);
}

/* Frames for other addresses would only cost time. */
static void take_only(int sock, in_addr_t address)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, ETH_HLEN + 16),	/* its destination */
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ntohl(address), 1, 0),
		BPF_STMT(BPF_RET | BPF_K, 0),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
	};
	struct sock_fprog program = { .len = 4, .filter = code };

	set(sock, SO_ATTACH_FILTER, &program, sizeof(program));
}

static int listen_at(const char *netdev, const char *address)
{
	struct sockaddr_ll at = {
		.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_IP),
		.sll_ifindex = if_nametoindex(netdev),
	};
	int sock = socket(AF_PACKET, SOCK_RAW, 0);

	if (sock < 0 || !at.sll_ifindex)
		err(1, "%s", netdev);
	take_only(sock, inet_addr(address));
	set(sock, SO_TIMESTAMPNS, &(int){ 1 }, sizeof(int));
	set(sock, SO_RCVBUFFORCE, &(int){ BUFFER }, sizeof(int));
	set(sock, SO_RCVTIMEO, &(struct timeval){ .tv_sec = WAIT_SECONDS }, sizeof(struct timeval));
	if (bind(sock, (struct sockaddr *)&at, sizeof(at)))
		err(1, "%s", netdev);
	return sock;
}

/* Return: when the next frame came, in ms; *length gets its bytes. */
static double next_frame(int sock, ssize_t *length)
{
	char frame[64], control[CMSG_SPACE(sizeof(struct timespec))];
	struct iovec vector = { .iov_base = frame, .iov_len = sizeof(frame) };
	struct msghdr message = {
		.msg_iov = &vector, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	struct timespec at;

	*length = recvmsg(sock, &message, MSG_TRUNC);
	if (*length < 0 || !CMSG_FIRSTHDR(&message))
		err(1, "no frame");
	memcpy(&at, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(at));
	return at.tv_sec * 1e3 + at.tv_nsec / 1e6;
}

int main(int argc, char **argv)
{
	double at, end = 0;
	ssize_t length;
	int sock;

	if (argc != 4)
		errx(2, "wants NETDEV ADDRESS SECONDS");
	sock = listen_at(argv[1], argv[2]);
	fprintf(stderr, "ready\n");
	for (;;) {
		at = next_frame(sock, &length);
		if (!end)
			end = at + atof(argv[3]) * 1000;
		if (at > end)
			return 0;
		printf("%.3f, 0, 0, %zd\n", at, length);
	}
}
