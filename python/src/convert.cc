#include "convert.h"

#include "errors.h"
#include "marquet/base/error.h"

namespace nb = nanobind;

namespace marquet::python {

nb::str Text(const std::string& text) {
  return nb::steal<nb::str>(
      PyUnicode_DecodeUTF8(text.data(), static_cast<Py_ssize_t>(text.size()), "backslashreplace"));
}

nb::object TextOrNone(const std::string& text) {
  return text.empty() ? nb::object(nb::none()) : nb::object(Text(text));
}

nb::object NumberOrNone(int64_t value) { return value < 0 ? nb::object(nb::none()) : nb::cast(value); }

nb::object WideOrNone(std::optional<__int128> value) {
  if (!value) return nb::none();
  const auto high = static_cast<int64_t>(*value >> 64);
  const auto low = static_cast<uint64_t>(*value);
  return (nb::int_(high) << nb::int_(64)) | nb::int_(low);
}

Record ToDict(const pq::Damage& damage) {
  Record dict;
  dict["file"] = Text(damage.file);
  dict["row_group"] = NumberOrNone(damage.row_group);
  dict["column"] = TextOrNone(damage.column);
  dict["page"] = NumberOrNone(damage.page);
  dict["offset"] = NumberOrNone(damage.offset);
  dict["length"] = damage.length;
  dict["region"] = damage.region;
  dict["message"] = Text(damage.message);
  return dict;
}

Record ToDict(const pq::WrittenFile& file) {
  Record dict;
  dict["path"] = file.path;
  dict["rows"] = file.rows;
  dict["bytes"] = file.bytes;
  dict["digest"] = file.digest;
  return dict;
}

table::AppendMode ToAppendMode(const std::string& mode) {
  if (mode == "append") return table::AppendMode::kAppend;
  if (mode == "overwrite") return table::AppendMode::kOverwrite;
  if (mode == "error_if_exists") return table::AppendMode::kErrorIfExists;
  Throw(InvalidInput("unknown mode '" + mode + "'; expected append, overwrite or error_if_exists"));
}

pq::WriteOptions ToWriteOptions(const std::string& compression, std::optional<int> level,
                                int64_t row_group_size, int64_t memory, const std::string& verify) {
  if (row_group_size < 1) {
    Throw(InvalidInput("row_group_size is " + std::to_string(row_group_size) + "; expected 1 or more"));
  }
  pq::WriteOptions options;
  options.codec = Unwrap(pq::ParseCodec(compression));
  options.level = level;
  options.row_group_rows = row_group_size;
  options.memory = memory;
  options.verify = Unwrap(pq::ParseVerifyLevel(verify));
  return options;
}

}  // namespace marquet::python
