#include "marquet/base/exceptions.h"

#include <exception>
#include <memory>
#include <new>
#include <system_error>

#include <fmt/format.h>

#include "marquet/base/error.h"

namespace marquet {
namespace {

arrow::Status Described(std::string_view doing) {
  try {
    throw;
  } catch (const std::bad_alloc&) {
    return arrow::Status::OutOfMemory(doing, ": memory ran out");
  } catch (const std::system_error& error) {
    const bool of_system = error.code().category() == std::system_category() ||
                           error.code().category() == std::generic_category();
    if (of_system && error.code().value() != 0) {
      return arrow::Status(arrow::StatusCode::IOError, fmt::format("{}: {}", doing, error.what()),
                           std::make_shared<ErrorDetail>(ErrorKind::kStorage, "", error.code().value(), ""));
    }
    return arrow::Status::UnknownError(doing, ": ", error.what());
  } catch (const std::exception& error) {
    return arrow::Status::UnknownError(doing, ": ", error.what());
  } catch (...) {
    return arrow::Status::UnknownError(doing, ": an exception of an unknown type");
  }
}

}  // namespace

arrow::Status StatusOfException(std::string_view doing) {
  try {
    return Described(doing);
  } catch (...) {
    return arrow::Status::OutOfMemory("memory ran out");  // also for the description of an error
  }
}

}  // namespace marquet
