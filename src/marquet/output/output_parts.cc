#include "marquet/output/output_parts_internal.h"

#include <algorithm>

#include <fmt/format.h>

#include "arrow/record_batch.h"
#include "arrow/util/byte_size.h"
#include "marquet/base/error.h"
#include "marquet/base/exceptions.h"
#include "marquet/base/make_room.h"
#include "marquet/output/decided_files_internal.h"
#include "marquet/output/output_template.h"

namespace marquet::output {
namespace {

// Rows between two looks at a part's size.
constexpr int64_t kRowsAtOnce = 16'384;

// Files open at a time. A process may have 1,024 where nobody asked for more.
constexpr size_t kMostOpen = 128;

}  // namespace

arrow::Status OpenOutputs::Use(OutputParts* output) {
  const auto known = places_.find(output);
  if (known != places_.end()) {
    order_.splice(order_.begin(), order_, known->second);
    return arrow::Status::OK();
  }
  while (order_.size() >= kMostOpen) {
    OutputParts* const last = order_.back();
    Forget(last);
    ARROW_RETURN_NOT_OK(last->Park());
  }
  Order own{output};  // what is thrown leaves both as they were
  places_[output] = own.begin();
  order_.splice(order_.begin(), own);
  return arrow::Status::OK();
}

void OpenOutputs::Forget(OutputParts* output) noexcept {
  const auto known = places_.find(output);
  if (known == places_.end()) return;
  order_.erase(known->second);
  places_.erase(known);
}

OutputParts::OutputParts(OutputFolder* folder, std::string name) : folder_(folder), name_(std::move(name)) {}

arrow::Status OutputParts::Append(const arrow::RecordBatch& batch,
                                  const std::shared_ptr<const pq::FileFormat>& format) {
  const bool bounded = folder_->max_file_bytes > 0 || folder_->max_file_rows > 0;
  for (int64_t begin = 0; begin < batch.num_rows();) {
    if (writer_ != nullptr && (format_ != format || IsFull())) ARROW_RETURN_NOT_OK(EndPart());
    if (writer_ == nullptr) ARROW_RETURN_NOT_OK(Begin(format));
    ARROW_RETURN_NOT_OK(folder_->open.Use(this));
    const int64_t left = batch.num_rows() - begin;
    const int64_t rows = bounded ? RowsWithinBounds(*batch.Slice(begin, std::min(left, kRowsAtOnce))) : left;
    ARROW_RETURN_NOT_OK(writer_->Write(*batch.Slice(begin, rows)));
    begin += rows;
  }
  return arrow::Status::OK();
}

// How many of the rows go to the part, by their bytes in memory: one that is about to be full takes so few
// that what it has then can be looked at again. At least one.
int64_t OutputParts::RowsWithinBounds(const arrow::RecordBatch& rows) const {
  int64_t fit = rows.num_rows();
  if (folder_->max_file_rows > 0) fit = std::min(fit, folder_->max_file_rows - writer_->rows());
  if (folder_->max_file_bytes > 0) {
    const auto bytes = arrow::util::ReferencedBufferSize(rows);
    const int64_t each = std::max<int64_t>(bytes.ok() ? *bytes / rows.num_rows() : 1, 1);
    const int64_t room = folder_->max_file_bytes - writer_->written_bytes() - writer_->unwritten_bytes();
    fit = std::min(fit, std::max<int64_t>(room / each, 1));
  }
  return fit;
}

bool OutputParts::IsFull() const {
  if (folder_->max_file_rows > 0 && writer_->rows() >= folder_->max_file_rows) return true;
  return folder_->max_file_bytes > 0 &&
         writer_->written_bytes() + writer_->unwritten_bytes() >= folder_->max_file_bytes;
}

arrow::Status OutputParts::Begin(const std::shared_ptr<const pq::FileFormat>& format) {
  ARROW_RETURN_NOT_OK(folder_->check_claim());
  const auto part = static_cast<int>(published_.size());
  const bool numbered = part > 0 || folder_->max_file_bytes > 0 || folder_->max_file_rows > 0;
  part_name_ = numbered ? PartName(name_, part) : name_;
  const std::string path = file::JoinPath(folder_->path, part_name_);
  const std::string directory = file::ParentPath(path);
  if (folder_->made.insert(directory).second) {
    const arrow::Status made = file::CreateDirectories(*folder_->fs, directory);
    if (!made.ok()) {
      folder_->made.erase(directory);
      return made;
    }
  }
  ARROW_ASSIGN_OR_RAISE(bool taken, file::Exists(*folder_->fs, path));
  if (taken && folder_->set_aside) {
    ARROW_ASSIGN_OR_RAISE(const bool free, folder_->set_aside(part_name_));
    taken = !free;
  }
  if (taken) {
    return AlreadyExists(fmt::format("{}: a file of another writer has this name; it was not touched", path),
                         "Write to another folder or under other names.");
  }
  ARROW_RETURN_NOT_OK(folder_->open.Use(this));
  format_ = format;
  ARROW_ASSIGN_OR_RAISE(writer_, pq::FileWriter::Open(folder_->fs, path, format));
  return arrow::Status::OK();
}

arrow::Status OutputParts::EndPart() {
  ARROW_RETURN_NOT_OK(folder_->check_claim());
  // Its place is there before it has its name: nothing may come between the two.
  PublishedFile file{part_name_, 0, 0, {}};
  MakeRoom(&published_, 1);
  MakeRoom(&schemas_, 1);
  ARROW_RETURN_NOT_OK(folder_->open.Use(this));
  ARROW_ASSIGN_OR_RAISE(pq::WrittenFile written, writer_->Close());
  folder_->open.Forget(this);
  file.rows = written.rows;
  file.bytes = written.bytes;
  file.digest = std::move(written.digest);
  published_.push_back(std::move(file));
  schemas_.push_back(format_->schema());
  writer_.reset();
  return arrow::Status::OK();
}

arrow::Status OutputParts::Decide(const RowSchema& rows) {
  for (size_t i = 0; i < published_.size(); ++i) {
    ARROW_RETURN_NOT_OK(folder_->check_claim());
    ARROW_ASSIGN_OR_RAISE(auto decided, WriteDecided(*folder_, published_[i], rows));
    if (!decided) continue;
    ARROW_RETURN_NOT_OK(folder_->check_claim());  // again: writing takes long
    ARROW_RETURN_NOT_OK(decided->writer->PublishReplacing());
    published_[i].bytes = decided->file.bytes;
    published_[i].digest = std::move(decided->file.digest);
    schemas_[i] = std::move(decided->schema);
  }
  if (writer_ == nullptr) return arrow::Status::OK();
  ARROW_ASSIGN_OR_RAISE(const auto format, rows.DecidedFormat(format_->schema()));
  if (format == nullptr) return arrow::Status::OK();
  ARROW_RETURN_NOT_OK(folder_->open.Use(this));
  ARROW_ASSIGN_OR_RAISE(const pq::WrittenFile written, writer_->Seal());
  const std::unique_ptr<pq::FileWriter> undecided = std::move(writer_);  // its end removes the temporary file
  const std::string path = file::JoinPath(folder_->path, part_name_);
  ARROW_ASSIGN_OR_RAISE(writer_, pq::FileWriter::Open(folder_->fs, path, format));
  format_ = format;
  ARROW_RETURN_NOT_OK(CopyRows(folder_->fs, undecided->temporary_path(), writer_.get(), *format));
  if (writer_->rows() != written.rows) {
    return CorruptData(fmt::format("{}: {} rows were written, and {} came back when their types were decided",
                                   path, written.rows, writer_->rows()));
  }
  return undecided->Abort();
}

arrow::Status OutputParts::Flush() {
  if (writer_ == nullptr) return arrow::Status::OK();
  ARROW_RETURN_NOT_OK(folder_->open.Use(this));
  return writer_->Flush();
}

arrow::Status OutputParts::Finish(const std::shared_ptr<const pq::FileFormat>& format_of_empty) {
  if (writer_ == nullptr && published_.empty() && format_of_empty != nullptr) {
    ARROW_RETURN_NOT_OK(Begin(format_of_empty));
  }
  return writer_ == nullptr ? arrow::Status::OK() : EndPart();
}

arrow::Status OutputParts::Abort() {
  folder_->open.Forget(this);
  arrow::Status first;
  const auto note = [&](const arrow::Status& status) {
    if (first.ok() && !IsKind(status, ErrorKind::kNotFound)) first = status;
  };
  if (writer_ != nullptr) note(Caught(folder_->path, [&] { return writer_->Abort(); }));
  writer_.reset();
  if (released_) return first;
  if (!published_.empty() && IsKind(folder_->check_claim(), ErrorKind::kConflict)) published_.clear();
  for (const PublishedFile& file : published_) {
    note(
        Caught(folder_->path, [&] { return folder_->fs->Remove(file::JoinPath(folder_->path, file.name)); }));
  }
  published_.clear();
  return first;
}

}  // namespace marquet::output
