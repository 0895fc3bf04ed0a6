// SPDX-License-Identifier: Apache-2.0
// Names that exist before a program runs, so that having them costs it nothing. Pure, any thread.
#pragma once

#include <stdbool.h>
#include <stdint.h>

// `n` bytes, not terminated. Of a firmware of MicroPython: true of what is in all of them, and of
// the modules that most boards have.
bool mf_firmware_has_name (const uint8_t *bytes, uint32_t n);
// Of CPython when site has been imported: true of what 3.8 to 3.13 have in common.
bool mf_python_starts_with_name (const uint8_t *bytes, uint32_t n);
