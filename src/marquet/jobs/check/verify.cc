#include "marquet/jobs/check/verify.h"

#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "marquet/base/error.h"
#include "marquet/base/log.h"
#include "marquet/base/readable.h"
#include "marquet/base/saturating.h"
#include "marquet/base/text.h"
#include "marquet/delta/log_files.h"
#include "marquet/output/writer_manifest.h"
#include "spdlog/logger.h"

namespace marquet::jobs {
namespace {

using pq::kUnchecked;

// Notes what could not be looked at: one file among others must not hide their damage. The end of all work is
// returned.
arrow::Status NoteUnchecked(const std::string& path, const arrow::Status& status,
                            std::vector<pq::Damage>* damage) {
  if (status.ok() || status.IsCancelled() || status.IsOutOfMemory()) return status;
  damage->push_back({path, -1, {}, -1, -1, 0, kUnchecked, status.message()});
  return arrow::Status::OK();
}

bool IsParquetName(std::string_view name) {
  constexpr std::string_view kEnding = ".parquet";
  return name.size() > kEnding.size() && name.substr(name.size() - kEnding.size()) == kEnding;
}

// What the manifests of checkpointed writers say of the files in their folder, by path.
using Expectations = std::map<std::string, pq::Expectation>;

// Adds what the manifests in a folder list; one that is damaged is damage.
arrow::Status ReadManifests(file::FileSystem& fs, const std::string& folder, Expectations* expected,
                            std::vector<pq::Damage>* damage) {
  const auto manifests = output::ManifestFile::ReadAll(fs, folder);
  if (IsKind(manifests.status(), ErrorKind::kCorruptData)) {
    damage->push_back(
        {output::ManifestDirectory(folder), -1, {}, -1, -1, 0, "manifest", manifests.status().message()});
    return arrow::Status::OK();
  }
  ARROW_RETURN_NOT_OK(manifests.status());
  for (const output::WriterManifest& manifest : *manifests) {
    for (const output::PublishedUnit& unit : manifest.units) {
      for (const output::PublishedFile& file : unit.files) {
        const auto found = output::AsItIs(fs, folder, file);  // what is not there is found elsewhere
        const output::PublishedFile& listed = found.ok() ? *found : file;
        (*expected)[file::JoinPath(folder, file.name)] = {listed.digest, listed.bytes, listed.rows};
      }
    }
  }
  return arrow::Status::OK();
}

// What lies in a folder and below it.
struct Contents {
  std::vector<std::string> tables;
  std::vector<std::string> files;  // Parquet files that are of no table
  Expectations expected;
  std::set<std::string> managed;  // those of the files that lie where a writer keeps a manifest
  std::vector<pq::Damage> damage;
  std::set<std::pair<uint64_t, uint64_t>> seen;  // directories, to which links may lead again
};

arrow::Status LookBelow(file::FileSystem& fs, const std::string& directory, bool managed,
                        const StopFlag* stop, Contents* found) {
  if (stop != nullptr) ARROW_RETURN_NOT_OK(stop->Check());
  const auto list = [&]() -> arrow::Result<std::vector<file::FileInfo>> {
    ARROW_ASSIGN_OR_RAISE(auto there, fs.List(directory));
    std::sort(there.begin(), there.end(), [](const auto& a, const auto& b) { return a.path < b.path; });
    return there;
  };
  ARROW_ASSIGN_OR_RAISE(std::vector<file::FileInfo> entries, list());
  const auto holds = [&](std::string_view name) {
    return std::any_of(entries.begin(), entries.end(), [&](const auto& entry) { return entry.path == name; });
  };
  if (holds("_delta_log") && delta::HoldsLog(fs, directory)) {
    found->tables.push_back(directory);
    return arrow::Status::OK();
  }
  if (holds("_marquet")) {
    const size_t known = found->expected.size(), damaged = found->damage.size();
    ARROW_RETURN_NOT_OK(ReadManifests(fs, directory, &found->expected, &found->damage));
    // A manifest that cannot be read may name any file.
    managed = found->damage.size() == damaged && (managed || found->expected.size() > known);
    // What a writer at work published meanwhile is in its manifest, and has to be in the list.
    ARROW_ASSIGN_OR_RAISE(entries, list());
  }
  for (const file::FileInfo& entry : entries) {
    if (entry.path.empty() || entry.path[0] == '.' || entry.path[0] == '_') continue;
    const std::string path = file::JoinPath(directory, entry.path);
    if (entry.is_directory) {
      const bool seen = entry.inode != 0 && !found->seen.emplace(entry.device, entry.inode).second;
      if (seen) continue;
      ARROW_RETURN_NOT_OK(NoteUnchecked(path, LookBelow(fs, path, managed, stop, found), &found->damage));
    } else if (IsParquetName(entry.path)) {
      found->files.push_back(path);
      if (managed) found->managed.insert(path);
    }
  }
  return arrow::Status::OK();
}

// The same for one file: manifests lie in its folder, or in one above where names have folders.
arrow::Status FindManifests(file::FileSystem& fs, const std::string& path, Expectations* expected,
                            std::vector<pq::Damage>* damage) {
  constexpr int kHighest = 3;
  std::string folder = file::ParentPath(path);
  for (int i = 0; i < kHighest; ++i) {
    ARROW_RETURN_NOT_OK(ReadManifests(fs, folder, expected, damage));
    if (expected->contains(path)) return arrow::Status::OK();
    expected->clear();
    const std::string above = file::ParentPath(folder);
    if (above == folder || folder == ".") break;
    folder = above;
  }
  return arrow::Status::OK();
}

// A sound DBN file is no damaged Parquet file.
arrow::Status RefuseDbn(file::FileSystem& fs, const std::string& path) {
  if (IsParquetName(path)) return arrow::Status::OK();
  ARROW_ASSIGN_OR_RAISE(const auto file, fs.OpenForReading(path));
  ARROW_ASSIGN_OR_RAISE(const auto start, file->ReadAt(0, 4));
  constexpr std::string_view kZstd = "\x28\xB5\x2F\xFD";
  const std::string_view bytes(*start);
  if (!bytes.starts_with("DBN") && bytes != kZstd) return arrow::Status::OK();
  return InvalidInput(
      fmt::format("{}: is {}, not a Parquet file", path, bytes == kZstd ? "zstd-compressed" : "a DBN file"),
      "DBN files are checked as they are ingested; an ingest that is a dry run reads all of it and writes "
      "nothing");
}

arrow::Result<PathVerdict> VerifyFiles(file::FileSystem& fs, Contents contents, PathVerdict verdict,
                                       const VerifyOptions& options) {
  Progress progress{"verify " + verdict.path, 0, 0, 0};
  Log().info("{}: verifying {}", verdict.path, Counted(static_cast<int64_t>(contents.files.size()), "file"));
  verdict.verdict.damage = std::move(contents.damage);
  const std::set<std::string> there(contents.files.begin(), contents.files.end());
  for (const auto& [path, expectation] : contents.expected) {
    if (there.contains(path)) continue;
    // A writer at work may have put it there since its folder was listed.
    ARROW_ASSIGN_OR_RAISE(const bool exists, file::Exists(fs, path));
    (exists ? contents.files : verdict.verdict.missing).push_back(path);
  }
  verdict.verdict.ok = verdict.verdict.missing.empty() && verdict.verdict.damage.empty();
  for (const std::string& path : contents.files) {
    const auto known = contents.expected.find(path);
    const bool expected = known != contents.expected.end();
    if (!expected && contents.managed.contains(path)) verdict.verdict.orphans.push_back(path);
    auto checked = pq::VerifyFile(fs, path, options.level, expected ? known->second : pq::Expectation{},
                                  options.stop, options.jobs != 1);
    if (expected && checked.ok() && !checked->ok) {
      // A writer at work may have given the file other types, and told its manifest, since that was read.
      Expectations now;
      std::vector<pq::Damage> of_manifests;
      ARROW_RETURN_NOT_OK(FindManifests(fs, path, &now, &of_manifests));
      const auto told = now.find(path);
      if (told != now.end() && told->second.digest != known->second.digest) {
        checked = pq::VerifyFile(fs, path, options.level, told->second, options.stop, options.jobs != 1);
      }
    }
    verdict.verdict.files += 1;
    if (!checked.ok()) {
      if (verdict.kind == "file") return checked.status();
      ARROW_RETURN_NOT_OK(NoteUnchecked(path, checked.status(), &verdict.verdict.damage));
      verdict.verdict.ok = false;
      continue;
    }
    const pq::FileVerdict& file = *checked;
    Log().debug("{}: {}, {}", path, Counted(file.rows, "row"), file.ok ? "intact" : "damaged");
    verdict.verdict.rows = SaturatingSum(verdict.verdict.rows, file.rows);
    verdict.verdict.rows_intact = SaturatingSum(verdict.verdict.rows_intact, file.rows_intact);
    verdict.verdict.bytes += file.bytes;
    verdict.verdict.ok = verdict.verdict.ok && file.ok;
    verdict.verdict.damage.insert(verdict.verdict.damage.end(), file.damage.begin(), file.damage.end());
    verdict.verdict.odd.insert(verdict.verdict.odd.end(), file.odd.begin(), file.odd.end());
    progress.rows = SaturatingSum(progress.rows, file.rows);
    progress.bytes += file.bytes;
    if (options.progress) options.progress(progress);
  }
  return verdict;
}

arrow::Result<PathVerdict> VerifyTableAt(const std::shared_ptr<file::FileSystem>& fs, const std::string& path,
                                         const VerifyOptions& options) {
  PathVerdict verdict{path, "table", -1, {}};
  ARROW_ASSIGN_OR_RAISE(const auto table, table::Table::Open(fs, path));
  verdict.version = table->version();
  Log().info("{}: verifying version {}", path, verdict.version);
  ARROW_ASSIGN_OR_RAISE(
      verdict.verdict, VerifyTable(*fs, *table, options.level, options.jobs, options.progress, options.stop));
  return verdict;
}

// Adds what was found: of a directory a verdict for each table in it, and one for its other files.
arrow::Status VerifyPath(const std::shared_ptr<file::FileSystem>& fs, const std::string& path,
                         const VerifyOptions& options, std::vector<PathVerdict>* found) {
  ARROW_ASSIGN_OR_RAISE(const file::FileInfo info, fs->Stat(path));
  Contents contents;
  if (!info.is_directory) {
    ARROW_RETURN_NOT_OK(RefuseDbn(*fs, path));
    contents.files = {path};
    ARROW_RETURN_NOT_OK(FindManifests(*fs, path, &contents.expected, &contents.damage));
    std::erase_if(contents.expected, [&](const auto& entry) { return entry.first != path; });
    ARROW_ASSIGN_OR_RAISE(PathVerdict verdict,
                          VerifyFiles(*fs, std::move(contents), {path, "file", -1, {}}, options));
    found->push_back(std::move(verdict));
    return arrow::Status::OK();
  }
  contents.seen.emplace(info.device, info.inode);
  ARROW_RETURN_NOT_OK(LookBelow(*fs, path, false, options.stop, &contents));
  for (const std::string& table : contents.tables) {
    auto verdict = VerifyTableAt(fs, table, options);
    if (verdict.ok()) {
      found->push_back(*std::move(verdict));
    } else if (contents.tables.size() == 1 && table == path) {
      return verdict.status();
    } else {
      ARROW_RETURN_NOT_OK(NoteUnchecked(table, verdict.status(), &contents.damage));
    }
  }
  if (contents.files.empty() && contents.expected.empty() && contents.damage.empty()) {
    if (!contents.tables.empty()) return arrow::Status::OK();
    return NotFound(path + ": neither a table nor a directory with Parquet files");
  }
  ARROW_ASSIGN_OR_RAISE(PathVerdict verdict,
                        VerifyFiles(*fs, std::move(contents), {path, "directory", -1, {}}, options));
  found->push_back(std::move(verdict));
  return arrow::Status::OK();
}

std::string_view StateOf(const table::TableVerdict& verdict) {
  if (verdict.ok) return "intact";
  const bool damaged = !verdict.missing.empty() ||
                       std::any_of(verdict.damage.begin(), verdict.damage.end(),
                                   [](const pq::Damage& damage) { return damage.region != kUnchecked; });
  return damaged ? "DAMAGED" : verdict.damage.empty() ? "ODD" : "NOT CHECKED";
}

nlohmann::ordered_json ToJson(const std::vector<pq::Damage>& damages) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const pq::Damage& damage : damages) {
    list.push_back({{"file", Readable(damage.file)},
                    {"row_group", damage.row_group},
                    {"column", damage.column},
                    {"page", damage.page},
                    {"offset", damage.offset},
                    {"length", damage.length},
                    {"region", damage.region},
                    {"message", Readable(damage.message)}});
  }
  return list;
}

