#include <arrow/api.h>
#include <arrow/io/api.h>
#include <fmt/format.h>
#include <parquet/arrow/reader.h>
#include <parquet/exception.h>
#include <parquet/file_reader.h>
#include <parquet/schema.h>

#include <array>

#include "marquet/base/error.h"
#include "marquet/base/text.h"
#include "marquet/delta/checkpoint.h"
#include "marquet/delta/commit_json.h"

namespace marquet::delta {
namespace {

constexpr int64_t kReadWhole = int64_t{8} << 20;  // up to here one read beats one for each column

// The leaves that are read; everything else in a checkpoint (parsed statistics, above all) is passed over.
constexpr std::array<std::string_view, 28> kLeaves = {"txn.appId",
                                                      "txn.version",
                                                      "txn.lastUpdated",  //
                                                      "add.path",
                                                      "add.partitionValues.",
                                                      "add.size",
                                                      "add.modificationTime",
                                                      "add.dataChange",  //
                                                      "add.stats",
                                                      "add.tags.",
                                                      "add.deletionVector.storageType",  //
                                                      "remove.path",
                                                      "remove.deletionTimestamp",
                                                      "remove.dataChange",
                                                      "remove.extendedFileMetadata",  //
                                                      "remove.partitionValues.",
                                                      "remove.size",  //
                                                      "metaData.id",
                                                      "metaData.name",
                                                      "metaData.description",
                                                      "metaData.format.provider",  //
                                                      "metaData.schemaString",
                                                      "metaData.partitionColumns.",
                                                      "metaData.configuration.",  //
                                                      "metaData.createdTime",
                                                      "protocol.",
                                                      "sidecar.path",
                                                      "sidecar.sizeInBytes"};

bool IsRead(std::string_view path) {
  return std::any_of(kLeaves.begin(), kLeaves.end(), [&](std::string_view leaf) {
    return leaf.back() == '.' ? path.starts_with(leaf) : path == leaf;
  });
}

// Typed access to one column of a struct, or to nothing where the checkpoint lacks it.
class Column {
 public:
  Column() = default;
  explicit Column(std::shared_ptr<arrow::Array> array) : array_(std::move(array)) {}

  bool IsNull(int64_t row) const { return array_ == nullptr || array_->IsNull(row); }

  // Null, or of another type: the given default.
  std::string_view Text(int64_t row) const {
    if (IsNull(row)) return {};
    switch (array_->type_id()) {
      case arrow::Type::STRING:
      case arrow::Type::BINARY:
        return static_cast<const arrow::BinaryArray&>(*array_).GetView(row);
      case arrow::Type::LARGE_STRING:
      case arrow::Type::LARGE_BINARY:
        return static_cast<const arrow::LargeBinaryArray&>(*array_).GetView(row);
      case arrow::Type::STRING_VIEW:
      case arrow::Type::BINARY_VIEW:
        return static_cast<const arrow::BinaryViewArray&>(*array_).GetView(row);
      default:
        return {};
    }
  }

  std::optional<int64_t> Number(int64_t row) const {
    if (IsNull(row)) return std::nullopt;
    if (array_->type_id() == arrow::Type::INT64) {
      return static_cast<const arrow::Int64Array&>(*array_).Value(row);
    }
    if (array_->type_id() == arrow::Type::INT32) {
      return static_cast<const arrow::Int32Array&>(*array_).Value(row);
    }
    return std::nullopt;
  }

  std::optional<bool> Bool(int64_t row) const {
    if (IsNull(row) || array_->type_id() != arrow::Type::BOOL) return std::nullopt;
    return static_cast<const arrow::BooleanArray&>(*array_).Value(row);
  }

  std::vector<std::string> Texts(int64_t row) const {
    std::vector<std::string> texts;
    if (IsNull(row) || array_->type_id() != arrow::Type::LIST) return texts;
    const auto& list = static_cast<const arrow::ListArray&>(*array_);
    const Column values(list.values());
    for (int64_t i = list.value_offset(row); i < list.value_offset(row + 1); ++i) {
      texts.emplace_back(values.Text(i));
    }
    return texts;
  }

 private:
  friend class MapColumn;
  std::shared_ptr<arrow::Array> array_;
};

// A map<string, string> column.
class MapColumn {
 public:
  MapColumn() = default;
  explicit MapColumn(const Column& column) {
    if (column.array_ == nullptr || column.array_->type_id() != arrow::Type::MAP) return;
    map_ = std::static_pointer_cast<arrow::MapArray>(column.array_);
    keys_ = Column(map_->keys());
    values_ = Column(map_->items());
  }

