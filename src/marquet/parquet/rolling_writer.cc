// Publishing a chunk, and what a crash after each step leaves:
//
//   1. Its files are written under temporary names.   Temporary files, which nobody reads.
//   2. Each is synced, verified and given its name.   Complete files that the manifest does not list.
//   3. The claim is looked at again: a process that   The same.
//      lost the output goes no further.
//   4. The manifest with the chunk replaces the       The chunk is published, for good.
//      one without it.
//   5. The claim is looked at once more: a process    The same, or the other one has not seen it, sets the
//      that lost the output in between does not       files aside and writes their rows again.
//      know what the other one has read.
//
// What is thrown is an error of its step, which the writer remembers. From 4 on, and until it is certain that
// the manifest does not list them, no error and no exception removes the chunk's files; what is to be noted
// of it in memory is made before 4.
//
// What a process published and did not come to list, or listed in a manifest that another attempt has
// replaced, is set aside by the attempt that has the claim, or by the next.
#include "marquet/parquet/rolling_writer.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <set>

#include <fmt/format.h>

#include "arrow/record_batch.h"
#include "arrow/type.h"
#include "marquet/base/error.h"
#include "marquet/base/exceptions.h"
#include "marquet/base/home_process.h"
#include "marquet/base/log.h"
#include "marquet/base/make_room.h"
#include "marquet/base/text.h"
#include "marquet/parquet/decided_files_internal.h"
#include "marquet/parquet/file_format.h"
#include "marquet/parquet/output_claim_internal.h"
#include "marquet/parquet/output_names_internal.h"
#include "marquet/parquet/output_parts_internal.h"
#include "marquet/parquet/published_index_internal.h"
#include "marquet/parquet/published_rows_internal.h"
#include "marquet/parquet/replays_internal.h"
#include "marquet/parquet/row_schema_internal.h"
#include "spdlog/logger.h"

namespace marquet::pq {
namespace {

// Whether there are rows of a chunk or, outside of all chunks, of a name.
bool Holds(const PublishedIndex& index, const std::string& name, std::optional<int64_t> chunk) {
  return chunk ? index.Has(*chunk) : !index.FilesOf(name, chunk).empty();
}

arrow::Status NotOpen(const std::string& folder) {
  return InvalidInput(fmt::format("{}: the writer is closed", folder));
}

}  // namespace

class RollingWriter::Impl {
 public:
  Impl(std::shared_ptr<file::FileSystem> fs, RollingOptions options, OutputTemplate name_template)
      : options_(std::move(options)), names_(std::move(name_template), options_.rank) {
    folder_.fs = std::move(fs);
    folder_.path = options_.folder;
    folder_.check_claim = [this] { return manifest_->CheckClaim(); };
    folder_.set_aside = [this](const std::string& name) {
      return RetireOrphan(folder_.fs, OrphansNow(), name);
    };
    folder_.max_file_bytes = options_.max_file_bytes;
    folder_.max_file_rows = options_.max_file_rows;
    chunked_ = options_.records_per_chunk > 0;
  }

  arrow::Status Open() {
    ARROW_ASSIGN_OR_RAISE(HeldOutput held,
                          HoldOutput(folder_.fs, options_, names_.name_template(), names_.known()));
    lock_ = std::move(held.lock);
    const WriterManifest& manifest = held.manifest;
    finished_before_ = manifest.finished;
    for (const PublishedUnit& unit : manifest.units) {
      published_.Add(unit);
      files_before_ += static_cast<int64_t>(unit.files.size());
    }
    if (manifest.schema != nullptr) options_.schema = manifest.schema;
    first_schema_ = manifest.schema;
    options_.file.metadata.emplace_back(kRunKey, manifest.run);
    row_schema_.emplace(options_);
    if (options_.schema != nullptr) ARROW_RETURN_NOT_OK(row_schema_->Use(options_.schema));
    if (first_schema_ == nullptr) first_schema_ = row_schema_->schema();
    ARROW_ASSIGN_OR_RAISE(manifest_,
                          ManifestFile::Claim(folder_.fs, folder_.path, held.id, std::move(held.manifest)));
    replays_.emplace(&folder_, file::JoinPath(ManifestDirectory(folder_.path), held.id + ".replay"));
    ARROW_RETURN_NOT_OK(replays_->Clear());
    if (manifest_->manifest().attempt > 1) ARROW_RETURN_NOT_OK(RetireOrphans(folder_.fs, OrphansNow()));
    if (chunked_ && !names_.tell_chunks()) {
      Log().warn(
          "{}: the name {} has no ${{chunk_index}}, so all chunks go to one file, which appears when the "
          "writer closes",
          folder_.path, Quoted(names_.name_template().text()));
    }
    return arrow::Status::OK();
  }

