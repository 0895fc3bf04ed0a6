// SPDX-License-Identifier: Apache-2.0
// One row for each type and range of versions: the members of its C struct, copied as kinds from
// the header or source that the comment names. Types of Python classes are absent: instances.c.
#include "model/objects/types.h"

#include <string.h>

typedef enum {
  GC = 1,      // Py_TPFLAGS_HAVE_GC
  D = 2,       // has a __dict__ of its own
  W = 4,       // can be weakly referenced
  MW = 8,      // its weakref list stands in front of the object (3.12+)
  BARE = 16,   // tp_basicsize is the end of the members, not rounded up
  FT = 32,     // the row holds in free-threaded builds only
  NOT_FT = 64, // and not in those
} TypeFlags;

typedef struct {
  MfPyType type;
  uint8_t from, until; // minor versions
  uint8_t flags;
  const char *fields;
  const char *item; // "" = fixed size
} TypeRow;

enum { FIRST = 8, LAST = 15 };
#define ALWAYS FIRST, LAST
#define P(id) MF_PY_##id

// clang-format off
static const TypeRow rows[] = {
  { P (OBJECT), ALWAYS, 0, "O", "" },
  // Include/cpython/object.h PyHeapTypeObject: a slot was added in 3.10 (am_send), 3.11 (_ht_tpname,
  // _spec_cache), 3.12 (tp_watched, getitem_version), 3.13 (init), 3.14 (ht_token), 3.15
  { P (TYPE), 8, 9, GC | D | W, "V107P", "PiniP" },
  { P (TYPE), 10, 10, GC | D | W, "V108P", "PiniP" },
  { P (TYPE), 11, 11, GC | D | W, "V110P", "PiniP" },
  { P (TYPE), 12, 12, GC | D | W, "V112P", "PiniP" },
  { P (TYPE), 13, 13, GC | D | W, "V113P", "PiniP" },
  { P (TYPE), 14, 14, GC | D | W | NOT_FT, "V114P", "PiniP" },
  { P (TYPE), 14, 14, GC | D | W | FT, "V115P", "PiniP" },
  { P (TYPE), 15, 15, GC | D | W | NOT_FT, "V115P", "PiniP" },
  { P (TYPE), 15, 15, GC | D | W | FT, "V116P", "PiniP" },
  // Include/cpython/longintrepr.h; bool is a whole int until 3.11
  { P (INT), ALWAYS, BARE, "V", "digit" },
  { P (BOOL), 8, 11, 0, "V digit", "digit" },
  { P (BOOL), 12, LAST, BARE, "V", "digit" },
  { P (FLOAT), ALWAYS, 0, "Od", "" },
  { P (COMPLEX), ALWAYS, 0, "O2d", "" },
  // Include/cpython/unicodeobject.h PyUnicodeObject: 3.12 dropped wstr
  { P (STR), 8, 11, 0, "OnnIP nPn P", "" },
  { P (STR), 12, LAST, 0, "OnnI nP P", "" },
  { P (BYTES), ALWAYS, BARE, "Vnc", "c" },
  { P (BYTEARRAY), 8, 14, 0, "VnPPn", "" },
  { P (BYTEARRAY), 15, LAST, 0, "VnPPnP", "" },
  { P (TUPLE), 8, 13, GC, "V", "P" },
  { P (TUPLE), 14, LAST, GC, "Vn", "P" }, // ob_hash
  { P (LIST), ALWAYS, GC, "VPn", "" },
  { P (DICT), ALWAYS, GC, "OnQPP", "" },
  { P (SET), ALWAYS, GC | W, "O3nPnn 8P8n P", "" },
  { P (FROZENSET), ALWAYS, GC | W, "O3nPnn 8P8n P", "" },
  { P (SLICE), ALWAYS, GC, "O3P", "" },
  { P (RANGE), ALWAYS, 0, "O4P", "" },
  // Include/cpython/memoryobject.h with Py_buffer
  { P (MEMORYVIEW), ALWAYS, GC | W, "VPnin PPnnii5P P", "P" },
  { P (PROPERTY), 8, 9, GC, "O4Pi", "" },
  { P (PROPERTY), 10, LAST, GC, "O5Pi", "" }, // prop_name
  { P (STATICMETHOD), ALWAYS, GC | D, "O2P", "" },
  { P (CLASSMETHOD), ALWAYS, GC | D, "O2P", "" },
  { P (SUPER), ALWAYS, GC, "O3P", "" },
  { P (ENUMERATE), 8, 10, GC, "OnPPP", "" },
  { P (ENUMERATE), 11, LAST, GC, "OnPPPP", "" }, // one
  { P (ZIP), 8, 9, GC, "OnPP", "" },
  { P (ZIP), 10, LAST, GC, "OnPPi", "" }, // strict
  { P (MAP), 8, 13, GC, "O2P", "" },
  { P (MAP), 14, LAST, GC, "O2Pi", "" }, // strict
  { P (FILTER), ALWAYS, GC, "O2P", "" },
  { P (REVERSED), ALWAYS, GC, "OnP", "" },
  // Include/cpython/pyerrors.h: notes came with 3.11
  { P (BASE_EXCEPTION), 8, 10, GC | D, "O5Pb", "" },
  { P (BASE_EXCEPTION), 11, LAST, GC | D, "O6Pb", "" },
  { P (EXCEPTION), 8, 10, GC | D, "O5Pb", "" },
  { P (EXCEPTION), 11, LAST, GC | D, "O6Pb", "" },
  { P (VALUE_ERROR), 8, 10, GC | D, "O5Pb", "" },
  { P (VALUE_ERROR), 11, LAST, GC | D, "O6Pb", "" },
  { P (KEY_ERROR), 8, 10, GC | D, "O5Pb", "" },
  { P (KEY_ERROR), 11, LAST, GC | D, "O6Pb", "" },
  { P (ATTRIBUTE_ERROR), 8, 9, GC | D, "O5Pb", "" },
  { P (ATTRIBUTE_ERROR), 10, 10, GC | D, "O5Pb2P", "" },
  { P (ATTRIBUTE_ERROR), 11, LAST, GC | D, "O6Pb2P", "" },
  { P (NAME_ERROR), 8, 9, GC | D, "O5Pb", "" },
  { P (NAME_ERROR), 10, 10, GC | D, "O5PbP", "" },
  { P (NAME_ERROR), 11, LAST, GC | D, "O6PbP", "" },
  { P (OS_ERROR), 8, 10, GC | D, "O5Pb4Pn", "" },
  { P (OS_ERROR), 11, LAST, GC | D, "O6Pb4Pn", "" },
  { P (IMPORT_ERROR), 8, 10, GC | D, "O5Pb3P", "" },
  { P (IMPORT_ERROR), 11, 11, GC | D, "O6Pb3P", "" },
  { P (IMPORT_ERROR), 12, LAST, GC | D, "O6Pb4P", "" },
  { P (SYNTAX_ERROR), 8, 9, GC | D, "O5Pb6P", "" },
  { P (SYNTAX_ERROR), 10, 10, GC | D, "O5Pb8P", "" },
  { P (SYNTAX_ERROR), 11, 13, GC | D, "O6Pb8P", "" },
  { P (SYNTAX_ERROR), 14, LAST, GC | D, "O6Pb9P", "" },
  { P (STOP_ITERATION), 8, 10, GC | D, "O5PbP", "" },
  { P (STOP_ITERATION), 11, LAST, GC | D, "O6PbP", "" },
  { P (SYSTEM_EXIT), 8, 10, GC | D, "O5PbP", "" },
  { P (SYSTEM_EXIT), 11, LAST, GC | D, "O6PbP", "" },
  { P (UNICODE_ERROR), 8, 10, GC | D, "O5Pb2PnnP", "" },
  { P (UNICODE_ERROR), 11, LAST, GC | D, "O6Pb2PnnP", "" },
  // Include/genobject.h, Include/cpython/genobject.h with Include/internal/pycore_frame.h
  // _PyInterpreterFrame (from 3.11 inside the generator; its locals and stack are the items)
  { P (GENERATOR), 8, 9, GC | W, "OPb4P4P", "" },
  { P (GENERATOR), 10, 10, GC | W, "OP4P4P", "" },
  { P (GENERATOR), 11, 11, GC | W, "O4P2PP3bb 8Pi2b", "P" },
  { P (GENERATOR), 12, 13, GC | W, "O3P2PP3bb 8PiHb", "P" },
  { P (GENERATOR), 14, LAST, GC | W | NOT_FT, "O3P2PP3bb 9PH2b", "P" },
  { P (GENERATOR), 14, LAST, GC | W | FT, "O3P2PP3bb 9PiH2b", "P" },
  { P (COROUTINE), 8, 9, GC | W, "OPb4P4PP", "" },
  { P (COROUTINE), 10, 10, GC | W, "OP4P4PP", "" },
  { P (COROUTINE), 11, 11, GC | W, "O4P2PP3bb 8Pi2b", "P" },
  { P (COROUTINE), 12, 13, GC | W, "O3P2PP3bb 8PiHb", "P" },
  { P (COROUTINE), 14, LAST, GC | W | NOT_FT, "O3P2PP3bb 9PH2b", "P" },
  { P (COROUTINE), 14, LAST, GC | W | FT, "O3P2PP3bb 9PiH2b", "P" },
  { P (ASYNC_GENERATOR), 8, 9, GC | W, "OPb4P4PP3i", "" },
  { P (ASYNC_GENERATOR), 10, 10, GC | W, "OP4P4PP3i", "" },
  { P (ASYNC_GENERATOR), 11, 11, GC | W, "O4P2PP3bb 8Pi2b", "P" },
  { P (ASYNC_GENERATOR), 12, 13, GC | W, "O3P2PP3bb 8PiHb", "P" },
  { P (ASYNC_GENERATOR), 14, LAST, GC | W | NOT_FT, "O3P2PP3bb 9PH2b", "P" },
  { P (ASYNC_GENERATOR), 14, LAST, GC | W | FT, "O3P2PP3bb 9PiH2b", "P" },
  { P (FRAME), 8, 9, GC, "V5PPPP2bP3ib 60i P", "P" },
  { P (FRAME), 10, 10, GC, "V5PPPi2bP3ib 60i P", "P" },
  { P (FRAME), 11, 11, GC, "O3Pi3b P 7Pi2b", "P" },
  { P (FRAME), 12, 12, GC, "O3Pi3b P 7PiHb", "P" },
  { P (FRAME), 13, 13, GC, "O3Pi3b2P P 7PiHb", "P" },
  { P (FRAME), 14, LAST, GC | NOT_FT, "O3Pi3b3P 9PH2b", "P" },
  { P (FRAME), 14, LAST, GC | FT, "O3Pi3b3P 9PiH2b", "P" },
  { P (BUILTIN_FUNCTION), ALWAYS, GC | W, "O5P", "" },
  { P (CELL), ALWAYS, GC, "OP", "" },
  // Include/descrobject.h PyDescr_COMMON
  { P (CLASSMETHOD_DESCRIPTOR), ALWAYS, GC, "O3P2P", "" },
  { P (METHOD_DESCRIPTOR), ALWAYS, GC, "O3P2P", "" },
  { P (GETSET_DESCRIPTOR), ALWAYS, GC, "O3PP", "" },
  { P (MEMBER_DESCRIPTOR), ALWAYS, GC, "O3PP", "" },
  { P (WRAPPER_DESCRIPTOR), ALWAYS, GC, "O3P2P", "" },
  { P (METHOD_WRAPPER), ALWAYS, GC, "O2P", "" },
  { P (MAPPING_PROXY), ALWAYS, GC, "OP", "" },
  // Include/cpython/code.h; from 3.11 the code units are the items
  { P (CODE), 8, 10, W, "O7i6P7PPPib", "" },
  { P (CODE), 11, 11, W | BARE, "V3Pi2h5i5i6PPPPiP", "H" },
  { P (CODE), 12, 12, W | BARE, "V3Pi5i5iI6PPPQPiP", "H" },
  { P (CODE), 13, 13, W | BARE, "V3Pi5i5iI6PPPPPPiP", "H" },
  { P (CODE), 14, LAST, W | BARE | NOT_FT, "V3Pi5i5iI6PPPPPPniP", "H" },
  { P (CODE), 14, LAST, W | BARE | FT, "V3Pi5i5iI6PPPPPPniPP", "H" },
  // Include/cpython/funcobject.h
  { P (FUNCTION), 8, 9, GC | D | W, "O13P", "" },
  { P (FUNCTION), 10, 10, GC | D | W, "O14P", "" },   // builtins
  { P (FUNCTION), 11, 11, GC | D | W, "O14PI", "" },  // version
  { P (FUNCTION), 12, 13, GC | D | W, "O15PI", "" },  // typeparams
  { P (FUNCTION), 14, LAST, GC | D | W, "O16PI", "" }, // annotate
  { P (METHOD), ALWAYS, GC | W, "O4P", "" },
  { P (MODULE), 8, 12, GC | D | W, "O5P", "" },
  { P (MODULE), 13, 14, GC | D | W | NOT_FT, "O5P", "" },
  { P (MODULE), 13, 14, GC | D | W | FT, "O6P", "" },
  { P (MODULE), 15, LAST, GC | D | W | NOT_FT, "O11P", "" },
  { P (SIMPLE_NAMESPACE), ALWAYS, GC | D, "OP", "" },
  { P (TRACEBACK), ALWAYS, GC, "O2P2i", "" },
  { P (GENERIC_ALIAS), 9, 10, GC | W, "O4P", "" },
  { P (GENERIC_ALIAS), 11, LAST, GC | W, "O4PbP", "" },
  { P (UNION), 10, 13, GC, "O2P", "" },
  { P (CAPSULE), 13, LAST, GC, "O6P", "" },
  { P (FRAME_LOCALS_PROXY), 13, LAST, GC, "OP", "" },
  { P (LAZY_IMPORT), 15, LAST, GC, "O4P2i", "" },
  { P (LIST_ITERATOR), ALWAYS, GC, "OnP", "" },
  { P (TUPLE_ITERATOR), ALWAYS, GC, "OnP", "" },
  { P (DICT_KEY_ITERATOR), ALWAYS, GC, "OPnnPn", "" },
  { P (DICT_VALUE_ITERATOR), ALWAYS, GC, "OPnnPn", "" },
  { P (DICT_ITEM_ITERATOR), ALWAYS, GC, "OPnnPn", "" },
  { P (SET_ITERATOR), ALWAYS, GC, "OPnnn", "" },
  { P (STR_ITERATOR), ALWAYS, GC, "OnP", "" },
  { P (BYTES_ITERATOR), ALWAYS, GC, "OnP", "" },
  { P (BYTEARRAY_ITERATOR), ALWAYS, GC, "OnP", "" },
  { P (RANGE_ITERATOR), 8, 11, 0, "O4l", "" },
  { P (RANGE_ITERATOR), 12, LAST, 0, "O3l", "" },
  { P (LONGRANGE_ITERATOR), 8, 11, 0, "O4P", "" },
  { P (LONGRANGE_ITERATOR), 12, LAST, 0, "O3P", "" },
  { P (DICT_KEYS), ALWAYS, GC, "OP", "" },
  { P (DICT_VALUES), ALWAYS, GC, "OP", "" },
  { P (DICT_ITEMS), ALWAYS, GC, "OP", "" },
  { P (LIST_REVERSE_ITERATOR), ALWAYS, GC, "OnP", "" },
  { P (CALLABLE_ITERATOR), ALWAYS, GC, "O2P", "" },
  // Include/cpython/weakrefobject.h: vectorcall came with 3.11
  { P (WEAKREF), 8, 10, GC, "O2Pn2P", "" },
  { P (WEAKREF), 11, LAST, GC | NOT_FT, "O2Pn3P", "" },
  { P (WEAKREF), 13, LAST, GC | FT, "O2Pn4P", "" },
  { P (WEAKPROXY), 8, 10, GC, "O2Pn2P", "" },
  { P (WEAKPROXY), 11, LAST, GC | NOT_FT, "O2Pn3P", "" },
  { P (WEAKPROXY), 13, LAST, GC | FT, "O2Pn4P", "" },
  // Modules/_functoolsmodule.c
  { P (PARTIAL), 8, 13, GC | D | W, "O6P", "" },
  { P (PARTIAL), 14, LAST, GC | D | W, "O8P", "" }, // placeholders
  { P (LRU_CACHE), 8, 8, GC | D, "O5P 9P", "" },
  { P (LRU_CACHE), 9, 9, GC | D | W, "O5P 10P", "" },
  { P (LRU_CACHE), 10, LAST, GC | D | W, "O5P 12P", "" },
  { P (CMP_TO_KEY), 8, 9, 0, "O2P", "" },
  { P (CMP_TO_KEY), 10, LAST, GC, "O2P", "" },
  // Modules/_operator.c
  { P (ITEMGETTER), 8, 10, GC, "OnPn", "" },
  { P (ITEMGETTER), 11, LAST, GC, "OnPnP", "" },
  { P (ATTRGETTER), 8, 10, GC, "OnP", "" },
  { P (ATTRGETTER), 11, LAST, GC, "OnPP", "" },
  { P (METHODCALLER), 8, 12, GC, "O3P", "" },
  { P (METHODCALLER), 13, LAST, GC, "O6P", "" },
  // Modules/itertoolsmodule.c
  { P (COUNT), ALWAYS, GC, "OnPP", "" },
  { P (CHAIN), ALWAYS, GC, "O2P", "" },
  { P (ISLICE), ALWAYS, GC, "OP4n", "" },
  { P (REPEAT), ALWAYS, GC, "OPn", "" },
  { P (CYCLE), 8, 13, GC, "O2Pni", "" },
  { P (CYCLE), 14, LAST, GC, "O2Pn", "" },
  { P (ACCUMULATE), 8, 11, GC, "O4P", "" },
  { P (ACCUMULATE), 12, LAST, GC, "O5P", "" },
  { P (GROUPBY), 8, 11, GC, "O6P", "" },
  { P (GROUPBY), 12, LAST, GC, "O7P", "" },
  { P (PRODUCT), ALWAYS, GC, "O3Pi", "" },
  // Modules/_collectionsmodule.c: from 3.11 a deque keeps 16 free blocks of its own
  { P (DEQUE), 8, 10, GC | W, "V2P4nP", "" },
  { P (DEQUE), 11, LAST, GC | W, "V2P5n16PP", "" },
  { P (DEQUE_ITERATOR), ALWAYS, GC, "O2P3n", "" },
  { P (ORDERED_DICT), ALWAYS, GC | D | W, "OnQPP PnPn2P2P", "" },
  { P (DEFAULT_DICT), ALWAYS, GC, "OnQPP P", "" },
  // Objects/structseq.c: hidden fields stand before the visible ones
  { P (SYS_FLAGS), 8, 12, GC, "V", "P" },
  { P (SYS_FLAGS), 13, 13, GC, "VP", "P" },
  { P (SYS_FLAGS), 14, 14, GC, "Vn3P", "P" },
  { P (SYS_FLAGS), 15, LAST, GC, "Vn4P", "P" },
  { P (VERSION_INFO), 8, 13, GC, "V", "P" },
  { P (VERSION_INFO), 14, LAST, GC, "Vn", "P" },
  { P (NONE), ALWAYS, 0, "O", "" },
  { P (NOT_IMPLEMENTED), ALWAYS, 0, "O", "" },
  { P (ELLIPSIS), ALWAYS, 0, "O", "" },
  // Modules/arraymodule.c
  { P (ARRAY), 8, 9, W, "VPnPPn", "" },
  { P (ARRAY), 10, LAST, GC | W, "VPnPPn", "" },
  { P (ARRAY_ITERATOR), ALWAYS, GC, "OnPP", "" },
  // Include/datetime.h
  { P (DATE), ALWAYS, 0, "Onb4b", "" },
  { P (TIME), ALWAYS, 0, "Onb6bbP", "" },
  { P (DATETIME), ALWAYS, 0, "Onb10bbP", "" },
  { P (TIMEDELTA), ALWAYS, 0, "On3i", "" },
  { P (TIMEZONE), ALWAYS, 0, "O2P", "" },
  { P (TZINFO), ALWAYS, 0, "O", "" },
  // Modules/_io: 3.12 and 3.13 hold a whole _PyUnicodeWriter, before and after a pointer
  { P (STRING_IO), 8, 11, GC | D | W, "OP3ni2P4b3P2P", "" },
  { P (STRING_IO), 12, 13, GC | D | W, "OP3ni 2PiI3nI2b 4b3P2PP", "" },
  { P (STRING_IO), 14, LAST, GC | D | W, "OP3niP4b3P2PP", "" },
  { P (BYTES_IO), ALWAYS, GC | D | W, "OPnn2Pn", "" },
  { P (FILE_IO), 8, 13, GC | D | W, "O3i2P", "" },
  { P (FILE_IO), 14, LAST, GC | D | W, "O2iP2P", "" }, // stat_atopen
  { P (BUFFERED_READER), ALWAYS, GC | D | W, "OP4ibiqP5qPLnn2P", "" },
  { P (BUFFERED_WRITER), ALWAYS, GC | D | W, "OP4ibiqP5qPLnn2P", "" },
  { P (BUFFERED_RANDOM), ALWAYS, GC | D | W, "OP4ibiqP5qPLnn2P", "" },
  { P (TEXT_IO), 8, 11, GC | D | W, "O2in7P9bPb PnPnP d P2P", "" },
  { P (TEXT_IO), 12, LAST, GC | D | W, "O2in7P9bPb PnPnP d P2PP", "" },
  // Modules/_sre/sre.h
  { P (PATTERN), 8, 9, W, "Vn3PiPinI", "I" },
  { P (PATTERN), 10, LAST, GC | W, "Vn3PiPinI", "I" },
  { P (MATCH), 8, 9, 0, "V3P4nn", "P" },
  { P (MATCH), 10, LAST, GC, "V3P4nn", "P" },
  // Modules/_decimal/_decimal.c with mpd_t, mpd_context_t
  { P (DECIMAL), 8, 12, 0, "OnB4nP4n", "" },
  { P (DECIMAL), 13, LAST, GC, "OnB4nP4n", "" },
  { P (DECIMAL_CONTEXT), 8, 12, 0, "O3n3I2iiPPiP", "" },
  { P (DECIMAL_CONTEXT), 13, 13, GC, "O3n3I2iiPPiP", "" },
  { P (DECIMAL_CONTEXT), 14, LAST, GC, "O3n3I2iiPPiPP", "" },
  { P (STRUCT), 8, 9, W, "O2n3P", "" },
  { P (STRUCT), 10, 14, GC | W, "O2n3P", "" },
  { P (STRUCT), 15, LAST, GC | W, "O2n3Pb", "" },
  // Modules/_threadmodule.c: PyMutex from 3.14
  { P (LOCK), 8, 9, W, "O2Pb", "" },
  { P (LOCK), 10, 12, GC | W, "O2Pb", "" },
  { P (LOCK), 13, 13, GC | W | NOT_FT, "O2Pb", "" },
  { P (LOCK), 14, LAST, GC | MW, "Ob", "" },
  { P (RLOCK), 8, 9, W, "OPLLP", "" },
  { P (RLOCK), 10, 12, GC | W, "OPLLP", "" },
  { P (RLOCK), 13, 13, GC | W, "OPQLP", "" }, // PyThread_ident_t
  { P (RLOCK), 14, LAST, GC | MW, "ObQn", "" },
  // Include/internal/pycore_context.h
  { P (CONTEXT_VAR), ALWAYS, GC | NOT_FT, "O3PQQn", "" },
  { P (CONTEXT_VAR), 13, LAST, GC | FT, "O2Pn", "" },
  { P (CONTEXT), ALWAYS, GC | W, "O3Pi", "" },
  { P (TOKEN), ALWAYS, GC, "O3Pi", "" },
  { P (SIMPLE_QUEUE), 8, 12, GC | W, "OPiPnP", "" },
  { P (SIMPLE_QUEUE), 13, LAST, GC | W, "Ob5nP", "" },
  { P (RANDOM), ALWAYS, 0, "Oi624I", "" },
  { P (SOCKET), 8, 11, 0, "O4iPq", "" },
  { P (SOCKET), 12, LAST, GC, "O4iPqP", "" },
  // Objects/typevarobject.c, templateobject.c, interpolationobject.c
  { P (TYPE_ALIAS), 12, 14, GC, "O5P", "" },
  { P (TYPE_ALIAS), 15, LAST, GC, "O6P", "" }, // qualname
  { P (TEMPLATE), 14, LAST, GC, "O2P", "" },
  { P (INTERPOLATION), 14, LAST, GC, "O4P", "" },
};
// clang-format on
#undef P

