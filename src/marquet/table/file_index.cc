#include "marquet/table/file_index.h"

#include <algorithm>

#include <fmt/format.h>

#include "arrow/scalar.h"
#include "arrow/type.h"
#include "marquet/base/error.h"
#include "marquet/base/text.h"
#include "marquet/delta/schema.h"
#include "marquet/predicate/predicate_node.h"
#include "marquet/schema/column_statistics.h"

namespace marquet::table {
namespace {

// Of a file's partition values, as the log spells it; empty for null.
std::string_view TextOf(const delta::AddFile& add, const std::string& column) {
  const auto found = add.partition_values.find(column);
  if (found == add.partition_values.end() || !found->second) return {};
  return *found->second;
}

}  // namespace

const delta::FileStatistics& IndexedFile::statistics(const arrow::Schema& schema) const {
  if (const auto* const parsed = parsed_.load(std::memory_order_acquire)) return *parsed;
  auto made = std::make_shared<delta::FileStatistics>();
  if (!add_->stats.empty()) {
    auto parsed = delta::StatisticsOf(*add_, schema);
    if (parsed.ok()) *made = *std::move(parsed);
  }
  static std::mutex mutex;  // only who comes first at a file takes it
  std::lock_guard lock(mutex);
  if (statistics_ == nullptr) {
    statistics_ = std::move(made);
    parsed_.store(statistics_.get(), std::memory_order_release);
  }
  return *statistics_;
}

arrow::Result<std::shared_ptr<const FileIndex>> FileIndex::Make(
    std::shared_ptr<const delta::Snapshot> snapshot, const FileIndex* previous) {
  auto index = std::make_shared<FileIndex>();
  index->snapshot_ = std::move(snapshot);
  std::unordered_map<const delta::AddFile*, const IndexedFile*> parsed;
  if (previous != nullptr) {
    for (const IndexedFile& file : previous->files_) {
      if (file.parsed_.load(std::memory_order_acquire) != nullptr) parsed.emplace(file.add_, &file);
    }
  }
  index->files_ = std::vector<IndexedFile>(index->snapshot_->files.size());
  auto file = index->files_.begin();
  for (const auto& add : index->snapshot_->files) {
    file->add_ = add.get();
    if (const auto known = parsed.find(add.get()); known != parsed.end()) {
      file->statistics_ = known->second->statistics_;
      file->parsed_.store(file->statistics_.get(), std::memory_order_relaxed);
    }
    ++file;
  }
  ARROW_RETURN_NOT_OK(index->FindPartitionColumns());
  return index;
}

arrow::Status FileIndex::FindPartitionColumns() {
  const delta::Snapshot& snapshot = *snapshot_;
  const auto& names = snapshot.metadata.partition_columns;
  arrow::FieldVector fields;
  for (const auto& field : snapshot.schema->fields()) {
    if (std::find(names.begin(), names.end(), field->name()) == names.end()) fields.push_back(field);
  }
  data_schema_ = arrow::schema(std::move(fields), snapshot.schema->metadata());
  for (const std::string& name : names) {
    const auto field = snapshot.schema->GetFieldByName(name);
    if (field == nullptr) {
      return CorruptData(
          fmt::format("the table is partitioned by {}, which is not in its schema", Quoted(name)));
    }
    columns_.push_back(std::make_unique<LazyColumn>());
    columns_.back()->name = name;
    columns_.back()->type = field->type();
  }
  return arrow::Status::OK();
}

const FileIndex::LazyColumn* FileIndex::Made(const std::string& name) const {
  for (const auto& lazy : columns_) {
    if (lazy->name != name) continue;
    std::call_once(lazy->made, [&, column = lazy.get()] {
      std::vector<std::string_view> texts;
      texts.reserve(files_.size());
      for (const IndexedFile& file : files_) texts.push_back(TextOf(file.add(), name));
      size_t failed = 0;
      auto made = PartitionColumn::Make(column->type, texts, &failed);
      column->status =
          made.ok() ? arrow::Status::OK() : WithContext(made.status(), files_[failed].add().path);
      if (made.ok()) column->column = *std::move(made);
    });
    return lazy.get();
  }
  return nullptr;
}

const PartitionColumn* FileIndex::Column(const std::string& name) const {
  const LazyColumn* const made = Made(name);
  return made == nullptr ? nullptr : made->column.get();
}

arrow::Status FileIndex::Prepare(const predicate::Predicate& predicate) const {
  for (const std::string& name : predicate.columns()) {
    const LazyColumn* const made = Made(name);
    if (made != nullptr) ARROW_RETURN_NOT_OK(made->status);
  }
  return arrow::Status::OK();
}

arrow::Result<std::shared_ptr<arrow::Scalar>> FileIndex::PartitionValue(const IndexedFile& file,
                                                                        const std::string& name) const {
  for (const auto& lazy : columns_) {
    if (lazy->name != name) continue;
    auto value = delta::PartitionValueFromText(TextOf(file.add(), name), lazy->type);
    if (!value.ok()) return WithContext(value.status(), file.add().path);
    return value;
  }
  return CorruptData(fmt::format("{}: no value of partition column {}", file.add().path, Quoted(name)));
}

std::optional<std::vector<uint32_t>> FileIndex::Candidates(const predicate::Predicate& predicate) const {
  std::optional<std::vector<uint32_t>> best;
  for (const auto& lazy : columns_) {
    const auto keys = predicate::KeysRequired(predicate.root(), lazy->name);
    const PartitionColumn* const column = keys ? Column(lazy->name) : nullptr;
    if (column == nullptr) continue;
    std::vector<uint32_t> places = column->FilesOf(*keys);
    if (!best || places.size() < best->size()) best = std::move(places);
  }
  return best;
}

std::vector<FileIndex::Match> FileIndex::Prune(const predicate::Predicate& predicate) const {
  std::vector<Match> matches;
  if (predicate.trivial()) {
    matches.reserve(files_.size());
    for (const IndexedFile& file : files_) matches.push_back({&file, predicate::Truth::kAlways});
    return matches;
  }
  struct Exact {
    const std::string* name;
    const PartitionColumn* column;
    schema::ColumnStatistics bounds;
  };
  std::vector<Exact> partition;
  const std::vector<std::string> named = predicate.columns();
  for (const std::string& name : named) {
    if (const PartitionColumn* const column = Column(name)) partition.push_back({&name, column, {}});
  }
  const std::optional<std::vector<uint32_t>> candidates = Candidates(predicate);
  const size_t count = candidates ? candidates->size() : files_.size();
  for (size_t i = 0; i < count; ++i) {
    const size_t f = candidates ? (*candidates)[i] : i;
    const IndexedFile& file = files_[f];
    const delta::FileStatistics* statistics = nullptr;
    auto bounds = [&](const std::string& name) -> const schema::ColumnStatistics* {
      for (Exact& exact : partition) {
        if (*exact.name != name) continue;
        // As of one row, which all rows are like: null or this value.
        const auto value = exact.column->ValueOf(f);
        exact.bounds.null_count = value->is_valid ? 0 : 1;
        exact.bounds.min = exact.bounds.max = value;
        exact.bounds.has_nan = predicate::IsNan(*value);
        return &exact.bounds;
      }
      if (statistics == nullptr) return nullptr;
      for (const schema::ColumnStatistics& column : statistics->columns) {
        if (column.name == name) return &column;
      }
      return nullptr;
    };
    // By partition values first: they cost no parsing.
    predicate::Truth truth = partition.empty() ? predicate::Truth::kMaybe : predicate.Prune(bounds, 1);
    if (truth == predicate::Truth::kMaybe) {
      statistics = &file.statistics(*data_schema_);
      truth = predicate.Prune(bounds, statistics->rows.value_or(-1));
      if (truth == predicate::Truth::kAlways && !statistics->decide) truth = predicate::Truth::kMaybe;
    }
    if (truth != predicate::Truth::kNever) matches.push_back({&file, truth});
  }
  return matches;
}

}  // namespace marquet::table
