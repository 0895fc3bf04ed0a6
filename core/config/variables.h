// SPDX-License-Identifier: Apache-2.0
// ${VAR}, ${VAR:-default} and $$ in the values of configurations.
#pragma once

#include "lexer.h"

// Appends `value` with its variables replaced from the environment. False: reported, at the place
// of the variable; `value` begins at `place`.
bool mf_variables_expand (
    MfSpan value, const MfPlace *place, GString *out, MfDiagnostics *diagnostics);