  arrow::Status Write(const std::shared_ptr<arrow::RecordBatch>& batch, const RowTarget& target) {
    std::lock_guard lock(mutex_);
    ARROW_RETURN_NOT_OK(CheckUsable());
    const int64_t before = counts_.accepted;
    const arrow::Status written = Poison(WriteRows(batch, target));
    counts_.rejected += written.ok() ? 0 : batch->num_rows() - (counts_.accepted - before);
    return written;
  }

  arrow::Status Drop(int64_t records, const RowTarget& target) {
    std::lock_guard lock(mutex_);
    ARROW_RETURN_NOT_OK(CheckUsable());
    if (records < 0) return Poison(InvalidInput(fmt::format("{} records cannot be dropped", records)));
    return Poison(DropRecords(records, target));
  }

  arrow::Status CheckTarget(const RowTarget& target) const {
    std::lock_guard lock(mutex_);
    ARROW_RETURN_NOT_OK(CheckUsable());
    return names_.Fill(target.values, ChunkOf(target)).status();
  }

  arrow::Result<std::string> NameOf(const RowTarget& target) {
    std::lock_guard lock(mutex_);
    ARROW_RETURN_NOT_OK(CheckUsable());
    const std::optional<int64_t> chunk = ChunkOf(target);
    ARROW_ASSIGN_OR_RAISE(std::string name, names_.Fill(target.values, chunk));
    if (chunk && !published_.Has(*chunk)) names_.Remember(name, *chunk);
    if (chunk) chunked_ = true;
    return name;
  }

  arrow::Status Flush() {
    std::lock_guard lock(mutex_);
    ARROW_RETURN_NOT_OK(CheckUsable());
    for (auto& [name, output] : outputs_) ARROW_RETURN_NOT_OK(Poison(output.parts->Flush()));
    return arrow::Status::OK();
  }

  arrow::Status CloseChunk(int64_t chunk) {
    std::lock_guard lock(mutex_);
    ARROW_RETURN_NOT_OK(CheckUsable());
    if (chunk < 0) return Poison(InvalidInput(fmt::format("chunk {} cannot be; expected 0 or more", chunk)));
    chunked_ = true;
    return Poison(EndChunk(chunk));
  }

  arrow::Status CloseFile(const std::string& name) {
    std::lock_guard lock(mutex_);
    ARROW_RETURN_NOT_OK(CheckUsable());
    if (const auto chunk = names_.ChunkOf(name)) return Poison(EndChunk(*chunk));
    if (chunked_ || !outputs_.contains(name)) return arrow::Status::OK();
    return Poison(PublishUnit(std::nullopt, {name}, /*records=*/-1, /*dropped=*/0, false));
  }

  arrow::Result<RollingReport> Close() {
    std::lock_guard lock(mutex_);
    ARROW_RETURN_NOT_OK(CheckUsable());
    ARROW_RETURN_NOT_OK(Poison(PublishRest()));
    closed_ = true;
    lock_.reset();
    RollingReport report;
    report.counts = counts_;
    report.files_before = files_before_;
    report.schema_changes = schema_changes_;
    for (const PublishedFile& file : files_) report.bytes += file.bytes;
    report.files = std::move(files_);
    return report;
  }

  // What is thrown may have changed the writer by half: it is an error like any other.
  template <typename Body>
  auto Guarded(Body&& body) -> std::invoke_result_t<Body> {
    try {
      return std::forward<Body>(body)();
    } catch (...) {
      std::lock_guard lock(mutex_);
      return Poison(StatusOfException(folder_.path));
    }
  }

