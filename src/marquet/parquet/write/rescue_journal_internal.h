// What helps to rescue the rows of a writer that is killed: a file without rows and of the same schema beside
// its temporary file (docs/format.md, "Rescue journals").
#pragma once

#include <memory>
#include <string>

#include "arrow/status.h"
#include "marquet/base/home_process.h"
#include "marquet/file/file_system.h"
#include "marquet/parquet/encode/file_format_internal.h"

namespace parquet {
class FileMetaData;
}

namespace marquet::pq {

// The footer of a file of this format that has a row group without rows: schema, codec, encodings. Exceptions
// are Arrow's.
std::shared_ptr<::parquet::FileMetaData> EmptyFooter(const FormatParts& format);

// One writer's journal. Belongs to one thread at a time; errors poison nothing by themselves.
class RescueJournal {
 public:
  // `temporary`: of the file that is being written.
  RescueJournal(std::shared_ptr<file::FileSystem> fs, const std::string& temporary);

  // Writes it, unless that was done. Not synced: it is a help, no promise.
  arrow::Status Write(const FormatParts& format);

  // Removes it where there is one. Harmless when called again, and in a fork of the process that wrote it.
  arrow::Status Remove();

 private:
  const std::shared_ptr<file::FileSystem> fs_;
  const std::string path_;
  const HomeProcess home_;
  bool there_ = false;  // perhaps in part
};

}  // namespace marquet::pq
