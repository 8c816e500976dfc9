#include "marquet/output/writer_manifest.h"

#include <algorithm>
#include <cerrno>
#include <map>
#include <utility>

#include <fmt/format.h>

#include "arrow/io/interfaces.h"
#include "marquet/base/error.h"
#include "marquet/base/exceptions.h"
#include "marquet/base/hash.h"
#include "marquet/base/text.h"
#include "marquet/file/durable_file.h"
#include "marquet/output/manifest_json_internal.h"
#include "marquet/output/manifest_names_internal.h"

namespace marquet::output {
namespace {

// Units that a manifest holds itself before the older ones are sealed: some 12 KiB of text.
constexpr size_t kUnsealedUnits = 64;
constexpr size_t kLongestId = 120;
constexpr size_t kDigestDigits = 32;
constexpr int64_t kBlock = 1 << 20;

arrow::Result<std::string> DigestOf(file::FileSystem& fs, const std::string& path) {
  ARROW_ASSIGN_OR_RAISE(const auto source, fs.OpenForReading(path));
  ARROW_ASSIGN_OR_RAISE(const int64_t size, source->GetSize());
  Xxh3Digest digest;
  for (int64_t at = 0; at < size;) {
    ARROW_ASSIGN_OR_RAISE(const auto block, source->ReadAt(at, std::min(kBlock, size - at)));
    if (block->size() == 0) return StorageError(EIO, "read", path, "The file became shorter.");
    digest.Update(block->data(), block->size());
    at += block->size();
  }
  return digest.Hex();
}

}  // namespace

arrow::Result<PublishedFile> AsItIs(file::FileSystem& fs, const std::string& folder, PublishedFile file) {
  if (file.digest_before.empty()) return file;
  const std::string path = file::JoinPath(folder, file.name);
  ARROW_ASSIGN_OR_RAISE(const file::FileInfo info, fs.Stat(path));
  bool is_older = info.size == file.bytes_before;
  if (is_older && info.size == file.bytes) {
    ARROW_ASSIGN_OR_RAISE(const std::string digest, DigestOf(fs, path));
    is_older = digest == file.digest_before;
  }
  if (is_older) {
    file.bytes = file.bytes_before;
    file.digest = file.digest_before;
  }
  file.bytes_before = 0;
  file.digest_before.clear();
  return file;
}

std::string ManifestDirectory(const std::string& folder) {
  return file::JoinPath(file::JoinPath(folder, "_marquet"), "writers");
}

std::string ManifestId(std::string_view partly_filled_template) {
  std::string id = UriEncode(partly_filled_template, "{}");
  if (id.size() <= kLongestId) return id;
  return id.substr(0, kLongestId - kDigestDigits - 1) + "-" + Xxh3Hex(partly_filled_template);
}

arrow::Result<std::optional<WriterManifest>> ManifestFile::Read(file::FileSystem& fs,
                                                                const std::string& folder,
                                                                const std::string& id) {
  const std::string directory = ManifestDirectory(folder);
  ARROW_ASSIGN_OR_RAISE(const auto newest, NewestAttempts(fs, directory));
  const auto found = newest.find(id);
  if (found == newest.end()) return std::nullopt;
  ARROW_ASSIGN_OR_RAISE(auto manifest, ReadManifest(fs, directory, id, found->second));
  return manifest;
}

arrow::Result<std::vector<WriterManifest>> ManifestFile::ReadAll(file::FileSystem& fs,
                                                                 const std::string& folder) {
  const std::string directory = ManifestDirectory(folder);
  ARROW_ASSIGN_OR_RAISE(const auto newest, NewestAttempts(fs, directory));
  std::vector<WriterManifest> manifests;
  for (const auto& [id, attempt] : newest) {
    ARROW_ASSIGN_OR_RAISE(manifests.emplace_back(), ReadManifest(fs, directory, id, attempt));
  }
  return manifests;
}

ManifestFile::ManifestFile(std::shared_ptr<file::FileSystem> fs, std::string directory, std::string id,
                           WriterManifest manifest)
    : fs_(std::move(fs)),
      directory_(std::move(directory)),
      id_(std::move(id)),
      manifest_(std::move(manifest)) {}

arrow::Result<std::unique_ptr<ManifestFile>> ManifestFile::Claim(std::shared_ptr<file::FileSystem> fs,
                                                                 const std::string& folder,
                                                                 const std::string& id,
                                                                 WriterManifest manifest) {
  const std::string directory = ManifestDirectory(folder);
  std::unique_ptr<ManifestFile> claimed(new ManifestFile(fs, directory, id, std::move(manifest)));
  const int64_t attempt = claimed->manifest_.attempt;
  ARROW_ASSIGN_OR_RAISE(const std::string text, ManifestText(claimed->manifest_));
  const arrow::Status put = file::PutNew(fs, file::JoinPath(directory, ManifestName(id, attempt)), text);
  if (IsKind(put, ErrorKind::kAlreadyExists)) {
    return Conflict(
        fmt::format("{}: another process has just begun attempt {} at this output", folder, attempt));
  }
  ARROW_RETURN_NOT_OK(file::NotYetCommitted(put));
  ARROW_RETURN_NOT_OK(claimed->CheckClaim());
  ARROW_ASSIGN_OR_RAISE(const auto names, fs->ListNames(directory));
  // An older attempt finds that its manifest is gone before the fences are.
  for (const bool fences : {false, true}) {
    for (const std::string& name : names) {
      const auto other = ParseAttemptName(name);
      if (!other || other->id != id || other->fence != fences) continue;
      if (other->number > attempt || (other->number == attempt && !fences)) continue;
      const arrow::Status removed = fs->Remove(file::JoinPath(directory, name));
      if (!removed.ok() && !IsKind(removed, ErrorKind::kNotFound)) return removed;
    }
  }
  return claimed;
}

arrow::Status ManifestFile::CheckClaim() const {
  const auto exists = [&](const std::string& name) {
    return file::Exists(*fs_, file::JoinPath(directory_, name));
  };
  const int64_t attempt = manifest_.attempt;
  ARROW_ASSIGN_OR_RAISE(const bool fenced, exists(FenceName(id_, attempt + 1)));
  ARROW_ASSIGN_OR_RAISE(const bool later, exists(ManifestName(id_, attempt + 1)));
  ARROW_ASSIGN_OR_RAISE(const bool ours, exists(ManifestName(id_, attempt)));  // it goes before a fence does
  if (ours && !later && !fenced) return arrow::Status::OK();
  return Conflict(fmt::format("{}: another process has taken over this output since attempt {} began",
                              file::JoinPath(directory_, id_), attempt),
                  "Nothing more of this process is published. Let the other one go on.");
}

arrow::Status ManifestFile::Add(std::optional<PublishedUnit> unit,
                                const std::shared_ptr<arrow::Schema>& schema, bool finished) {
  if (manifest_.units.size() - SealedUnits() >= kUnsealedUnits) {
    const arrow::Status sealed = Caught(directory_, [&] { return Seal(); });
    // Nothing names the sealed file yet, so it does not matter whether it is there.
    ARROW_RETURN_NOT_OK(file::NotYetCommitted(sealed));
  }
  const size_t units_before = manifest_.units.size();
  const std::shared_ptr<arrow::Schema> schema_before = manifest_.schema;
  bool in_doubt = false;
  const arrow::Status saved = Caught(directory_, [&] {
    if (unit.has_value()) manifest_.units.push_back(*std::move(unit));
    if (manifest_.schema == nullptr) manifest_.schema = schema;
    manifest_.finished = finished;
    return Save(&in_doubt);
  });
  if (saved.ok()) return saved;
  if (in_doubt) return AsKind(saved, ErrorKind::kCommitUnknown);
  manifest_.units.resize(units_before);
  manifest_.schema = schema_before;
  manifest_.finished = false;
  return saved;
}

arrow::Status ManifestFile::Replace(const std::vector<PublishedFile>& files,
                                    const std::shared_ptr<arrow::Schema>& schema) {
  const WriterManifest manifest_before = manifest_;
  bool in_doubt = false;
  const arrow::Status saved = Caught(directory_, [&] {
    std::map<std::string_view, const PublishedFile*> by_name;
    for (const PublishedFile& file : files) by_name[file.name] = &file;
    for (PublishedUnit& unit : manifest_.units) {
      for (PublishedFile& file : unit.files) {
        if (const auto found = by_name.find(file.name); found != by_name.end()) file = *found->second;
      }
    }
    manifest_.schema = schema;
    // What was sealed may have changed: the manifest holds all of it, until it is sealed again.
    manifest_.sealed.clear();
    return Save(&in_doubt);
  });
  if (saved.ok()) return saved;
  if (in_doubt) return AsKind(saved, ErrorKind::kCommitUnknown);
  manifest_ = manifest_before;
  return saved;
}

void ManifestFile::Replaced() {
  for (PublishedUnit& unit : manifest_.units) {
    for (PublishedFile& file : unit.files) {
      file.bytes_before = 0;
      file.digest_before.clear();
    }
  }
}

size_t ManifestFile::SealedUnits() const {
  size_t units = 0;
  for (const SealedFile& file : manifest_.sealed) units += file.units;
  return units;
}

// The claim is looked at again: an attempt that began between the last look and the replacement may have read
// what was there before, or what is there now.
arrow::Status ManifestFile::Save(bool* in_doubt) {
  ARROW_ASSIGN_OR_RAISE(const std::string text, ManifestText(manifest_));
  const std::string path = file::JoinPath(directory_, ManifestName(id_, manifest_.attempt));
  *in_doubt = true;  // also for what is thrown
  const arrow::Status saved = file::PutReplacing(fs_, path, text);
  *in_doubt = saved.ok() || IsKind(saved, ErrorKind::kCommitUnknown);
  ARROW_RETURN_NOT_OK(saved);
  const arrow::Status claim = CheckClaim();
  if (claim.ok()) return claim;
  return WithHint(WithContext(claim, "it could not be learnt whether what was published last counts"),
                  "Let the process that took over go on: what it does not list it writes again.");
}

// The sealed file is there before a manifest names it. The attempt in its name keeps processes apart.
arrow::Status ManifestFile::Seal() {
  const size_t begin = SealedUnits();
  const std::string text = SealedText(manifest_.units, begin);
  const std::string name =
      fmt::format("{}.sealed.{}-{}.json", id_, manifest_.attempt, manifest_.sealed.size() + 1);
  ARROW_RETURN_NOT_OK(file::PutReplacing(fs_, file::JoinPath(directory_, name), text));
  manifest_.sealed.push_back(SealedEntry(name, manifest_.units.size() - begin, text));
  return arrow::Status::OK();
}

}  // namespace marquet::output
