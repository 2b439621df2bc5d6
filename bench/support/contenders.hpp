// What most questions put into their tables.
#pragma once

#include "holdfast/holdfast.hpp"
#include "support/question.hpp"
#include "support/store.hpp"

#include <functional>
#include <initializer_list>
#include <memory>
#include <string_view>

namespace bench {

// Each rival that was found; it lives as long as the program. What is missing is said. `leave_out` names
// those that the question has in another form.
void for_each_rival(Table& table,
                    const std::function<void(const Rival&)>& add,
                    std::initializer_list<std::string_view> leave_out = {});

// The same, each opened in its place.
void add_rivals(Table& table,
                const std::function<Body(const std::shared_ptr<Store>&)>& prepare,
                std::initializer_list<std::string_view> leave_out = {},
                bool sync = true);

// The bodies share the database with each other, and the last one closes it.
std::shared_ptr<holdfast::Database> open_holdfast(const Place& place,
                                                  const holdfast::OpenOptions& options);

}  // namespace bench
