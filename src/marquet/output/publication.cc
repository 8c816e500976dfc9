#include "marquet/output/publication_internal.h"

#include <map>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "arrow/type.h"
#include "marquet/base/error.h"
#include "marquet/base/make_room.h"
#include "marquet/base/text.h"
#include "marquet/output/decided_files_internal.h"
#include "marquet/parquet/encode/file_format.h"

namespace marquet::output {
namespace {

// Whether there are rows of a chunk or, outside of all chunks, of a name.
bool Holds(const PublishedIndex& index, const std::string& name, std::optional<int64_t> chunk) {
  return chunk ? index.Has(*chunk) : !index.FilesOf(name, chunk).empty();
}

}  // namespace

Publication::Publication(OutputFolder* folder, OutputNames* names, Outputs* outputs, EmptyChunk empty,
                         const HeldOutput& held)
    : folder_(folder), names_(names), outputs_(outputs), empty_(empty), first_schema_(held.manifest.schema) {
  for (const PublishedUnit& unit : held.manifest.units) {
    published_.Add(unit);
    files_before_ += static_cast<int64_t>(unit.files.size());
  }
}

arrow::Status Publication::Claim(HeldOutput held, const std::shared_ptr<arrow::Schema>& schema) {
  if (first_schema_ == nullptr) first_schema_ = schema;
  ARROW_ASSIGN_OR_RAISE(manifest_,
                        ManifestFile::Claim(folder_->fs, folder_->path, held.id, std::move(held.manifest)));
  replays_.emplace(folder_, file::JoinPath(ManifestDirectory(folder_->path), held.id + ".replay"));
  ARROW_RETURN_NOT_OK(replays_->Clear());
  if (manifest_->manifest().attempt > 1) ARROW_RETURN_NOT_OK(RetireOrphans(folder_->fs, OrphansNow()));
  return arrow::Status::OK();
}

// What the manifest lists, and what this writer has published and is about to list, stays.
Orphans Publication::OrphansNow() const {
  Orphans orphans{folder_->path,
                  &names_->name_template(),
                  names_->known(),
                  manifest_->manifest().run,
                  outputs_->PublishedFiles(),
                  manifest_->manifest().attempt};
  for (const PublishedUnit& unit : manifest_->manifest().units) {
    for (const PublishedFile& file : unit.files) orphans.recorded.insert(file.name);
  }
  return orphans;
}

arrow::Result<bool> Publication::SetAside(const std::string& name) const {
  return RetireOrphan(folder_->fs, OrphansNow(), name);
}

Output& Publication::OutputOf(const std::string& name, std::optional<int64_t> chunk) {
  if (Output* const there = outputs_->Find(name)) return *there;
  Output output;
  output.again = Holds(published_, name, names_->Told(chunk));
  output.parts = output.again ? replays_->Begin(name) : std::make_unique<OutputParts>(folder_, name);
  return outputs_->Add(name, std::move(output));
}

bool Publication::HasOwn(const std::string& name, std::optional<int64_t> chunk) const {
  return Holds(own_, name, names_->Told(chunk));
}

// The name of a file for no rows: of a chunk, or of all there are when the only name has no file yet. Empty
// where there is none to be.
arrow::Result<std::string> Publication::NameOfEmpty(const UnitToPublish& unit) const {
  if (empty_ != EmptyChunk::kFile || !unit.names.empty()) return std::string();
  if (unit.chunk) return names_->Fill({}, unit.chunk);
  const auto name = unit.finished ? names_->OnlyName() : std::nullopt;
  return name && published_.FilesOf(*name, std::nullopt).empty() ? *name : std::string();
}

arrow::Status Publication::Publish(UnitToPublish unit, const RowSchema& rows) {
  if (unit.chunk && published_.Has(*unit.chunk)) {
    return EndReplay(unit.names, /*prefix=*/unit.finished);
  }
  std::shared_ptr<const pq::FileFormat> format_of_empty;
  ARROW_ASSIGN_OR_RAISE(const std::string empty, NameOfEmpty(unit));
  if (!empty.empty()) {
    format_of_empty = rows.format();
    if (format_of_empty == nullptr) {
      return InvalidInput(
          fmt::format("{} has no rows, and no schema is known to make an empty file", Quoted(empty, 200)),
          "Give schema=.");
    }
    OutputOf(empty, unit.chunk);
    unit.names.insert(empty);
  }
  ARROW_RETURN_NOT_OK(CheckClaim());
  PublishedUnit listed{unit.chunk, 0, unit.dropped, {}};
  int64_t written = 0;
  for (const std::string& name : unit.names) {
    Output& output = *outputs_->Find(name);
    if (output.again) continue;
    ARROW_RETURN_NOT_OK(output.parts->Finish(format_of_empty));
    const auto& files = output.parts->published();
    listed.files.insert(listed.files.end(), files.begin(), files.end());
    for (size_t i = 0; i < files.size(); ++i) NoteSchema(files[i].name, output.parts->schemas()[i]);
    written += output.rows;
  }
  listed.records = unit.records < 0 ? written + unit.dropped : unit.records;
  ARROW_RETURN_NOT_OK(EndReplay(unit.names, /*prefix=*/unit.finished));
  ARROW_RETURN_NOT_OK(CheckClaim());
  const bool says_something = unit.chunk || !listed.files.empty() || unit.finished;
  if (!says_something) return arrow::Status::OK();
  return List(listed, written, unit.names, rows.schema(), unit.finished);
}

// Notes files that do not open together with the first, or are not what was asked for.
void Publication::NoteSchema(const std::string& file, const std::shared_ptr<arrow::Schema>& schema) {
  if (first_schema_ == nullptr) first_schema_ = schema;
  if (!schema->Equals(*first_schema_, /*check_metadata=*/false)) schema_changes_.push_back(file);
}

// Step 4. The files are let go before it, and taken back when it is certain that the manifest does not list
// them.
arrow::Status Publication::List(const PublishedUnit& unit, int64_t rows, const std::set<std::string>& names,
                                const std::shared_ptr<arrow::Schema>& schema, bool finished) {
  std::optional<PublishedUnit> added;
  PublishedIndex index, own;
  if (unit.chunk || !unit.files.empty() || unit.records > 0) {
    added = unit;
    index.Add(unit);
    own.Add(unit);
  }
  std::vector<PublishedFile> files = unit.files;
  MakeRoom(&files_, files.size());
  outputs_->Release(names);
  const arrow::Status saved = manifest_->Add(std::move(added), schema, finished);
  if (saved.ok() || IsKind(saved, ErrorKind::kCommitUnknown)) {
    Settle(std::move(index), std::move(own), std::move(files), rows, names);
    return saved;
  }
  outputs_->TakeBack(names);
  return saved;
}

// Notes that a unit is in the manifest, perhaps not for good.
void Publication::Settle(PublishedIndex index, PublishedIndex own, std::vector<PublishedFile> files,
                         int64_t rows, const std::set<std::string>& names) noexcept {
  committed_ += rows;
  for (PublishedFile& file : files) files_.push_back(std::move(file));
  published_.Merge(std::move(index));
  own_.Merge(std::move(own));
  outputs_->Settle(names);
}

// Rows that were written again must be the ones that are published.
arrow::Status Publication::EndReplay(const std::set<std::string>& names, bool prefix) {
  for (const std::string& name : names) {
    Output* const output = outputs_->Find(name);
    if (output == nullptr || !output->again) continue;
    const auto files = published_.FilesOf(name, names_->Told(names_->ChunkOf(name)));
    ARROW_RETURN_NOT_OK(replays_->End(output->parts.get(), files, prefix));
    replayed_ += output->rows;
    outputs_->Remove(name);
  }
  return arrow::Status::OK();
}

arrow::Status Publication::Decide(const RowSchema& rows) {
  if (first_schema_ != nullptr) first_schema_ = rows.DecidedOf(first_schema_);
  ARROW_ASSIGN_OR_RAISE(const auto replaced, DecideFiles(*folder_, rows, manifest_.get()));
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

arrow::Status Publication::Abort() {
  const bool lost = manifest_ != nullptr && IsKind(CheckClaim(), ErrorKind::kConflict);
  return lost || !replays_ ? arrow::Status::OK() : replays_->Clear();
}

void Publication::Tell(RollingReport* report) const {
  report->files_before = files_before_;
  report->schema_changes = schema_changes_;
  report->files = files_;
  for (const PublishedFile& file : files_) report->bytes += file.bytes;
}

}  // namespace marquet::output
