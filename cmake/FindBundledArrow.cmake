# Finds the Arrow C++ libraries and headers that the pyarrow wheel ships.
#
# Debian has no Arrow C++ package, and a Python process must hold one copy of Arrow only, so Marquet links the
# libraries inside pyarrow. The targets carry the names of Arrow's own CMake package, so that
# find_package(Arrow) can take this file's place (-DMARQUET_ARROW=system).
#
# Input:   Python_EXECUTABLE  an interpreter with pyarrow installed
# Output:  Arrow::arrow_shared  Parquet::parquet_shared  ArrowCompute::arrow_compute_shared
#          BundledArrow_FOUND  BundledArrow_VERSION  BundledArrow_LIBRARY_DIR

execute_process(
  COMMAND "${Python_EXECUTABLE}" -c
          "import importlib.util as u; print(u.find_spec('pyarrow').submodule_search_locations[0])"
  OUTPUT_VARIABLE BundledArrow_LIBRARY_DIR
  OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)

if(BundledArrow_LIBRARY_DIR AND EXISTS "${BundledArrow_LIBRARY_DIR}/include/arrow/util/config.h")
  set(BundledArrow_INCLUDE_DIR "${BundledArrow_LIBRARY_DIR}/include")
  file(STRINGS "${BundledArrow_INCLUDE_DIR}/arrow/util/config.h" _lines REGEX "ARROW_(VERSION_STRING|SO_VERSION)")
  foreach(_line IN LISTS _lines)
    if(_line MATCHES "ARROW_VERSION_STRING \"([0-9.]+)\"")
      set(BundledArrow_VERSION "${CMAKE_MATCH_1}")
    elseif(_line MATCHES "ARROW_SO_VERSION \"([0-9]+)\"")
      set(_so "${CMAKE_MATCH_1}")
    endif()
  endforeach()
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(
  BundledArrow
  REQUIRED_VARS BundledArrow_LIBRARY_DIR BundledArrow_INCLUDE_DIR _so
  VERSION_VAR BundledArrow_VERSION
  REASON_FAILURE_MESSAGE "install pyarrow for ${Python_EXECUTABLE}, or pass -DMARQUET_ARROW=system")

function(_bundled_arrow_target name library)
  if(TARGET ${name})
    return()
  endif()
  add_library(${name} SHARED IMPORTED GLOBAL)
  set_target_properties(
    ${name} PROPERTIES IMPORTED_LOCATION "${BundledArrow_LIBRARY_DIR}/lib${library}.so.${_so}"
                       INTERFACE_INCLUDE_DIRECTORIES "${BundledArrow_INCLUDE_DIR}")
  if(ARGN)
    set_target_properties(${name} PROPERTIES INTERFACE_LINK_LIBRARIES "${ARGN}")
  endif()
endfunction()

if(BundledArrow_FOUND)
  _bundled_arrow_target(Arrow::arrow_shared arrow)
  _bundled_arrow_target(Parquet::parquet_shared parquet Arrow::arrow_shared)
  _bundled_arrow_target(ArrowCompute::arrow_compute_shared arrow_compute Arrow::arrow_shared)
endif()
