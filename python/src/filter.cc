#include "filter.h"

#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <string>
#include <vector>

#include "errors.h"

namespace nb = nanobind;

namespace marquet::python {
namespace {

// UnicodeEncodeError, which is a ValueError, for text with half a surrogate pair.
std::string ToText(nb::handle text) {
  Py_ssize_t size = 0;
  const char* bytes = PyUnicode_AsUTF8AndSize(text.ptr(), &size);
  if (bytes == nullptr) throw nb::python_error();
  return std::string(bytes, static_cast<size_t>(size));
}

table::Literal ToLiteral(nb::handle value) {
  if (value.is_none()) return table::Null{};
  if (nb::isinstance<nb::bool_>(value)) return nb::cast<bool>(value);  // before int, which bool is, too
  if (nb::isinstance<nb::int_>(value)) return nb::cast<int64_t>(value);
  if (nb::isinstance<nb::float_>(value)) return nb::cast<double>(value);
  if (nb::isinstance<nb::str>(value)) return ToText(value);
  throw nb::type_error("a literal is None, bool, int, float or str");
}

table::Term ToTerm(nb::handle term) {
  table::Term result;
  result.column = ToText(term[0]);
  result.op = ToText(term[1]);
  for (nb::handle value : nb::cast<nb::list>(term[2])) result.values.push_back(ToLiteral(value));
  return result;
}

}  // namespace

table::Predicate ToPredicate(nb::handle filter) {
  if (filter.is_none()) return {};
  if (nb::isinstance<nb::str>(filter)) return Unwrap(table::Predicate::Parse(ToText(filter)));
  std::vector<std::vector<table::Term>> any_of;
  for (nb::handle all_of : nb::cast<nb::list>(filter)) {
    std::vector<table::Term> terms;
    for (nb::handle term : nb::cast<nb::list>(all_of)) terms.push_back(ToTerm(term));
    any_of.push_back(std::move(terms));
  }
  return Unwrap(table::Predicate::FromTerms(any_of));
}

}  // namespace marquet::python
