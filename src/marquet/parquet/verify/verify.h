// Checks the bytes of one Parquet file.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "arrow/result.h"
#include "marquet/base/progress.h"
#include "marquet/file/file_system.h"
#include "marquet/parquet/format/options.h"

namespace parquet {
class FileMetaData;
}

namespace marquet::pq {

struct Damage {
  std::string file;
  int row_group = -1;   // -1 where it does not apply
  std::string column;   // its dotted path, or empty
  int64_t page = -1;    // place among the column chunk's pages, the dictionary page included
  int64_t offset = -1;  // first byte of the damaged range in the file
  int64_t length = 0;
  // "page", "page header", "footer", "schema", "magic", "file", "order"; "statistics" (values that lie beyond
  // what the file says of them, for which filters pass over their rows); "Bloom filter" (it is not where the
  // footer has it, or not as long); "tail" (behind the footer),
  // "unclaimed" (before it, and of nothing that it names); of a table "log"
  std::string region;
  std::string message;  // one sentence: found, expected
};

// The region of what could not be looked at, which is no damage but not sound either.
inline constexpr const char* kUnchecked = "unchecked";

struct FileVerdict {
  std::string file;
  bool ok = true;
  int64_t rows = 0;         // the footer's
  int64_t rows_intact = 0;  // rows of the row groups without damage
  int64_t bytes = 0;
  std::vector<Damage> damage;
  // What the file's writer got wrong while every row can be read whole: sizes or a number of rows left 0,
  // bytes that belong to nothing. Of a file that Marquet wrote it is damage, since Marquet writes no such
  // thing.
  std::vector<Damage> odd;
};

struct Expectation {                  // what a log or manifest says of the file
  std::optional<std::string> digest;  // XXH3-128
  std::optional<int64_t> bytes;
  std::optional<int64_t> rows;
};

// Reads the whole file (kFooter: only its ends) and reports all the damage it finds, and what is odd. A file
// that goes on behind a footer, be it by a newline, is damaged, and checked up to there. A status that is not
// OK means that the check could not be made (missing file, I/O error), not that the file is damaged.
// `parallel` decodes column chunks side by side; memory: one compressed chunk and one page of it per thread.
// `footer`, unless it is a null pointer, gets the footer that was read, where there is one: of a sound file
// it spares a FileReader reading it again.
arrow::Result<FileVerdict> VerifyFile(file::FileSystem& fs, const std::string& path, VerifyLevel level,
                                      const Expectation& expected = {}, const StopFlag* stop = nullptr,
                                      bool parallel = true,
                                      std::shared_ptr<::parquet::FileMetaData>* footer = nullptr);

}  // namespace marquet::pq