  template <typename Each>
  void ForEach(int64_t row, Each&& each) const {
    if (map_ == nullptr || map_->IsNull(row)) return;
    for (int64_t i = map_->value_offset(row); i < map_->value_offset(row + 1); ++i) {
      each(keys_.Text(i), values_.Text(i));
    }
  }

  PartitionValues Values(int64_t row) const {
    PartitionValues values;
    ForEach(row, [&](std::string_view key, std::string_view value) {
      values.emplace_hint(values.end(), std::string(key),
                          value.empty() ? std::nullopt : std::optional<std::string>(std::string(value)));
    });
    return values;
  }

  StringMap Texts(int64_t row) const {
    StringMap map;
    ForEach(row, [&](std::string_view key, std::string_view value) {
      map.emplace_hint(map.end(), std::string(key), std::string(value));
    });
    return map;
  }

 private:
  std::shared_ptr<arrow::MapArray> map_;
  Column keys_, values_;
};

// The struct column of one kind of action.
class ActionColumn {
 public:
  ActionColumn(const arrow::RecordBatch& batch, const std::string& name) {
    const auto array = batch.GetColumnByName(name);
    if (array != nullptr && array->type_id() == arrow::Type::STRUCT) {
      struct_ = std::static_pointer_cast<arrow::StructArray>(array);
    }
  }
  bool IsNull(int64_t row) const { return struct_ == nullptr || struct_->IsNull(row); }
  bool absent() const { return struct_ == nullptr || struct_->null_count() == struct_->length(); }
  Column operator[](const std::string& name) const {
    return struct_ == nullptr ? Column() : Column(struct_->GetFieldByName(name));
  }

