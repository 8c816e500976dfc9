// The log that every room writes to. It has no sink until a program gives it one, so the library prints
// nothing.
#pragma once

#include <memory>

namespace spdlog {
class logger;
}

namespace marquet {

// The process-wide logger, "marquet". Thread safe. The command line and the Python package attach sinks and a
// level.
spdlog::logger& Log();

}  // namespace marquet
