#include <arrow/api.h>
#include <arrow/io/memory.h>
#include <arrow/util/key_value_metadata.h>
#include <fmt/format.h>
#include <parquet/arrow/reader.h>
#include <parquet/arrow/writer.h>
#include <parquet/exception.h>
#include <parquet/file_reader.h>
#include <parquet/properties.h>

#include "marquet/base/error.h"
#include "marquet/base/exceptions.h"
#include "marquet/delta/checkpoint.h"
#include "marquet/delta/checkpoint_digest_internal.h"
#include "marquet/delta/log_path_internal.h"
#include "marquet/file/durable_file.h"

namespace marquet::delta {
namespace {

using arrow::Status;

std::shared_ptr<arrow::DataType> StringMapType() {
  return arrow::map(arrow::utf8(), arrow::field("value", arrow::utf8()));
}

std::shared_ptr<arrow::DataType> TextListType() {
  return arrow::list(arrow::field("element", arrow::utf8()));
}

std::shared_ptr<arrow::Schema> CheckpointSchema() {
  static const std::shared_ptr<arrow::Schema> schema = [] {
    using arrow::boolean, arrow::field, arrow::int32, arrow::int64, arrow::struct_, arrow::utf8;
    return arrow::schema({
        field("txn",
              struct_({field("appId", utf8()), field("version", int64()), field("lastUpdated", int64())})),
        field("add", struct_({field("path", utf8()), field("partitionValues", StringMapType()),
                              field("size", int64()), field("modificationTime", int64()),
                              field("dataChange", boolean()), field("stats", utf8()),
                              field("tags", StringMapType())})),
        field("remove", struct_({field("path", utf8()), field("deletionTimestamp", int64()),
                                 field("dataChange", boolean()), field("extendedFileMetadata", boolean()),
                                 field("partitionValues", StringMapType()), field("size", int64())})),
        field(
            "metaData",
            struct_({field("id", utf8()), field("name", utf8()), field("description", utf8()),
                     field("format", struct_({field("provider", utf8()), field("options", StringMapType())})),
                     field("schemaString", utf8()), field("partitionColumns", TextListType()),
                     field("configuration", StringMapType()), field("createdTime", int64())})),
        field("protocol",
              struct_({field("minReaderVersion", int32()), field("minWriterVersion", int32()),
                       field("readerFeatures", TextListType()), field("writerFeatures", TextListType())})),
    });
  }();
  return schema;
}

// Appends to the children of a struct builder, in the order of its fields.
class Row {
 public:
  explicit Row(arrow::ArrayBuilder* builder) : struct_(static_cast<arrow::StructBuilder*>(builder)) {
    Keep(struct_->Append());
  }

  Row& Text(std::string_view text) { return Keep(Next<arrow::StringBuilder>()->Append(text)); }
  Row& TextOrNull(std::string_view text) {
    auto* builder = Next<arrow::StringBuilder>();
    return Keep(text.empty() ? builder->AppendNull() : builder->Append(text));
  }
  Row& Number(std::optional<int64_t> number) {
    auto* builder = Next<arrow::Int64Builder>();
    return Keep(number ? builder->Append(*number) : builder->AppendNull());
  }
  Row& Version(int32_t version) { return Keep(Next<arrow::Int32Builder>()->Append(version)); }
  Row& Bool(bool value) { return Keep(Next<arrow::BooleanBuilder>()->Append(value)); }
  Row& Texts(const std::vector<std::string>* texts) {
    auto* list = Next<arrow::ListBuilder>();
    if (texts == nullptr) return Keep(list->AppendNull());
    Keep(list->Append());
    for (const std::string& text : *texts) {
      Keep(static_cast<arrow::StringBuilder*>(list->value_builder())->Append(text));
    }
    return *this;
  }
  template <typename Map>
  Row& TextMap(const Map& map) {
    auto* builder = Next<arrow::MapBuilder>();
    Keep(builder->Append());
    auto* keys = static_cast<arrow::StringBuilder*>(builder->key_builder());
    auto* values = static_cast<arrow::StringBuilder*>(builder->item_builder());
    for (const auto& [key, value] : map) {
      Keep(keys->Append(key));
      const std::optional<std::string_view> text = value;
      Keep(text ? values->Append(*text) : values->AppendNull());
    }
    return *this;
  }
  Row& Null() { return Keep(struct_->field_builder(next_++)->AppendNull()); }
  Row Nested() { return Row(struct_->field_builder(next_++)); }

  Status status() const { return status_; }

 private:
  template <typename Builder>
  Builder* Next() {
    return static_cast<Builder*>(struct_->field_builder(next_++));
  }
  Row& Keep(Status status) {
    if (status_.ok() && !status.ok()) status_ = std::move(status);
    return *this;
  }

