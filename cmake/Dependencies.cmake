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
include(CompiledHeaders)

if(MARQUET_BUILD_TESTS)
  find_package(GTest REQUIRED)
endif()
if(MARQUET_BUILD_BENCHMARKS)
  find_package(benchmark REQUIRED)
endif()
