#include "support/contenders.hpp"

#include <algorithm>

namespace bench {

void for_each_rival(Table& table,
                    const std::function<void(const Rival&)>& add,
                    std::initializer_list<std::string_view> leave_out) {
  for (const Rival& rival : rivals()) {
    if (std::find(leave_out.begin(), leave_out.end(), rival.name) != leave_out.end()) continue;
    if (rival.open) {
      add(rival);
    } else {
      table.missing(rival.name, rival.missing + " was not found when the bench was configured");
    }
  }
}

void add_rivals(Table& table,
                const std::function<Body(const std::shared_ptr<Store>&)>& prepare,
                std::initializer_list<std::string_view> leave_out,
                bool sync) {
  const auto add = [&](const Rival& rival) {
    table.contender(rival.name, [&rival, prepare, sync](const Place& place) {
      return prepare(rival.open({place.folder, sync}));
    });
  };
  for_each_rival(table, add, leave_out);
}

std::shared_ptr<holdfast::Database> open_holdfast(const Place& place,
                                                  const holdfast::OpenOptions& options) {
  return std::make_shared<holdfast::Database>(
      holdfast::Database::open(place.file("holdfast.db"), options));
}

}  // namespace bench
