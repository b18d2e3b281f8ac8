/* SPDX-License-Identifier: MIT
 *
 * Normalised peer addresses; see ip.h.
 */
#include "timed/net/ip.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const uint8_t V4_MAPPED[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

bool net_ip_equal(const struct net_ip *a, const struct net_ip *b)
{
	return memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

bool net_ip_is_v4(const struct net_ip *ip)
{
	return memcmp(ip->bytes, V4_MAPPED, sizeof(V4_MAPPED)) == 0;
}

bool net_ip_is_loopback(const struct net_ip *ip)
{
	static const struct net_ip v6 = {.bytes = {[15] = 1}};

	return net_ip_is_v4(ip) ? ip->bytes[12] == 127 : net_ip_equal(ip, &v6);
}

bool net_ip_is_unspecified(const struct net_ip *ip)
{
	static const uint8_t zero[16];

	if (net_ip_is_v4(ip))
		return memcmp(ip->bytes + 12, zero, 4) == 0;
	return memcmp(ip->bytes, zero, sizeof(zero)) == 0;
}

void net_ip_text(char out[NET_IP_TEXT_SIZE], const struct net_ip *ip)
{
	bool v4 = net_ip_is_v4(ip);

	if (!inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? ip->bytes + 12 : ip->bytes, out, NET_IP_TEXT_SIZE))
		out[0] = '\0';
}

void net_addr_text(char out[NET_ADDR_TEXT_SIZE], const struct net_addr *addr)
{
	char ip[NET_IP_TEXT_SIZE];

	net_ip_text(ip, &addr->ip);
	snprintf(out, NET_ADDR_TEXT_SIZE, net_ip_is_v4(&addr->ip) ? "%s:%u" : "[%s]:%u", ip, (unsigned)addr->port);
}

static void ip_from_v4(struct net_ip *out, const void *four_bytes)
{
	memcpy(out->bytes, V4_MAPPED, sizeof(V4_MAPPED));
	memcpy(out->bytes + 12, four_bytes, 4);
}

/* Decimal digits only, 1 to 65535. */
static int parse_port(uint16_t *out, const char *text)
{
	uint32_t port = 0;

	if (!*text)
		return -EINVAL;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return -EINVAL;
		port = port * 10 + (uint32_t)(*text - '0');
		if (port > UINT16_MAX)
			return -EINVAL;
	}
	if (port == 0)
		return -EINVAL;
	*out = (uint16_t)port;
	return 0;
}

int net_addr_parse(struct net_addr *out, const char *text, size_t len, uint16_t default_port)
{
	char copy[NET_ADDR_TEXT_SIZE + 2];
	char *host = copy, *port = NULL;
	struct in_addr v4;
	struct in6_addr v6;

	if (len == 0 || len >= sizeof(copy) || memchr(text, '\0', len))
		return -EINVAL;
	memcpy(copy, text, len);
	copy[len] = '\0';
	if (copy[0] == '[') {
		char *end = strchr(copy, ']');

		if (!end || (end[1] != '\0' && end[1] != ':'))
			return -EINVAL;
		host = copy + 1;
		if (end[1] == ':')
			port = end + 2;
		*end = '\0';
	} else if (strchr(copy, ':') && strchr(copy, ':') == strrchr(copy, ':')) {
		port = strchr(copy, ':');
		*port++ = '\0';
	}
	memset(out, 0, sizeof(*out));
	out->port = default_port;
	if (port && parse_port(&out->port, port))
		return -EINVAL;
	if (copy[0] != '[' && inet_pton(AF_INET, host, &v4) == 1) {
		ip_from_v4(&out->ip, &v4);
		return 0;
	}
	if (inet_pton(AF_INET6, host, &v6) != 1)
		return -EINVAL;
	memcpy(out->ip.bytes, &v6, sizeof(out->ip.bytes));
	return 0;
}

void net_addr_from_sockaddr(struct net_addr *out, const struct sockaddr *sa)
{
	memset(out, 0, sizeof(*out));
	if (sa->sa_family == AF_INET) {
		struct sockaddr_in in;

		memcpy(&in, sa, sizeof(in));
		ip_from_v4(&out->ip, &in.sin_addr);
		out->port = ntohs(in.sin_port);
	} else if (sa->sa_family == AF_INET6) {
		struct sockaddr_in6 in6;

		memcpy(&in6, sa, sizeof(in6));
		memcpy(out->ip.bytes, &in6.sin6_addr, sizeof(out->ip.bytes));
		out->port = ntohs(in6.sin6_port);
	}
}

