#include "marquet/delta/log_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>

#include "marquet/base/error.h"
#include "marquet/base/text.h"
#include "marquet/delta/commit_json.h"
#include "marquet/delta/commit_time.h"
#include "marquet/delta/json_document.h"
#include "marquet/delta/log.h"

namespace marquet::delta {
namespace {

constexpr size_t kVersionDigits = 20;
constexpr int64_t kMaxParts = 1 << 20;

// All digits, as many as there are; -1 for anything else.
int64_t ParseDigits(std::string_view text) {
  int64_t value = -1;
  if (text.empty() || text[0] < '0' || text[0] > '9') return -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() ? value : -1;
}

bool IsUuid(std::string_view text) {
  return text.size() == 36 && text.find_first_not_of("0123456789abcdefABCDEF-") == text.npos;
}

std::string PartName(int64_t version, int64_t part, int64_t parts) {
  return fmt::format("{:020}.checkpoint.{:010}.{:010}.parquet", version, part, parts);
}

}  // namespace

std::string CommitName(int64_t version) { return fmt::format("{:020}.json", version); }
std::string CheckpointName(int64_t version) { return fmt::format("{:020}.checkpoint.parquet", version); }

LogListing ClassifyLogFiles(const std::vector<std::string>& names) {
  LogListing listing;
  std::map<std::pair<int64_t, int64_t>, std::vector<std::string>> parts;  // (version, parts) to names
  for (const std::string& name : names) {
    if (name.size() <= kVersionDigits) continue;
    const int64_t version = ParseDigits(std::string_view(name).substr(0, kVersionDigits));
    if (version < 0) continue;
    std::string_view rest = std::string_view(name).substr(kVersionDigits);
    if (rest == ".json") {
      listing.commits.push_back(version);
      continue;
    }
    if (!rest.starts_with(".checkpoint.")) continue;
    rest.remove_prefix(std::string_view(".checkpoint.").size());
    if (rest == "parquet") {
      listing.checkpoints.push_back({version, {name}});
      continue;
    }
    const size_t dot = rest.find('.');
    if (dot == rest.npos) continue;
    const std::string_view middle = rest.substr(0, dot), tail = rest.substr(dot + 1);
    if (IsUuid(middle) && (tail == "parquet" || tail == "json")) {
      listing.checkpoints.push_back({version, {name}});
    } else if (tail.ends_with(".parquet")) {
      const int64_t part = ParseDigits(middle);
      const int64_t count = ParseDigits(tail.substr(0, tail.size() - std::string_view(".parquet").size()));
      if (part >= 1 && part <= count && count <= kMaxParts && PartName(version, part, count) == name) {
        parts[{version, count}].push_back(name);
      }
    }
  }
  for (auto& [key, part_names] : parts) {
    if (static_cast<int64_t>(part_names.size()) != key.second) continue;
    std::sort(part_names.begin(), part_names.end());
    listing.checkpoints.push_back({key.first, std::move(part_names)});
  }
  std::sort(listing.commits.begin(), listing.commits.end());
  std::sort(listing.checkpoints.begin(), listing.checkpoints.end(), [](const auto& a, const auto& b) {
    return std::tie(a.version, a.names) < std::tie(b.version, b.names);
  });
  return listing;
}

arrow::Result<CheckpointFiles> ReadLastCheckpoint(file::FileSystem& fs, const std::string& log_directory) {
  const std::string path = file::JoinPath(log_directory, "_last_checkpoint");
  ARROW_ASSIGN_OR_RAISE(const std::string text, file::ReadAll(fs, path, int64_t{64} << 20));
  const auto document = JsonDocument::Parse(text);
  const auto version = document.ok() ? document->root().Find("version") : std::nullopt;
  if (!version || version->Integer().value_or(-1) < 0) {
    return CorruptData(fmt::format("{}: expected a JSON object with a version", path));
  }
  CheckpointFiles checkpoint;
  checkpoint.version = *version->Integer();
  const auto v2 = document->root().Find("v2Checkpoint");
  const auto name = v2 ? v2->Find("path") : std::nullopt;
  const auto multi = document->root().Find("parts");
  if (name) {
    if (!name->String() || name->Text().empty() || name->Text().find('/') != std::string_view::npos) {
      return CorruptData(fmt::format("{}: {} is not the name of a checkpoint", path, Quoted(name->Text())));
    }
    checkpoint.names.emplace_back(name->Text());
  } else if (multi) {
    const int64_t parts = multi->Integer().value_or(0);
    if (parts < 1 || parts > kMaxParts) {
      return CorruptData(fmt::format("{}: a checkpoint of {} parts", path, Quoted(multi->Text())));
    }
    for (int64_t part = 1; part <= parts; ++part) {
      checkpoint.names.push_back(PartName(checkpoint.version, part, parts));
    }
  } else {
    checkpoint.names.push_back(CheckpointName(checkpoint.version));
  }
  return checkpoint;
}

arrow::Status MissingCommit(const std::string& table, int64_t version, int64_t last) {
  return CorruptData(
      fmt::format("{}: commit {} is missing from the log, which goes on to version {}", table, version, last),
      "Restore the file from a copy of the table; nothing behind it can be read.");
}

bool HoldsLog(file::FileSystem& fs, const std::string& table) {
  const auto names = fs.ListNames(file::JoinPath(table, "_delta_log"));
  if (!names.ok()) return !IsKind(names.status(), ErrorKind::kNotFound);
  return std::any_of(names->begin(), names->end(), [](const std::string& name) { return name[0] != '.'; });
}

arrow::Result<CommitFile> ReadCommit(file::FileSystem& fs, const std::string& log_directory,
                                     int64_t version) {
  const std::string path = file::JoinPath(log_directory, CommitName(version));
  ARROW_ASSIGN_OR_RAISE(const std::string text, file::ReadAll(fs, path));
  return ParseCommit(fs, path, text);
}

arrow::Result<CommitFile> ParseCommit(file::FileSystem& fs, const std::string& path, std::string_view text) {
  CommitFile commit;
  ARROW_ASSIGN_OR_RAISE(commit.actions, CommitFromJson(text, path));
  if (commit.actions.empty()) {
    return CorruptData(fmt::format("{}: a commit of {} bytes without any action", path, text.size()),
                       "The log file was cut short; restore it from a copy of the table.");
  }
  CommitInfo none;
  const CommitInfo* told = &none;
  for (const Action& action : commit.actions) {
    if (const auto* info = std::get_if<CommitInfo>(&action)) told = info;
  }
  ARROW_ASSIGN_OR_RAISE(commit.timestamp_ms, TimeOf(*told, fs, path));
  return commit;
}

arrow::Result<std::vector<DamagedCommit>> FindDamagedCommits(file::FileSystem& fs, const std::string& table,
                                                             int64_t version) {
  const std::string directory = file::JoinPath(table, "_delta_log");
  ARROW_ASSIGN_OR_RAISE(const auto names, fs.ListNames(directory));
  std::vector<DamagedCommit> damaged;
  int64_t next = -1;  // clean-up takes the oldest; what is missing behind the first one was lost
  for (const int64_t commit : ClassifyLogFiles(names).commits) {
    if (next >= 0 && commit != next) {
      // A listing that was made beside a writer may lack a name.
      ARROW_ASSIGN_OR_RAISE(const bool there, file::Exists(fs, file::JoinPath(directory, CommitName(next))));
      if (!there) {
        damaged.push_back(
            {CommitName(next),
             fmt::format("commit {} is missing from the log, which goes on with {}", next, commit)});
      }
    }
    next = commit + 1;
    if (commit > version) continue;
    const std::string path = file::JoinPath(directory, CommitName(commit));
    const auto text = file::ReadAll(fs, path);
    if (IsKind(text.status(), ErrorKind::kNotFound)) continue;  // cleaned up meanwhile
    ARROW_RETURN_NOT_OK(text.status());
    arrow::Status status = CheckCommitDigest(*text, CommitName(commit));
    if (status.ok()) {  // as it is of other writers' commits, and of one that lost its digest
      const auto actions = CommitFromJson(*text, CommitName(commit));
      if (IsKind(actions.status(), ErrorKind::kCorruptData)) {
        status = actions.status();
      } else if (text->find_first_not_of(" \t\r\n") == text->npos) {
        status = CorruptData(
            fmt::format("{}: a commit of {} bytes without any action", CommitName(commit), text->size()));
      }
    }
    if (!status.ok()) damaged.push_back({CommitName(commit), status.message()});
  }
  return damaged;
}

}  // namespace marquet::delta
