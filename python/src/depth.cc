// Depth tensors and labels of rows in memory, and the builder of samples' tables.
#include <nanobind/ndarray.h>
#include <nanobind/stl/map.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/unique_ptr.h>
#include <nanobind/stl/vector.h>

#include "arrow/compute/api.h"
#include "arrow_exchange.h"
#include "bindings.h"
#include "convert.h"
#include "errors.h"
#include "interrupt.h"
#include "marquet/base/error.h"
#include "marquet/base/text.h"
#include "marquet/depth/book_buffer.h"
#include "marquet/depth/int64_columns.h"
#include "marquet/depth/labels.h"
#include "marquet/depth/micro_pip.h"
#include "marquet/depth/runs.h"
#include "marquet/depth/tensor.h"
#include "marquet/file/file_system.h"
#include "marquet/jobs/samples/build_samples.h"
#include "progress.h"

namespace nb = nanobind;

namespace marquet::python {
namespace {

// Rows of one symbol, in memory.
struct Book {
  depth::BookBuffer buffer;
  std::optional<std::string> symbol;
  depth::RollFinder rolls;

  // That the rows [begin, end) hang together.
  arrow::Status CheckRun(int64_t begin, int64_t end) const {
    const auto roll = rolls.Within(begin, end);
    if (!roll) return arrow::Status::OK();
    return InvalidInput("the rows change their instrument_id or publisher_id at row " + WithCommas(*roll) +
                            "; expected a window of one instrument and publisher",
                        "Filter by instrument_id and publisher_id first, or take such windows with "
                        "across_rolls=True.");
  }
};

bool AllAre(const arrow::StringArray& strings, std::string_view text) {
  for (int64_t i = 0; i < strings.length(); ++i) {
    if (strings.GetView(i) != text) return false;
  }
  return true;
}

arrow::Status NoteSymbol(const arrow::RecordBatch& batch, std::optional<std::string>* symbol) {
  const auto column = batch.GetColumnByName("symbol");
  if (!column || column->length() == 0) return arrow::Status::OK();
  if (column->type_id() == arrow::Type::STRING && column->null_count() == 0) {  // as it mostly is
    const auto& strings = static_cast<const arrow::StringArray&>(*column);
    if (!*symbol) *symbol = strings.GetString(0);
    if (AllAre(strings, **symbol)) return arrow::Status::OK();
  }
  ARROW_ASSIGN_OR_RAISE(const auto unique, arrow::compute::Unique(column));
  ARROW_ASSIGN_OR_RAISE(const auto text, arrow::compute::Cast(*unique, arrow::utf8()));
  const auto& names = static_cast<const arrow::StringArray&>(*text);
  for (int64_t i = 0; i < names.length(); ++i) {
    if (names.IsNull(i)) continue;
    if (*symbol && **symbol != names.GetView(i)) {
      return InvalidInput("the rows are of several symbols, " + Quoted(**symbol) + " and " +
                              Quoted(names.GetView(i)) + "; expected one",
                          "Filter by symbol first.");
    }
    *symbol = names.GetString(i);
  }
  return arrow::Status::OK();
}

arrow::Result<Book> ReadBook(arrow::RecordBatchReader& reader, unsigned features) {
  Book book{depth::BookBuffer(features), {}, {}};
  for (;;) {
    std::shared_ptr<arrow::RecordBatch> batch;
    ARROW_RETURN_NOT_OK(reader.ReadNext(&batch));
    if (!batch) return book;
    ARROW_RETURN_NOT_OK(NoteSymbol(*batch, &book.symbol));
    ARROW_RETURN_NOT_OK(book.rolls.Append(*batch));
    ARROW_RETURN_NOT_OK(book.buffer.Append(*batch));
  }
}

arrow::Result<depth::TensorSpec> MakeSpec(const std::vector<std::string>& features,
                                          const std::optional<std::string>& micro_pip,
                                          const std::optional<std::string>& symbol, int time_bins,
                                          int ticks_per_bin) {
  depth::TensorSpec spec;
  ARROW_ASSIGN_OR_RAISE(spec.features, depth::ParseFeatures(features));
  spec.time_bins = time_bins;
  spec.ticks_per_bin = ticks_per_bin;
  if (micro_pip) {
    ARROW_ASSIGN_OR_RAISE(spec.micro_pip, depth::ParseMicroPip(*micro_pip));
  } else {
    const auto known = symbol ? depth::MicroPipOfPair(*symbol) : std::nullopt;
    if (!known) {
      return InvalidInput(
          symbol ? "the micro-pip of " + Quoted(*symbol) + " is not known"
                 : std::string("the micro-pip is not known: the rows have no symbol"),
          "Give the height of a price row: micro_pip=0.25 for a future with that tick, 1e-5 for EURUSD.");
    }
    spec.micro_pip = *known;
  }
  ARROW_RETURN_NOT_OK(depth::CheckSpec(spec));
  return spec;
}

// A NumPy array that owns its memory.
template <typename T>
nb::ndarray<nb::numpy, T> ToNumpy(std::vector<T> values, std::vector<size_t> shape) {
  auto* kept = new std::vector<T>(std::move(values));
  nb::capsule owner(kept, [](void* pointer) noexcept { delete static_cast<std::vector<T>*>(pointer); });
  return nb::ndarray<nb::numpy, T>(kept->data(), shape.size(), shape.data(), owner);
}

std::vector<size_t> ShapeOf(const depth::TensorSpec& spec) {
  std::vector<size_t> shape = {depth::kPriceRows, static_cast<size_t>(spec.time_bins)};
  if (const int n = depth::CountFeatures(spec.features); n > 1) shape.insert(shape.begin(), n);
  return shape;
}

nb::ndarray<nb::numpy, float> Tensor(nb::object rows, const std::vector<std::string>& features,
                                     const std::optional<std::string>& micro_pip, int time_bins,
                                     int ticks_per_bin, bool across_rolls) {
  auto reader = ImportStream(rows);
  depth::TensorSpec spec;
  std::vector<float> out;
  Check(WithoutGil([&]() -> arrow::Status {
    ARROW_ASSIGN_OR_RAISE(const unsigned mask, depth::ParseFeatures(features));
    ARROW_ASSIGN_OR_RAISE(Book book, ReadBook(*reader, mask));
    ARROW_ASSIGN_OR_RAISE(spec, MakeSpec(features, micro_pip, book.symbol, time_bins, ticks_per_bin));
    if (book.buffer.end() == spec.rows()) {
      if (!across_rolls) ARROW_RETURN_NOT_OK(book.CheckRun(0, spec.rows()));
      out.resize(spec.cells());
    }
    return depth::ComputeTensor(book.buffer, spec, out.data());
  }));
  return ToNumpy(std::move(out), ShapeOf(spec));
}

// Python sees it as `_core.TensorStream`.
class Stream {
 public:
  Stream(nb::object rows, const std::vector<std::string>& features,
         const std::optional<std::string>& micro_pip, int time_bins, int ticks_per_bin, bool across_rolls)
      : across_rolls_(across_rolls) {
    auto reader = ImportStream(rows);
    Check(WithoutGil([&]() -> arrow::Status {
      ARROW_ASSIGN_OR_RAISE(const unsigned mask, depth::ParseFeatures(features));
      ARROW_ASSIGN_OR_RAISE(Book book, ReadBook(*reader, mask));
      ARROW_ASSIGN_OR_RAISE(spec_, MakeSpec(features, micro_pip, book.symbol, time_bins, ticks_per_bin));
      book_ = std::make_unique<Book>(std::move(book));
      ARROW_ASSIGN_OR_RAISE(stream_, depth::TensorStream::Make(book_->buffer, spec_));
      return arrow::Status::OK();
    }));
  }