socklen_t net_addr_to_sockaddr(struct sockaddr_storage *out, const struct net_addr *addr)
{
	memset(out, 0, sizeof(*out));
	if (net_ip_is_v4(&addr->ip)) {
		struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(addr->port)};

		memcpy(&in.sin_addr, addr->ip.bytes + 12, 4);
		memcpy(out, &in, sizeof(in));
		return sizeof(in);
	}
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(addr->port)};

	memcpy(&in6.sin6_addr, addr->ip.bytes, 16);
	memcpy(out, &in6, sizeof(in6));
	return sizeof(in6);
}

int net_ip_text_compare(const struct net_ip *a, const struct net_ip *b)
{
	char ta[NET_IP_TEXT_SIZE], tb[NET_IP_TEXT_SIZE];

	net_ip_text(ta, a);
	net_ip_text(tb, b);
	return strcmp(ta, tb);
}

int net_ip_local_for(struct net_ip *out, const struct net_ip *peer)
{
	/* Connecting a datagram socket sends nothing; it only asks the routing table. */
	struct net_addr addr = {.ip = *peer, .port = 9};
	struct sockaddr_storage sa;
	socklen_t len = net_addr_to_sockaddr(&sa, &addr);
	int fd = socket(sa.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int r = 0;

	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&sa, len)) {
		r = -errno;
	} else {
		len = sizeof(sa);
		if (getsockname(fd, (struct sockaddr *)&sa, &len))
			r = -errno;
		net_addr_from_sockaddr(&addr, (struct sockaddr *)&sa);
		*out = addr.ip;
	}
	close(fd);
	return r;
}

enum ip_scope { SCOPE_PUBLIC, SCOPE_LOCAL, SCOPE_NEVER };

struct ip_range {
	uint8_t prefix[16];
	uint8_t bits;
	enum ip_scope scope;
};

#define V4(a, b, c, d, n) {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a, b, c, d}, 96 + (n), SCOPE_LOCAL}
#define V4_NEVER(a, b, c, d, n) {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a, b, c, d}, 96 + (n), SCOPE_NEVER}
#define V4_PUBLIC {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}, 96, SCOPE_PUBLIC}
/* The first match decides; what matches nothing is reserved: of IPv6 only 2000::/3 is given out. */
static const struct ip_range RANGES[] = {
	V4_NEVER(0, 0, 0, 0, 8),       /* "this network", unspecified */
	V4_NEVER(192, 0, 0, 0, 24),    /* protocol assignments */
	V4_NEVER(192, 0, 2, 0, 24),    /* documentation */
	V4_NEVER(198, 51, 100, 0, 24), /* documentation */
	V4_NEVER(203, 0, 113, 0, 24),  /* documentation */
	V4_NEVER(224, 0, 0, 0, 3),     /* multicast, reserved, broadcast */
	V4(10, 0, 0, 0, 8),
	V4(100, 64, 0, 0, 10), /* carrier-grade NAT */
	V4(127, 0, 0, 0, 8),
	V4(169, 254, 0, 0, 16),
	V4(172, 16, 0, 0, 12),
	V4(192, 168, 0, 0, 16),
	V4(198, 18, 0, 0, 15), /* benchmarking */
	V4_PUBLIC,
	{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, 128, SCOPE_LOCAL},
	{{0x20, 0x01, 0x0d, 0xb8}, 32, SCOPE_NEVER}, /* documentation */
	{{0x20}, 3, SCOPE_PUBLIC},
	{{0xfc}, 7, SCOPE_LOCAL}, /* unique local */
};

static bool in_range(const struct net_ip *ip, const struct ip_range *range)
{
	size_t whole = range->bits / 8;
	unsigned rest = range->bits % 8;

	if (memcmp(ip->bytes, range->prefix, whole) != 0)
		return false;
	return rest == 0 || ((ip->bytes[whole] ^ range->prefix[whole]) >> (8 - rest)) == 0;
}

bool net_ip_usable(const struct net_ip *ip, enum chain_network network, enum addr_source source)
{
	enum ip_scope scope = SCOPE_NEVER;

	for (size_t i = 0; i < sizeof(RANGES) / sizeof(RANGES[0]); i++) {
		if (in_range(ip, &RANGES[i])) {
			scope = RANGES[i].scope;
			break;
		}
	}
	switch (scope) {
	case SCOPE_PUBLIC:
		return true;
	case SCOPE_LOCAL:
		return network == CHAIN_DEVNET || source == ADDR_SOURCE_CONFIGURED;
	case SCOPE_NEVER:
		return false;
	}
	return false;
}
