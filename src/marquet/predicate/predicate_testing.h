// Random rows, and random predicates each of which knows, slowly and plainly, what it means for a row: the
// reference that evaluation and pruning are tested against.
#pragma once

#include <cmath>
#include <functional>
#include <limits>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "arrow/api.h"
#include "marquet/base/time.h"

namespace marquet::predicate::reference {

struct Row {
  std::optional<int64_t> i;
  std::optional<double> d;
  std::optional<std::string> s;
  std::optional<bool> b;
  std::optional<int64_t> t;    // nanoseconds
  std::optional<int64_t> dec;  // thousandths
  std::optional<std::string> p;
};

inline std::shared_ptr<arrow::Schema> RowSchema() {
  return arrow::schema({arrow::field("id", arrow::int64()), arrow::field("i", arrow::int64()),
                        arrow::field("d", arrow::float64()), arrow::field("s", arrow::utf8()),
                        arrow::field("b", arrow::boolean()),
                        arrow::field("t", arrow::int64(), true, arrow::key_value_metadata({"unit"}, {"ns"})),
                        arrow::field("dec", arrow::decimal128(20, 3)), arrow::field("p", arrow::utf8())});
}

inline std::shared_ptr<arrow::RecordBatch> BatchOf(const std::vector<Row>& rows, int64_t first_id = 0) {
  arrow::Int64Builder id, i, t;
  arrow::DoubleBuilder d;
  arrow::StringBuilder s, p;
  arrow::BooleanBuilder b;
  arrow::Decimal128Builder dec(arrow::decimal128(20, 3));
  auto add = [](auto& builder, const auto& value) {
    const arrow::Status status = value ? builder.Append(*value) : builder.AppendNull();
    if (!status.ok()) throw std::bad_alloc();
  };
  for (const Row& row : rows) {
    add(id, std::optional<int64_t>(first_id++));
    add(i, row.i);
    add(d, row.d);
    add(s, row.s);
    add(b, row.b);
    add(t, row.t);
    add(dec, row.dec ? std::optional<arrow::Decimal128>(*row.dec) : std::nullopt);
    add(p, row.p);
  }
  return arrow::RecordBatch::Make(
      RowSchema(), static_cast<int64_t>(rows.size()),
      {id.Finish().ValueOrDie(), i.Finish().ValueOrDie(), d.Finish().ValueOrDie(), s.Finish().ValueOrDie(),
       b.Finish().ValueOrDie(), t.Finish().ValueOrDie(), dec.Finish().ValueOrDie(), p.Finish().ValueOrDie()});
}

// 0 false, 1 unknown, 2 true.
using Meaning = std::function<int(const Row&)>;
struct Tested {
  std::string text;
  Meaning meaning;
};

class Generator {
 public:
  explicit Generator(uint64_t seed) : random_(seed) {}

  size_t Below(size_t n) { return random_() % n; }
  bool Chance(double probability) { return std::uniform_real_distribution<>()(random_) < probability; }
  template <typename T>
  const T& Pick(const std::vector<T>& values) {
    return values[Below(values.size())];
  }

  // `center` moves with the place in the table, so that neighbours are alike and there is something to prune.
  Row RandomRow(int64_t center) {
    Row row;
    if (!Chance(0.1)) row.i = Chance(0.05) ? Pick(kIntegers) : center + static_cast<int64_t>(Below(4));
    if (!Chance(0.1))
      row.d =
          Chance(0.1) ? Pick(kDoubles) : static_cast<double>(center) + 0.25 * static_cast<double>(Below(8));
    if (!Chance(0.1))
      row.s = Chance(0.2) ? Pick(kStrings)
                          : std::string(1, static_cast<char>('a' + (center / 4) % 26)) + Pick(kStrings);
    if (!Chance(0.1)) row.b = Chance(0.5);
    if (!Chance(0.1)) row.t = kDay + center * kNanosPerSecond + static_cast<int64_t>(Below(3));
    if (!Chance(0.1)) row.dec = center * 1000 + static_cast<int64_t>(Below(2000)) - 1000;
    if (!Chance(0.05)) row.p = std::string(1, static_cast<char>('A' + Below(4)));
    return row;
  }