static const char *const names[] = {
#define X(id, name) [MF_PY_##id] = name,
  MF_PY_TYPES (X)
#undef X
};

const char *
mf_py_type_name (MfPyType type)
{
  return (unsigned) type < MF_PY_N_TYPES ? names[type] : "?";
}

MfPyType
mf_py_type_find (const char *name)
{
  for (unsigned i = 0; i < MF_PY_N_TYPES; i++)
    if (strcmp (names[i], name) == 0)
      return (MfPyType) i;
  return MF_PY_N_TYPES;
}

// Rows are by minor version. Two types changed within one: locks (3.13), and Struct, which the
// first releases of 3.10 did not let collect (seen up to 3.10.4, not in 3.10.13).
static unsigned
minor_of (const MfTarget *target, MfPyType type)
{
  if (type == MF_PY_LOCK && mf_py_lock_is_mutex (target) && !mf_target_from (target, 14))
    return 14;
  if (type == MF_PY_STRUCT && target->version == MF_PYTHON_VERSION (3, 10) && target->micro < 5)
    return 9;
  return target->version & 0xff;
}

static const TypeRow *
find_row (const MfTarget *target, MfPyType type)
{
  unsigned minor = minor_of (target, type);
  unsigned excluded = target->free_threaded ? NOT_FT : FT;
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    if (rows[i].type == type && minor >= rows[i].from && minor <= rows[i].until
        && !(rows[i].flags & excluded))
      return &rows[i];
  return NULL;
}

