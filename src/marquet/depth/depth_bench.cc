// Depth tensors a second on one core, into reused buffers. Workloads:
//   TensorStream/<hop>/<features>   consecutive samples of 500 bins of 100 ticks, `hop` rows apart
//   ComputeTensor/<features>        one sample from its 50,000 rows
#include <benchmark/benchmark.h>

#include <memory>
#include <random>

#include "marquet/depth/tensor.h"

namespace marquet::depth {
namespace {

// A liquid future: ten levels a tick apart, sizes that change at one level a row, a mid price that walks.
struct Day {
  explicit Day(int64_t rows) : px(kLevels * 2), sz(kLevels * 2), ct(kLevels * 2) {
    std::mt19937_64 random(7);
    for (auto* side : {&px, &sz, &ct}) {
      for (auto& column : *side) column.resize(rows);
    }
    int64_t mid = 500'000;
    std::vector<int64_t> size(kLevels * 2, 50), count(kLevels * 2, 10);
    for (int64_t row = 0; row < rows; ++row) {
      const uint64_t bits = random();
      if (bits % 40 == 0) mid += bits % 80 == 0 ? 1 : -1;
      const auto level = static_cast<size_t>(bits >> 32) % size.size();
      size[level] = 1 + static_cast<int64_t>((bits >> 8) % 300);
      count[level] = 1 + static_cast<int64_t>((bits >> 20) % 40);
      for (int k = 0; k < kLevels; ++k) {
        px[k][row] = (mid + 1 + k) * 250'000;
        px[kLevels + k][row] = (mid - k) * 250'000;
      }
      for (size_t k = 0; k < size.size(); ++k) {
        sz[k][row] = size[k];
        ct[k][row] = count[k];
      }
    }
    view.rows = rows;
    for (int k = 0; k < kLevels; ++k) {
      view.ask_px[k] = px[k].data();
      view.bid_px[k] = px[kLevels + k].data();
      view.ask_sz[k] = sz[k].data();
      view.bid_sz[k] = sz[kLevels + k].data();
      view.ask_ct[k] = ct[k].data();
      view.bid_ct[k] = ct[kLevels + k].data();
    }
  }
  std::vector<std::vector<int64_t>> px, sz, ct;
  BookRows view;
};

const Day& OneDay() {
  static const Day day(1'000'000);
  return day;
}

void BM_TensorStream(benchmark::State& state) {
  const int64_t hop = state.range(0);
  const TensorSpec spec{.features = static_cast<unsigned>(state.range(1)), .micro_pip = 250'000};
  const Day& day = OneDay();
  auto stream = TensorStream::Make(day.view, spec).ValueOrDie();
  std::vector<float> out(spec.cells());
  int64_t begin = 0;
  for (auto _ : state) {
    if (!stream->Compute(begin, out.data()).ok()) state.SkipWithError("failed");
    benchmark::DoNotOptimize(out.data());
    begin += hop;
    if (begin + spec.rows() > day.view.rows) begin = 0;
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_TensorStream)
    ->Args({0, 1})
    ->Args({100, 1})
    ->Args({500, 1})
    ->Args({500, 7})
    ->Args({5000, 1})
    ->Args({50, 1});

void BM_ComputeTensor(benchmark::State& state) {
  const TensorSpec spec{.features = static_cast<unsigned>(state.range(0)), .micro_pip = 250'000};
  BookRows rows = OneDay().view;
  rows.rows = spec.rows();
  std::vector<float> out(spec.cells());
  for (auto _ : state) {
    if (!ComputeTensor(rows, spec, out.data()).ok()) state.SkipWithError("failed");
    benchmark::DoNotOptimize(out.data());
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_ComputeTensor)->Arg(1)->Arg(7);

}  // namespace
}  // namespace marquet::depth
