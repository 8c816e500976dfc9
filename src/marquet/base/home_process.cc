#include "marquet/base/home_process.h"

#include <string>

#include <fmt/format.h>

#include "marquet/base/error.h"

namespace marquet {

arrow::Status HomeProcess::Check(std::string_view what, std::string_view hint) const {
  if (IsThis()) return arrow::Status::OK();
  return InvalidInput(
      fmt::format("{}: belongs to process {}, of which this one ({}) is a fork", what, id_, ::getpid()),
      std::string(hint));
}

}  // namespace marquet
