// SPDX-License-Identifier: Apache-2.0
// Addresses are looked up once: a lookup may take seconds, and a reconnection must not.
#include "endpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>

// ---- serial lines

static const struct { uint32_t baud; speed_t speed; } speeds[] = {
  { 9600, B9600 }, { 19200, B19200 }, { 38400, B38400 }, { 57600, B57600 }, { 115200, B115200 }, { 230400, B230400 },
  { 460800, B460800 }, { 500000, B500000 }, { 921600, B921600 }, { 1000000, B1000000 }, { 1500000, B1500000 },
  { 2000000, B2000000 }, { 3000000, B3000000 }, { 4000000, B4000000 },
};
enum { N_SPEEDS = sizeof speeds / sizeof speeds[0], USUAL_BAUD = 115200 };

static const speed_t *
speed_of (uint32_t baud)
{
  for (size_t i = 0; i < N_SPEEDS; i++)
    if (speeds[i].baud == baud)
      return &speeds[i].speed;
  return NULL;
}

static const char *
parse_serial (MfEndpoint *endpoint, const char *text)
{
  char *colon = strchr (endpoint->name, ':'), *end;
  endpoint->kind = MF_ENDPOINT_SERIAL;
  endpoint->baud = USUAL_BAUD;
  endpoint->n_addresses = 1;
  (void) text;
  if (!colon)
    return NULL;
  *colon = '\0';
  unsigned long baud = strtoul (colon + 1, &end, 10);
  endpoint->baud = baud <= 4000000 ? (uint32_t) baud : 0;
  return *end || !speed_of (endpoint->baud) ? "has a speed that serial lines do not have: write for example :115200" : NULL;
}

// Bytes as they are, no echo, no modem lines; reading and writing never wait.
static int
open_serial (const MfEndpoint *endpoint)
{
  struct termios line;
  int fd = open (endpoint->name, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0)
    return -1;
  const speed_t *speed = speed_of (endpoint->baud);
  if (!tcgetattr (fd, &line)) {
    cfmakeraw (&line);
    line.c_cflag = (line.c_cflag & ~(tcflag_t) (CRTSCTS | HUPCL)) | CLOCAL | CREAD;
    if (!cfsetspeed (&line, *speed) && !tcsetattr (fd, TCSANOW, &line))
      return fd;
  }
  int error = errno;
  close (fd);
  errno = error;
  return -1;
}

// ---- sockets

static const char *
parse_unix (MfEndpoint *endpoint, const char *path)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  endpoint->kind = MF_ENDPOINT_UNIX;
  endpoint->n_addresses = 1;
  if (!*path || strlen (path) >= sizeof address.sun_path)
    return "names no path of at most 107 bytes";
  strcpy (address.sun_path, path);
  strcpy (endpoint->name, path);
  memcpy (&endpoint->addresses[0], &address, sizeof address);
  return NULL;
}

static const char *
look_up (MfEndpoint *endpoint, const char *host, const char *port)
{
  const struct addrinfo how = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV };
  struct addrinfo *found, *one;
  int error = getaddrinfo (host, port, &how, &found);
  if (error)
    return error == EAI_SYSTEM ? strerror (errno) : gai_strerror (error);
  for (one = found; one && endpoint->n_addresses < MF_ENDPOINT_ADDRESSES; one = one->ai_next)
    memcpy (&endpoint->addresses[endpoint->n_addresses++], one->ai_addr, one->ai_addrlen);
  freeaddrinfo (found);
  return NULL;
}

static const char *
parse_tcp (MfEndpoint *endpoint, const char *text)
{
  char host[MF_ENDPOINT_NAME];
  strcpy (host, text);
  char *colon = strrchr (host, ':'), *name = host, *end;
  endpoint->kind = MF_ENDPOINT_TCP;
  unsigned long port = colon && colon[1] >= '0' && colon[1] <= '9' ? strtoul (colon + 1, &end, 10) : 0;
  if (!port || *end || port > 65535)
    return "names no port: write HOST:PORT, for example 127.0.0.1:7117";
  *colon = '\0';
  if (*name == '[' && colon[-1] == ']') {
    colon[-1] = '\0';
    name++;
  }
  return *name ? look_up (endpoint, name, colon + 1) : "names no host: write HOST:PORT, for example 127.0.0.1:7117";
}

