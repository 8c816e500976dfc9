#include "marquet/jobs/check/rescue.h"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "arrow/type.h"
#include "marquet/base/error.h"
#include "marquet/base/text.h"
#include "marquet/file/file_owner.h"
#include "marquet/table/data_file_path.h"
#include "marquet/table/table.h"

namespace marquet::jobs {
namespace {

// The schema of one of the table's data files: of the same partition if there is one, else of the newest. Of
// a table without any, that of its columns.
arrow::Result<pq::RescueSchema> SchemaOfTable(const std::shared_ptr<file::FileSystem>& fs,
                                              const std::string& path, const std::string& broken) {
  ARROW_ASSIGN_OR_RAISE(const auto table, table::Table::Open(fs, path));
  const auto snapshot = table->snapshot();
  struct Candidate {
    std::string path;
    bool beside = false;
    int64_t modified_ms = 0;
  };
  std::vector<Candidate> candidates;
  for (const auto& file : snapshot->files) {
    ARROW_ASSIGN_OR_RAISE(std::string place, table::DataFilePath(path, file->path));
    if (place == broken) continue;
    const bool beside = file::ParentPath(place) == file::ParentPath(broken);
    candidates.push_back({std::move(place), beside, file->modification_time_ms});
  }
  std::stable_sort(candidates.begin(), candidates.end(), [](const Candidate& a, const Candidate& b) {
    return std::pair(a.beside, a.modified_ms) > std::pair(b.beside, b.modified_ms);
  });
  for (const Candidate& candidate : candidates) {
    auto schema = pq::SchemaOfFile(*fs, candidate.path);
    if (!schema.ok()) continue;  // damaged, too, or gone: the next will do
    schema->source = fmt::format("the table {}, by its file {}", path, candidate.path);
    return schema;
  }
  const std::vector<std::string>& partitions = snapshot->metadata.partition_columns;
  arrow::FieldVector fields;
  for (const auto& field : table->schema()->fields()) {
    const bool partition = std::find(partitions.begin(), partitions.end(), field->name()) != partitions.end();
    if (!partition) fields.push_back(field);
  }
  return pq::SchemaOfColumns(arrow::schema(std::move(fields)),
                             fmt::format("the columns of the table {}", path));
}

arrow::Result<std::optional<pq::RescueSchema>> FindSchema(const std::shared_ptr<file::FileSystem>& fs,
                                                          const RescueOptions& options) {
  if (options.schema) {
    ARROW_ASSIGN_OR_RAISE(auto schema, pq::SchemaOfFile(*fs, *options.schema));
    return schema;
  }
  if (options.table) {
    ARROW_ASSIGN_OR_RAISE(auto schema, SchemaOfTable(fs, *options.table, options.path));
    return schema;
  }
  return pq::SchemaOfJournal(*fs, options.path);
}

std::string Place(const pq::RescueLoss& loss) {
  std::string place;
  if (loss.row_group >= 0) place += fmt::format("row group {}", loss.row_group);
  if (!loss.column.empty()) place += fmt::format("{}column {}", place.empty() ? "" : ", ", loss.column);
  if (loss.page >= 0) place += fmt::format(", page {}", loss.page);
  if (loss.offset >= 0) {
    place += fmt::format("{}{} bytes from byte {} on", place.empty() ? "" : ", ", WithCommas(loss.bytes),
                         WithCommas(loss.offset));
  }
  if (loss.rows >= 0) place += fmt::format(", {} rows", WithCommas(loss.rows));
  return place;
}

}  // namespace

arrow::Result<pq::RescueReport> Rescue(const std::shared_ptr<file::FileSystem>& fs,
                                       const RescueOptions& options) {
  if (options.schema && options.table) {
    return InvalidInput("a schema can come from a file or from a table, not from both");
  }
  if (const auto info = fs->Stat(options.path); info.ok() && info->is_directory) {
    return InvalidInput(options.path + ": is a directory; expected one Parquet file",
                        "name one of the files in it; of a table 'marquet verify' tells which are damaged");
  }
  pq::RescueOptions rescue;
  rescue.write.memory = options.memory;
  rescue.write.parallel = rescue.parallel = options.jobs != 1;
  rescue.stop = options.stop;
  rescue.progress = options.progress;
  ARROW_ASSIGN_OR_RAISE(pq::RescueReport report,
                        pq::Rescue(
                            fs, options.path, options.out, [&] { return FindSchema(fs, options); }, rescue));
  if (const auto name = file::ParseTemporaryName(file::FileName(options.path))) {
    ARROW_ASSIGN_OR_RAISE(const file::FileInfo info, fs->Stat(options.path));
    if (file::OwnerMayLive(*name, info.modified_ms)) {
      report.notes.push_back(fmt::format("process {} may still be writing the file", name->pid));
    }
  }
  return report;
}

std::string ToText(const pq::RescueReport& report) {
  if (report.intact) {
    return fmt::format("{}: needs no rescue: its footer and all of its {} rows are intact\n", report.file,
                       WithCommas(report.rows));
  }
  std::string text;
  if (report.out.empty()) {
    text = fmt::format("{}: nothing could be recovered\n", report.file);
  } else {
    text = fmt::format("{}: {} recovered into {}, of {} ({} complete)\n", report.file,
                       Counted(report.rows, "row"), report.out, Counted(report.row_groups, "row group"),
                       report.complete_row_groups);
  }
  if (!report.schema_source.empty()) text += fmt::format("  schema: {}\n", report.schema_source);
  text +=
      fmt::format("  bytes: {} recovered, {} lost, {} unknown, {} without rows, of {}\n",
                  WithCommas(report.bytes_recovered), WithCommas(report.bytes_lost),
                  WithCommas(report.bytes_unknown), WithCommas(report.bytes_other), WithCommas(report.bytes));
  text += fmt::format("  rows lost: {}{}\n", WithCommas(report.rows_lost),
                      report.more_rows_lost ? ", and others that cannot be counted" : "");
  for (const pq::RescueLoss& loss : report.losses) {
    const std::string place = Place(loss);
    text += fmt::format("  lost: {}{}{}\n", place, place.empty() ? "" : ": ", loss.reason);
  }
  for (const std::string& note : report.notes) text += fmt::format("  note: {}\n", note);
  return text;
}

std::string ToJson(const pq::RescueReport& report) {
  nlohmann::ordered_json losses = nlohmann::ordered_json::array();
  for (const pq::RescueLoss& loss : report.losses) {
    losses.push_back({{"row_group", loss.row_group},
                      {"column", loss.column},
                      {"page", loss.page},
                      {"offset", loss.offset},
                      {"bytes", loss.bytes},
                      {"rows", loss.rows},
                      {"reason", loss.reason}});
  }
  const nlohmann::ordered_json root = {{"file", report.file},
                                       {"out", report.out},
                                       {"footer", report.footer},
                                       {"intact", report.intact},
                                       {"schema_source", report.schema_source},
                                       {"rows", report.rows},
                                       {"rows_lost", report.rows_lost},
                                       {"more_rows_lost", report.more_rows_lost},
                                       {"row_groups", report.row_groups},
                                       {"complete_row_groups", report.complete_row_groups},
                                       {"bytes", report.bytes},
                                       {"bytes_recovered", report.bytes_recovered},
                                       {"bytes_lost", report.bytes_lost},
                                       {"bytes_unknown", report.bytes_unknown},
                                       {"bytes_other", report.bytes_other},
                                       {"losses", std::move(losses)},
                                       {"notes", report.notes}};
  return root.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

}  // namespace marquet::jobs
