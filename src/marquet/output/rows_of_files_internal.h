// The rows of several files, one after the other, in batches of bounded size.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "arrow/result.h"
#include "arrow/type_fwd.h"
#include "marquet/file/file_system.h"

namespace marquet::output {

// Not thread safe.
class RowsOfFiles {
 public:
  RowsOfFiles(std::shared_ptr<file::FileSystem> fs, std::vector<std::string> paths)
      : fs_(std::move(fs)), paths_(std::move(paths)) {}

  // The next rows, or a null pointer after the last.
  arrow::Result<std::shared_ptr<arrow::RecordBatch>> Next();

 private:
  const std::shared_ptr<file::FileSystem> fs_;
  const std::vector<std::string> paths_;
  size_t file_ = 0;
  std::shared_ptr<arrow::RecordBatchReader> stream_;
};

}  // namespace marquet::output
