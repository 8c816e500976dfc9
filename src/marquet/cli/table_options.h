// Options that several commands take to choose a table's version and rows.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "marquet/cli/command.h"
#include "marquet/table/table.h"

namespace marquet::cli {

struct VersionOptions {
  std::optional<int64_t> version;
  std::optional<int64_t> as_of_ns;
};
// --at-version and --as-of.
void AddVersionOptions(CLI::App& app, VersionOptions* options);

arrow::Result<std::shared_ptr<table::Table>> OpenTable(Session& session, const std::string& path,
                                                       const VersionOptions& version = {});

// --columns --where --start --end --sort-by --limit --price. `price` tells whether --price was given.
struct RowOptions {
  table::ScanOptions scan;
  bool price_given = false;
};
void AddRowOptions(CLI::App& app, RowOptions* options);

}  // namespace marquet::cli
