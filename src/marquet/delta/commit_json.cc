#include "marquet/delta/commit_json.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "marquet/base/error.h"
#include "marquet/base/hash.h"
#include "marquet/base/text.h"
#include "marquet/delta/action_from_json_internal.h"
#include "marquet/delta/action_to_json_internal.h"
#include "marquet/delta/json_document.h"

namespace marquet::delta {
namespace {

// Calls `each` with the kind and the value of every action of the lines that are `wanted`.
template <typename Wanted, typename Each>
arrow::Status ForEachAction(std::string_view text, std::string_view name, Wanted&& wanted, Each&& each) {
  int64_t line = 0;
  JsonDocument document;
  for (size_t begin = 0; begin < text.size();) {
    ++line;
    const size_t end = std::min(text.find('\n', begin), text.size());
    const std::string_view content = text.substr(begin, end - begin);
    begin = end + 1;
    if (content.find_first_not_of(" \t\r") == std::string_view::npos || !wanted(content)) continue;
    arrow::Status status = JsonDocument::Parse(content, &document);
    if (status.ok() && !document.root().IsObject()) status = CorruptData("another value than an object");
    if (!status.ok()) {
      return CorruptData(fmt::format("{}: line {} is not a JSON object: {}", name, line, status.message()),
                         "The log file is damaged; restore it from a copy of the table.");
    }
    document.root().ForEachMember([&](std::string_view kind, JsonValue value) {
      if (status.ok()) status = each(kind, value);
    });
    if (!status.ok()) return WithContext(status, fmt::format("{}: line {}", name, line));
  }
  return arrow::Status::OK();
}

// Of the lines behind a commitInfo, which it holds. One bit of them may be a file, a bound or the name of a
// column, and JSON with another bit is JSON.
constexpr const char* kDigestKey = "xxh3";

// What a commitInfo has values of, here or by other writers, that are no further strings of somebody's.
constexpr std::array<std::string_view, 16> kInfoNames = {"timestamp",
                                                         "inCommitTimestamp",
                                                         "orderedTimestamp",
                                                         "operation",
                                                         "operationParameters",
                                                         "isBlindAppend",
                                                         "engineInfo",
                                                         "operationMetrics",
                                                         "readVersion",
                                                         "isolationLevel",
                                                         "version",
                                                         "tags",
                                                         "job",
                                                         "notebook",
                                                         "txnId",
                                                         kDigestKey};

// Empty for commits of other writers.
std::string TakeDigest(CommitInfo* info) {
  const auto found = info->extra.find(kDigestKey);
  if (found == info->extra.end()) return {};
  std::string digest = std::move(found->second);
  info->extra.erase(found);
  return digest;
}

}  // namespace

arrow::Result<std::string> CommitToJson(const std::vector<Action>& actions) {
  std::string text;
  size_t expected = 256;
  for (const Action& action : actions) {
    const auto* add = std::get_if<AddFile>(&action);
    expected += add != nullptr ? 512 + add->stats.size() * 5 / 4 : 512;
  }
  text.reserve(expected);
  const auto* info = actions.empty() ? nullptr : std::get_if<CommitInfo>(&actions.front());
  for (size_t i = info == nullptr ? 0 : 1; i < actions.size(); ++i) AppendAction(actions[i], &text);
  if (info != nullptr) {
    CommitInfo told = *info;
    told.extra[kDigestKey] = Xxh3Hex(text);
    std::string line;
    AppendAction(std::move(told), &line);
    text.insert(0, line);
  }
  if (!IsUtf8(text)) {
    return InvalidInput("a path, partition value or name in the commit is not UTF-8; the log is JSON");
  }
  return text;
}

arrow::Result<CheckpointJson> CheckpointFromJson(std::string_view text, std::string_view name) {
  CheckpointJson read;
  // Not more than twice the text's own size, whatever is in it.
  size_t lines = 1;
  for (size_t at = text.find('\n'); at != text.npos; at = text.find('\n', at + 1)) ++lines;
  read.actions.reserve(std::min(lines, text.size() * 2 / sizeof(Action) + 1));
  ARROW_RETURN_NOT_OK(ForEachAction(
      text, name, [](std::string_view) { return true; },
      [&](std::string_view kind, JsonValue value) {
        return ReadAction(kind, value, &read.actions, &read.sidecars);
      }));
  return read;
}

arrow::Result<std::vector<Action>> CommitFromJson(std::string_view text, std::string_view name) {
  ARROW_ASSIGN_OR_RAISE(CheckpointJson read, CheckpointFromJson(text, name));
  auto* info = read.actions.empty() ? nullptr : std::get_if<CommitInfo>(&read.actions.front());
  if (info != nullptr) TakeDigest(info);
  return std::move(read.actions);
}

arrow::Status CheckCommitDigest(std::string_view text, std::string_view name) {
  const size_t line_end = text.find('\n');
  if (line_end == text.npos) return arrow::Status::OK();
  ARROW_ASSIGN_OR_RAISE(CheckpointJson read, CheckpointFromJson(text.substr(0, line_end), name));
  auto* info = read.actions.empty() ? nullptr : std::get_if<CommitInfo>(&read.actions.front());
  const std::string told = info == nullptr ? std::string() : TakeDigest(info);
  const std::string found = Xxh3Hex(text.substr(line_end + 1));
  if (told.empty() || found == told) return arrow::Status::OK();
  return CorruptData(fmt::format("{}: the lines behind its commitInfo have the digest {}; {} were committed",
                                 name, found, told),
                     "The log file was damaged, or changed by hand; bring it back from a copy of the table.");
}

arrow::Status CheckInfoNames(const StringMap& extra) {
  for (const std::string_view name : kInfoNames) {
    if (!extra.contains(std::string(name))) continue;
    return InvalidInput(
        fmt::format("a commit's metadata has no room for {}: its info has a value of this name",
                    Quoted(name)),
        fmt::format("Choose another name, such as my.{}.", name));
  }
  return arrow::Status::OK();
}

arrow::Result<CommitInfo> CommitInfoFromJson(std::string_view text, std::string_view name) {
  CommitInfo info;
  ARROW_RETURN_NOT_OK(ForEachAction(
      text, name, [](std::string_view line) { return line.substr(0, 64).find("commitInfo") != line.npos; },
      [&](std::string_view kind, JsonValue value) -> arrow::Status {
        if (kind == "commitInfo") info = ReadCommitInfo(value);
        return arrow::Status::OK();
      }));
  TakeDigest(&info);
  return info;
}

}  // namespace marquet::delta
