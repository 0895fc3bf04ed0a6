// SPDX-License-Identifier: Apache-2.0
// /proc/loadavg ends with the number of the newest process or thread; /proc/N/status tells which of both it is.
#include "process-tree.h"

#include <glib.h>
#include <stdio.h>
#include <string.h>

enum { MOST_NEW = 4096 };  // above it, reading the folder costs less than asking for each number

static char *
read_file (const char *path)
{
  char *text = NULL;
  return g_file_get_contents (path, &text, NULL, NULL) ? text : NULL;
}

static int32_t
newest_now (void)
{
  int32_t newest = 0;
  g_autofree char *text = read_file ("/proc/loadavg");
  return text && sscanf (text, "%*s %*s %*s %*s %d", &newest) == 1 ? newest : 0;
}

static int32_t
number_behind (const char *text, const char *name)
{
  const char *at = text ? strstr (text, name) : NULL;
  return at ? (int32_t) g_ascii_strtoll (at + strlen (name), NULL, 10) : 0;
}

// A number may be a thread's, or nobody's any more. The name of the program cannot pretend: line feeds in it are escaped.
static bool
offer_one (int32_t id, MfProcessOffer offer, void *user)
{
  g_autofree char *path = g_strdup_printf ("/proc/%d/status", id), *text = read_file (path);
  int32_t parent = number_behind (text, "\nPPid:");
  return parent > 0 && number_behind (text, "\nTgid:") == id && offer (user, id, parent);
}

static bool
offer_all (MfProcessOffer offer, void *user)
{
  bool taken = false;
  g_autoptr (GDir) folder = g_dir_open ("/proc", 0, NULL);
  for (const char *name; folder && (name = g_dir_read_name (folder));) {
    int32_t id = (int32_t) g_ascii_strtoll (name, NULL, 10);
    taken = (id > 0 && offer_one (id, offer, user)) || taken;
  }
  return taken;
}

// The numbers of one look are offered at the next again: a number is given before its process can be seen.
void
mf_process_tree_look (MfProcessTree *tree, MfProcessOffer offer, void *user)
{
  int32_t newest = newest_now (), from = tree->before;
  bool nothing_new = newest == tree->newest && newest == from;
  tree->before = tree->newest;
  tree->newest = newest;
  if (nothing_new && newest)
    return;
  if (!from || !newest || newest < from || newest - from > MOST_NEW) {
    while (offer_all (offer, user))
      ;
    return;
  }
  for (int32_t id = from + 1; id <= newest; id++)
    offer_one (id, offer, user);
}
