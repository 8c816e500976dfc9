// The tables in a directory and below it, each with what its log says of it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "arrow/result.h"
#include "marquet/base/progress.h"
#include "marquet/file/file_system.h"
#include "marquet/table/table.h"

namespace marquet::jobs {

enum class TableKind {
  kTable,
  kBook,     // rows of an order book: prices and sizes of both sides, level by level
  kSamples,  // labelled depth samples (build_samples.h)
};

TableKind TableKindOf(const arrow::Schema& schema);

struct ListedTable {
  std::string path;  // as the operating system has it: in any bytes
  TableKind kind = TableKind::kTable;
  int book_levels = 0;
  table::TableInfo info;
  arrow::Status
      status;  // why the table could not be opened, or the directory not listed; then no more is known
};

// A directory that was looked into under another name before.
struct LinkedDirectory {
  std::string path;
  std::string same_as;
};

struct TableList {
  std::string directory;
  std::vector<LinkedDirectory> linked;
  std::vector<ListedTable> tables;  // by path
  bool ok = true;                   // whether all of them could be opened, and all directories listed
};

// A table is looked for in each directory but those that begin with '.' or '_'; none lies in another. The
// directory may be a table itself. What links lead to twice is looked into once. kNotFound when there is no
// such directory, kInvalidInput for a file.
arrow::Result<TableList> ListTables(const std::shared_ptr<file::FileSystem>& fs, const std::string& directory,
                                    const StopFlag* stop = nullptr);

// "table", "book of 10 levels", "samples".
std::string KindText(const ListedTable& table);
std::string ToJson(const TableList& list);

}  // namespace marquet::jobs
