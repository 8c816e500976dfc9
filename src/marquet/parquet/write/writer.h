// Writes one Parquet file, durably: nothing has the final name before all of it is on disk and verified.
//
// Encodings follow the column's kind: DELTA_BINARY_PACKED for integers and times, plain for the rest, and a
// dictionary where it pays; data pages v1, page CRCs, page index and statistics on. Rows are encoded as they
// come, columns side by side; their pages stay in memory until the row group has `row_group_rows` rows or
// takes `memory`.
//
// Rows may have any of Arrow's layouts for their values: dictionaries, runs, views, slices. Before the file
// is published values among them, or with VerifyLevel::kFull all, are read back and compared with what was
// given.
//
// Not thread safe. After an error every call returns that error, until Abort().
#pragma once

#include <memory>
#include <string>

#include "arrow/type_fwd.h"
#include "marquet/file/file_system.h"
#include "marquet/parquet/encode/file_format.h"

namespace marquet::pq {

class FileWriter {
 public:
  // `path` must end in ".parquet"; its directory must exist. `parallel` false: the columns of this file are
  // encoded on the calling thread, whatever the options say. Errors: kInvalidInput, kStorage.
  static arrow::Result<std::unique_ptr<FileWriter>> Open(std::shared_ptr<file::FileSystem> fs,
                                                         std::string path,
                                                         std::shared_ptr<const FileFormat> format,
                                                         bool parallel = true);
  // The same with a format made for this file alone, and FileFormat::Make's errors.
  static arrow::Result<std::unique_ptr<FileWriter>> Open(std::shared_ptr<file::FileSystem> fs,
                                                         std::string path,
                                                         std::shared_ptr<arrow::Schema> schema,
                                                         WriteOptions options);
  ~FileWriter();  // aborts when not closed

  // Adds rows. The batch's schema must equal the file's, names and types in order, or a layout of these types
  // (kSchema), and where it says that something is never null, nothing may be, at any depth (kSchema, with
  // column and row).
  arrow::Status Write(const arrow::RecordBatch& batch);

  // Ends the row group in the making: its rows take no more memory, and lie in the temporary file, where a
  // rescue finds them. Small row groups make large, slow files, so do this seldom.
  arrow::Status Flush();

  // Closes the temporary file until rows are written to it again, as DurableFile::Park does. Rows in memory
  // stay there.
  arrow::Status Park();

  // Ends the file: footer, sync, verify, publish, directory sync. The statistics are those of all row groups
  // together. kCorruptData where the file does not give back what it was given. After kCommitUnknown, and
  // when memory ran out, the file may have its name nonetheless: it must mean nothing until something refers
  // to it.
  arrow::Result<WrittenFile> Close();

  // The same in two steps. Seal: footer, sync, verify; the whole file then lies under temporary_path(), until
  // PublishReplacing gives it its name in place of the file there, or Abort removes it. kCommitUnknown from
  // PublishReplacing when only the directory's sync failed; when memory ran out, either file may be there.
  arrow::Result<WrittenFile> Seal();
  arrow::Status PublishReplacing();
  const std::string& temporary_path() const;

  // Leaves nothing behind. Harmless after Close().
  arrow::Status Abort();

  int64_t rows() const;             // accepted so far
  int64_t buffered_bytes() const;   // held in memory: pages and rows of the row group in the making
  int64_t unwritten_bytes() const;  // of these, what comes into the file, before it is compressed
  int64_t written_bytes() const;    // given to the file so far: row groups that have ended
  // All that is held in memory: buffered_bytes(), which Flush() frees, and what only the file's end does.
  // Where files have nested columns, Flush() frees nothing until more rows come.
  int64_t held_bytes() const;

 private:
  struct Impl;
  explicit FileWriter(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace marquet::pq
