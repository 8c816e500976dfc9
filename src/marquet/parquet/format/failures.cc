#include <new>
#include <system_error>

#include "fmt/format.h"
#include "marquet/base/error.h"
#include "marquet/base/exceptions.h"
#include "marquet/parquet/format/failures_internal.h"
#include "parquet/exception.h"

namespace marquet::pq {
namespace {

bool HasOwnKind(const arrow::Status& status) {
  return status.detail() != nullptr && std::string_view(status.detail()->type_id()) == ErrorDetail::kTypeId;
}

bool KeepsItsCode(const arrow::Status& status) {
  return HasOwnKind(status) || status.IsOutOfMemory() || status.IsCancelled();
}

}  // namespace

arrow::Status ReadFailure(const arrow::Status& status, std::string_view place) {
  if (HasOwnKind(status)) return status;
  if (KeepsItsCode(status)) return WithContext(status, place);
  const std::string message = fmt::format("{}: {}", place, status.message());
  return status.IsNotImplemented() ? Unsupported(message) : CorruptData(message);
}

arrow::Status WriteFailure(const arrow::Status& status, std::string_view place) {
  if (HasOwnKind(status)) return status;
  if (KeepsItsCode(status)) return WithContext(status, place);
  const std::string message = fmt::format("{}: {}", place, status.message());
  return status.IsNotImplemented() || status.IsTypeError() ? Unsupported(message) : InvalidInput(message);
}

arrow::Status CurrentException() {
  try {
    throw;
  } catch (const ::parquet::ParquetStatusException& e) {
    return e.status();
  } catch (const ::parquet::ParquetException& e) {
    const std::string_view text = e.what();
    if (text.starts_with("Not yet implemented")) return arrow::Status::NotImplemented(text);
    return arrow::Status::IOError(text);
  } catch (const std::bad_alloc&) {
    return arrow::Status::OutOfMemory("memory ran out");
  } catch (const std::system_error&) {
    return StatusOfException("the operating system refused");
  } catch (const std::exception& e) {
    return arrow::Status::IOError(e.what());
  }
}

}  // namespace marquet::pq
