// SPDX-License-Identifier: Apache-2.0
// Option tables themselves: whether a stranger's makes sense, and what help and reference pages
// say about each option.
#include "options.h"

#include <math.h>
#include <string.h>

#include "lexer.h"
#include "option-kinds.h"

enum { MAX_OPTIONS = 128, MAX_NAME = 40 };

// ---- texts

MfWord
mf_option_name (const MfOption *option)
{
  MfWord name = { "" };
  g_strlcpy (name.text, option->name, sizeof name.text);
  g_strdelimit (name.text, "_", '-');
  return name;
}

const char *
mf_option_kind_name (uint16_t kind)
{
  const MfOptionKindRow *row = mf_option_kind (kind);
  return row ? row->name : "unknown kind";
}

void
mf_option_print_default (const MfOption *option, GString *out)
{
  const char *unset = option->flags & MF_OPTION_REQUIRED ? "required" : "unset";
  g_string_append (out, option->fallback ? option->fallback : unset);
}

static MfWord
limit_text (const MfOption *option, double limit)
{
  bool sizes = option->kind == MF_SIZE || option->kind == MF_OPTION_SIZES;
  if (sizes && limit >= 0 && limit < 0x1p64)
    return mf_size_literal ((MfSize){ (uint64_t) limit });
  if (option->kind == MF_DURATION && limit >= 0 && limit < 0x1p63)
    return mf_duration_literal ((MfDuration){ (int64_t) limit });
  return mf_number_literal (limit);
}

static void
print_labels (const char *const *labels, GString *out)
{
  for (unsigned i = 0; labels[i]; i++) {
    const char *joint = labels[i + 1] ? ", " : " or ";
    g_string_append_printf (out, "%s%s", i ? joint : "", labels[i]);
  }
}

void
mf_option_print_range (const MfOption *option, GString *out)
{
  if (option->labels)
    print_labels (option->labels, out);
  if (!(option->low < option->high))
    return;
  bool low = option->low > -1e19, high = option->high < 1e19;
  if (low && high)
    g_string_append_printf (out, "%s to %s", limit_text (option, option->low).text,
        limit_text (option, option->high).text);
  else if (low || high)
    g_string_append_printf (out, low ? "at least %s" : "at most %s",
        limit_text (option, low ? option->low : option->high).text);
}

// `$` is doubled, because values may name variables.
static void
print_value (const char *value, GString *out)
{
  for (; *value; value++)
    g_string_append (out, (char[]){ *value, *value == '$' ? '$' : '\0', '\0' });
}

static void
print_ini_line (const MfOption *option, GString *out)
{
  g_autoptr (GString) range = g_string_new (NULL);
  mf_option_print_range (option, range);
  g_string_append_printf (out, "# %s (%s%s%s%s)\n", option->doc, mf_option_kind_name (option->kind),
      range->len ? ": " : "", range->str, option->flags & MF_OPTION_REQUIRED ? ", required" : "");
  g_string_append_printf (
      out, "%s%s =", option->fallback ? "" : "# ", mf_option_name (option).text);
  if (option->fallback && *option->fallback) {
    g_string_append_c (out, ' ');
    print_value (option->fallback, out);
  }
  g_string_append_c (out, '\n');
}

void
mf_options_print_ini (const MfOption *options, GString *out)
{
  for (; options && options->name; options++)
    if (options->kind != MF_OPTION_ARGV)
      print_ini_line (options, out);
}

// ---- checks

static bool
is_option_name (const char *name)
{
  if (!g_ascii_islower (*name) || strlen (name) > MAX_NAME)
    return false;
  return name[strspn (name, "abcdefghijklmnopqrstuvwxyz0123456789_")] == '\0';
}

static bool
is_one_line (const char *text)
{
  return *text && !mf_first_forbidden (text, strlen (text));
}

