// SPDX-License-Identifier: Apache-2.0
// Members of zip archives and wheels, from memory: stored and deflated ones. Any bytes may be
// given; nothing is unpacked beyond the size that the caller allows.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
  const uint8_t *bytes;
  size_t n;
  size_t at, end;    // of the central directory: what is not read yet
  uint32_t left;     // entries
  const char *error; // the rest of "cannot read FILE: "
} PycZip;

typedef struct {
  const char *name; // not terminated
  size_t name_n;
  const uint8_t *packed;
  size_t packed_n, n;
  uint32_t crc;
  uint16_t method;
  bool encrypted;
} PycZipEntry;

// False = zip->error says why; the bytes must outlive the entries.
bool pyc_zip_open (PycZip *zip, const uint8_t *bytes, size_t n);
// The next entry, folders included. False = there are no more, or zip->error says why.
bool pyc_zip_next (PycZip *zip, PycZipEntry *entry);
// Unpacks into `to`, which has entry->n bytes. NULL, or why it cannot be done.
const char *pyc_zip_unpack (const PycZipEntry *entry, uint8_t *to);
