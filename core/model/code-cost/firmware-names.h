// SPDX-License-Identifier: Apache-2.0
// Which names a firmware of MicroPython has in its flash, so that they cost no RAM. Pure, any thread.
#pragma once

#include <stdbool.h>
#include <stdint.h>

// `n` bytes, not terminated. True of what is in all of them, and of the modules that most boards have.
bool mf_firmware_has_name (const uint8_t *bytes, uint32_t n);