  arrow::Status Abort() {
    if (!home_.IsThis()) return arrow::Status::OK();  // the first process goes on with all of it
    std::lock_guard lock(mutex_);
    if (closed_) return arrow::Status::OK();
    closed_ = true;
    error_ = arrow::Status::OK();
    arrow::Status first;
    for (auto& [name, output] : outputs_) {
      const arrow::Status aborted = output.parts->Abort();
      if (first.ok()) first = aborted;
    }
    outputs_.clear();
    const bool lost = manifest_ != nullptr && IsKind(manifest_->CheckClaim(), ErrorKind::kConflict);
    const arrow::Status removed = lost || !replays_ ? arrow::Status::OK() : replays_->Clear();
    lock_.reset();
    return first.ok() ? removed : first;
  }

  arrow::Result<int64_t> Resume() {
    std::lock_guard lock(mutex_);
    ARROW_RETURN_NOT_OK(CheckUsable());
    if (counts_.accepted + counts_.dropped > 0) {
      return Poison(InvalidInput(fmt::format("{}: Resume() comes before the first record", folder_.path)));
    }
    while (published_.Has(automatic_chunk_)) ++automatic_chunk_;
    return NextRecord();
  }

  int64_t next_record() const {
    std::lock_guard lock(mutex_);
    return NextRecord();
  }
  std::optional<int64_t> room(std::optional<int64_t> chunk) const {
    std::lock_guard lock(mutex_);
    if (options_.records_per_chunk == 0) return std::nullopt;
    const auto known = chunks_.find(chunk.value_or(automatic_chunk_));
    return options_.records_per_chunk - (known == chunks_.end() ? 0 : known->second.records);
  }
  bool finished() const { return finished_before_; }
  const std::string& run() const { return manifest_->manifest().run; }
  std::vector<int64_t> published_chunks() const {
    std::lock_guard lock(mutex_);
    return published_.Chunks();
  }
  RollingCounts counts() const {
    std::lock_guard lock(mutex_);
    return counts_;
  }
  std::shared_ptr<arrow::Schema> schema() const {
    std::lock_guard lock(mutex_);
    return row_schema_->schema();
  }

 private:
  // One output name. `parts` of a name that is published already hold rows that are written again, beside the
  // folder's files.
  struct Output {
    std::unique_ptr<OutputParts> parts;
    int64_t rows = 0;
    bool again = false;
  };
  struct Chunk {
    int64_t records = 0;
    int64_t dropped = 0;
    std::set<std::string> names;
  };

  // The same rows as they were given, and in the schema of the writer.
  struct Piece {
    std::shared_ptr<arrow::RecordBatch> given, fitted;
  };

  int64_t NextRecord() const {
    if (finished_before_) return published_.AllRecords();
    return options_.records_per_chunk == 0 ? 0 : published_.RecordsInFront();
  }

  // What failed can publish no more, so another writer may have the output: what is left of this one is to it
  // as what a killed process left.
  arrow::Status Poison(const arrow::Status& status) {
    if (status.ok()) return status;
    if (error_.ok()) error_ = status;
    lock_.reset();
    return status;
  }

  arrow::Status CheckUsable() const {
    if (closed_) return NotOpen(folder_.path);
    ARROW_RETURN_NOT_OK(home_.Check(folder_.path, "Make a writer in each process, of a rank of its own."));
    return error_;
  }

  // What the manifest lists, and what this writer has published and is about to list, stays.
  Orphans OrphansNow() const {
    Orphans orphans{folder_.path, &names_.name_template(),      names_.known(), manifest_->manifest().run,
                    {},           manifest_->manifest().attempt};
    for (const PublishedUnit& unit : manifest_->manifest().units) {
      for (const PublishedFile& file : unit.files) orphans.recorded.insert(file.name);
    }
    for (const auto& [name, output] : outputs_) {
      if (output.again) continue;
      for (const PublishedFile& file : output.parts->published()) orphans.recorded.insert(file.name);
    }
    return orphans;
  }

  std::optional<int64_t> ChunkOf(const RowTarget& target) const {
    if (target.chunk) return target.chunk;
    if (options_.records_per_chunk > 0) return automatic_chunk_;
    return std::nullopt;
  }

  // The name of a file for no rows: of a chunk, or of all there are when the only name has no file yet. Empty
  // where there is none to be.
  arrow::Result<std::string> NameOfEmpty(std::optional<int64_t> chunk, bool finished) const {
    if (chunk) return names_.Fill({}, chunk);
    const auto name = finished ? names_.OnlyName() : std::nullopt;
    return name && published_.FilesOf(*name, std::nullopt).empty() ? *name : std::string();
  }

