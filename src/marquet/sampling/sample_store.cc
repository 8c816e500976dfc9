#include "marquet/sampling/sample_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <unordered_map>

#include "arrow/api.h"
#include "marquet/base/error.h"
#include "marquet/base/text.h"
#include "marquet/base/time.h"
#include "marquet/depth/book_buffer.h"
#include "marquet/sampling/book_history.h"
#include "marquet/sampling/book_sequence.h"
#include "marquet/table/table.h"

namespace marquet::sampling {
namespace {

// The columns that are read, in this order.
const arrow::FieldVector& SampleFields() {
  static const arrow::FieldVector fields = {
      arrow::field("symbol", arrow::utf8()),        arrow::field("sample_id", arrow::utf8()),
      arrow::field("first_source", arrow::utf8()),  arrow::field("first_source_row", arrow::int64()),
      arrow::field("last_source", arrow::utf8()),   arrow::field("last_source_row", arrow::int64()),
      arrow::field("label", arrow::int32()),        arrow::field("features", arrow::utf8()),
      arrow::field("time_bins", arrow::int32()),    arrow::field("ticks_per_bin", arrow::int32()),
      arrow::field("micro_pip", arrow::int64()),    arrow::field("row_filter", arrow::utf8()),
      arrow::field("end_ts_event", arrow::int64()), arrow::field("book_version", arrow::int64())};
  return fields;
}

arrow::Result<std::shared_ptr<table::Table>> OpenSamples(const std::shared_ptr<file::FileSystem>& fs,
                                                         const std::string& path) {
  ARROW_ASSIGN_OR_RAISE(auto samples, table::Table::Open(fs, path));
  for (const auto& field : SampleFields()) {
    const auto there = samples->schema()->GetFieldByName(field->name());
    if (there && there->type()->Equals(field->type())) continue;
    return SchemaError(there
                           ? fmt::format("{}: column {} is of type {}; a table of depth samples has {}", path,
                                         field->name(), there->type()->ToString(), field->type()->ToString())
                           : fmt::format("{}: there is no column {}; expected a table of depth samples", path,
                                         field->name()),
                       "Make one with `marquet depth` or mq.depth.build_samples.");
  }
  return samples;
}

}  // namespace

// The three passes of SampleStore::Load. For each symbol:
//   1. `source_row` alone is read, which tells where in the sequence each sample's window lies, and whether
//   it
//      has rows that came into the book since;
//   2. the bins that the windows need are listed, and their memory is counted before any of it is taken;
//   3. the feature columns are read once, and each bin is computed as soon as its rows have come.
class StoreLoader {
 public:
  explicit StoreLoader(StoreOptions options) : options_(std::move(options)), store_(new SampleStore) {}

  arrow::Result<std::shared_ptr<const SampleStore>> Load(std::shared_ptr<file::FileSystem> fs) {
    ARROW_ASSIGN_OR_RAISE(book_, table::Table::Open(fs, options_.book));
    ARROW_RETURN_NOT_OK(ReadSamples(fs));
    ARROW_ASSIGN_OR_RAISE(book_files_, BookFiles::Of(*book_));
    for (Symbol& symbol : symbols_) ARROW_RETURN_NOT_OK(Locate(symbol));
    ARROW_RETURN_NOT_OK(ListBins());
    for (Symbol& symbol : symbols_) ARROW_RETURN_NOT_OK(Compute(symbol));
    return std::shared_ptr<const SampleStore>(std::move(store_));
  }

 private:
  // One sample while it is being loaded.
  struct Window {
    std::string id, first_source, last_source;
    int64_t first_source_row = 0, last_source_row = 0;
    int32_t label = -1;
    int64_t begin = -1;  // position of its first row in the symbol's sequence
    int64_t micro_pip = 0;
    int64_t end_ns = 0;
    int64_t book_version = 0;
  };
  // Rows of one source that follow each other in a symbol's sequence; it ends where the next begins.
  struct Part {
    int64_t begin = 0;
    std::string source;
  };
  struct Phase {
    std::vector<int64_t> numbers;  // of the bins needed whose first row is number * ticks + residue
    int64_t first_bin = 0;         // where the first of them lies in the store
    size_t next = 0;
  };
  struct Symbol {
    std::string name;
    int64_t micro_pip = 0;
    std::string row_filter;             // SQL, as the samples were built with
    std::vector<Window> windows;        // by position, once located
    std::map<int64_t, Phase> by_phase;  // by residue
    int64_t rows = 0;
  };