const char *
mf_endpoint_parse (MfEndpoint *endpoint, const char *text)
{
  static const char prefix[] = "unix:";
  *endpoint = (MfEndpoint) { 0 };
  if (strlen (text) >= sizeof endpoint->name)
    return "is too long";
  strcpy (endpoint->name, text);
  if (!strncmp (text, prefix, sizeof prefix - 1))
    return parse_unix (endpoint, text + sizeof prefix - 1);
  return *text == '/' ? parse_serial (endpoint, text) : parse_tcp (endpoint, text);
}

static bool
is_loopback (const struct sockaddr_storage *address)
{
  const struct in6_addr *six = &((const struct sockaddr_in6 *) address)->sin6_addr;
  if (address->ss_family == AF_INET)
    return ntohl (((const struct sockaddr_in *) address)->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
  return IN6_IS_ADDR_LOOPBACK (six) || (IN6_IS_ADDR_V4MAPPED (six) && six->s6_addr[12] == IN_LOOPBACKNET);
}

bool
mf_endpoint_is_local (const MfEndpoint *endpoint)
{
  for (uint32_t i = 0; i < endpoint->n_addresses && endpoint->kind == MF_ENDPOINT_TCP; i++)
    if (!is_loopback (&endpoint->addresses[i]))
      return false;
  return true;
}

static socklen_t
address_bytes (const struct sockaddr_storage *address)
{
  return address->ss_family == AF_UNIX    ? sizeof (struct sockaddr_un)
         : address->ss_family == AF_INET6 ? sizeof (struct sockaddr_in6)
                                          : sizeof (struct sockaddr_in);
}

static int
close_failed (int fd)
{
  int error = errno;
  close (fd);
  errno = error;
  return -1;
}

int
mf_endpoint_connect (const MfEndpoint *endpoint, uint32_t index)
{
  if (endpoint->kind == MF_ENDPOINT_SERIAL)
    return open_serial (endpoint);
  const struct sockaddr_storage *address = &endpoint->addresses[index % endpoint->n_addresses];
  int fd = socket (address->ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0)
    return -1;
  if (connect (fd, (const struct sockaddr *) address, address_bytes (address)) && errno != EINPROGRESS)
    return close_failed (fd);
  return fd;
}

// What a process that was killed has left behind: nobody answers there.
static void
remove_stale (const MfEndpoint *endpoint)
{
  struct stat about;
  if (lstat (endpoint->name, &about) || !S_ISSOCK (about.st_mode))
    return;
  int fd = mf_endpoint_connect (endpoint, 0);
  if (fd < 0 && errno == ECONNREFUSED)
    unlink (endpoint->name);
  if (fd >= 0)
    close (fd);
}

int
mf_endpoint_listen (const MfEndpoint *endpoint)
{
  const struct sockaddr_storage *address = &endpoint->addresses[0];
  const int yes = 1;
  int fd = socket (address->ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0)
    return -1;
  if (endpoint->kind == MF_ENDPOINT_UNIX) {
    remove_stale (endpoint);
    fchmod (fd, 0600);  // before it has a name
  } else
    setsockopt (fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  if (bind (fd, (const struct sockaddr *) address, address_bytes (address)) || listen (fd, 8))
    return close_failed (fd);
  return fd;
}

void
mf_endpoint_watch (int fd)
{
  static const struct { int option, value; } settings[] = {
    { TCP_KEEPIDLE, 5 }, { TCP_KEEPINTVL, 3 }, { TCP_KEEPCNT, 3 }, { TCP_USER_TIMEOUT, 15000 }, { TCP_NODELAY, 1 },
  };
  const int yes = 1;
  setsockopt (fd, SOL_SOCKET, SO_KEEPALIVE, &yes, sizeof yes);
  for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++)
    setsockopt (fd, IPPROTO_TCP, settings[i].option, &settings[i].value, sizeof settings[i].value);
}

bool
mf_endpoint_is_own (int fd)
{
  struct ucred peer;
  socklen_t n = sizeof peer;
  return !getsockopt (fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) && (peer.uid == geteuid () || peer.uid == 0);
}
