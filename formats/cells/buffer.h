// SPDX-License-Identifier: Apache-2.0
// A growing run of bytes for output. Its memory comes from the caller, so that a host can bound it
// and a test can refuse it.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

// Memory whose size depends on input: `resize` is realloc; NULL = there is none; 0 bytes frees.
typedef struct {
  void *user;
  void *(*resize) (void *user, void *old, size_t bytes);
} MfMemory;

// The process heap, for programs that bound nothing.
MfMemory mf_memory_heap (void);

// `failed` stays set once memory was refused; what was in the buffer is then gone.
typedef struct {
  char *bytes;
  size_t length, capacity;
  MfMemory memory;
  bool failed;
} MfBuffer;

// An empty buffer; mf_buffer_free gives its bytes back, after which it may be used again.
void mf_buffer_init (MfBuffer *buffer, MfMemory memory);
void mf_buffer_free (MfBuffer *buffer);

// Makes room for `more` bytes behind the length. False = refused: the buffer is empty and failed.
bool mf_buffer_grow (MfBuffer *buffer, size_t more);

static inline bool
mf_buffer_reserve (MfBuffer *buffer, size_t more)
{
  return more <= buffer->capacity - buffer->length || mf_buffer_grow (buffer, more);
}

static inline void
mf_buffer_put (MfBuffer *buffer, const void *bytes, size_t n)
{
  if (n == 0 || !mf_buffer_reserve (buffer, n))
    return;
  memcpy (buffer->bytes + buffer->length, bytes, n);
  buffer->length += n;
}

static inline void
mf_buffer_put_text (MfBuffer *buffer, const char *text)
{
  mf_buffer_put (buffer, text, strlen (text));
}

static inline void
mf_buffer_put_char (MfBuffer *buffer, char c)
{
  if (mf_buffer_reserve (buffer, 1))
    buffer->bytes[buffer->length++] = c;
}

void mf_buffer_printf (MfBuffer *buffer, const char *format, ...)
    __attribute__ ((format (printf, 2, 3)));
