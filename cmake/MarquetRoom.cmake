# marquet_room(NAME USES room... TESTS_USE room... LINK library...)
#
# Makes the static library marquet_NAME of one room from the sources beside its CMakeLists.txt, linked to just the
# rooms and libraries that it uses; and, when tests are built, the program marquet_NAME_test of the *_test.cc files
# beside them, for which there may be more rooms. A room in another one is named by its folder, parquet/write, and its
# targets with an underscore for the slash. Who may use whom stands in HACKING.md, and a test reads every include.
#
# With MARQUET_UNITY several sources are compiled as one, which takes a third of the time from bare, and asks that names
# in unnamed namespaces differ within a room. The preset for a debugger is without.
#
# Links are private: only the rooms of `USES`, and those that they use, are there when a program is linked.

# A translation unit that includes Arrow takes some six seconds without this header, which all rooms share.
add_library(marquet_pch OBJECT "${PROJECT_SOURCE_DIR}/cmake/precompiled.cc")
target_link_libraries(marquet_pch PUBLIC marquet_options Arrow::arrow_shared)
target_precompile_headers(
  marquet_pch
  PRIVATE
  <algorithm>
  <arrow/api.h>
  <arrow/io/api.h>
  <chrono>
  <cstdint>
  <map>
  <memory>
  <mutex>
  <optional>
  <string>
  <string_view>
  <unordered_map>
  <vector>)

function(marquet_room NAME)
  cmake_parse_arguments(ROOM "" "" "USES;TESTS_USE;LINK" ${ARGN})
  string(REPLACE "/" "_" NAME ${NAME})
  string(REPLACE "/" "_" ROOM_USES "${ROOM_USES}")
  string(REPLACE "/" "_" ROOM_TESTS_USE "${ROOM_TESTS_USE}")
  file(GLOB sources CONFIGURE_DEPENDS "*.cc")
  set(tests ${sources})
  list(FILTER sources EXCLUDE REGEX "(_test|_bench|main)\\.cc$")
  list(FILTER tests INCLUDE REGEX "_test\\.cc$")

  add_library(marquet_${NAME} STATIC ${sources})
  list(TRANSFORM ROOM_USES PREPEND marquet_)
  list(TRANSFORM ROOM_TESTS_USE PREPEND marquet_)
  target_link_libraries(marquet_${NAME} PUBLIC marquet_options Arrow::arrow_shared PRIVATE ${ROOM_USES} ${ROOM_LINK})
  target_precompile_headers(marquet_${NAME} REUSE_FROM marquet_pch)
  set_target_properties(marquet_${NAME} PROPERTIES UNITY_BUILD ${MARQUET_UNITY} UNITY_BUILD_BATCH_SIZE 8)
  set_property(GLOBAL APPEND PROPERTY MARQUET_ROOMS marquet_${NAME})

  if(MARQUET_BUILD_TESTS AND tests)
    add_executable(marquet_${NAME}_test ${tests})
    target_link_libraries(marquet_${NAME}_test PRIVATE marquet_${NAME} ${ROOM_USES} ${ROOM_TESTS_USE} ${ROOM_LINK}
                                                    GTest::gmock GTest::gtest_main)
    target_precompile_headers(marquet_${NAME}_test REUSE_FROM marquet_pch)
    set_target_properties(marquet_${NAME}_test PROPERTIES UNITY_BUILD ${MARQUET_UNITY} UNITY_BUILD_BATCH_SIZE 6)
    add_test(NAME ${NAME} COMMAND marquet_${NAME}_test)
    # Only against a hang: under a sanitizer, on a busy machine, the faults of one room take a quarter of an hour.
    set_tests_properties(${NAME} PROPERTIES TIMEOUT 2400)
  endif()

  file(GLOB benches CONFIGURE_DEPENDS "*_bench.cc")
  if(MARQUET_BUILD_BENCHMARKS AND benches)
    add_executable(marquet_${NAME}_bench ${benches})
    target_link_libraries(marquet_${NAME}_bench PRIVATE marquet_${NAME} ${ROOM_USES} ${ROOM_TESTS_USE} ${ROOM_LINK}
                                                     benchmark::benchmark_main)
    target_precompile_headers(marquet_${NAME}_bench REUSE_FROM marquet_pch)
  endif()
endfunction()
