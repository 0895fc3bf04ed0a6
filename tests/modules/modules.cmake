# SPDX-License-Identifier: Apache-2.0
# Modules that no user would want, and those of strangers: built into folders of their own.
set (modules ${CMAKE_CURRENT_LIST_DIR})
set (broken_modules ${CMAKE_BINARY_DIR}/tests/broken)
file (GLOB sources CONFIGURE_DEPENDS ${modules}/broken/*.c)
foreach (source ${sources})
  get_filename_component (name ${source} NAME_WE)
  add_library (broken-${name} MODULE ${source})
  set_target_properties (broken-${name} PROPERTIES PREFIX "" OUTPUT_NAME ${name}
    LIBRARY_OUTPUT_DIRECTORY ${broken_modules})
  target_link_libraries (broken-${name} PRIVATE memflow-api)
  target_compile_definitions (broken-${name} PRIVATE BROKEN_ID="${name}")
  target_compile_options (broken-${name} PRIVATE -Wno-override-init)
endforeach ()
memflow_script_test (modules-broken tests/modules/broken.py
  ARGUMENTS $<TARGET_FILE:memflow-command> ${broken_modules} LABELS cli)

foreach (version 1 2)
  add_library (sound-${version} MODULE ${modules}/sound.c)
  set_target_properties (sound-${version} PROPERTIES PREFIX "" OUTPUT_NAME sound
    LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests/sound/${version})
  target_link_libraries (sound-${version} PRIVATE memflow-api)
  target_compile_definitions (sound-${version} PRIVATE MF_PLUGIN_VERSION="${version}.0")
endforeach ()
memflow_script_test (modules-path tests/modules/search-path.py
  ARGUMENTS $<TARGET_FILE:memflow-command> ${MEMFLOW_MODULE_DIR} ${CMAKE_BINARY_DIR}/tests/sound LABELS cli)

memflow_script_test (stranger-replay tests/modules/stranger-replay.py LABELS e2e
  ARGUMENTS $<TARGET_FILE:memflow-command> ${CMAKE_BINARY_DIR}/tests/parts ${CMAKE_BINARY_DIR}/stranger-modules)

# Costs as a test wants them, for the analyzers that judge costs.
add_library (priced MODULE ${CMAKE_CURRENT_LIST_DIR}/priced.c)
set_target_properties (priced PROPERTIES PREFIX "" LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests/priced)
target_link_libraries (priced PRIVATE memflow-api)
