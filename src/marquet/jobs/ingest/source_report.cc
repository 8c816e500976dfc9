#include "marquet/jobs/ingest/source_report_internal.h"

#include <fmt/format.h>

#include "marquet/base/error.h"
#include "marquet/base/log.h"
#include "marquet/base/text.h"
#include "marquet/base/time.h"
#include "marquet/jobs/ingest/batch_folder.h"
#include "spdlog/logger.h"

namespace marquet::jobs {
namespace {

void Warn(const std::string& text, const SourceFile& source, SourceReport* report) {
  Log().warn("{}: {}", source.name(), text);
  AddNote(text, report);
}

// "the header names another symbol than symbology.json for 2 instruments, and is followed: 7 is 'ESH4' on
// ...".
std::string ToText(const dbn::SymbolConflict& conflict, const SourceFile& source) {
  return fmt::format(
      "the file's header names another symbol than {} for {}, and is followed: {} is {} on {}, not {}",
      source.told_as ? "the mappings given with it" : "symbology.json",
      Counted(conflict.instruments, "instrument"), conflict.instrument_id, Quoted(conflict.header),
      FormatDate(conflict.date), Quoted(conflict.beside));
}

}  // namespace

void AddNote(std::string text, SourceReport* report) {
  if (text.empty()) return;
  report->note += (report->note.empty() ? "" : "; ") + std::move(text);
}

arrow::Status TellRead(file::FileSystem& fs, const IngestOptions& options, const SourceFile& source,
                       const ledger::SourceDescription& description, int64_t rows, size_t tables,
                       SourceReport* report) {
  const dbn::ReadSummary& summary = description.summary;
  report->digest = description.digest;
  report->bytes = description.bytes;
  report->records = summary.records;
  report->rows = rows;
  report->control_records = summary.control_records;
  report->unknown_records = summary.unknown_records;
  report->unknown_by_rtype = summary.unknown_by_rtype;
  report->unknown_kept = options.keep_unknown;
  report->unmapped_rows = summary.unmapped_rows;
  report->nulled_times = summary.nulled_times;
  report->truncated_bytes = summary.truncated_bytes;
  report->truncated_records = summary.truncated_records;
  report->rows_not_selected = summary.selection.not_selected;
  report->rows_held = summary.selection.held;
  if (report->records !=
      report->rows + report->rows_not_selected + report->control_records + report->unknown_records) {
    return arrow::Status::UnknownError(
        fmt::format("{}: {} records were read, but {} rows, {} rows that are not selected, {} control and "
                    "{} unknown records are accounted for; nothing of it was committed",
                    source.name(), report->records, report->rows, report->rows_not_selected,
                    report->control_records, report->unknown_records));
  }
  if (summary.truncated_frame) AddNote("the last zstd frame is cut short", report);
  if (tables > 1) {
    AddNote("each table holds a part of this file, which an export to DBN cannot put together again: keep it",
            report);
  }
  if (summary.symbol_conflict) Warn(ToText(*summary.symbol_conflict, source), source, report);
  if (summary.unread_ids.count > 0) {
    Warn(fmt::format("{} of instruments in the header are no ids, and give no symbols: {}",
                     Counted(summary.unread_ids.count, "number"), Quoted(summary.unread_ids.first)),
         source, report);
  }
  if (summary.unmapped_rows > 0 && source.mappings == nullptr && !source.standard_input()) {
    const std::string folder = file::ParentPath(source.path);
    ARROW_ASSIGN_OR_RAISE(const bool is_batch, file::Exists(fs, file::JoinPath(folder, kManifestName)));
    if (is_batch) AddNote("symbols of a batch folder are used where the folder is named: " + folder, report);
  }
  AddNote(source.note, report);
  return arrow::Status::OK();
}

void TellCommitted(const IngestOptions& options, const SourcePart& part, const TargetReport& committed,
                   SourceReport* report) {
  report->parts.push_back(part);
  report->files_written += committed.files_written;
  Log().info("{}: version {} adds {} in {}", part.table, part.version, Counted(part.rows, "row"),
             Counted(committed.files_written, "file"));
  report->bytes_written += committed.bytes_written;
  for (const auto& [column, rows] : committed.empty_as_null) {
    AddNote(fmt::format("the empty string became null in {} of partition column {}", Counted(rows, "row"),
                        Quoted(column)),
            report);
  }
  if (!committed.replaced.empty()) {
    report->status = options.dry_run ? "would replace" : "replaced";
    report->replaced.insert(report->replaced.end(), committed.replaced.begin(), committed.replaced.end());
    AddNote((options.dry_run ? "would replace " : "replaced ") + RowsAndSources(committed.replaced), report);
  }
}

void TellHeld(const IngestOptions& options, const SourceFile& source, const HeldInAll& held,
              SourceReport* report) {
  report->status = "skipped";
  report->kind = options.split_by_schema ? "mixed" : std::string(dbn::KindName(held.source.kind));
  report->table = options.table;
  report->version = held.version;
  const std::string& as = held.source.name;
  const bool part = !ledger::AnyCovers(held.source.Parts(), {});
  AddNote((part ? "the table holds " + dbn::ToText(options.selection) + " of these bytes already"
                : "the table holds these bytes already") +
              (as == source.name() ? std::string() : ", ingested as " + as),
          report);
  if (const int64_t lost = held.source.summary.unknown_records;
      lost > 0 && options.keep_unknown && !held.source.summary.identical_export) {
    AddNote(fmt::format("without its {} of unknown type; --again --replace (again=True, "
                        "on_overlap=\"replace\") keeps them",
                        Counted(lost, "record")),
            report);
  }
  TellLosses("", held.losses, report);
}

void TellLosses(const std::string& whose, const ledger::SourceLosses& losses, SourceReport* report) {
  if (losses.none()) return;
  AddNote(whose + losses.ToText() + "; --again --replace (again=True, on_overlap=\"replace\") puts them back",
          report);
}

void TellNothingSelected(const IngestOptions& options, const ledger::SourceLosses& lost,
                         SourceReport* report) {
  report->status = "skipped";
  report->table = options.table;
  const std::string asked = dbn::ToText(options.selection);
  AddNote(report->rows_held > 0
              ? fmt::format("the table holds all {} of {} already", Counted(report->rows_held, "row"), asked)
              : fmt::format("none of {} is of {}", Counted(report->rows_not_selected, "row"), asked),
          report);
  TellLosses("of what came before ", lost, report);
}

}  // namespace marquet::jobs
