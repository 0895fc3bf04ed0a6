// SPDX-License-Identifier: Apache-2.0
// The opcodes of each version, by name. Numbers, caches and the first opcode with an argument are
// what each interpreter's own module `opcode`
// says: 3.8.18, 3.9.18, 3.10.13, 3.11.7, 3.12.1, 3.13.0, 3.14.10, 3.15.2.
#include "opcodes.h"

enum { FIRST_VERSION = 0x0308, VERSIONS = 8 };
enum { _ = -1 };                                     // not in that version
#define C(number, caches) ((number) | (caches) << 8) // inline caches, in code units

typedef struct {
  const char *name; // stands again where its argument means something else
  uint8_t argument, shift;
  int16_t numbers[VERSIONS];
} Row;

#define UNUSED MF_PY_ARG_UNUSED
#define NUMBER MF_PY_ARG_NUMBER
#define CONST MF_PY_ARG_CONST
#define NAME MF_PY_ARG_NAME
#define LOCAL MF_PY_ARG_LOCAL
#define LOCAL_PAIR MF_PY_ARG_LOCAL_PAIR
#define CELL MF_PY_ARG_CELL
#define JUMP_TO MF_PY_ARG_JUMP_TO
#define JUMP_FORWARD MF_PY_ARG_JUMP_FORWARD
#define JUMP_BACKWARD MF_PY_ARG_JUMP_BACKWARD
#define COMPARE MF_PY_ARG_COMPARE
#define BINARY MF_PY_ARG_BINARY
#define SMALL_INT MF_PY_ARG_SMALL_INT
#define INTRINSIC_1 MF_PY_ARG_INTRINSIC_1
#define INTRINSIC_2 MF_PY_ARG_INTRINSIC_2
#define COMMON_CONSTANT MF_PY_ARG_COMMON_CONSTANT
#define SPECIAL MF_PY_ARG_SPECIAL
#define FUNCTION MF_PY_ARG_FUNCTION
#define EXTENSION MF_PY_ARG_EXTENSION

