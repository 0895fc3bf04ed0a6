// SPDX-License-Identifier: Apache-2.0
// The agent has to load beside the C library of an old board. glibc 2.34 gave these functions new versions when it moved
// them into libc; the old versions are the same code, and older libraries have them (in libdl and libpthread).
#pragma once

#include <features.h>

#if defined __GLIBC__ && defined __x86_64__
#define MF_FIRST_GLIBC "GLIBC_2.2.5"
#elif defined __GLIBC__ && defined __i386__
#define MF_FIRST_GLIBC "GLIBC_2.0"
#elif defined __GLIBC__ && defined __arm__
#define MF_FIRST_GLIBC "GLIBC_2.4"
#elif defined __GLIBC__ && defined __aarch64__
#define MF_FIRST_GLIBC "GLIBC_2.17"
#endif

#ifdef MF_FIRST_GLIBC
#define MF_OLD(function) __asm__ (".symver " #function "," #function "@" MF_FIRST_GLIBC)
MF_OLD (dlsym);
MF_OLD (dladdr);
MF_OLD (pthread_key_create);
MF_OLD (pthread_setspecific);
#endif
