#include "arrow_exchange.h"

#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>

#include <string>

#include "arrow/c/abi.h"
#include "arrow/c/bridge.h"
#include "arrow/record_batch.h"
#include "bindings.h"
#include "errors.h"
#include "interrupt.h"

namespace nb = nanobind;

namespace marquet::python {
namespace {

// A capsule that owns a C structure of the interface, and releases what nobody took out of it.
template <typename Struct>
nb::object NewCapsule(std::unique_ptr<Struct> content, const char* name) {
  nb::object capsule = nb::steal(PyCapsule_New(content.get(), name, [](PyObject* self) {
    auto* held = static_cast<Struct*>(PyCapsule_GetPointer(self, PyCapsule_GetName(self)));
    if (held->release != nullptr) held->release(held);
    delete held;
  }));
  if (!capsule.is_valid()) throw nb::python_error();
  content.release();
  return capsule;
}

// The C structure inside the capsule that `object.method()` gives.
template <typename Struct>
std::pair<nb::object, Struct*> TakeCapsule(nb::handle object, const char* method, const char* name) {
  if (!nb::hasattr(object, method)) {
    throw nb::type_error((std::string("expected an object with ") + method + ", got " +
                          nb::cast<std::string>(nb::repr(object.type())))
                             .c_str());
  }
  nb::object capsule = object.attr(method)();
  auto* content = static_cast<Struct*>(PyCapsule_GetPointer(capsule.ptr(), name));
  if (content == nullptr) throw nb::python_error();
  return {std::move(capsule), content};
}

// A reader that keeps its stop flag and owner alive for as long as the consumer of the C stream needs it.
class OwningReader final : public arrow::RecordBatchReader {
 public:
  explicit OwningReader(ArrowStream stream) : stream_(std::move(stream)) {}
  std::shared_ptr<arrow::Schema> schema() const override { return stream_.reader->schema(); }
  arrow::Status ReadNext(std::shared_ptr<arrow::RecordBatch>* batch) override {
    return stream_.reader->ReadNext(batch);
  }
  arrow::Status Close() override { return stream_.reader->Close(); }

 private:
  ArrowStream stream_;
};

struct ArrowBatch {
  std::shared_ptr<arrow::RecordBatch> batch;
};

nb::object ExportSchema(const arrow::Schema& schema) {
  auto content = std::make_unique<::ArrowSchema>();
  Check(arrow::ExportSchema(schema, content.get()));
  return NewCapsule(std::move(content), "arrow_schema");
}

nb::object ExportStream(ArrowStream& stream) {
  if (stream.reader == nullptr) throw nb::value_error("this stream was already taken");
  auto content = std::make_unique<::ArrowArrayStream>();
  Check(arrow::ExportRecordBatchReader(std::make_shared<OwningReader>(std::move(stream)), content.get()));
  stream = {};
  return NewCapsule(std::move(content), "arrow_array_stream");
}

std::optional<ArrowBatch> Next(ArrowStream& stream) {
  if (stream.reader == nullptr) throw nb::value_error("this stream was already taken");
  std::shared_ptr<arrow::RecordBatch> batch;
  Check(Interruptible(*stream.stop, [&] { return stream.reader->ReadNext(&batch); }));
  if (batch == nullptr) return std::nullopt;
  return ArrowBatch{std::move(batch)};
}

nb::object ExportArray(const ArrowBatch& self) {
  auto schema = std::make_unique<::ArrowSchema>();
  auto array = std::make_unique<::ArrowArray>();
  Check(arrow::ExportRecordBatch(*self.batch, array.get(), schema.get()));
  return nb::make_tuple(NewCapsule(std::move(schema), "arrow_schema"),
                        NewCapsule(std::move(array), "arrow_array"));
}

}  // namespace

std::shared_ptr<arrow::RecordBatchReader> ImportStream(nb::handle object) {
  auto [capsule, content] =
      TakeCapsule<::ArrowArrayStream>(object, "__arrow_c_stream__", "arrow_array_stream");
  return Unwrap(WithoutGil([stream = content] { return arrow::ImportRecordBatchReader(stream); }));
}

std::shared_ptr<arrow::Schema> ImportSchema(nb::handle object) {
  auto [capsule, content] = TakeCapsule<::ArrowSchema>(object, "__arrow_c_schema__", "arrow_schema");
  return Unwrap(arrow::ImportSchema(content));
}

void RegisterArrow(nb::module_& module) {
  nb::class_<ArrowSchema>(module, "ArrowSchema", "A schema, by the Arrow PyCapsule protocol.")
      .def("__arrow_c_schema__", [](const ArrowSchema& self) { return ExportSchema(*self.schema); });

  nb::class_<ArrowBatch>(module, "ArrowBatch", "A record batch, by the Arrow PyCapsule protocol.")
      .def(
          "__arrow_c_array__", [](const ArrowBatch& self, nb::object) { return ExportArray(self); },
          nb::arg("requested_schema") = nb::none());

  nb::class_<ArrowStream>(module, "ArrowStream", "Record batches, to be read once.")
      .def(
          "__arrow_c_stream__", [](ArrowStream& self, nb::object) { return ExportStream(self); },
          nb::arg("requested_schema") = nb::none())
      .def("next", &Next, "The next batch, or None at the end.");
}

}  // namespace marquet::python
