#include <algorithm>
#include <iterator>

#include "arrow/array.h"
#include "arrow/io/interfaces.h"
#include "marquet/base/column_threads.h"
#include "marquet/base/error.h"
#include "marquet/parquet/decode/batch_stream_internal.h"
#include "marquet/parquet/decode/column_stream_internal.h"
#include "marquet/parquet/decode/int96_column_internal.h"
#include "marquet/parquet/format/failures_internal.h"
#include "marquet/parquet/format/footer_internal.h"
#include "marquet/parquet/verify/nested_check_internal.h"
#include "parquet/arrow/schema.h"
#include "parquet/metadata.h"
#include "parquet/properties.h"
#include "parquet/schema.h"

namespace marquet::pq {
namespace {

constexpr int64_t kCheckedRows = 1 << 14;

struct NestedChunk {
  int row_group = 0;
  int field = 0;
  std::string damage;
};

arrow::Status ReadAll(const std::shared_ptr<const ReadSource>& source, int first_leaf, int end_leaf,
                      const std::shared_ptr<arrow::Field>& field, const StopFlag* stop) {
  const auto column = MakeExactColumn(source, first_leaf, end_leaf, field);
  ARROW_ASSIGN_OR_RAISE(const PiecePlan pieces, PlanPieces(*source));
  for (int64_t number = 0; number < pieces.size(); ++number) {
    if (stop != nullptr) ARROW_RETURN_NOT_OK(stop->Check());
    const Piece piece = pieces.At(number);
    ARROW_ASSIGN_OR_RAISE(const auto rows, column->Decode(piece));
    if (rows->length() != piece.rows) {
      return arrow::Status::IOError(rows->length(), " rows were decoded; expected ", piece.rows);
    }
    ARROW_RETURN_NOT_OK(rows->Validate());
  }
  return arrow::Status::OK();
}

// Whether values and levels that could be decoded are all that there is to such a column: no lists of a fixed
// size, no dictionaries, no values that are converted.
bool IsPlain(const arrow::DataType& type) {
  switch (type.id()) {
    case arrow::Type::BOOL:
    case arrow::Type::INT8:
    case arrow::Type::INT16:
    case arrow::Type::INT32:
    case arrow::Type::INT64:
    case arrow::Type::UINT8:
    case arrow::Type::UINT16:
    case arrow::Type::UINT32:
    case arrow::Type::UINT64:
    case arrow::Type::FLOAT:
    case arrow::Type::DOUBLE:
    case arrow::Type::STRING:
    case arrow::Type::BINARY:
    case arrow::Type::LARGE_STRING:
    case arrow::Type::LARGE_BINARY:
    case arrow::Type::DATE32:
    case arrow::Type::TIMESTAMP:
      return true;
    case arrow::Type::LIST:
    case arrow::Type::LARGE_LIST:
    case arrow::Type::MAP:
    case arrow::Type::STRUCT:
      return std::ranges::all_of(type.fields(), [](const auto& field) { return IsPlain(*field->type()); });
    default:
      return false;
  }
}

}  // namespace

arrow::Status CheckNested(arrow::io::RandomAccessFile& file, const std::string& path,
                          const std::shared_ptr<::parquet::FileMetaData>& footer, const LevelsAgree& agree,
                          const StopFlag* stop, bool parallel, std::vector<Damage>* damage) {
  const std::vector<int> first_leaf = FirstLeaves(*footer->schema());
  ::parquet::ArrowReaderProperties properties;
  properties.set_coerce_int96_timestamp_unit(kInt96Unit);
  std::shared_ptr<arrow::Schema> schema;
  const arrow::Status known = GuardRead(path, [&] {
    return ::parquet::arrow::FromParquetSchema(footer->schema(), properties, footer->key_value_metadata(),
                                               &schema);
  });
  // What no reader gets columns of is not damaged for that.
  if (!known.ok() || static_cast<int>(first_leaf.size()) != schema->num_fields() + 1)
    return arrow::Status::OK();

  std::vector<NestedChunk> chunks;
  const auto converts = [&](size_t field) {  // times of twelve bytes need not fit
    for (int leaf = first_leaf[field]; leaf < first_leaf[field + 1]; ++leaf) {
      if (footer->schema()->Column(leaf)->physical_type() == ::parquet::Type::INT96) return true;
    }
    return !IsPlain(*schema->field(static_cast<int>(field))->type());
  };
  for (int group = 0; group < footer->num_row_groups(); ++group) {
    const bool damaged =
        std::ranges::any_of(*damage, [&](const Damage& found) { return found.row_group == group; });
    for (int field = 0; field < schema->num_fields() && !damaged; ++field) {
      if (!arrow::is_nested(schema->field(field)->type()->id())) continue;
      const auto at = static_cast<size_t>(field);
      if (!converts(at) && agree(group, first_leaf[at], first_leaf[at + 1])) continue;
      chunks.push_back({group, field, {}});
    }
  }
  const std::shared_ptr<arrow::io::RandomAccessFile> borrowed(std::shared_ptr<void>(),
                                                              &file);  // for this call
  ARROW_RETURN_NOT_OK(ForEach(static_cast<int>(chunks.size()), parallel, [&](int i) -> arrow::Status {
    NestedChunk& chunk = chunks[static_cast<size_t>(i)];
    const auto source = std::make_shared<const ReadSource>(
        ReadSource{path, borrowed, footer, {ReadRequest::Part{chunk.row_group, {}}}, kCheckedRows});
    const auto at = static_cast<size_t>(chunk.field);
    const arrow::Status read = GuardRead("decoding", [&] {
      return ReadAll(source, first_leaf[at], first_leaf[at + 1], schema->field(chunk.field), stop);
    });
    if (!IsKind(read, ErrorKind::kCorruptData))
      return IsKind(read, ErrorKind::kUnsupported) ? arrow::Status::OK() : read;
    chunk.damage = read.message();
    return arrow::Status::OK();
  }));
  for (NestedChunk& chunk : chunks) {
    if (chunk.damage.empty()) continue;
    damage->push_back({path, chunk.row_group, schema->field(chunk.field)->name(), -1, -1, 0, "page",
                       std::move(chunk.damage)});
  }
  return arrow::Status::OK();
}

}  // namespace marquet::pq