  arrow::StructBuilder* struct_;
  int next_ = 0;
  Status status_;
};

enum Place { kTxn, kAdd, kRemove, kMetadata, kProtocol };

// One row an action: its own struct, null in the others. Rows of a kind are contiguous, so the nulls of the
// other kinds come in runs.
class Rows {
 public:
  static arrow::Result<std::shared_ptr<arrow::RecordBatch>> Build(const Snapshot& snapshot) {
    ARROW_ASSIGN_OR_RAISE(auto builder,
                          arrow::RecordBatchBuilder::Make(CheckpointSchema(), arrow::default_memory_pool()));
    Rows rows(builder.get());
    ARROW_RETURN_NOT_OK(rows.AppendProtocol(snapshot.protocol));
    ARROW_RETURN_NOT_OK(rows.AppendMetadata(snapshot.metadata));
    ARROW_RETURN_NOT_OK(rows.AppendTransactions(snapshot.transactions));
    ARROW_RETURN_NOT_OK(rows.AppendRemoves(snapshot.tombstones));
    ARROW_RETURN_NOT_OK(rows.AppendAdds(snapshot.files));
    return builder->Flush();
  }

 private:
  explicit Rows(arrow::RecordBatchBuilder* builder) : builder_(builder) {}

  arrow::ArrayBuilder* column(Place place) { return builder_->GetField(place); }

  Status PadOthers(Place place, int64_t rows) {
    for (int other = 0; other < builder_->num_fields(); ++other) {
      if (other != place) ARROW_RETURN_NOT_OK(builder_->GetField(other)->AppendNulls(rows));
    }
    return Status::OK();
  }

  Status AppendProtocol(const Protocol& protocol) {
    Row row(column(kProtocol));
    row.Version(protocol.min_reader_version).Version(protocol.min_writer_version);
    row.Texts(protocol.min_reader_version >= 3 ? &protocol.reader_features : nullptr);
    row.Texts(protocol.min_writer_version >= 7 ? &protocol.writer_features : nullptr);
    ARROW_RETURN_NOT_OK(row.status());
    return PadOthers(kProtocol, 1);
  }

  Status AppendMetadata(const Metadata& metadata) {
    Row row(column(kMetadata));
    row.Text(metadata.id).TextOrNull(metadata.name).TextOrNull(metadata.description);
    ARROW_RETURN_NOT_OK(row.Nested().Text("parquet").TextMap(StringMap()).status());
    row.Text(metadata.schema_string).Texts(&metadata.partition_columns).TextMap(metadata.configuration);
    row.Number(metadata.created_time_ms);
    ARROW_RETURN_NOT_OK(row.status());
    return PadOthers(kMetadata, 1);
  }

  Status AppendTransactions(const TransactionMap& transactions) {
    for (const auto& transaction : transactions.Sorted()) {
      Row row(column(kTxn));
      row.Text(transaction->app_id).Number(transaction->version).Number(transaction->last_updated_ms);
      ARROW_RETURN_NOT_OK(row.status());
    }
    return PadOthers(kTxn, static_cast<int64_t>(transactions.size()));
  }

  Status AppendRemoves(const SharedList<RemoveFile>& removes) {
    for (const auto& remove : removes) {
      Row row(column(kRemove));
      row.Text(EncodePath(remove->path)).Number(remove->deletion_time_ms).Bool(false);
      row.Bool(remove->extended_file_metadata);
      if (remove->extended_file_metadata) {
        row.TextMap(remove->partition_values).Number(remove->size);
      } else {
        row.Null().Null();
      }
      ARROW_RETURN_NOT_OK(row.status());
    }
    return PadOthers(kRemove, static_cast<int64_t>(removes.size()));
  }

  Status AppendAdds(const SharedList<AddFile>& files) {
    for (const auto& file : files) {
      Row row(column(kAdd));
      // "dataChange" says nothing of a state, so a checkpoint always has it false.
      row.Text(EncodePath(file->path)).TextMap(file->partition_values).Number(file->size);
      row.Number(file->modification_time_ms).Bool(false).TextOrNull(file->stats);
      if (file->tags.empty()) {
        row.Null();
      } else {
        row.TextMap(file->tags);
      }
      ARROW_RETURN_NOT_OK(row.status());
    }
    return PadOthers(kAdd, static_cast<int64_t>(files.size()));
  }

