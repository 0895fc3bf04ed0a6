// SPDX-License-Identifier: Apache-2.0
// Whether a running process can be attached to at all, before anything in it is touched.
#pragma once

#include "process.h"

typedef enum { MF_TARGET_ERROR_REFUSED, MF_TARGET_ERROR_FILTERED } MfTargetErrorCode;
#define MF_TARGET_ERROR (mf_target_error_quark ())
GQuark mf_target_error_quark (void);

// False = it cannot: the error says why, and what to do. `filtered` = also where its system calls are filtered; `by_script` = no
// thread has to be stopped and made to call functions.
bool mf_target_check (MfProcess *process, bool filtered, bool by_script, GError **error);
// What to add to a refusal of the kernel: who else holds the process, or what the system forbids. Free with g_free.
char *mf_target_rights (int32_t process);