// clang-format off
// Opcodes that exist only in memory (specialised, instrumented, executors) are left out: no file has them.
//                                            3.8  3.9  3.10  3.11  3.12  3.13  3.14  3.15
static const Row rows[] = {
  { "ASYNC_GEN_WRAP", UNUSED, 0, { _, _, _, 87, _, _, _, _ } },
  { "BEFORE_ASYNC_WITH", UNUSED, 0, { 52, 52, 52, 52, 52, 1, _, _ } },
  { "BEFORE_WITH", UNUSED, 0, { _, _, _, 53, 53, 2, _, _ } },
  { "BEGIN_FINALLY", UNUSED, 0, { 53, _, _, _, _, _, _, _ } },
  { "BINARY_ADD", UNUSED, 0, { 23, 23, 23, _, _, _, _, _ } },
  { "BINARY_AND", UNUSED, 0, { 64, 64, 64, _, _, _, _, _ } },
  { "BINARY_FLOOR_DIVIDE", UNUSED, 0, { 26, 26, 26, _, _, _, _, _ } },
  { "BINARY_LSHIFT", UNUSED, 0, { 62, 62, 62, _, _, _, _, _ } },
  { "BINARY_MATRIX_MULTIPLY", UNUSED, 0, { 16, 16, 16, _, _, _, _, _ } },
  { "BINARY_MODULO", UNUSED, 0, { 22, 22, 22, _, _, _, _, _ } },
  { "BINARY_MULTIPLY", UNUSED, 0, { 20, 20, 20, _, _, _, _, _ } },
  { "BINARY_OP", BINARY, 0, { _, _, _, C (122, 1), C (122, 1), C (45, 1), C (44, 5), C (42, 5) } },
  { "BINARY_OR", UNUSED, 0, { 66, 66, 66, _, _, _, _, _ } },
  { "BINARY_POWER", UNUSED, 0, { 19, 19, 19, _, _, _, _, _ } },
  { "BINARY_RSHIFT", UNUSED, 0, { 63, 63, 63, _, _, _, _, _ } },
  { "BINARY_SLICE", UNUSED, 0, { _, _, _, _, 26, 4, 1, 1 } },
  { "BINARY_SUBSCR", UNUSED, 0, { 25, 25, 25, C (25, 4), C (25, 1), C (5, 1), _, _ } },
  { "BINARY_SUBTRACT", UNUSED, 0, { 24, 24, 24, _, _, _, _, _ } },
  { "BINARY_TRUE_DIVIDE", UNUSED, 0, { 27, 27, 27, _, _, _, _, _ } },
  { "BINARY_XOR", UNUSED, 0, { 65, 65, 65, _, _, _, _, _ } },
  { "BUILD_CONST_KEY_MAP", NUMBER, 0, { 156, 156, 156, 156, 156, 46, _, _ } },
  { "BUILD_INTERPOLATION", NUMBER, 0, { _, _, _, _, _, _, 45, 43 } },
  { "BUILD_LIST", NUMBER, 0, { 103, 103, 103, 103, 103, 47, 46, 44 } },
  { "BUILD_LIST_UNPACK", NUMBER, 0, { 149, _, _, _, _, _, _, _ } },
  { "BUILD_MAP", NUMBER, 0, { 105, 105, 105, 105, 105, 48, 47, 45 } },
  { "BUILD_MAP_UNPACK", NUMBER, 0, { 150, _, _, _, _, _, _, _ } },
  { "BUILD_MAP_UNPACK_WITH_CALL", NUMBER, 0, { 151, _, _, _, _, _, _, _ } },
  { "BUILD_SET", NUMBER, 0, { 104, 104, 104, 104, 104, 49, 48, 46 } },
  { "BUILD_SET_UNPACK", NUMBER, 0, { 153, _, _, _, _, _, _, _ } },
  { "BUILD_SLICE", NUMBER, 0, { 133, 133, 133, 133, 133, 50, 49, 47 } },
  { "BUILD_STRING", NUMBER, 0, { 157, 157, 157, 157, 157, 51, 50, 48 } },
  { "BUILD_TEMPLATE", UNUSED, 0, { _, _, _, _, _, _, 2, 2 } },
  { "BUILD_TUPLE", NUMBER, 0, { 102, 102, 102, 102, 102, 52, 51, 49 } },
  { "BUILD_TUPLE_UNPACK", NUMBER, 0, { 152, _, _, _, _, _, _, _ } },
  { "BUILD_TUPLE_UNPACK_WITH_CALL", NUMBER, 0, { 158, _, _, _, _, _, _, _ } },
  { "CACHE", UNUSED, 0, { _, _, _, 0, 0, 0, 0, 0 } },
  { "CALL", NUMBER, 0, { _, _, _, C (171, 4), C (171, 3), C (53, 3), C (52, 3), C (50, 3) } },
  { "CALL_FINALLY", JUMP_FORWARD, 0, { 162, _, _, _, _, _, _, _ } },
  { "CALL_FUNCTION", NUMBER, 0, { 131, 131, 131, _, _, _, _, _ } },
  { "CALL_FUNCTION_EX", UNUSED, 0, { _, _, _, _, _, _, 4, C (4, 1) } },
  { "CALL_FUNCTION_EX", NUMBER, 0, { 142, 142, 142, 142, 142, 54, _, _ } },
  { "CALL_FUNCTION_KW", NUMBER, 0, { 141, 141, 141, _, _, _, _, _ } },
  { "CALL_INTRINSIC_1", INTRINSIC_1, 0, { _, _, _, _, 173, 55, 53, 51 } },
  { "CALL_INTRINSIC_2", INTRINSIC_2, 0, { _, _, _, _, 174, 56, 54, 52 } },
  { "CALL_KW", NUMBER, 0, { _, _, _, _, _, 57, C (55, 3), C (53, 3) } },
  { "CALL_METHOD", NUMBER, 0, { 161, 161, 161, _, _, _, _, _ } },
  { "CHECK_EG_MATCH", UNUSED, 0, { _, _, _, 37, 37, 6, 5, 5 } },
  { "CHECK_EXC_MATCH", UNUSED, 0, { _, _, _, 36, 36, 7, 6, 6 } },
  { "CLEANUP_THROW", UNUSED, 0, { _, _, _, _, 55, 8, 7, 7 } },
  { "COMPARE_OP", COMPARE, 0, { 107, 107, 107, C (107, 2), _, _, _, _ } },
  { "COMPARE_OP", COMPARE, 4, { _, _, _, _, C (107, 1), _, _, _ } },
  { "COMPARE_OP", COMPARE, 5, { _, _, _, _, _, C (58, 1), C (56, 1), C (54, 1) } },
  { "CONTAINS_OP", NUMBER, 0, { _, 118, 118, 118, 118, C (59, 1), C (57, 1), C (55, 1) } },
  { "CONVERT_VALUE", NUMBER, 0, { _, _, _, _, _, 60, 58, 56 } },
  { "COPY", NUMBER, 0, { _, _, _, 120, 120, 61, 59, 57 } },
  { "COPY_DICT_WITHOUT_KEYS", UNUSED, 0, { _, _, 34, _, _, _, _, _ } },
  { "COPY_FREE_VARS", NUMBER, 0, { _, _, _, 149, 149, 62, 60, 58 } },
  { "DELETE_ATTR", NAME, 0, { 96, 96, 96, 96, 96, 63, 61, 59 } },
  { "DELETE_DEREF", CELL, 0, { 138, 138, 138, 139, 139, 64, 62, 60 } },
  { "DELETE_FAST", LOCAL, 0, { 126, 126, 126, 126, 126, 65, 63, 61 } },
  { "DELETE_GLOBAL", NAME, 0, { 98, 98, 98, 98, 98, 66, 64, 62 } },
  { "DELETE_NAME", NAME, 0, { 91, 91, 91, 91, 91, 67, 65, 63 } },
  { "DELETE_SUBSCR", UNUSED, 0, { 61, 61, 61, 61, 61, 9, 8, 8 } },
  { "DICT_MERGE", NUMBER, 0, { _, 164, 164, 164, 164, 68, 66, 64 } },
  { "DICT_UPDATE", NUMBER, 0, { _, 165, 165, 165, 165, 69, 67, 65 } },
  { "DUP_TOP", UNUSED, 0, { 4, 4, 4, _, _, _, _, _ } },
  { "DUP_TOP_TWO", UNUSED, 0, { 5, 5, 5, _, _, _, _, _ } },
  { "END_ASYNC_FOR", UNUSED, 0, { 54, 54, 54, 54, 54, 10, _, _ } },
  { "END_ASYNC_FOR", JUMP_BACKWARD, 0, { _, _, _, _, _, _, 68, 66 } },
  { "END_FINALLY", UNUSED, 0, { 88, _, _, _, _, _, _, _ } },
  { "END_FOR", UNUSED, 0, { _, _, _, _, 4, 11, 9, 9 } },
  { "END_SEND", UNUSED, 0, { _, _, _, _, 5, 12, 10, 10 } },
  { "EXIT_INIT_CHECK", UNUSED, 0, { _, _, _, _, _, 13, 11, 11 } },
  { "EXTENDED_ARG", EXTENSION, 0, { 144, 144, 144, 144, 144, 71, 69, 67 } },
  { "FORMAT_SIMPLE", UNUSED, 0, { _, _, _, _, _, 14, 12, 12 } },
  { "FORMAT_VALUE", NUMBER, 0, { 155, 155, 155, 155, 155, _, _, _ } },
  { "FORMAT_WITH_SPEC", UNUSED, 0, { _, _, _, _, _, 15, 13, 13 } },
  { "FOR_ITER", JUMP_FORWARD, 0, { 93, 93, 93, 93, C (93, 1), C (72, 1), C (70, 1), C (68, 1) } },
  { "GEN_START", NUMBER, 0, { _, _, 129, _, _, _, _, _ } },
  { "GET_AITER", UNUSED, 0, { 50, 50, 50, 50, 50, 16, 14, 14 } },
  { "GET_ANEXT", UNUSED, 0, { 51, 51, 51, 51, 51, 18, 15, 15 } },
  { "GET_AWAITABLE", UNUSED, 0, { 73, 73, 73, _, _, _, _, _ } },
  { "GET_AWAITABLE", NUMBER, 0, { _, _, _, 131, 131, 73, 71, 69 } },
  { "GET_ITER", UNUSED, 0, { 68, 68, 68, 68, 68, 19, 16, _ } },
  { "GET_ITER", NUMBER, 0, { _, _, _, _, _, _, _, C (70, 1) } },
  { "GET_LEN", UNUSED, 0, { _, _, 30, 30, 30, 20, 18, 16 } },
  { "GET_YIELD_FROM_ITER", UNUSED, 0, { 69, 69, 69, 69, 69, 21, 19, _ } },
  { "IMPORT_FROM", NAME, 0, { 109, 109, 109, 109, 109, 74, 72, 71 } },
  { "IMPORT_NAME", NAME, 0, { 108, 108, 108, 108, 108, 75, 73, 72 } },
  { "IMPORT_STAR", UNUSED, 0, { 84, 84, 84, 84, _, _, _, _ } },
  { "INPLACE_ADD", UNUSED, 0, { 55, 55, 55, _, _, _, _, _ } },
  { "INPLACE_AND", UNUSED, 0, { 77, 77, 77, _, _, _, _, _ } },
  { "INPLACE_FLOOR_DIVIDE", UNUSED, 0, { 28, 28, 28, _, _, _, _, _ } },
  { "INPLACE_LSHIFT", UNUSED, 0, { 75, 75, 75, _, _, _, _, _ } },
  { "INPLACE_MATRIX_MULTIPLY", UNUSED, 0, { 17, 17, 17, _, _, _, _, _ } },
  { "INPLACE_MODULO", UNUSED, 0, { 59, 59, 59, _, _, _, _, _ } },
  { "INPLACE_MULTIPLY", UNUSED, 0, { 57, 57, 57, _, _, _, _, _ } },
  { "INPLACE_OR", UNUSED, 0, { 79, 79, 79, _, _, _, _, _ } },
  { "INPLACE_POWER", UNUSED, 0, { 67, 67, 67, _, _, _, _, _ } },
  { "INPLACE_RSHIFT", UNUSED, 0, { 76, 76, 76, _, _, _, _, _ } },
  { "INPLACE_SUBTRACT", UNUSED, 0, { 56, 56, 56, _, _, _, _, _ } },
  { "INPLACE_TRUE_DIVIDE", UNUSED, 0, { 29, 29, 29, _, _, _, _, _ } },
  { "INPLACE_XOR", UNUSED, 0, { 78, 78, 78, _, _, _, _, _ } },
  { "INTERPRETER_EXIT", UNUSED, 0, { _, _, _, _, 3, 22, 20, 18 } },
  { "IS_OP", NUMBER, 0, { _, 117, 117, 117, 117, 76, 74, 73 } },
  { "JUMP_ABSOLUTE", JUMP_TO, 0, { 113, 113, 113, _, _, _, _, _ } },
  { "JUMP_BACKWARD", JUMP_BACKWARD, 0, { _, _, _, 140, 140, C (77, 1), C (75, 1), C (74, 1) } },
  { "JUMP_BACKWARD_NO_INTERRUPT", JUMP_BACKWARD, 0, { _, _, _, 134, 134, 78, 76, 75 } },
  { "JUMP_FORWARD", JUMP_FORWARD, 0, { 110, 110, 110, 110, 110, 79, 77, 76 } },
  { "JUMP_IF_FALSE_OR_POP", JUMP_TO, 0, { 111, 111, 111, _, _, _, _, _ } },
  { "JUMP_IF_FALSE_OR_POP", JUMP_FORWARD, 0, { _, _, _, 111, _, _, _, _ } },
  { "JUMP_IF_NOT_EXC_MATCH", JUMP_TO, 0, { _, 121, 121, _, _, _, _, _ } },
  { "JUMP_IF_TRUE_OR_POP", JUMP_TO, 0, { 112, 112, 112, _, _, _, _, _ } },
  { "JUMP_IF_TRUE_OR_POP", JUMP_FORWARD, 0, { _, _, _, 112, _, _, _, _ } },
  { "KW_NAMES", CONST, 0, { _, _, _, 172, 172, _, _, _ } },
  { "LIST_APPEND", NUMBER, 0, { 145, 145, 145, 145, 145, 80, 78, 77 } },
  { "LIST_EXTEND", NUMBER, 0, { _, 162, 162, 162, 162, 81, 79, 78 } },
  { "LIST_TO_TUPLE", UNUSED, 0, { _, 82, 82, 82, _, _, _, _ } },
  { "LOAD_ASSERTION_ERROR", UNUSED, 0, { _, 74, 74, 74, 74, 23, _, _ } },
  { "LOAD_ATTR", NAME, 0, { 106, 106, 106, C (106, 4), _, _, _, _ } },
  { "LOAD_ATTR", NAME, 1, { _, _, _, _, C (106, 9), C (82, 9), C (80, 9), C (79, 9) } },
  { "LOAD_BUILD_CLASS", UNUSED, 0, { 71, 71, 71, 71, 71, 24, 21, 19 } },
  { "LOAD_CLASSDEREF", CELL, 0, { 148, 148, 148, 148, _, _, _, _ } },
  { "LOAD_CLOSURE", CELL, 0, { 135, 135, 135, 136, 136, _, _, _ } },
  { "LOAD_COMMON_CONSTANT", COMMON_CONSTANT, 0, { _, _, _, _, _, _, 81, 80 } },
  { "LOAD_CONST", CONST, 0, { 100, 100, 100, 100, 100, 83, 82, 81 } },
  { "LOAD_DEREF", CELL, 0, { 136, 136, 136, 137, 137, 84, 83, 82 } },
  { "LOAD_FAST", LOCAL, 0, { 124, 124, 124, 124, 124, 85, 84, 83 } },
  { "LOAD_FAST_AND_CLEAR", LOCAL, 0, { _, _, _, _, 143, 86, 85, 84 } },
  { "LOAD_FAST_BORROW", LOCAL, 0, { _, _, _, _, _, _, 86, 85 } },
  { "LOAD_FAST_BORROW_LOAD_FAST_BORROW", LOCAL_PAIR, 0, { _, _, _, _, _, _, 87, 86 } },
  { "LOAD_FAST_CHECK", LOCAL, 0, { _, _, _, _, 127, 87, 88, 87 } },
  { "LOAD_FAST_LOAD_FAST", LOCAL_PAIR, 0, { _, _, _, _, _, 88, 89, 88 } },
  { "LOAD_FROM_DICT_OR_DEREF", CELL, 0, { _, _, _, _, 176, 89, 90, 89 } },
  { "LOAD_FROM_DICT_OR_GLOBALS", NAME, 0, { _, _, _, _, 175, 90, 91, 90 } },
  { "LOAD_GLOBAL", NAME, 0, { 116, 116, 116, _, _, _, _, _ } },
  { "LOAD_GLOBAL", NAME, 1, { _, _, _, C (116, 5), C (116, 4), C (91, 4), C (92, 4), C (91, 4) } },
  { "LOAD_LOCALS", UNUSED, 0, { _, _, _, _, 87, 25, 22, 20 } },
  { "LOAD_METHOD", NAME, 0, { 160, 160, 160, C (160, 10), _, _, _, _ } },
  { "LOAD_NAME", NAME, 0, { 101, 101, 101, 101, 101, 92, 93, 92 } },
  { "LOAD_SMALL_INT", SMALL_INT, 0, { _, _, _, _, _, _, 94, 93 } },
  { "LOAD_SPECIAL", SPECIAL, 0, { _, _, _, _, _, _, 95, 94 } },
  { "LOAD_SUPER_ATTR", NAME, 2, { _, _, _, _, C (141, 1), C (93, 1), C (96, 1), C (95, 1) } },
  { "MAKE_CELL", CELL, 0, { _, _, _, 135, 135, 94, 97, 96 } },
  { "MAKE_FUNCTION", FUNCTION, 0, { 132, 132, 132, 132, 132, _, _, _ } },
  { "MAKE_FUNCTION", UNUSED, 0, { _, _, _, _, _, 26, 23, 21 } },
  { "MAP_ADD", NUMBER, 0, { 147, 147, 147, 147, 147, 95, 98, 97 } },
  { "MATCH_CLASS", NUMBER, 0, { _, _, 152, 152, 152, 96, 99, 98 } },
  { "MATCH_KEYS", UNUSED, 0, { _, _, 33, 33, 33, 27, 24, 22 } },
  { "MATCH_MAPPING", UNUSED, 0, { _, _, 31, 31, 31, 28, 25, 23 } },
  { "MATCH_SEQUENCE", UNUSED, 0, { _, _, 32, 32, 32, 29, 26, 24 } },
  { "NOP", UNUSED, 0, { 9, 9, 9, 9, 9, 30, 27, 25 } },
  { "NOT_TAKEN", UNUSED, 0, { _, _, _, _, _, _, 28, 26 } },
  { "POP_BLOCK", UNUSED, 0, { 87, 87, 87, _, _, _, _, _ } },
  { "POP_EXCEPT", UNUSED, 0, { 89, 89, 89, 89, 89, 31, 29, 27 } },
  { "POP_FINALLY", NUMBER, 0, { 163, _, _, _, _, _, _, _ } },
  { "POP_ITER", UNUSED, 0, { _, _, _, _, _, _, 30, 28 } },
  { "POP_JUMP_BACKWARD_IF_FALSE", JUMP_BACKWARD, 0, { _, _, _, 175, _, _, _, _ } },
  { "POP_JUMP_BACKWARD_IF_NONE", JUMP_BACKWARD, 0, { _, _, _, 174, _, _, _, _ } },
  { "POP_JUMP_BACKWARD_IF_NOT_NONE", JUMP_BACKWARD, 0, { _, _, _, 173, _, _, _, _ } },
  { "POP_JUMP_BACKWARD_IF_TRUE", JUMP_BACKWARD, 0, { _, _, _, 176, _, _, _, _ } },
  { "POP_JUMP_FORWARD_IF_FALSE", JUMP_FORWARD, 0, { _, _, _, 114, _, _, _, _ } },
  { "POP_JUMP_FORWARD_IF_NONE", JUMP_FORWARD, 0, { _, _, _, 129, _, _, _, _ } },
  { "POP_JUMP_FORWARD_IF_NOT_NONE", JUMP_FORWARD, 0, { _, _, _, 128, _, _, _, _ } },
  { "POP_JUMP_FORWARD_IF_TRUE", JUMP_FORWARD, 0, { _, _, _, 115, _, _, _, _ } },
  { "POP_JUMP_IF_FALSE", JUMP_TO, 0, { 114, 114, 114, _, _, _, _, _ } },
  { "POP_JUMP_IF_FALSE", JUMP_FORWARD, 0, { _, _, _, _, 114, C (97, 1), C (100, 1), C (99, 1) } },
  { "POP_JUMP_IF_NONE", JUMP_FORWARD, 0, { _, _, _, _, 129, C (98, 1), C (101, 1), C (100, 1) } },
  { "POP_JUMP_IF_NOT_NONE", JUMP_FORWARD, 0, { _, _, _, _, 128, C (99, 1), C (102, 1), C (101, 1) } },
  { "POP_JUMP_IF_TRUE", JUMP_TO, 0, { 115, 115, 115, _, _, _, _, _ } },
  { "POP_JUMP_IF_TRUE", JUMP_FORWARD, 0, { _, _, _, _, 115, C (100, 1), C (103, 1), C (102, 1) } },
  { "POP_TOP", UNUSED, 0, { 1, 1, 1, 1, 1, 32, 31, 29 } },
  { "PRECALL", NUMBER, 0, { _, _, _, C (166, 1), _, _, _, _ } },
  { "PREP_RERAISE_STAR", UNUSED, 0, { _, _, _, 88, _, _, _, _ } },
  { "PRINT_EXPR", UNUSED, 0, { 70, 70, 70, 70, _, _, _, _ } },
  { "PUSH_EXC_INFO", UNUSED, 0, { _, _, _, 35, 35, 33, 32, 30 } },
  { "PUSH_NULL", UNUSED, 0, { _, _, _, 2, 2, 34, 33, 31 } },
  { "RAISE_VARARGS", NUMBER, 0, { 130, 130, 130, 130, 130, 101, 104, 103 } },
  { "RERAISE", UNUSED, 0, { _, 48, _, _, _, _, _, _ } },
  { "RERAISE", NUMBER, 0, { _, _, 119, 119, 119, 102, 105, 104 } },
  { "RESERVED", UNUSED, 0, { _, _, _, _, 17, 17, 17, 17 } },
  { "RESUME", NUMBER, 0, { _, _, _, 151, 151, 149, 128, C (128, 1) } },
  { "RETURN_CONST", CONST, 0, { _, _, _, _, 121, 103, _, _ } },
  { "RETURN_GENERATOR", UNUSED, 0, { _, _, _, 75, 75, 35, 34, 32 } },
  { "RETURN_VALUE", UNUSED, 0, { 83, 83, 83, 83, 83, 36, 35, 33 } },
  { "ROT_FOUR", UNUSED, 0, { 6, 6, 6, _, _, _, _, _ } },
  { "ROT_N", NUMBER, 0, { _, _, 99, _, _, _, _, _ } },
  { "ROT_THREE", UNUSED, 0, { 3, 3, 3, _, _, _, _, _ } },
  { "ROT_TWO", UNUSED, 0, { 2, 2, 2, _, _, _, _, _ } },
  { "SEND", JUMP_FORWARD, 0, { _, _, _, 123, C (123, 1), C (104, 1), C (106, 1), C (105, 1) } },
  { "SETUP_ANNOTATIONS", UNUSED, 0, { 85, 85, 85, 85, 85, 37, 36, 34 } },
  { "SETUP_ASYNC_WITH", JUMP_FORWARD, 0, { 154, 154, 154, _, _, _, _, _ } },
  { "SETUP_FINALLY", JUMP_FORWARD, 0, { 122, 122, 122, _, _, _, _, _ } },
  { "SETUP_WITH", JUMP_FORWARD, 0, { 143, 143, 143, _, _, _, _, _ } },
  { "SET_ADD", NUMBER, 0, { 146, 146, 146, 146, 146, 105, 107, 106 } },
  { "SET_FUNCTION_ATTRIBUTE", FUNCTION, 0, { _, _, _, _, _, 106, 108, 107 } },
  { "SET_UPDATE", NUMBER, 0, { _, 163, 163, 163, 163, 107, 109, 108 } },
  { "STORE_ATTR", NAME, 0, { 95, 95, 95, C (95, 4), C (95, 4), C (108, 4), C (110, 4), C (109, 4) } },
  { "STORE_DEREF", CELL, 0, { 137, 137, 137, 138, 138, 109, 111, 110 } },
  { "STORE_FAST", LOCAL, 0, { 125, 125, 125, 125, 125, 110, 112, 111 } },
  { "STORE_FAST_LOAD_FAST", LOCAL_PAIR, 0, { _, _, _, _, _, 111, 113, 112 } },
  { "STORE_FAST_STORE_FAST", LOCAL_PAIR, 0, { _, _, _, _, _, 112, 114, 113 } },
  { "STORE_GLOBAL", NAME, 0, { 97, 97, 97, 97, 97, 113, 115, 114 } },
  { "STORE_NAME", NAME, 0, { 90, 90, 90, 90, 90, 114, 116, 115 } },
  { "STORE_SLICE", UNUSED, 0, { _, _, _, _, 27, 38, 37, 35 } },
  { "STORE_SUBSCR", UNUSED, 0, { 60, 60, 60, C (60, 1), C (60, 1), C (39, 1), C (38, 1), C (36, 1) } },
  { "SWAP", NUMBER, 0, { _, _, _, 99, 99, 115, 117, 116 } },
  { "TO_BOOL", UNUSED, 0, { _, _, _, _, _, C (40, 3), C (39, 3), C (37, 3) } },
  { "UNARY_INVERT", UNUSED, 0, { 15, 15, 15, 15, 15, 41, 40, 38 } },
  { "UNARY_NEGATIVE", UNUSED, 0, { 11, 11, 11, 11, 11, 42, 41, 39 } },
  { "UNARY_NOT", UNUSED, 0, { 12, 12, 12, 12, 12, 43, 42, 40 } },
  { "UNARY_POSITIVE", UNUSED, 0, { 10, 10, 10, 10, _, _, _, _ } },
  { "UNPACK_EX", NUMBER, 0, { 94, 94, 94, 94, 94, 116, 118, 117 } },
  { "UNPACK_SEQUENCE", NUMBER, 0, { 92, 92, 92, C (92, 1), C (92, 1), C (117, 1), C (119, 1), C (118, 1) } },
  { "WITH_CLEANUP_FINISH", UNUSED, 0, { 82, _, _, _, _, _, _, _ } },
  { "WITH_CLEANUP_START", UNUSED, 0, { 81, _, _, _, _, _, _, _ } },
  { "WITH_EXCEPT_START", UNUSED, 0, { _, 49, 49, 49, 49, 44, 43, 41 } },
  { "YIELD_FROM", UNUSED, 0, { 72, 72, 72, _, _, _, _, _ } },
  { "YIELD_VALUE", UNUSED, 0, { 86, 86, 86, 86, _, _, _, _ } },
  { "YIELD_VALUE", NUMBER, 0, { _, _, _, _, 150, 118, 120, 119 } },
};
// clang-format on

