#include "marquet/jobs/samples/stale_labels.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <set>
#include <variant>

#include <fmt/format.h>

#include "arrow/api.h"
#include "marquet/base/error.h"
#include "marquet/base/time.h"
#include "marquet/delta/actions.h"
#include "marquet/delta/log_files.h"
#include "marquet/jobs/samples/sample_labels.h"
#include "marquet/parquet/decode/reader.h"
#include "marquet/table/data_file_path.h"
#include "marquet/table/table.h"
#include "marquet/table/tables_below.h"

namespace marquet::jobs {
namespace {

constexpr std::string_view kEnding = ".json";
constexpr int kDeepestLabels = 64;  // directories below the table

class Search {
 public:
  Search(std::shared_ptr<file::FileSystem> fs, const file::LeftoverOptions& options)
      : fs_(std::move(fs)), options_(options) {}

  arrow::Status Table(const std::string& path) {
    ARROW_ASSIGN_OR_RAISE(Stale stale, Find(path));
    const auto goes = [](const file::Leftover& left) { return !left.young; };
    if (options_.remove && std::ranges::any_of(stale.files, goes)) ARROW_RETURN_NOT_OK(Remove(path, &stale));
    std::move(stale.files.begin(), stale.files.end(), std::back_inserter(found_));
    return arrow::Status::OK();
  }

  std::vector<file::Leftover> Take() { return std::move(found_); }

 private:
  struct Stale {
    int64_t version = -1;  // of the table that was looked at; none where there are no files
    std::vector<file::Leftover> files;
  };

  arrow::Result<Stale> Find(const std::string& path) {
    Stale stale;
    const std::string folder = file::JoinPath(path, kLabelsByDigest);
    ARROW_ASSIGN_OR_RAISE(const bool there, file::Exists(*fs_, folder));
    if (!there) return stale;
    // The files before the table: what a build stores and commits in between is in use.
    ARROW_ASSIGN_OR_RAISE(const auto files, fs_->List(folder));
    ARROW_ASSIGN_OR_RAISE(const auto table, table::Table::Open(fs_, path));
    stale.version = table->version();
    ARROW_ASSIGN_OR_RAISE(const auto in_use, DigestsInUse(*table));
    if (!in_use) return stale;
    for (const file::FileInfo& entry : files) {
      if (entry.is_directory || entry.path.starts_with('.') || !entry.path.ends_with(kEnding)) continue;
      if (in_use->contains(entry.path.substr(0, entry.path.size() - kEnding.size()))) continue;
      file::Leftover left;
      left.path = file::JoinPath(folder, entry.path);
      left.final_name = entry.path;
      left.bytes = entry.size;
      SetAge(entry.modified_ms, &left);
      stale.files.push_back(std::move(left));
    }
    return stale;
  }

  void SetAge(int64_t modified_ms, file::Leftover* left) const {
    left->age_ms = std::max<int64_t>(0, NowNanos() / 1'000'000 - modified_ms);
    left->young = left->age_ms < options_.older_than_ms;
  }

  // Under the lock of the labels (sample_labels.h), which a build has from before it stores labels until its
  // commit is made: what has no reader now will have none before it is gone.
  arrow::Status Remove(const std::string& path, Stale* stale) {
    const auto lock = LockLabels(*fs_, path);
    if (IsKind(lock.status(), ErrorKind::kConflict)) {
      for (file::Leftover& left : stale->files) left.owner_lives = true;
      return arrow::Status::OK();
    }
    ARROW_RETURN_NOT_OK(lock.status());
    ARROW_ASSIGN_OR_RAISE(const auto table, table::Table::Open(fs_, path));
    if (table->version() != stale->version) {
      ARROW_ASSIGN_OR_RAISE(*stale, Find(path));
    }
    for (file::Leftover& left : stale->files) {
      const auto now = fs_->Stat(left.path);
      if (IsKind(now.status(), ErrorKind::kNotFound)) continue;  // removed by another `marquet clean`
      ARROW_RETURN_NOT_OK(now.status());
      SetAge(now->modified_ms, &left);  // a build may have stored it again
      if (left.young) continue;
      ARROW_RETURN_NOT_OK(fs_->Remove(left.path));
      left.removed = true;
    }
    return arrow::Status::OK();
  }

  // Nothing where it cannot be known.
  arrow::Result<std::optional<std::set<std::string>>> DigestsInUse(const table::Table& table) {
    const std::string& path = table.path();
    std::set<std::string> digests, named;
    const auto snapshot = table.snapshot();
    for (const auto& add : snapshot->files) named.insert(add->path);
    for (const auto& gone : snapshot->tombstones) named.insert(gone->path);
    for (const std::string& file : named) ARROW_RETURN_NOT_OK(ReadDigests(path, file, &digests));
    std::vector<std::string> others;  // whose tombstones expired, or that no version names
    ARROW_RETURN_NOT_OK(FindOthers(path, {}, 0, named, &others));
    if (others.empty()) return digests;
    ARROW_ASSIGN_OR_RAISE(const auto ever, EverAdded(path, snapshot->version));
    for (const std::string& file : others) {
      if (ever && !ever->contains(file)) continue;  // of a build that made no version, and never will
      const arrow::Status status = ReadDigests(path, file, &digests);
      if (IsKind(status, ErrorKind::kCorruptData) || IsKind(status, ErrorKind::kUnsupported)) {
        return std::nullopt;
      }
      ARROW_RETURN_NOT_OK(status);
    }
    return digests;
  }

