// SPDX-License-Identifier: Apache-2.0
// Configurations and targets by name: an argument that names no file is looked up among the
// installed ones.
#pragma once

#include <glib.h>

// The file that `argument` means: one of that path, or NAME[.ini] in the folder `below` of the
// installed configurations. NULL = there is none. Transfer full.
char *mf_installed_find (const char *argument, const char *below);
// The names of those in it, sorted. Free with g_strfreev.
char **mf_installed_names (const char *below);
