// Rows out of a Parquet file that lost its footer, or that has damaged pages.
//
// A writer that was killed, or a full disk, leaves column chunks without the footer that says where they are.
// The pages are all there, and each has a header: with the schema they can be told apart again
// (row_group_search_internal.h says how, and when not). What comes back is
//
//   - every row group that is complete;
//   - of the last, incomplete one, the rows of which every column has a complete page;
//   - where pages are damaged, the rows that every column still has.
//
// Nothing that fails its CRC or cannot be decoded comes back. The source is only read.
//
// Thread safe.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "arrow/result.h"
#include "arrow/type_fwd.h"
#include "marquet/base/progress.h"
#include "marquet/file/file_system.h"
#include "marquet/parquet/format/options.h"

namespace parquet {
class FileMetaData;
}

namespace marquet::pq {

// The schema of a file without a footer, out of one that has it.
struct RescueSchema {
  std::string source;  // "the file day-1.parquet": for the report
  std::shared_ptr<::parquet::FileMetaData> footer;
  std::string path;  // of the file that the footer is of; empty when there is none
};

// Of another file with the same columns. Errors are those of reading its footer.
arrow::Result<RescueSchema> SchemaOfFile(file::FileSystem& fs, const std::string& path);

// Of columns, as Marquet would write them.
arrow::Result<RescueSchema> SchemaOfColumns(const std::shared_ptr<arrow::Schema>& columns,
                                            std::string source);

// Of the rescue journal beside a temporary file that FileWriter left behind; nothing when `path` is not the
// name of one, or there is no journal.
arrow::Result<std::optional<RescueSchema>> SchemaOfJournal(file::FileSystem& fs, const std::string& path);

struct RescueOptions {
  WriteOptions write = {};  // of the new file
  bool parallel = true;
  const StopFlag* stop = nullptr;
  ProgressCallback progress = {};
};

// Something that did not come back.
struct RescueLoss {
  int row_group = -1;   // -1 where it does not apply
  std::string column;   // its dotted path, or empty
  int64_t page = -1;    // place among the data pages of the column chunk
  int64_t offset = -1;  // first byte in the file
  int64_t bytes = 0;
  int64_t rows = -1;  // that it had a part of; -1 when it is not known
  std::string reason;
};

struct RescueReport {
  std::string file;
  std::string out;      // empty when nothing was written
  bool footer = false;  // whether the file has a valid one, be it with something behind it
  bool intact = false;  // it has, and every page is whole: there is nothing to rescue
  std::string schema_source;

  int64_t rows = 0;             // recovered (of an intact file: those it has)
  int64_t rows_lost = 0;        // that are known to have been there
  bool more_rows_lost = false;  // than are known
  int row_groups = 0;           // of which rows were recovered
  int complete_row_groups = 0;  // of which all rows were

  // Of the file: pages whose rows came back; pages whose rows did not; what may be pages, in a file without a
  // footer, and what may hold rows and is of nothing that the footer names; and the rest, which holds no
  // rows: the magic, what stands behind column chunks, the page index, the footer.
  int64_t bytes = 0;
  int64_t bytes_recovered = 0;
  int64_t bytes_lost = 0;
  int64_t bytes_unknown = 0;
  int64_t bytes_other = 0;

  std::vector<RescueLoss> losses;
  std::vector<std::string> notes;
};

// Gives the schema, or nothing when none is known.
using FindSchema = std::function<arrow::Result<std::optional<RescueSchema>>()>;

// Writes what can be recovered of the file at `path` to a new file `out`, durably and verified, or nothing
// when there are no rows. `find_schema` is called for a file without a footer; one with a footer has its own.
//
// Errors: kInvalidInput when there is no footer and no schema, or `out` is `path` or does not end in
// ".parquet"; kAlreadyExists when `out` is there; kSchema when the schema is not that of the file's pages;
// kCorruptData when the file is not Parquet; those of reading and writing. That little or nothing could be
// recovered is no error: the report says so.
arrow::Result<RescueReport> Rescue(const std::shared_ptr<file::FileSystem>& fs, const std::string& path,
                                   const std::string& out, const FindSchema& find_schema,
                                   const RescueOptions& options = {});

}  // namespace marquet::pq