 private:
  std::shared_ptr<arrow::StructArray> struct_;
};

arrow::Status Missing(std::string_view action, std::string_view field, int64_t row) {
  return CorruptData(fmt::format("row {}: {}.{} is absent or of an unexpected type", row, action, field));
}

arrow::Status ReadAdds(const arrow::RecordBatch& batch, int64_t first_row, CheckpointContent* content) {
  const ActionColumn add(batch, "add");
  if (add.absent()) return arrow::Status::OK();
  const Column path = add["path"], size = add["size"], modified = add["modificationTime"],
               data_change = add["dataChange"], stats = add["stats"];
  const MapColumn partition_values(add["partitionValues"]), tags(add["tags"]);
  const Column deletion_vector = add["deletionVector"];
  content->files.reserve(content->files.size() + batch.num_rows());
  for (int64_t row = 0; row < batch.num_rows(); ++row) {
    if (add.IsNull(row)) continue;
    auto file = std::make_shared<AddFile>();
    if (path.Text(row).empty()) return Missing("add", "path", first_row + row);
    ARROW_ASSIGN_OR_RAISE(file->path, DecodePath(path.Text(row)));
    if (!deletion_vector.IsNull(row)) {
      return Unsupported(
          fmt::format("{} has a deletion vector (feature deletionVectors)", Quoted(file->path)));
    }
    const auto bytes = size.Number(row);
    if (!bytes || *bytes < 0) return Missing("add", "size", first_row + row);
    file->size = *bytes;
    file->partition_values = partition_values.Values(row);
    file->modification_time_ms = modified.Number(row).value_or(0);
    file->data_change = data_change.Bool(row).value_or(false);
    file->stats = stats.Text(row);
    file->tags = tags.Texts(row);
    content->files.push_back(std::move(file));
  }
  return arrow::Status::OK();
}

arrow::Status ReadRemoves(const arrow::RecordBatch& batch, int64_t first_row, CheckpointContent* content) {
  const ActionColumn remove(batch, "remove");
  if (remove.absent()) return arrow::Status::OK();
  const Column path = remove["path"], deleted = remove["deletionTimestamp"], size = remove["size"],
               data_change = remove["dataChange"], extended = remove["extendedFileMetadata"];
  const MapColumn partition_values(remove["partitionValues"]);
  for (int64_t row = 0; row < batch.num_rows(); ++row) {
    if (remove.IsNull(row)) continue;
    RemoveFile file;
    if (path.Text(row).empty()) return Missing("remove", "path", first_row + row);
    ARROW_ASSIGN_OR_RAISE(file.path, DecodePath(path.Text(row)));
    file.deletion_time_ms = deleted.Number(row);
    file.data_change = data_change.Bool(row).value_or(false);
    file.extended_file_metadata = extended.Bool(row).value_or(false);
    file.partition_values = partition_values.Values(row);
    file.size = size.Number(row);
    content->rest.emplace_back(std::move(file));
  }
  return arrow::Status::OK();
}

arrow::Status ReadTransactions(const arrow::RecordBatch& batch, int64_t first_row,
                               CheckpointContent* content) {
  const ActionColumn txn(batch, "txn");
  if (txn.absent()) return arrow::Status::OK();
  const Column app_id = txn["appId"], version = txn["version"], updated = txn["lastUpdated"];
  for (int64_t row = 0; row < batch.num_rows(); ++row) {
    if (txn.IsNull(row)) continue;
    if (app_id.IsNull(row)) return Missing("txn", "appId", first_row + row);
    const auto number = version.Number(row);
    if (!number) return Missing("txn", "version", first_row + row);
    content->rest.emplace_back(Transaction{std::string(app_id.Text(row)), *number, updated.Number(row)});
  }
  return arrow::Status::OK();
}

arrow::Status ReadTableActions(const arrow::RecordBatch& batch, int64_t first_row,
                               CheckpointContent* content) {
  const ActionColumn protocol(batch, "protocol"), metadata(batch, "metaData");
  for (int64_t row = 0; row < batch.num_rows() && !protocol.absent(); ++row) {
    if (protocol.IsNull(row)) continue;
    const auto reader = protocol["minReaderVersion"].Number(row);
    const auto writer = protocol["minWriterVersion"].Number(row);
    if (!reader || *reader < 1 || *reader > INT32_MAX) {
      return Missing("protocol", "minReaderVersion", first_row + row);
    }
    if (!writer || *writer < 1 || *writer > INT32_MAX) {
      return Missing("protocol", "minWriterVersion", first_row + row);
    }
    content->rest.emplace_back(Protocol{static_cast<int>(*reader), static_cast<int>(*writer),
                                        protocol["readerFeatures"].Texts(row),
                                        protocol["writerFeatures"].Texts(row)});
  }
  for (int64_t row = 0; row < batch.num_rows() && !metadata.absent(); ++row) {
    if (metadata.IsNull(row)) continue;
    Metadata table;
    table.id = metadata["id"].Text(row);
    table.name = metadata["name"].Text(row);
    table.description = metadata["description"].Text(row);
    table.schema_string = metadata["schemaString"].Text(row);
    table.partition_columns = metadata["partitionColumns"].Texts(row);
    table.configuration = MapColumn(metadata["configuration"]).Texts(row);
    table.created_time_ms = metadata["createdTime"].Number(row);
    content->rest.emplace_back(std::move(table));
  }
  return arrow::Status::OK();
}

arrow::Status ReadBatch(const arrow::RecordBatch& batch, int64_t first_row, CheckpointContent* content,
                        std::vector<std::string>* sidecars) {
  ARROW_RETURN_NOT_OK(ReadTableActions(batch, first_row, content));
  ARROW_RETURN_NOT_OK(ReadTransactions(batch, first_row, content));
  ARROW_RETURN_NOT_OK(ReadAdds(batch, first_row, content));
  ARROW_RETURN_NOT_OK(ReadRemoves(batch, first_row, content));
  const ActionColumn sidecar(batch, "sidecar");
  for (int64_t row = 0; row < batch.num_rows() && !sidecar.absent(); ++row) {
    if (!sidecar.IsNull(row)) sidecars->emplace_back(sidecar["path"].Text(row));
  }
  return arrow::Status::OK();
}

arrow::Status ReadParquet(file::FileSystem& fs, const std::string& path, CheckpointContent* content,
                          std::vector<std::string>* sidecars) {
  ARROW_ASSIGN_OR_RAISE(std::shared_ptr<arrow::io::RandomAccessFile> source, fs.OpenForReading(path));
  ARROW_ASSIGN_OR_RAISE(const int64_t size, source->GetSize());
  if (size <= kReadWhole) {
    ARROW_ASSIGN_OR_RAISE(auto bytes, source->ReadAt(0, size));
    source = std::make_shared<arrow::io::BufferReader>(std::move(bytes));
  }
  auto file = parquet::ParquetFileReader::Open(std::move(source));
  const parquet::SchemaDescriptor& schema = *file->metadata()->schema();
  std::vector<int> leaves;
  for (int i = 0; i < schema.num_columns(); ++i) {
    if (IsRead(schema.Column(i)->path()->ToDotString())) leaves.push_back(i);
  }
  if (leaves.empty()) return CorruptData("none of its columns is one of a checkpoint");
  std::vector<int> row_groups(file->metadata()->num_row_groups());
  for (size_t i = 0; i < row_groups.size(); ++i) row_groups[i] = static_cast<int>(i);

  parquet::ArrowReaderProperties properties(/*use_threads=*/false);
  properties.set_batch_size(16'384);
  ARROW_ASSIGN_OR_RAISE(const auto reader, parquet::arrow::FileReader::Make(arrow::default_memory_pool(),
                                                                            std::move(file), properties));
  ARROW_ASSIGN_OR_RAISE(auto batches, reader->GetRecordBatchReader(row_groups, leaves));
  int64_t first_row = 0;
  for (;;) {
    std::shared_ptr<arrow::RecordBatch> batch;
    ARROW_RETURN_NOT_OK(batches->ReadNext(&batch));
    if (batch == nullptr) return arrow::Status::OK();
    ARROW_RETURN_NOT_OK(ReadBatch(*batch, first_row, content, sidecars));
    first_row += batch->num_rows();
  }
}

// Turns what Arrow's Parquet layer returns or throws for damaged bytes into kCorruptData. Storage errors and
// our own keep their kind.
arrow::Status ReadParquetGuarded(file::FileSystem& fs, const std::string& path, CheckpointContent* content,
                                 std::vector<std::string>* sidecars) {
  arrow::Status status;
  try {
    status = ReadParquet(fs, path, content, sidecars);
  } catch (const std::exception& error) {
    status = CorruptData(error.what());
  }
  if (status.ok()) return status;
  if (status.detail() == nullptr) status = AsKind(status, ErrorKind::kCorruptData);
  return WithContext(status, path);
}

arrow::Status ReadOne(file::FileSystem& fs, const std::string& path, CheckpointContent* content,
                      std::vector<std::string>* sidecars) {
  if (!path.ends_with(".json")) return ReadParquetGuarded(fs, path, content, sidecars);
  ARROW_ASSIGN_OR_RAISE(const std::string text, file::ReadAll(fs, path));
  ARROW_ASSIGN_OR_RAISE(CheckpointJson read, CheckpointFromJson(text, path));
  for (Action& action : read.actions) {
    if (auto* add = std::get_if<AddFile>(&action)) {
      content->files.push_back(std::make_shared<const AddFile>(std::move(*add)));
    } else {
      content->rest.push_back(std::move(action));
    }
  }
  *sidecars = std::move(read.sidecars);
  return arrow::Status::OK();
}

}  // namespace

arrow::Result<CheckpointContent> ReadCheckpoint(const std::shared_ptr<file::FileSystem>& fs,
                                                const std::string& log_directory,
                                                const CheckpointFiles& files) {
  CheckpointContent content;
  std::vector<std::string> sidecars;
  for (const std::string& name : files.names) {
    ARROW_RETURN_NOT_OK(ReadOne(*fs, file::JoinPath(log_directory, name), &content, &sidecars));
  }
  for (const std::string& name : sidecars) {
    if (name.empty() || name.find('/') != name.npos) {
      return CorruptData(fmt::format("{}: the sidecar {} is not a file name", files.names[0], Quoted(name)));
    }
    std::vector<std::string> nested;
    const std::string path = file::JoinPath(file::JoinPath(log_directory, "_sidecars"), name);
    ARROW_RETURN_NOT_OK(ReadOne(*fs, path, &content, &nested));
  }
  // A checkpoint without these cannot stand for the log before it.
  const auto holds = [&](auto is) { return std::any_of(content.rest.begin(), content.rest.end(), is); };
  if (!holds([](const Action& action) { return std::holds_alternative<Protocol>(action); }) ||
      !holds([](const Action& action) { return std::holds_alternative<Metadata>(action); })) {
    return CorruptData(fmt::format("{}: a checkpoint without protocol or metaData",
                                   file::JoinPath(log_directory, files.names[0])));
  }
  return content;
}

}  // namespace marquet::delta
