// Checks a table against its log: every live file's bytes, size, rows and digest; files that are missing;
// data files in the partition directories that no version names; and the log: its commits against their own
// digests, its checkpoints against its commits.

#include <algorithm>
#include <atomic>
#include <set>
#include <thread>

#include <fmt/format.h>

#include "marquet/base/error.h"
#include "marquet/base/exceptions.h"
#include "marquet/base/log.h"
#include "marquet/base/saturating.h"
#include "marquet/base/text.h"
#include "marquet/base/thread.h"
#include "marquet/base/time.h"
#include "marquet/delta/checkpoint_check.h"
#include "marquet/delta/schema.h"
#include "marquet/delta/statistics.h"
#include "marquet/table/data_file_path.h"
#include "marquet/table/log_bounds_check.h"
#include "marquet/table/table.h"
#include "marquet/table/table_state.h"
#include "spdlog/logger.h"

namespace marquet::table {
namespace {

constexpr int kDeepest = 64;  // directories below the table that orphans are looked for in
constexpr int64_t kProgressNanos = 100'000'000;

// Names below a directory that begin with '_' or '.' are not data (logs, labels, temporary files), but for
// the directories of a partition column whose name begins so. `columns`: the table's, in their order.
arrow::Status FindOrphans(file::FileSystem& fs, const std::string& table,
                          const std::vector<std::string>& columns, const std::string& relative, int depth,
                          const std::set<std::string>& named, std::vector<std::string>* orphans) {
  if (depth > kDeepest) return arrow::Status::OK();
  const std::string directory = relative.empty() ? table : file::JoinPath(table, relative);
  ARROW_ASSIGN_OR_RAISE(const auto entries, fs.List(directory));
  for (const file::FileInfo& entry : entries) {
    const bool hidden = entry.path.starts_with('_') || entry.path.starts_with('.');
    const bool partition = entry.is_directory && static_cast<size_t>(depth) < columns.size() &&
                           entry.path.starts_with(columns[static_cast<size_t>(depth)] + "=");
    if (hidden && !partition) continue;
    const std::string name = relative.empty() ? entry.path : file::JoinPath(relative, entry.path);
    if (entry.is_directory) {
      ARROW_RETURN_NOT_OK(FindOrphans(fs, table, columns, name, depth + 1, named, orphans));
    } else if (entry.path.ends_with(".parquet") && !named.contains(name)) {
      orphans->push_back(name);
    }
  }
  return arrow::Status::OK();
}

struct Check {
  const IndexedFile* file = nullptr;
  std::string path;
  arrow::Status status;  // why the check could not be made, or not to its end
  pq::FileVerdict verdict;
};

// The end of all work: no failure of one file, of which the others would say nothing.
bool EndsAll(const arrow::Status& status) { return status.IsCancelled() || status.IsOutOfMemory(); }

// A failure at one file, as part of the report.
pq::Damage FailureAt(const std::string& file, const std::string& path, const arrow::Status& status) {
  pq::Damage damage;
  damage.file = file;
  damage.region = IsKind(status, ErrorKind::kCorruptData) ? "file" : pq::kUnchecked;
  const std::string named = path + ": ";
  damage.message =
      status.message().starts_with(named) ? status.message().substr(named.size()) : status.message();
  return damage;
}

}  // namespace

arrow::Result<TableVerdict> Table::Verify(pq::VerifyLevel level, int jobs, const ProgressCallback& progress,
                                          const StopFlag* stop) const {
  TableState& table = *impl_->state;
  ARROW_ASSIGN_OR_RAISE(const auto index, table.index());
  std::vector<Check> checks;
  TableVerdict verdict;
  int64_t bytes_total = 0;
  std::set<std::string> named;
  for (const IndexedFile& file : index->files()) {
    const std::string& relative = file.add().path;
    named.insert(relative);
    for (const std::string& column : index->snapshot().metadata.partition_columns) {
      const auto value = index->PartitionValue(file, column);
      const arrow::Status status =
          value.ok() ? delta::PartitionValueToText(**value).status() : value.status();
      if (status.ok()) continue;
      verdict.ok = false;
      pq::Damage& damage = verdict.damage.emplace_back();
      damage.file = relative;
      damage.column = column;
      damage.region = "log";
      damage.message = status.message();
    }
    auto path = DataFilePath(table.path, relative);
    if (!path.ok()) {
      verdict.ok = false;
      pq::Damage& damage = verdict.damage.emplace_back();
      damage.file = relative;
      damage.region = "file";
      damage.message = path.status().message();
      continue;
    }
    bytes_total = SaturatingSum(bytes_total, file.add().size);
    checks.push_back({&file, *std::move(path), {}, {}});
  }
  for (const auto& removed : index->snapshot().tombstones) named.insert(removed->path);

  const size_t threads =
      jobs > 0 ? static_cast<size_t>(jobs) : std::max(1u, std::thread::hardware_concurrency());
  std::atomic<size_t> next{0};
  std::atomic<bool> failed{false};
  std::mutex mutex;  // of what progress tells
  Progress told{.phase = "verify " + table.path, .bytes_total = bytes_total};
  int64_t told_at = 0;
  const auto check_bounds = [&](const Check& check, std::shared_ptr<::parquet::FileMetaData> footer,
                                pq::FileVerdict* found) -> arrow::Status {
    ARROW_ASSIGN_OR_RAISE(const auto reader,
                          pq::FileReader::Open(table.fs, check.path, std::move(footer), found->bytes));
    ARROW_RETURN_NOT_OK(CheckLogBounds(*reader, check.file->add().path,
                                       check.file->statistics(*index->data_schema()), *index->data_schema(),
                                       stop, &found->damage));
    found->ok = found->damage.empty();
    return arrow::Status::OK();
  };
  const auto check_files = [&]() -> arrow::Status {
    while (!failed && (stop == nullptr || !stop->requested())) {
      const size_t i = next++;
      if (i >= checks.size()) return arrow::Status::OK();
      Check& check = checks[i];
      const delta::AddFile& add = check.file->add();
      pq::Expectation expected;
      expected.bytes = add.size;
      expected.rows = check.file->statistics(*index->data_schema()).rows;
      if (const auto digest = add.tags.find(delta::kDigestTag); digest != add.tags.end()) {
        expected.digest = digest->second;
      }
      // The last files are shared by all threads, so that none of them ends alone.
      const bool parallel = jobs != 1 && checks.size() - i <= threads;
      std::shared_ptr<::parquet::FileMetaData> footer;
      auto result = pq::VerifyFile(*table.fs, check.path, level, expected, stop, parallel, &footer);
      check.status = result.status();
      if (result.ok() && result->ok && level != pq::VerifyLevel::kFooter) {
        check.status = check_bounds(check, std::move(footer), &*result);
      }
      if (result.ok()) {
        check.verdict = *std::move(result);
        Log().debug("{}: {} rows, {}", check.path, check.verdict.rows,
                    check.verdict.ok ? "intact" : "damaged");
      }
      if (EndsAll(check.status)) failed = true;
      std::lock_guard lock(mutex);
      told.bytes = SaturatingSum(told.bytes, add.size);
      told.rows = SaturatingSum(told.rows, check.verdict.rows);
      const int64_t now = NowNanos();
      if (progress && now - told_at >= kProgressNanos) {
        told_at = now;
        progress(told);
      }
    }
    return arrow::Status::OK();
  };
  arrow::Status thrown;  // by one of the threads
  const auto work = [&]() -> arrow::Status {
    const arrow::Status status = Caught("verify " + table.path, check_files);
    if (status.ok()) return status;
    failed = true;
    std::lock_guard lock(mutex);
    if (thrown.ok()) thrown = status;
    return status;
  };
  {
    std::vector<Thread> pool;  // with fewer it takes longer
    const size_t beside = std::max<size_t>(std::min(threads, checks.size()), 1) - 1;
    static_cast<void>(StartThreads("verify " + table.path, beside, work, &pool));
    static_cast<void>(work());
  }
  ARROW_RETURN_NOT_OK(thrown);
  if (stop != nullptr) ARROW_RETURN_NOT_OK(stop->Check());
  if (progress) progress(told);

  for (Check& check : checks) {
    ++verdict.files;
    if (IsKind(check.status, ErrorKind::kNotFound)) {
      verdict.ok = false;
      verdict.missing.push_back(check.file->add().path);
      verdict.rows += check.file->statistics(*index->data_schema()).rows.value_or(0);
      continue;
    }
    if (EndsAll(check.status)) return check.status;
    if (!check.status.ok()) {
      check.verdict.damage.push_back(FailureAt(check.path, check.path, check.status));
      check.verdict.ok = false;
      check.verdict.rows_intact = 0;
    }
    verdict.ok = verdict.ok && check.verdict.ok;
    verdict.rows = SaturatingSum(verdict.rows, check.verdict.rows);
    verdict.rows_intact = SaturatingSum(verdict.rows_intact, check.verdict.rows_intact);
    verdict.bytes += check.verdict.bytes;
    verdict.damage.insert(verdict.damage.end(), check.verdict.damage.begin(), check.verdict.damage.end());
    verdict.odd.insert(verdict.odd.end(), check.verdict.odd.begin(), check.verdict.odd.end());
    if (const delta::AddFile& add = check.file->add();
        check.status.ok() && add.tags.contains(delta::kDigestTag)) {
      // No number to compare with; of other writers' statistics nothing is expected.
      if (const auto wrong = delta::WrongRowCount(add)) {
        verdict.ok = false;
        pq::Damage& damage = verdict.damage.emplace_back();
        damage.file = add.path;
        damage.region = "log";
        damage.message = fmt::format("the log says numRecords {}; expected {}, the rows of the footer",
                                     Quoted(*wrong), check.verdict.rows);
      }
    }
  }
  // Files of other versions than this one are not orphans.
  const auto latest = table.log.Latest();
  if (latest.ok()) {
    for (const auto& add : (*latest)->files) named.insert(add->path);
    for (const auto& removed : (*latest)->tombstones) named.insert(removed->path);
  } else if (latest.status().IsOutOfMemory() || latest.status().IsCancelled()) {
    return latest.status();
  } else {
    verdict.ok = false;
    pq::Damage& damage = verdict.damage.emplace_back();
    damage.file = "_delta_log";
    damage.region = "log";
    damage.message = fmt::format(
        "the newest version cannot be read, so that files which no version names cannot be told: {}",
        latest.status().message());
  }
  const auto note = [&](const std::string& file, const arrow::Status& status) -> arrow::Status {
    if (status.ok() || EndsAll(status)) return status;
    verdict.ok = false;
    verdict.damage.push_back(FailureAt(file, file::JoinPath(table.path, file), status));
    return arrow::Status::OK();
  };
  const auto note_log = [&](const auto& damaged) {
    for (const auto& each : damaged) {
      verdict.ok = false;
      pq::Damage& damage = verdict.damage.emplace_back();
      damage.file = file::JoinPath("_delta_log", each.name);
      damage.region = "log";
      damage.message = each.message;
    }
  };
  const int64_t version = index->snapshot().version;
  const auto commits = delta::FindDamagedCommits(*table.fs, table.path, version);
  ARROW_RETURN_NOT_OK(note("_delta_log", commits.status()));
  if (commits.ok()) note_log(*commits);
  const auto checkpoints = delta::FindDamagedCheckpoints(table.fs, table.path, version, stop);
  ARROW_RETURN_NOT_OK(note("_delta_log", checkpoints.status()));
  if (checkpoints.ok()) note_log(*checkpoints);
  if (latest.ok()) {
    ARROW_RETURN_NOT_OK(
        note(".", FindOrphans(*table.fs, table.path, index->snapshot().metadata.partition_columns, {}, 0,
                              named, &verdict.orphans)));
  }
  std::sort(verdict.orphans.begin(), verdict.orphans.end());
  return verdict;
}

}  // namespace marquet::table