// Whether a configuration could say it: no outer blanks, no comment sign.
static bool
can_be_written (const char *value)
{
  size_t n = strlen (value);
  if (n == 0)
    return true;
  bool blank = strchr (" \t", value[0]) || strchr (" \t", value[n - 1]);
  return !blank && *value != '#' && !strstr (value, " #") && !strstr (value, "\t#")
         && !mf_first_forbidden (value, n);
}

static bool
refuse (GString *why, const MfOption *option, const char *text)
{
  g_string_append_printf (why, "option '%s' %s", option->name, text);
  return false;
}

static bool
check_place (const MfOption *option, size_t instance_size, GString *why)
{
  size_t width = mf_option_kind (option->kind)->width;
  if (width > instance_size || option->offset > instance_size - width)
    return refuse (why, option, "lies outside the instance");
  bool aligned = option->offset % MIN (width, 8) == 0;
  return aligned || refuse (why, option, "is not aligned in the instance");
}

static bool
check_labels (const MfOption *option, GString *why)
{
  if (option->kind != MF_OPTION_CHOICE)
    return true;
  if (!option->labels || !option->labels[0])
    return refuse (why, option, "is a choice without labels");
  for (const char *const *label = option->labels; *label; label++)
    if (!**label || !can_be_written (*label))
      return refuse (why, option, "has a label that cannot be written in a configuration");
  return true;
}

static bool
check_fallback (const MfOption *option, GString *why)
{
  union {
    uint64_t align;
    char bytes[16];
  } to;
  const MfOptionKindRow *kind = mf_option_kind (option->kind);
  bool required = option->flags & MF_OPTION_REQUIRED;
  if (!option->fallback)
    return kind->unset != MF_UNSET_NEVER || required
           || refuse (why, option, "is a yes or no and needs a default");
  if (required)
    return refuse (why, option, "is required and has a default");
  if (!can_be_written (option->fallback))
    return refuse (why, option, "has a default that cannot be written in a configuration");
  if (!*option->fallback && !kind->takes_empty)
    return refuse (why, option, "has an empty default; NULL means unset");
  g_autoptr (GPtrArray) arena = g_ptr_array_new_with_free_func (g_free);
  MfConfigEntry entry = { .key = option->name, .value = option->fallback };
  MfOptionValue value = { .entry = &entry, .arena = arena };
  if (kind->parse (option, &value, to.bytes))
    return true;
  refuse (why, option, "has a bad default: ");
  g_string_append (why, value.error.text);
  return false;
}

static bool
check_option (const MfOption *option, size_t instance_size, GString *why)
{
  if (!is_option_name (option->name))
    return refuse (why, option, "has a bad name: at most 40 of a-z, 0-9 and _, a letter first");
  if (!mf_option_kind (option->kind))
    return refuse (why, option, "is of an unknown kind");
  if (!option->doc || !is_one_line (option->doc))
    return refuse (why, option, "has no doc of one line");
  if (isnan (option->low) || isnan (option->high))
    return refuse (why, option, "has a range that is not a number");
  return check_place (option, instance_size, why) && check_labels (option, why)
         && check_fallback (option, why);
}

static bool
check_pair (const MfOption *a, const MfOption *b, GString *why)
{
  if (strcmp (a->name, b->name) == 0)
    return refuse (why, a, "stands in the table twice");
  bool apart = a->offset + mf_option_kind (a->kind)->width <= b->offset
               || b->offset + mf_option_kind (b->kind)->width <= a->offset;
  if (apart)
    return true;
  g_string_append_printf (
      why, "options '%s' and '%s' share bytes of the instance", b->name, a->name);
  return false;
}

bool
mf_options_check_table (const MfOption *options, size_t instance_size, GString *why)
{
  for (size_t i = 0; options && options[i].name; i++) {
    if (i == MAX_OPTIONS) {
      g_string_append_printf (why, "more than %d options, or a table without an end", MAX_OPTIONS);
      return false;
    }
    if (!check_option (&options[i], instance_size, why))
      return false;
    for (size_t j = 0; j < i; j++)
      if (!check_pair (&options[i], &options[j], why))
        return false;
  }
  return true;
}
