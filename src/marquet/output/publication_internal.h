// What a rolling writer has published, and how it publishes more: a chunk, a file, or all that is left, as
// one entry of the manifest.
//
// What a crash after each step leaves:
//
//   1. The files are written under temporary names.   Temporary files, which nobody reads.
//   2. Each is synced, verified and given its name.   Complete files that the manifest does not list.
//   3. The claim is looked at again: a process that   The same.
//      lost the output goes no further.
//   4. The manifest with the unit replaces the        The unit is published, for good.
//      one without it.
//   5. The claim is looked at once more: a process    The same, or the other one has not seen it, sets the
//      that lost the output in between does not       files aside and writes their rows again.
//      know what the other one has read.
//
// What is thrown is an error of its step, which the writer remembers. From 4 on, and until it is certain that
// the manifest does not list them, no error and no exception removes the unit's files; what is to be noted
// of it in memory is made before 4.
//
// What a process published and did not come to list, or listed in a manifest that another attempt has
// replaced, is set aside by the attempt that has the claim, or by the next.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "arrow/result.h"
#include "arrow/type_fwd.h"
#include "marquet/output/output_claim_internal.h"
#include "marquet/output/output_names_internal.h"
#include "marquet/output/output_parts_internal.h"
#include "marquet/output/outputs_internal.h"
#include "marquet/output/published_index_internal.h"
#include "marquet/output/published_rows_internal.h"
#include "marquet/output/replays_internal.h"
#include "marquet/output/rolling_options.h"
#include "marquet/output/rolling_writer.h"
#include "marquet/output/row_schema_internal.h"
#include "marquet/output/writer_manifest.h"

namespace marquet::output {

// What is published together.
struct UnitToPublish {
  std::optional<int64_t> chunk = {};
  std::set<std::string> names = {};  // of its outputs
  int64_t records = -1;              // below zero: as many as are rows and dropped
  int64_t dropped = 0;
  bool finished = false;  // it is the last: rows that came again may end sooner
};

// Not thread safe. After an error only Abort() is of use.
class Publication {
 public:
  // Takes what `held` says of earlier attempts; nothing is touched before Claim(). All else outlives it.
  Publication(OutputFolder* folder, OutputNames* names, Outputs* outputs, EmptyChunk empty,
              const HeldOutput& held);

  // Claims the output for this attempt, and sets aside what earlier ones did not list. `schema`: that the
  // writer begins with, if any. Errors as ManifestFile::Claim.
  arrow::Status Claim(HeldOutput held, const std::shared_ptr<arrow::Schema>& schema);
  arrow::Status CheckClaim() const { return manifest_->CheckClaim(); }
  // Sets aside a file of the run that is not listed; whether there was one.
  arrow::Result<bool> SetAside(const std::string& name) const;

  // The output that rows of a name and chunk go to: rows that are published already come again beside it.
  Output& OutputOf(const std::string& name, std::optional<int64_t> chunk);
  // Whether this writer itself has published rows of the chunk or, outside of all chunks, of the name.
  bool HasOwn(const std::string& name, std::optional<int64_t> chunk) const;
  bool HasOwn(int64_t chunk) const { return own_.Has(chunk); }
  bool Has(int64_t chunk) const { return published_.Has(chunk); }

  // The steps above. What its outputs hold of rows that came again is compared with what is published.
  // kInvalidInput for an empty file without a schema, kConflict where the output is lost or rows that came
  // again are others; errors of writing and of the manifest.
  arrow::Status Publish(UnitToPublish unit, const RowSchema& rows);

  // Writes published files again that lack types which are known now.
  arrow::Status Decide(const RowSchema& rows);

  // Removes rows that came again, unless the output is lost.
  arrow::Status Abort();

  const PublishedIndex& published() const { return published_; }
  const std::string& run() const { return manifest_->manifest().run; }
  int64_t committed() const { return committed_; }  // rows in files that the manifest lists, of this writer
  int64_t replayed() const { return replayed_; }    // rows that came again and were the same
  // All of a report but the counts.
  void Tell(RollingReport* report) const;

 private:
  Orphans OrphansNow() const;
  arrow::Result<std::string> NameOfEmpty(const UnitToPublish& unit) const;
  void NoteSchema(const std::string& file, const std::shared_ptr<arrow::Schema>& schema);
  arrow::Status List(const PublishedUnit& unit, int64_t rows, const std::set<std::string>& names,
                     const std::shared_ptr<arrow::Schema>& schema, bool finished);
  void Settle(PublishedIndex index, PublishedIndex own, std::vector<PublishedFile> files, int64_t rows,
              const std::set<std::string>& names) noexcept;
  arrow::Status EndReplay(const std::set<std::string>& names, bool prefix);

  OutputFolder* const folder_;
  OutputNames* const names_;
  Outputs* const outputs_;
  const EmptyChunk empty_;
  std::unique_ptr<ManifestFile> manifest_;  // from Claim() on
  std::optional<Replays> replays_;          // from Claim() on
  PublishedIndex published_;
  PublishedIndex own_;  // of these, what this writer published
  int64_t committed_ = 0;
  int64_t replayed_ = 0;
  std::vector<PublishedFile> files_;  // of this writer
  int64_t files_before_ = 0;
  std::shared_ptr<arrow::Schema> first_schema_;  // that was asked for, or of the first published file
  std::vector<std::string> schema_changes_;
};

}  // namespace marquet::output
