#include <algorithm>
#include <span>
#include <string_view>
#include <vector>

#include "arrow/buffer.h"
#include "arrow/io/interfaces.h"
#include "marquet/parquet/format/compact_reader_internal.h"
#include "marquet/parquet/rescue/cut_footer_internal.h"
#include "parquet/schema.h"

namespace marquet::pq {
namespace {

using thrift::CompactReader;
using thrift::FieldHeader;

constexpr int64_t kWindow = int64_t{1} << 20;      // looked through at once
constexpr int64_t kMostSchema = int64_t{8} << 20;  // of a footer, up to its number of rows
constexpr int64_t kMostIndex = int64_t{64} << 20;

// parquet.thrift: FileMetaData 1 version, 2 schema, 3 num_rows; SchemaElement 4 name.
constexpr int32_t kVersion = 1, kSchema = 2, kRows = 3, kName = 4;

// The names of a schema's elements in the order of a footer: each group before what is in it.
void AddNames(const ::parquet::schema::Node& node, std::vector<std::string>* names) {
  names->push_back(node.name());
  if (!node.is_group()) return;
  const auto& group = static_cast<const ::parquet::schema::GroupNode&>(node);
  for (int i = 0; i < group.field_count(); ++i) AddNames(*group.field(i), names);
}

// What of a footer there is. An error, kCorruptData, for bytes that are none; where they merely end, `*names`
// tells how many names were right up to there.
arrow::Result<std::optional<int64_t>> ReadFooterUpToRows(CompactReader& reader,
                                                         const std::vector<std::string>& expected,
                                                         size_t* names) {
  ARROW_ASSIGN_OR_RAISE(FieldHeader field, reader.Field(0));
  if (field.id != kVersion || field.type != thrift::kI32) return reader.Broken("no version");
  ARROW_RETURN_NOT_OK(reader.Skip(field.type));
  ARROW_ASSIGN_OR_RAISE(field, reader.Field(field.id));
  if (field.id != kSchema || field.type != thrift::kList) return reader.Broken("no schema");
  ARROW_ASSIGN_OR_RAISE(const uint8_t head, reader.Byte());
  uint64_t elements = head >> 4;
  if (elements == 15) {
    ARROW_ASSIGN_OR_RAISE(elements, reader.Varint());
  }
  if (elements != expected.size()) return reader.Broken("another number of columns");
  for (size_t i = 0; i < expected.size(); ++i) {
    bool named = false;
    for (int32_t id = 0;;) {
      ARROW_ASSIGN_OR_RAISE(const FieldHeader of_element, reader.Field(id));
      if (of_element.type == thrift::kStop) break;
      id = of_element.id;
      if (id != kName || of_element.type != thrift::kBinary) {
        ARROW_RETURN_NOT_OK(reader.Skip(of_element.type));
        continue;
      }
      ARROW_ASSIGN_OR_RAISE(const std::string_view name, reader.Text());
      if (i > 0 && name != expected[i]) {  // writers name the root as they like
        *names = 0;
        return reader.Broken("another column");
      }
      named = true;
      *names = i;
    }
    if (!named) return reader.Broken("a column without a name");
  }
  ARROW_ASSIGN_OR_RAISE(field, reader.Field(kSchema));
  if (field.id != kRows || field.type != thrift::kI64) return reader.Broken("no number of rows");
  ARROW_ASSIGN_OR_RAISE(const int64_t rows, reader.Zigzag());
  return rows;
}

}  // namespace

arrow::Result<std::optional<CutFooter>> FindCutFooter(arrow::io::RandomAccessFile& file, ByteRange range,
                                                      const ::parquet::SchemaDescriptor& schema,
                                                      const StopFlag* stop) {
  std::vector<std::string> expected;
  AddNames(*schema.group_node(), &expected);
  // A field 1 of 32 bits, version 1 or 2, a field 2 that is a list.
  constexpr std::string_view kBeginnings[] = {"\x15\x02\x19", "\x15\x04\x19"};
  for (int64_t at = range.begin; at < range.end; at += kWindow) {
    if (stop != nullptr) ARROW_RETURN_NOT_OK(stop->Check());
    // A beginning may lie in one window and in the next.
    ARROW_ASSIGN_OR_RAISE(const auto buffer, file.ReadAt(at, std::min(range.end - at, kWindow + 2)));
    const std::string_view window(*buffer);
    for (size_t found = window.find('\x15'); found != std::string_view::npos;
         found = window.find('\x15', found + 1)) {
      const std::string_view beginning = window.substr(found, 3);
      if (std::ranges::find(kBeginnings, beginning) == std::end(kBeginnings)) continue;
      const int64_t begin = at + static_cast<int64_t>(found);
      ARROW_ASSIGN_OR_RAISE(const auto bytes, file.ReadAt(begin, std::min(range.end - begin, kMostSchema)));
      CompactReader reader({bytes->data(), static_cast<size_t>(bytes->size())}, "footer");
      size_t names = 0;
      const auto rows = ReadFooterUpToRows(reader, expected, &names);
      if (rows.ok()) return CutFooter{begin, **rows >= 0 ? *rows : std::nullopt};
      const bool ends = reader.position() >= bytes->size() || begin + bytes->size() == range.end;
      if (names > 0 && ends) return CutFooter{begin, std::nullopt};
    }
  }
  return std::nullopt;
}

arrow::Result<bool> IsPageIndex(arrow::io::RandomAccessFile& file, ByteRange range, bool cut) {
  if (range.length() == 0) return !cut;
  if (range.length() > kMostIndex) return false;
  ARROW_ASSIGN_OR_RAISE(const auto buffer, file.ReadAt(range.begin, range.length()));
  std::span<const uint8_t> bytes(buffer->data(), static_cast<size_t>(buffer->size()));
  for (int whole = 0; !bytes.empty(); ++whole) {
    CompactReader fields(bytes, "page index");
    const auto first = fields.Field(0);
    // Both begin with a list: of the pages without values, and of the places of pages.
    if (!first.ok() || first->id != 1 || first->type != thrift::kList) return cut && whole > 0;
    CompactReader reader(bytes, "page index");
    if (!reader.Skip(thrift::kStruct).ok()) return cut && whole > 0;
    bytes = bytes.subspan(static_cast<size_t>(reader.position()));
  }
  return true;
}

}  // namespace marquet::pq
