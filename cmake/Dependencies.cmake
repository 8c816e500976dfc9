# Everything that Marquet is built on, found in one place. Versions of Python packages are in constraints.txt.

set(Python_FIND_VIRTUALENV FIRST)
if(NOT Python_EXECUTABLE AND EXISTS "${PROJECT_SOURCE_DIR}/.venv/bin/python" AND NOT SKBUILD)
  set(Python_EXECUTABLE "${PROJECT_SOURCE_DIR}/.venv/bin/python")
endif()
set(_python_parts Interpreter)
if(MARQUET_BUILD_PYTHON)
  list(APPEND _python_parts Development.Module)
endif()
find_package(Python 3.11 REQUIRED COMPONENTS ${_python_parts})

include(LinkedLibraries)

# libparquet exports a simdjson of its own, of another version. Whichever library a binary names first answers for both,
# so ours is named before anything else; libparquet's is then shadowed in programs (not in Python, where each library
# finds its own), where it serves to write GeoArrow types only, which Marquet never does.
target_link_options(marquet_options INTERFACE LINKER:--no-as-needed "$<TARGET_FILE:simdjson::simdjson>")

if(MARQUET_BUILD_TESTS)
  find_package(GTest REQUIRED)
endif()
if(MARQUET_BUILD_BENCHMARKS)
  find_package(benchmark REQUIRED)
endif()
