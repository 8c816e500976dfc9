#include "marquet/jobs/export/export.h"

#include <algorithm>
#include <set>

#include <arrow/api.h>
#include <arrow/compute/initialize.h>
#include <fmt/format.h>

#include "marquet/base/error.h"
#include "marquet/base/text.h"
#include "marquet/dbn/writer.h"
#include "marquet/file/durable_file.h"
#include "marquet/jobs/export/source_records.h"
#include "marquet/jobs/text/row_output.h"
#include "marquet/ledger/held_source.h"
#include "marquet/ledger/source_overlap.h"
#include "marquet/table/table.h"

namespace marquet::jobs {
namespace {

RowFormat RowFormatOf(ExportFormat format) {
  switch (format) {
    case ExportFormat::kJsonLines:
      return RowFormat::kJsonLines;
    case ExportFormat::kParquet:
      return RowFormat::kParquet;
    default:
      return RowFormat::kCsv;
  }
}

// The sources with rows in this version, and those that were ingested without any.
arrow::Result<std::vector<ledger::HeldSource>> SourcesOf(file::FileSystem& fs, const table::Table& table) {
  const auto snapshot = table.snapshot();
  std::set<std::string> with_rows;
  for (const auto& file : snapshot->files) {
    const auto tag = file->tags.find(ledger::kSourceTag);
    if (tag != file->tags.end()) with_rows.insert(tag->second);
  }
  ARROW_ASSIGN_OR_RAISE(const auto ids, ledger::ListSourceDescriptions(fs, table.path()));
  std::vector<ledger::HeldSource> sources;
  for (const std::string& id : ids) {
    ARROW_ASSIGN_OR_RAISE(auto source, ledger::ReadHeldSource(fs, table.path(), *snapshot, id));
    const auto* stored = snapshot->transactions.Find(ledger::SourceAppId(source.description.digest));
    const bool empty = source.rows_ingested == 0 && stored != nullptr && stored->version % 2 == 1;
    if (with_rows.erase(id) > 0 || empty) sources.push_back(std::move(source));
  }
  if (!with_rows.empty()) {
    return NotFound(fmt::format("{}: the description of source {} is missing under _marquet/sources",
                                table.path(), *with_rows.begin()));
  }
  std::stable_sort(sources.begin(), sources.end(),
                   [](const auto& a, const auto& b) { return a.description.name < b.description.name; });
  return sources;
}

// What no source marks cannot come back as DBN, and must not be missing in silence.
arrow::Status CheckAllOfSources(const table::Table& table) {
  const auto snapshot = table.snapshot();
  size_t marked = 0;
  for (const auto& file : snapshot->files) marked += file->tags.contains(std::string(ledger::kSourceTag));
  if (marked == 0 || marked == snapshot->files.size()) return arrow::Status::OK();
  return Unsupported(
      fmt::format("{}: {} of {} data files do not say which source their rows are of: they were appended, or "
                  "rewritten by another engine",
                  table.path(), snapshot->files.size() - marked, snapshot->files.size()),
      "choose a source with --source (source= in Python), or another format");
}

arrow::Result<std::vector<ledger::HeldSource>> Chosen(std::vector<ledger::HeldSource> sources,
                                                      const ExportOptions& options) {
  if (!options.source) return sources;
  const std::string& wanted = *options.source;
  std::vector<std::string> names;
  for (const ledger::HeldSource& source : sources) names.push_back(file::FileName(source.description.name));
  std::erase_if(sources, [&](const ledger::HeldSource& source) {
    const ledger::SourceDescription& known = source.description;
    return known.id != wanted && known.digest != wanted && known.name != wanted &&
           file::FileName(known.name) != wanted;
  });
  if (sources.empty()) {
    constexpr size_t kMostNamed = 10;
    std::string hint = DidYouMean(wanted, names);
    if (hint.empty() && !names.empty()) {
      const size_t rest = names.size() - std::min(names.size(), kMostNamed);
      names.resize(names.size() - rest);
      hint =
          fmt::format("its sources are {}{}", fmt::join(names, ", "),
                      rest == 0 ? "" : fmt::format(" and {} more", WithCommas(static_cast<int64_t>(rest))));
    }
    return NotFound(fmt::format("{}: there is no source {}", options.table, Quoted(wanted)), std::move(hint));
  }
  return sources;
}

// One source's records, with the records that are no rows at their places.
class SourceWriter {
 public:
  SourceWriter(const ledger::SourceDescription& source, dbn::Writer* writer)
      : source_(source), writer_(writer) {}

