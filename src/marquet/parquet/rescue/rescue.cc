// 1. What the file is: one with a footer that is intact needs nothing; one with a footer and damage has its
//    own schema; one without is walked with another's.
// 2. Row group after row group is found and salvaged into a new file, which is made for the first rows.
// 3. The new file is published as every file of FileWriter. A crash before leaves the source as it was and a
//    temporary file.
#include "marquet/parquet/rescue/rescue.h"

#include <algorithm>
#include <cstring>
#include <optional>

#include "arrow/io/interfaces.h"
#include "arrow/record_batch.h"
#include "arrow/util/key_value_metadata.h"
#include "fmt/format.h"
#include "marquet/base/error.h"
#include "marquet/base/text.h"
#include "marquet/parquet/decode/int96_column_internal.h"
#include "marquet/parquet/format/arrow_schema_internal.h"
#include "marquet/parquet/format/failures_internal.h"
#include "marquet/parquet/format/footer_internal.h"
#include "marquet/parquet/rescue/cut_footer_internal.h"
#include "marquet/parquet/rescue/page_walk_internal.h"
#include "marquet/parquet/rescue/rescue_internal.h"
#include "marquet/parquet/rescue/row_group_search_internal.h"
#include "marquet/parquet/verify/unclaimed_bytes_internal.h"
#include "marquet/parquet/verify/verify_internal.h"
#include "marquet/parquet/write/writer.h"
#include "parquet/arrow/schema.h"
#include "parquet/metadata.h"
#include "parquet/properties.h"
#include "parquet/schema.h"

namespace marquet::pq {
namespace {

class Rescuer {
 public:
  Rescuer(std::shared_ptr<file::FileSystem> fs, std::string out, const RescueOptions& options,
          arrow::TimeUnit::type int96_unit, RescueReport* report)
      : fs_(std::move(fs)), out_(std::move(out)), options_(options), write_(options.write), report_(report) {
    source_.int96_unit = int96_unit;
    source_.inexact_times = &inexact_times_;
  }

  // False: INT96 times are not exact in their unit, and nothing may be published.
  bool exact_times() const { return !inexact_times_; }

  // `footer`: of this file or of another one with the same columns.
  arrow::Status Open(const std::string& path, std::shared_ptr<arrow::io::RandomAccessFile> file, int64_t size,
                     std::shared_ptr<::parquet::FileMetaData> footer) {
    source_.path = path;
    source_.file = std::move(file);
    source_.size = size;
    source_.footer = std::move(footer);
    // One that cannot be read is among the notes: the columns are as Parquet's schema has them.
    if (CheckArrowSchema(*source_.footer, path).ok()) source_.arrow_metadata = ArrowMetadata(*source_.footer);
    source_.parallel = options_.parallel;
    source_.stop = options_.stop;
    const ::parquet::SchemaDescriptor& schema = *source_.footer->schema();
    ::parquet::ArrowReaderProperties properties;
    properties.set_coerce_int96_timestamp_unit(source_.int96_unit);
    ARROW_RETURN_NOT_OK(
        ::parquet::arrow::FromParquetSchema(&schema, properties, source_.arrow_metadata, &source_.schema));
    const std::vector<int> first_leaf = FirstLeaves(schema);
    if (static_cast<int>(first_leaf.size()) != source_.schema->num_fields() + 1) {
      return Unsupported(fmt::format("{}: the schema has columns without values", report_->schema_source));
    }
    for (size_t i = 0; i + 1 < first_leaf.size(); ++i) {
      if (!HasInt96(schema, first_leaf[i], first_leaf[i + 1])) continue;
      write_.int96_columns.push_back(source_.schema->field(static_cast<int>(i))->name());
    }
    std::vector<arrow::Compression::type> codecs(static_cast<size_t>(schema.num_columns()),
                                                 arrow::Compression::UNCOMPRESSED);
    if (source_.footer->num_row_groups() > 0) {
      const auto group = source_.footer->RowGroup(0);
      for (int i = 0; i < schema.num_columns(); ++i) {
        codecs[static_cast<size_t>(i)] = group->ColumnChunk(i)->compression();
      }
    }
    probe_.emplace(*source_.file, schema, std::move(codecs));
    return arrow::Status::OK();
  }

