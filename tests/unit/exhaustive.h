// SPDX-License-Identifier: Apache-2.0
#pragma once

// The step of a test that goes through each byte or bit of its input. Under AddressSanitizer, where a try costs twenty times
// as much, it takes one of seven: each bit of a byte still has its turn.
#ifdef __SANITIZE_ADDRESS__
enum { EXHAUSTIVE_STEP = 7 };
#else
enum { EXHAUSTIVE_STEP = 1 };
#endif