  arrow::Status Write(const arrow::RecordBatch& rows) {
    const auto& place = static_cast<const arrow::Int64Array&>(*rows.GetColumnByName("source_row"));
    const auto& kept = source_.summary.kept_records;
    int64_t done = 0;
    while (done < rows.num_rows()) {
      while (kept_ < kept.size() && kept[kept_].source_row < place.Value(done)) {
        ARROW_RETURN_NOT_OK(writer_->WriteRaw(kept[kept_++].bytes));
      }
      int64_t end = rows.num_rows();
      if (kept_ < kept.size()) {
        const int64_t* values = place.raw_values();
        end = std::lower_bound(values + done, values + end, kept[kept_].source_row) - values;
      }
      ARROW_RETURN_NOT_OK(writer_->Write(source_.kind, *rows.Slice(done, end - done)));
      rows_ += end - done;
      done = end;
    }
    return arrow::Status::OK();
  }

  arrow::Status Finish() {
    const auto& kept = source_.summary.kept_records;
    while (kept_ < kept.size()) ARROW_RETURN_NOT_OK(writer_->WriteRaw(kept[kept_++].bytes));
    return writer_->Close();
  }

  int64_t rows() const { return rows_; }

 private:
  const ledger::SourceDescription& source_;
  dbn::Writer* writer_;
  size_t kept_ = 0;
  int64_t rows_ = 0;
};

arrow::Status CheckComplete(const ledger::HeldSource& held) {
  const ledger::SourceDescription& source = held.description;
  if (!held.is_whole()) {
    ledger::SourceLosses losses;
    losses.Add(held, true);
    return Unsupported(
        fmt::format("{}: only a part of it is left: {}", source.name, losses.ToText()),
        "choose another source with --source (source= in Python), export an older version that has "
        "all of it (--at-version, version= in Python), or export another format than dbn");
  }
  if (source.is_partial()) {
    return Unsupported(
        fmt::format("{}: was ingested in part: {} of its rows are not among those that came with {}",
                    source.name, WithCommas(source.summary.selection.not_selected),
                    dbn::ToText(source.part.selection)),
        "other formats than dbn can be exported; ingested whole into a table of its own, it can be given "
        "back");
  }
  if (source.summary.rows.size() > 1) {
    return Unsupported(
        fmt::format("{}: was split by record kind, so that this table holds a part of it", source.name),
        "other formats than dbn can be exported");
  }
  if (source.summary.identical_export) return arrow::Status::OK();
  std::string lost;
  const auto add = [&](int64_t count, const char* what) {
    if (count > 0) lost += fmt::format("{}{} {}", lost.empty() ? "" : ", ", WithCommas(count), what);
  };
  add(source.summary.nulled_times, "times left null");
  add(source.summary.unknown_records, "records of unknown type not kept");
  add(source.summary.truncated_bytes, "bytes of a record cut short");
  return Unsupported(
      fmt::format("{}: was ingested with losses ({}), so that the same records cannot be given back",
                  source.name, lost.empty() ? "the end of the file" : lost),
      "other formats than dbn can be exported");
}

// All records of a source, which are counted in the report, to where `output` stands.
arrow::Status WriteRecords(const std::shared_ptr<file::FileSystem>& fs, const table::Table& table,
                           const ledger::SourceDescription& source,
                           const std::shared_ptr<arrow::io::OutputStream>& output, const std::string& name,
                           const ExportOptions& options, ExportReport* report) {
  ARROW_ASSIGN_OR_RAISE(const int64_t begin, output->Tell());
  dbn::WriteOptions write;
  write.compress = name.ends_with(".zst");
  write.write_metadata = source.summary.has_metadata;
  ARROW_ASSIGN_OR_RAISE(const auto writer, dbn::Writer::Open(output, source.summary.metadata, write));
  SourceWriter records(source, writer.get());
  const auto snapshot = table.snapshot();
  const auto& partitions = snapshot->metadata.partition_columns;
  const bool sorted = std::find(partitions.begin(), partitions.end(), "symbol") != partitions.end();
  Progress progress{"export " + name, 0, 0, 0};
  ARROW_RETURN_NOT_OK(ForEachInSourceOrder(fs, table.path(), *snapshot,
                                           ledger::FilesOfSource(*snapshot, source.id),
                                           {source.kind, source.summary.metadata.version}, sorted,
                                           [&](const arrow::RecordBatch& rows) -> arrow::Status {
                                             if (options.stop != nullptr)
                                               ARROW_RETURN_NOT_OK(options.stop->Check());
                                             ARROW_RETURN_NOT_OK(records.Write(rows));
                                             progress.rows = records.rows();
                                             ARROW_ASSIGN_OR_RAISE(progress.bytes, output->Tell());
                                             if (options.progress) options.progress(progress);
                                             return arrow::Status::OK();
                                           }));
  ARROW_RETURN_NOT_OK(records.Finish());
  if (records.rows() != source.rows) {
    return CorruptData(fmt::format("{}: the table holds {} rows of it; {} were ingested", source.name,
                                   WithCommas(records.rows()), WithCommas(source.rows)),
                       "'marquet history' tells what changed the table since");
  }
  ARROW_ASSIGN_OR_RAISE(const int64_t end, output->Tell());
  report->rows += records.rows() + static_cast<int64_t>(source.summary.kept_records.size());
  report->bytes += end - begin;
  return arrow::Status::OK();
}

arrow::Status WriteSource(const std::shared_ptr<file::FileSystem>& fs, const table::Table& table,
                          const ledger::SourceDescription& source, const std::string& path,
                          const ExportOptions& options, ExportReport* report) {
  ARROW_ASSIGN_OR_RAISE(const auto output, file::DurableFile::Create(fs, path));
  ARROW_RETURN_NOT_OK(WriteRecords(fs, table, source, output, file::FileName(path), options, report));
  ARROW_RETURN_NOT_OK(options.replace ? output->PublishReplacing() : output->Publish());
  report->files.push_back(path);
  return arrow::Status::OK();
}

// A name for each source in the output directory: its own, with its id where several share one.
std::vector<std::string> OutputNames(const std::vector<ledger::SourceDescription>& sources) {
  std::map<std::string, int> uses;
  for (const ledger::SourceDescription& source : sources) ++uses[file::FileName(source.name)];
  std::vector<std::string> names;
  for (const ledger::SourceDescription& source : sources) {
    std::string name = file::FileName(source.name);
    if (name == "standard input") name = source.id + (source.summary.compressed ? ".dbn.zst" : ".dbn");
    names.push_back(uses[file::FileName(source.name)] > 1 ? source.id + "-" + name : name);
  }
  return names;
}

arrow::Result<ExportReport> ExportDbn(const std::shared_ptr<file::FileSystem>& fs, const table::Table& table,
                                      const ExportOptions& options) {
  if (!options.source) ARROW_RETURN_NOT_OK(CheckAllOfSources(table));
  ARROW_ASSIGN_OR_RAISE(auto all, SourcesOf(*fs, table));
  ARROW_ASSIGN_OR_RAISE(const auto chosen, Chosen(std::move(all), options));
  std::vector<ledger::SourceDescription> sources;
  for (const ledger::HeldSource& source : chosen) sources.push_back(source.description);
  if (sources.empty()) {
    return NotFound(options.table + ": holds no rows of DBN sources",
                    "other formats than dbn can be exported");
  }
  if (!options.scan.where.trivial() || !options.scan.columns.empty() || options.scan.limit ||
      options.scan.start_ns || options.scan.end_ns || !options.scan.sort_by.empty()) {
    return InvalidInput("DBN gives back whole sources: columns, filters, order and limits do not apply",
                        "choose one with --source, or another format");
  }
  for (const ledger::HeldSource& source : chosen) ARROW_RETURN_NOT_OK(CheckComplete(source));
  ExportReport report;
  if (options.stream != nullptr) {
    if (sources.size() > 1) {
      return InvalidInput(
          fmt::format("{}: holds the records of {} DBN sources, each a file of its own; a stream takes one",
                      options.table, sources.size()),
          "choose one with --source (source= in Python), or name a directory for all of them");
    }
    ARROW_RETURN_NOT_OK(
        WriteRecords(fs, table, sources.front(), options.stream, sources.front().id, options, &report));
    return report;
  }
  const auto there = fs->Stat(options.output);
  const bool is_directory = options.output.ends_with('/') || (there.ok() && there->is_directory);
  if (!is_directory && RowFormatOfName(options.output)) {
    return InvalidInput(options.output + ": its name says another format than DBN, which was asked for",
                        "choose one of the two");
  }
  for (const std::string_view ending : {".gz", ".bz2", ".xz", ".lz4", ".zip"}) {
    if (is_directory || !options.output.ends_with(ending)) continue;
    return InvalidInput(
        fmt::format("{}: its name says {}; DBN is written plain, or as .zst", options.output, ending),
        fmt::format("leave {} out, or have the name end in .dbn.zst", ending));
  }
  if (sources.size() > 1 && !is_directory &&
      (options.output.ends_with(".dbn") || options.output.ends_with(".zst"))) {
    return InvalidInput(
        fmt::format("{}: is the name of one file; {} holds {} DBN sources, each a file of its own",
                    options.output, options.table, sources.size()),
        "choose one with --source (source= in Python), or name a directory for all of them");
  }
  if (sources.size() == 1 && !is_directory) {
    ARROW_RETURN_NOT_OK(CheckFolderOf(*fs, options.output));
    ARROW_RETURN_NOT_OK(CheckFree(*fs, options.output, options.replace));
    ARROW_RETURN_NOT_OK(WriteSource(fs, table, sources.front(), options.output, options, &report));
    return report;
  }
  ARROW_RETURN_NOT_OK(file::CreateDirectories(*fs, options.output));
  const std::vector<std::string> names = OutputNames(sources);
  for (const std::string& name : names) {
    ARROW_RETURN_NOT_OK(CheckFree(*fs, file::JoinPath(options.output, name), options.replace));
  }
  for (size_t i = 0; i < sources.size(); ++i) {
    const arrow::Status written =
        WriteSource(fs, table, sources[i], file::JoinPath(options.output, names[i]), options, &report);
    if (written.ok()) continue;
    return i == 0 ? written
                  : WithContext(written,
                                fmt::format("{} of {} files were written before it", i, sources.size()));
  }
  return report;
}

}  // namespace

arrow::Result<ExportFormat> ParseExportFormat(std::string_view name) {
  if (name == "dbn") return ExportFormat::kDbn;
  if (name == "csv") return ExportFormat::kCsv;
  if (name == "jsonl") return ExportFormat::kJsonLines;
  if (name == "parquet") return ExportFormat::kParquet;
  return InvalidInput("there is no export format " + Quoted(name) + "; expected dbn, csv, jsonl or parquet");
}

arrow::Result<ExportReport> Export(std::shared_ptr<file::FileSystem> fs, ExportOptions options) {
  ARROW_RETURN_NOT_OK(arrow::compute::Initialize());
  if (options.stream != nullptr && options.format == ExportFormat::kParquet) {
    return InvalidInput("Parquet cannot be written to a stream, because its end is put in place last",
                        "name a file, or choose dbn, csv or jsonl");
  }
  ARROW_ASSIGN_OR_RAISE(const auto table, table::Table::Open(fs, options.table, options.version));
  if (options.format == ExportFormat::kDbn) return ExportDbn(fs, *table, options);
  if (options.source) {
    return InvalidInput("one source can be exported as dbn only", "choose rows with a filter instead");
  }
  options.scan.stop = options.stop;
  ARROW_ASSIGN_OR_RAISE(const table::Scan scan, table->NewScan(options.scan));
  ARROW_ASSIGN_OR_RAISE(const auto rows, scan.ToReader());
  if (options.stream != nullptr) {
    ARROW_ASSIGN_OR_RAISE(
        const RowOutputReport written,
        WriteRows(*rows, RowFormatOf(options.format), *options.stream, options.progress, options.stop));
    return ExportReport{written.rows, written.bytes, {}, written.quoted_nulls};
  }
  ARROW_ASSIGN_OR_RAISE(const RowOutputReport written,
                        WriteRowsToFile(fs, *rows, RowFormatOf(options.format), options.output,
                                        options.replace, options.progress, options.stop));
  return ExportReport{written.rows, written.bytes, {options.output}, written.quoted_nulls};
}

}  // namespace marquet::jobs
