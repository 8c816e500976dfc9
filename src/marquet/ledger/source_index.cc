#include "marquet/ledger/source_index.h"

#include <algorithm>
#include <charconv>

#include <arrow/scalar.h>
#include <arrow/type.h>

#include "marquet/base/time.h"
#include "marquet/delta/statistics.h"
#include "marquet/ledger/source_description.h"
#include "marquet/schema/column_statistics.h"

namespace marquet::ledger {
namespace {

// Descriptions that are read, once, to learn the bytes of sources whose files do not tell: those without
// rows, and those that an early version brought.
constexpr size_t kMostDescriptions = 64;

using Told = std::optional<std::optional<std::string>>;  // nothing: not by the partition

Told ValueOf(const delta::PartitionValues& values, const char* column) {
  const auto value = values.find(column);
  return value == values.end() ? Told() : Told(value->second);
}

// Different ones have different texts: a date holds no line break.
std::string PartitionKey(const Told& symbol, const Told& date) {
  const auto text = [](const Told& value) {
    return !value ? std::string("-") : !*value ? std::string("null") : "=" + **value;
  };
  return text(date) + "\n" + text(symbol);
}

// The range of `ts` by the file's statistics, in microseconds; all times where they do not say.
std::pair<int64_t, int64_t> MicrosOf(const delta::AddFile& file, const arrow::Schema& schema) {
  std::pair<int64_t, int64_t> all(INT64_MIN, INT64_MAX);
  const auto statistics = delta::StatisticsOf(file, schema);
  if (!statistics.ok()) return all;  // no statistics prove nothing
  for (const schema::ColumnStatistics& column : statistics->columns) {
    if (column.name != "ts") continue;
    const auto value = [](const std::shared_ptr<arrow::Scalar>& scalar) -> std::optional<int64_t> {
      if (scalar == nullptr || !scalar->is_valid || scalar->type->id() != arrow::Type::TIMESTAMP) return {};
      return static_cast<const arrow::TimestampScalar&>(*scalar).value;
    };
    all = {value(column.min).value_or(all.first), value(column.max).value_or(all.second)};
  }
  return all.first <= all.second ? all : std::pair(INT64_MIN, INT64_MAX);
}

std::optional<int64_t> SourceBytesOf(const delta::AddFile& file) {
  const auto tag = file.tags.find(kSourceBytesTag);
  if (tag == file.tags.end()) return std::nullopt;
  const std::string& text = tag->second;
  int64_t bytes = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), bytes);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return bytes;
}

template <typename T>
void EraseOne(std::vector<T>* values, const T& value) {
  const auto found = std::find(values->begin(), values->end(), value);
  if (found != values->end()) values->erase(found);
}

}  // namespace

void SourceIndex::Update(std::shared_ptr<const delta::Snapshot> snapshot) {
  if (snapshot == snapshot_) return;
  const std::shared_ptr<const delta::Snapshot> before = std::move(snapshot_);
  snapshot_ = std::move(snapshot);
  const bool same_columns =
      before != nullptr && before->schema != nullptr && snapshot_->schema != nullptr &&
      (before->schema == snapshot_->schema || before->schema->Equals(*snapshot_->schema));
  if (!same_columns) {
    sources_.clear();
    partitions_.clear();
    told_.clear();
  }
  const size_t chunks = snapshot_->files.chunks();
  const size_t chunks_before = same_columns ? before->files.chunks() : 0;
  std::vector<File> added;
  for (size_t i = 0; i < std::max(chunks, chunks_before); ++i) {
    static const std::vector<File> kNone;
    const std::vector<File>& old = i < chunks_before ? before->files.chunk(i) : kNone;
    const std::vector<File>& now = i < chunks ? snapshot_->files.chunk(i) : kNone;
    if (&old == &now) continue;  // both are alive, so one address is one chunk
    const std::unordered_set<File> was(old.begin(), old.end()), is(now.begin(), now.end());
    for (const File& file : old) {
      if (!is.contains(file)) Remove(file);
    }
    for (const File& file : now) {
      if (!was.contains(file)) added.push_back(file);
    }
  }
  for (const File& file : added) Add(file);
}

void SourceIndex::Add(const File& file) {
  Source& source = sources_[SourceOf(*file)];
  source.files.push_back(file);
  if (!source.bytes) source.bytes = SourceBytesOf(*file);
  const Told symbol = ValueOf(file->partition_values, "symbol"),
             date = ValueOf(file->partition_values, "date");
  told_.emplace(symbol.has_value(), date.has_value());
  partitions_[PartitionKey(symbol, date)].unread.push_back(file);
}