  bool IsFull(int64_t chunk) const {
    const auto known = chunks_.find(chunk);
    return options_.records_per_chunk > 0 && known != chunks_.end() &&
           known->second.records >= options_.records_per_chunk;
  }

  arrow::Status WriteRows(const std::shared_ptr<arrow::RecordBatch>& batch, const RowTarget& target) {
    bool decided = false;
    ARROW_ASSIGN_OR_RAISE(const auto rows, row_schema_->Fit(batch, &decided));
    if (decided) ARROW_RETURN_NOT_OK(DecideTypes());
    const int64_t per_chunk = options_.records_per_chunk;
    for (int64_t begin = 0; begin < rows->num_rows();) {
      const std::optional<int64_t> chunk = ChunkOf(target);
      int64_t count = rows->num_rows() - begin;
      if (chunk && per_chunk > 0) {
        const int64_t room = per_chunk - chunks_[*chunk].records;
        if (target.chunk && count > room) {
          return InvalidInput(
              fmt::format("chunk {} has {} records and is given {} more; records_per_chunk is {}", *chunk,
                          chunks_[*chunk].records, count, per_chunk));
        }
        count = std::min(count, room);
      }
      ARROW_RETURN_NOT_OK(WritePiece({batch->Slice(begin, count), rows->Slice(begin, count)}, target, chunk));
      begin += count;
    }
    return BoundMemory();
  }

  // Writes again what lacks types that are known now. What comes again to be compared is in no file that
  // anybody reads.
  arrow::Status DecideTypes() {
    if (first_schema_ != nullptr) first_schema_ = row_schema_->DecidedOf(first_schema_);
    for (auto& [name, output] : outputs_) {
      if (output.again) continue;
      ARROW_RETURN_NOT_OK(output.parts->Decide(*row_schema_));
      ARROW_RETURN_NOT_OK(BoundMemory());
    }
    ARROW_ASSIGN_OR_RAISE(const auto replaced, DecideFiles(folder_, *row_schema_, manifest_.get()));
    std::map<std::string_view, const PublishedFile*> by_name;
    for (const PublishedFile& file : replaced) by_name[file.name] = &file;
    for (PublishedFile& listed : files_) {  // others are of an earlier attempt
      const auto found = by_name.find(listed.name);
      if (found == by_name.end()) continue;
      listed.bytes = found->second->bytes;
      listed.digest = found->second->digest;
    }
    return arrow::Status::OK();
  }

  arrow::Status WritePiece(const Piece& piece, const RowTarget& target, std::optional<int64_t> chunk) {
    ARROW_ASSIGN_OR_RAISE(const std::string name, names_.Fill(target.values, chunk));
    if (chunk) chunked_ = true;
    if (Holds(own_, name, names_.Told(chunk))) {
      return InvalidInput(
          fmt::format("{} was published by this writer; rows for it came too late", Quoted(name, 200)),
          "Write all rows of a chunk, or a file, before it is closed.");
    }
    Output& output = OutputOf(name, chunk);
    ARROW_RETURN_NOT_OK(Append(*output.parts, piece));
    output.rows += piece.given->num_rows();
    counts_.accepted += piece.given->num_rows();
    if (!chunk) return arrow::Status::OK();
    names_.Remember(name, *chunk);
    chunks_[*chunk].names.insert(name);
    return AddRecords(*chunk, piece.given->num_rows());
  }

  // Rows that fit the part in the making go there, also where the schema of the writer has become another.
  arrow::Status Append(OutputParts& parts, const Piece& piece) {
    const auto open = parts.open_format();
    if (open != nullptr && open != row_schema_->format()) {
      ARROW_ASSIGN_OR_RAISE(const auto rows, FittedOrNull(*piece.given, *open));
      if (rows != nullptr) return parts.Append(*rows, open);
    }
    return parts.Append(*piece.fitted, row_schema_->format());
  }

  // Ends the chunk where that is counted and it is full.
  arrow::Status AddRecords(int64_t chunk, int64_t records) {
    chunks_[chunk].records += records;
    if (!IsFull(chunk)) return arrow::Status::OK();
    return EndChunk(chunk);
  }

