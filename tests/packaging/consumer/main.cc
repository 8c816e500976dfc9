// Creates a table, appends rows to it, and reads some of them back: consumer DIRECTORY.
#include <iostream>
#include <memory>

#include "arrow/api.h"
#include "marquet/base/error.h"
#include "marquet/table/table.h"

namespace {

arrow::Status Run(const std::string& path) {
  const auto schema =
      arrow::schema({arrow::field("symbol", arrow::utf8()), arrow::field("size", arrow::int64())});
  ARROW_ASSIGN_OR_RAISE(auto table, marquet::table::Table::Create(marquet::file::LocalFileSystem(), path,
                                                                  *schema, {.partition_by = {"symbol"}}));

  arrow::StringBuilder symbols;
  arrow::Int64Builder sizes;
  for (int64_t i = 0; i < 1000; ++i) {
    ARROW_RETURN_NOT_OK(symbols.Append(i % 2 == 0 ? "ESH4" : "NQH4"));
    ARROW_RETURN_NOT_OK(sizes.Append(i));
  }
  ARROW_ASSIGN_OR_RAISE(auto symbol, symbols.Finish());
  ARROW_ASSIGN_OR_RAISE(auto size, sizes.Finish());
  const auto batch = arrow::RecordBatch::Make(schema, 1000, {symbol, size});
  ARROW_ASSIGN_OR_RAISE(auto rows, arrow::RecordBatchReader::Make({batch}));
  ARROW_ASSIGN_OR_RAISE(const auto report, table->Append(*rows));

  marquet::table::ScanOptions options;
  ARROW_ASSIGN_OR_RAISE(options.where,
                        marquet::predicate::Predicate::Parse("symbol = 'ESH4' and size >= 900"));
  ARROW_ASSIGN_OR_RAISE(const auto scan, table->NewScan(options));
  ARROW_ASSIGN_OR_RAISE(const auto selected, scan.ToTable());
  std::cout << "version " << report.version << ", " << report.rows << " rows in, " << selected->num_rows()
            << " rows out\n";
  return arrow::Status::OK();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: consumer DIRECTORY\n";
    return 2;
  }
  const arrow::Status status = Run(argv[1]);
  if (!status.ok()) {
    std::cerr << marquet::OneLine(status) << "\n";
    return 1;
  }
  return 0;
}
