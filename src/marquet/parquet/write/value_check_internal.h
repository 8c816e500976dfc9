// Compares what a file gives back with what its writer was given, before the file has its name.
//
// Checksums tell that bytes are those that were written, not that they were the right ones: an encoder that
// makes a zero of a null writes sound pages. So hashes of rows are taken from the arrays as the caller gave
// them, whatever their layout, and at the end the same rows are read out of the file by the reader. Between
// the two lie decoding, encoding and compression; neither end of the comparison runs through them.
//
// By default it is a sample: runs of neighbouring rows, one in each kStride or so, more of them at a file's
// beginning. Of each row group some are read back, a page for each: of every leaf whose rows had to be
// decoded, and of others so many that there is one page for kPagesForOne that were written; of a large row
// group that is one of every leaf. At VerifyLevel::kFull it is every value, in blocks of rows.
//
// The places are drawn from the numbers of rows, and leaves from the file's name, so that a run repeats. Not
// thread safe.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "arrow/io/type_fwd.h"
#include "arrow/status.h"
#include "arrow/type_fwd.h"
#include "marquet/parquet/encode/file_format.h"
#include "marquet/schema/value_hash.h"

namespace parquet {
class FileMetaData;
}

namespace marquet::pq {

class ValueCheck {
 public:
  // `format`: of the file; `path`: its name, for errors.
  ValueCheck(std::shared_ptr<const FileFormat> format, std::string path);
  ~ValueCheck();

  // Takes hashes of rows that are given; the first of them is row `first_row` of the file. Nothing of the
  // batch is kept. `decoded`: which of its columns are written in another layout than they have; the indices
  // of these must have been checked.
  void Take(const arrow::RecordBatch& given, const std::vector<bool>& decoded, int64_t first_row);

  int64_t bytes() const;  // held in memory

  // Reads them back. kCorruptData naming column and row where a value is another one, or cannot be read.
  arrow::Status Compare(const std::shared_ptr<arrow::io::RandomAccessFile>& file,
                        const std::shared_ptr<::parquet::FileMetaData>& footer, bool parallel);

 private:
  // Neighbouring rows, and for each leaf the hash of each of them, or one hash of them all.
  struct Run {
    int64_t begin = 0;
    int64_t rows = 0;
  };
  struct Leaf {
    int column = 0;
    schema::LeafRoute route;
    std::vector<uint64_t> hashes;  // of its runs' rows; of its blocks at kFull
    uint64_t block = 0;            // hash of the block in the making
    bool decoded = false;          // in some batch
    int64_t read_rows = 0;         // at a time at kFull: long texts of dictionaries take memory as rows
  };

  // The leaves of a column: the first, and the one behind the last.
  std::pair<int, int> LeavesOf(int column) const;
  // Whether a page of the leaf is read back of a row group with so many rows.
  bool IsChosen(int leaf, int row_group, int64_t rows) const;
  void TakeSample(const arrow::RecordBatch& given, int64_t first_row);
  void TakeAll(const arrow::RecordBatch& given, int64_t first_row);
  arrow::Status CompareSample(int leaf, const std::shared_ptr<arrow::io::RandomAccessFile>& file,
                              const std::shared_ptr<::parquet::FileMetaData>& footer) const;
  arrow::Status CompareAll(int leaf, const std::shared_ptr<arrow::io::RandomAccessFile>& file,
                           const std::shared_ptr<::parquet::FileMetaData>& footer) const;
  arrow::Status Differs(int leaf, int64_t begin, int64_t end) const;

  const std::shared_ptr<const FileFormat> format_;
  const std::string path_;
  const bool all_;
  const uint64_t seed_;
  std::vector<Leaf> leaves_;
  std::vector<Run> runs_;          // of a sample
  std::vector<int64_t> first_of_;  // place of each run's first hash
  int64_t next_ = -1;              // row at which the next run may begin; below zero before the first
  int64_t rows_ = 0;
};

}  // namespace marquet::pq
