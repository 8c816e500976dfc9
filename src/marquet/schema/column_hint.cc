#include "marquet/schema/column_hint.h"

#include "arrow/type.h"
#include "marquet/base/text.h"

namespace marquet::schema {

std::string ColumnHint(const std::string& name, const arrow::Schema& schema) {
  constexpr size_t kMostShown = 12;
  const std::vector<std::string> names = schema.field_names();
  std::string hint = DidYouMean(name, names);
  if (!hint.empty()) return hint;
  hint = "the columns are ";
  for (size_t i = 0; i < names.size() && i < kMostShown; ++i) hint += (i == 0 ? "" : ", ") + names[i];
  return hint + (names.size() > kMostShown ? ", ..." : "");
}

}  // namespace marquet::schema
