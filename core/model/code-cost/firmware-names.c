// SPDX-License-Identifier: Apache-2.0
// Names that MicroPython's own functions and modules have: MP_QSTR_… in py/ and extmod/, of 1.20 as well as of 1.27. A firmware
// has those of the modules that are built into it.
#include "model/code-cost/firmware-names.h"

#include <string.h>

// clang-format off
static const char *const names[] = { // in the order of strcmp
  "AF_INET", "AF_INET6", "AP_IF", "ARRAY", "ArithmeticError", "AssertionError", "AttributeError", "BFINT16",
  "BFINT32", "BFINT8", "BFUINT16", "BFUINT32", "BFUINT8", "BF_LEN", "BF_POS", "BIG_ENDIAN", "BINARY_OP",
  "BLE", "BUILD_LIST", "BUILD_MAP", "BUILD_SET", "BUILD_SLICE", "BUILD_TUPLE", "BaseException",
  "BufferedWriter", "BytesIO", "CALL_FUNCTION", "CALL_FUNCTION_VAR_KW", "CALL_METHOD", "CALL_METHOD_VAR_KW",
  "CERT_NONE", "CERT_OPTIONAL", "CERT_REQUIRED", "CYW43", "CancelledError", "DEBUG", "DELETE_DEREF",
  "DELETE_FAST", "DELETE_GLOBAL", "DELETE_NAME", "DESC", "DUP_TOP", "DUP_TOP_TWO", "END_FINALLY", "EOFError",
  "Ellipsis", "Exception", "FLAG_INDICATE", "FLAG_NOTIFY", "FLAG_READ", "FLAG_WRITE",
  "FLAG_WRITE_NO_RESPONSE", "FLOAT32", "FLOAT64", "FOR_ITER", "FileIO", "FrameBuffer", "FrameBuffer1",
  "GET_ITER", "GET_ITER_STACK", "GS2_HMSB", "GS4_HMSB", "GS8", "GeneratorExit", "IMPORT_FROM", "IMPORT_NAME",
  "IMPORT_STAR", "INCL", "INT", "INT16", "INT32", "INT64", "INT8", "IOBase", "IPPROTO_ICMP", "IPPROTO_IP",
  "IPPROTO_IPV4", "IPPROTO_IPV6", "IPPROTO_RAW", "IPPROTO_TCP", "IPPROTO_UDP", "IP_ADD_MEMBERSHIP",
  "IP_DROP_MEMBERSHIP", "ImportError", "IndentationError", "IndexError", "JUMP", "JUMP_IF_FALSE_OR_POP",
  "JUMP_IF_TRUE_OR_POP", "KeyError", "KeyboardInterrupt", "LITTLE_ENDIAN", "LOAD_ATTR", "LOAD_BUILD_CLASS",
  "LOAD_CONST_FALSE", "LOAD_CONST_NONE", "LOAD_CONST_OBJ", "LOAD_CONST_SMALL_INT", "LOAD_CONST_STRING",
  "LOAD_CONST_TRUE", "LOAD_DEREF", "LOAD_FAST", "LOAD_FAST_N", "LOAD_GLOBAL", "LOAD_METHOD", "LOAD_NAME",
  "LOAD_NULL", "LOAD_SUBSCR", "LOAD_SUPER_METHOD", "LONG", "LONGLONG", "LSB", "LockType", "LookupError",
  "MAKE_CLOSURE", "MAKE_CLOSURE_DEFARGS", "MAKE_FUNCTION", "MAKE_FUNCTION_DEFARGS", "MODE_CBC", "MODE_CTR",
  "MODE_ECB", "MONO_HLSB", "MONO_HMSB", "MONO_VLSB", "MSB", "MVLSB", "MemoryError", "NATIVE", "NameError",
  "None", "NoneType", "NotImplemented", "NotImplementedError", "ONE_SHOT", "OPEN", "OSError", "OrderedDict",
  "OverflowError", "PERIODIC", "POLLERR", "POLLHUP", "POLLIN", "POLLOUT", "POP_JUMP_IF_FALSE",
  "POP_JUMP_IF_TRUE", "POP_TOP", "PTR", "PWM", "PinBase", "RAISE_FROM", "RAISE_LAST", "RAISE_OBJ",
  "RETURN_VALUE", "RGB565", "ROT_THREE", "ROT_TWO", "RuntimeError", "SETUP_EXCEPT", "SETUP_FINALLY",
  "SETUP_WITH", "SHORT", "SOCK_DGRAM", "SOCK_RAW", "SOCK_STREAM", "SOL_SOCKET", "SO_KEEPALIVE", "SO_RCVTIMEO",
  "SO_REUSEADDR", "SO_SNDTIMEO", "STA_IF", "STORE_ATTR", "STORE_COMP", "STORE_DEREF", "STORE_FAST",
  "STORE_FAST_N", "STORE_GLOBAL", "STORE_MAP", "STORE_NAME", "STORE_SUBSCR", "Signal", "SoftI2C", "SoftSPI",
  "StopAsyncIteration", "StopIteration", "StringIO", "SyntaxError", "SystemExit", "Task", "TaskQueue",
  "TextIOWrapper", "Timer", "TypeError", "UINT", "UINT16", "UINT32", "UINT64", "UINT8", "ULONG", "ULONGLONG",
  "UNARY_OP", "UNPACK_EX", "UNPACK_SEQUENCE", "UNWIND_JUMP", "USHORT", "UUID", "UnicodeError", "VOID",
  "ValueError", "VfsFat", "VfsLfs1", "VfsLfs2", "VfsPosix", "ViperTypeError", "WEP", "WITH_CLEANUP",
  "WIZNET5K", "WPA_PSK", "YIELD_FROM", "YIELD_VALUE", "ZeroDivisionError", "__abs__", "__add__", "__aenter__",
  "__aexit__", "__aiter__", "__and__", "__anext__", "__bases__", "__bool__", "__build_class__", "__call__",
  "__class__", "__complex__", "__contains__", "__del__", "__delattr__", "__delete__", "__delitem__",
  "__dict__", "__dir__", "__divmod__", "__doc__", "__enter__", "__eq__", "__exit__", "__file__", "__float__",
  "__floordiv__", "__ge__", "__get__", "__getattr__", "__getitem__", "__globals__", "__hash__", "__iadd__",
  "__iand__", "__ifloordiv__", "__ilshift__", "__imatmul__", "__imod__", "__import__", "__imul__", "__init__",
  "__int__", "__invert__", "__ior__", "__ipow__", "__irshift__", "__isub__", "__iter__", "__itruediv__",
  "__ixor__", "__le__", "__len__", "__lshift__", "__main__", "__matmul__", "__mod__", "__module__", "__mul__",
  "__name__", "__ne__", "__neg__", "__new__", "__next__", "__or__", "__path__", "__pos__", "__pow__",
  "__qualname__", "__radd__", "__rand__", "__repl_print__", "__repr__", "__reversed__", "__rfloordiv__",
  "__rlshift__", "__rmatmul__", "__rmod__", "__rmul__", "__ror__", "__rpow__", "__rrshift__", "__rshift__",
  "__rsub__", "__rtruediv__", "__rxor__", "__set__", "__setattr__", "__setitem__", "__sizeof__", "__str__",
  "__sub__", "__traceback__", "__truediv__", "__xor__", "_asdict", "_dir__", "_machine", "_mpy", "_onewire",
  "_task_queue", "_thread", "_webrepl", "a2b_base64", "abs", "abs_tol", "accept", "acos", "acosh", "acquire",
  "active", "add", "addi", "addr", "addr_mode", "addressof", "addrsize", "adv_data", "aes", "align", "all",
  "alloc_emergency_exception_buf", "allocate_lock", "and_", "antenna", "any", "append", "arg", "args", "argv",
  "array", "asin", "asinh", "asm_thumb", "asm_xtensa", "asr", "atan", "atan2", "atanh", "atexit", "auth", "b",
  "b2a_base64", "ball", "bany", "baudrate", "bbc", "bbs", "beq", "beqz", "bge", "bgeu", "big", "bin", "bind",
  "bits", "bl", "blit", "blt", "bnall", "bne", "bnez", "bnone", "bond", "bool", "bound_method", "bssid",
  "btree", "buffering", "builtins", "bx", "bytearray", "bytearray_at", "bytecode", "byteorder", "bytes",
  "bytes_at", "cachesize", "calcsize", "call", "callable", "callback", "callx0", "cancel", "ceil", "center",
  "channel", "chdir", "choice", "chr", "classmethod", "clear", "close", "closure", "clz", "cmath", "cmp",
  "co_code", "co_consts", "co_filename", "co_firstlineno", "co_lnotab", "co_name", "co_names", "code",
  "collect", "compile", "complex", "config", "connect", "connectable", "const", "copy", "copysign", "coro",
  "cos", "cosh", "count", "country", "cpsid", "cpsie", "crc32", "crc8", "cur_task", "data", "decode",
  "decrypt", "default", "degrees", "deinit", "delattr", "deleter", "deque", "dhcp", "dict", "dict_view",
  "difference", "difference_update", "digest", "dir", "disable", "discard", "disconnect", "divmod", "doc",
  "done", "dump", "dumps", "dupterm", "dupterm_notify", "duty", "duty_ns", "duty_u16", "e", "ellipse",
  "enable", "encode", "encoding", "encrypt", "end", "endswith", "enumerate", "erf", "erfc", "errno",
  "errorcode", "essid", "eval", "exc_info", "exception", "exec", "execfile", "executable", "exit", "exp",
  "expm1", "extend", "f_back", "f_code", "f_globals", "f_lasti", "f_lineno", "fabs", "factorial", "file",
  "fileno", "fill", "fill_rect", "filter", "find", "firstbit", "flags", "float", "floor", "flush", "fmod",
  "format", "frame", "framebuf", "freq", "frexp", "from_bytes", "fromhex", "fromkeys", "frozenset",
  "function", "fw_version", "gamma", "gap_advertise", "gap_connect", "gap_disconnect", "gap_name", "gap_pair",
  "gap_passkey", "gap_scan", "gattc_discover_characteristics", "gattc_discover_descriptors",
  "gattc_discover_services", "gattc_exchange_mtu", "gattc_read", "gattc_write", "gatts_indicate",
  "gatts_notify", "gatts_read", "gatts_register_services", "gatts_set_buffer", "gatts_write", "gc",
  "generator", "get", "get_ident", "getaddrinfo", "getattr", "getcwd", "getenv", "getpeercert", "getrandbits",
  "getsizeof", "getter", "getvalue", "globals", "group", "groups", "hasattr", "hash", "hci_cmd", "heap_lock",
  "heap_locked", "heap_unlock", "heapify", "heappop", "heappush", "help", "hex", "hexlify", "hline",
  "hostname", "id", "ifconfig", "ilistdir", "imag", "implementation", "index", "indices", "inf", "init",
  "input", "insert", "int", "intersection", "intersection_update", "interval_us", "invert", "io", "ioctl",
  "ipoll", "irq", "isalpha", "isclose", "isconnected", "isdigit", "isdisjoint", "isenabled", "isfinite",
  "isinf", "isinstance", "islower", "isnan", "isspace", "issubclass", "issubset", "issuperset", "isupper",
  "items", "itemsize", "iter", "iterable", "iterator", "j", "join", "jx", "kbd_intr", "keepends", "key",
  "keys", "l16si", "l16ui", "l2cap_connect", "l2cap_disconnect", "l2cap_listen", "l2cap_recvinto",
  "l2cap_send", "l32i", "l8ui", "label", "ldexp", "ldr", "ldrb", "ldrex", "ldrh", "le_secure", "len",
  "lgamma", "libc_ver", "line", "list", "listdir", "listen", "little", "load", "loads", "locals", "lock",
  "locked", "log", "log10", "log2", "lookahead", "lower", "lsl", "lsr", "lstrip", "lwip", "mac", "machine",
  "makefile", "map", "match", "math", "max", "maxsize", "md5", "mem", "mem_alloc", "mem_current", "mem_free",
  "mem_info", "mem_peak", "mem_total", "memaddr", "memoryview", "micropython", "min", "minkeypage", "miso",
  "mitm", "mkdir", "mkfs", "mode", "modf", "modify", "module", "modules", "monitor", "mosi", "mount", "mov",
  "mov_n", "movi", "movt", "movw", "movwt", "mrs", "mtime", "mtu", "mull", "name", "namedtuple", "nan",
  "native", "network", "newline", "next", "nina", "nodename", "nop", "object", "oct", "off", "on", "onewire",
  "opcode", "open", "opt_level", "or_", "ord", "pack", "pack_into", "pagesize", "partition", "passive",
  "password", "path", "peek", "pend_throw", "period", "ph_key", "phase", "pi", "pixel", "platform", "pm",
  "polar", "polarity", "poll", "poly", "pop", "popitem", "popleft", "pow", "print", "print_exception",
  "print_pcbs", "progsize", "property", "ps1", "ps2", "ptr", "ptr16", "ptr32", "ptr8", "push", "put",
  "putenv", "pystack_use", "python_compiler", "qstr_info", "r", "radians", "randint", "random", "randrange",
  "range", "rb", "rbit", "read", "readbit", "readblocks", "readbyte", "readfrom", "readfrom_into",
  "readfrom_mem", "readfrom_mem_into", "readinto", "readline", "readlines", "readonly", "readsize", "real",
  "rect", "recv", "recvfrom", "register", "regs", "rel_tol", "release", "remove", "rename", "replace", "repr",
  "reset", "resp_data", "ret_n", "return", "reverse", "reversed", "rfind", "rindex", "rmdir", "round",
  "route", "rpartition", "rsplit", "rssi", "rstrip", "rxbuf", "s16i", "s32i", "s8i", "scan", "schedule",
  "sck", "scl", "scroll", "sda", "sdiv", "search", "security", "seed", "seek", "select", "send",
  "send_ethernet", "sendall", "sendto", "sep", "separators", "seq", "server_hostname", "server_side", "set",
  "setattr", "setblocking", "setdefault", "setsockopt", "setter", "settimeout", "settrace", "sha1", "sha256",
  "sin", "single", "sinh", "sizeof", "slice", "slip", "socket", "sort", "sorted", "span", "split",
  "splitlines", "sqrt", "ssid", "stack_size", "stack_use", "start", "start_new_thread", "startswith", "stat",
  "state", "staticmethod", "stations", "status", "statvfs", "stderr", "stdin", "stdout", "step", "stop",
  "str", "strb", "strex", "strh", "strip", "struct", "sub", "sum", "super", "symmetric_difference",
  "symmetric_difference_update", "sync", "sys", "sysname", "system", "tan", "tanh", "tau", "tell", "text",
  "threshold", "throw", "tick_hz", "timeout", "to_bytes", "trace", "tracebacklimit", "trunc", "tuple",
  "txpower", "type", "uctypes", "udiv", "uint", "umount", "uname", "unhexlify", "uniform", "union", "unlink",
  "unpack", "unpack_from", "unregister", "unsetenv", "update", "upper", "urandom", "usys", "value", "values",
  "vcmp", "vcvt_f32_s32", "vcvt_s32_f32", "version", "version_info", "viper", "vldr", "vline", "vmov", "vmrs",
  "vneg", "vsqrt", "vstr", "wb", "websocket", "wfi", "wrap_socket", "write", "write_readinto", "writebit",
  "writeblocks", "writebyte", "writeto", "writeto_mem", "writevto", "xor", "zip",
};
// clang-format on

bool
mf_firmware_has_name (const uint8_t *bytes, uint32_t n)
{
  if (memchr (bytes, 0, n))
    return false;
  size_t low = 0, high = sizeof names / sizeof names[0];
  while (low < high) {
    size_t middle = (low + high) / 2;
    int order = strncmp (names[middle], (const char *) bytes, n);
    if (order == 0 && !names[middle][n])
      return true;
    if (order < 0)
      low = middle + 1;
    else
      high = middle;
  }
  return false;
}