  arrow::RecordBatchBuilder* builder_;
};

Status WriteParquet(const arrow::RecordBatch& rows, const std::shared_ptr<file::DurableFile>& file) {
  // Paths, statistics and digests differ from row to row: a dictionary of them would be built in vain.
  const auto properties = parquet::WriterProperties::Builder()
                              .compression(arrow::Compression::SNAPPY)
                              ->disable_dictionary()
                              ->enable_dictionary("add.partitionValues.key_value.key")
                              ->enable_dictionary("add.partitionValues.key_value.value")
                              ->enable_dictionary("add.tags.key_value.key")
                              ->disable_statistics()
                              ->enable_page_checksum()
                              ->max_row_group_length(int64_t{1} << 20)
                              ->build();
  // In memory, where it is smaller than the rows, because the digest stands before the end of what it covers.
  ARROW_ASSIGN_OR_RAISE(auto memory, arrow::io::BufferOutputStream::Create());
  std::unique_ptr<parquet::arrow::FileWriter> writer;
  ARROW_ASSIGN_OR_RAISE(writer, parquet::arrow::FileWriter::Open(*rows.schema(), arrow::default_memory_pool(),
                                                                 memory, properties));
  ARROW_RETURN_NOT_OK(writer->WriteRecordBatch(rows));
  ARROW_RETURN_NOT_OK(writer->AddKeyValueMetadata(
      arrow::KeyValueMetadata::Make({kCheckpointDigestKey}, {CheckpointDigestToCome()})));
  ARROW_RETURN_NOT_OK(writer->Close());
  ARROW_ASSIGN_OR_RAISE(const auto whole, memory->Finish());
  const auto bytes = std::string_view(*whole);
  ARROW_ASSIGN_OR_RAISE(const CheckpointDigest digest, DigestOfCheckpoint(bytes));
  ARROW_RETURN_NOT_OK(file->Write(bytes.data(), digest.place));
  ARROW_RETURN_NOT_OK(file->Write(digest.digits));
  const int64_t behind = digest.place + static_cast<int64_t>(digest.digits.size());
  ARROW_RETURN_NOT_OK(file->Write(bytes.data() + behind, whole->size() - behind));
  ARROW_RETURN_NOT_OK(file->Sync());
  ARROW_ASSIGN_OR_RAISE(auto written, file->OpenWritten());
  ARROW_ASSIGN_OR_RAISE(const bool digested, CheckCheckpointDigest(*written));
  if (!digested) return CorruptData(fmt::format("{}: its digest is not there", file->path()));
  const int64_t count = parquet::ParquetFileReader::Open(written)->metadata()->num_rows();
  if (count != rows.num_rows()) {
    return CorruptData(
        fmt::format("{}: {} rows were written, {} are there", file->path(), rows.num_rows(), count));
  }
  return Status::OK();
}

Status WriteParquetGuarded(const arrow::RecordBatch& rows, const std::shared_ptr<file::DurableFile>& file) {
  try {
    return WriteParquet(rows, file);
  } catch (const parquet::ParquetStatusException& error) {
    return error.status();  // the storage's own, passed through Arrow
  } catch (const parquet::ParquetException& error) {
    return CorruptData(fmt::format("{}: {}", file->path(), error.what()));
  } catch (...) {
    return StatusOfException(file->path());
  }
}

}  // namespace

//   1. Write the checkpoint under a temporary name, sync it, read its footer back.   Crash: nothing visible.
//   2. Publish it as <version>.checkpoint.parquet unless that name is taken, and     Crash: a complete
//      sync the directory.                                                           checkpoint that only a
//                                                                                    listing finds.
//   3. Put _last_checkpoint in place of the old one, if that points at an older      Crash: the old pointer
//      version, and sync the directory.                                              or the new one.
Status WriteCheckpoint(const std::shared_ptr<file::FileSystem>& fs, const std::string& log_directory,
                       const Snapshot& snapshot) {
  ARROW_ASSIGN_OR_RAISE(const auto rows, Rows::Build(snapshot));
  const std::string path = file::JoinPath(log_directory, CheckpointName(snapshot.version));
  ARROW_ASSIGN_OR_RAISE(const auto file, file::DurableFile::Create(fs, path));
  ARROW_RETURN_NOT_OK(WriteParquetGuarded(*rows, file));
  const Status published = file->Publish();
  // Someone else was first: the pointer is theirs to move, once they know that theirs is complete.
  if (IsKind(published, ErrorKind::kAlreadyExists)) return Status::OK();
  ARROW_RETURN_NOT_OK(published);

  const auto pointer = ReadLastCheckpoint(*fs, log_directory);
  if (pointer.ok() && pointer->version >= snapshot.version) return Status::OK();
  return file::PutReplacing(
      fs, file::JoinPath(log_directory, "_last_checkpoint"),
      fmt::format("{{\"version\":{},\"size\":{},\"sizeInBytes\":{},\"numOfAddFiles\":{}}}", snapshot.version,
                  rows->num_rows(), file->size(), snapshot.files.size()));
}

}  // namespace marquet::delta