  Tested RandomPredicate(int depth = 3) {
    const size_t kind = depth == 0 ? 9 : Below(10);
    if (kind < 2) {
      Tested a = RandomPredicate(depth - 1), b = RandomPredicate(depth - 1);
      return {"(" + a.text + " and " + b.text + ")",
              [=](const Row& row) { return std::min(a.meaning(row), b.meaning(row)); }};
    }
    if (kind < 4) {
      Tested a = RandomPredicate(depth - 1), b = RandomPredicate(depth - 1);
      return {"(" + a.text + " or " + b.text + ")",
              [=](const Row& row) { return std::max(a.meaning(row), b.meaning(row)); }};
    }
    if (kind == 4) {
      Tested a = RandomPredicate(depth - 1);
      return {"not (" + a.text + ")", [=](const Row& row) { return 2 - a.meaning(row); }};
    }
    return RandomLeaf();
  }

 private:
  struct Number {
    std::string text;
    long double value;  // 64 bits of mantissa: every literal here is exact in it, and every stored value
  };

  // What a numeric column holds in a row; nothing for null.
  using Column = std::function<std::optional<long double>(const Row&)>;

  Number RandomNumber() {
    if (Chance(0.2)) return Pick(kNumbers);
    const int64_t value = static_cast<int64_t>(Below(120)) - 10;
    if (Chance(0.3))
      return {std::to_string(value) + ".5", static_cast<long double>(value) + (value < 0 ? -0.5L : 0.5L)};
    return {std::to_string(value), static_cast<long double>(value)};
  }

  static int Compare(size_t op, int order) {
    switch (op) {
      case 0:
        return order == 0 ? 2 : 0;
      case 1:
        return order != 0 ? 2 : 0;
      case 2:
        return order < 0 ? 2 : 0;
      case 3:
        return order <= 0 ? 2 : 0;
      case 4:
        return order > 0 ? 2 : 0;
      default:
        return order >= 0 ? 2 : 0;
    }
  }

  Tested NumberLeaf(const std::string& name, const Column& column) {
    const size_t form = Below(4);
    if (form == 0) {
      std::vector<Number> list;
      std::string text;
      const bool null = Chance(0.2);
      for (size_t n = 1 + Below(12); n > 0; --n) {
        list.push_back(RandomNumber());
        text += (text.empty() ? "" : ", ") + list.back().text;
      }
      if (null) text += ", null";
      const bool negated = Chance(0.4);
      return {name + (negated ? " not in (" : " in (") + text + ")", [=](const Row& row) {
                const auto value = column(row);
                if (!value) return 1;
                int result = null ? 1 : 0;
                for (const Number& number : list) {
                  if (*value == number.value) result = 2;
                }
                return negated ? 2 - result : result;
              }};
    }
    if (form == 1) {
      const Number low = RandomNumber(), high = RandomNumber();
      const bool negated = Chance(0.4);
      return {name + (negated ? " not between " : " between ") + low.text + " and " + high.text,
              [=](const Row& row) {
                const auto value = column(row);
                if (!value) return 1;
                const bool inside = *value >= low.value && *value <= high.value;
                return inside != negated ? 2 : 0;
              }};
    }
    const Number number = RandomNumber();
    const size_t op = Below(6);
    const bool mirrored = Chance(0.2);
    static const std::vector<std::string> kMirrored = {"=", "!=", ">", ">=", "<", "<="};
    return {mirrored ? number.text + " " + kMirrored[op] + " " + name
                     : name + " " + kOperators[op] + " " + number.text,
            [=](const Row& row) {
              const auto value = column(row);
              if (!value) return 1;
              if (std::isnan(*value)) return op == 1 ? 2 : 0;
              return Compare(op, *value < number.value ? -1 : *value > number.value ? 1 : 0);
            }};
  }