  arrow::Status DropRecords(int64_t records, const RowTarget& target) {
    while (records > 0) {
      const std::optional<int64_t> chunk = ChunkOf(target);
      int64_t count = records;
      if (chunk) {
        if (options_.records_per_chunk > 0) {
          count = std::min(count, options_.records_per_chunk - chunks_[*chunk].records);
        }
        chunks_[*chunk].dropped += count;
      }
      counts_.dropped += count;
      records -= count;
      if (chunk) ARROW_RETURN_NOT_OK(AddRecords(*chunk, count));
    }
    return arrow::Status::OK();
  }

  Output& OutputOf(const std::string& name, std::optional<int64_t> chunk) {
    Output& output = outputs_[name];
    if (output.parts == nullptr) {
      const auto unit = names_.Told(chunk);
      output.again = Holds(published_, name, unit);
      output.parts = output.again ? replays_->Begin(name) : std::make_unique<OutputParts>(&folder_, name);
    }
    return output;
  }

  arrow::Status BoundMemory() {
    int64_t held = 0;
    for (const auto& [name, output] : outputs_) held += output.parts->buffered_bytes();
    if (held <= options_.file.memory) return arrow::Status::OK();
    // The fullest first, until half of it is free: each row group that ends early makes its file larger.
    std::vector<OutputParts*> fullest;
    for (auto& [name, output] : outputs_) fullest.push_back(output.parts.get());
    std::sort(fullest.begin(), fullest.end(),
              [](const auto* a, const auto* b) { return a->buffered_bytes() > b->buffered_bytes(); });
    for (OutputParts* const parts : fullest) {
      if (held <= options_.file.memory / 2) break;
      held -= parts->buffered_bytes();
      ARROW_RETURN_NOT_OK(parts->Flush());
    }
    return arrow::Status::OK();
  }

  arrow::Status EndChunk(int64_t chunk) {
    if (chunk == automatic_chunk_) ++automatic_chunk_;
    if (!names_.tell_chunks())
      return arrow::Status::OK();  // one file for all chunks: it ends with the writer
    const auto found = chunks_.find(chunk);
    if (found == chunks_.end() && published_.Has(chunk)) return arrow::Status::OK();
    const Chunk ended = found == chunks_.end() ? Chunk() : found->second;
    return PublishUnit(chunk, ended.names, ended.records, ended.dropped, false);
  }

  // The steps at the top of this file. `records` below zero: as many as there are rows.
  arrow::Status PublishUnit(std::optional<int64_t> chunk, std::set<std::string> names, int64_t records,
                            int64_t dropped, bool finished) {
    if (chunk && published_.Has(*chunk)) {
      ARROW_RETURN_NOT_OK(EndReplay(names, /*prefix=*/finished));
      Forget(chunk, names);
      return arrow::Status::OK();
    }
    std::shared_ptr<const FileFormat> format_of_empty;
    std::string empty;
    if (options_.empty == EmptyChunk::kFile && names.empty()) {
      ARROW_ASSIGN_OR_RAISE(empty, NameOfEmpty(chunk, finished));
    }
    if (!empty.empty()) {
      format_of_empty = row_schema_->format();
      if (format_of_empty == nullptr) {
        return InvalidInput(
            fmt::format("{} has no rows, and no schema is known to make an empty file", Quoted(empty, 200)),
            "Give schema=.");
      }
      OutputOf(empty, chunk);
      names.insert(empty);
    }
    ARROW_RETURN_NOT_OK(manifest_->CheckClaim());
    PublishedUnit unit{chunk, 0, dropped, {}};
    int64_t rows = 0;
    for (const std::string& name : names) {
      Output& output = outputs_.at(name);
      if (output.again) continue;
      ARROW_RETURN_NOT_OK(output.parts->Finish(format_of_empty));
      const auto& files = output.parts->published();
      unit.files.insert(unit.files.end(), files.begin(), files.end());
      for (size_t i = 0; i < files.size(); ++i) NoteSchema(files[i].name, output.parts->schemas()[i]);
      rows += output.rows;
    }
    unit.records = records < 0 ? rows : records;
    ARROW_RETURN_NOT_OK(EndReplay(names, /*prefix=*/finished));
    ARROW_RETURN_NOT_OK(manifest_->CheckClaim());
    const bool says_something = chunk || !unit.files.empty() || finished;
    if (says_something) ARROW_RETURN_NOT_OK(List(unit, rows, names, finished));
    Forget(chunk, names);
    return arrow::Status::OK();
  }