std::string Place(const pq::Damage& damage) {
  std::string place = damage.file;
  if (damage.row_group >= 0) place += fmt::format(": row group {}", damage.row_group);
  if (!damage.column.empty()) place += ", column " + damage.column;
  if (damage.page >= 0) place += fmt::format(", page {}", damage.page);
  if (damage.offset >= 0) place += fmt::format(", byte {}", WithCommas(damage.offset));
  return place;
}

}  // namespace

arrow::Result<VerifyReport> Verify(const std::shared_ptr<file::FileSystem>& fs,
                                   const VerifyOptions& options) {
  VerifyReport report;
  for (const std::string& path : options.paths) {
    const arrow::Status checked = VerifyPath(fs, path, options, &report.paths);
    if (checked.ok()) continue;
    if (options.paths.size() == 1) return checked;
    PathVerdict unchecked{path, "file", -1, {}};
    unchecked.verdict.ok = false;
    ARROW_RETURN_NOT_OK(NoteUnchecked(path, checked, &unchecked.verdict.damage));
    report.paths.push_back(std::move(unchecked));
  }
  for (PathVerdict& verdict : report.paths) {
    if (options.strict && !verdict.verdict.odd.empty()) verdict.verdict.ok = false;
    report.ok = report.ok && verdict.verdict.ok;
  }
  return report;
}