// Digits of int are not a kind that C knows.
static bool
layout_row (const MfTarget *target, const char *fields, MfLayout *layout)
{
  const char *digit = target->digit_bits == 15 ? "H" : "I";
  const char *found = strstr (fields, "digit");
  char text[48];
  if (!found)
    return mf_layout (target, fields, layout);
  size_t before = (size_t) (found - fields);
  memcpy (text, fields, before);
  memcpy (text + before, digit, 2);
  return mf_layout (target, text, layout);
}

bool
mf_py_type_size (const MfTarget *target, MfPyType type, MfPyTypeSize *size)
{
  const TypeRow *row = mf_target_doubt (target) || target->python != MF_PYTHON_CPYTHON
                           ? NULL
                           : find_row (target, type);
  MfLayout basic, item;
  if (!row || !layout_row (target, row->fields, &basic) || !layout_row (target, row->item, &item))
    return false;
  uint64_t word = target->pointer;
  *size = (MfPyTypeSize){
    .basic = row->flags & BARE ? basic.size : mf_round_up (basic.size, basic.alignment),
    .item = mf_round_up (item.size, item.alignment),
    .gc = row->flags & GC,
    .has_dict = row->flags & D,
    .has_weakref = row->flags & (W | MW),
    .prefix
    = (row->flags & GC && !target->free_threaded ? 2 * word : 0) + (row->flags & MW ? 2 * word : 0),
  };
  return true;
}
