// The rows of sessions: who owns which segments, and the order "most recent first".
//
// Threads  those of the connection; inside one transaction
// Source   schema/0005_session.sql
#pragma once

#include "engine/connection.hpp"
#include "engine/statement.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast::session {

// A row of the table `session` but for its name.
struct SessionRow {
  std::int64_t session_key = 0;
  std::int64_t created_at_us = 0;
  std::int64_t recency_us = 0;
  bool recency_given = false;
  std::uint64_t segment_count = 0;
};

// When something is created, and where its place among the most recent ones is: where `given_us` says,
// else before all others.
struct Creation {
  std::int64_t now_us = 0;
  std::optional<std::int64_t> given_us = std::nullopt;

  std::int64_t created_at_us() const { return given_us.value_or(now_us); }
  // `highest_us` is the recency of the most recent one so far. A clock that stands still or goes back
  // does not matter.
  std::int64_t recency_us(std::int64_t highest_us) const;
};

// For LIMIT.
std::int64_t sql_limit(std::size_t limit);

class SessionTable {
 public:
  explicit SessionTable(engine::Connection& db) : db_(db) {}

  std::optional<SessionRow> find(std::string_view name);
  // Makes room for one more segment: in the session of that name, or in a new one.
  SessionRow add_segment(std::string_view name, const Creation& creation);
  // The segment is gone; so is a session without segments, since nothing could be done with it.
  void drop_segment(std::string_view name);
  void remove(const SessionRow& session);

  // Names, most recent first: all, or those after one.
  std::vector<std::string> list(std::size_t limit);
  std::vector<std::string> list_after(const SessionRow& session, std::size_t limit);

 private:
  std::vector<std::string> checked_names(engine::Query row);
  void update(std::string_view name, const SessionRow& session);
  engine::Connection& db_;
};

}  // namespace holdfast::session
