// SPDX-License-Identifier: Apache-2.0
// Puts the pieces that a writer writes together again.
#include "outlet.h"

#include <string.h>

#include "layout.h"

_Static_assert (sizeof ((MfOutlet *) 0)->head == BLOCK_HEADER, "a head is kept until its body comes");

static void
take (MfOutlet *outlet, const uint8_t *head, const uint8_t *body, size_t n_body)
{
  if (outlet->kind->put (outlet, head, BLOCK_HEADER, body, n_body))
    outlet->bytes += BLOCK_HEADER + n_body;
}

void
mf_outlet_write (MfOutlet *outlet, const void *bytes, size_t n)
{
  if (outlet->has_head) {
    outlet->has_head = false;
    take (outlet, outlet->head, bytes, n);
  } else if (n == BLOCK_HEADER && !memcmp (bytes, BLOCK_MAGIC, BLOCK_KIND_AT)) {
    memcpy (outlet->head, bytes, n);
    outlet->has_head = true;
  } else
    take (outlet, bytes, NULL, 0);
}