PathVerdict Together(const VerifyReport& report, const std::string& path) {
  if (report.paths.size() == 1) return report.paths.front();
  PathVerdict all{path, "directory", -1, {}};
  table::TableVerdict& sum = all.verdict;
  sum.ok = report.ok;
  for (const PathVerdict& one : report.paths) {
    const table::TableVerdict& verdict = one.verdict;
    const auto full = [&](const std::string& name) {
      const bool relative = one.kind == "table" && !name.starts_with(one.path + "/");
      return relative ? file::JoinPath(one.path, name) : name;
    };
    sum.files += verdict.files;
    sum.rows = SaturatingSum(sum.rows, verdict.rows);
    sum.rows_intact = SaturatingSum(sum.rows_intact, verdict.rows_intact);
    sum.bytes += verdict.bytes;
    for (const pq::Damage& damage : verdict.damage) {
      sum.damage.push_back(damage);
      sum.damage.back().file = full(damage.file);
    }
    for (const pq::Damage& odd : verdict.odd) {
      sum.odd.push_back(odd);
      sum.odd.back().file = full(odd.file);
    }
    for (const std::string& name : verdict.missing) sum.missing.push_back(full(name));
    for (const std::string& name : verdict.orphans) sum.orphans.push_back(full(name));
  }
  return all;
}

