// SPDX-License-Identifier: Apache-2.0
// ${VAR}, ${VAR:-default} and $$ in the values of configurations.
#include "variables.h"

#include <string.h>

typedef struct {
  MfSpan name, fallback;
  bool has_fallback;
} Variable;

// `inside` is what stands between the braces.
static bool
split_variable (MfSpan inside, Variable *variable)
{
  const char *separator = g_strstr_len (inside.start, (gssize) inside.length, ":-");
  size_t name = separator ? (size_t) (separator - inside.start) : inside.length;
  variable->name = (MfSpan){ inside.start, name };
  variable->has_fallback = separator;
  if (separator)
    variable->fallback = (MfSpan){ separator + 2, inside.length - name - 2 };
  bool letters = mf_is_name (inside.start, name) && !memchr (inside.start, '-', name);
  return letters && !g_ascii_isdigit (*inside.start);
}

// An empty variable counts as not set where there is a default, as in the shell.
static bool
append_variable (
    const Variable *variable, const MfPlace *place, GString *out, MfDiagnostics *diagnostics)
{
  g_autofree char *name = g_strndup (variable->name.start, variable->name.length);
  const char *value = g_getenv (name);
  if (variable->has_fallback && (!value || !*value)) {
    g_string_append_len (out, variable->fallback.start, (gssize) variable->fallback.length);
    return true;
  }
  if (!value) {
    g_autofree char *hint
        = g_strdup_printf ("set it in the environment, or write ${%s:-default}", name);
    mf_diagnostics_error (diagnostics, place, hint, "the variable '%s' is not set", name);
    return false;
  }
  if (mf_first_forbidden (value, strlen (value))) {
    mf_diagnostics_error (diagnostics, place, NULL,
        "the variable '%s' holds control characters or invalid UTF-8", name);
    return false;
  }
  g_string_append (out, value);
  return true;
}

static bool
refuse_dollar (
    MfPlace *place, size_t length, const char *hint, const char *text, MfDiagnostics *diagnostics)
{
  place->length = (uint32_t) length;
  mf_diagnostics_error (diagnostics, place, hint, "%s", text);
  return false;
}

// Reads what follows a `$` at `text`; `*used` bytes were read.
static bool
expand_dollar (const char *text, size_t n, MfPlace *place, GString *out, size_t *used,
    MfDiagnostics *diagnostics)
{
  *used = 2;
  if (n > 1 && text[1] == '$') {
    g_string_append_c (out, '$');
    return true;
  }
  if (n < 2 || text[1] != '{')
    return refuse_dollar (
        place, 1, "write $$ for a dollar sign, ${NAME} for a variable", "a single $", diagnostics);
  const char *close = memchr (text, '}', n);
  if (!close)
    return refuse_dollar (place, n, "write }", "the variable has no end", diagnostics);
  *used = (size_t) (close - text) + 1;
  Variable variable;
  if (!split_variable ((MfSpan){ text + 2, *used - 3 }, &variable))
    return refuse_dollar (place, *used, "write ${NAME} or ${NAME:-default}",
        "not the name of a variable", diagnostics);
  place->length = (uint32_t) *used;
  return append_variable (&variable, place, out, diagnostics);
}

bool
mf_variables_expand (MfSpan value, const MfPlace *place, GString *out, MfDiagnostics *diagnostics)
{
  for (size_t at = 0; at < value.length;) {
    const char *text = value.start + at;
    const char *dollar = memchr (text, '$', value.length - at);
    size_t plain = dollar ? (size_t) (dollar - text) : value.length - at;
    g_string_append_len (out, text, (gssize) plain);
    at += plain;
    if (!dollar)
      break;
    MfPlace here = *place;
    here.column += (uint32_t) at;
    size_t used;
    if (!expand_dollar (dollar, value.length - at, &here, out, &used, diagnostics))
      return false;
    at += used;
  }
  return true;
}