  arrow::Status ByFooter() {
    for (int i = 0; i < source_.footer->num_row_groups(); ++i) {
      ARROW_ASSIGN_OR_RAISE(FoundRowGroup group, FindByFooter(source_, i));
      ARROW_RETURN_NOT_OK(Salvage(std::move(group)));
    }
    return arrow::Status::OK();
  }

  // `layout`: of the file that the schema comes from, where there is one.
  arrow::Status ByWalk(std::function<arrow::Result<std::optional<RowGroupLayout>>()> layout) {
    const ::parquet::SchemaDescriptor& schema = *source_.footer->schema();
    PageWalk walk(source_.file, {kMagicBytes, source_.size}, source_.stop);
    RowGroupSearch search(walk, *probe_, schema, std::move(layout));
    bool cut = false;       // the last row group found is not whole,
    bool cut_rows = false;  // and its rows are known
    while (true) {
      ARROW_ASSIGN_OR_RAISE(auto group, search.Next());
      if (!group) break;
      cut = !group->chunks.back().whole;
      cut_rows = cut && group->rows >= 0;
      ARROW_RETURN_NOT_OK(Salvage(*std::move(group)));
    }
    const SearchEnd& end = search.end();
    if (end.why == SearchEnd::Why::kMisfit && end.row_group == 0) {
      return SchemaError(fmt::format("{}: the schema of {} is not that of the file's pages: {}", source_.path,
                                     report_->schema_source, end.reason),
                         "Take the schema of a file with the same columns in the same order.");
    }
    report_->notes.insert(report_->notes.end(), search.notes().begin(), search.notes().end());
    ARROW_RETURN_NOT_OK(AddRest(walk, end));
    return AddTail(walk.end(), cut ? end.row_group - 1 : end.row_group, end.rows >= 0 || cut_rows);
  }

  arrow::Status Close() {
    if (writer_ == nullptr) return arrow::Status::OK();
    ARROW_ASSIGN_OR_RAISE(const WrittenFile written, writer_->Close());
    report_->out = written.path;
    return arrow::Status::OK();
  }

 private:
  arrow::Status Salvage(FoundRowGroup group) {
    const int64_t rows = group.rows;
    int64_t end = 0;
    for (const FoundChunk& chunk : group.chunks) {
      if (!chunk.pages.empty()) end = std::max(end, chunk.pages.back().page.end());
    }
    ARROW_ASSIGN_OR_RAISE(SalvagedRows salvaged,
                          SalvageRows(source_, *probe_, std::move(group),
                                      [this](const arrow::RecordBatch& batch) { return Write(batch); }));
    int64_t kept = 0;
    for (const RowRange& range : salvaged.kept) kept += range.end - range.begin;
    report_->rows += kept;
    report_->row_groups += kept > 0 ? 1 : 0;
    report_->complete_row_groups += kept > 0 && kept == rows ? 1 : 0;
    if (rows >= 0) {
      report_->rows_lost += rows - kept;
    } else {
      report_->more_rows_lost = true;
    }
    report_->bytes_recovered += salvaged.bytes_kept;
    report_->bytes_lost += salvaged.bytes_lost;
    std::move(salvaged.losses.begin(), salvaged.losses.end(), std::back_inserter(report_->losses));
    if (options_.progress) options_.progress({"rescue " + source_.path, report_->rows, end, source_.size});
    return arrow::Status::OK();
  }

  arrow::Status Write(const arrow::RecordBatch& batch) {
    if (inexact_times_) return arrow::Status::Cancelled("INT96 times are not exact in microseconds");
    if (writer_ == nullptr) {
      ARROW_ASSIGN_OR_RAISE(writer_, FileWriter::Open(fs_, out_, source_.schema, write_));
    }
    return writer_->Write(batch);
  }