  // Notes files that do not open together with the first, or are not what was asked for.
  void NoteSchema(const std::string& file, const std::shared_ptr<arrow::Schema>& schema) {
    if (first_schema_ == nullptr) first_schema_ = schema;
    if (!schema->Equals(*first_schema_, /*check_metadata=*/false)) schema_changes_.push_back(file);
  }

  // Step 4. The files are let go before it, and taken back when it is certain that the manifest does not list
  // them.
  arrow::Status List(const PublishedUnit& unit, int64_t rows, const std::set<std::string>& names,
                     bool finished) {
    std::optional<PublishedUnit> added;
    PublishedIndex index, own;
    if (unit.chunk || !unit.files.empty()) {
      added = unit;
      index.Add(unit);
      own.Add(unit);
    }
    std::vector<PublishedFile> files = unit.files;
    MakeRoom(&files_, files.size());
    for (const std::string& name : names) {
      if (const auto output = outputs_.find(name); output != outputs_.end()) output->second.parts->Release();
    }
    const arrow::Status saved = manifest_->Add(std::move(added), row_schema_->schema(), finished);
    if (saved.ok() || IsKind(saved, ErrorKind::kCommitUnknown)) {
      Settle(std::move(index), std::move(own), std::move(files), rows, names);
      return saved;
    }
    for (const std::string& name : names) {
      if (const auto output = outputs_.find(name); output != outputs_.end()) output->second.parts->TakeBack();
    }
    return saved;
  }

  // Notes that a unit is in the manifest, perhaps not for good.
  void Settle(PublishedIndex index, PublishedIndex own, std::vector<PublishedFile> files, int64_t rows,
              const std::set<std::string>& names) noexcept {
    counts_.committed += rows;
    for (PublishedFile& file : files) files_.push_back(std::move(file));
    published_.Merge(std::move(index));
    own_.Merge(std::move(own));
    for (const std::string& name : names) {
      const auto output = outputs_.find(name);
      if (output != outputs_.end() && !output->second.again) outputs_.erase(output);
    }
  }

  // Rows that were written again must be the ones that are published.
  arrow::Status EndReplay(const std::set<std::string>& names, bool prefix) {
    for (const std::string& name : names) {
      const auto found = outputs_.find(name);
      if (found == outputs_.end() || !found->second.again) continue;
      Output& output = found->second;
      const auto files = published_.FilesOf(name, names_.Told(names_.ChunkOf(name)));
      ARROW_RETURN_NOT_OK(replays_->End(output.parts.get(), files, prefix));
      counts_.replayed += output.rows;
      outputs_.erase(found);
    }
    return arrow::Status::OK();
  }

  void Forget(std::optional<int64_t> chunk, const std::set<std::string>& names) {
    names_.Forget(names, chunk);
    if (chunk) chunks_.erase(*chunk);
  }

  arrow::Status PublishRest() {
    if (names_.tell_chunks()) {
      std::vector<int64_t> open;
      for (const auto& [chunk, ended] : chunks_) open.push_back(chunk);
      for (const int64_t chunk : open) {
        const Chunk ended = chunks_.at(chunk);
        if (published_.Has(chunk)) {
          ARROW_RETURN_NOT_OK(
              PublishUnit(chunk, ended.names, ended.records, ended.dropped, /*finished=*/true));
        } else if (ended.records > 0) {
          ARROW_RETURN_NOT_OK(EndChunk(chunk));
        }
      }
    }
    // What has no chunk of its own, and the mark that this was all, in one.
    std::set<std::string> names;
    for (const auto& [name, output] : outputs_) names.insert(name);
    int64_t records = -1, dropped = 0;
    if (!names_.tell_chunks() && !chunks_.empty()) {
      records = 0;
      for (const auto& [chunk, ended] : chunks_) {
        records += ended.records;
        dropped += ended.dropped;
      }
    }
    ARROW_RETURN_NOT_OK(PublishUnit(std::nullopt, std::move(names), records, dropped, /*finished=*/true));
    if (counts_.accepted != counts_.committed + counts_.replayed) {
      return arrow::Status::UnknownError(
          fmt::format("{}: {} rows were accepted, {} committed and {} replayed; the numbers should add up",
                      folder_.path, counts_.accepted, counts_.committed, counts_.replayed));
    }
    return arrow::Status::OK();
  }