void SourceIndex::Remove(const File& file) {
  const auto source = sources_.find(SourceOf(*file));
  if (source != sources_.end()) {
    EraseOne(&source->second.files, file);
    if (source->second.files.empty()) sources_.erase(source);
  }
  const auto partition = partitions_.find(
      PartitionKey(ValueOf(file->partition_values, "symbol"), ValueOf(file->partition_values, "date")));
  if (partition == partitions_.end()) return;
  EraseOne(&partition->second.unread, file);
  const auto [first, last] = MicrosOf(*file, *snapshot_->schema);
  partition->second.read.Remove(first, last, file);
}

SourceIndex::Candidates SourceIndex::MayMeet(const SourceRanges& ranges) {
  std::map<Partition*, std::vector<std::pair<int64_t, int64_t>>> wanted;  // microseconds
  for (const auto& [key, of_key] : ranges) {
    for (const auto& [symbol, date] : told_) {
      const auto partition =
          partitions_.find(PartitionKey(symbol ? Told(key.first) : Told(), date ? Told(key.second) : Told()));
      if (partition == partitions_.end()) continue;
      for (const SourceRange& range : of_key) {
        if (!range.has_times()) continue;
        wanted[&partition->second].emplace_back(FloorDiv(range.first_ns, 1'000),
                                                FloorDiv(range.last_ns, 1'000));
      }
    }
  }
  Candidates candidates;
  for (auto& [partition, times] : wanted) {
    for (const File& file : partition->unread) {
      const auto [first, last] = MicrosOf(*file, *snapshot_->schema);
      partition->read.Add(first, last, file);
    }
    partition->unread.clear();
    std::sort(times.begin(), times.end());
    for (size_t i = 0; i < times.size();) {
      auto [first, last] = times[i];
      for (++i; i < times.size() && times[i].first <= last; ++i) last = std::max(last, times[i].second);
      partition->read.ForEachMeeting(first, last, [&](const File& file) {
        std::string id = SourceOf(*file);
        candidates.unmarked = candidates.unmarked || id.empty();
        if (!id.empty()) candidates.sources.insert(std::move(id));
      });
    }
  }
  return candidates;
}

std::vector<SourceIndex::File> SourceIndex::FilesOf(const std::string& id) const {
  const auto source = sources_.find(id);
  return source == sources_.end() ? std::vector<File>() : source->second.files;
}

std::vector<std::string> SourceIndex::IdsOf(const std::string& digest) const {
  std::vector<std::string> ids;
  for (auto source = sources_.lower_bound(digest);
       source != sources_.end() && source->first.starts_with(digest); ++source) {
    if (IsIngestOf(source->first, digest)) ids.push_back(source->first);
  }
  return ids;
}

std::optional<int64_t> SourceIndex::BytesOf(const std::string& digest) const {
  for (const std::string& id : IdsOf(digest)) {
    const auto& bytes = sources_.at(id).bytes;
    if (bytes) return bytes;
  }
  return std::nullopt;
}

void SourceIndex::CountBytes() {
  bytes_.clear();
  uncounted_.clear();
  for (const auto& transaction : snapshot_->transactions.Sorted()) {
    const std::string_view app = transaction->app_id;
    if (!app.starts_with(kSourceAppPrefix) || transaction->version % 2 == 0) continue;
    const std::string digest(app.substr(kSourceAppPrefix.size()));
    if (const auto bytes = BytesOf(digest)) {
      bytes_.insert(*bytes);
    } else {
      uncounted_[digest] = transaction->version;
    }
  }
  counted_version_ = snapshot_->version;
}

bool SourceIndex::MayHoldBytes(file::FileSystem& fs, const std::string& table, int64_t bytes) {
  if (counted_version_ != snapshot_->version) CountBytes();
  if (!uncounted_.empty() && uncounted_.size() <= kMostDescriptions) {
    std::erase_if(uncounted_, [&](const auto& source) {
      const auto& [digest, version] = source;
      const auto description = ReadSourceDescription(fs, table, *snapshot_, SourceId(digest, version));
      if (description.ok()) bytes_.insert(description->bytes);
      return description.ok();  // of another it is not known, and whoever needs it tells why
    });
  }
  return !uncounted_.empty() || bytes_.contains(bytes);
}

void SourceIndex::Brought(int64_t version, int64_t bytes) {
  if (version != counted_version_ + 1) return;  // others committed, too
  bytes_.insert(bytes);
  counted_version_ = version;
}

}  // namespace marquet::ledger