  // The data files of all versions that there ever were up to this one; nothing where the log does not tell
  // any more, or not in a way that can be read.
  arrow::Result<std::optional<std::set<std::string>>> EverAdded(const std::string& table, int64_t version) {
    const std::string log = file::JoinPath(table, "_delta_log");
    std::set<std::string> added;
    for (int64_t number = 0; number <= version; ++number) {
      if (options_.stop != nullptr) ARROW_RETURN_NOT_OK(options_.stop->Check());
      const auto commit = delta::ReadCommit(*fs_, log, number);
      for (const ErrorKind kind : {ErrorKind::kNotFound, ErrorKind::kCorruptData, ErrorKind::kUnsupported}) {
        if (IsKind(commit.status(), kind)) return std::nullopt;
      }
      ARROW_RETURN_NOT_OK(commit.status());
      for (const delta::Action& action : commit->actions) {
        if (const auto* add = std::get_if<delta::AddFile>(&action)) added.insert(add->path);
        if (const auto* gone = std::get_if<delta::RemoveFile>(&action)) added.insert(gone->path);
      }
    }
    return added;
  }

  arrow::Status FindOthers(const std::string& table, const std::string& below, int depth,
                           const std::set<std::string>& named, std::vector<std::string>* others) {
    if (options_.stop != nullptr) ARROW_RETURN_NOT_OK(options_.stop->Check());
    ARROW_ASSIGN_OR_RAISE(const auto entries,
                          fs_->List(below.empty() ? table : file::JoinPath(table, below)));
    for (const file::FileInfo& entry : entries) {
      if (entry.path.starts_with('_') || entry.path.starts_with('.')) continue;
      const std::string name = below.empty() ? entry.path : file::JoinPath(below, entry.path);
      if (entry.is_directory) {
        if (depth < kDeepestLabels) ARROW_RETURN_NOT_OK(FindOthers(table, name, depth + 1, named, others));
      } else if (entry.path.ends_with(".parquet") && !named.contains(name)) {
        others->push_back(name);
      }
    }
    return arrow::Status::OK();
  }

  arrow::Status ReadDigests(const std::string& table, const std::string& relative,
                            std::set<std::string>* digests) {
    if (options_.stop != nullptr) ARROW_RETURN_NOT_OK(options_.stop->Check());
    ARROW_ASSIGN_OR_RAISE(const auto path, table::DataFilePath(table, relative));
    const auto info = fs_->Stat(path);
    if (IsKind(info.status(), ErrorKind::kNotFound)) return arrow::Status::OK();  // vacuumed: no rows of it
    ARROW_RETURN_NOT_OK(info.status());
    ARROW_ASSIGN_OR_RAISE(const auto file, pq::FileReader::Open(fs_, path, nullptr, info->size));
    const auto field = file->schema()->GetFieldByName("labels_digest");
    if (!field) return arrow::Status::OK();
    if (field->type()->id() != arrow::Type::STRING) {
      return Unsupported(fmt::format("{}: column labels_digest is of type {}; expected text", path,
                                     field->type()->ToString()));
    }
    pq::ReadRequest request;
    request.columns = {field->name()};
    for (int group = 0; group < file->num_row_groups(); ++group) request.parts.push_back({group, {}});
    ARROW_ASSIGN_OR_RAISE(const auto rows, file->Read(std::move(request)));
    for (;;) {
      std::shared_ptr<arrow::RecordBatch> batch;
      ARROW_RETURN_NOT_OK(rows->ReadNext(&batch));
      if (!batch) return arrow::Status::OK();
      const auto& text = static_cast<const arrow::StringArray&>(*batch->column(0));
      for (int64_t i = 0; i < text.length(); ++i) {
        if (i == 0 || text.GetView(i) != text.GetView(i - 1)) digests->insert(text.GetString(i));
      }
    }
  }

  const std::shared_ptr<file::FileSystem> fs_;
  const file::LeftoverOptions& options_;
  std::vector<file::Leftover> found_;
};

}  // namespace

arrow::Result<std::vector<file::Leftover>> FindStaleLabels(const std::string& directory,
                                                           const file::LeftoverOptions& options) {
  const auto fs = file::LocalFileSystem();
  Search search(fs, options);
  const auto look = [&](const std::string& table) { return search.Table(table); };
  ARROW_RETURN_NOT_OK(table::ForEachTableBelow(*fs, directory, options.stop, {look}));
  auto found = search.Take();
  std::sort(found.begin(), found.end(),
            [](const file::Leftover& a, const file::Leftover& b) { return a.path < b.path; });
  return found;
}

}  // namespace marquet::jobs
