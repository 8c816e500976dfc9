// How rows become files: each is fitted to the schema of the writer, belongs to a chunk or to none, and goes
// to the output of its name; what is full or closed is published (publication_internal.h).
//
// One mutex guards all of it: whatever is public takes it, and nothing below asks for it again.
#include "marquet/output/rolling_writer.h"

#include <mutex>
#include <optional>
#include <set>

#include <fmt/format.h>

#include "arrow/record_batch.h"
#include "arrow/type.h"
#include "marquet/base/error.h"
#include "marquet/base/exceptions.h"
#include "marquet/base/home_process.h"
#include "marquet/base/log.h"
#include "marquet/base/text.h"
#include "marquet/output/open_chunks_internal.h"
#include "marquet/output/output_claim_internal.h"
#include "marquet/output/output_names_internal.h"
#include "marquet/output/output_parts_internal.h"
#include "marquet/output/outputs_internal.h"
#include "marquet/output/publication_internal.h"
#include "marquet/output/published_rows_internal.h"
#include "marquet/output/row_schema_internal.h"
#include "marquet/parquet/encode/file_format.h"
#include "spdlog/logger.h"

namespace marquet::output {
namespace {

arrow::Status NotOpen(const std::string& folder) {
  return InvalidInput(fmt::format("{}: the writer is closed", folder));
}

arrow::Status NoChunk(int64_t chunk) {
  return InvalidInput(fmt::format("chunk {} cannot be; expected 0 or more", chunk));
}

}  // namespace

class RollingWriter::Impl {
 public:
  Impl(std::shared_ptr<file::FileSystem> fs, RollingOptions options, OutputTemplate name_template)
      : options_(std::move(options)),
        names_(std::move(name_template), options_.rank),
        chunked_(options_.records_per_chunk > 0),
        chunks_(options_.records_per_chunk),
        outputs_(options_.file.memory) {
    folder_.fs = std::move(fs);
    folder_.path = options_.folder;
    folder_.check_claim = [this] { return publication_->CheckClaim(); };
    folder_.set_aside = [this](const std::string& name) { return publication_->SetAside(name); };
    folder_.max_file_bytes = options_.max_file_bytes;
    folder_.max_file_rows = options_.max_file_rows;
  }

  arrow::Status Open() {
    ARROW_ASSIGN_OR_RAISE(HeldOutput held,
                          HoldOutput(folder_.fs, options_, names_.name_template(), names_.known()));
    lock_ = std::move(held.lock);
    lock_path_ = file::JoinPath(ManifestDirectory(folder_.path), held.id + ".lock");
    finished_before_ = held.manifest.finished;
    publication_.emplace(&folder_, &names_, &outputs_, options_.empty, held);
    if (held.manifest.schema != nullptr) options_.schema = held.manifest.schema;
    options_.file.metadata.emplace_back(kRunKey, held.manifest.run);
    row_schema_.emplace(options_);
    if (options_.schema != nullptr) ARROW_RETURN_NOT_OK(row_schema_->Use(options_.schema));
    ARROW_RETURN_NOT_OK(publication_->Claim(std::move(held), row_schema_->schema()));
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
    if (target.chunk && *target.chunk < 0) return Poison(NoChunk(*target.chunk));
    return Poison(DropRecords(records, target));
  }

  arrow::Status CheckTarget(const RowTarget& target) const {
    std::lock_guard lock(mutex_);
    ARROW_RETURN_NOT_OK(CheckUsable());
    return names_.Fill(target.values, chunks_.ChunkOf(target.chunk)).status();
  }

  arrow::Result<std::string> NameOf(const RowTarget& target) {
    std::lock_guard lock(mutex_);
    ARROW_RETURN_NOT_OK(CheckUsable());
    const std::optional<int64_t> chunk = chunks_.ChunkOf(target.chunk);
    ARROW_ASSIGN_OR_RAISE(std::string name, names_.Fill(target.values, chunk));
    if (chunk && !publication_->Has(*chunk)) names_.Remember(name, *chunk);
    if (chunk) chunked_ = true;
    return name;
  }

  arrow::Status Flush() {
    std::lock_guard lock(mutex_);
    ARROW_RETURN_NOT_OK(CheckUsable());
    return Poison(outputs_.Flush());
  }

  arrow::Status CloseChunk(int64_t chunk) {
    std::lock_guard lock(mutex_);
    ARROW_RETURN_NOT_OK(CheckUsable());
    if (chunk < 0) return Poison(NoChunk(chunk));
    chunked_ = true;
    return Poison(EndChunk(chunk));
  }

  arrow::Status CloseFile(const std::string& name) {
    std::lock_guard lock(mutex_);
    ARROW_RETURN_NOT_OK(CheckUsable());
    if (const auto chunk = names_.ChunkOf(name)) return Poison(EndChunk(*chunk));
    if (chunked_ || !outputs_.contains(name)) return arrow::Status::OK();
    return Poison(Publish({.names = {name}}));
  }

