// SPDX-License-Identifier: Apache-2.0
// The built-in types: the C struct of each by version, as text that layout.h computes with.
#pragma once

#include "model/objects/layout.h"

// clang-format off
#define MF_PY_TYPES(X) \
  X (OBJECT, "object") X (TYPE, "type") X (INT, "int") X (BOOL, "bool") X (FLOAT, "float") X (COMPLEX, "complex") \
  X (STR, "str") X (BYTES, "bytes") X (BYTEARRAY, "bytearray") X (TUPLE, "tuple") X (LIST, "list") X (DICT, "dict") \
  X (SET, "set") X (FROZENSET, "frozenset") X (SLICE, "slice") X (RANGE, "range") X (MEMORYVIEW, "memoryview") \
  X (PROPERTY, "property") X (STATICMETHOD, "staticmethod") X (CLASSMETHOD, "classmethod") X (SUPER, "super") \
  X (ENUMERATE, "enumerate") X (ZIP, "zip") X (MAP, "map") X (FILTER, "filter") X (REVERSED, "reversed") \
  X (BASE_EXCEPTION, "BaseException") X (EXCEPTION, "Exception") X (OS_ERROR, "OSError") X (IMPORT_ERROR, "ImportError") \
  X (SYNTAX_ERROR, "SyntaxError") X (STOP_ITERATION, "StopIteration") X (SYSTEM_EXIT, "SystemExit") \
  X (UNICODE_ERROR, "UnicodeDecodeError") X (KEY_ERROR, "KeyError") X (ATTRIBUTE_ERROR, "AttributeError") \
  X (NAME_ERROR, "NameError") X (VALUE_ERROR, "ValueError") \
  X (ASYNC_GENERATOR, "types.AsyncGeneratorType") X (BUILTIN_FUNCTION, "types.BuiltinFunctionType") X (CELL, "types.CellType") \
  X (CLASSMETHOD_DESCRIPTOR, "types.ClassMethodDescriptorType") X (CODE, "types.CodeType") X (COROUTINE, "types.CoroutineType") \
  X (FRAME, "types.FrameType") X (FUNCTION, "types.FunctionType") X (GENERATOR, "types.GeneratorType") \
  X (GETSET_DESCRIPTOR, "types.GetSetDescriptorType") X (MAPPING_PROXY, "types.MappingProxyType") \
  X (MEMBER_DESCRIPTOR, "types.MemberDescriptorType") X (METHOD_DESCRIPTOR, "types.MethodDescriptorType") \
  X (METHOD, "types.MethodType") X (METHOD_WRAPPER, "types.MethodWrapperType") X (MODULE, "types.ModuleType") \
  X (SIMPLE_NAMESPACE, "types.SimpleNamespace") X (TRACEBACK, "types.TracebackType") \
  X (WRAPPER_DESCRIPTOR, "types.WrapperDescriptorType") X (GENERIC_ALIAS, "types.GenericAlias") X (UNION, "types.UnionType") \
  X (CAPSULE, "types.CapsuleType") X (FRAME_LOCALS_PROXY, "types.FrameLocalsProxyType") X (LAZY_IMPORT, "types.LazyImportType") \
  X (LIST_ITERATOR, "list_iterator") X (TUPLE_ITERATOR, "tuple_iterator") X (DICT_KEY_ITERATOR, "dict_keyiterator") \
  X (DICT_VALUE_ITERATOR, "dict_valueiterator") X (DICT_ITEM_ITERATOR, "dict_itemiterator") X (SET_ITERATOR, "set_iterator") \
  X (STR_ITERATOR, "str_iterator") X (BYTES_ITERATOR, "bytes_iterator") X (BYTEARRAY_ITERATOR, "bytearray_iterator") \
  X (RANGE_ITERATOR, "range_iterator") X (LONGRANGE_ITERATOR, "longrange_iterator") X (DICT_KEYS, "dict_keys") \
  X (DICT_VALUES, "dict_values") X (DICT_ITEMS, "dict_items") X (LIST_REVERSE_ITERATOR, "list_reverseiterator") \
  X (CALLABLE_ITERATOR, "callable_iterator") X (WEAKREF, "weakref") X (WEAKPROXY, "weakproxy") X (PARTIAL, "partial") \
  X (ITEMGETTER, "itemgetter") X (ATTRGETTER, "attrgetter") X (METHODCALLER, "methodcaller") X (COUNT, "count") X (CHAIN, "chain") \
  X (ISLICE, "islice") X (REPEAT, "repeat") X (CYCLE, "cycle") X (ACCUMULATE, "accumulate") X (GROUPBY, "groupby") \
  X (PRODUCT, "product") X (LRU_CACHE, "lru_cache_wrapper") X (CMP_TO_KEY, "cmp_to_key") X (DEQUE, "deque") \
  X (DEQUE_ITERATOR, "deque_iterator") X (ORDERED_DICT, "OrderedDict") X (DEFAULT_DICT, "defaultdict") X (COUNTER, "Counter") \
  X (SYS_FLAGS, "sys.flags") X (VERSION_INFO, "sys.version_info") X (NONE, "NoneType") X (NOT_IMPLEMENTED, "NotImplementedType") \
  X (ELLIPSIS, "ellipsis") X (ARRAY, "array.array") X (ARRAY_ITERATOR, "arrayiterator") X (DATE, "datetime.date") \
  X (TIME, "datetime.time") X (DATETIME, "datetime.datetime") X (TIMEDELTA, "datetime.timedelta") \
  X (TIMEZONE, "datetime.timezone") X (TZINFO, "datetime.tzinfo") X (STRING_IO, "io.StringIO") X (BYTES_IO, "io.BytesIO") \
  X (FILE_IO, "io.FileIO") X (BUFFERED_READER, "io.BufferedReader") X (BUFFERED_WRITER, "io.BufferedWriter") \
  X (TEXT_IO, "io.TextIOWrapper") X (BUFFERED_RANDOM, "io.BufferedRandom") X (PATTERN, "re.Pattern") X (MATCH, "re.Match") \
  X (DECIMAL, "Decimal") X (DECIMAL_CONTEXT, "Context") X (STRUCT, "struct.Struct") X (LOCK, "lock") X (RLOCK, "RLock") \
  X (CONTEXT_VAR, "ContextVar") X (CONTEXT, "contextvars.Context") X (TOKEN, "Token") X (SIMPLE_QUEUE, "SimpleQueue") \
  X (RANDOM, "Random") X (SOCKET, "socket") \
  X (TYPE_ALIAS, "typing.TypeAliasType") X (TEMPLATE, "string.templatelib.Template") X (INTERPOLATION, "string.templatelib.Interpolation") \
  X (INSTANCE, "an instance") X (CLASS, "a class")
// clang-format on

typedef enum {
#define X(id, name) MF_PY_##id,
  MF_PY_TYPES (X)
#undef X
      MF_PY_N_TYPES
} MfPyType;

typedef struct {
  uint64_t basic;  // tp_basicsize
  uint64_t item;   // tp_itemsize
  uint64_t prefix; // in front of the object: GC header, and dict and weakref links where managed
  bool gc, has_dict, has_weakref;
} MfPyTypeSize;

const char *mf_py_type_name (MfPyType type);
// By the name that Python shows ("dict", "types.CodeType"); MF_PY_N_TYPES if there is none.
MfPyType mf_py_type_find (const char *name);
// False: this version has no such type, or the model does not know it.
bool mf_py_type_size (const MfTarget *target, MfPyType type, MfPyTypeSize *size);
// Later releases of 3.13 have the lock of 3.14 already (seen in 3.13.5).
static inline bool
mf_py_lock_is_mutex (const MfTarget *target)
{
  return mf_target_from (target, 14) || (mf_target_from (target, 13) && target->micro > 0);
}