std::string ToText(const VerifyReport& report) {
  std::string text;
  bool rescue = false;
  for (const PathVerdict& item : report.paths) {
    const table::TableVerdict& verdict = item.verdict;
    const std::string what =
        item.kind == "table" ? fmt::format("table, version {}", item.version) : item.kind;
    text += fmt::format("{} ({}): {}, {}, {}: {}\n", item.path, what, Counted(verdict.files, "file"),
                        Counted(verdict.rows, "row"), HumanBytes(verdict.bytes), StateOf(verdict));
    for (const pq::Damage& damage : verdict.damage) {
      text += damage.region == kUnchecked
                  ? fmt::format("  not checked: {}\n", damage.message)
                  : fmt::format("  damaged: {}: {}: {}\n", Place(damage), damage.region, damage.message);
    }
    for (const pq::Damage& odd : verdict.odd) {
      text += fmt::format("  odd: {}: {}: {}\n", Place(odd), odd.region, odd.message);
    }
    for (const std::string& missing : verdict.missing) text += fmt::format("  missing: {}\n", missing);
    for (const std::string& orphan : verdict.orphans) {
      text += fmt::format("  not in the {}: {}\n", item.kind == "table" ? "log" : "manifest", orphan);
    }
    if (!verdict.ok && verdict.rows > 0) {
      text += fmt::format("  {} of {} rows are in row groups without damage\n",
                          WithCommas(verdict.rows_intact), WithCommas(verdict.rows));
    }
    rescue |= std::ranges::any_of(verdict.damage,
                                  [](const pq::Damage& damage) { return damage.file.ends_with(".parquet"); });
  }
  if (rescue) {
    text +=
        "hint: Rows that are whole can be written to a new file: marquet rescue FILE -o OUT.parquet (for a "
        "file without a footer with --schema ANOTHER.parquet, which has the same columns).\n";
  }
  return text;
}

namespace {

std::vector<std::string> AllReadable(const std::vector<std::string>& paths) {
  std::vector<std::string> readable;
  for (const std::string& path : paths) readable.push_back(Readable(path));
  return readable;
}

}  // namespace

std::string ToJson(const VerifyReport& report) {
  nlohmann::ordered_json paths = nlohmann::ordered_json::array();
  for (const PathVerdict& item : report.paths) {
    const table::TableVerdict& verdict = item.verdict;
    nlohmann::ordered_json entry = {{"path", Readable(item.path)}, {"kind", item.kind}};
    if (item.kind == "table") entry["version"] = item.version;
    entry.update({{"ok", verdict.ok},
                  {"files", verdict.files},
                  {"rows", verdict.rows},
                  {"rows_intact", verdict.rows_intact},
                  {"bytes", verdict.bytes},
                  {"damage", ToJson(verdict.damage)},
                  {"odd", ToJson(verdict.odd)},
                  {"missing", AllReadable(verdict.missing)},
                  {"orphans", AllReadable(verdict.orphans)}});
    paths.push_back(std::move(entry));
  }
  const nlohmann::ordered_json root = {{"ok", report.ok}, {"paths", std::move(paths)}};
  return root.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

}  // namespace marquet::jobs