  arrow::Status ReadSamples(const std::shared_ptr<file::FileSystem>& fs);
  arrow::Status Locate(Symbol& symbol);
  arrow::Status CheckRowsBetween(const Symbol& symbol, const std::vector<Part>& parts) const;
  arrow::Status ListBins();
  arrow::Status Compute(Symbol& symbol);
  arrow::Result<BookSequence> Read(const Symbol& symbol, std::vector<std::string> columns) const {
    predicate::Predicate where;
    if (!symbol.row_filter.empty()) {
      ARROW_ASSIGN_OR_RAISE(where, predicate::Predicate::Parse(symbol.row_filter));
    }
    return BookSequence::Open(*book_, book_files_, symbol.name, std::move(columns), options_.stop, where);
  }
  void Report(const char* phase, int64_t rows) {
    if (options_.progress) options_.progress({phase, rows, 0, 0});
  }

  StoreOptions options_;
  std::unique_ptr<SampleStore> store_;
  std::shared_ptr<table::Table> book_;
  std::shared_ptr<BookFiles> book_files_;
  std::vector<Symbol> symbols_;
};

arrow::Status StoreLoader::ReadSamples(const std::shared_ptr<file::FileSystem>& fs) {
  ARROW_ASSIGN_OR_RAISE(const auto samples, OpenSamples(fs, options_.samples));
  table::ScanOptions scan_options;
  scan_options.columns = arrow::schema(SampleFields())->field_names();
  scan_options.stop = options_.stop;
  ARROW_ASSIGN_OR_RAISE(const auto scan, samples->NewScan(std::move(scan_options)));
  ARROW_ASSIGN_OR_RAISE(const auto rows, scan.ToTable());
  ARROW_ASSIGN_OR_RAISE(const auto joined, rows->CombineChunksToBatch());
  const auto text = [&](int i) -> const arrow::StringArray& {
    return static_cast<const arrow::StringArray&>(*joined->column(i));
  };
  const auto number = [&](int i) -> const arrow::Int64Array& {
    return static_cast<const arrow::Int64Array&>(*joined->column(i));
  };
  const std::set<std::string> wanted(options_.symbols.begin(), options_.symbols.end());
  std::map<std::string, Symbol> symbols;
  depth::TensorSpec& spec = store_->spec_;
  std::string features;
  spec.time_bins = 0;
  const auto& labels = static_cast<const arrow::Int32Array&>(*joined->column(6));
  const auto& bins = static_cast<const arrow::Int32Array&>(*joined->column(8));
  const auto& ticks = static_cast<const arrow::Int32Array&>(*joined->column(9));
  for (int64_t i = 0; i < joined->num_rows(); ++i) {
    const std::string name = text(0).GetString(i);
    if (!wanted.empty() && !wanted.count(name)) continue;
    Symbol& symbol = symbols[name];
    if (labels.IsNull(i) && !options_.unlabelled) continue;
    if (spec.time_bins == 0) {
      spec.time_bins = bins.Value(i);
      spec.ticks_per_bin = ticks.Value(i);
      features = text(7).GetString(i);
    }
    if (symbol.windows.empty()) {
      symbol.micro_pip = number(10).Value(i);
      symbol.row_filter = text(11).GetString(i);
    }
    if (bins.Value(i) != spec.time_bins || ticks.Value(i) != spec.ticks_per_bin) {
      return InvalidInput(
          fmt::format("{}: sample {} has {} bins of {} ticks, others {} of {}", options_.samples,
                      text(1).GetString(i), bins.Value(i), ticks.Value(i), spec.time_bins,
                      spec.ticks_per_bin),
          "A batch holds tensors of one shape: keep samples of other shapes in another table.");
    }
    Window window;
    window.id = text(1).GetString(i);
    window.first_source = text(2).GetString(i);
    window.first_source_row = number(3).Value(i);
    window.last_source = text(4).GetString(i);
    window.last_source_row = number(5).Value(i);
    window.label = labels.IsNull(i) ? -1 : labels.Value(i);
    window.micro_pip = number(10).Value(i);
    window.end_ns = number(12).Value(i);
    window.book_version = number(13).Value(i);
    if (text(11).GetView(i) != symbol.row_filter) {
      return InvalidInput(fmt::format("{}: samples of {} were built with different row filters, {} and {}",
                                      options_.samples, Quoted(name), Quoted(symbol.row_filter),
                                      Quoted(text(11).GetView(i))));
    }
    symbol.windows.push_back(std::move(window));
  }
  for (const std::string& name : wanted) {
    if (!symbols.count(name)) {
      return NotFound(fmt::format("{}: no samples of the symbol {}", options_.samples, Quoted(name)));
    }
  }
  std::vector<std::string> names = options_.features;
  if (names.empty()) {
    for (size_t at = 0; at < features.size();) {
      const size_t comma = std::min(features.find(',', at), features.size());
      names.push_back(features.substr(at, comma - at));
      at = comma + 1;
    }
  }
  if (names.empty()) names = {"volume"};
  ARROW_ASSIGN_OR_RAISE(spec.features, depth::ParseFeatures(names));
  if (spec.time_bins == 0) spec.time_bins = depth::TensorSpec{}.time_bins;
  for (auto& [name, symbol] : symbols) {
    symbol.name = name;
    for (const Window& window : symbol.windows) {
      if (window.micro_pip != symbol.micro_pip) {
        return InvalidInput(fmt::format("{}: samples of {} have micro-pips of {} and {}", options_.samples,
                                        Quoted(name), symbol.micro_pip, window.micro_pip));
      }
    }
    if (symbol.windows.empty()) continue;
    if (spec.micro_pip == 0) spec.micro_pip = symbol.micro_pip;
    symbols_.push_back(std::move(symbol));
  }
  for (const Symbol& symbol : symbols_) {
    depth::TensorSpec of_symbol = spec;
    of_symbol.micro_pip = symbol.micro_pip;
    ARROW_RETURN_NOT_OK(WithContext(depth::CheckSpec(of_symbol),
                                    fmt::format("{}: samples of {}", options_.samples, Quoted(symbol.name))));
  }
  return arrow::Status::OK();
}

arrow::Status StoreLoader::Locate(Symbol& symbol) {
  // Windows by the source of their last row.
  std::unordered_map<std::string, std::unordered_map<int64_t, std::vector<size_t>>> ends, starts;
  for (size_t i = 0; i < symbol.windows.size(); ++i) {
    const Window& window = symbol.windows[i];
    ends[window.last_source][window.last_source_row].push_back(i);
    starts[window.first_source][window.first_source_row].push_back(i);
  }
  std::vector<int64_t> first_positions(symbol.windows.size(), -1);
  std::vector<Part> parts;
  ARROW_ASSIGN_OR_RAISE(auto sequence, Read(symbol, {}));
  int64_t position = 0;
  for (;;) {
    ARROW_ASSIGN_OR_RAISE(const auto batch, sequence.Next());
    if (!batch) break;
    if (parts.empty() || parts.back().source != batch->source) parts.push_back({position, batch->source});
    const auto end = ends.find(batch->source);
    const auto start = starts.find(batch->source);
    const int64_t n = batch->rows->num_rows();
    const auto* numbers =
        static_cast<const arrow::Int64Array&>(*batch->rows->GetColumnByName("source_row")).raw_values();
    for (int64_t i = 0; i < n; ++i) {
      if (start != starts.end()) {
        if (const auto found = start->second.find(numbers[i]); found != start->second.end()) {
          for (const size_t w : found->second) first_positions[w] = position + i;
        }
      }
      if (end == ends.end()) continue;
      if (const auto found = end->second.find(numbers[i]); found != end->second.end()) {
        for (const size_t w : found->second)
          symbol.windows[w].begin = position + i + 1 - store_->spec_.rows();
      }
    }
    position += n;
    Report("locate samples", position);
  }
  symbol.rows = position;
  for (size_t i = 0; i < symbol.windows.size(); ++i) {
    const Window& window = symbol.windows[i];
    if (window.begin < 0 || first_positions[i] != window.begin) {
      return CorruptData(
          fmt::format("{}: the rows of sample {} (source {}, rows {} to {}) are not in {} as they were",
                      options_.samples, window.id, window.last_source, WithCommas(window.first_source_row),
                      WithCommas(window.last_source_row), options_.book),
          "Build the samples again from this table.");
    }
  }
  std::sort(symbol.windows.begin(), symbol.windows.end(), [](const Window& a, const Window& b) {
    return std::tie(a.begin, a.id) < std::tie(b.begin, b.id);
  });
  return CheckRowsBetween(symbol, parts);
}

// The book had the sources of a window's first and last row when its sample was made, so that only parts
// which lie between these can have come since. Windows that hold a whole part and more on both sides of it
// are few where parts are longer than windows: what this costs grows with the parts.
arrow::Status StoreLoader::CheckRowsBetween(const Symbol& symbol, const std::vector<Part>& parts) const {
  const auto& windows = symbol.windows;
  const auto from = [&](int64_t row) {  // the first window that begins there or behind
    const auto found = std::partition_point(windows.begin(), windows.end(),
                                            [&](const Window& window) { return window.begin < row; });
    return static_cast<size_t>(found - windows.begin());
  };
  std::optional<BookHistory> history;
  size_t changed = windows.size();  // the first window with rows that came since
  std::string change;
  for (size_t i = 0; i < parts.size(); ++i) {
    const int64_t end = i + 1 < parts.size() ? parts[i + 1].begin : symbol.rows;
    const int64_t least = end - store_->spec_.rows() + 1;
    if (least >= parts[i].begin) continue;
    const size_t stop = std::min(from(parts[i].begin), changed);
    int64_t had = INT64_MAX;  // the least version that is known to have had it
    for (size_t w = from(least); w < stop; ++w) {
      const int64_t version = windows[w].book_version;
      if (version >= had) continue;
      if (!history) {
        history.emplace(*book_);
        for (const Window& window : windows) {
          history->Note(window.first_source, window.book_version);
          history->Note(window.last_source, window.book_version);
        }
      }
      ARROW_ASSIGN_OR_RAISE(auto why_new, history->WhyNew(parts[i].source, version));
      if (why_new) {
        changed = w;
        change = *std::move(why_new);
        break;
      }
      had = version;
    }
  }
  if (changed == windows.size()) return arrow::Status::OK();
  const Window& window = windows[changed];
  return InvalidInput(
      fmt::format("{}: in {}, its sample {} of {}, which ends at {}, {}", options_.samples, options_.book,
                  window.id, Quoted(symbol.name), FormatNanos(window.end_ns), change),
      "Rows were replaced or came between, and its label is of those before. Build all samples again: "
      "--mode overwrite (mode=\"overwrite\" in Python).");
}

arrow::Status StoreLoader::ListBins() {
  const int64_t ticks = store_->spec_.ticks_per_bin, per_window = store_->spec_.time_bins;
  int64_t bins = 0, samples = 0;
  for (Symbol& symbol : symbols_) {
    samples += static_cast<int64_t>(symbol.windows.size());
    for (const Window& window : symbol.windows) {
      Phase& phase = symbol.by_phase[window.begin % ticks];
      const int64_t number = window.begin / ticks;
      // Windows ascend, so what is missing of one follows what there is.
      int64_t next = phase.numbers.empty() ? number : std::max(number, phase.numbers.back() + 1);
      for (; next < number + per_window; ++next) phase.numbers.push_back(next);
    }
    for (auto& [residue, phase] : symbol.by_phase) {
      phase.first_bin = bins;
      bins += static_cast<int64_t>(phase.numbers.size());
    }
    const int64_t values = bins * depth::CountFeatures(store_->spec_.features) * depth::kSlots;
    const int64_t needed = bins * static_cast<int64_t>(sizeof(depth::Bin)) + values * 8;
    if (needed > options_.memory) {
      return InvalidInput(fmt::format("the bins of the samples need {} or more; the budget is {}",
                                      HumanBytes(needed), HumanBytes(options_.memory)),
                          "Raise the memory budget, take fewer symbols or features, or a hop that is a "
                          "multiple of ticks_per_bin.");
    }
  }
  if (samples > UINT32_MAX) return InvalidInput("there are more than 4,294,967,295 samples");
  store_->bins_.resize(bins);
  store_->values_.resize(bins * depth::CountFeatures(store_->spec_.features) * depth::kSlots);
  store_->samples_.reserve(samples);
  store_->ids_.reserve(samples);
  return arrow::Status::OK();
}

arrow::Status StoreLoader::Compute(Symbol& symbol) {
  depth::TensorSpec spec = store_->spec_;
  spec.micro_pip = symbol.micro_pip;
  const int64_t ticks = spec.ticks_per_bin;
  depth::BinMaker maker(spec);
  depth::BookBuffer buffer(spec.features);
  ARROW_ASSIGN_OR_RAISE(auto sequence, Read(symbol, depth::BookColumnNames(spec.features)));
  size_t next_window = 0;
  const auto symbol_number = static_cast<uint32_t>(store_->symbols_.size());
  store_->symbols_.push_back(symbol.name);
  for (;;) {
    ARROW_ASSIGN_OR_RAISE(const auto batch, sequence.Next());
    if (!batch) break;
    ARROW_RETURN_NOT_OK(WithContext(buffer.Append(*batch->rows), options_.book));
    const int64_t end = buffer.end();
    int64_t keep = end;
    for (auto& [residue, phase] : symbol.by_phase) {
      for (; phase.next < phase.numbers.size(); ++phase.next) {
        const int64_t begin = phase.numbers[phase.next] * ticks + residue;
        if (begin + ticks > end) {
          keep = std::min(keep, begin);
          break;
        }
        const auto place = static_cast<size_t>(phase.first_bin) + phase.next;
        const auto rows = buffer.Read(begin, ticks);
        ARROW_RETURN_NOT_OK(WithContext(rows.status(), options_.book));
        const auto made = maker.Make(*rows, begin, &store_->bins_[place],
                                     store_->values_.data() + place * maker.values_per_bin());
        ARROW_RETURN_NOT_OK(WithContext(made, options_.book));
      }
    }
    for (; next_window < symbol.windows.size(); ++next_window) {
      Window& window = symbol.windows[next_window];
      const int64_t last = window.begin + spec.rows() - 1;
      if (last >= end) break;
      ARROW_ASSIGN_OR_RAISE(const auto rows, buffer.Read(last, 1));
      const int64_t bid = rows.bid_px[0][0], ask = rows.ask_px[0][0];
      if (bid == depth::kUndefinedPrice || ask == depth::kUndefinedPrice) {
        return CorruptData(
            fmt::format("{}: sample {} ends at a row without a mid price", options_.samples, window.id));
      }
      const Phase& phase = symbol.by_phase[window.begin % ticks];
      const auto at = std::lower_bound(phase.numbers.begin(), phase.numbers.end(), window.begin / ticks);
      SampleStore::Sample sample;
      sample.first_bin = phase.first_bin + (at - phase.numbers.begin());
      sample.lowest = depth::LowestPrice(depth::RoundToMicroPips(bid, spec.micro_pip),
                                         depth::RoundToMicroPips(ask, spec.micro_pip));
      sample.label = window.label;
      sample.symbol = symbol_number;
      store_->samples_.push_back(sample);
      store_->ids_.push_back(std::move(window.id));
    }
    buffer.DropBefore(keep);
    Report("compute bins", end);
  }
  return arrow::Status::OK();
}

arrow::Status SampleStore::Check(std::shared_ptr<file::FileSystem> fs, const StoreOptions& options) {
  ARROW_ASSIGN_OR_RAISE(const auto samples, OpenSamples(fs, options.samples));
  ARROW_ASSIGN_OR_RAISE(const auto book, table::Table::Open(fs, options.book));
  ARROW_RETURN_NOT_OK(BookSymbols(*samples, options.symbols).status());
  std::vector<std::string> columns = {"symbol", "source_row"};
  if (!options.features.empty()) {
    ARROW_ASSIGN_OR_RAISE(const unsigned features, depth::ParseFeatures(options.features));
    columns = depth::BookColumnNames(features);
  }
  for (const std::string& column : columns) {
    if (book->schema()->GetFieldByName(column)) continue;
    return SchemaError(fmt::format(
        "{}: there is no column {}; expected the book that the samples were made of", options.book, column));
  }
  return arrow::Status::OK();
}

arrow::Result<std::shared_ptr<const SampleStore>> SampleStore::Load(std::shared_ptr<file::FileSystem> fs,
                                                                    StoreOptions options) {
  return StoreLoader(std::move(options)).Load(std::move(fs));
}

int64_t SampleStore::bytes() const {
  return static_cast<int64_t>(bins_.size() * sizeof(depth::Bin) + values_.size() * sizeof(double));
}

void SampleStore::Draw(int64_t sample, depth::Renderer& renderer, float* out) const {
  const Sample& s = samples_[sample];
  const int features = depth::CountFeatures(spec_.features);
  const depth::BinRun run{bins_.data() + s.first_bin, values_.data() + s.first_bin * features * depth::kSlots,
                          spec_.time_bins};
  renderer.Render({&run, 1}, features, s.lowest, out);
}

}  // namespace marquet::sampling
