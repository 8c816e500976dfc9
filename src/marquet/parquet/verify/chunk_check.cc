#include "marquet/parquet/verify/chunk_check_internal.h"

#include <algorithm>

#include "fmt/format.h"
#include "marquet/base/crc32.h"
#include "marquet/base/error.h"
#include "marquet/base/text.h"
#include "marquet/parquet/decode/arrow_pages_internal.h"
#include "marquet/parquet/decode/flat_chunk_internal.h"
#include "marquet/parquet/format/failures_internal.h"
#include "marquet/parquet/format/footer_internal.h"
#include "marquet/parquet/format/page_header_internal.h"
#include "marquet/parquet/verify/nested_levels_internal.h"
#include "marquet/parquet/verify/statistics_check_internal.h"

namespace marquet::pq {
namespace {

constexpr int64_t kBatch = 1 << 13;  // levels decoded at a time: few enough to stay in a core's cache

struct Counts {
  int64_t levels = 0;
  int64_t rows = 0;
  int64_t no_text = 0;  // values of a column of text that are no UTF-8
};

// Levels that are decoded next: those of rows that the statistics tell of together.
int64_t BatchOf(const StatisticsCheck* statistics) {
  return statistics == nullptr ? kBatch : std::min(kBatch, statistics->room());
}

// JSON is text, too (LogicalTypes.md).
bool IsText(const ::parquet::ColumnDescriptor& column) {
  const auto& type = column.logical_type();
  return type != nullptr && (type->is_string() || type->is_JSON());
}

template <typename DType>
arrow::Result<Counts> DecodeAll(::parquet::ColumnReader& reader, LeafLevels* leaf,
                                StatisticsCheck* statistics) {
  auto& typed = static_cast<::parquet::TypedColumnReader<DType>&>(reader);
  const ::parquet::ColumnDescriptor& column = *reader.descr();
  std::vector<int16_t> definition(kBatch), repetition(kBatch);
  const auto values = std::make_unique<typename DType::c_type[]>(kBatch);
  Counts counts;
  const bool text = IsText(column);
  while (typed.HasNext()) {
    int64_t decoded = 0;
    const int64_t levels =
        typed.ReadBatch(BatchOf(statistics), definition.data(), repetition.data(), values.get(), &decoded);
    if (levels == 0 && decoded == 0) return arrow::Status::IOError("a page holds fewer values than it says");
    if (column.max_repetition_level() > 0 && counts.levels == 0 && levels > 0 && repetition[0] != 0) {
      return arrow::Status::IOError("the first repetition level is ", repetition[0], "; a row begins with 0");
    }
    if (leaf != nullptr) leaf->Add(definition.data(), repetition.data(), levels);
    if (statistics != nullptr) statistics->Add<DType>(values.get(), decoded, levels);
    counts.levels += levels;
    if constexpr (std::is_same_v<typename DType::c_type, ::parquet::ByteArray>) {
      for (int64_t i = 0; text && i < decoded; ++i) {
        const ::parquet::ByteArray& value = values[static_cast<size_t>(i)];
        counts.no_text += IsUtf8({reinterpret_cast<const char*>(value.ptr), value.len}) ? 0 : 1;
      }
    }
    int64_t defined = column.max_definition_level() == 0 ? levels : 0;
    if (column.max_definition_level() > 0) {
      defined = std::count(definition.begin(), definition.begin() + levels, column.max_definition_level());
    }
    if (defined != decoded) {
      return arrow::Status::IOError("the levels tell of ", defined, " values, and ", decoded, " are there");
    }
    if (column.max_repetition_level() == 0) {
      counts.rows += levels;
    } else {
      counts.rows += std::count(repetition.begin(), repetition.begin() + levels, 0);
    }
  }
  return counts;
}

arrow::Result<Counts> DecodeAll(::parquet::ColumnReader& reader, LeafLevels* leaf,
                                StatisticsCheck* statistics) {
  switch (reader.type()) {
    case ::parquet::Type::BOOLEAN:
      return DecodeAll<::parquet::BooleanType>(reader, leaf, statistics);
    case ::parquet::Type::INT32:
      return DecodeAll<::parquet::Int32Type>(reader, leaf, statistics);
    case ::parquet::Type::INT64:
      return DecodeAll<::parquet::Int64Type>(reader, leaf, statistics);
    case ::parquet::Type::INT96:
      return DecodeAll<::parquet::Int96Type>(reader, leaf, statistics);
    case ::parquet::Type::FLOAT:
      return DecodeAll<::parquet::FloatType>(reader, leaf, statistics);
    case ::parquet::Type::DOUBLE:
      return DecodeAll<::parquet::DoubleType>(reader, leaf, statistics);
    case ::parquet::Type::BYTE_ARRAY:
      return DecodeAll<::parquet::ByteArrayType>(reader, leaf, statistics);
    case ::parquet::Type::FIXED_LEN_BYTE_ARRAY:
      return DecodeAll<::parquet::FLBAType>(reader, leaf, statistics);
    default:
      return arrow::Status::IOError("unknown physical type ", static_cast<int>(reader.type()));
  }
}

template <typename Stored>
arrow::Result<Counts> DecodeFlat(FlatChunk<Stored>& chunk, StatisticsCheck* statistics) {
  std::vector<typename Stored::c_type> values(kBatch);
  std::vector<int16_t> defined(kBatch);
  Counts counts;
  while (true) {
    ARROW_ASSIGN_OR_RAISE(const bool filled, chunk.NextPage());
    if (!filled) return counts;
    const int64_t rows = std::min(BatchOf(statistics), chunk.page_end() - chunk.row());
    int64_t decoded = rows;
    if (chunk.page_has_nulls()) {
      ARROW_ASSIGN_OR_RAISE(decoded, chunk.DecodeDefined(defined.data(), values.data(), rows));
    } else {
      ARROW_RETURN_NOT_OK(chunk.Decode(values.data(), rows));
    }
    if (statistics != nullptr) statistics->Add<Stored>(values.data(), decoded, rows);
    counts.levels += rows;
    counts.rows += rows;
  }
}

// Whether the reader, too, decodes such a column by itself, and not by Arrow's decoders: what is whole to one
// of them must not be damaged to the other.
bool IsReadFlat(const ::parquet::ColumnDescriptor& column) {
  const auto& type = column.logical_type();
  return type == nullptr || type->is_none() || type->is_int() || type->is_date() || type->is_timestamp();
}

class Report {
 public:
  Report(const ::parquet::ColumnDescriptor& column, const ChunkLocation& place, std::vector<Damage>* damage)
      : column_(column), place_(place), damage_(damage) {}

