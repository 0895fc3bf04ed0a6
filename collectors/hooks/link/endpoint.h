// SPDX-License-Identifier: Apache-2.0
// Where a recorder and its receiver meet: a TCP port, a socket in the file system, or a serial line.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

typedef enum { MF_ENDPOINT_TCP, MF_ENDPOINT_UNIX, MF_ENDPOINT_SERIAL } MfEndpointKind;

enum { MF_ENDPOINT_NAME = 256, MF_ENDPOINT_ADDRESSES = 8 };

typedef struct {
  MfEndpointKind kind;
  char name[MF_ENDPOINT_NAME];  // as it was written; of serial lines and sockets: the path alone
  uint32_t baud;                // of a serial line
  uint32_t n_addresses;
  struct sockaddr_storage addresses[MF_ENDPOINT_ADDRESSES];
} MfEndpoint;

// Reads 127.0.0.1:7117, [::1]:7117, board.local:7117, unix:/run/memflow.sock, /dev/ttyUSB0:921600. Looks a name up, which
// may take seconds. NULL, or a sentence without a subject: what is wrong.
const char *mf_endpoint_parse (MfEndpoint *endpoint, const char *text);
// Is it on this machine? Then no secret is needed.
bool mf_endpoint_is_local (const MfEndpoint *endpoint);

// Begins to connect to an address, without waiting, or opens the serial line. Descriptor or -1 (errno says why).
int mf_endpoint_connect (const MfEndpoint *endpoint, uint32_t address);
// Listens; a socket in the file system has mode 0600. Descriptor or -1 (errno says why).
int mf_endpoint_listen (const MfEndpoint *endpoint);
// Makes a new connection notice within seconds that its other end has gone.
void mf_endpoint_watch (int fd);
// Was the other end of a socket in the file system opened by this user, or by root?
bool mf_endpoint_is_own (int fd);
