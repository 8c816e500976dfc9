# Compiler cache, linker, warnings and sanitizers, all carried by the interface target marquet_options.

find_program(CCACHE ccache)
if(CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  # A precompiled header is compared by content, not by time stamp, when ccache is told so.
  set(CMAKE_CXX_COMPILER_LAUNCHER
      ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
      "CCACHE_BASEDIR=${PROJECT_SOURCE_DIR}" ${CCACHE})
endif()
find_program(MOLD mold)

add_library(marquet_options INTERFACE)
target_include_directories(marquet_options INTERFACE "$<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/src>"
                                                     "$<INSTALL_INTERFACE:include>")
target_compile_features(marquet_options INTERFACE cxx_std_20)
target_compile_options(
  marquet_options INTERFACE $<BUILD_INTERFACE:-Wall> $<BUILD_INTERFACE:-Wextra>
                            $<BUILD_INTERFACE:-Wno-unused-parameter> $<BUILD_INTERFACE:-Winvalid-pch>
                            $<BUILD_INTERFACE:-fpch-preprocess>)
if(MARQUET_UNITY AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # GCC takes a source that another includes for a header, whose types of unnamed namespaces would be many.
  target_compile_options(marquet_options INTERFACE $<BUILD_INTERFACE:-Wno-subobject-linkage>)
endif()
if(MOLD)
  target_link_options(marquet_options INTERFACE $<BUILD_INTERFACE:-fuse-ld=mold>)
endif()
if(MARQUET_SANITIZE)
  add_compile_options(-fsanitize=${MARQUET_SANITIZE} -fno-omit-frame-pointer -g1)
  add_link_options(-fsanitize=${MARQUET_SANITIZE})
  if(MARQUET_SANITIZE MATCHES "undefined")
    add_compile_options(-fno-sanitize-recover=undefined)
  endif()
endif()