  // `begin` is within the chunk.
  void Add(std::string region, int64_t page, int64_t begin, int64_t length, std::string message) {
    damage_->push_back({place_.file, place_.row_group, column_.path()->ToDotString(), page,
                        place_.offset + begin, length, std::move(region), std::move(message)});
  }

 private:
  const ::parquet::ColumnDescriptor& column_;
  const ChunkLocation& place_;
  std::vector<Damage>* damage_;
};

}  // namespace

int64_t CheckPages(const arrow::Buffer& bytes, const ::parquet::ColumnChunkMetaData& chunk,
                   const ::parquet::ColumnDescriptor& column, const ChunkLocation& place,
                   std::vector<Damage>* damage, std::vector<Damage>* odd) {
  Report report(column, place, damage);
  const int64_t said = ChunkBytes(chunk).length();
  int64_t uncompressed = 0;
  const std::span<const uint8_t> all(bytes.data(), static_cast<size_t>(bytes.size()));
  int64_t position = 0;
  int64_t values = 0;
  for (int64_t page = 0; position < said; ++page) {
    const auto parsed = ParsePageHeader(all.subspan(position));
    const int64_t left = bytes.size() - position;
    if (!parsed.ok()) {
      report.Add("page header", page, position, left, parsed.status().message());
      return bytes.size();  // where the next page begins is unknown
    }
    const PageHeader& header = *parsed;
    if (header.compressed_size > left - header.header_size) {
      report.Add("page header", page, position, left,
                 fmt::format("the page takes {} bytes; {} are left of the column chunk",
                             header.compressed_size, left - header.header_size));
      return bytes.size();
    }
    const int64_t body = position + header.header_size;
    if (header.crc.has_value()) {
      const uint32_t found =
          Crc32(all.subspan(static_cast<size_t>(body), static_cast<size_t>(header.compressed_size)));
      if (found != *header.crc) {
        report.Add("page", page, body, header.compressed_size,
                   fmt::format("the CRC of the page is {:08x}; expected {:08x}", found, *header.crc));
      }
    }
    if (header.kind == PageKind::kData || header.kind == PageKind::kDataV2) values += header.values;
    position = body + header.compressed_size;
    uncompressed += header.uncompressed_size;
  }
  if (values != chunk.num_values()) {
    report.Add("page header", -1, 0, bytes.size(),
               fmt::format("the pages hold {} values; the footer says {}", values, chunk.num_values()));
  }
  Report oddity(column, place, odd);
  if (position > said) {
    oddity.Add("footer", -1, 0, position,
               fmt::format("the pages take {} bytes; the footer says {}", position, said));
  }
  // Of what the headers take besides, writers have different views.
  if (uncompressed > chunk.total_uncompressed_size()) {
    oddity.Add("footer", -1, 0, position,
               fmt::format("the pages take {} bytes uncompressed; the footer says {}", uncompressed,
                           chunk.total_uncompressed_size()));
  }
  return position;
}

void CheckValues(const std::shared_ptr<arrow::Buffer>& bytes, const ::parquet::ColumnChunkMetaData& chunk,
                 const ::parquet::ColumnDescriptor& column, int64_t rows, const ChunkLocation& place,
                 LeafLevels* levels, StatisticsCheck* statistics, std::vector<Damage>* damage,
                 std::vector<Damage>* odd) {
  Report report(column, place, damage);
  int64_t page = -1, begin = 0;  // where decoding failed, as far as that is known
  const auto decode_flat = [&]<typename Stored>(Stored) {
    FlatChunk<Stored> flat(column, chunk, ChunkPages{bytes, chunk.num_values(), {}}, Checksums::kIgnore);
    auto counts = DecodeFlat(flat, statistics);
    page = flat.reader().page_number();
    begin = flat.reader().page_offset();
    return counts;
  };
  const auto counts = GuardRead("decoding", [&]() -> arrow::Result<Counts> {
    if (levels == nullptr && column.max_repetition_level() == 0 && column.max_definition_level() <= 1 &&
        IsReadFlat(column)) {
      switch (column.physical_type()) {
        case ::parquet::Type::INT32:
          return decode_flat(::parquet::Int32Type{});
        case ::parquet::Type::INT64:
          return decode_flat(::parquet::Int64Type{});
        case ::parquet::Type::FLOAT:
          return decode_flat(::parquet::FloatType{});
        case ::parquet::Type::DOUBLE:
          return decode_flat(::parquet::DoubleType{});
        default:
          break;
      }
    }
    const auto reader = ::parquet::ColumnReader::Make(
        &column, ArrowPages(std::make_unique<ChunkReader>(bytes, chunk.compression(), chunk.num_values(),
                                                          Checksums::kIgnore),
                            &column));
    return DecodeAll(*reader, levels, statistics);
  });
  if (!counts.ok()) {
    report.Add("page", page, begin, bytes->size() - begin, counts.status().message());
  } else if (counts->levels != chunk.num_values() || counts->rows != rows) {
    report.Add("page", -1, 0, bytes->size(),
               fmt::format("{} values in {} rows were decoded; expected {} in {}", counts->levels,
                           counts->rows, chunk.num_values(), rows));
  } else {
    if (counts->no_text > 0) {
      Report(column, place, odd)
          .Add("page", -1, 0, bytes->size(),
               fmt::format("{} of {} values are no UTF-8; the column is one of text", counts->no_text,
                           chunk.num_values()));
    }
    if (statistics == nullptr) return;
    for (auto& fault : statistics->Faults()) {
      const int64_t of_index = fault.page < 0 || !chunk.has_dictionary_page() ? fault.page : fault.page + 1;
      damage->push_back({place.file, place.row_group, column.path()->ToDotString(), of_index, -1, 0,
                         "statistics", std::move(fault.message)});
    }
  }
}

}  // namespace marquet::pq
