// SPDX-License-Identifier: GPL-2.0-only
/*
 * rounds PORT: sends datagrams back to where they come from, until it is ended.
 * rounds PORT ADDRESS MS: sends a datagram of a byte there, and the next one when that is back;
 * prints the round trips a second.  One that is lost is sent again after a second, and fails all
 * of it at the third time.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <linux/types.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>

#define LOST_MOST	3

static __s64 now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000LL + now.tv_nsec / 1000;
}

static void serve(int sock)
{
	struct sockaddr_in from;
	socklen_t size;
	char bytes[64];
	ssize_t got;

	for (;;) {
		size = sizeof(from);
		got = recvfrom(sock, bytes, sizeof(bytes), 0, (struct sockaddr *)&from, &size);
		if (got >= 0)
			sendto(sock, bytes, got, 0, (struct sockaddr *)&from, size);
	}
}

/* An answer to an earlier try, which seemed to be lost, is none. */
static int round_trip(int sock, unsigned char number)
{
	unsigned char answer;

	if (send(sock, &number, sizeof(number), 0) < 0)
		err(1, "send");
	for (;;) {
		if (recv(sock, &answer, sizeof(answer), 0) < 0) {
			if (errno != EAGAIN && errno != EINTR)
				err(1, "recv");
			return -1;
		}
		if (answer == number)
			return 0;
	}
}

static void measure(int sock, __s64 ms)
{
	__s64 start = now_us(), end = start + ms * 1000;
	unsigned int rounds = 0, lost = 0;

	while (now_us() < end) {
		if (!round_trip(sock, rounds))
			rounds++;
		else if (++lost == LOST_MOST)
			errx(1, "%u datagrams were lost", lost);
	}
	printf("%.1f\n", rounds * 1e6 / (now_us() - start));
}

int main(int argc, char **argv)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	struct timeval second = { .tv_sec = 1 };
	int sock = socket(AF_INET, SOCK_DGRAM, 0);

	if (argc != 2 && argc != 4)
		errx(2, "PORT [ADDRESS MS]");
	address.sin_port = htons(atoi(argv[1]));
	if (argc == 4 && inet_pton(AF_INET, argv[2], &address.sin_addr) != 1)
		errx(2, "%s: no address", argv[2]);
	if (argc == 2) {
		if (bind(sock, (struct sockaddr *)&address, sizeof(address)))
			err(1, "bind");
		serve(sock);
	}
	if (connect(sock, (struct sockaddr *)&address, sizeof(address)) ||
	    setsockopt(sock, SOL_SOCKET, SO_RCVTIMEO, &second, sizeof(second)))
		err(1, "%s", argv[2]);
	measure(sock, atoll(argv[3]));
	return 0;
}
