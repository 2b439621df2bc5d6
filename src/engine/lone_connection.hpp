// A connection to a file that nobody else has open or knows of yet: a copy in the making. It goes through a
// Shim of its own, so that the pages that it writes are sealed like all others.
//
// Errors   as Connection
// Threads  one
#pragma once

#include "engine/connection.hpp"
#include "vfs/shim.hpp"

#include <cstdint>
#include <string>

namespace holdfast::engine {

class LoneConnection {
 public:
  LoneConnection(const std::string& path, std::uint64_t cache_bytes)
      : connection_({.path = path, .vfs = shim_.name(), .cache_bytes = cache_bytes}, Mode::write) {}

  Connection& operator*() { return connection_; }

 private:
  vfs::Shim shim_;
  Connection connection_;
};

}  // namespace holdfast::engine