  RollingOptions options_;
  OutputNames names_;
  OutputFolder folder_;

  const HomeProcess home_;
  mutable std::mutex mutex_;
  std::unique_ptr<file::FileLock> lock_;
  std::unique_ptr<ManifestFile> manifest_;
  std::optional<Replays> replays_;  // from Open() on
  bool finished_before_ = false;

  std::optional<RowSchema> row_schema_;  // from Open() on

  bool chunked_ = false;             // rows have chunks, or will have
  int64_t automatic_chunk_ = 0;      // where rows that are only counted go
  std::map<int64_t, Chunk> chunks_;  // begun and not published, or written again
  std::map<std::string, Output> outputs_;

  PublishedIndex published_;
  PublishedIndex own_;  // of these, what this writer published

  RollingCounts counts_;
  std::vector<PublishedFile> files_;
  int64_t files_before_ = 0;
  std::shared_ptr<arrow::Schema> first_schema_;  // that was asked for, or of the first published file
  std::vector<std::string> schema_changes_;
  arrow::Status error_;
  bool closed_ = false;
};

arrow::Result<std::unique_ptr<RollingWriter>> RollingWriter::Open(std::shared_ptr<file::FileSystem> fs,
                                                                  RollingOptions options) {
  ARROW_RETURN_NOT_OK(CheckOptions(options));
  ARROW_ASSIGN_OR_RAISE(auto name_template, OutputTemplate::Parse(options.name_template));
  const std::string folder = options.folder;
  return Caught(folder, [&]() -> arrow::Result<std::unique_ptr<RollingWriter>> {
    auto impl = std::make_unique<Impl>(std::move(fs), std::move(options), std::move(name_template));
    ARROW_RETURN_NOT_OK(impl->Open());
    return std::unique_ptr<RollingWriter>(new RollingWriter(std::move(impl)));
  });
}

RollingWriter::RollingWriter(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

RollingWriter::~RollingWriter() {
  BestEffort([&] { return impl_->Abort(); });  // what stays is what a crash would leave
}

arrow::Status RollingWriter::Write(const std::shared_ptr<arrow::RecordBatch>& batch,
                                   const RowTarget& target) {
  return impl_->Guarded([&] { return impl_->Write(batch, target); });
}
arrow::Status RollingWriter::Drop(int64_t records, const RowTarget& target) {
  return impl_->Guarded([&] { return impl_->Drop(records, target); });
}
arrow::Status RollingWriter::CheckTarget(const RowTarget& target) const {
  return Caught("a target", [&] { return impl_->CheckTarget(target); });
}
arrow::Result<std::string> RollingWriter::NameOf(const RowTarget& target) {
  return impl_->Guarded([&] { return impl_->NameOf(target); });
}
arrow::Status RollingWriter::Flush() {
  return impl_->Guarded([&] { return impl_->Flush(); });
}
arrow::Status RollingWriter::CloseChunk(int64_t chunk) {
  return impl_->Guarded([&] { return impl_->CloseChunk(chunk); });
}
arrow::Status RollingWriter::CloseFile(const std::string& name) {
  return impl_->Guarded([&] { return impl_->CloseFile(name); });
}
arrow::Result<RollingReport> RollingWriter::Close() {
  return impl_->Guarded([&] { return impl_->Close(); });
}
arrow::Status RollingWriter::Abort() {
  return Caught("abort", [&] { return impl_->Abort(); });
}
arrow::Result<int64_t> RollingWriter::Resume() {
  return impl_->Guarded([&] { return impl_->Resume(); });
}
int64_t RollingWriter::next_record() const { return impl_->next_record(); }
std::optional<int64_t> RollingWriter::room(std::optional<int64_t> chunk) const { return impl_->room(chunk); }
bool RollingWriter::finished() const { return impl_->finished(); }
const std::string& RollingWriter::run() const { return impl_->run(); }
std::vector<int64_t> RollingWriter::published_chunks() const { return impl_->published_chunks(); }
RollingCounts RollingWriter::counts() const { return impl_->counts(); }
std::shared_ptr<arrow::Schema> RollingWriter::schema() const { return impl_->schema(); }

}  // namespace marquet::pq
