// SPDX-License-Identifier: Apache-2.0
// Text that a program makes of values: its length is what is wanted.
#include "machine.h"

#include <stdio.h>
#include <string.h>

enum { MOST = 512 };

typedef struct {
  char text[MOST];
  size_t n;
  bool vague; // an estimate: the length of something is not known
} Text;

static void
add (Text *to, const char *bytes, size_t n)
{
  if (to->n + n > MOST) {
    to->vague = true;
    n = MOST - to->n;
  }
  memcpy (to->text + to->n, bytes, n);
  to->n += n;
}

// repr of a float: the shortest that reads back.
static size_t
print_real (double value, char *text, size_t room)
{
  for (int digits = 1; digits <= 17; digits++) {
    snprintf (text, room, "%.*g", digits, value);
    double back;
    if (sscanf (text, "%lf", &back) == 1 && back == value)
      break;
  }
  bool exponent = strchr (text, 'e') || strchr (text, 'n') || strchr (text, 'i');
  if (exponent && value > -1e16 && value < 1e16 && (value >= 1e-4 || value <= -1e-4)) {
    snprintf (text, room, "%.0f", value);
    exponent = false;
  }
  if (!exponent && !strchr (text, '.'))
    strcat (text, ".0");
  return strlen (text);
}

static size_t
print_integer (__int128 value, char *text)
{
  char digits[48];
  size_t n = 0, at = 0;
  unsigned __int128 magnitude = value < 0 ? -(unsigned __int128) value : (unsigned __int128) value;
  do
    digits[n++] = (char) ('0' + (int) (magnitude % 10));
  while (magnitude /= 10);
  if (value < 0)
    text[at++] = '-';
  while (n)
    text[at++] = digits[--n];
  text[at] = 0;
  return at;
}

static void print (Text *to, const MfThing *value, bool quoted, unsigned depth);

static void
print_list (Text *to, const MfThing *list, unsigned depth)
{
  bool tuple = list->type == MF_PY_TUPLE;
  add (to, tuple ? "(" : "[", 1);
  for (uint32_t i = 0; i < list->list.n; i++) {
    if (i)
      add (to, ", ", 2);
    print (to, list->list.items[i], true, depth + 1);
  }
  if (tuple && list->list.n == 1)
    add (to, ",", 1);
  add (to, tuple ? ")" : "]", 1);
}

static void
print (Text *to, const MfThing *value, bool quoted, unsigned depth)
{
  static const char *const singletons[] = { "None", "False", "True", "Ellipsis" };
  char number[64];
  if (value->kind == MF_V_TEXT && value->text.bytes) {
    if (quoted)
      add (to, "'", 1);
    add (to, value->text.bytes, value->text.n);
    if (quoted)
      add (to, "'", 1);
  } else if (value->kind == MF_V_INT)
    add (to, number, print_integer (mf_thing_integer (value), number));
  else if (value->kind == MF_V_FLOAT)
    add (to, number, print_real (value->real, number, sizeof number));
  else if (value->kind == MF_V_SINGLETON)
    add (to, singletons[value->sub], strlen (singletons[value->sub]));
  else if (value->kind == MF_V_LIST && depth < 4)
    print_list (to, value, depth);
  else {
    to->vague = true;
    add (to, "????????", value->type == MF_PY_INT ? 3 : 8);
  }
}

static MfThing *
text_of (MfMachine *machine, unsigned type, const Text *text)
{
  if (!text->vague)
    return mf_thing_text (&machine->heap, type, text->text, text->n);
  MfThing *thing = mf_thing_text_length (&machine->heap, type, text->n, MF_TEXT_ASCII);
  thing->flags |= MF_V_VAGUE;
  mf_machine_doubt (machine, MF_DOUBT_LENGTH, text->n + 16, "text of a value that is not known");
  return thing;
}

MfThing *
mf_machine_text_of (MfMachine *machine, MfThing *value, bool quoted)
{
  Text text = { .n = 0 };
  if (value->kind == MF_V_TEXT && value->type == MF_PY_STR && !quoted)
    return mf_thing_ref (value);
  print (&text, value, quoted, 0);
  return text_of (machine, MF_PY_STR, &text);
}

// ---- one specification: [[fill]align][sign][#][0][width][,][.precision][type], and that of %

typedef struct {
  char fill, align, sign, type;
  bool alternate, zero;
  int width, precision;
} Spec;