  // Pages that no row group was made of.
  arrow::Status AddRest(PageWalk& walk, const SearchEnd& end) {
    RescueLoss loss{end.row_group, end.column, -1, -1, 0, end.rows, {}};
    for (int64_t number = end.page;; ++number) {
      walk.Forget(number);
      ARROW_ASSIGN_OR_RAISE(const WalkedPage* const page, walk.At(number));
      if (page == nullptr) break;
      if (loss.offset < 0) loss.offset = page->offset;
      loss.bytes += page->size();
    }
    if (loss.offset < 0) return arrow::Status::OK();
    if (end.why == SearchEnd::Why::kCut) {
      loss.reason = "the file ends before every column of the row group has a page";
    } else {
      loss.reason = end.reason;
      report_->more_rows_lost = true;
    }
    if (end.rows >= 0) {
      report_->rows_lost += end.rows;
    } else {
      report_->more_rows_lost = true;
    }
    report_->bytes_lost += loss.bytes;
    report_->losses.push_back(std::move(loss));
    return arrow::Status::OK();
  }

  // What is behind the last page, in this row group; `counted`: whose rows are known.
  arrow::Status AddTail(const WalkEnd& walked, int row_group, bool counted) {
    const int64_t bytes = source_.size - walked.offset;
    if (bytes == 0) return arrow::Status::OK();
    ARROW_ASSIGN_OR_RAISE(const bool footer, EndsWithFooter(walked.offset));
    if (footer) {
      AddNote({walked.offset, source_.size}, "the page index and the footer, which is damaged");
      return arrow::Status::OK();
    }
    const ByteRange tail{walked.offset, source_.size};
    ARROW_ASSIGN_OR_RAISE(const auto cut,
                          FindCutFooter(*source_.file, tail, *source_.footer->schema(), source_.stop));
    if (!cut) {
      ARROW_ASSIGN_OR_RAISE(const bool index, IsPageIndex(*source_.file, tail, /*cut=*/true));
      if (index) {
        AddNote(tail, "the page index, behind which the file is cut off");
      } else {
        AddUnread(walked, tail, row_group, counted);
      }
      return arrow::Status::OK();
    }
    const ByteRange between{tail.begin, cut->begin};
    ARROW_ASSIGN_OR_RAISE(const bool index, IsPageIndex(*source_.file, between, /*cut=*/false));
    if (!index) AddUnread(walked, between, row_group, counted);
    AddNote({index ? between.begin : between.end, tail.end},
            index && between.length() > 0 ? "the page index and the footer, whose end is cut off"
                                          : "the footer, whose end is cut off");
    if (index && cut->rows && *cut->rows >= report_->rows) {
      report_->rows_lost = *cut->rows - report_->rows;
      report_->more_rows_lost = false;
    }
    return arrow::Status::OK();
  }

  void AddNote(ByteRange bytes, std::string_view what) {
    report_->notes.push_back(fmt::format("the {} bytes from byte {} on are {}", WithCommas(bytes.length()),
                                         WithCommas(bytes.begin), what));
  }

  void AddUnread(const WalkEnd& walked, ByteRange bytes, int row_group, bool counted) {
    report_->losses.push_back({row_group, {}, -1, bytes.begin, bytes.length(), -1, walked.reason});
    (walked.cut ? report_->bytes_lost : report_->bytes_unknown) += bytes.length();
    report_->more_rows_lost |= !walked.cut || !counted;
  }

  // Whether a footer's length stands at the file's end, that goes with pages up to `pages_end`.
  arrow::Result<bool> EndsWithFooter(int64_t pages_end) {
    if (source_.size - pages_end < kTailBytes) return false;
    ARROW_ASSIGN_OR_RAISE(const auto tail, source_.file->ReadAt(source_.size - kTailBytes, kTailBytes));
    uint32_t length = 0;
    if (tail->size() < kTailBytes || std::memcmp(tail->data() + 4, "PAR1", 4) != 0) return false;
    std::memcpy(&length, tail->data(), sizeof length);
    return length > 0 && length <= source_.size - pages_end - kTailBytes;
  }

