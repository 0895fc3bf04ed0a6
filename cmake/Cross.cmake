# SPDX-License-Identifier: Apache-2.0
# Plain C for other machines and C libraries, built beside memflow by each of these compilers that is installed (Debian:
# gcc-arm-linux-gnueabihf, gcc-aarch64-linux-gnu, gcc-i686-linux-gnu, musl-tools).
option (MEMFLOW_CROSS "build what runs on devices for other machines too, where their compilers are installed" ON)

# TRIPLET COMPILER [option...]. Segments of arm64 are aligned to 64 KiB: with a part that is made read-only later, a file has
# as much padding.
set (memflow_cross_table
  "arm-linux-gnueabihf arm-linux-gnueabihf-gcc"
  "aarch64-linux-gnu aarch64-linux-gnu-gcc -Wl,-z,norelro"
  "i386-linux-gnu i686-linux-gnu-gcc"
  "${CMAKE_SYSTEM_PROCESSOR}-linux-musl musl-gcc")

# memflow_cross (NAME FILE file FOLDER folder SOURCES source... [OPTIONS option...] [GLIBC_OPTIONS option...] [TRIPLETS triplet...]
# [INSTALL]): for each triplet (all of the table if none is named) whose compiler is here, FOLDER/TRIPLET/FILE of the build,
# stripped; with INSTALL also of libdir/memflow. OPTIONS are of compiling and linking (-shared, -static). NAME_TRIPLETS becomes
# the list of what is built.
function (memflow_cross name)
  cmake_parse_arguments (arg "INSTALL" "FILE;FOLDER" "SOURCES;OPTIONS;GLIBC_OPTIONS;TRIPLETS" ${ARGN})
  list (TRANSFORM arg_SOURCES PREPEND ${CMAKE_CURRENT_SOURCE_DIR}/)
  file (GLOB_RECURSE headers CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.h)
  set (built)
  set (files)
  foreach (row ${memflow_cross_table})
    separate_arguments (words UNIX_COMMAND "${row}")
    list (POP_FRONT words triplet compiler)
    find_program (MEMFLOW_CC_${triplet} ${compiler})
    mark_as_advanced (MEMFLOW_CC_${triplet})
    if (NOT MEMFLOW_CROSS OR MEMFLOW_ASAN OR MEMFLOW_TSAN OR NOT MEMFLOW_CC_${triplet}
        OR (arg_TRIPLETS AND NOT triplet IN_LIST arg_TRIPLETS))
      continue ()
    endif ()
    if (triplet MATCHES "-gnu")
      list (APPEND words ${arg_GLIBC_OPTIONS})
    endif ()
    set (file ${CMAKE_BINARY_DIR}/${arg_FOLDER}/${triplet}/${arg_FILE})
    file (MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/${arg_FOLDER}/${triplet})
    add_custom_command (OUTPUT ${file} DEPENDS ${arg_SOURCES} ${headers} VERBATIM COMMENT "Cross building ${file}"
      COMMAND ${MEMFLOW_CC_${triplet}} -std=gnu11 -O2 -s -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -fPIC -fvisibility=hidden
        -Wall -Wextra -Werror -Wno-missing-field-initializers -I${CMAKE_CURRENT_SOURCE_DIR}
        -I${CMAKE_SOURCE_DIR}/core/include ${arg_OPTIONS} ${words} ${arg_SOURCES} -o ${file})
    list (APPEND files ${file})
    list (APPEND built ${triplet})
    if (arg_INSTALL)
      install (PROGRAMS ${file} DESTINATION ${CMAKE_INSTALL_LIBDIR}/memflow/${arg_FOLDER}/${triplet})
    endif ()
  endforeach ()
  add_custom_target (${name} ALL DEPENDS ${files})
  set (${name}_TRIPLETS "${built}" CACHE INTERNAL "what ${name} was built for")
endfunction ()
