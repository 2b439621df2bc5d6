// Rows that a connection has looked up by name, for as long as they cannot have changed unseen.
//
// Half of what a small call costs is the way from a name to a row. A room keeps a Remembered beside its
// statements; it forgets everything by itself when Connection::view() is another one: after a commit of
// another connection or process, after a rollback, also of one savepoint. What this connection itself does
// to such a row, the room tells: it sets the row, or forgets.
//
//   struct Statements {
//     explicit Statements(Connection& c) : find(c, "..."), known(c) {}
//     Statement find;
//     Remembered<Row> known;
//   };
//   if (Row* row = statements.known.find(name)) return *row;
//
// Threads  those of the connection
#pragma once

#include "engine/connection.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace holdfast::engine {

template <class Row>
class Remembered {
 public:
  explicit Remembered(const Connection& connection) : connection_(connection) {}

  // nullptr: it must be looked up. Valid until the next call.
  Row* find(std::string_view name) {
    if (!is_current()) return nullptr;
    const auto found = rows_.find(name);
    return found == rows_.end() ? nullptr : &found->second;
  }

  // As it was just read. Nothing is kept where connections are used without an engine.
  void remember(std::string_view name, const Row& row) {
    if (connection_.view() == Connection::kNoView) return;
    if (!is_current() || rows_.size() >= kMaxRows) rows_.clear();
    view_ = connection_.view();
    rows_.insert_or_assign(std::string(name), row);
  }

  // As it was just written, if it is remembered.
  void rewrite(std::string_view name, const Row& row) {
    if (Row* known = find(name)) *known = row;
  }

  void forget() { rows_.clear(); }

 private:
  // More owners than write at one time; a clear costs less than choosing.
  static constexpr std::size_t kMaxRows = 256;

  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view name) const {
      return std::hash<std::string_view>()(name);
    }
  };

  bool is_current() const { return view_ != Connection::kNoView && view_ == connection_.view(); }

  const Connection& connection_;
  std::uint64_t view_ = Connection::kNoView;
  std::unordered_map<std::string, Row, Hash, std::equal_to<>> rows_;
};

}  // namespace holdfast::engine
