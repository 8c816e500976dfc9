// What a rolling writer has published so far, on disk: what a second run with the same input goes on from.
//
// It lies beside the output, in `_marquet/writers/`, one file for each attempt at one output (a name template
// with its rank filled in): ID.1.json, ID.2.json ... The newest is the one that counts. To begin an attempt
// is to create the next one, which only one process can; an older process finds that its own is no longer the
// newest, and can publish no more. Units that will not change any more are sealed, many in one file
// (ID.sealed.ATTEMPT-N.json), so that the manifest stays small however many chunks there are. docs/format.md
// has the format.
//
// How an attempt begins, and what a crash after each step leaves:
//
//   1. A fence (ID.N.fence) is created: older           A fence. Older attempts publish nothing more; the
//      attempts, which look for it before and after     next one takes the number after it.
//      they list a chunk, publish nothing more.
//   2. The newest manifest is read: nothing is added    The same.
//      to it any more.
//   3. ID.N.json is created, whole, with what is in     Two manifests: the newer counts.
//      it.
//   4. The older manifests are removed, and then the    Some of them: what is older does not count.
//      older fences and its own.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "arrow/result.h"
#include "arrow/type_fwd.h"
#include "marquet/file/file_system.h"

namespace marquet::output {

struct PublishedFile {
  std::string name;  // within the output folder
  int64_t rows = 0;
  int64_t bytes = 0;
  std::string digest;  // XXH3-128
  // Of the file that this one takes the place of, until that is known to have happened; then 0 and empty.
  int64_t bytes_before = 0;
  std::string digest_before = {};

  bool operator==(const PublishedFile&) const = default;
};

// What was published together: a chunk, or without an index a file that was closed by its name.
struct PublishedUnit {
  std::optional<int64_t> chunk;
  int64_t records = 0;  // rows, and records that were dropped
  int64_t dropped = 0;
  std::vector<PublishedFile> files;

  bool operator==(const PublishedUnit&) const = default;
};

// Units that lie in a file of their own.
struct SealedFile {
  std::string entry;  // in the manifest: JSON
  size_t units = 0;
};

struct WriterManifest {
  std::string run;  // a UUID, the same for all attempts; every file's footer carries it
  int64_t attempt = 0;
  std::string name_template;
  int rank = 0;
  std::string input;  // its fingerprint; empty when none was given
  int64_t records_per_chunk = 0;
  std::shared_ptr<arrow::Schema> schema;  // a null pointer before the first file
  bool finished = false;
  std::vector<PublishedUnit> units;  // in the order of publishing
  std::vector<SealedFile> sealed;    // of the first of these
};

// One output's manifest, claimed. Not thread safe.
class ManifestFile {
 public:
  // The newest manifest of the output `id`, or nothing. kCorruptData for one whose checksum is wrong.
  static arrow::Result<std::optional<WriterManifest>> Read(file::FileSystem& fs, const std::string& folder,
                                                           const std::string& id);

  // All outputs that have manifests in a folder, newest attempts only; none where there is no `_marquet`.
  static arrow::Result<std::vector<WriterManifest>> ReadAll(file::FileSystem& fs, const std::string& folder);

  // Begins attempt `manifest.attempt`: steps 3 and 4, with a fence before it where there were attempts.
  // kConflict when another process began it first, or a later one.
  static arrow::Result<std::unique_ptr<ManifestFile>> Claim(std::shared_ptr<file::FileSystem> fs,
                                                            const std::string& folder, const std::string& id,
                                                            WriterManifest manifest);

  const WriterManifest& manifest() const { return manifest_; }

  // kConflict when a later attempt has begun, or is about to.
  arrow::Status CheckClaim() const;

  // Lists other files under the names of published ones, each with what it is to replace, and the schema that
  // the rows have now. Durable and with errors like Add. Replaced(): they are in their places.
  arrow::Status Replace(const std::vector<PublishedFile>& files,
                        const std::shared_ptr<arrow::Schema>& schema);
  void Replaced();

  // Adds what was published, and the schema if there was none yet; `finished`: it was the last. Durable when
  // it returns OK. After an error everything is as it was, but for kCommitUnknown: then the change is made,
  // and may not survive a power cut, or came too late for an attempt that began meanwhile.
  arrow::Status Add(std::optional<PublishedUnit> unit, const std::shared_ptr<arrow::Schema>& schema,
                    bool finished);

 private:
  ManifestFile(std::shared_ptr<file::FileSystem> fs, std::string directory, std::string id,
               WriterManifest manifest);
  // `in_doubt`: whether the change may be made, for errors and for what is thrown.
  arrow::Status Save(bool* in_doubt);
  size_t SealedUnits() const;
  arrow::Status Seal();

  const std::shared_ptr<file::FileSystem> fs_;
  const std::string directory_;
  const std::string id_;
  WriterManifest manifest_;
};

// The entry of a file as it lies in the folder: where it was to take another's place, the one that is there.
// kNotFound, kStorage.
arrow::Result<PublishedFile> AsItIs(file::FileSystem& fs, const std::string& folder, PublishedFile file);

// The folder of manifests, and the name that one output's have: readable, and safe as a file's name.
std::string ManifestDirectory(const std::string& folder);
std::string ManifestId(std::string_view partly_filled_template);

}  // namespace marquet::output