  Tested RandomLeaf() {
    auto optional = [](const auto& value) {
      return value ? std::optional<long double>(static_cast<long double>(*value)) : std::nullopt;
    };
    switch (Below(12)) {
      case 0:
      case 1:
        return NumberLeaf("i", [=](const Row& row) { return optional(row.i); });
      case 2:
      case 3:
        return NumberLeaf("d", [=](const Row& row) { return optional(row.d); });
      case 4:
        // Compared in thousandths, so that no literal is rounded.
        return DecimalLeaf();
      case 5: {
        const bool partition = Chance(0.5);
        const std::string literal =
            partition ? std::string(1, static_cast<char>('A' + Below(5))) : RandomString();
        const size_t op = Below(6);
        return {(partition ? "p " : "s ") + kOperators[op] + " '" + literal + "'", [=](const Row& row) {
                  const auto& value = partition ? row.p : row.s;
                  return value ? Compare(op, value->compare(literal)) : 1;
                }};
      }
      case 6: {
        const std::string prefix = RandomString();
        const bool negated = Chance(0.3);
        return {std::string("s ") + (negated ? "not like '" : "like '") + prefix + "%'", [=](const Row& row) {
                  if (!row.s) return 1;
                  return row.s->starts_with(prefix) != negated ? 2 : 0;
                }};
      }
      case 7:
        return {"b", [](const Row& row) { return row.b ? (*row.b ? 2 : 0) : 1; }};
      case 8: {
        const int64_t nanos =
            kDay + static_cast<int64_t>(Below(120)) * kNanosPerSecond + static_cast<int64_t>(Below(3));
        const size_t op = Below(6);
        return {"t " + kOperators[op] + " '" + FormatNanos(nanos) + "'", [=](const Row& row) {
                  return row.t ? Compare(op, *row.t < nanos ? -1 : *row.t > nanos ? 1 : 0) : 1;
                }};
      }
      case 9: {
        static const std::vector<std::string> kNames = {"i", "d", "s", "b", "t", "dec", "p"};
        const size_t column = Below(kNames.size());
        const bool negated = Chance(0.5);
        return {kNames[column] + (negated ? " is not null" : " is null"), [=](const Row& row) {
                  const bool nulls[] = {!row.i, !row.d, !row.s, !row.b, !row.t, !row.dec, !row.p};
                  return nulls[column] != negated ? 2 : 0;
                }};
      }
      case 10:
        return {"d is nan", [](const Row& row) { return row.d ? (std::isnan(*row.d) ? 2 : 0) : 1; }};
      default: {
        const size_t op = Below(6);
        return {"i " + kOperators[op] + " d", [=](const Row& row) {
                  if (!row.i || !row.d) return 1;
                  if (std::isnan(*row.d)) return op == 1 ? 2 : 0;
                  const auto a = static_cast<long double>(*row.i);
                  const auto b = static_cast<long double>(*row.d);
                  return Compare(op, a < b ? -1 : a > b ? 1 : 0);
                }};
      }
    }
  }

  Tested DecimalLeaf() {
    const int64_t tenths_of_thousandths = static_cast<int64_t>(Below(1'200'000)) - 100'000;
    const size_t op = Below(6);
    const bool negative = tenths_of_thousandths < 0;
    const int64_t magnitude = std::abs(tenths_of_thousandths);
    std::string fraction = std::to_string(magnitude % 10'000);
    fraction.insert(0, 4 - fraction.size(), '0');
    return {"dec " + kOperators[op] + " " + (negative ? "-" : "") + std::to_string(magnitude / 10'000) + "." +
                fraction,
            [=](const Row& row) {
              if (!row.dec) return 1;
              const int64_t value = *row.dec * 10;
              return Compare(op, value < tenths_of_thousandths ? -1 : value > tenths_of_thousandths ? 1 : 0);
            }};
  }

  std::string RandomString() {
    return Chance(0.3) ? Pick(kStrings) : std::string(1, static_cast<char>('a' + Below(26)));
  }

  static constexpr int64_t kDay = 1'704'153'600'000'000'000;
  static constexpr int64_t kMin = std::numeric_limits<int64_t>::min();
  static constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
  inline static const std::vector<std::string> kOperators = {"=", "!=", "<", "<=", ">", ">="};
  inline static const std::vector<int64_t> kIntegers = {
      kMin, kMax, 0, -1, (int64_t{1} << 53) + 1, -(int64_t{1} << 53) - 1};
  inline static const std::vector<double> kDoubles = {NAN,        -0.0,  0.0,    INFINITY, -INFINITY, 0x1p53,
                                                      0x1p53 + 2, 1e300, 0x1p63, -0x1p63,  5e-324};
  inline static const std::vector<std::string> kStrings = {
      "", "a", "zz", "\xC3\xA9", "A", "a b", "zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz"};
  inline static const std::vector<Number> kNumbers = {{"0", 0},
                                                      {"-0.0", 0},
                                                      {"9223372036854775807", 9223372036854775807.0L},
                                                      {"-9223372036854775808", -9223372036854775808.0L},
                                                      {"9223372036854775808", 9223372036854775808.0L},
                                                      {"9007199254740993", 9007199254740993.0L},
                                                      {"9007199254740992", 9007199254740992.0L},
                                                      {"0.25", 0.25L}};

  std::mt19937_64 random_;
};

}  // namespace marquet::predicate::reference
