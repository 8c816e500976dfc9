#include <utility>

#include <fmt/format.h>

#include "marquet/base/error.h"
#include "marquet/base/hash.h"
#include "marquet/base/text.h"
#include "marquet/parquet/output_claim_internal.h"

namespace marquet::pq {
namespace {

arrow::Status Held(const RollingOptions& options, const OutputTemplate& name_template,
                   const std::string& id) {
  return Conflict(fmt::format("{}: another writer is at work on {}", options.folder, Quoted(id, 200)),
                  name_template.Has(kRankKey)
                      ? "Wait for it, or stop it."
                      : "The name has no ${rank}: writers of several ranks cannot share it.");
}

// The output was begun, and nothing tells whether it was with the same input.
arrow::Status Begun(const RollingOptions& options, const WriterManifest& before) {
  int64_t files = 0;
  for (const PublishedUnit& unit : before.units) files += static_cast<int64_t>(unit.files.size());
  return AlreadyExists(fmt::format("{}: {} files of {} were published here before", options.folder, files,
                                   Quoted(before.name_template, 200)),
                       options.input.empty()
                           ? "Give the input's fingerprint to go on with it, or write to another folder."
                           : "They were written without a fingerprint of their input, so nothing can go on "
                             "with them; write to another folder.");
}

// What was published must be there still: rows that are taken for done are not written again. Of files that
// were to take the places of others the manifest then tells of the ones that are there.
arrow::Status CheckFiles(file::FileSystem& fs, const std::string& folder, WriterManifest* before) {
  for (PublishedUnit& unit : before->units) {
    for (PublishedFile& file : unit.files) {
      const std::string path = file::JoinPath(folder, file.name);
      if (!file.digest_before.empty()) {
        // Either may have the name; which of them does may not be on stable storage.
        if (auto found = AsItIs(fs, folder, file); found.ok()) file = *std::move(found);
        ARROW_RETURN_NOT_OK(fs.SyncDirectory(file::ParentPath(path)));
      }
      const auto info = fs.Stat(path);
      if (!info.ok() && !IsKind(info.status(), ErrorKind::kNotFound)) return info.status();
      if (info.ok() && info->size == file.bytes) continue;
      const std::string found = info.ok() ? fmt::format("has {} bytes now", info->size) : "is gone";
      return WithHint(
          CorruptData(fmt::format("{}: was published with {} rows in {} bytes and {}", path, file.rows,
                                  file.bytes, found)),
          "Put it back, or write to another folder: what the manifest lists is not written again.");
    }
  }
  return arrow::Status::OK();
}

}  // namespace

arrow::Result<HeldOutput> HoldOutput(file::FileSystem& fs, const RollingOptions& options,
                                     const OutputTemplate& name_template, const TemplateValues& known) {
  HeldOutput held;
  held.id = ManifestId(name_template.Partly(known));
  const std::string directory = ManifestDirectory(options.folder);
  ARROW_RETURN_NOT_OK(file::CreateDirectories(fs, directory));
  if (!options.take_over) {
    auto lock = fs.Lock(file::JoinPath(directory, held.id + ".lock"));
    if (IsKind(lock.status(), ErrorKind::kConflict)) return Held(options, name_template, held.id);
    ARROW_ASSIGN_OR_RAISE(held.lock, std::move(lock));
  }
  WriterManifest& manifest = held.manifest;
  ARROW_ASSIGN_OR_RAISE(auto before, ManifestFile::Read(fs, options.folder, held.id));
  if (before && (!before->units.empty() || before->finished)) {
    if (options.input.empty() || before->input.empty()) return Begun(options, *before);
    if (const std::string differs = DifferencesOf(*before, options); !differs.empty()) {
      return InvalidInput(fmt::format("{}: this output was begun otherwise: {}", options.folder, differs),
                          "Give what it was begun with to go on, or write to another folder.");
    }
    ARROW_RETURN_NOT_OK(CheckFiles(fs, options.folder, &*before));
    manifest = *std::move(before);
  } else {
    manifest.run = before ? before->run : RandomUuid();
    manifest.attempt = before ? before->attempt : 0;
    manifest.name_template = name_template.text();
    manifest.rank = options.rank;
    manifest.input = options.input;
    manifest.records_per_chunk = options.records_per_chunk;
  }
  ++manifest.attempt;
  return held;
}

}  // namespace marquet::pq