  void Compute(int64_t begin, nb::ndarray<float, nb::c_contig, nb::device::cpu> out) {
    if (static_cast<int64_t>(out.size()) != spec_.cells()) {
      Throw(InvalidInput("`out` holds " + std::to_string(out.size()) + " values; a tensor has " +
                         std::to_string(spec_.cells())));
    }
    float* data = out.data();
    Check(WithoutGil([&]() -> arrow::Status {
      if (!across_rolls_ && begin >= 0 && begin <= rows() - spec_.rows()) {
        ARROW_RETURN_NOT_OK(book_->CheckRun(begin, begin + spec_.rows()));
      }
      return stream_->Compute(begin, data);
    }));
  }

  int64_t rows() const { return book_->buffer.end(); }
  std::vector<size_t> shape() const { return ShapeOf(spec_); }

 private:
  bool across_rolls_;
  depth::TensorSpec spec_;
  std::unique_ptr<Book> book_;  // what stream_ reads, so it must not move
  std::unique_ptr<depth::TensorStream> stream_;
};

// What labels look at.
struct Quotes {
  std::vector<int64_t> bid, ask, time, ts_event, sequence;
  std::vector<int64_t> begins;
  int64_t rolls = 0;
};

arrow::Result<Quotes> ReadQuotes(arrow::RecordBatchReader& reader, int64_t max_gap_ns, bool across_rolls) {
  Quotes quotes;
  depth::RollFinder finder;
  std::optional<std::string> symbol;
  for (;;) {
    std::shared_ptr<arrow::RecordBatch> batch;
    ARROW_RETURN_NOT_OK(reader.ReadNext(&batch));
    if (!batch) break;
    ARROW_RETURN_NOT_OK(NoteSymbol(*batch, &symbol));
    ARROW_RETURN_NOT_OK(finder.Append(*batch));
    const auto bid = batch->GetColumnByName("bid_px_00"), ask = batch->GetColumnByName("ask_px_00");
    if (!bid || !ask)
      return SchemaError("there are no columns bid_px_00 and ask_px_00; expected order-book rows");
    ARROW_RETURN_NOT_OK(depth::AppendPrices(*bid, "bid_px_00", &quotes.bid));
    ARROW_RETURN_NOT_OK(depth::AppendPrices(*ask, "ask_px_00", &quotes.ask));
    const auto event = batch->GetColumnByName("ts_event"), received = batch->GetColumnByName("ts_recv");
    if (received || event) {
      ARROW_RETURN_NOT_OK(depth::AppendTimes(received ? *received : *event, "ts_recv", &quotes.time));
    }
    if (event) ARROW_RETURN_NOT_OK(depth::AppendIntegers(*event, "ts_event", 0, &quotes.ts_event));
    if (const auto sequence = batch->GetColumnByName("sequence")) {
      ARROW_RETURN_NOT_OK(depth::AppendIntegers(*sequence, "sequence", 0, &quotes.sequence));
    }
  }
  quotes.rolls = static_cast<int64_t>(finder.rolls().size());
  const auto rolls = across_rolls ? std::span<const int64_t>() : finder.rolls();
  const std::vector<int64_t> no_time(quotes.time.empty() ? quotes.bid.size() : 0);
  quotes.begins = depth::RunBegins(quotes.time.empty() ? no_time : quotes.time, max_gap_ns, rolls);
  return quotes;
}

Record ToDict(const depth::LabelReport& report, const depth::Moves& moves, int64_t rolls) {
  Record dict;
  dict["rolls"] = rolls;
  dict["counts"] = report.counts;
  dict["labelled"] = report.labelled;
  dict["unlabelled"] = report.unlabelled;
  dict["largest_deviation"] = report.largest_deviation;
  dict["quality"] = report.quality;
  dict["outside_fitted"] = report.outside_fitted;
  dict["coinciding"] = report.coinciding;
  dict["invalid_rows"] = moves.invalid_rows;
  dict["out_of_range"] = moves.out_of_range;
  dict["invalid_windows"] = moves.invalid_windows;
  dict["no_base"] = moves.no_base;
  return dict;
}

arrow::Result<depth::LabelSpec> MakeLabelSpec(int64_t lookback, int64_t lookforward, int64_t offset,
                                              int nbins, const std::string& invalid, const std::string& ties,
                                              uint64_t seed, bool across_rolls) {
  depth::LabelSpec spec;
  spec.across_rolls = across_rolls;
  spec.lookback = lookback;
  spec.lookforward = lookforward;
  spec.offset = offset;
  spec.classes = nbins;
  spec.seed = seed;
  ARROW_ASSIGN_OR_RAISE(spec.invalid, depth::ParseInvalidRows(invalid));
  ARROW_ASSIGN_OR_RAISE(spec.ties, depth::ParseTies(ties));
  ARROW_RETURN_NOT_OK(depth::CheckSpec(spec));
  return spec;
}

std::string FitLabels(nb::object rows, int64_t lookback, int64_t lookforward, int64_t offset, int nbins,
                      const std::string& invalid, const std::string& ties, uint64_t seed, int64_t max_gap_ns,
                      bool across_rolls, const std::optional<std::vector<double>>& thresholds,
                      std::optional<int64_t> start_ns, std::optional<int64_t> end_ns,
                      const std::string& data_version) {
  const auto spec =
      Unwrap(MakeLabelSpec(lookback, lookforward, offset, nbins, invalid, ties, seed, across_rolls));
  if (thresholds) return depth::ToJson(Unwrap(depth::ThresholdLabels(*thresholds, spec)));
  auto reader = ImportStream(rows);
  return Unwrap(WithoutGil([&]() -> arrow::Result<std::string> {
    ARROW_ASSIGN_OR_RAISE(const auto quotes, ReadQuotes(*reader, max_gap_ns, across_rolls));
    ARROW_ASSIGN_OR_RAISE(const auto moves, depth::ComputeMoves(quotes.bid, quotes.ask, quotes.begins, spec));
    ARROW_ASSIGN_OR_RAISE(auto fitted, depth::FitLabelsInRange(moves.r, quotes.time, start_ns, end_ns, spec));
    fitted.data_version = data_version;
    return depth::ToJson(fitted);
  }));
}

std::tuple<nb::ndarray<nb::numpy, int64_t>, nb::ndarray<nb::numpy, double>, Record> ApplyLabels(
    nb::object rows, const std::string& json, int64_t max_gap_ns, std::optional<bool> across_rolls) {
  auto reader = ImportStream(rows);
  std::vector<int64_t> labels;
  depth::Moves moves;
  depth::LabelReport report;
  int64_t rolls = 0;
  Check(WithoutGil([&]() -> arrow::Status {
    ARROW_ASSIGN_OR_RAISE(const auto fitted, depth::FittedLabelsFromJson(json));
    const bool across = across_rolls.value_or(fitted.spec.across_rolls.value_or(false));
    ARROW_ASSIGN_OR_RAISE(const auto quotes, ReadQuotes(*reader, max_gap_ns, across));
    rolls = quotes.rolls;
    ARROW_ASSIGN_OR_RAISE(moves, depth::ComputeMoves(quotes.bid, quotes.ask, quotes.begins, fitted.spec));
    ARROW_ASSIGN_OR_RAISE(const auto narrow,
                          depth::ApplyLabels(moves.r, quotes.ts_event, quotes.sequence, fitted));
    report = depth::ReportLabels(moves.r, narrow, fitted);
    labels.assign(narrow.begin(), narrow.end());
    return arrow::Status::OK();
  }));
  Record dict = ToDict(report, moves, rolls);
  const size_t n = labels.size();
  return {ToNumpy(std::move(labels), {n}), ToNumpy(std::move(moves.r), {n}), std::move(dict)};
}

void BuildSamples(const std::string& book, const std::string& samples, const std::string& mode,
                  std::vector<std::string> symbols, std::string where,
                  const std::vector<std::string>& features, const std::optional<std::string>& micro_pip,
                  std::optional<std::string> definitions, int time_bins, int ticks_per_bin, int64_t hop,
                  int64_t max_gap_ns, bool across_rolls, int64_t lookback, int64_t lookforward,
                  int64_t offset, int nbins, const std::string& invalid, const std::string& ties,
                  uint64_t seed, std::optional<int64_t> fit_start_ns, std::optional<int64_t> fit_end_ns,
                  std::optional<std::vector<double>> thresholds, const std::optional<std::string>& fitted,
                  const std::string& labels_name, int64_t memory, nb::object progress, nb::object done) {
  StopFlag stop;
  ProgressReport reporter(std::move(progress), stop);
  jobs::BuildSamplesOptions options;
  options.book = book;
  options.samples = samples;
  options.mode = ToAppendMode(mode);
  options.symbols = std::move(symbols);
  options.where = std::move(where);
  options.tensor.features = Unwrap(depth::ParseFeatures(features));
  options.tensor.time_bins = time_bins;
  options.tensor.ticks_per_bin = ticks_per_bin;
  if (micro_pip) options.tensor.micro_pip = Unwrap(depth::ParseMicroPip(*micro_pip));
  options.definitions = std::move(definitions);
  options.hop = hop;
  options.max_gap_ns = max_gap_ns;
  options.across_rolls = across_rolls;
  options.labels =
      Unwrap(MakeLabelSpec(lookback, lookforward, offset, nbins, invalid, ties, seed, across_rolls));
  options.fit_start_ns = fit_start_ns;
  options.fit_end_ns = fit_end_ns;
  options.thresholds = std::move(thresholds);
  if (fitted) options.fitted = Unwrap(jobs::LabelsFromJson(*fitted));
  options.labels_name = labels_name;
  options.memory = memory;
  options.progress = reporter.callback();
  options.stop = &stop;
  auto ended =
      RunToEnd(stop, [&] { return jobs::BuildSamples(file::LocalFileSystem(), std::move(options)); });
  reporter.MoveTo(&ended);
  const auto told = [](const jobs::BuildSamplesReport& report) {
    return nb::make_tuple(jobs::ToJson(report), jobs::ToText(report));
  };
  Tell(done, std::move(ended), told, samples);
}

std::map<std::string, std::string> LoadLabels(const std::string& samples, const std::string& name) {
  std::map<std::string, std::string> result;
  for (const auto& [symbol, fitted] :
       Unwrap(jobs::LoadLabels(file::LocalFileSystem(), samples, name), samples)) {
    result[symbol] = depth::ToJson(fitted);
  }
  return result;
}

}  // namespace

void RegisterDepth(nb::module_& module) {
  module.def("depth_tensor", &Tensor, nb::arg("rows"), nb::arg("features"), nb::arg("micro_pip").none(),
             nb::arg("time_bins"), nb::arg("ticks_per_bin"), nb::arg("across_rolls"),
             "See marquet.depth.tensor.");
  nb::class_<Stream>(module, "TensorStream", "See marquet.depth.TensorStream.")
      .def(nb::init<nb::object, const std::vector<std::string>&, const std::optional<std::string>&, int, int,
                    bool>(),
           nb::arg("rows"), nb::arg("features"), nb::arg("micro_pip").none(), nb::arg("time_bins"),
           nb::arg("ticks_per_bin"), nb::arg("across_rolls"))
      .def("compute", &Stream::Compute, nb::arg("begin"), nb::arg("out").noconvert())
      .def_prop_ro("rows", &Stream::rows)
      .def_prop_ro("shape", &Stream::shape);
  module.def("labels_fit", &FitLabels, nb::arg("rows").none(), nb::arg("lookback"), nb::arg("lookforward"),
             nb::arg("offset"), nb::arg("nbins"), nb::arg("invalid"), nb::arg("ties"), nb::arg("seed"),
             nb::arg("max_gap_ns"), nb::arg("across_rolls"), nb::arg("thresholds").none(),
             nb::arg("start_ns").none(), nb::arg("end_ns").none(), nb::arg("data_version"),
             "Fitted labels as JSON.");
  module.def("labels_apply", &ApplyLabels, nb::arg("rows"), nb::arg("fitted"), nb::arg("max_gap_ns"),
             nb::arg("across_rolls").none(), "Labels (-1 for none), moves (NaN for none), and a report.");
  module.def("labels_load", &LoadLabels, nb::arg("samples"), nb::arg("name"),
             "The stored labels of a samples table, as JSON by symbol.");
  module.def("build_samples", &BuildSamples, nb::arg("book"), nb::arg("samples"), nb::arg("mode"),
             nb::arg("symbols"), nb::arg("where"), nb::arg("features"), nb::arg("micro_pip").none(),
             nb::arg("definitions").none(), nb::arg("time_bins"), nb::arg("ticks_per_bin"), nb::arg("hop"),
             nb::arg("max_gap_ns"), nb::arg("across_rolls"), nb::arg("lookback"), nb::arg("lookforward"),
             nb::arg("offset"), nb::arg("nbins"), nb::arg("invalid"), nb::arg("ties"), nb::arg("seed"),
             nb::arg("fit_start_ns").none(), nb::arg("fit_end_ns").none(), nb::arg("thresholds").none(),
             nb::arg("fitted").none(), nb::arg("labels_name"), nb::arg("memory"), nb::arg("progress").none(),
             nb::arg("done"), "Gives `done` the report of marquet.depth.build_samples, as JSON and as text.");
  module.def(
      "default_thresholds",
      [] {
        const auto thresholds = depth::DefaultThresholds();
        return std::vector<double>(thresholds.begin(), thresholds.end());
      },
      "Basis points; see marquet.depth.DEFAULT_THRESHOLDS.");
}

}  // namespace marquet::python