static void
format_number (Text *to, const MfThing *value, const Spec *spec)
{
  char text[MOST / 2], number[128];
  int precision = spec->precision;
  double real = value->kind == MF_V_FLOAT ? value->real : (double) mf_thing_integer (value);
  if (strchr ("eEfFgG", spec->type) && spec->type) {
    char how[] = { '%', '.', '*', spec->type, 0 };
    snprintf (text, sizeof text, how, precision < 0 ? 6 : precision > 100 ? 100 : precision, real);
  } else if (spec->type == '%') {
    snprintf (text, sizeof text, "%.*f%%", precision < 0 ? 6 : precision > 100 ? 100 : precision, real * 100);
  } else if (value->kind == MF_V_FLOAT && spec->type != 'd') {
    if (precision < 0)
      print_real (real, text, sizeof text);
    else
      snprintf (text, sizeof text, "%.*g", precision > 100 ? 100 : precision, real);
  } else {
    __int128 integer = value->kind == MF_V_FLOAT ? (__int128) real : mf_thing_integer (value);
    uint64_t magnitude = (uint64_t) (integer < 0 ? -integer : integer);
    print_integer (integer, number);
    if (spec->type == 'x' || spec->type == 'X')
      snprintf (number, sizeof number, "%s%s%lx", integer < 0 ? "-" : "", spec->alternate ? "0x" : "", (unsigned long) magnitude);
    else if (spec->type == 'o')
      snprintf (number, sizeof number, "%s%s%lo", integer < 0 ? "-" : "", spec->alternate ? "0o" : "", (unsigned long) magnitude);
    else if (spec->type == 'b') {
      size_t bits = magnitude ? 64 - (size_t) __builtin_clzl (magnitude) : 1, at = spec->alternate ? 2 : 0;
      memset (number, '0', at + bits);
      number[at + bits] = 0;
    } else if (spec->type == 'c')
      strcpy (number, "?");
    strcpy (text, number);
  }
  add (to, text, strlen (text));
}

static void
pad (Text *to, size_t from, const Spec *spec)
{
  size_t n = to->n - from;
  while (spec->width > 0 && n < (size_t) spec->width && to->n < MOST) {
    to->text[to->n++] = ' ';
    n++;
  }
}

static void
format_one (Text *to, const MfThing *value, const Spec *spec)
{
  size_t from = to->n;
  bool number = value->kind == MF_V_INT || value->kind == MF_V_FLOAT
                || (value->kind == MF_V_SINGLETON && value->type == MF_PY_BOOL && spec->type);
  if (number && spec->type != 's' && spec->type != 'r')
    format_number (to, value, spec);
  else
    print (to, value, spec->type == 'r', 0);
  if (spec->sign && spec->sign != '-' && number && to->text[from] != '-')
    add (to, "+", 1);
  if (spec->precision >= 0 && !number && to->n > from + (size_t) spec->precision)
    to->n = from + (size_t) spec->precision;
  pad (to, from, spec);
  if (spec->width > MOST / 2)
    to->vague = true;
}

static int
read_number (const char **at, const char *end)
{
  int number = 0;
  while (*at < end && **at >= '0' && **at <= '9' && number < 100000)
    number = number * 10 + (*(*at)++ - '0');
  return number;
}

static Spec
read_spec (const char *at, const char *end)
{
  Spec spec = { .precision = -1 };
  if (end - at >= 2 && strchr ("<>=^", at[1])) {
    spec.fill = at[0];
    spec.align = at[1];
    at += 2;
  } else if (at < end && strchr ("<>=^", *at))
    spec.align = *at++;
  if (at < end && strchr ("+- ", *at))
    spec.sign = *at++;
  if (at < end && *at == '#')
    spec.alternate = *at++;
  spec.zero = at < end && *at == '0';
  spec.width = read_number (&at, end);
  if (at < end && (*at == ',' || *at == '_'))
    at++;
  if (at < end && *at == '.') {
    at++;
    spec.precision = read_number (&at, end);
  }
  spec.type = at < end ? *at : 0;
  return spec;
}

MfThing *
mf_machine_format (MfMachine *machine, MfThing *value, unsigned conversion, const MfThing *spec)
{
  Text text = { .n = 0 };
  bool given = spec && spec->kind == MF_V_TEXT && spec->text.n;
  if (!given && !conversion && value->kind == MF_V_TEXT && value->type == MF_PY_STR)
    return mf_thing_ref (value);
  Spec how = given && spec->text.bytes ? read_spec (spec->text.bytes, spec->text.bytes + spec->text.n)
                                       : (Spec){ .precision = -1 };
  if (conversion >= 2)
    how.type = 'r';
  format_one (&text, value, &how);
  text.vague |= given && !spec->text.bytes;
  return text_of (machine, MF_PY_STR, &text);
}

// ---- format % arguments

