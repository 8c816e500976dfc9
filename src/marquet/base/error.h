// The nine kinds of error that Marquet returns.
//
// Errors are values: every fallible function returns arrow::Status or arrow::Result<T>. A status made here
// carries an ErrorDetail with its kind, so that the command line and the Python package can map it without
// reading its text. A message says what was found, where (file, row, byte, column) and what was expected; a
// hint, where there is one, says what to do next. Statuses that Arrow itself made have no detail; KindOf()
// maps their codes.
//
// All functions are thread safe.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "arrow/status.h"

namespace marquet {

enum class ErrorKind {
  kInvalidInput,   // the caller's argument or the input's content cannot be used as it is
  kSchema,         // a schema or type does not fit (an invalid input, too)
  kNotFound,       // a file, table, version or column is not there
  kAlreadyExists,  // a name is taken
  kConflict,       // a concurrent writer won and the change cannot be rebased
  kCommitUnknown,  // it could not be learnt whether a commit happened
  kCorruptData,    // bytes are damaged: checksums, structure or counts disagree
  kStorage,        // the operating system refused: carries an errno
  kUnsupported,    // well-formed, but beyond what Marquet knows how to handle
};

// "corrupt data", "not found" and so on: the words that open an error line.
std::string_view KindName(ErrorKind kind);

class ErrorDetail final : public arrow::StatusDetail {
 public:
  static constexpr const char* kTypeId = "marquet::ErrorDetail";

  ErrorDetail(ErrorKind kind, std::string hint, int error_number, std::string path);
  const char* type_id() const override { return kTypeId; }
  std::string ToString() const override;

  ErrorKind kind() const { return kind_; }
  const std::string& hint() const { return hint_; }   // empty when there is none
  int error_number() const { return error_number_; }  // errno, or 0
  const std::string& path() const { return path_; }   // what the operating system refused, or empty

 private:
  ErrorKind kind_;
  std::string hint_;
  int error_number_;
  std::string path_;
};

// Makes a status of one kind. `hint` is a full sentence, or empty.
arrow::Status Error(ErrorKind kind, std::string message, std::string hint = {});
inline arrow::Status InvalidInput(std::string message, std::string hint = {}) {
  return Error(ErrorKind::kInvalidInput, std::move(message), std::move(hint));
}
inline arrow::Status SchemaError(std::string message, std::string hint = {}) {
  return Error(ErrorKind::kSchema, std::move(message), std::move(hint));
}
inline arrow::Status NotFound(std::string message, std::string hint = {}) {
  return Error(ErrorKind::kNotFound, std::move(message), std::move(hint));
}
inline arrow::Status AlreadyExists(std::string message, std::string hint = {}) {
  return Error(ErrorKind::kAlreadyExists, std::move(message), std::move(hint));
}
inline arrow::Status Conflict(std::string message, std::string hint = {}) {
  return Error(ErrorKind::kConflict, std::move(message), std::move(hint));
}
inline arrow::Status CommitUnknown(std::string message, std::string hint = {}) {
  return Error(ErrorKind::kCommitUnknown, std::move(message), std::move(hint));
}
inline arrow::Status CorruptData(std::string message, std::string hint = {}) {
  return Error(ErrorKind::kCorruptData, std::move(message), std::move(hint));
}
inline arrow::Status Unsupported(std::string message, std::string hint = {}) {
  return Error(ErrorKind::kUnsupported, std::move(message), std::move(hint));
}

// A commit in doubt because of `cause`, whose errno and path it keeps.
arrow::Status CommitUnknown(const arrow::Status& cause, std::string message, std::string hint = {});

// A refusal of the operating system: "PATH: cannot OPERATION: No space left on device". ENOENT becomes
// kNotFound and EEXIST kAlreadyExists; everything else is kStorage. The errno and the path are kept in the
// detail in every case.
arrow::Status StorageError(int error_number, std::string_view operation, std::string_view path,
                           std::string hint = {});

// The kind, hint, errno and path of any status that is not OK, whoever made it.
ErrorKind KindOf(const arrow::Status& status);
std::string HintOf(const arrow::Status& status);
int ErrnoOf(const arrow::Status& status);
std::string PathOf(const arrow::Status& status);
bool IsKind(const arrow::Status& status, ErrorKind kind);

// The same error with "prefix: " before its message, or with another hint; OK stays OK.
arrow::Status WithContext(const arrow::Status& status, std::string_view prefix);
arrow::Status WithHint(const arrow::Status& status, std::string hint);

// The same message under another kind. For Arrow's own statuses, whose codes do not tell damage from misuse.
arrow::Status AsKind(const arrow::Status& status, ErrorKind kind);

// The message on one line, with its kind's name before it and without Arrow's code name: "corrupt data:
// day.dbn: ...".
std::string OneLine(const arrow::Status& status);

}  // namespace marquet
