// SPDX-License-Identifier: Apache-2.0
// Serial ports: opened through libserialport, pseudo terminals through termios, without resetting
// the board behind them; and sentences that say what to do when that fails.
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef enum { MF_PARITY_NONE, MF_PARITY_EVEN, MF_PARITY_ODD } MfParity;
typedef enum { MF_FLOW_NONE, MF_FLOW_RTSCTS, MF_FLOW_XONXOFF } MfFlow;
typedef enum { MF_SIGNAL_LEAVE, MF_SIGNAL_ON, MF_SIGNAL_OFF } MfSignal;

typedef struct {
  uint32_t baud, data_bits, stop_bits;
  uint32_t parity;   // MfParity
  uint32_t flow;     // MfFlow
  uint32_t dtr, rts; // MfSignal
} MfPortSettings;

// Opens the terminal `path` raw, non-blocking and for this process alone; links (/dev/serial/by-id)
// are followed. Returns a descriptor that the caller closes, or -1 and an error of G_FILE_ERROR
// that is a whole sentence. Closing it leaves DTR as it is.
int mf_port_open (const char *path, const MfPortSettings *settings, GError **error);

// Sets `error` to "cannot open PATH: …" for an errno, with what to do about it.
void mf_port_set_error (GError **error, const char *path, int code);

// Calls `found` for every serial port of this machine: its path and what is on it.
typedef void (*MfPortFound) (void *user, const char *path, const char *what);
void mf_port_list (MfPortFound found, void *user);