static void
format_next (Text *to, const char **at, const char *end, MfThing *arguments, uint32_t *used)
{
  Spec spec = { .precision = -1 };
  bool named = *at < end && **at == '(';
  while (named && *at < end && *(*at)++ != ')')
    to->vague = true;
  while (*at < end && strchr ("-+ #0", **at)) {
    spec.zero |= **at == '0';
    spec.alternate |= **at == '#';
    spec.sign = **at == '+' ? '+' : spec.sign;
    (*at)++;
  }
  spec.width = read_number (at, end);
  if (*at < end && **at == '.') {
    (*at)++;
    spec.precision = read_number (at, end);
  }
  spec.type = *at < end ? *(*at)++ : 's';
  spec.type = spec.type == 'i' || spec.type == 'u' ? 'd' : spec.type;
  if (spec.type == '%') {
    add (to, "%", 1);
    return;
  }
  bool tuple = arguments->kind == MF_V_LIST && arguments->type == MF_PY_TUPLE;
  static const MfThing nothing = { .kind = MF_V_UNKNOWN, .type = MF_V_NO_TYPE };
  const MfThing *value = named ? &nothing : !tuple ? arguments : *used < arguments->list.n ? arguments->list.items[*used] : &nothing;
  ++*used;
  if (spec.type == 'd' && spec.precision >= 0) {
    spec.width = spec.precision > spec.width ? spec.precision : spec.width;
    spec.precision = -1;
  }
  format_one (to, value, &spec);
}

MfThing *
mf_machine_percent (MfMachine *machine, MfThing *format, MfThing *arguments)
{
  Text text = { .n = 0 };
  uint32_t used = 0;
  if (!format->text.bytes) {
    MfThing *result = mf_thing_text_length (&machine->heap, format->type, format->text.length + 8ull, format->sub);
    result->flags |= MF_V_VAGUE;
    return result;
  }
  const char *at = format->text.bytes, *end = at + format->text.n;
  while (at < end)
    if (*at == '%' && at + 1 < end) {
      at++;
      format_next (&text, &at, end, arguments, &used);
    } else
      add (&text, at++, 1);
  return text_of (machine, format->type, &text);
}

// ---- format.format (arguments): {}, {0}, {name}, each with !conversion and :specification

typedef struct {
  MfThing *const *arguments;
  uint32_t n, used; // positional ones
  const MfThing *kwnames;
} Fields;

static const MfThing *
field_value (Fields *fields, const char *name, size_t n)
{
  const char *at = name;
  uint32_t index = n ? (uint32_t) read_number (&at, name + n) : fields->used++;
  if (!n || at == name + n)
    return index < fields->n ? fields->arguments[index] : NULL;
  for (uint32_t i = 0; fields->kwnames && i < fields->kwnames->list.n; i++) {
    const MfThing *key = fields->kwnames->list.items[i];
    if (key->kind == MF_V_TEXT && key->text.bytes && key->text.n == n && !memcmp (key->text.bytes, name, n))
      return fields->arguments[fields->n + i];
  }
  return NULL; // attributes and items of arguments, too
}

static void
format_field (Text *to, Fields *fields, const char *at, const char *end)
{
  static const MfThing nothing = { .kind = MF_V_UNKNOWN, .type = MF_V_NO_TYPE };
  const char *name_end = at;
  while (name_end < end && *name_end != '!' && *name_end != ':')
    name_end++;
  const MfThing *value = field_value (fields, at, (size_t) (name_end - at));
  bool quoted = name_end + 1 < end && *name_end == '!' && name_end[1] != 's';
  const char *spec = memchr (name_end, ':', (size_t) (end - name_end));
  Spec how = spec ? read_spec (spec + 1, end) : (Spec){ .precision = -1 };
  to->vague |= spec && memchr (spec, '{', (size_t) (end - spec));
  how.type = quoted ? 'r' : how.type;
  format_one (to, value ? value : &nothing, &how);
}

static const char *
end_of_field (const char *at, const char *end)
{
  for (unsigned depth = 1; at < end; at++) {
    depth += *at == '{';
    depth -= *at == '}';
    if (!depth)
      return at;
  }
  return end;
}

MfThing *
mf_machine_format_fields (MfMachine *machine, const MfThing *format, MfThing **arguments, uint32_t n, const MfThing *kwnames)
{
  Text text = { .n = 0 };
  Fields fields = { arguments, n, 0, kwnames };
  const char *at = format->text.bytes, *end = at ? at + format->text.n : at;
  text.vague = !at;
  text.n = at ? 0 : format->text.length < MOST ? format->text.length : MOST;
  while (at < end) {
    bool twice = at + 1 < end && at[0] == at[1] && (*at == '{' || *at == '}');
    const char *close = *at == '{' && !twice ? end_of_field (at + 1, end) : at;
    if (close == at)
      add (&text, at, 1);
    else
      format_field (&text, &fields, at + 1, close);
    at = close + 1 + twice;
  }
  return text_of (machine, MF_PY_STR, &text);
}
