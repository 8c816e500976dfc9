#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "marquet/base/error.h"
#include "marquet/base/text.h"
#include "marquet/jobs/check/verify.h"
#include "marquet/jobs/samples/sample_labels.h"
#include "marquet/ledger/held_source.h"

namespace marquet::jobs {
namespace {

// The ids of the sources that a version holds: of those with rows, whose files name them, and of those
// without any, of which only the log's transactions know.
std::set<std::string> SourcesOf(const delta::Snapshot& snapshot) {
  std::set<std::string> ids;
  for (const auto& file : snapshot.files) {
    const auto tag = file->tags.find(ledger::kSourceTag);
    if (tag != file->tags.end()) ids.insert(tag->second);
  }
  for (const auto& transaction : snapshot.transactions.Sorted()) {
    const std::string_view app = transaction->app_id;
    if (!app.starts_with(ledger::kSourceAppPrefix) || transaction->version % 2 == 0) continue;
    ids.insert(ledger::SourceId(app.substr(ledger::kSourceAppPrefix.size()), transaction->version));
  }
  return ids;
}

// What the files beside the data say: those that describe sources, what was left of these, boundaries of
// labels.
class FileCheck {
 public:
  FileCheck(const std::string& table, std::string region, table::TableVerdict* verdict)
      : table_(table), region_(std::move(region)), verdict_(verdict) {}

  // `file` is relative to the table. An error that says nothing of the file's content is returned.
  arrow::Status Add(const std::string& file, const arrow::Status& status) {
    if (status.ok()) return status;
    if (IsKind(status, ErrorKind::kNotFound)) {
      verdict_->missing.push_back(file);
      return arrow::Status::OK();
    }
    if (!IsKind(status, ErrorKind::kCorruptData)) return status;
    pq::Damage& damage = verdict_->damage.emplace_back();
    damage.file = file;
    damage.region = region_;
    damage.message = status.message();
    const std::string path = file::JoinPath(table_, file) + ": ";
    if (damage.message.starts_with(path)) damage.message.erase(0, path.size());
    return arrow::Status::OK();
  }

 private:
  const std::string& table_;
  const std::string region_;
  table::TableVerdict* const verdict_;
};

}  // namespace

arrow::Result<table::TableVerdict> VerifyTable(file::FileSystem& fs, const table::Table& table,
                                               pq::VerifyLevel level, int jobs,
                                               const ProgressCallback& progress, const StopFlag* stop) {
  ARROW_ASSIGN_OR_RAISE(table::TableVerdict verdict, table.Verify(level, jobs, progress, stop));
  ARROW_ASSIGN_OR_RAISE(const auto there, ledger::ListSourceDescriptions(fs, table.path()));
  for (const std::string& id : SourcesOf(*table.snapshot())) {
    if (!std::binary_search(there.begin(), there.end(), id)) {
      verdict.missing.push_back(ledger::SourceDescriptionPath(id));
    }
  }
  FileCheck check(table.path(), "source description", &verdict);
  for (const std::string& id : there) {
    if (stop != nullptr) ARROW_RETURN_NOT_OK(stop->Check());
    const auto& snapshot = *table.snapshot();
    const arrow::Status status = ledger::ReadSourceDescription(fs, table.path(), snapshot, id).status();
    ARROW_RETURN_NOT_OK(check.Add(ledger::SourceDescriptionPath(snapshot, id), status));
    if (!status.ok()) continue;  // what was left of it cannot be told
    const auto* left = table.snapshot()->transactions.Find(ledger::RemainderAppId(id));
    if (left == nullptr) continue;
    const auto held = ledger::ReadHeldSource(fs, table.path(), *table.snapshot(), id);
    ARROW_RETURN_NOT_OK(check.Add(ledger::RemainderPath(id, left->version), held.status()));
  }
  // Where rows are damaged, so may be what they say of their labels.
  if (verdict.ok && level != pq::VerifyLevel::kFooter && HoldsSamples(*table.schema())) {
    FileCheck labels(table.path(), "labels", &verdict);
    const arrow::Status found = CheckLabels(
        fs, table,
        [&](const std::string& file, const arrow::Status& status) { return labels.Add(file, status); });
    ARROW_RETURN_NOT_OK(labels.Add(file::JoinPath("_marquet", "labels"), found));
  }
  verdict.ok = verdict.ok && verdict.missing.empty() && verdict.damage.empty();
  return verdict;
}

}  // namespace marquet::jobs
