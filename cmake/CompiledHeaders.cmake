# fmt and spdlog as archives of our own. Debian has them as headers alone, which takes 40 % of the time of compiling
# Marquet since every source compiles their functions again, and as shared libraries, which a wheel cannot carry.
#
# Output:  marquet_fmt  marquet_spdlog

find_package(fmt REQUIRED)
find_package(spdlog REQUIRED)
add_library(marquet_fmt STATIC "${CMAKE_CURRENT_LIST_DIR}/fmt_library.cc")
add_library(marquet_spdlog STATIC "${CMAKE_CURRENT_LIST_DIR}/spdlog_library.cc")
target_compile_features(marquet_fmt PUBLIC cxx_std_20)
target_compile_definitions(marquet_spdlog PUBLIC SPDLOG_COMPILED_LIB SPDLOG_FMT_EXTERNAL)
target_link_libraries(marquet_spdlog PUBLIC marquet_fmt Threads::Threads)
