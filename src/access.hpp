// How the rooms above the stores (maintenance) reach the link of a Database, and how tests make a Database on a
// ground of their own.
#pragma once

#include "engine/link.hpp"
#include "engine/opening.hpp"
#include "holdfast/database.hpp"

namespace holdfast::engine {

class Access {
 public:
  static const Link& link(const Database& database) { return *database.link_; }
  static Database database(std::shared_ptr<Opening> opening) {
    return Database(std::move(opening));
  }
  static void free_removed(const Database& database) { database.free_removed(); }
};

}  // namespace holdfast::engine