  arrow::Result<RollingReport> Close() {
    std::lock_guard lock(mutex_);
    ARROW_RETURN_NOT_OK(CheckUsable());
    ARROW_RETURN_NOT_OK(Poison(PublishRest()));
    closed_ = true;
    lock_.reset();
    RollingReport report;
    report.counts = Counts();
    publication_->Tell(&report);
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
    // Published files and replays of one who failed are another's to set aside once that one has the lock.
    const bool mine = TakeLockAgain();
    if (!mine) outputs_.Release(outputs_.Names());
    const arrow::Status first = outputs_.Abort();
    const arrow::Status removed = mine && publication_ ? publication_->Abort() : arrow::Status::OK();
    lock_.reset();
    return first.ok() ? removed : first;
  }

  arrow::Result<int64_t> Resume() {
    std::lock_guard lock(mutex_);
    ARROW_RETURN_NOT_OK(CheckUsable());
    if (counts_.accepted + counts_.dropped > 0) {
      return Poison(InvalidInput(fmt::format("{}: Resume() comes before the first record", folder_.path)));
    }
    resumed_ = true;
    while (publication_->Has(chunks_.next())) chunks_.MoveOn(chunks_.next());
    return NextRecord();
  }

  int64_t next_record() const {
    std::lock_guard lock(mutex_);
    return NextRecord();
  }
  std::optional<int64_t> room(std::optional<int64_t> chunk) const {
    std::lock_guard lock(mutex_);
    return chunks_.Room(chunk);
  }
  bool finished() const { return finished_before_; }
  const std::string& run() const { return publication_->run(); }
  std::vector<int64_t> published_chunks() const {
    std::lock_guard lock(mutex_);
    return publication_->published().Chunks();
  }
  RollingCounts counts() const {
    std::lock_guard lock(mutex_);
    return Counts();
  }
  std::shared_ptr<arrow::Schema> schema() const {
    std::lock_guard lock(mutex_);
    return row_schema_->schema();
  }

 private:
  // The same rows as they were given, and in the schema of the writer.
  struct Piece {
    std::shared_ptr<arrow::RecordBatch> given, fitted;
  };

  int64_t NextRecord() const {
    const PublishedIndex& published = publication_->published();
    if (finished_before_) return published.AllRecords();
    return options_.records_per_chunk == 0 ? 0 : published.RecordsInFront();
  }

  RollingCounts Counts() const {
    RollingCounts counts = counts_;
    counts.committed = publication_->committed();
    counts.replayed = publication_->replayed();
    return counts;
  }

  // What failed can publish no more, so another writer may have the output: what is left of this one is to it
  // as what a killed process left.
  arrow::Status Poison(const arrow::Status& status) {
    if (status.ok()) return status;
    if (error_.ok()) error_ = status;
    gave_lock_back_ |= lock_ != nullptr;
    lock_.reset();
    return status;
  }

  // Whether no other writer has the lock that this one gave back when it failed.
  bool TakeLockAgain() {
    if (!gave_lock_back_) return true;
    auto lock = Caught(folder_.path, [&] { return folder_.fs->Lock(lock_path_); });
    if (!lock.ok()) return false;
    lock_ = *std::move(lock);
    return true;
  }

  arrow::Status CheckUsable() const {
    if (closed_) return NotOpen(folder_.path);
    ARROW_RETURN_NOT_OK(home_.Check(folder_.path, "Make a writer in each process, of a rank of its own."));
    return error_;
  }

  arrow::Status WriteRows(const std::shared_ptr<arrow::RecordBatch>& batch, const RowTarget& target) {
    bool decided = false;
    ARROW_ASSIGN_OR_RAISE(const auto rows, row_schema_->Fit(batch, &decided));
    if (decided) {
      ARROW_RETURN_NOT_OK(outputs_.Decide(*row_schema_));
      ARROW_RETURN_NOT_OK(publication_->Decide(*row_schema_));
    }
    for (int64_t begin = 0; begin < rows->num_rows();) {
      const std::optional<int64_t> chunk = chunks_.ChunkOf(target.chunk);
      ARROW_ASSIGN_OR_RAISE(const int64_t count, Fitting(target, chunk, rows->num_rows() - begin));
      ARROW_RETURN_NOT_OK(WritePiece({batch->Slice(begin, count), rows->Slice(begin, count)}, target, chunk));
      begin += count;
    }
    return outputs_.BoundMemory();
  }

  // How many of so many records their chunk takes: one that the target names takes all of them, or none.
  arrow::Result<int64_t> Fitting(const RowTarget& target, std::optional<int64_t> chunk,
                                 int64_t records) const {
    if (!chunk) return records;
    const int64_t fitting = chunks_.Fitting(*chunk, records);
    if (!target.chunk || fitting == records) return fitting;
    return InvalidInput(fmt::format("chunk {} has {} records and is given {} more; records_per_chunk is {}",
                                    *chunk, chunks_.RecordsOf(*chunk), records, options_.records_per_chunk));
  }

