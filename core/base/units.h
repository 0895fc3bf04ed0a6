// SPDX-License-Identifier: Apache-2.0
// Literals with units (64KiB, 250ms), read from bounded bytes and written back, and figures for
// people. Always the C locale. Everything here is pure: any thread, no allocation.
#pragma once

#include <memflow/event.h>

// Why a literal was refused, and what to write instead ("" when there is nothing to suggest).
// Bytes of the input are echoed with control characters and invalid UTF-8 escaped.
typedef struct {
  char text[192], hint[192];
} MfLiteralError;

// A short text by value: `mf_size_print (size).text` lives to the end of the full expression.
typedef struct {
  char text[64];
} MfWord;

// Each reads all of `text[0 … n)`, which need not be terminated; surrounding blanks are not
// skipped. False: `error` is filled (it may be NULL) and `value` is untouched.

// Sizes: B, kB, MB, GB, TB (powers of 1000), KiB, MiB, GiB, TiB (powers of 1024); `1.5KiB` if that
// is a whole number of bytes; one blank before the unit is fine. Only 0 needs no unit. 64K is
// ambiguous.
bool mf_size_parse (const char *text, size_t n, MfSize *value, MfLiteralError *error);
// Durations: ns, us, ms, s, min, h. Whole nanoseconds, never negative. Only 0 needs no unit.
bool mf_duration_parse (const char *text, size_t n, MfDuration *value, MfLiteralError *error);
// Integers: decimal, or 0x and hexadecimal digits. No signs but `-`, and that only for integers.
bool mf_natural_parse (const char *text, size_t n, uint64_t *value, MfLiteralError *error);
bool mf_integer_parse (const char *text, size_t n, int64_t *value, MfLiteralError *error);
// Numbers with an optional fraction and exponent: 0.25, -1e6. Infinities and NaN are refused.
bool mf_number_parse (const char *text, size_t n, double *value, MfLiteralError *error);
// yes, true, on, 1 … no, false, off, 0.
bool mf_bool_parse (const char *text, size_t n, bool *value, MfLiteralError *error);

// The shortest literal that reads back as the same value: 64KiB, 12904B, 250ms, 0.25.
// Values that are not known (MF_SIZE_NONE, INT64_MIN, NaN) are written as "".
MfWord mf_size_literal (MfSize size);
MfWord mf_duration_literal (MfDuration duration);
MfWord mf_number_literal (double number);

// For people: "12.0 KiB", "512 B"; "9.2 ms", "2 min 5 s". Not known: "?".
MfWord mf_size_print (MfSize size);
MfWord mf_duration_print (MfDuration duration);
MfWord mf_grouped (uint64_t number);       // "12,904"
MfWord mf_grouped_signed (int64_t number); // "-39,712"
// "46.1 %". "0 %" and "100 %" only if exact: otherwise "<0.1 %" and ">99.9 %". Of 0: "- %".
MfWord mf_percent (uint64_t part, uint64_t whole);
