// SPDX-License-Identifier: Apache-2.0
// A program that qemu-user runs: its memory lies within that of the emulator, moved by a base that the emulator chose.
#pragma once

#include "process.h"

// `host` is the emulator as the kernel sees it, and becomes the emulated process's own. If it is none, it is returned as it is. NULL = it
// is one, and its program cannot be read: the error says why; `host` was closed.
MfProcess *mf_process_emulated (MfProcess *host, GError **error);
