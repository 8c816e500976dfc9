#include "marquet/dbn/metadata_codec.h"

#include <chrono>
#include <cstring>
#include <limits>

#include "fmt/format.h"
#include "marquet/base/error.h"
#include "marquet/base/text.h"
#include "marquet/base/time.h"

namespace marquet::dbn {
namespace {

constexpr int kFixedBytes = 100;
constexpr int kDatasetBytes = 16;
constexpr int kSymbolBytesV1 = 22;
constexpr uint16_t kNoSchema = std::numeric_limits<uint16_t>::max();
constexpr uint8_t kNoStype = std::numeric_limits<uint8_t>::max();
constexpr uint64_t kNoEnd = std::numeric_limits<uint64_t>::max();
constexpr uint64_t kNoRecordCount = std::numeric_limits<uint64_t>::max();
// Symbols, mappings and intervals of one header, all together. Short symbols would otherwise let its bytes
// stand for many times their memory.
constexpr size_t kMaxEntries = kMaxMetadataBytes / 16;

// YYYYMMDD to days since 1970, or nothing.
std::optional<int32_t> DateOf(uint32_t digits) {
  namespace c = std::chrono;
  const c::year_month_day date{c::year(static_cast<int>(digits / 10'000)), c::month(digits / 100 % 100),
                               c::day(digits % 100)};
  if (digits > 9999'12'31 || !date.ok()) return std::nullopt;
  return static_cast<int32_t>(c::sys_days(date).time_since_epoch().count());
}
uint32_t DigitsOf(int32_t days) {
  namespace c = std::chrono;
  const c::year_month_day date{c::sys_days(c::days(days))};
  return static_cast<uint32_t>(static_cast<int>(date.year()) * 10'000 +
                               static_cast<unsigned>(date.month()) * 100 + static_cast<unsigned>(date.day()));
}

class Cursor {
 public:
  Cursor(std::string_view body, const std::string& name) : body_(body), name_(name) {}

  size_t left() const { return body_.size() - position_; }

  template <typename T>
  T Fixed() {  // within the fixed part, whose presence was checked
    T value;
    std::memcpy(&value, body_.data() + position_, sizeof(T));
    position_ += sizeof(T);
    return value;
  }
  void Skip(size_t bytes) { position_ += bytes; }

  arrow::Result<uint32_t> Count(size_t bytes_each, const char* what) {
    if (left() < 4) return Short(what, 4);
    const auto count = Fixed<uint32_t>();
    if (count == 0) return count;
    if (bytes_each == 0) {
      position_ -= 4;
      return Corrupt(fmt::format("{} {} of 0 bytes each", WithCommas(count), what));
    }
    if (count > left() / bytes_each) {
      position_ -= 4;
      return Corrupt(fmt::format("{} {} need {} bytes, and {} are left of the header", WithCommas(count),
                                 what, WithCommas(static_cast<int64_t>(count * bytes_each)),
                                 WithCommas(static_cast<int64_t>(left() - 4))));
    }
    if (count > kMaxEntries - entries_) {
      return Unsupported(fmt::format("{}: the metadata header lists more than {} symbols and intervals",
                                     name_, WithCommas(static_cast<int64_t>(kMaxEntries))));
    }
    entries_ += count;
    return count;
  }

  arrow::Result<std::string> Text(size_t bytes, const char* what) {
    if (left() < bytes) return Short(what, bytes);
    std::string_view text = body_.substr(position_, bytes);
    while (!text.empty() && text.back() == '\0') text.remove_suffix(1);
    if (!IsUtf8(text)) return Corrupt(fmt::format("{} {} is not UTF-8", what, Quoted(text)));
    position_ += bytes;
    return std::string(text);
  }

  arrow::Result<int32_t> Date(const char* what) {
    const auto digits = Fixed<uint32_t>();
    const auto date = DateOf(digits);
    if (!date) {
      position_ -= 4;
      return Corrupt(fmt::format("{} {} is no date YYYYMMDD", what, digits));
    }
    return *date;
  }

  arrow::Status Corrupt(const std::string& what) const {
    return CorruptData(fmt::format("{}: metadata header at byte {}: {}", name_,
                                   WithCommas(static_cast<int64_t>(position_ + kPreludeBytes)), what));
  }

 private:
  arrow::Status Short(const char* what, size_t bytes) const {
    return Corrupt(fmt::format("{} needs {} bytes, and {} are left of the header", what, bytes, left()));
  }

  std::string_view body_;
  const std::string& name_;
  size_t position_ = 0;
  size_t entries_ = 0;
};

arrow::Result<std::vector<std::string>> Symbols(Cursor& cursor, size_t bytes_each, const char* what) {
  ARROW_ASSIGN_OR_RAISE(uint32_t count, cursor.Count(bytes_each, what));
  std::vector<std::string> symbols;
  symbols.reserve(count);
  for (uint32_t i = 0; i < count; ++i) {
    ARROW_ASSIGN_OR_RAISE(std::string symbol, cursor.Text(bytes_each, what));
    symbols.push_back(std::move(symbol));
  }
  return symbols;
}

arrow::Result<std::vector<SymbolMapping>> Mappings(Cursor& cursor, size_t symbol_bytes) {
  ARROW_ASSIGN_OR_RAISE(uint32_t count, cursor.Count(symbol_bytes + 4, "mappings"));
  std::vector<SymbolMapping> mappings;
  mappings.reserve(count);
  for (uint32_t i = 0; i < count; ++i) {
    SymbolMapping mapping;
    ARROW_ASSIGN_OR_RAISE(mapping.raw_symbol, cursor.Text(symbol_bytes, "a mapping's symbol"));
    ARROW_ASSIGN_OR_RAISE(uint32_t intervals, cursor.Count(8 + symbol_bytes, "intervals of a mapping"));
    mapping.intervals.reserve(intervals);
    for (uint32_t j = 0; j < intervals; ++j) {
      MappingInterval interval;
      ARROW_ASSIGN_OR_RAISE(interval.start_date, cursor.Date("an interval's start"));
      ARROW_ASSIGN_OR_RAISE(interval.end_date, cursor.Date("an interval's end"));
      ARROW_ASSIGN_OR_RAISE(interval.symbol, cursor.Text(symbol_bytes, "an interval's symbol"));
      mapping.intervals.push_back(std::move(interval));
    }
    mappings.push_back(std::move(mapping));
  }
  return mappings;
}

class Encoder {
 public:
  template <typename T>
  void Fixed(T value) {
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof(T));
  }
  void Zeros(size_t count) { bytes_.append(count, '\0'); }

  // A symbol must leave room for the NUL that ends it, except that readers take a full field, too.
  arrow::Status Text(std::string_view text, size_t bytes, const char* what) {
    if (text.size() > bytes) {
      return InvalidInput(fmt::format("{} {} has {} bytes; a DBN header of this version holds {}", what,
                                      Quoted(text), text.size(), bytes));
    }
    bytes_.append(text);
    Zeros(bytes - text.size());
    return arrow::Status::OK();
  }
  arrow::Status Symbols(const std::vector<std::string>& symbols, size_t bytes, const char* what) {
    Fixed(static_cast<uint32_t>(symbols.size()));
    for (const auto& symbol : symbols) ARROW_RETURN_NOT_OK(Text(symbol, bytes, what));
    return arrow::Status::OK();
  }

  std::string& bytes() { return bytes_; }

 private:
  std::string bytes_;
};

}  // namespace

arrow::Result<Metadata> DecodeMetadata(int version, std::string_view body, const std::string& name) {
  Cursor cursor(body, name);
  if (body.size() < kFixedBytes + 20) {
    return cursor.Corrupt(
        fmt::format("its length is given as {} bytes; it takes at least {}", body.size(), kFixedBytes + 20));
  }
  Metadata m;
  m.version = version;
  ARROW_ASSIGN_OR_RAISE(m.dataset, cursor.Text(kDatasetBytes, "the dataset"));
  const auto schema = cursor.Fixed<uint16_t>();
  if (schema != kNoSchema) m.schema = schema;
  m.start = cursor.Fixed<uint64_t>();
  const auto end = cursor.Fixed<uint64_t>();
  if (end != kNoEnd) m.end = end;
  const auto limit = cursor.Fixed<uint64_t>();
  if (limit != 0) m.limit = limit;
  if (version == 1) cursor.Fixed<uint64_t>();  // the record count, which nobody fills in
  const auto stype_in = cursor.Fixed<uint8_t>();
  if (stype_in != kNoStype) m.stype_in = stype_in;
  m.stype_out = cursor.Fixed<uint8_t>();
  m.ts_out = cursor.Fixed<uint8_t>() != 0;
  m.symbol_cstr_len = kSymbolBytesV1;
  if (version > 1) m.symbol_cstr_len = cursor.Fixed<uint16_t>();
  cursor.Skip(version == 1 ? 47 : 53);
  if (cursor.Fixed<uint32_t>() != 0) {
    return Unsupported(fmt::format(
        "{}: the metadata header holds a schema definition, which no version up to 3 describes", name));
  }
  ARROW_ASSIGN_OR_RAISE(m.symbols, Symbols(cursor, m.symbol_cstr_len, "symbols"));
  ARROW_ASSIGN_OR_RAISE(m.partial, Symbols(cursor, m.symbol_cstr_len, "partial symbols"));
  ARROW_ASSIGN_OR_RAISE(m.not_found, Symbols(cursor, m.symbol_cstr_len, "symbols not found"));
  ARROW_ASSIGN_OR_RAISE(m.mappings, Mappings(cursor, m.symbol_cstr_len));
  return m;
}

arrow::Result<std::string> EncodeMetadata(const Metadata& m) {
  if (m.version < 1 || m.version > 3) {
    return InvalidInput(fmt::format("DBN has no version {}; expected 1, 2 or 3", m.version));
  }
  const size_t symbol_bytes = m.version == 1 ? kSymbolBytesV1 : m.symbol_cstr_len;
  Encoder e;
  ARROW_RETURN_NOT_OK(e.Text(m.dataset, kDatasetBytes, "the dataset"));
  e.Fixed<uint16_t>(m.schema.value_or(kNoSchema));
  e.Fixed<uint64_t>(m.start);
  e.Fixed<uint64_t>(m.end.value_or(kNoEnd));
  e.Fixed<uint64_t>(m.limit.value_or(0));
  if (m.version == 1) e.Fixed<uint64_t>(kNoRecordCount);
  e.Fixed<uint8_t>(m.stype_in.value_or(kNoStype));
  e.Fixed<uint8_t>(m.stype_out);
  e.Fixed<uint8_t>(m.ts_out ? 1 : 0);
  if (m.version > 1) e.Fixed<uint16_t>(m.symbol_cstr_len);
  e.Zeros(m.version == 1 ? 47 : 53);
  e.Fixed<uint32_t>(0);
  ARROW_RETURN_NOT_OK(e.Symbols(m.symbols, symbol_bytes, "the symbol"));
  ARROW_RETURN_NOT_OK(e.Symbols(m.partial, symbol_bytes, "the partial symbol"));
  ARROW_RETURN_NOT_OK(e.Symbols(m.not_found, symbol_bytes, "the symbol not found"));
  e.Fixed<uint32_t>(static_cast<uint32_t>(m.mappings.size()));
  for (const SymbolMapping& mapping : m.mappings) {
    ARROW_RETURN_NOT_OK(e.Text(mapping.raw_symbol, symbol_bytes, "the mapped symbol"));
    e.Fixed<uint32_t>(static_cast<uint32_t>(mapping.intervals.size()));
    for (const MappingInterval& interval : mapping.intervals) {
      e.Fixed<uint32_t>(DigitsOf(interval.start_date));
      e.Fixed<uint32_t>(DigitsOf(interval.end_date));
      ARROW_RETURN_NOT_OK(e.Text(interval.symbol, symbol_bytes, "the symbol of an interval"));
    }
  }
  std::string& body = e.bytes();
  if (m.version == 3 && body.size() % 8 != 0) e.Zeros(8 - body.size() % 8);
  Encoder prelude;
  prelude.bytes() = "DBN";
  prelude.Fixed<uint8_t>(static_cast<uint8_t>(m.version));
  prelude.Fixed<uint32_t>(static_cast<uint32_t>(body.size()));
  return prelude.bytes() + body;
}

}  // namespace marquet::dbn
