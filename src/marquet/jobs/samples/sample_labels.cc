#include "marquet/jobs/samples/sample_labels.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <thread>
#include <vector>

#include "arrow/api.h"
#include "marquet/base/error.h"
#include "marquet/base/hash.h"
#include "marquet/base/text.h"
#include "marquet/file/durable_file.h"

namespace marquet::jobs {
namespace {

using SortedJson = nlohmann::json;
using file::JoinPath;

constexpr const char* kSetFormat = "marquet-label-set-1";
constexpr const char* kLabelsLock = "_marquet/labels/lock";

std::string SetPath(const std::string& samples, const std::string& name) {
  return JoinPath(samples, LabelSetPath(name));
}

std::string DigestPath(const std::string& samples, const std::string& digest) {
  return JoinPath(samples, JoinPath(kLabelsByDigest, digest + ".json"));
}

arrow::Result<Labels> ReadSet(file::FileSystem& fs, const std::string& path) {
  ARROW_ASSIGN_OR_RAISE(const auto text, file::ReadAll(fs, path));
  auto labels = LabelsFromJson(text);
  if (!labels.ok()) return WithContext(labels.status(), path);
  return labels;
}

// The labels of this digest; kCorruptData for a file that holds others.
arrow::Result<depth::FittedLabels> ReadDigest(file::FileSystem& fs, const std::string& samples,
                                              const std::string& digest) {
  const std::string path = DigestPath(samples, digest);
  ARROW_ASSIGN_OR_RAISE(const auto text, file::ReadAll(fs, path));
  auto labels = depth::FittedLabelsFromJson(text);
  if (!labels.ok()) return WithContext(labels.status(), path);
  if (LabelsDigest(*labels) == digest) return labels;
  return CorruptData(
      fmt::format("{}: holds labels with the digest {}", path, LabelsDigest(*labels)),
      "The file was changed. Bring it back from a copy of the table, or build all samples again: "
      "--mode overwrite (mode=\"overwrite\" in Python).");
}

// The digest of each symbol's labels, by the names that labels are stored under, as the rows have them.
arrow::Result<std::map<std::string, std::map<std::string, std::string>>> ReadDigests(
    const table::Table& samples) {
  table::ScanOptions options;
  options.columns = {"symbol", "labels", "labels_digest"};
  ARROW_ASSIGN_OR_RAISE(const auto scan, samples.NewScan(std::move(options)));
  ARROW_ASSIGN_OR_RAISE(const auto reader, scan.ToReader());
  std::map<std::string, std::map<std::string, std::string>> digests;
  for (;;) {
    std::shared_ptr<arrow::RecordBatch> batch;
    ARROW_RETURN_NOT_OK(reader->ReadNext(&batch));
    if (!batch) return digests;
    const auto text = [&](int column, int64_t row) {
      return static_cast<const arrow::StringArray&>(*batch->column(column)).GetView(row);
    };
    for (int64_t i = 0; i < batch->num_rows(); ++i) {
      const auto same = [&](int column) { return text(column, i) == text(column, i - 1); };
      if (i > 0 && same(0) && same(1) && same(2)) continue;
      const std::string symbol(text(0, i)), digest(text(2, i));
      const auto [known, is_new] = digests[std::string(text(1, i))].emplace(symbol, digest);
      if (is_new || known->second == digest) continue;
      return InvalidInput(fmt::format("{}: its samples of {} were labelled in more than one way",
                                      samples.path(), Quoted(symbol)),
                          "Build them again: --mode overwrite (mode=\"overwrite\" in Python).");
    }
  }
}

}  // namespace

arrow::Status CheckLabelsName(const std::string& name) {
  const bool plain =
      !name.empty() && name.size() <= 100 && name[0] != '.' && name[0] != '-' &&
      name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") ==
          std::string::npos;
  if (plain) return arrow::Status::OK();
  return InvalidInput(
      fmt::format("{} cannot name labels; expected letters, digits, '-', '_' and '.'", Quoted(name)));
}

std::string LabelsDigest(const depth::FittedLabels& fitted) {
  depth::FittedLabels bare = fitted;
  bare.data_version.clear();
  return Xxh3Hex(depth::ToJson(bare));
}

bool WindowsAreValid(std::span<const int64_t> bid, std::span<const int64_t> ask, int64_t row,
                     const depth::LabelSpec& spec) {
  const auto enough = [&](int64_t begin, int64_t length) {
    int64_t valid = 0;
    for (int64_t i = begin; i < begin + length; ++i) {
      valid += bid[i] != depth::kUndefinedPrice && ask[i] != depth::kUndefinedPrice && bid[i] <= ask[i];
    }
    return spec.invalid == depth::InvalidRows::kSkip ? valid > 0 : valid == length;
  };
  return enough(row - spec.lookback, spec.lookback) && enough(row + 1 + spec.offset, spec.lookforward);
}

arrow::Result<Labels> LabelsFromJson(const std::string& text) {
  Labels labels;
  try {
    const SortedJson json = SortedJson::parse(text);
    const std::string format = json.value("format", kSetFormat);
    if (format == "marquet-labels-1") {
      ARROW_ASSIGN_OR_RAISE(labels[""], depth::FittedLabelsFromJson(text));
      return labels;
    }
    if (format != kSetFormat) {
      return Unsupported(fmt::format("labels of the format {}; expected marquet-labels-1 or {}",
                                     Quoted(format), kSetFormat));
    }
    for (const auto& [symbol, entry] : json.at("symbols").items()) {
      ARROW_ASSIGN_OR_RAISE(labels[symbol], depth::FittedLabelsFromJson(entry.dump()));
    }
  } catch (const SortedJson::exception& error) {
    return CorruptData(fmt::format("no fitted labels in this JSON: {}", error.what()));
  }
  return labels;
}

arrow::Result<Labels> FindLabels(file::FileSystem& fs, const std::string& samples, const std::string& name,
                                 const std::map<std::string, std::string>& digests) {
  Labels found;
  std::optional<Labels> set;
  for (const auto& [symbol, digest] : digests) {
    auto labels = ReadDigest(fs, samples, digest);
    if (labels.ok()) {
      found[symbol] = *std::move(labels);
      continue;
    }
    if (!IsKind(labels.status(), ErrorKind::kNotFound)) return labels.status();
    if (!set) {  // a table of a time when there was the set alone
      auto read = ReadSet(fs, SetPath(samples, name));
      if (!read.ok() && !IsKind(read.status(), ErrorKind::kNotFound)) return read.status();
      set = read.ok() ? *std::move(read) : Labels();
    }
    const auto entry = set->find(symbol);
    if (entry == set->end() || LabelsDigest(entry->second) != digest) {
      return CorruptData(fmt::format("{}: the labels stored as {} are not those that its samples of {} have",
                                     samples, Quoted(name), Quoted(symbol)),
                         "Build all samples again: --mode overwrite (mode=\"overwrite\" in Python).");
    }
    found[symbol] = entry->second;
  }
  return found;
}

bool HoldsSamples(const arrow::Schema& schema) {
  return std::ranges::all_of(std::initializer_list<const char*>{"symbol", "labels", "labels_digest"},
                             [&](const char* column) {
                               const auto field = schema.GetFieldByName(column);
                               return field != nullptr && field->type()->id() == arrow::Type::STRING;
                             });
}

arrow::Status CheckLabels(file::FileSystem& fs, const table::Table& samples, const FoundLabels& found) {
  const auto digests = ReadDigests(samples);
  if (IsKind(digests.status(), ErrorKind::kInvalidInput)) return CorruptData(digests.status().message());
  ARROW_RETURN_NOT_OK(digests.status());
  for (const auto& [name, symbols] : *digests) {
    for (const auto& [symbol, digest] : symbols) {
      const auto labels = FindLabels(fs, samples.path(), name, {{symbol, digest}});
      ARROW_RETURN_NOT_OK(found(JoinPath(kLabelsByDigest, digest + ".json"), labels.status()));
    }
  }
  return arrow::Status::OK();
}

arrow::Result<Labels> LoadLabels(std::shared_ptr<file::FileSystem> fs, const std::string& samples,
                                 const std::string& name) {
  ARROW_RETURN_NOT_OK(CheckLabelsName(name));
  ARROW_ASSIGN_OR_RAISE(const auto table, table::Table::Open(fs, samples));
  if (!HoldsSamples(*table->schema())) return ReadSet(*fs, SetPath(samples, name));
  ARROW_ASSIGN_OR_RAISE(const auto digests, ReadDigests(*table));
  const auto found = digests.find(name);
  if (found != digests.end()) return FindLabels(*fs, samples, name, found->second);
  std::vector<std::string> names;
  for (const auto& [other, symbols] : digests) names.push_back(Quoted(other));
  return NotFound(fmt::format("{}: no sample has labels of the name {}; there are {}", samples, Quoted(name),
                              names.empty() ? "no samples" : fmt::format("{}", fmt::join(names, ", "))));
}

arrow::Result<std::unique_ptr<file::FileLock>> LockLabels(file::FileSystem& fs, const std::string& samples) {
  ARROW_RETURN_NOT_OK(file::CreateDirectories(fs, JoinPath(samples, kLabelsByDigest)));
  return fs.Lock(JoinPath(samples, kLabelsLock));
}

arrow::Result<std::unique_ptr<file::FileLock>> WaitForLabels(file::FileSystem& fs, const std::string& samples,
                                                             const StopFlag* stop) {
  constexpr auto kPause = std::chrono::milliseconds(20);
  constexpr int kPauses = 3'000;
  for (int pause = 0;; ++pause) {
    auto lock = LockLabels(fs, samples);
    if (!IsKind(lock.status(), ErrorKind::kConflict)) return lock;
    if (pause == kPauses) {
      return WithHint(
          lock.status(),
          "Another build of samples or `marquet clean` is at the labels. Run this again when it is "
          "done.");
    }
    if (stop != nullptr) ARROW_RETURN_NOT_OK(stop->Check());
    std::this_thread::sleep_for(kPause);
  }
}

arrow::Status StoreLabels(const std::shared_ptr<file::FileSystem>& fs, const std::string& samples,
                          const Labels& labels, const std::set<std::string>& in_use) {
  ARROW_RETURN_NOT_OK(file::CreateDirectories(*fs, JoinPath(samples, kLabelsByDigest)));
  std::set<std::string> stored;
  for (const auto& [symbol, fitted] : labels) {
    const std::string digest = LabelsDigest(fitted);
    if (!stored.insert(digest).second) continue;
    if (in_use.contains(digest) && ReadDigest(*fs, samples, digest).ok()) continue;
    const arrow::Status put = file::PutReplacing(fs, DigestPath(samples, digest), depth::ToJson(fitted));
    ARROW_RETURN_NOT_OK(file::NotYetCommitted(put));
  }
  return arrow::Status::OK();
}

std::string LabelSetToJson(const Labels& labels) {
  SortedJson json;
  json["format"] = kSetFormat;
  json["symbols"] = SortedJson::object();
  for (const auto& [symbol, fitted] : labels)
    json["symbols"][symbol] = SortedJson::parse(depth::ToJson(fitted));
  return json.dump(2, ' ', false, SortedJson::error_handler_t::replace);
}

std::string LabelSetPath(const std::string& name) { return "_marquet/labels/" + name + ".json"; }

bool HasLabelSet(file::FileSystem& fs, const std::string& samples, const std::string& name,
                 const std::string& text) {
  const auto there = file::ReadAll(fs, SetPath(samples, name));
  return there.ok() && *there == text;
}

}  // namespace marquet::jobs