  arrow::Status WritePiece(const Piece& piece, const RowTarget& target, std::optional<int64_t> chunk) {
    ARROW_ASSIGN_OR_RAISE(const std::string name, names_.Fill(target.values, chunk));
    if (chunk) chunked_ = true;
    if (publication_->HasOwn(name, chunk)) {
      return InvalidInput(
          fmt::format("{} was published by this writer; rows for it came too late", Quoted(name, 200)),
          "Write all rows of a chunk, or a file, before it is closed.");
    }
    Output& output = publication_->OutputOf(name, chunk);
    ARROW_RETURN_NOT_OK(Append(*output.parts, piece));
    output.rows += piece.given->num_rows();
    counts_.accepted += piece.given->num_rows();
    if (!chunk) return arrow::Status::OK();
    names_.Remember(name, *chunk);
    chunks_.AddRows(*chunk, piece.given->num_rows(), name);
    return EndWhenFull(*chunk);
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

  arrow::Status EndWhenFull(int64_t chunk) {
    return chunks_.IsFull(chunk) ? EndChunk(chunk) : arrow::Status::OK();
  }

  arrow::Status DropRecords(int64_t records, const RowTarget& target) {
    while (records > 0) {
      const std::optional<int64_t> chunk = chunks_.ChunkOf(target.chunk);
      if (chunk && publication_->HasOwn(*chunk)) {
        return InvalidInput(
            fmt::format("chunk {} was published by this writer; records of it that are dropped came too late",
                        *chunk),
            "Count all records of a chunk before it is closed.");
      }
      ARROW_ASSIGN_OR_RAISE(const int64_t count, Fitting(target, chunk, records));
      if (chunk) {
        chunks_.AddDropped(*chunk, count);
      } else {
        dropped_without_chunk_ += count;
      }
      counts_.dropped += count;
      records -= count;
      if (chunk) ARROW_RETURN_NOT_OK(EndWhenFull(*chunk));
    }
    return arrow::Status::OK();
  }

  arrow::Status EndChunk(int64_t chunk) {
    chunks_.MoveOn(chunk);
    if (!names_.tell_chunks())
      return arrow::Status::OK();  // one file for all chunks: it ends with the writer
    const OpenChunk* const open = chunks_.Find(chunk);
    if (open == nullptr && publication_->Has(chunk)) return arrow::Status::OK();
    return Publish(UnitOf(chunk));
  }

  UnitToPublish UnitOf(int64_t chunk) const {
    const OpenChunk* const open = chunks_.Find(chunk);
    const OpenChunk ended = open == nullptr ? OpenChunk() : *open;
    return {chunk, ended.names, ended.records, ended.dropped, /*finished=*/false};
  }

  arrow::Status Publish(UnitToPublish unit) {
    const std::optional<int64_t> chunk = unit.chunk;
    const std::set<std::string> names = unit.names;
    ARROW_RETURN_NOT_OK(publication_->Publish(std::move(unit), *row_schema_));
    names_.Forget(names, chunk);
    if (chunk) chunks_.Forget(*chunk);
    return arrow::Status::OK();
  }

  arrow::Status PublishRest() {
    if (names_.tell_chunks()) {
      for (const int64_t chunk : chunks_.All()) {
        if (publication_->Has(chunk)) {
          UnitToPublish unit = UnitOf(chunk);
          unit.finished = true;
          ARROW_RETURN_NOT_OK(Publish(std::move(unit)));
        } else if (chunks_.RecordsOf(chunk) > 0) {
          ARROW_RETURN_NOT_OK(EndChunk(chunk));
        }
      }
    }
    // What has no chunk of its own, and the mark that this was all, in one.
    UnitToPublish rest{.names = outputs_.Names(), .finished = true};
    // Those of an output that was finished came before, and are in its manifest.
    if (!finished_before_ || resumed_) {
      rest.dropped = dropped_without_chunk_ + (names_.tell_chunks() ? 0 : chunks_.Dropped());
    }
    ARROW_RETURN_NOT_OK(Publish(std::move(rest)));
    const RollingCounts counts = Counts();
    if (counts.accepted != counts.committed + counts.replayed) {
      return arrow::Status::UnknownError(
          fmt::format("{}: {} rows were accepted, {} committed and {} replayed; the numbers should add up",
                      folder_.path, counts.accepted, counts.committed, counts.replayed));
    }
    return arrow::Status::OK();
  }

  RollingOptions options_;
  OutputNames names_;
  OutputFolder folder_;

  const HomeProcess home_;
  mutable std::mutex mutex_;
  std::unique_ptr<file::FileLock> lock_;
  std::string lock_path_;
  bool gave_lock_back_ = false;
  bool finished_before_ = false;
  bool resumed_ = false;  // records are new, from next_record() on

  std::optional<RowSchema> row_schema_;     // from Open() on
  bool chunked_;                            // rows have chunks, or will have
  OpenChunks chunks_;                       // begun and not published, or written again
  std::optional<Publication> publication_;  // from Open() on
  Outputs outputs_;                         // some lie in a folder of publication_

  int64_t dropped_without_chunk_ = 0;
  RollingCounts counts_;  // but for what publication_ counts
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

}  // namespace marquet::output
