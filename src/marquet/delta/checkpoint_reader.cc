#include "marquet/delta/checkpoint.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "marquet/base/error.h"
#include "marquet/base/text.h"
#include "marquet/delta/checkpoint_columns_internal.h"
#include "marquet/delta/checkpoint_digest_internal.h"
#include "marquet/delta/checkpoint_leaves.h"
#include "marquet/delta/commit_json.h"
#include "marquet/delta/log_path_internal.h"
#include "parquet/exception.h"
#include "parquet/metadata.h"
#include "parquet/schema.h"

namespace marquet::delta {
namespace {

// Files of one block lie next to each other in memory, and their memory is freed together.
constexpr size_t kBlockFiles = SharedList<AddFile>::kChunk;

// Partition values in the order of their keys, as checkpoints mostly have them. An empty text stands for
// null.
void PutValue(std::string_view key, std::string_view value, PartitionValues* values) {
  values->emplace_hint(values->end(), key,
                       value.empty() ? std::nullopt : std::optional<std::string>(std::in_place, value));
}

arrow::Status Missing(std::string_view action, std::string_view field, int64_t row) {
  return CorruptData(fmt::format("row {}: {}.{} is absent or of an unexpected type", row, action, field));
}

arrow::Status ReadAdds(CheckpointLeaves* leaves, CheckpointContent* content) {
  ARROW_ASSIGN_OR_RAISE(const auto rows, leaves->RowsWith("add", "path"));
  std::vector<std::shared_ptr<std::vector<AddFile>>> blocks;
  for (size_t made = 0; made < rows.size(); made += kBlockFiles) {
    blocks.push_back(std::make_shared<std::vector<AddFile>>(std::min(kBlockFiles, rows.size() - made)));
  }
  const auto file = [&](size_t i) -> AddFile& { return (*blocks[i / kBlockFiles])[i % kBlockFiles]; };
  for (size_t i = 0; i < rows.size(); ++i) {
    file(i).size = -1;
    file(i).data_change = false;
  }
  ARROW_RETURN_NOT_OK(
      leaves->ForEach("add.path", rows, [&](size_t i, const CheckpointLeaf& leaf) -> arrow::Status {
        if (leaf.text().empty()) return arrow::Status::OK();
        ARROW_ASSIGN_OR_RAISE(file(i).path, DecodePath(leaf.text()));
        return arrow::Status::OK();
      }));
  ARROW_RETURN_NOT_OK(leaves->ForEach("add.size", rows, [&](size_t i, const CheckpointLeaf& leaf) {
    if (leaf.is_number()) file(i).size = leaf.number();
    return arrow::Status::OK();
  }));
  for (size_t i = 0; i < rows.size(); ++i) {
    if (file(i).path.empty()) return Missing("add", "path", leaves->first_row() + rows[i]);
    if (file(i).size < 0) return Missing("add", "size", leaves->first_row() + rows[i]);
  }
  ARROW_RETURN_NOT_OK(
      leaves->ForEach("add.deletionVector.storageType", rows, [&](size_t i, const CheckpointLeaf&) {
        return Unsupported(
            fmt::format("{} has a deletion vector (feature deletionVectors)", Quoted(file(i).path)));
      }));
  ARROW_RETURN_NOT_OK(
      leaves->ForEach("add.modificationTime", rows, [&](size_t i, const CheckpointLeaf& leaf) {
        file(i).modification_time_ms = leaf.number();
        return arrow::Status::OK();
      }));
  ARROW_RETURN_NOT_OK(leaves->ForEach("add.dataChange", rows, [&](size_t i, const CheckpointLeaf& leaf) {
    file(i).data_change = leaf.flag();
    return arrow::Status::OK();
  }));
  ARROW_RETURN_NOT_OK(leaves->ForEach("add.stats", rows, [&](size_t i, const CheckpointLeaf& leaf) {
    file(i).stats = leaf.text();
    return arrow::Status::OK();
  }));
  ARROW_RETURN_NOT_OK(leaves->ForEachPair("add.partitionValues", rows,
                                          [&](size_t i, std::string_view key, std::string_view value) {
                                            PutValue(key, value, &file(i).partition_values);
                                          }));
  ARROW_RETURN_NOT_OK(
      leaves->ForEachPair("add.tags", rows, [&](size_t i, std::string_view key, std::string_view value) {
        file(i).tags.emplace_hint(file(i).tags.end(), key, value);
      }));
  content->files.reserve(content->files.size() + rows.size());
  for (size_t i = 0; i < rows.size(); ++i) content->files.emplace_back(blocks[i / kBlockFiles], &file(i));
  return arrow::Status::OK();
}

arrow::Status ReadRemoves(CheckpointLeaves* leaves, CheckpointContent* content) {
  ARROW_ASSIGN_OR_RAISE(const auto rows, leaves->RowsWith("remove", "path"));
  if (rows.empty()) return arrow::Status::OK();
  std::vector<RemoveFile> files(rows.size());
  for (RemoveFile& file : files) file.data_change = false;
  ARROW_RETURN_NOT_OK(
      leaves->ForEach("remove.path", rows, [&](size_t i, const CheckpointLeaf& leaf) -> arrow::Status {
        if (leaf.text().empty()) return arrow::Status::OK();
        ARROW_ASSIGN_OR_RAISE(files[i].path, DecodePath(leaf.text()));
        return arrow::Status::OK();
      }));
  for (size_t i = 0; i < rows.size(); ++i) {
    if (files[i].path.empty()) return Missing("remove", "path", leaves->first_row() + rows[i]);
  }
  ARROW_RETURN_NOT_OK(
      leaves->ForEach("remove.deletionTimestamp", rows, [&](size_t i, const CheckpointLeaf& leaf) {
        if (leaf.is_number()) files[i].deletion_time_ms = leaf.number();
        return arrow::Status::OK();
      }));
  ARROW_RETURN_NOT_OK(leaves->ForEach("remove.dataChange", rows, [&](size_t i, const CheckpointLeaf& leaf) {
    files[i].data_change = leaf.flag();
    return arrow::Status::OK();
  }));
  ARROW_RETURN_NOT_OK(
      leaves->ForEach("remove.extendedFileMetadata", rows, [&](size_t i, const CheckpointLeaf& leaf) {
        files[i].extended_file_metadata = leaf.flag();
        return arrow::Status::OK();
      }));
  ARROW_RETURN_NOT_OK(leaves->ForEach("remove.size", rows, [&](size_t i, const CheckpointLeaf& leaf) {
    if (leaf.is_number()) files[i].size = leaf.number();
    return arrow::Status::OK();
  }));
  ARROW_RETURN_NOT_OK(leaves->ForEachPair("remove.partitionValues", rows,
                                          [&](size_t i, std::string_view key, std::string_view value) {
                                            PutValue(key, value, &files[i].partition_values);
                                          }));
  for (RemoveFile& file : files) content->rest.emplace_back(std::move(file));
  return arrow::Status::OK();
}

arrow::Status ReadTransactions(CheckpointLeaves* leaves, CheckpointContent* content) {
  ARROW_ASSIGN_OR_RAISE(const auto rows, leaves->RowsWith("txn", "appId"));
  if (rows.empty()) return arrow::Status::OK();
  std::vector<std::optional<std::string>> app_ids(rows.size());
  std::vector<std::optional<int64_t>> versions(rows.size()), updated(rows.size());
  ARROW_RETURN_NOT_OK(leaves->ForEach("txn.appId", rows, [&](size_t i, const CheckpointLeaf& leaf) {
    app_ids[i] = leaf.text();
    return arrow::Status::OK();
  }));
  ARROW_RETURN_NOT_OK(leaves->ForEach("txn.version", rows, [&](size_t i, const CheckpointLeaf& leaf) {
    if (leaf.is_number()) versions[i] = leaf.number();
    return arrow::Status::OK();
  }));
  ARROW_RETURN_NOT_OK(leaves->ForEach("txn.lastUpdated", rows, [&](size_t i, const CheckpointLeaf& leaf) {
    if (leaf.is_number()) updated[i] = leaf.number();
    return arrow::Status::OK();
  }));
  for (size_t i = 0; i < rows.size(); ++i) {
    if (!app_ids[i]) return Missing("txn", "appId", leaves->first_row() + rows[i]);
    if (!versions[i]) return Missing("txn", "version", leaves->first_row() + rows[i]);
    content->rest.emplace_back(Transaction{std::move(*app_ids[i]), *versions[i], updated[i]});
  }
  return arrow::Status::OK();
}

arrow::Status ReadProtocols(CheckpointLeaves* leaves, CheckpointContent* content) {
  ARROW_ASSIGN_OR_RAISE(const auto rows, leaves->RowsWith("protocol", "minReaderVersion"));
  if (rows.empty()) return arrow::Status::OK();
  std::vector<Protocol> protocols(rows.size());
  for (const auto& [name, version] : {std::pair{"minReaderVersion", &Protocol::min_reader_version},
                                      std::pair{"minWriterVersion", &Protocol::min_writer_version}}) {
    for (Protocol& protocol : protocols) protocol.*version = 0;
    ARROW_RETURN_NOT_OK(leaves->ForEach(std::string("protocol.") + name, rows,
                                        [&, version = version](size_t i, const CheckpointLeaf& leaf) {
                                          if (leaf.number() >= 1 && leaf.number() <= INT32_MAX) {
                                            protocols[i].*version = static_cast<int>(leaf.number());
                                          }
                                          return arrow::Status::OK();
                                        }));
    for (size_t i = 0; i < rows.size(); ++i) {
      if (protocols[i].*version == 0) return Missing("protocol", name, leaves->first_row() + rows[i]);
    }
  }
  ARROW_RETURN_NOT_OK(leaves->ForEachElement(
      "protocol.readerFeatures", rows,
      [&](size_t i, std::string_view feature) { protocols[i].reader_features.emplace_back(feature); }));
  ARROW_RETURN_NOT_OK(leaves->ForEachElement(
      "protocol.writerFeatures", rows,
      [&](size_t i, std::string_view feature) { protocols[i].writer_features.emplace_back(feature); }));
  for (Protocol& protocol : protocols) content->rest.emplace_back(std::move(protocol));
  return arrow::Status::OK();
}

arrow::Status ReadMetadata(CheckpointLeaves* leaves, CheckpointContent* content) {
  ARROW_ASSIGN_OR_RAISE(const auto rows, leaves->RowsWith("metaData", "id"));
  if (rows.empty()) return arrow::Status::OK();
  std::vector<Metadata> tables(rows.size());
  for (const auto& [name, text] : {std::pair{"id", &Metadata::id}, std::pair{"name", &Metadata::name},
                                   std::pair{"description", &Metadata::description},
                                   std::pair{"schemaString", &Metadata::schema_string}}) {
    ARROW_RETURN_NOT_OK(leaves->ForEach(std::string("metaData.") + name, rows,
                                        [&, text = text](size_t i, const CheckpointLeaf& leaf) {
                                          tables[i].*text = leaf.text();
                                          return arrow::Status::OK();
                                        }));
  }
  ARROW_RETURN_NOT_OK(leaves->ForEachElement(
      "metaData.partitionColumns", rows,
      [&](size_t i, std::string_view column) { tables[i].partition_columns.emplace_back(column); }));
  ARROW_RETURN_NOT_OK(leaves->ForEachPair("metaData.configuration", rows,
                                          [&](size_t i, std::string_view key, std::string_view value) {
                                            tables[i].configuration.emplace(key, value);
                                          }));
  ARROW_RETURN_NOT_OK(
      leaves->ForEach("metaData.createdTime", rows, [&](size_t i, const CheckpointLeaf& leaf) {
        if (leaf.is_number()) tables[i].created_time_ms = leaf.number();
        return arrow::Status::OK();
      }));
  for (Metadata& table : tables) content->rest.emplace_back(std::move(table));
  return arrow::Status::OK();
}

arrow::Status ReadParquet(file::FileSystem& fs, const std::string& path, CheckpointContent* content,
                          std::vector<std::string>* sidecars) {
  const auto opened = pq::LeafFile::Open(fs, path);
  if (!opened.ok()) {
    // A bit may make a footer one that is not supported; that of a damaged file says nothing.
    ARROW_ASSIGN_OR_RAISE(const auto bytes, fs.OpenForReading(path));
    ARROW_RETURN_NOT_OK(CheckCheckpointDigest(*bytes).status());
    return opened.status();
  }
  const auto& file = *opened;
  const parquet::FileMetaData& footer = file->footer();
  ARROW_RETURN_NOT_OK(CheckCheckpointDigest(file->bytes()).status());
  ARROW_RETURN_NOT_OK(CheckCheckpointColumns(*footer.schema()));
  std::map<std::string, int> names;
  for (int i = 0; i < footer.num_columns(); ++i) {
    names.emplace(footer.schema()->Column(i)->path()->ToDotString(), i);
  }
  int64_t first_row = 0;
  for (int group = 0; group < footer.num_row_groups(); ++group) {
    CheckpointLeaves leaves(*file, names, group, first_row);
    ARROW_RETURN_NOT_OK(ReadProtocols(&leaves, content));
    ARROW_RETURN_NOT_OK(ReadMetadata(&leaves, content));
    ARROW_RETURN_NOT_OK(ReadTransactions(&leaves, content));
    ARROW_RETURN_NOT_OK(ReadAdds(&leaves, content));
    ARROW_RETURN_NOT_OK(ReadRemoves(&leaves, content));
    ARROW_ASSIGN_OR_RAISE(const auto rows, leaves.RowsWith("sidecar", "path"));
    std::vector<std::string> found(rows.size());
    ARROW_RETURN_NOT_OK(leaves.ForEach("sidecar.path", rows, [&](size_t i, const CheckpointLeaf& leaf) {
      found[i] = leaf.text();
      return arrow::Status::OK();
    }));
    sidecars->insert(sidecars->end(), found.begin(), found.end());
    first_row += footer.RowGroup(group)->num_rows();
  }
  return arrow::Status::OK();
}

// Turns what Arrow's Parquet layer returns or throws for damaged bytes into kCorruptData. Storage errors and
// our own keep their kind.
arrow::Status ReadParquetGuarded(file::FileSystem& fs, const std::string& path, CheckpointContent* content,
                                 std::vector<std::string>* sidecars) {
  arrow::Status status;
  try {
    status = ReadParquet(fs, path, content, sidecars);
  } catch (const parquet::ParquetStatusException& error) {
    status = error.status();  // the storage's own, passed through Arrow
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
      return CorruptData(fmt::format("{}: the sidecar {} is not a file name",
                                     file::JoinPath(log_directory, files.names[0]), Quoted(name)));
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
