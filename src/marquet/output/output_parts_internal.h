// The files of one output name: its parts, one after the other.
#pragma once

#include <functional>
#include <list>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "arrow/result.h"
#include "arrow/type_fwd.h"
#include "marquet/file/file_system.h"
#include "marquet/output/row_schema_internal.h"
#include "marquet/output/writer_manifest.h"
#include "marquet/parquet/encode/file_format.h"
#include "marquet/parquet/write/writer.h"

namespace marquet::output {

class OutputParts;

// Outputs that have a file open: as many as leave a process enough for all else, however many there are.
class OpenOutputs {
 public:
  // The output is about to use its file. The one that was used longest ago closes its own until it is used
  // again.
  arrow::Status Use(OutputParts* output);
  void Forget(OutputParts* output) noexcept;

 private:
  using Order = std::list<OutputParts*>;
  Order order_;  // the last used first
  std::unordered_map<OutputParts*, Order::iterator> places_;
};

// What all outputs of a writer share.
struct OutputFolder {
  std::shared_ptr<file::FileSystem> fs;
  std::string path;
  int64_t max_file_bytes = 0;
  int64_t max_file_rows = 0;
  // kConflict once another writer has the output: names in the folder may be that one's by then.
  std::function<arrow::Status()> check_claim;
  // Sets aside a file that has the name of a new part, where a process that lost the output has left it
  // there; whether it did.
  std::function<arrow::Result<bool>(const std::string& name)> set_aside;
  std::set<std::string> made;  // directories that are known to be there, for good
  OpenOutputs open;
};

// Not thread safe. After an error only Abort() is of use.
class OutputParts {
 public:
  // `folder` must outlive it. `name`: within the folder.
  OutputParts(OutputFolder* folder, std::string name);
  ~OutputParts() { folder_->open.Forget(this); }

  // Adds rows of the format's schema. A part ends, and is published, when it has as many rows or bytes as the
  // folder's bounds say, and when rows of another format come.
  arrow::Status Append(const arrow::RecordBatch& batch, const std::shared_ptr<const pq::FileFormat>& format);

  // Writes the rows so far again, in the types that values of others have decided since.
  arrow::Status Decide(const RowSchema& rows);

  // Ends the row group in the making.
  arrow::Status Flush();

  // Closes the file of the part in the making until it is used again.
  arrow::Status Park() { return writer_ == nullptr ? arrow::Status::OK() : writer_->Park(); }

  // Publishes the part in the making. With a format a file without rows is made where there was none at all.
  arrow::Status Finish(const std::shared_ptr<const pq::FileFormat>& format_of_empty);

  // Removes the part in the making, and published ones as well, unless another writer has the output: that
  // one sets them aside, and what has their names may be its own.
  arrow::Status Abort();

  // The published ones are listed from now on, or may be: Abort() leaves them. TakeBack(): they are not, for
  // certain.
  void Release() noexcept { released_ = true; }
  void TakeBack() noexcept { released_ = false; }

  const std::string& name() const { return name_; }
  const std::vector<PublishedFile>& published() const { return published_; }
  // Of each published part the schema.
  const std::vector<std::shared_ptr<arrow::Schema>>& schemas() const { return schemas_; }
  // Of the part in the making; a null pointer when there is none.
  std::shared_ptr<const pq::FileFormat> open_format() const { return writer_ == nullptr ? nullptr : format_; }
  int64_t buffered_bytes() const { return writer_ == nullptr ? 0 : writer_->buffered_bytes(); }

 private:
  arrow::Status Begin(const std::shared_ptr<const pq::FileFormat>& format);
  arrow::Status EndPart();
  bool IsFull() const;
  int64_t RowsWithinBounds(const arrow::RecordBatch& rows) const;

  OutputFolder* const folder_;
  const std::string name_;
  std::vector<PublishedFile> published_;
  std::vector<std::shared_ptr<arrow::Schema>> schemas_;
  bool released_ = false;
  std::unique_ptr<pq::FileWriter> writer_;  // of the part in the making
  std::shared_ptr<const pq::FileFormat> format_;
  std::string part_name_;
};

}  // namespace marquet::output