  const std::shared_ptr<file::FileSystem> fs_;
  const std::string out_;
  const RescueOptions& options_;
  WriteOptions write_;
  RescueReport* const report_;
  std::atomic<bool> inexact_times_ = false;
  RescueSource source_;
  std::optional<PageProbe> probe_;
  std::unique_ptr<FileWriter> writer_;
};

arrow::Status CheckOut(file::FileSystem& fs, const std::string& path, const std::string& out) {
  if (path == out) {
    return InvalidInput(fmt::format("{}: the rows that are rescued cannot replace the file they are in", out),
                        "Name another file: the damaged one stays as it is.");
  }
  if (!out.ends_with(".parquet")) {
    return InvalidInput(fmt::format("{}: the name of the new file must end in .parquet", out));
  }
  ARROW_ASSIGN_OR_RAISE(const bool exists, file::Exists(fs, out));
  if (exists) return AlreadyExists(fmt::format("{}: is there already, and is not replaced", out));
  return arrow::Status::OK();
}

// Bytes that may hold rows, of nothing that the footer names.
void AddUnclaimed(int64_t offset, int64_t bytes, std::string reason, RescueReport* report) {
  report->more_rows_lost = true;
  report->bytes_unknown += bytes;
  report->losses.push_back({-1, {}, -1, offset, bytes, -1, std::move(reason)});
}

void AddVerdict(const FileVerdict& verdict, RescueReport* report) {
  report->footer = true;
  report->schema_source = "the file itself";
  report->intact = verdict.ok;
  if (verdict.ok) report->rows = verdict.rows;
  for (const Damage& damage : verdict.damage) {
    if (damage.row_group < 0 || damage.region == "statistics" || damage.region == "Bloom filter") {
      report->notes.push_back(fmt::format("{}: {}", damage.region, damage.message));
    }
    if (damage.region == "unclaimed") AddUnclaimed(damage.offset, damage.length, damage.message, report);
  }
}

// Rows of another file that was joined to this one. They are not mixed with its own.
arrow::Status AddRowsBehind(arrow::io::RandomAccessFile& file, const FileVerdict& verdict,
                            const StopFlag* stop, RescueReport* report) {
  for (const Damage& damage : verdict.damage) {
    if (damage.region != "tail") continue;
    const ByteRange tail{damage.offset, damage.offset + damage.length};
    ARROW_ASSIGN_OR_RAISE(const auto behind, LookBehindFooter(file, tail, stop));
    if (!behind || !behind->holds_rows) continue;
    AddUnclaimed(behind->range.begin, behind->range.length(),
                 "they lie behind the footer" + behind->what +
                     ". Copied to a file of their own, behind 'PAR1', they can be rescued with --schema",
                 report);
  }
  return arrow::Status::OK();
}

// Whether a footer inside of the file is the file's own: all of the bytes before it are what it names. Those
// of a file whose writer was interrupted may hold another file, with a footer of its own.
bool IsItsOwn(const FileVerdict& verdict) {
  const auto of_pages = [](const Damage& damage) { return damage.row_group >= 0 || damage.region == "tail"; };
  const auto unclaimed = [](const Damage& odd) { return odd.region == "unclaimed"; };
  return std::ranges::all_of(verdict.damage, of_pages) && std::ranges::none_of(verdict.odd, unclaimed);
}

// Nothing, and nothing is written, when INT96 times are not exact in this unit.
arrow::Result<std::optional<RescueReport>> RescueIn(arrow::TimeUnit::type int96_unit,
                                                    const std::shared_ptr<file::FileSystem>& fs,
                                                    const std::string& path, const std::string& out,
                                                    const FindSchema& find_schema,
                                                    const RescueOptions& options) {
  RescueReport report;
  report.file = path;
  ARROW_ASSIGN_OR_RAISE(const auto file, fs->OpenForReading(path));
  ARROW_ASSIGN_OR_RAISE(report.bytes, file->GetSize());
  Rescuer rescuer(fs, out, options, int96_unit, &report);
  const auto done = [&](const arrow::Status& status) -> arrow::Result<std::optional<RescueReport>> {
    if (!rescuer.exact_times()) return std::nullopt;
    ARROW_RETURN_NOT_OK(status);
    ARROW_RETURN_NOT_OK(rescuer.Close());
    report.bytes_other = std::max<int64_t>(
        report.bytes - report.bytes_recovered - report.bytes_lost - report.bytes_unknown, 0);
    const bool unreadable = std::ranges::any_of(
        report.losses, [](const RescueLoss& loss) { return !loss.column.empty() && loss.page >= 0; });
    if (!report.footer && report.rows == 0 && unreadable) {
      report.notes.push_back(
          fmt::format("pages are there, and none could be read as the columns of {}: are they the file's "
                      "own, in the same order?",
                      report.schema_source));
    }
    return std::move(report);
  };

  const auto footer = ReadFooter(*file, path, report.bytes);
  if (!footer.ok() && !IsKind(footer.status(), ErrorKind::kCorruptData)) return footer.status();
  std::shared_ptr<::parquet::FileMetaData> found;
  ARROW_ASSIGN_OR_RAISE(const FileVerdict verdict, VerifyOpened(*file, path, VerifyLevel::kFull, {},
                                                                options.stop, options.parallel, &found));
  if (footer.ok() || (found != nullptr && IsItsOwn(verdict))) {
    AddVerdict(verdict, &report);
    if (verdict.ok) return report;
    ARROW_RETURN_NOT_OK(AddRowsBehind(*file, verdict, options.stop, &report));
    return done(GuardRead(path, [&]() -> arrow::Status {
      ARROW_RETURN_NOT_OK(rescuer.Open(path, file, report.bytes, found));
      return rescuer.ByFooter();
    }));
  }
  if (report.bytes <= kMagicBytes) {
    report.losses.push_back({-1, {}, -1, 0, 0, -1, fmt::format("the file has {} bytes", report.bytes)});
    report.bytes_other = report.bytes;
    return report;
  }
  ARROW_ASSIGN_OR_RAISE(const auto head, file->ReadAt(0, kMagicBytes));
  if (head->size() < kMagicBytes || std::memcmp(head->data(), "PAR1", kMagicBytes) != 0) {
    return CorruptData(fmt::format("{}: not a Parquet file: it begins with {}; expected 'PAR1'", path,
                                   Quoted(std::string_view(*head))));
  }
  ARROW_ASSIGN_OR_RAISE(const std::optional<RescueSchema> schema, find_schema());
  if (!schema) {
    return InvalidInput(
        fmt::format("{}: has no footer, and pages alone do not tell which columns they hold", path),
        "Name a file with the same columns by --schema, or a table by --table.");
  }
  report.schema_source = schema->source;
  const auto layout = [&]() -> arrow::Result<std::optional<RowGroupLayout>> {
    if (schema->path.empty()) return std::optional<RowGroupLayout>();
    ARROW_ASSIGN_OR_RAISE(const auto other, fs->OpenForReading(schema->path));
    ARROW_ASSIGN_OR_RAISE(RowGroupLayout found, ReadLayout(other, schema->path, *schema->footer));
    return found;
  };
  return done(GuardRead(path, [&]() -> arrow::Status {
    ARROW_RETURN_NOT_OK(rescuer.Open(path, file, report.bytes, schema->footer));
    return rescuer.ByWalk(layout);
  }));
}

}  // namespace

arrow::Result<RescueReport> Rescue(const std::shared_ptr<file::FileSystem>& fs, const std::string& path,
                                   const std::string& out, const FindSchema& find_schema,
                                   const RescueOptions& options) {
  ARROW_RETURN_NOT_OK(CheckOut(*fs, path, out));
  const auto in = [&](arrow::TimeUnit::type unit) {
    return RescueIn(unit, fs, path, out, find_schema, options);
  };
  ARROW_ASSIGN_OR_RAISE(auto report, in(kInt96Unit));
  if (report) return *std::move(report);
  ARROW_ASSIGN_OR_RAISE(report, in(arrow::TimeUnit::NANO));
  return *std::move(report);
}

}  // namespace marquet::pq
