// SPDX-License-Identifier: Apache-2.0
// A growing run of bytes for output.
#include "buffer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { SMALLEST = 1024 };

static void *
resize_heap (void *user, void *old, size_t bytes)
{
  (void) user;
  if (bytes != 0)
    return realloc (old, bytes);
  free (old);
  return NULL;
}

MfMemory
mf_memory_heap (void)
{
  return (MfMemory){ NULL, resize_heap };
}

void
mf_buffer_init (MfBuffer *buffer, MfMemory memory)
{
  *buffer = (MfBuffer){ .memory = memory };
}

void
mf_buffer_free (MfBuffer *buffer)
{
  if (buffer->bytes)
    buffer->memory.resize (buffer->memory.user, buffer->bytes, 0);
  mf_buffer_init (buffer, buffer->memory);
}

// Twice what is needed, so that appending byte by byte stays linear. False = the size overflows.
static bool
capacity_for (const MfBuffer *buffer, size_t more, size_t *capacity)
{
  size_t needed;
  if (__builtin_add_overflow (buffer->length, more, &needed)
      || __builtin_mul_overflow (needed, (size_t) 2, capacity))
    return false;
  if (*capacity < SMALLEST)
    *capacity = SMALLEST;
  return true;
}

bool
mf_buffer_grow (MfBuffer *buffer, size_t more)
{
  size_t capacity;
  void *bytes = NULL;
  if (capacity_for (buffer, more, &capacity))
    bytes = buffer->memory.resize (buffer->memory.user, buffer->bytes, capacity);
  if (!bytes) {
    buffer->failed = true;
    buffer->length = 0;
    return false;
  }
  buffer->bytes = bytes;
  buffer->capacity = capacity;
  return true;
}

void
mf_buffer_printf (MfBuffer *buffer, const char *format, ...)
{
  va_list arguments, again;
  va_start (arguments, format);
  va_copy (again, arguments);
  int n = vsnprintf (NULL, 0, format, arguments);
  if (n > 0 && mf_buffer_reserve (buffer, (size_t) n + 1)) {
    vsnprintf (buffer->bytes + buffer->length, (size_t) n + 1, format, again);
    buffer->length += (size_t) n;
  }
  va_end (again);
  va_end (arguments);
}
