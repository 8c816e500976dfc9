#include "marquet/parquet/format/arrow_schema_internal.h"

#include "arrow/type.h"
#include "arrow/util/key_value_metadata.h"
#include "fmt/format.h"
#include "marquet/base/error.h"
#include "marquet/parquet/format/failures_internal.h"
#include "parquet/arrow/schema.h"
#include "parquet/metadata.h"
#include "parquet/properties.h"

namespace marquet::pq {

std::shared_ptr<arrow::KeyValueMetadata> ArrowMetadata(const ::parquet::FileMetaData& footer) {
  const auto& all = footer.key_value_metadata();
  if (all == nullptr) return nullptr;
  const auto found = all->Get(kArrowSchemaKey);
  if (!found.ok()) return nullptr;
  return arrow::key_value_metadata({kArrowSchemaKey}, {*found});
}

arrow::Status CheckArrowSchema(const ::parquet::FileMetaData& footer, const std::string& path) {
  const auto metadata = ArrowMetadata(footer);
  if (metadata == nullptr) return arrow::Status::OK();
  const auto read = [&](const std::shared_ptr<const arrow::KeyValueMetadata>& with) {
    return GuardRead(path, [&] {
      std::shared_ptr<arrow::Schema> schema;
      return ::parquet::arrow::FromParquetSchema(footer.schema(), ::parquet::ArrowReaderProperties(), with,
                                                 &schema);
    });
  };
  const arrow::Status found = read(metadata);
  if (found.ok() || found.IsOutOfMemory() || !read(nullptr).ok()) {
    return found.IsOutOfMemory() ? found : arrow::Status::OK();
  }
  const std::string place = path + ": ";
  const std::string why =
      found.message().starts_with(place) ? found.message().substr(place.size()) : found.message();
  return CorruptData(
      fmt::format("{}: the Arrow schema in the footer ({}) cannot be read: {}", path, kArrowSchemaKey, why),
      fmt::format("'marquet rescue {} -o OUT.parquet' writes its rows by the Parquet schema.", path));
}

}  // namespace marquet::pq
