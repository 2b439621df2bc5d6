#include "content/json.hpp"
#include "content/payload.hpp"
#include "content/row_digest.hpp"
#include "engine/arguments.hpp"
#include "engine/connection.hpp"
#include "engine/link.hpp"
#include "engine/statement.hpp"
#include "holdfast/error.hpp"
#include "holdfast/session.hpp"
#include "session/session_table.hpp"

#include <utility>

namespace holdfast {
namespace {

struct PodStatements {
  explicit PodStatements(engine::Connection& db)
      : find(db,
             "SELECT pod_key, name, updated_at_us, raw_bytes, payload, content_key, digest"
             " FROM pod WHERE name = ?1"),
        list(db, "SELECT name FROM pod ORDER BY name LIMIT ?1"),
        list_after(db, "SELECT name FROM pod WHERE name > ?1 ORDER BY name LIMIT ?2"),
        write(db,
              "INSERT INTO pod (name, updated_at_us, raw_bytes, payload, content_key, digest)"
              " VALUES (?1, ?2, ?3, ?4, ?5, ?6)"
              " ON CONFLICT (name) DO UPDATE SET updated_at_us = excluded.updated_at_us,"
              " raw_bytes = excluded.raw_bytes, payload = excluded.payload,"
              " content_key = excluded.content_key, digest = excluded.digest"),
        content_of(db, "SELECT content_key FROM pod WHERE name = ?1"),
        remove(db, "DELETE FROM pod WHERE name = ?1") {}
  engine::Statement find;
  engine::Statement list;
  engine::Statement list_after;
  engine::Statement write;
  engine::Statement content_of;
  engine::Statement remove;
};

// A name must be usable as the name of a folder, as exporters use it.
void check_pod_name(const IdRef& name) {
  engine::check_id("pod", name);
  const std::string_view text = name.text();
  if (text == "." || text == ".." || text.find('/') != std::string_view::npos) {
    throw Error(ErrorCode::invalid_argument,
                R"(a pod's name must not be "." or "..", or have a "/")");
  }
}

template <class PayloadSource, class... Column>
std::int64_t digest_of(std::string_view name,
                       std::int64_t updated_at_us,
                       const PayloadSource& payload,
                       Column... column) {
  return content::RowDigest().add(name).add(updated_at_us).add_payload(payload, column...).value();
}

std::optional<std::int64_t> content_of(PodStatements& statements, std::string_view name) {
  auto row = statements.content_of.run(name);
  return row.step() ? row.optional_integer(0) : std::nullopt;
}

}  // namespace

PodStore::PodStore(std::shared_ptr<const engine::Link> link) : link_(std::move(link)) {}

void PodStore::write(const IdRef& name, std::string_view metadata) {
  check_pod_name(name);
  link_->check_payload(metadata.size());
  if (!content::is_json(metadata)) {
    throw Error(ErrorCode::invalid_argument, "a pod's metadata must be one JSON value in UTF-8");
  }
  const std::int64_t now_us = link_->now_us();
  link_->write(
      [&](engine::Connection& db) {
        auto& statements = db.statements<PodStatements>();
        const auto old = content_of(statements, name.text());
        const auto payload = content::Payload::store(db, metadata, content::Form::json, old);
        content::remove(db, old);
        statements.write.execute(name.text(),
                                 now_us,
                                 payload.raw_bytes(),
                                 payload.value(),
                                 payload.content_key(),
                                 digest_of(name.text(), now_us, payload));
      },
      metadata.size());
}

std::optional<std::string> PodStore::read_by_name(const IdRef& name) const {
  check_pod_name(name);
  return link_->read([&](engine::Connection& db) -> std::optional<std::string> {
    auto row = db.statements<PodStatements>().find.run(name.text());
    if (!row.step()) return std::nullopt;
    if (digest_of(row.text(1), row.integer(2), row, 3) != row.integer(6)) {
      throw Error(ErrorCode::corrupt, "the row of a pod fails its digest", {.id = name.str()});
    }
    return std::string(as_text(content::load(db, row, 3)));
  });
}

std::vector<std::string> PodStore::list_names(const PodListOptions& options) const {
  return link_->read([&](engine::Connection& db) {
    auto& statements = db.statements<PodStatements>();
    const std::int64_t limit = session::sql_limit(options.limit);
    std::vector<std::string> names;
    auto row = options.after ? statements.list_after.run(*options.after, limit)
                             : statements.list.run(limit);
    while (row.step())
      names.push_back(row.string(0));
    return names;
  });
}

bool PodStore::remove_by_name(const IdRef& name) {
  check_pod_name(name);
  return link_->write([&](engine::Connection& db) {
    auto& statements = db.statements<PodStatements>();
    content::remove(db, content_of(statements, name.text()));
    return statements.remove.execute(name.text()) > 0;
  });
}

}  // namespace holdfast
