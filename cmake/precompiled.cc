// Holds the precompiled header that every room shares; see cmake/MarquetRoom.cmake.
