# What `cmake --install BUILD --prefix PREFIX` lays down: the rooms as archives, their public headers, the package that
# find_package(Marquet) reads, and the program. No file holds an absolute path. (What a wheel carries is the component
# "python", in python/CMakeLists.txt.)

include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

get_property(rooms GLOBAL PROPERTY MARQUET_ROOMS)
set(_package "${CMAKE_INSTALL_LIBDIR}/cmake/Marquet")
if(NOT MARQUET_SANITIZE)
  install(TARGETS marquet_options marquet_fmt marquet_spdlog ${rooms} EXPORT MarquetTargets ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}"
                                                                         COMPONENT library)
  install(EXPORT MarquetTargets NAMESPACE Marquet:: DESTINATION "${_package}" COMPONENT library)
endif()
install(
  DIRECTORY "${PROJECT_SOURCE_DIR}/src/marquet"
  DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}"
  COMPONENT library
  FILES_MATCHING
  PATTERN "*.h"
  PATTERN "*_internal.h" EXCLUDE
  PATTERN "cli" EXCLUDE)

list(TRANSFORM rooms PREPEND "Marquet::" OUTPUT_VARIABLE MARQUET_ROOM_TARGETS)
string(REGEX MATCH "^[0-9]+[.][0-9]+" MARQUET_ARROW_MINOR "${BundledArrow_VERSION}")
string(REPLACE "." "[.]" MARQUET_ARROW_PATTERN "${MARQUET_ARROW_MINOR}")
configure_package_config_file("${CMAKE_CURRENT_LIST_DIR}/MarquetConfig.cmake.in" MarquetConfig.cmake
                              INSTALL_DESTINATION "${_package}")
write_basic_package_version_file(MarquetConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(
  FILES "${CMAKE_CURRENT_BINARY_DIR}/MarquetConfig.cmake" "${CMAKE_CURRENT_BINARY_DIR}/MarquetConfigVersion.cmake"
        "${CMAKE_CURRENT_LIST_DIR}/LinkedLibraries.cmake" "${CMAKE_CURRENT_LIST_DIR}/FindBundledArrow.cmake"
  DESTINATION "${_package}"
  COMPONENT library)

# The program's way to the Arrow inside pyarrow depends on where both lie, which is known when it is installed.
if(TARGET marquet_cli)
  install(TARGETS marquet_cli RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}" COMPONENT library)
  if(BundledArrow_FOUND)
    find_program(PATCHELF patchelf REQUIRED)
    install(
      CODE "
        get_filename_component(_bin \"\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_BINDIR}\" REALPATH)
        get_filename_component(_arrow \"${BundledArrow_LIBRARY_DIR}\" REALPATH)
        file(RELATIVE_PATH _way \"\${_bin}\" \"\${_arrow}\")
        execute_process(
          COMMAND \"${PATCHELF}\" --set-rpath \"\\$ORIGIN/\${_way}\" \"\$ENV{DESTDIR}\${_bin}/marquet\"
          COMMAND_ERROR_IS_FATAL ANY)"
      COMPONENT library)
  endif()
endif()