// Opcodes from this one on have an argument (HAVE_ARGUMENT; since 3.13 it is the last one without).
static const uint8_t first_argument[VERSIONS] = { 90, 90, 90, 90, 90, 45, 44, 42 };

void
mf_py_opcodes (uint16_t version, MfPyOpcode opcodes[256])
{
  uint32_t column = version - FIRST_VERSION;
  for (uint32_t i = 0; i < 256; i++)
    opcodes[i] = (MfPyOpcode){ .name = "unknown", .has_argument = i >= first_argument[column] };
  for (uint32_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    int16_t number = rows[i].numbers[column];
    if (number < 0)
      continue;
    MfPyOpcode *opcode = &opcodes[number & 255];
    opcode->name = rows[i].name;
    opcode->argument = rows[i].argument;
    opcode->shift = rows[i].shift;
    opcode->caches = (uint8_t) (number >> 8);
    opcode->known = true;
  }
}

// dis.cmp_op; identity, membership and exceptions have opcodes of their own since 3.9.
const char *
mf_py_compare_name (uint16_t version, uint32_t index)
{
  static const char *const names[]
      = { "<", "<=", "==", "!=", ">", ">=", "in", "not in", "is", "is not", "exception match" };
  uint32_t n = version > 0x0308 ? 6 : sizeof names / sizeof names[0];
  return index < n ? names[index] : NULL;
}

// opcode._nb_ops; the subscript came with 3.14.
const char *
mf_py_binary_name (uint16_t version, uint32_t index)
{
  static const char *const names[]
      = { "+", "&", "//", "<<", "@", "*", "%", "|", "**", ">>", "-", "/", "^",
          "+=", "&=", "//=", "<<=", "@=", "*=", "%=", "|=", "**=", ">>=", "-=", "/=", "^=", "[]" };
  uint32_t n = version >= 0x030e ? sizeof names / sizeof names[0] : 26;
  return index < n ? names[index] : NULL;
}
