#include <optional>
#include <utility>

#include <fmt/format.h>

#include "marquet/base/error.h"
#include "marquet/base/hash.h"
#include "marquet/base/text.h"
#include "marquet/output/output_claim_internal.h"

namespace marquet::output {
namespace {

arrow::Status Held(const RollingOptions& options, const OutputTemplate& name_template, const std::string& id,
                   const arrow::Status& lock) {
  const std::string hint = name_template.Has(kRankKey)
                               ? "Wait for it, or stop it. From one that hangs take_over takes the output."
                               : "The name has no ${rank}: writers of several ranks cannot share it.";
  return Conflict(
      fmt::format("{}: another writer is at work on {}: {}", options.folder, Quoted(id, 200), lock.message()),
      HintOf(lock).empty() ? hint : hint + " " + HintOf(lock));
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

bool IsBegun(const std::optional<WriterManifest>& before) {
  return before && (!before->units.empty() || before->finished);
}

arrow::Status CheckGoesOn(const RollingOptions& options, const std::optional<WriterManifest>& before) {
  if (!IsBegun(before)) return arrow::Status::OK();
  if (options.input.empty() || before->input.empty()) return Begun(options, *before);
  const std::string differs = DifferencesOf(*before, options);
  if (differs.empty()) return arrow::Status::OK();
  return InvalidInput(fmt::format("{}: this output was begun otherwise: {}", options.folder, differs),
                      "Give what it was begun with to go on, or write to another folder.");
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

// A table's folder, and all below it, is the table's: a vacuum removes what its log does not name.
arrow::Status CheckOutsideTables(file::FileSystem& fs, const std::string& folder) {
  if (const auto info = fs.Stat(folder); info.ok() && !info->is_directory) {
    return InvalidInput(folder + ": is a file; the files of a writer go into a folder",
                        "Name a folder; the names in it are those of the template.");
  }
  for (std::string directory = folder;;) {
    ARROW_ASSIGN_OR_RAISE(const bool is_table, file::Exists(fs, file::JoinPath(directory, "_delta_log")));
    if (is_table) {
      return InvalidInput(
          directory == folder
              ? folder + ": is a table, whose vacuum removes files that its log does not name"
              : fmt::format("{}: lies in the table {}, whose vacuum removes it", folder, directory),
          "Write to a folder outside of that table, or append the rows to the table.");
    }
    const std::string above = file::ParentPath(directory);
    if (above == directory || directory == "." || file::FileName(directory) == "..")
      return arrow::Status::OK();
    directory = above;
  }
}

}  // namespace

arrow::Result<HeldOutput> HoldOutput(const std::shared_ptr<file::FileSystem>& fs,
                                     const RollingOptions& options, const OutputTemplate& name_template,
                                     const TemplateValues& known) {
  HeldOutput held;
  ARROW_RETURN_NOT_OK(CheckOutsideTables(*fs, options.folder));
  held.id = ManifestId(name_template.Partly(known));
  const std::string directory = ManifestDirectory(options.folder);
  ARROW_RETURN_NOT_OK(file::CreateDirectories(*fs, directory));
  auto lock = fs->Lock(file::JoinPath(directory, held.id + ".lock"));
  if (lock.ok()) {
    held.lock = *std::move(lock);
  } else if (!IsKind(lock.status(), ErrorKind::kConflict)) {
    return lock.status();
  } else if (!options.take_over) {
    return Held(options, name_template, held.id, lock.status());
  }
  // What is refused is so before a fence stops an attempt that is at work. What counts is what is read behind
  // it.
  ARROW_ASSIGN_OR_RAISE(auto before, ManifestFile::Read(*fs, options.folder, held.id));
  ARROW_RETURN_NOT_OK(CheckGoesOn(options, before));
  ARROW_ASSIGN_OR_RAISE(held.fence, Fence::Put(fs, options.folder, held.id));
  if (held.fence.attempt() > 1) {
    ARROW_ASSIGN_OR_RAISE(before, ManifestFile::Read(*fs, options.folder, held.id));
    ARROW_RETURN_NOT_OK(CheckGoesOn(options, before));
  }
  WriterManifest& manifest = held.manifest;
  if (IsBegun(before)) {
    ARROW_RETURN_NOT_OK(CheckFiles(*fs, options.folder, &*before));
    manifest = *std::move(before);
  } else {
    manifest.run = before ? before->run : RandomUuid();
    manifest.name_template = name_template.text();
    manifest.rank = options.rank;
    manifest.input = options.input;
    manifest.records_per_chunk = options.records_per_chunk;
  }
  manifest.attempt = held.fence.attempt();
  return held;
}

}  // namespace marquet::output
