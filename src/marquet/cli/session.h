// What every command shares: the common options, where results and messages go, and how it is stopped.
//
// Standard output carries results only; log, progress and errors go to standard error.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "arrow/io/type_fwd.h"
#include "arrow/status.h"
#include "marquet/base/progress.h"
#include "marquet/file/file_system.h"

namespace marquet::cli {

class JsonProgress;

struct CommonOptions {
  bool json = false;
  bool quiet = false;
  int verbosity = 0;  // 1: information, 2: details
  int jobs = 0;       // 0: as many as there are processors
  int64_t memory = int64_t{1} << 30;
  std::string color = "auto";       // "always", "never"
  std::string log_format = "text";  // "json": json_log.h
};

class Session {
 public:
  explicit Session(const CommonOptions& common);
  ~Session();

  const CommonOptions& common() const { return common_; }
  const std::shared_ptr<file::FileSystem>& fs() const { return fs_; }

  // Requested by SIGINT and SIGTERM. A second signal ends the process at once.
  const StopFlag* stop() const;

  // A bar on standard error, drawn only when that is a terminal and -q was not given; empty otherwise. Lines
  // of JSON where the log is.
  ProgressCallback progress();

  // A result, as it stands, to standard output.
  arrow::Status Print(std::string_view text);
  // Standard output as a stream, for results of any size. Closing it flushes.
  const std::shared_ptr<arrow::io::OutputStream>& output() const { return output_; }

  // One line "marquet: KIND: MESSAGE" and, where there is one, a line "hint: ..." on standard error; between
  // them, where the message is about a place in a text, the text and a caret below it, both indented. One
  // line of JSON where the log is. With
  // --json also an object {"ok": false, "error", "kind", "hint"} on standard output, unless something stands
  // there already, which says it (a report) or cannot be taken back (rows).
  void PrintError(const arrow::Status& status);

 private:
  struct Bar;
  void PrintErrorLine(const arrow::Status& status);

  CommonOptions common_;
  std::shared_ptr<file::FileSystem> fs_;
  std::shared_ptr<arrow::io::OutputStream> output_;
  std::shared_ptr<Bar> bar_;
  std::shared_ptr<JsonProgress> json_progress_;
  bool color_;
};

// Arranges for SIGINT and SIGTERM to request a stop, and for writes beyond a file size limit to fail rather
// than kill. Called once, first.
void InstallSignalHandlers();
// The signal that asked for a stop, or 0.
int StopSignal();

}  // namespace marquet::cli
