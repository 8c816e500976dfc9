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

predicate::Literal ToLiteral(nb::handle value, nb::handle decimal) {
  if (value.is_none()) return predicate::Null{};
  if (nb::isinstance<nb::bool_>(value)) return nb::cast<bool>(value);  // before int, which bool is, too
  if (nb::isinstance<nb::int_>(value)) {
    int overflow = 0;
    const long long integer = PyLong_AsLongLongAndOverflow(value.ptr(), &overflow);
    if (overflow != 0) return predicate::Integer{ToText(nb::str(value))};
    return int64_t{integer};
  }
  if (nb::isinstance<nb::float_>(value)) return nb::cast<double>(value);
  if (nb::isinstance<nb::str>(value)) return ToText(value);
  if (nb::isinstance<nb::bytes>(value)) {
    const auto bytes = nb::borrow<nb::bytes>(value);
    return predicate::Bytes{std::string(static_cast<const char*>(bytes.data()), bytes.size())};
  }
  if (nb::isinstance(value, decimal)) return predicate::Decimal{ToText(nb::str(value))};
  throw nb::type_error("a literal is None, bool, int, float, str, bytes or Decimal");
}

predicate::Term ToTerm(nb::handle term, nb::handle decimal) {
  predicate::Term result;
  result.column = ToText(term[0]);
  result.op = ToText(term[1]);
  for (nb::handle value : nb::cast<nb::list>(term[2])) result.values.push_back(ToLiteral(value, decimal));
  return result;
}

}  // namespace

predicate::Predicate ToPredicate(nb::handle filter) {
  if (filter.is_none()) return {};
  if (nb::isinstance<nb::str>(filter)) return Unwrap(predicate::Predicate::Parse(ToText(filter)));
  const nb::object decimal = nb::module_::import_("decimal").attr("Decimal");
  std::vector<std::vector<predicate::Term>> any_of;
  for (nb::handle all_of : nb::cast<nb::list>(filter)) {
    std::vector<predicate::Term> terms;
    for (nb::handle term : nb::cast<nb::list>(all_of)) terms.push_back(ToTerm(term, decimal));
    any_of.push_back(std::move(terms));
  }
  return Unwrap(predicate::Predicate::FromTerms(any_of));
}

}  // namespace marquet::python
