#include "marquet/table/file_index.h"

#include <algorithm>

#include <fmt/format.h>

#include "arrow/scalar.h"
#include "arrow/type.h"
#include "marquet/base/error.h"
#include "marquet/base/text.h"
#include "marquet/delta/schema.h"
#include "marquet/table/predicate_node.h"

namespace marquet::table {

const delta::FileStatistics& IndexedFile::statistics(const arrow::Schema& schema) const {
  std::call_once(parsed_, [&] {
    if (add_->stats.empty()) return;
    auto parsed = delta::StatisticsFromJson(add_->stats, schema);
    if (parsed.ok()) statistics_ = *std::move(parsed);
  });
  return statistics_;
}

arrow::Result<std::shared_ptr<const FileIndex>> FileIndex::Make(
    std::shared_ptr<const delta::Snapshot> snapshot, const FileIndex* previous) {
  auto index = std::make_shared<FileIndex>();
  index->snapshot_ = std::move(snapshot);
  std::unordered_map<const delta::AddFile*, const std::shared_ptr<const IndexedFile>*> known;
  if (previous != nullptr) {
    known.reserve(previous->files_.size());
    for (const auto& file : previous->files_) known.emplace(&file->add(), &file);
  }
  index->files_.reserve(index->snapshot_->files.size());
  for (const auto& add : index->snapshot_->files) {
    const auto found = known.find(add.get());
    index->files_.push_back(found != known.end() ? *found->second : std::make_shared<const IndexedFile>(add));
  }
  ARROW_RETURN_NOT_OK(index->AddPartitionColumns());
  return index;
}

arrow::Status FileIndex::AddPartitionColumns() {
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
    columns_.emplace_back();
    columns_.back().name = name;
    columns_.back().type = field->type();
  }
  codes_.resize(files_.size() * columns_.size());
  for (size_t c = 0; c < columns_.size(); ++c) {
    PartitionColumn& column = columns_[c];
    std::string text;
    for (size_t f = 0; f < files_.size(); ++f) {
      const auto& values = files_[f]->add().partition_values;
      const auto found = values.find(column.name);
      text.clear();
      if (found != values.end() && found->second) text = *found->second;
      const auto [at, added] = column.by_text.emplace(text, static_cast<uint32_t>(column.values.size()));
      if (added) {
        std::shared_ptr<arrow::Scalar> value;
        if (text.empty()) {
          value = arrow::MakeNullScalar(column.type);
        } else {
          auto parsed = delta::PartitionValueFromText(text, column.type);
          if (!parsed.ok()) return WithContext(parsed.status(), files_[f]->add().path);
          value = *std::move(parsed);
          column.by_key[KeyOf(*value)].push_back(at->second);
        }
        column.values.push_back(std::move(value));
        column.files.emplace_back();
      }
      column.files[at->second].push_back(static_cast<uint32_t>(f));
      codes_[f * columns_.size() + c] = at->second;
    }
  }
  return arrow::Status::OK();
}

arrow::Result<std::shared_ptr<arrow::Scalar>> FileIndex::PartitionValue(const IndexedFile& file,
                                                                        const std::string& name) const {
  const auto& values = file.add().partition_values;
  for (const PartitionColumn& column : columns_) {
    if (column.name != name) continue;
    const auto found = values.find(name);
    const auto code =
        column.by_text.find(found != values.end() && found->second ? *found->second : std::string());
    if (code != column.by_text.end()) return column.values[code->second];
  }
  return CorruptData(fmt::format("{}: no value of partition column {}", file.add().path, Quoted(name)));
}

std::optional<std::vector<uint32_t>> FileIndex::Candidates(const Predicate& predicate) const {
  std::optional<std::vector<uint32_t>> best;
  for (const PartitionColumn& column : columns_) {
    const auto keys = KeysRequired(predicate.root(), column.name);
    if (!keys) continue;
    std::vector<uint32_t> places;
    for (const std::string& key : *keys) {
      const auto codes = column.by_key.find(key);
      if (codes == column.by_key.end()) continue;
      for (const uint32_t code : codes->second) {
        places.insert(places.end(), column.files[code].begin(), column.files[code].end());
      }
    }
    if (best && best->size() <= places.size()) continue;
    if (keys->size() > 1) std::sort(places.begin(), places.end());
    best = std::move(places);
  }
  return best;
}

std::vector<FileIndex::Match> FileIndex::Prune(const Predicate& predicate) const {
  std::vector<Match> matches;
  if (predicate.trivial()) {
    matches.reserve(files_.size());
    for (const auto& file : files_) matches.push_back({file, Truth::kAlways});
    return matches;
  }
  const std::optional<std::vector<uint32_t>> candidates = Candidates(predicate);
  const size_t count = candidates ? candidates->size() : files_.size();
  std::vector<pq::ColumnStatistics> exact(columns_.size());
  for (size_t i = 0; i < count; ++i) {
    const size_t f = candidates ? (*candidates)[i] : i;
    const std::shared_ptr<const IndexedFile>& file = files_[f];
    const delta::FileStatistics* statistics = nullptr;
    auto bounds = [&](const std::string& name) -> const pq::ColumnStatistics* {
      for (size_t c = 0; c < columns_.size(); ++c) {
        if (columns_[c].name != name) continue;
        const auto& value = columns_[c].values[codes_[f * columns_.size() + c]];
        // As of one row, which all rows are like: null or this value.
        exact[c].null_count = value->is_valid ? 0 : 1;
        exact[c].min = exact[c].max = value;
        return &exact[c];
      }
      if (statistics == nullptr) return nullptr;
      for (const pq::ColumnStatistics& column : statistics->columns) {
        if (column.name == name) return &column;
      }
      return nullptr;
    };
    // By partition values first: they cost no parsing.
    Truth truth = predicate.Prune(bounds, 1);
    if (truth == Truth::kMaybe) {
      statistics = &file->statistics(*data_schema_);
      truth = predicate.Prune(bounds, statistics->rows.value_or(-1));
    }
    if (truth != Truth::kNever) matches.push_back({file, truth});
  }
  return matches;
}

}  // namespace marquet::table
