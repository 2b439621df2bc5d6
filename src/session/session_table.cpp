#include "session/session_table.hpp"

#include "content/row_digest.hpp"
#include "holdfast/error.hpp"
#include "holdfast/id.hpp"

#include <algorithm>
#include <limits>

namespace holdfast::session {
namespace {

struct SessionStatements {
  explicit SessionStatements(engine::Connection& db)
      : find(db,
             "SELECT session_key, name, created_at_us, recency_us, recency_given, segment_count,"
             " digest FROM session WHERE name = ?1"),
        list(db, "SELECT name FROM session ORDER BY recency_us DESC, session_key DESC LIMIT ?1"),
        list_after(db,
                   "SELECT name FROM session WHERE (recency_us, session_key) < (?1, ?2)"
                   " ORDER BY recency_us DESC, session_key DESC LIMIT ?3"),
        highest_recency(db, "SELECT ifnull(max(recency_us), 0) FROM session"),
        insert(db,
               "INSERT INTO session (name, created_at_us, recency_us, recency_given,"
               " segment_count, digest) VALUES (?1, ?2, ?3, ?4, ?5, ?6)"),
        update(db,
               "UPDATE session SET recency_us = ?2, segment_count = ?3, digest = ?4"
               " WHERE session_key = ?1"),
        remove(db, "DELETE FROM session WHERE session_key = ?1") {}
  engine::Statement find;
  engine::Statement list;
  engine::Statement list_after;
  engine::Statement highest_recency;
  engine::Statement insert;
  engine::Statement update;
  engine::Statement remove;
};

// The name stands for the key, which a row does not know before it is inserted.
std::int64_t digest_of(std::string_view name, const SessionRow& session) {
  return content::RowDigest()
      .add(name)
      .add(session.created_at_us)
      .add(session.recency_us)
      .add(std::int64_t{session.recency_given})
      .add(static_cast<std::int64_t>(session.segment_count))
      .value();
}

SessionRow read_row(const engine::Query& row) {
  const SessionRow session{.session_key = row.integer(0),
                           .created_at_us = row.integer(2),
                           .recency_us = row.integer(3),
                           .recency_given = row.integer(4) != 0,
                           .segment_count = row.bits(5)};
  if (digest_of(row.text(1), session) != row.integer(6)) {
    throw Error(ErrorCode::corrupt, "the row of a session fails its digest");
  }
  return session;
}

}  // namespace

std::int64_t sql_limit(std::size_t limit) {
  constexpr auto kMax = static_cast<std::size_t>(std::numeric_limits<std::int64_t>::max());
  return static_cast<std::int64_t>(std::min(limit, kMax));
}

std::int64_t Creation::recency_us(std::int64_t highest_us) const {
  if (given_us) return *given_us;
  const bool can_rise = highest_us < std::numeric_limits<std::int64_t>::max();
  return std::max(now_us, can_rise ? highest_us + 1 : highest_us);
}

std::optional<SessionRow> SessionTable::find(std::string_view name) {
  auto row = db_.statements<SessionStatements>().find.run(name);
  if (!row.step()) return std::nullopt;
  return read_row(row);
}

// Names as an index gives them; the rows are looked up one by one, so that each is checked.
std::vector<std::string> SessionTable::checked_names(engine::Query row) {
  std::vector<std::string> names;
  while (row.step()) {
    names.push_back(row.string(0));
    if (!find(names.back())) {
      throw Error(ErrorCode::corrupt, "a session cannot be found by its name");
    }
  }
  return names;
}

SessionRow SessionTable::add_segment(std::string_view name, const Creation& creation) {
  if (auto session = find(name)) {
    ++session->segment_count;
    if (session->recency_given && creation.given_us) {
      session->recency_us = std::min(session->recency_us, *creation.given_us);
    }
    update(name, *session);
    return *session;
  }
  auto& statements = db_.statements<SessionStatements>();
  SessionRow session{.created_at_us = creation.created_at_us(), .segment_count = 1};
  const auto id = creation.given_us ? Uuid::parse(name) : std::nullopt;
  if (const auto id_ms = id ? id->unix_ms() : std::nullopt) {
    session.recency_us = *id_ms * 1000;
  } else {
    auto row = statements.highest_recency.run();
    row.step();
    session.recency_us = creation.recency_us(row.integer(0));
    session.recency_given = creation.given_us.has_value();
  }
  statements.insert.execute(name,
                            session.created_at_us,
                            session.recency_us,
                            session.recency_given,
                            session.segment_count,
                            digest_of(name, session));
  session.session_key = db_.last_insert_rowid();
  return session;
}

void SessionTable::drop_segment(std::string_view name) {
  auto session = find(name);
  if (!session || session->segment_count == 0) {
    throw Error(ErrorCode::corrupt,
                "a segment belongs to a session that does not count it",
                {.id = std::string(name)});
  }
  if (--session->segment_count == 0) return remove(*session);
  update(name, *session);
}

void SessionTable::remove(const SessionRow& session) {
  db_.statements<SessionStatements>().remove.execute(session.session_key);
}

std::vector<std::string> SessionTable::list(std::size_t limit) {
  return checked_names(db_.statements<SessionStatements>().list.run(sql_limit(limit)));
}

std::vector<std::string> SessionTable::list_after(const SessionRow& session, std::size_t limit) {
  return checked_names(db_.statements<SessionStatements>().list_after.run(
      session.recency_us, session.session_key, sql_limit(limit)));
}

void SessionTable::update(std::string_view name, const SessionRow& session) {
  db_.statements<SessionStatements>().update.execute(
      session.session_key, session.recency_us, session.segment_count, digest_of(name, session));
}

}  // namespace holdfast::session
