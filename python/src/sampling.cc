// Batches of depth tensors out of a samples' table.
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/unique_ptr.h>
#include <nanobind/stl/vector.h>

#include "bindings.h"
#include "errors.h"
#include "interrupt.h"
#include "marquet/file/file_system.h"
#include "marquet/sampling/depth_batches.h"
#include "marquet/sampling/sample_store.h"
#include "progress.h"

namespace nb = nanobind;

namespace marquet::python {
namespace {

// Python sees them as `_core.SampleStore` and `_core.DepthBatches`.
struct Store {
  std::shared_ptr<const sampling::SampleStore> store;
};

sampling::StoreOptions ToOptions(const std::string& samples, const std::string& book,
                                 std::vector<std::string> features, std::vector<std::string> symbols,
                                 bool unlabelled, int64_t memory) {
  sampling::StoreOptions options;
  options.samples = samples;
  options.book = book;
  options.features = std::move(features);
  options.symbols = std::move(symbols);
  options.unlabelled = unlabelled;
  options.memory = memory;
  return options;
}

void CheckStore(const std::string& samples, const std::string& book, std::vector<std::string> features,
                std::vector<std::string> symbols, bool unlabelled, int64_t memory) {
  const auto options = ToOptions(samples, book, std::move(features), std::move(symbols), unlabelled, memory);
  Check(WithoutGil([&] { return sampling::SampleStore::Check(file::LocalFileSystem(), options); }), samples);
}

Store Load(const std::string& samples, const std::string& book, std::vector<std::string> features,
           std::vector<std::string> symbols, bool unlabelled, int64_t memory, nb::object progress) {
  StopFlag stop;
  ProgressReport reporter(std::move(progress), stop);
  auto options = ToOptions(samples, book, std::move(features), std::move(symbols), unlabelled, memory);
  options.progress = reporter.callback();
  options.stop = &stop;
  auto result = Interruptible(
      stop, [&] { return sampling::SampleStore::Load(file::LocalFileSystem(), std::move(options)); });
  reporter.Rethrow();
  return {Unwrap(std::move(result), samples)};
}

class Batches {
 public:
  Batches(const Store& store, int64_t batch_size, bool shuffle, uint64_t seed, bool drop_last, int64_t shard,
          int64_t shards, int threads, int prefetch)
      : store_(store.store),
        batches_(Unwrap(sampling::DepthBatches::Make(
            store.store, {batch_size, shuffle, seed, drop_last, shard, shards, threads, prefetch}))) {}

  void Begin(uint64_t epoch, int64_t first_batch) {
    Check(WithoutGil([&] { return batches_->Begin(epoch, first_batch); }));
  }

  // (tensors, labels, sample numbers), or None. The arrays are views of one buffer, which goes back into use
  // when the last of them is gone.
  using Arrays = std::tuple<nb::ndarray<nb::numpy, float>, nb::ndarray<nb::numpy, int64_t>,
                            nb::ndarray<nb::numpy, int64_t>>;
  std::optional<Arrays> Next() {
    auto batch = Unwrap(WithoutGil([&] { return batches_->Next(); }));
    if (!batch) return std::nullopt;
    auto* kept = new std::shared_ptr<const sampling::Batch>(std::move(batch));
    nb::capsule owner(kept, [](void* pointer) noexcept {
      delete static_cast<std::shared_ptr<const sampling::Batch>*>(pointer);
    });
    // Nothing else reads the buffer while it is out, so the caller may write to it.
    auto& content = const_cast<sampling::Batch&>(**kept);
    const auto& spec = store_->spec();
    std::vector<size_t> shape = {static_cast<size_t>(content.size), depth::kPriceRows,
                                 static_cast<size_t>(spec.time_bins)};
    if (const int n = depth::CountFeatures(spec.features); n > 1) shape.insert(shape.begin() + 1, n);
    const size_t rows[] = {static_cast<size_t>(content.size)};
    return Arrays(nb::ndarray<nb::numpy, float>(content.tensors.data(), shape.size(), shape.data(), owner),
                  nb::ndarray<nb::numpy, int64_t>(content.labels.data(), 1, rows, owner),
                  nb::ndarray<nb::numpy, int64_t>(content.samples.data(), 1, rows, owner));
  }

  int64_t batches() const { return batches_->batches(); }
  int64_t samples() const { return batches_->samples(); }

 private:
  std::shared_ptr<const sampling::SampleStore> store_;
  std::unique_ptr<sampling::DepthBatches> batches_;
};

}  // namespace

void RegisterSampling(nb::module_& module) {
  nb::class_<Store>(module, "SampleStore",
                    "The bins of a samples table, in memory; see marquet.depth.DepthBatches.")
      .def_static("load", &Load, nb::arg("samples"), nb::arg("book"), nb::arg("features"), nb::arg("symbols"),
                  nb::arg("unlabelled"), nb::arg("memory"), nb::arg("progress").none())
      .def_static("check", &CheckStore, nb::arg("samples"), nb::arg("book"), nb::arg("features"),
                  nb::arg("symbols"), nb::arg("unlabelled"), nb::arg("memory"))
      .def("__len__", [](const Store& self) { return self.store->size(); })
      .def_prop_ro("bytes", [](const Store& self) { return self.store->bytes(); })
      .def_prop_ro("features",
                   [](const Store& self) { return depth::FeatureNames(self.store->spec().features); })
      .def(
          "sample_ids",
          [](const Store& self, const std::vector<int64_t>& samples) {
            std::vector<std::string> ids;
            for (const int64_t sample : samples) {
              if (sample < 0 || sample >= self.store->size()) throw nb::index_error("no such sample");
              ids.push_back(self.store->id(sample));
            }
            return ids;
          },
          nb::arg("samples"));
  nb::class_<Batches>(module, "DepthBatches", "See marquet.depth.DepthBatches.")
      .def(nb::init<const Store&, int64_t, bool, uint64_t, bool, int64_t, int64_t, int, int>(),
           nb::arg("store"), nb::arg("batch_size"), nb::arg("shuffle"), nb::arg("seed"), nb::arg("drop_last"),
           nb::arg("shard"), nb::arg("shards"), nb::arg("threads"), nb::arg("prefetch"))
      .def_static(
          "check",
          [](int64_t batch_size, int64_t shard, int64_t shards, int threads, int prefetch) {
            Check(sampling::DepthBatches::Check(
                {batch_size, true, 0, false, shard, shards, threads, prefetch}));
          },
          nb::arg("batch_size"), nb::arg("shard"), nb::arg("shards"), nb::arg("threads"), nb::arg("prefetch"))
      .def("begin", &Batches::Begin, nb::arg("epoch"), nb::arg("first_batch"))
      .def("next", &Batches::Next)
      .def_prop_ro("batches", &Batches::batches)
      .def_prop_ro("samples", &Batches::samples);
}

}  // namespace marquet::python
