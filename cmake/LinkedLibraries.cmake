# The libraries that Marquet is linked to, and so is whatever links Marquet: read by this build and, once installed, by
# MarquetConfig.cmake.
#
# Input:   MARQUET_ARROW      bundled (inside pyarrow), system (find_package), or auto: the former if it is there
#          Python_EXECUTABLE  the interpreter whose pyarrow is meant by "bundled"

macro(_marquet_system_arrow)
  find_package(Arrow CONFIG REQUIRED)
  find_package(Parquet CONFIG REQUIRED)
  find_package(ArrowCompute CONFIG REQUIRED)
endmacro()

if(MARQUET_ARROW STREQUAL "system")
  _marquet_system_arrow()
else()
  find_package(BundledArrow MODULE)
  if(NOT BundledArrow_FOUND)
    if(MARQUET_ARROW STREQUAL "bundled")
      message(FATAL_ERROR "MARQUET_ARROW=bundled, but ${Python_EXECUTABLE} has no pyarrow with C++ headers")
    endif()
    _marquet_system_arrow()
  endif()
endif()

find_package(Threads REQUIRED)
find_package(nlohmann_json REQUIRED)

# Linked as archives where Debian ships them, so that a wheel carries them inside.
function(marquet_archive target header library)
  if(TARGET ${target})
    return()
  endif()
  find_path(${target}_INCLUDE ${header} REQUIRED)
  find_library(${target}_LIBRARY NAMES ${library} REQUIRED)
  add_library(${target} STATIC IMPORTED GLOBAL)
  set_target_properties(${target} PROPERTIES IMPORTED_LOCATION "${${target}_LIBRARY}" INTERFACE_INCLUDE_DIRECTORIES
                                                                                       "${${target}_INCLUDE}")
endfunction()
marquet_archive(archive_zstd zstd.h libzstd.a)
marquet_archive(archive_xxhash xxhash.h libxxhash.a)
marquet_archive(archive_crypto openssl/evp.h libcrypto.a)
target_link_libraries(archive_crypto INTERFACE ${CMAKE_DL_LIBS} Threads::Threads)
