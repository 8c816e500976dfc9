#include "marquet/base/error.h"

#include <cerrno>
#include <cstring>

#include <fmt/format.h>

namespace marquet {
namespace {

// The Arrow code that fits a kind best, for callers that look at codes only.
arrow::StatusCode CodeOf(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kInvalidInput:
    case ErrorKind::kCorruptData:
      return arrow::StatusCode::Invalid;
    case ErrorKind::kSchema:
      return arrow::StatusCode::TypeError;
    case ErrorKind::kNotFound:
      return arrow::StatusCode::KeyError;
    case ErrorKind::kAlreadyExists:
      return arrow::StatusCode::AlreadyExists;
    case ErrorKind::kConflict:
    case ErrorKind::kCommitUnknown:
      return arrow::StatusCode::UnknownError;
    case ErrorKind::kStorage:
      return arrow::StatusCode::IOError;
    case ErrorKind::kUnsupported:
      return arrow::StatusCode::NotImplemented;
  }
  return arrow::StatusCode::UnknownError;
}

const ErrorDetail* DetailOf(const arrow::Status& status) {
  const auto& detail = status.detail();
  if (detail == nullptr || std::strcmp(detail->type_id(), ErrorDetail::kTypeId) != 0) return nullptr;
  return static_cast<const ErrorDetail*>(detail.get());
}

arrow::Status Make(ErrorKind kind, std::string message, std::string hint, int error_number,
                   std::string path) {
  return arrow::Status(CodeOf(kind), std::move(message),
                       std::make_shared<ErrorDetail>(kind, std::move(hint), error_number, std::move(path)));
}

}  // namespace

std::string_view KindName(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kInvalidInput:
      return "invalid input";
    case ErrorKind::kSchema:
      return "schema";
    case ErrorKind::kNotFound:
      return "not found";
    case ErrorKind::kAlreadyExists:
      return "already exists";
    case ErrorKind::kConflict:
      return "conflict";
    case ErrorKind::kCommitUnknown:
      return "commit unknown";
    case ErrorKind::kCorruptData:
      return "corrupt data";
    case ErrorKind::kStorage:
      return "storage";
    case ErrorKind::kUnsupported:
      return "unsupported";
  }
  return "error";
}

ErrorDetail::ErrorDetail(ErrorKind kind, std::string hint, int error_number, std::string path)
    : kind_(kind), hint_(std::move(hint)), error_number_(error_number), path_(std::move(path)) {}

std::string ErrorDetail::ToString() const {
  return hint_.empty() ? std::string(KindName(kind_)) : fmt::format("{}; hint: {}", KindName(kind_), hint_);
}

arrow::Status Error(ErrorKind kind, std::string message, std::string hint) {
  return Make(kind, std::move(message), std::move(hint), 0, {});
}

arrow::Status CommitUnknown(const arrow::Status& cause, std::string message, std::string hint) {
  return Make(ErrorKind::kCommitUnknown, std::move(message), std::move(hint), ErrnoOf(cause), PathOf(cause));
}

arrow::Status StorageError(int error_number, std::string_view operation, std::string_view path,
                           std::string hint) {
  ErrorKind kind = ErrorKind::kStorage;
  if (error_number == ENOENT) kind = ErrorKind::kNotFound;
  if (error_number == EEXIST) kind = ErrorKind::kAlreadyExists;
  char buffer[128];
  const char* text = strerror_r(error_number, buffer, sizeof buffer);
  return Make(kind, fmt::format("{}: cannot {}: {}", path, operation, text), std::move(hint), error_number,
              std::string(path));
}

ErrorKind KindOf(const arrow::Status& status) {
  if (const auto* detail = DetailOf(status)) return detail->kind();
  switch (status.code()) {
    case arrow::StatusCode::IOError:
    case arrow::StatusCode::OutOfMemory:
      return ErrorKind::kStorage;
    case arrow::StatusCode::TypeError:
      return ErrorKind::kSchema;
    case arrow::StatusCode::KeyError:
      return ErrorKind::kNotFound;
    case arrow::StatusCode::AlreadyExists:
      return ErrorKind::kAlreadyExists;
    case arrow::StatusCode::NotImplemented:
      return ErrorKind::kUnsupported;
    case arrow::StatusCode::SerializationError:
      return ErrorKind::kCorruptData;
    default:
      return ErrorKind::kInvalidInput;
  }
}

std::string HintOf(const arrow::Status& status) {
  const auto* detail = DetailOf(status);
  return detail == nullptr ? std::string() : detail->hint();
}

int ErrnoOf(const arrow::Status& status) {
  const auto* detail = DetailOf(status);
  return detail == nullptr ? 0 : detail->error_number();
}

std::string PathOf(const arrow::Status& status) {
  const auto* detail = DetailOf(status);
  return detail == nullptr ? std::string() : detail->path();
}

bool IsKind(const arrow::Status& status, ErrorKind kind) { return !status.ok() && KindOf(status) == kind; }

arrow::Status WithContext(const arrow::Status& status, std::string_view prefix) {
  if (status.ok()) return status;
  if (status.IsCancelled() || status.IsOutOfMemory()) {
    return status.WithMessage(prefix, ": ", status.message());  // its code is what callers ask for
  }
  return Make(KindOf(status), fmt::format("{}: {}", prefix, status.message()), HintOf(status),
              ErrnoOf(status), PathOf(status));
}

arrow::Status WithHint(const arrow::Status& status, std::string hint) {
  if (status.ok()) return status;
  return Make(KindOf(status), status.message(), std::move(hint), ErrnoOf(status), PathOf(status));
}

arrow::Status AsKind(const arrow::Status& status, ErrorKind kind) {
  if (status.ok()) return status;
  return Make(kind, status.message(), HintOf(status), ErrnoOf(status), PathOf(status));
}

std::string OneLine(const arrow::Status& status) {
  std::string line = fmt::format("{}: {}", KindName(KindOf(status)), status.message());
  for (char& c : line) {
    if (c == '\n' || c == '\r') c = ' ';
  }
  return line;
}

}  // namespace marquet
