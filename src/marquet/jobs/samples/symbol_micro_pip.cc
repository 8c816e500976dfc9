#include "marquet/jobs/samples/symbol_micro_pip.h"

#include <fmt/format.h>

#include <numeric>
#include <set>
#include <vector>

#include "arrow/api.h"
#include "marquet/base/error.h"
#include "marquet/base/text.h"
#include "marquet/depth/int64_columns.h"
#include "marquet/depth/micro_pip.h"
#include "marquet/depth/tensor.h"

namespace marquet::jobs {

arrow::Result<MicroPips> MicroPips::Open(const std::shared_ptr<file::FileSystem>& fs, int64_t given,
                                         const std::optional<std::string>& definitions) {
  MicroPips result;
  result.given_ = given;
  if (!definitions) return result;
  ARROW_ASSIGN_OR_RAISE(result.definitions_, table::Table::Open(fs, *definitions));
  for (const char* column : {"raw_symbol", "min_price_increment"}) {
    if (result.definitions_->schema()->GetFieldByName(column)) continue;
    return SchemaError(
        fmt::format("{}: there is no column {}; expected a table of definition records", *definitions,
                    column),
        "Ingest the definitions of these symbols (Databento's schema `definition`) and name that table.");
  }
  return result;
}

arrow::Result<std::optional<int64_t>> MicroPips::Tick(const std::string& symbol) const {
  if (!definitions_) return std::nullopt;
  table::ScanOptions options;
  options.columns = {"min_price_increment"};
  ARROW_ASSIGN_OR_RAISE(options.where, predicate::Predicate::FromTerms({{"raw_symbol", "==", {symbol}}}));
  ARROW_ASSIGN_OR_RAISE(const auto scan, definitions_->NewScan(std::move(options)));
  ARROW_ASSIGN_OR_RAISE(const auto rows, scan.ToTable());
  std::vector<int64_t> ticks;
  for (const auto& chunk : rows->column(0)->chunks()) {
    ARROW_RETURN_NOT_OK(depth::AppendPrices(*chunk, "min_price_increment", &ticks));
  }
  std::set<int64_t> sizes;
  for (const int64_t tick : ticks) {
    if (tick != depth::kUndefinedPrice && tick > 0) sizes.insert(tick);
  }
  if (sizes.empty()) return std::nullopt;
  if (sizes.size() == 1) return *sizes.begin();
  return InvalidInput(
      fmt::format("{}: the definitions of {} name {} tick sizes, {} and {} among them; expected one",
                  definitions_->path(), Quoted(symbol), sizes.size(), depth::MicroPipText(*sizes.begin()),
                  depth::MicroPipText(*sizes.rbegin())),
      "Say which micro-pip to use: --micro-pip 0.25 (micro_pip=0.25 in Python).");
}

arrow::Result<int64_t> MicroPips::Of(const std::string& symbol) const {
  if (given_ != 0) return given_;
  if (const auto known = depth::MicroPipOfPair(symbol)) return *known;
  ARROW_ASSIGN_OR_RAISE(const auto tick, Tick(symbol));
  if (tick) return *tick;
  if (definitions_) {
    return InvalidInput(
        fmt::format("the micro-pip of {} is not known: the definitions in {} name no tick size "
                    "of it",
                    Quoted(symbol), definitions_->path()),
        "Ingest its definition too, leave the symbol out, or give the tick size "
        "(--micro-pip 0.25, micro_pip=0.25 in Python).");
  }
  return InvalidInput(fmt::format("the micro-pip of {} is not known", Quoted(symbol)),
                      "It is known for pairs quoted in USD and for JPY pairs; for others give the tick size "
                      "(--micro-pip 0.25, micro_pip=0.25 in Python) or a table of definitions.");
}

arrow::Result<std::string> MicroPips::Warning(const std::string& symbol, std::span<const int64_t> bid,
                                              std::span<const int64_t> ask) const {
  if (given_ == 0) return std::string();
  auto known = Tick(symbol);
  // The definitions need not be of one mind where they are not needed.
  if (!known.ok() && !IsKind(known.status(), ErrorKind::kInvalidInput)) return known.status();
  int64_t tick = known.ok() && *known ? **known : 0;
  const bool defined = tick != 0;
  if (!defined) tick = std::gcd(depth::StepOfPrices(bid), depth::StepOfPrices(ask));
  if (tick == 0 || tick == given_) return std::string();
  const std::string source = defined
                                 ? fmt::format("its tick size is {}", depth::MicroPipText(tick))
                                 : fmt::format("its prices move in steps of {}", depth::MicroPipText(tick));
  const char* effect = given_ > tick        ? "prices of several levels share a row"
                       : tick % given_ != 0 ? "price rows and prices do not line up"
                                            : "rows between the prices stay without a level";
  return fmt::format("the micro-pip of {} is {}, but {}: {}", Quoted(symbol), depth::MicroPipText(given_),
                     source, effect);
}

}  // namespace marquet::jobs
